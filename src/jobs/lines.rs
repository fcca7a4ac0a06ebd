//! The files of line fingerprints that a ledger names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::ledger::Lines;
use crate::parse::Fingerprint;
use crate::pipeline::{History, KnownLines};
use crate::units::Day;

use super::source::Destination;

/// The files that are known now. Copies go to `folder`; some are taken over from `before`.
pub(super) fn history(
    destination: &Destination,
    known: &BTreeMap<String, Lines>,
    folder: &Path,
    before: Option<&History>,
) -> History {
    let mut files: BTreeMap<(String, Day), BTreeSet<KnownLines>> = BTreeMap::new();
    for lines in known.values() {
        let day = files.entry((lines.table.clone(), lines.day)).or_default();
        day.insert(KnownLines {
            key: destination.key(&lines.path),
            bytes: lines.rows * Fingerprint::BYTES as u64,
            hash: hash_in(&lines.path).to_owned(),
        });
    }
    History::new(Arc::clone(&destination.store), folder, files, before)
}

/// The hash in the name of a file: `<batch>-<hash8>.fp`.
fn hash_in(path: &str) -> &str {
    let name = path.rsplit('-').next().unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::path::lines_file;

    #[test]
    fn a_path_tells_its_hash() {
        let day = "2026-03-01".parse().expect("a day");
        let path = lines_file("s3_access", day, "b0b0", "0123456789abcdef");
        assert_eq!(hash_in(&path), "01234567");
    }
}
