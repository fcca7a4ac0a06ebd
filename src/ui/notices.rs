//! What is said about single objects while work goes on.

use crate::event::Event;
use crate::store::ErrorKind;
use crate::units::ByteSize;

use super::failure::hints;
use super::tables::{count, number, one_line};

/// Failures, skips and rejects that are told one by one, of each kind.
const IN_FULL: u64 = 20;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loudness {
    /// Failures only.
    Quiet,
    /// Failures, skips, rejects and warnings, the first of each.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// Turns events into lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    loudness: Loudness,
    failed: u64,
    skipped: u64,
    rejected: u64,
    /// Advice for failed objects, given once for each kind of failure.
    denied: bool,
    archived: bool,
}

impl Notices {
    /// Notices of this loudness.
    pub(super) fn new(loudness: Loudness) -> Self {
        Self {
            loudness,
            ..Self::default()
        }
    }

    /// The lines to print for an event, mostly none.
    pub(super) fn lines(&mut self, event: &Event) -> Vec<String> {
        let quiet = self.loudness == Loudness::Quiet;
        match event {
            Event::Failed { key, step, error } => self.failure(key, step, error),
            Event::Skipped { key, why } => {
                self.skipped += 1;
                let told = !quiet && self.tells(self.skipped);
                let line = || format!("skipped {}: {}", one_line(key), one_line(why));
                told.then(line).into_iter().collect()
            }
            Event::Warned { message } if !quiet => vec![format!("warning: {}", one_line(message))],
            other if self.loudness == Loudness::Verbose => detail(other).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The line to print for a rejected line of an object, if any.
    pub(super) fn reject(&mut self, key: &str, line: u64, reason: &str) -> Option<String> {
        self.rejected += 1;
        let told = self.loudness != Loudness::Quiet && self.tells(self.rejected);
        told.then(|| format!("rejected {}:{line}: {}", one_line(key), one_line(reason)))
    }

    /// What was not told one by one; `elsewhere` is the command that shows all of it.
    pub(super) fn rest(&self, elsewhere: Option<&str>) -> Vec<String> {
        let kinds = [
            (self.failed, "failed", "object", elsewhere),
            (self.skipped, "skipped", "object", elsewhere),
            (self.rejected, "rejected", "line", None),
        ];
        let mut lines = Vec::new();
        for (all, word, noun, shown_by) in kinds {
            let quiet = self.loudness == Loudness::Quiet && word != "failed";
            if self.loudness == Loudness::Verbose || quiet || all <= IN_FULL {
                continue;
            }
            let more = count(all - IN_FULL, &format!("more {word} {noun}"));
            lines.push(match shown_by {
                Some(command) => format!("and {more}; `{command}` shows them all"),
                None => format!("and {more}; -v shows them all"),
            });
        }
        lines
    }

    fn tells(&self, seen: u64) -> bool {
        self.loudness == Loudness::Verbose || seen <= IN_FULL
    }

    fn failure(&mut self, key: &str, step: &str, error: &str) -> Vec<String> {
        self.failed += 1;
        let mut lines = Vec::new();
        if self.tells(self.failed) {
            let (key, error) = (one_line(key), one_line(error));
            lines.push(format!("failed  {key}: {step}: {error}"));
        }
        if let Some((kind, action, place)) = store_failure(error) {
            let given = match kind {
                ErrorKind::Denied => &mut self.denied,
                _ => &mut self.archived,
            };
            if !std::mem::replace(given, true) {
                let advice = hints(&kind, action, place);
                lines.extend(
                    advice
                        .iter()
                        .map(|hint| format!("hint: {}", one_line(hint))),
                );
            }
        }
        lines
    }
}

/// Recognises the two failures of single objects that the user can do something about, from the
/// words of [`StoreError`](crate::store::StoreError): events carry text, not types.
fn store_failure(error: &str) -> Option<(ErrorKind, &str, &str)> {
    let (action, rest) = error.strip_prefix("cannot ")?.split_once(' ')?;
    let (place, cause) = rest.split_once(": ")?;
    let kind = if cause.contains("AccessDenied") || cause.contains("HTTP 403") {
        ErrorKind::Denied
    } else if cause.contains("InvalidObjectState") || cause.contains("archive storage class") {
        ErrorKind::Archived
    } else {
        return None;
    };
    Some((kind, action, place))
}

/// What `-v` tells about an object or file.
fn detail(event: &Event) -> Option<String> {
    let size = |bytes: &u64| ByteSize(*bytes);
    Some(match event {
        Event::Fetched { key, bytes } => format!("fetched {} ({})", one_line(key), size(bytes)),
        Event::Stored { key, bytes } => format!("stored  {} ({})", one_line(key), size(bytes)),
        Event::Parsed {
            key,
            table,
            rows,
            rejects,
            ..
        } => format!(
            "parsed  {}: {} for {table}, {}",
            one_line(key),
            count(*rows, "row"),
            count(*rejects, "reject")
        ),
        Event::Written {
            path, rows, bytes, ..
        } => format!(
            "written {}: {} ({})",
            one_line(path),
            count(*rows, "row"),
            size(bytes)
        ),
        Event::Replaced { key } => format!("changed {}: replaced after it was read", one_line(key)),
        Event::Committed {
            sequence,
            objects,
            rows,
        } => format!(
            "commit {}: {}, {}",
            number(*sequence),
            count(*objects, "object"),
            count(*rows, "row")
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str) -> Event {
        Event::Failed {
            key: "a\nb".to_owned(),
            step: "fetch".to_owned(),
            error: error.to_owned(),
        }
    }

    fn skipped() -> Event {
        Event::Skipped {
            key: "k.png".to_owned(),
            why: "not a log: it is a PNG image".to_owned(),
        }
    }

    #[test]
    fn twenty_in_full_then_a_count() {
        let mut notices = Notices::new(Loudness::Normal);
        let told: usize = (0..33).map(|_| notices.lines(&skipped()).len()).sum();
        assert_eq!(told, 20);
        assert_eq!(notices.lines(&failed("cut")), ["failed  a\\nb: fetch: cut"]);
        assert_eq!(
            notices.rest(Some("s3logs status lake")),
            ["and 13 more skipped objects; `s3logs status lake` shows them all"]
        );
    }

    #[test]
    fn loudness() {
        let warned = Event::Warned {
            message: "m".to_owned(),
        };
        let mut quiet = Notices::new(Loudness::Quiet);
        assert!(quiet.lines(&skipped()).is_empty() && quiet.lines(&warned).is_empty());
        assert!(quiet.reject("k", 1, "why").is_none());
        assert_eq!(quiet.lines(&failed("cut")).len(), 1);
        let mut verbose = Notices::new(Loudness::Verbose);
        let told: usize = (0..33).map(|_| verbose.lines(&skipped()).len()).sum();
        assert_eq!((told, verbose.rest(None).len()), (33, 0));
        let fetched = Event::Fetched {
            key: "k".to_owned(),
            bytes: 2048,
        };
        assert_eq!(verbose.lines(&fetched), ["fetched k (2.0 KiB)"]);
        assert!(Notices::default().lines(&fetched).is_empty());
    }

    #[test]
    fn advice_once_for_each_kind() {
        let denied = failed("cannot read s3://b/k: AccessDenied: Access Denied");
        let mut notices = Notices::default();
        let first = notices.lines(&denied);
        assert!(first[1].contains("s3:GetObject on arn:aws:s3:::b/k"));
        assert_eq!(notices.lines(&denied).len(), 1);
        let archived = failed("cannot read s3://b/k: it lies in an archive storage class");
        assert!(notices.lines(&archived)[1].contains("restore"));
    }

    #[test]
    fn rejected_lines() {
        let mut notices = Notices::default();
        assert_eq!(
            notices.reject("k", 3, "too few fields").as_deref(),
            Some("rejected k:3: too few fields")
        );
        let told = (0..30).filter_map(|line| notices.reject("k", line, "why"));
        assert_eq!(told.count(), 19);
        assert_eq!(
            notices.rest(None),
            ["and 11 more rejected lines; -v shows them all"]
        );
    }
}
