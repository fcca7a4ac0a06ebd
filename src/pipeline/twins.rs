//! Lines that must be among those that are known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cpu;
use crate::parse::Fingerprint;
use crate::units::Day;

use super::WorkError;
use super::history::History;
use super::prints::{PrintsFile, joined, merged, minus};

/// Fingerprints held before they are written to the disk: 16 MiB.
const HELD: usize = 1 << 20;

/// Collects lines by table and day, and tells which of them are not known.
///
/// Bound: 16 MiB of memory, and 16 bytes for each distinct line on the local disk.
#[derive(Debug)]
pub struct Twins {
    folder: PathBuf,
    held: BTreeMap<(&'static str, Day), Vec<Fingerprint>>,
    len: usize,
    files: BTreeMap<(&'static str, Day), PrintsFile>,
}

impl Twins {
    /// None yet; temporary files go to `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            held: BTreeMap::new(),
            len: 0,
            files: BTreeMap::new(),
        }
    }

    /// Takes lines of a table and day.
    ///
    /// # Errors
    /// What the local disk reports.
    pub fn add(
        &mut self,
        (table, day): (&'static str, Day),
        prints: &[Fingerprint],
    ) -> Result<(), WorkError> {
        self.len += prints.len();
        self.held.entry((table, day)).or_default().extend(prints);
        if self.len >= HELD {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), WorkError> {
        self.len = 0;
        for (key, mut prints) in std::mem::take(&mut self.held) {
            prints.sort_unstable();
            prints.dedup();
            let io = |error| WorkError::temporary(&self.folder, &error);
            let new = merged(None, prints.into_iter(), &self.folder).map_err(io)?;
            let file = match self.files.remove(&key) {
                None => new,
                Some(old) => {
                    // What is in both would be in it twice.
                    let fresh = minus(&new.path, &old.path, &self.folder).map_err(io)?;
                    joined(&old.path, &fresh.path, &self.folder).map_err(io)?
                }
            };
            self.files.insert(key, file);
        }
        Ok(())
    }

    /// How many distinct lines of each table and day the history does not know, where there are any.
    /// Nothing is told of those that are `left`.
    ///
    /// # Errors
    /// What the store reports, or the local disk.
    pub async fn unknown_to(
        mut self,
        history: &History,
        left: &BTreeSet<(String, Day)>,
    ) -> Result<BTreeMap<(&'static str, Day), u64>, WorkError> {
        self.write_out()?;
        let mut unknown = BTreeMap::new();
        for ((table, day), mut rest) in std::mem::take(&mut self.files) {
            if left.contains(&(table.to_owned(), day)) {
                continue;
            }
            for copy in history.copies_of(table, day).await? {
                let folder = self.folder.clone();
                let less = cpu::run(move || minus(&rest.path, &copy, &folder)).await;
                rest = less.map_err(|error| WorkError::temporary(&self.folder, &error))?;
            }
            if rest.len > 0 {
                unknown.insert((table, day), rest.len);
            }
        }
        Ok(unknown)
    }
}
