//! Progress where standard error is no terminal: a line every 10 seconds.

use std::time::Duration;

use super::tally::Tally;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(10);

/// Says when a line is due and what it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Lines that were due so far.
    due: u64,
}

impl Lines {
    /// The line that is due at this time after the start, if one is.
    pub(super) fn line(&mut self, elapsed: Duration, tally: &Tally) -> Option<String> {
        let due = elapsed.as_secs() / EVERY.as_secs();
        if due <= self.due {
            return None;
        }
        self.due = due;
        let seconds = elapsed.as_secs();
        Some(format!(
            "{:02}:{:02}:{:02} {}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            tally.text()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_every_ten_seconds() {
        let mut lines = Lines::default();
        let mut at = |millis| lines.line(Duration::from_millis(millis), &Tally::default());
        assert_eq!(at(9_999), None);
        assert_eq!(at(10_000).as_deref(), Some("00:00:10 listed 0 objects"));
        assert_eq!(at(10_100), None);
        assert_eq!(at(19_999), None);
        assert_eq!(at(3_725_000).as_deref(), Some("01:02:05 listed 0 objects"));
        assert_eq!(at(3_729_000), None);
    }
}
