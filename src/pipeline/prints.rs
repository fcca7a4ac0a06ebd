//! Files of line fingerprints: sorted, each once, 16 bytes each, nothing else.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::parse::Fingerprint;

/// Bytes read or written at a time.
const BUFFER: usize = 64 << 10;

/// A file of fingerprints that goes away with the value.
#[derive(Debug)]
pub(super) struct PrintsFile {
    pub(super) path: TempPath,
    /// Fingerprints in it.
    pub(super) len: u64,
}

/// Reads a file of fingerprints from the start.
struct Reader {
    file: BufReader<File>,
}

impl Reader {
    fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::with_capacity(BUFFER, File::open(path)?);
        Ok(Self { file })
    }

    fn next(&mut self) -> io::Result<Option<Fingerprint>> {
        if self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut print = [0; Fingerprint::BYTES];
        self.file.read_exact(&mut print)?;
        Ok(Some(Fingerprint(print)))
    }
}

/// Calls `found` with the position of each of the sorted `prints` that is in the file.
pub(super) fn each_known<T>(
    path: &Path,
    prints: &[T],
    print_of: impl Fn(&T) -> Fingerprint,
    mut found: impl FnMut(usize),
) -> io::Result<()> {
    let mut reader = Reader::open(path)?;
    let mut known = reader.next()?;
    for (at, print) in prints.iter().enumerate() {
        let print = print_of(print);
        while known.is_some_and(|known| known < print) {
            known = reader.next()?;
        }
        match known {
            None => break,
            Some(known) if known == print => found(at),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether two files have a fingerprint in common.
pub(super) fn have_common(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut ours, mut theirs) = (Reader::open(one)?, Reader::open(other)?);
    let (mut a, mut b) = (ours.next()?, theirs.next()?);
    while let (Some(mine), Some(other)) = (a, b) {
        match mine.cmp(&other) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => a = ours.next()?,
            std::cmp::Ordering::Greater => b = theirs.next()?,
        }
    }
    Ok(false)
}

/// Writes what the file `old` holds and the sorted `new` to a new file in `folder`.
pub(super) fn merged(
    old: Option<&Path>,
    new: impl Iterator<Item = Fingerprint>,
    folder: &Path,
) -> io::Result<PrintsFile> {
    let (file, path) = NamedTempFile::new_in(folder)?.into_parts();
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut len = 0;
    let mut write = |print: Fingerprint| {
        len += 1;
        out.write_all(&print.0)
    };
    let mut old = old.map(Reader::open).transpose()?;
    let mut next = || old.as_mut().map_or(Ok(None), Reader::next);
    let mut known = next()?;
    for print in new {
        while let Some(earlier) = known.filter(|known| *known < print) {
            write(earlier)?;
            known = next()?;
        }
        write(print)?;
    }
    while let Some(later) = known {
        write(later)?;
        known = next()?;
    }
    out.flush()?;
    Ok(PrintsFile { path, len })
}

/// Writes what the file `one` holds and `other` does not to a new file in `folder`.
pub(super) fn minus(one: &Path, other: &Path, folder: &Path) -> io::Result<PrintsFile> {
    let (mut ours, mut theirs) = (Reader::open(one)?, Reader::open(other)?);
    let mut known = theirs.next()?;
    let mut failed = None;
    let mut next = || -> io::Result<Option<Fingerprint>> {
        while let Some(print) = ours.next()? {
            while known.is_some_and(|known| known < print) {
                known = theirs.next()?;
            }
            if known != Some(print) {
                return Ok(Some(print));
            }
        }
        Ok(None)
    };
    let rest = std::iter::from_fn(|| {
        next().unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    let rest = merged(None, rest, folder)?;
    failed.map_or(Ok(rest), Err)
}

/// Puts the fingerprints of two files together that have none in common.
pub(super) fn joined(one: &Path, other: &Path, folder: &Path) -> io::Result<PrintsFile> {
    let mut other = Reader::open(other)?;
    let mut failed = None;
    let new = std::iter::from_fn(|| {
        other.next().unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    let joined = merged(Some(one), new, folder)?;
    failed.map_or(Ok(joined), Err)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    use super::*;

    fn print(number: u16) -> Fingerprint {
        let mut print = Fingerprint([0; Fingerprint::BYTES]);
        print.0[..2].copy_from_slice(&number.to_be_bytes());
        print
    }

    fn file(numbers: &BTreeSet<u16>, folder: &Path) -> PrintsFile {
        merged(None, numbers.iter().copied().map(print), folder).expect("a file")
    }

    proptest! {
        #[test]
        fn files_are_sets(one: BTreeSet<u16>, other: BTreeSet<u16>, shared: BTreeSet<u16>) {
            let folder = tempfile::tempdir().expect("a folder");
            let (one, other): (BTreeSet<u16>, BTreeSet<u16>) = (
                one.union(&shared).copied().collect(),
                other.union(&shared).copied().collect(),
            );
            let (first, second) = (file(&one, folder.path()), file(&other, folder.path()));
            let common = have_common(&first.path, &second.path).expect("two files");
            prop_assert_eq!(common, one.intersection(&other).next().is_some());

            let candidates: Vec<u16> = other.iter().copied().collect();
            let mut known = Vec::new();
            each_known(&first.path, &candidates, |n| print(*n), |at| known.push(candidates[at]))
                .expect("a file");
            let expected: Vec<u16> = one.intersection(&other).copied().collect();
            prop_assert_eq!(known, expected);

            let fresh: BTreeSet<u16> = other.difference(&one).copied().collect();
            let all: BTreeSet<u16> = one.union(&fresh).copied().collect();
            let rest = minus(&second.path, &first.path, folder.path()).expect("a file");
            let second = file(&fresh, folder.path());
            prop_assert_eq!(std::fs::read(&rest.path).expect("it"), std::fs::read(&second.path).expect("it"));
            let both = joined(&first.path, &second.path, folder.path()).expect("a file");
            prop_assert_eq!(both.len, all.len() as u64);
            let expected = file(&all, folder.path());
            prop_assert_eq!(std::fs::read(&both.path).expect("it"), std::fs::read(&expected.path).expect("it"));
        }
    }
}
