//! What a table of logs shows: sections of a title, a query and a form, filled from a dataset.
//!
//! Sections are data, one list per table. Numbers come from SQL alone, so each of them can be had by hand.

mod cloudfront;
mod fill;
mod html;
mod inventory;
mod places;
mod s3_access;
mod value;

use serde::Serialize;

use crate::plan::TimeRange;
use crate::units::{DAY_MICROS, Day, rfc3339};

pub use fill::{Before, Filled, Report, report};
pub use html::page;
pub use value::{change, span};

/// A question that is asked once, as several sections start from its answer.
#[derive(Debug)]
pub struct Part {
    /// What stands for the answer in the sections, in braces.
    pub name: &'static str,
    /// The query, as that of a [`Section`]; it may start from the parts before it.
    pub sql: &'static str,
}

/// One question that a report answers.
#[derive(Debug)]
pub struct Section {
    /// For scripts.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The query. `{rows}` stands for the table within the period, `{time}` for the step of time,
    /// `{top}` for the number of rows that lists have, the name of a [`Part`] for that.
    pub sql: &'static str,
    /// What its rows are shown as.
    pub chart: Chart,
}

/// What rows are shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chart {
    /// One row, whose values stand side by side.
    Figures,
    /// Rows by time, with the first number as a bar.
    Series,
    /// Rows by name, with the first number as a bar.
    Bars,
    /// Weekday, hour and a number.
    Heat,
}

/// What the numbers of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A name.
    Text,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// A part of one.
    Share,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// An instant, microseconds UTC.
    Time,
    /// The beginning of a day, microseconds UTC.
    #[serde(rename = "time")]
    Day,
}

impl Unit {
    fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Day)
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A name.
    Text(String),
    /// A whole number, or an instant in microseconds UTC.
    Whole(i64),
    /// Any other.
    Real(f64),
}

/// The events that are looked at: from the first day to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Beginning, microseconds UTC.
    pub from: i64,
    /// First instant that no longer belongs to it.
    pub until: i64,
}

impl Period {
    /// All of these days.
    pub fn of_days(first: Day, last: Day) -> Self {
        Self {
            from: first.start_micros(),
            until: last.start_micros() + DAY_MICROS,
        }
    }

    /// The period of the same length that ends where this begins.
    #[must_use]
    pub fn before(self) -> Self {
        Self {
            from: self.from - (self.until - self.from),
            until: self.from,
        }
    }

    /// The calendar month that holds an instant; `None` outside of the years that have four digits.
    pub fn month_of(micros: i64) -> Option<Self> {
        let month = TimeRange::month(&Day::of_micros(micros).month()).ok()?;
        Some(Self {
            from: month.since?,
            until: month.until?,
        })
    }

    /// Of a month the one before it, of some days of a month the same days of the one before it; `None` if
    /// that has no such days.
    #[must_use]
    pub fn month_before(self) -> Option<Self> {
        let month = Self::month_of(self.from)?;
        let before = Self::month_of(month.from - 1)?;
        if self == month {
            return Some(before);
        }
        let moved = |micros: i64| (before.from + (micros - month.from)).min(before.until);
        let days = Self {
            from: moved(self.from),
            until: moved(self.until),
        };
        (days.from < days.until).then_some(days)
    }

    /// What both have in common.
    #[must_use]
    pub fn within(self, other: Self) -> Option<Self> {
        let both = Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        };
        (both.from < both.until).then_some(both)
    }

    /// First and last day, or where it does not begin or end with a day the instant, in RFC 3339.
    fn bounds(self) -> (String, String) {
        let bound = |micros: i64, day: i64| {
            if micros % DAY_MICROS == 0 {
                Day::of_micros(day).to_string()
            } else {
                rfc3339(micros)
            }
        };
        (
            bound(self.from, self.from),
            bound(self.until, self.until - 1),
        )
    }

    fn days(self) -> i64 {
        (self.until - self.from + DAY_MICROS - 1) / DAY_MICROS
    }
}

/// The sections of a table; `None` if there is no report for it.
pub fn sections(table: &str) -> Option<&'static [Section]> {
    match table {
        "cloudfront" => Some(cloudfront::SECTIONS),
        "s3_access" => Some(s3_access::SECTIONS),
        _ => None,
    }
}

/// What several sections of a table start from.
fn parts(table: &str) -> &'static [Part] {
    match table {
        "cloudfront" => cloudfront::PARTS,
        "s3_access" => s3_access::PARTS,
        _ => &[],
    }
}

/// Lifecycle rules that move what nobody reads, as `aws s3api put-bucket-lifecycle-configuration` takes them.
/// `None` if there are none, or no inventory. A bucket can have a thousand: more prefixes get none.
pub fn lifecycle_rules(report: &Report) -> Option<serde_json::Value> {
    report.rules.clone()
}

/// What the numbers of a column are, by its name.
fn unit(column: &str) -> Unit {
    match column {
        "bytes" | "size" => Unit::Bytes,
        "time" | "first" | "last" => Unit::Time,
        "p50" | "p95" | "p99" => Unit::Seconds,
        "p50_ms" | "p95_ms" | "p99_ms" => Unit::Millis,
        name if name == "share" || name.ends_with("_share") => Unit::Share,
        _ => Unit::Count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, until: &str) -> Period {
        let micros = |day: &str| day.parse::<Day>().expect("a day").start_micros();
        Period {
            from: micros(from),
            until: micros(until),
        }
    }

    #[test]
    fn months_are_compared_with_the_same_days_of_the_month_before() {
        let march = period("2024-03-01", "2024-04-01");
        assert_eq!(Period::month_of(march.from), Some(march));
        assert_eq!(Period::month_of(march.until - 1), Some(march));
        for (part, before) in [
            (march, Some(period("2024-02-01", "2024-03-01"))),
            (
                period("2024-03-01", "2024-03-05"),
                Some(period("2024-02-01", "2024-02-05")),
            ),
            (
                period("2024-03-20", "2024-04-01"),
                Some(period("2024-02-20", "2024-03-01")),
            ),
            (period("2024-03-30", "2024-04-01"), None),
            (
                period("2024-01-01", "2024-02-01"),
                Some(period("2023-12-01", "2024-01-01")),
            ),
        ] {
            assert_eq!(part.month_before(), before);
        }
        assert_eq!(
            march.within(period("2024-03-30", "2025-01-01")),
            Some(period("2024-03-30", "2024-04-01"))
        );
        assert_eq!(march.within(period("2024-04-01", "2025-01-01")), None);
    }

    #[test]
    fn parts_of_days_are_told_by_their_times() {
        let mut days = period("2024-03-01", "2024-03-03");
        assert_eq!(
            days.bounds(),
            ("2024-03-01".to_owned(), "2024-03-02".to_owned())
        );
        days.from += 1_000_000;
        days.until -= 60_000_000;
        let (from, to) = days.bounds();
        assert_eq!(
            (from.as_str(), to.as_str()),
            ("2024-03-01T00:00:01Z", "2024-03-02T23:59:00Z")
        );
    }
}
