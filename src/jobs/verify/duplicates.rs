//! Lines that were left out because a row has the same line.

use std::collections::BTreeMap;

use crate::ledger::{Done, KeyState};
use crate::parse::Fingerprint;

use super::{Check, Problem};

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
        }
    }

    /// What was left out of the objects is what was left out of the days, table by table.
    pub(super) fn duplicate_sums(&mut self) {
        let mut tables: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (_, entry) in self.ledger.entries() {
            if let KeyState::Committed(done) = &entry.state {
                tables.entry(&done.table).or_default().0 += done.duplicates;
            }
        }
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
