//! Which of the listed objects are wanted.

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::schema::{KeyPeriod, LogFormat, key_period};
use crate::store::ObjectMeta;
use crate::units::{DAY_MICROS, Day};

/// A span of time, microseconds UTC; `until` is exclusive, both may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// First instant.
    pub since: Option<i64>,
    /// First instant after the range.
    pub until: Option<i64>,
}

impl TimeRange {
    /// The whole of a month written `YYYY-MM`.
    ///
    /// # Errors
    /// A phrase, if the text is no month.
    pub fn month(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no month of the form YYYY-MM");
        if text.len() != 7 {
            return Err(bad());
        }
        let first: Day = format!("{text}-01").parse().map_err(|_| bad())?;
        let last = (28..=31)
            .rev()
            .find_map(|day| format!("{text}-{day}").parse::<Day>().ok())
            .ok_or_else(bad)?;
        Ok(Self {
            since: Some(first.start_micros()),
            until: Some(last.start_micros() + DAY_MICROS),
        })
    }

    fn overlaps(self, period: KeyPeriod) -> bool {
        self.since.is_none_or(|since| period.until > since)
            && self.until.is_none_or(|until| period.from < until)
    }

    /// Whether it leaves nothing out.
    pub fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// A pattern for keys; `*` also matches `/`.
#[derive(Clone, Debug)]
pub struct Glob(GlobMatcher);

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        GlobBuilder::new(text)
            .build()
            .map(|glob| Self(glob.compile_matcher()))
            .map_err(|error| error.to_string())
    }
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By the time that the key carries; keys without one go by their last modification.
    pub range: TimeRange,
    /// If not empty, one of these must match the key (below the source's prefix).
    pub include: Vec<Glob>,
    /// None of these may match.
    pub exclude: Vec<Glob>,
    /// Only objects of this format, by their first bytes; unknown ones are read as it, too.
    pub format: Option<&'static LogFormat>,
}

impl Selection {
    /// Whether an object is wanted. `below` is its key without the source's prefix.
    pub fn wants(&self, object: &ObjectMeta, below: &str) -> bool {
        let matches = |globs: &[Glob]| globs.iter().any(|glob| glob.0.is_match(below));
        self.wants_time(object)
            && (self.include.is_empty() || matches(&self.include))
            && !matches(&self.exclude)
    }

    fn wants_time(&self, object: &ObjectMeta) -> bool {
        if self.range.is_open() {
            return true;
        }
        let period = key_period(&object.key).unwrap_or(KeyPeriod {
            from: object.modified,
            until: object.modified + 1,
        });
        self.range.overlaps(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> ObjectMeta {
        ObjectMeta {
            key: key.to_owned(),
            size: 1,
            etag: String::new(),
            modified: 0,
            archived: false,
        }
    }

    #[test]
    fn time_globs_and_months() {
        let selection = Selection {
            range: TimeRange::month("2026-02").expect("a month"),
            include: vec!["*.gz".parse().expect("a glob")],
            exclude: vec!["old/*".parse().expect("a glob")],
            format: None,
        };
        let wants = |key: &str| selection.wants(&object(key), key);
        assert!(wants("x/E2EXAMPLE.2026-02-28-23.a.gz"));
        assert!(!wants("x/E2EXAMPLE.2026-03-01-00.a.gz"));
        assert!(!wants("x/E2EXAMPLE.2026-01-31-23.a.gz"));
        assert!(!wants("x/E2EXAMPLE.2026-02-28-23.a.log"));
        assert!(!wants("old/E2EXAMPLE.2026-02-28-23.a.gz"));
        assert!(!wants("undated.gz"), "by modification time, 1970");
        assert!(TimeRange::month("2026-13").is_err());
        assert!(TimeRange::month("2026").is_err());
    }
}
