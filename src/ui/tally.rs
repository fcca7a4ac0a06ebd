//! What events add up to while work goes on.

use crate::event::Event;
use crate::units::ByteSize;

use super::tables::{count, number};

/// Counts of a run so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    listed: u64,
    planned: u64,
    fetched: u64,
    stored: u64,
    parsed: u64,
    bytes: u64,
    rows: u64,
    rejects: u64,
    files: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Takes note of an event.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Listed { objects, .. } => self.listed = *objects,
            Event::Planned { objects, .. } => self.planned = *objects,
            Event::Fetched { bytes, .. } => {
                self.fetched += 1;
                self.bytes += bytes;
            }
            Event::Stored { bytes, .. } => {
                self.stored += 1;
                // What was fetched first and then stored is the same work.
                if self.fetched == 0 {
                    self.bytes += bytes;
                }
            }
            Event::Parsed { rows, rejects, .. } => {
                self.parsed += 1;
                self.rows += rows;
                self.rejects += rejects;
            }
            Event::Written { .. } => self.files += 1,
            Event::Failed { .. } => self.failed += 1,
            Event::Skipped { .. } => self.skipped += 1,
            Event::Committed { .. } | Event::Replaced { .. } | Event::Warned { .. } => {}
        }
    }

    /// Objects done and to do; `None` while nothing is planned.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        (self.planned > 0).then(|| (self.done().min(self.planned), self.planned))
    }

    /// Jobs tell of different steps; the first one that they tell of is the farthest.
    fn done(&self) -> u64 {
        self.fetched.max(self.stored).max(self.parsed)
    }

    /// The state of things in one line.
    pub(super) fn text(&self) -> String {
        let done = self.done();
        let mut parts = vec![match self.progress() {
            Some((done, all)) => format!("{} of {}", number(done), count(all, "object")),
            None if done > 0 => count(done, "object"),
            None => format!("listed {}", count(self.listed, "object")),
        }];
        if self.bytes > 0 {
            parts.push(ByteSize(self.bytes).to_string());
        }
        let more = [
            (self.rows, "row"),
            (self.files, "file"),
            (self.rejects, "reject"),
        ];
        for (value, noun) in more {
            if value > 0 {
                parts.push(count(value, noun));
            }
        }
        for (value, word) in [(self.failed, "failed"), (self.skipped, "skipped")] {
            if value > 0 {
                parts.push(format!("{} {word}", number(value)));
            }
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_add_up() {
        let mut tally = Tally::default();
        tally.take(&Event::Listed {
            objects: 3000,
            bytes: 9,
        });
        assert_eq!(tally.text(), "listed 3,000 objects");
        assert_eq!(tally.progress(), None);
        let key = || "k".to_owned();
        tally.take(&Event::Planned {
            objects: 2000,
            bytes: 9,
        });
        tally.take(&Event::Fetched {
            key: key(),
            bytes: 2048,
        });
        tally.take(&Event::Parsed {
            key: key(),
            table: "t",
            lines: 4,
            rows: 3,
            rejects: 1,
        });
        tally.take(&Event::Failed {
            key: key(),
            step: "fetch".to_owned(),
            error: "e".to_owned(),
        });
        assert_eq!(
            tally.text(),
            "1 of 2,000 objects, 2.0 KiB, 3 rows, 1 reject, 1 failed"
        );
        assert_eq!(tally.progress(), Some((1, 2000)));
    }
}
