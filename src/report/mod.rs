//! What a table of logs shows: sections of a title, a query and a form, filled from a dataset.
//!
//! Sections are data, one list per table. Numbers come from SQL alone, so each of them can be had by hand.

mod cloudfront;
mod fill;
mod html;
mod inventory;
mod s3_access;
mod value;

use serde::Serialize;

use crate::units::{DAY_MICROS, Day};

pub use fill::{Filled, Report, report};
pub use html::page;

/// One question that a report answers.
#[derive(Debug)]
pub struct Section {
    /// For scripts.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The query. `{rows}` stands for the table within the period, `{time}` for the step of time,
    /// `{top}` for the number of rows that lists have.
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
    /// A day or an instant, microseconds UTC.
    Time,
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

/// Lifecycle rules that move what nobody reads, by bucket, as `aws s3api put-bucket-lifecycle-configuration`
/// takes them. `None` if the report was made without an inventory.
pub fn lifecycle_rules(report: &Report) -> Option<Vec<(String, serde_json::Value)>> {
    let mut sections = report.sections.iter();
    let section = sections.find(|section| section.id == inventory::RULES)?;
    Some(inventory::rules(section))
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
