//! Lines that were left out because a row has the same line.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;

use crate::ledger::{Census, Done};
use crate::parse::Fingerprint;
use crate::pipeline::Twins;
use crate::units::Day;

use super::super::JobError;
use super::super::lines::history;
use super::super::source::Destination;
use super::{Check, Problem};

/// What must be found among the lines of the rows: every line of the objects of which some were left
/// out.
pub(super) struct LeftOut {
    pub(super) lines: Twins,
    /// Tables and days whose fingerprints are not all there.
    torn: BTreeSet<(String, Day)>,
    folder: TempDir,
}

impl LeftOut {
    /// None where nothing was left out.
    pub(super) fn of(ledger: &Census) -> Result<Option<Self>, JobError> {
        if ledger.lines().values().all(|lines| lines.duplicates == 0) {
            return Ok(None);
        }
        let folder = tempfile::tempdir().map_err(|error| JobError::Temporary {
            folder: std::env::temp_dir().display().to_string(),
            cause: error.to_string(),
        })?;
        Ok(Some(Self {
            lines: Twins::new(folder.path()),
            torn: BTreeSet::new(),
            folder,
        }))
    }
}

impl Check<'_> {
    /// Every file of line fingerprints is there with its size.
    pub(super) fn lines(&mut self, there: &BTreeMap<String, u64>) {
        for lines in self.ledger.lines().values() {
            self.verified.duplicates += lines.duplicates;
            let path = lines.path.clone();
            let recorded = lines.rows * Fingerprint::BYTES as u64;
            let problem = match there.get(&path) {
                None => Problem::Missing { path },
                Some(found) if *found != recorded => Problem::Differs {
                    path,
                    what: "bytes",
                    recorded,
                    found: *found,
                },
                Some(_) => continue,
            };
            self.verified.problems.push(problem);
            let day = (lines.table.clone(), lines.day);
            if let Some(left_out) = &mut self.left_out {
                left_out.torn.insert(day);
            }
        }
    }

    /// Every line of an object of which lines were left out is that of a row: its own, or the one that
    /// came first.
    pub(super) async fn twins(&mut self, destination: &Destination) -> Result<(), JobError> {
        let Some(left_out) = self.left_out.take() else {
            return Ok(());
        };
        let history = history(
            destination,
            self.ledger.lines(),
            left_out.folder.path(),
            None,
        );
        let unknown = left_out.lines.unknown_to(&history, &left_out.torn).await?;
        for ((table, day), lines) in unknown {
            let damaged = history.unusable(table, day);
            let problems = &mut self.verified.problems;
            if damaged.is_empty() {
                let table = table.to_owned();
                problems.push(Problem::Alone { table, day, lines });
            }
            let path = |key: &String| key[destination.base.len()..].to_owned();
            problems.extend(damaged.iter().map(|key| Problem::Damaged {
                path: path(key),
                error: "its bytes are not those that its name tells".to_owned(),
            }));
        }
        Ok(())
    }

    /// What was left out of the objects is what was left out of the days, table by table.
    pub(super) fn duplicate_sums(&mut self) {
        let left_out = self.ledger.sum(|done| done.duplicates).into_iter();
        let mut tables: BTreeMap<&str, (u64, u64)> =
            left_out.map(|(table, lines)| (table, (lines, 0))).collect();
        for lines in self.ledger.lines().values() {
            tables.entry(&lines.table).or_default().1 += lines.duplicates;
        }
        for (table, (objects, days)) in tables {
            if objects != days {
                self.verified.problems.push(Problem::Duplicates {
                    table: table.to_owned(),
                    objects,
                    days,
                });
            }
        }
    }
}

/// Counts so many of an object's rows as left out, as they were when it was read first.
pub(super) fn leave_out(found: &mut Done, duplicates: u64) {
    // Where more was left out than there are rows now, the counts differ all the same.
    found.duplicates = duplicates.min(found.rows);
    found.rows -= found.duplicates;
}
