//! Objects read again, and their lines counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Event;
use crate::formats;
use crate::ledger::Done;
use crate::parse::Fingerprint;
use crate::pipeline::{Found, Reading, Render, Rows, Verdict, read_objects};
use crate::store::ObjectMeta;
use crate::table::split_by_day;
use crate::units::Day;

use super::super::JobError;
use super::duplicates::leave_out;
use super::{Check, Problem, Rereads};

/// Rows of one table by day.
struct Days {
    table: &'static str,
    rows: BTreeMap<Day, u64>,
    /// Where lines were left out: what is to have a row with the same line.
    prints: BTreeMap<Day, Vec<Fingerprint>>,
}

impl Check<'_> {
    /// Reads objects again, those of one table at a time, and compares what they give.
    pub(super) async fn reread(&mut self, rereads: Rereads) -> Result<(), JobError> {
        for ((table, partial, left_out), objects) in rereads {
            let mut reading: Reading = self.options.work.reading(self.source);
            reading.rules.format = formats::find(&table);
            reading.rules.keep_partial = partial;
            reading.rules.fingerprints = left_out;
            let cancel = self.cancel;
            let take = |found| self.take(found);
            read_objects(&reading, objects, &by_day(), take, cancel).await?;
        }
        Ok(())
    }

    fn take(&mut self, found: Found<Days>) -> Result<(), JobError> {
        match found {
            Found::Rows(days) => {
                for (day, rows) in days.rows {
                    *self.days.entry((days.table, day)).or_default() += rows;
                }
                if let Some(left_out) = &mut self.left_out {
                    for (day, prints) in days.prints {
                        left_out.lines.add((days.table, day), &prints)?;
                    }
                }
            }
            Found::Rejected(_) => {}
            Found::Settled(object, verdict) => self.compare(object, verdict),
        }
        Ok(())
    }

    fn compare(&mut self, object: ObjectMeta, verdict: Verdict) {
        let key = object.key;
        let error = match verdict {
            Verdict::Done {
                format,
                counts,
                partial,
            } => {
                self.verified.recounted += 1;
                self.verified.lines += counts.lines;
                self.observer.on(&Event::Parsed {
                    key: key.clone(),
                    table: format.table,
                    lines: counts.lines,
                    rows: counts.rows,
                    rejects: counts.rejects,
                });
                let found = Done {
                    table: format.table.to_owned(),
                    lines: counts.lines,
                    rows: counts.rows,
                    duplicates: 0,
                    rejects: counts.rejects,
                    comments: counts.comments,
                    partial,
                };
                return self.same(key, found);
            }
            Verdict::Failed(failure) => format!("{}: {}", failure.step, failure.error),
            Verdict::Skipped(why) => why,
            Verdict::Unwanted => "it is of another format now".to_owned(),
        };
        self.verified
            .problems
            .push(Problem::Unreadable { key, error });
    }

    fn same(&mut self, key: String, mut found: Done) {
        let Some(recorded) = self.ledger.recorded(self.source.id(&key)) else {
            return;
        };
        let recorded = recorded.done;
        leave_out(&mut found, recorded.duplicates);
        let adds_up = found.lines == found.rows + found.duplicates + found.rejects + found.comments;
        if recorded != found || !adds_up {
            self.verified.problems.push(Problem::Recount {
                key,
                recorded,
                found,
            });
        }
    }
}

fn by_day() -> Render<Days> {
    Arc::new(|rows: Rows| {
        let mut days = Days {
            table: rows.format.table,
            rows: BTreeMap::new(),
            prints: BTreeMap::new(),
        };
        for (day, piece) in split_by_day(rows.batch.records) {
            days.rows.insert(day, piece.len() as u64);
            if let Some(prints) = &rows.batch.prints {
                let prints = match &piece.rows {
                    None => prints.rows.clone(),
                    Some(rows) => rows.iter().map(|row| prints.rows[*row as usize]).collect(),
                };
                days.prints.insert(day, prints);
            }
        }
        days
    })
}
