//! `--dedupe`: which lines are known, and whether they still were the same when a batch is committed.
//!
//! What a batch leaves out depends on the commits before it. So a batch that loses a number looks
//! at what the newer commits made known: as long as none of it is among its own rows, its files are
//! what they would be if it were encoded anew, and it goes for the next number. Otherwise it is
//! encoded anew under the same name; its former files are removed when it is committed.

use std::sync::Arc;

use crate::event::Event;
use crate::pipeline::History;
use crate::units::Day;

use super::super::JobError;
use super::super::lines::history;
use super::super::publish::Ready;
use super::Sync;

/// Days that a warning names.
const NAMED: usize = 8;

impl Sync<'_> {
    /// Makes what the ledger knows now the ground on which the next batch is encoded.
    pub(super) fn look_back(&mut self) {
        if self.dedupe {
            self.work.history = Some(Arc::new(self.history()));
        }
    }

    fn history(&self) -> History {
        let before = self.work.history.as_deref();
        let lines = self.ledger.lines();
        history(self.destination, lines, &self.work.folder, before)
    }

    /// Whether commits that came after the batch was encoded made lines known that are rows of it.
    pub(super) async fn is_overtaken(&mut self, files: &Ready) -> Result<bool, JobError> {
        let Some(before) = self.work.history.clone() else {
            return Ok(false);
        };
        let now = self.history();
        for (lines, file) in files.lines() {
            let day = (lines.table.as_str(), lines.day);
            if now.adds_any_of(file, day, &before).await? {
                return Ok(true);
            }
        }
        self.work.history = Some(Arc::new(now));
        Ok(false)
    }

    /// Says once for each day of the batch which of its rows cannot be compared.
    pub(super) fn warn_of_gaps(&mut self, files: &Ready) {
        let Some(history) = self.work.history.clone() else {
            return;
        };
        let mut uncovered = Vec::new();
        for (lines, _) in files.lines() {
            if !self.told.insert((lines.table.clone(), lines.day)) {
                continue;
            }
            for key in history.unusable(&lines.table, lines.day) {
                let message = format!(
                    "the line fingerprints {key} are missing or damaged; duplicates of their rows are not found, and stay once they are rows (`s3logs verify --repair SRC DEST` before the next run makes the file again)"
                );
                self.observer.on(&Event::Warned { message });
            }
            if self.rows_without_lines(&lines.table, lines.day) > 0 {
                uncovered.push(format!("{} {}", lines.table, lines.day));
            }
        }
        if !uncovered.is_empty() {
            let message = format!(
                "some rows of {} were added without --dedupe; duplicates of these are not found",
                named(&uncovered)
            );
            self.observer.on(&Event::Warned { message });
        }
    }

    /// Rows of a day whose lines no commit keeps.
    fn rows_without_lines(&self, table: &str, day: Day) -> u64 {
        let table_of_day = self.ledger.tally().tables.get(table);
        let files = table_of_day.and_then(|table| table.days.get(&day));
        let rows = files.map_or(0, |files| files.rows);
        let lines = self.ledger.lines().values();
        let lines = lines.filter(|lines| lines.table == table && lines.day == day);
        rows.saturating_sub(lines.map(|lines| lines.rows).sum())
    }
}

/// The first of a list, and how many more there are.
fn named(days: &[String]) -> String {
    let first = days[..days.len().min(NAMED)].join(", ");
    match days.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_days_are_counted() {
        let days: Vec<String> = (1..=10).map(|day| format!("t {day}")).collect();
        assert_eq!(named(&days[..2]), "t 1, t 2");
        assert!(named(&days).ends_with("t 8 and 2 more days"));
    }
}
