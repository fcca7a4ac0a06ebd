//! The files of line fingerprints that a ledger names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::ledger::Lines;
use crate::parse::Fingerprint;
use crate::pipeline::{History, KnownLines};
use crate::table::path::hash_in;
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
            hash: hash_in(&lines.path).unwrap_or_default().to_owned(),
        });
    }
    History::new(Arc::clone(&destination.store), folder, files, before)
}
