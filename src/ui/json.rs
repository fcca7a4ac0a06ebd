//! Machine output: one JSON object a line, the last one a summary.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::jobs::merge::Merged;
use crate::jobs::source::Nothing;
use crate::jobs::sync::{Planned, Report};
use crate::jobs::transfer::Transferred;
use crate::outcome::{ObjectCounts, Requests, TableCounts};
use crate::units::Day;

/// A value as a line.
///
/// # Errors
/// None for the types of this module: their keys are texts.
pub(super) fn line(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The last line of every verb.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a, T> {
    /// `summary`
    pub event: &'static str,
    /// The verb.
    pub verb: &'a str,
    /// What the verb tells.
    #[serde(flatten)]
    pub body: T,
    /// Time since the start.
    pub seconds: f64,
    /// The exit code.
    pub exit: u8,
}

/// What `sync`, `convert` and `parse` tell.
#[derive(Debug, Serialize)]
pub struct Work<'a> {
    tables: Vec<TableLine<'a>>,
    objects: ObjectCounts,
    interrupted: bool,
    #[serde(skip_serializing_if = "Requests::is_empty")]
    requests: &'a Requests,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    looked_back: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_listed: Vec<NotListed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing: Option<NothingLine<'a>>,
}

/// Keys beyond the lookback.
#[derive(Debug, Serialize)]
struct NotListed<'a> {
    /// What they begin with.
    keys: &'a str,
    /// They are from before this day.
    before: Day,
}

impl<'a> NotListed<'a> {
    fn all(left_out: &'a BTreeMap<String, Day>) -> Vec<Self> {
        let lines = left_out.iter();
        lines.map(|(keys, &before)| Self { keys, before }).collect()
    }
}

#[derive(Debug, Serialize)]
struct TableLine<'a> {
    table: &'static str,
    #[serde(flatten)]
    counts: &'a TableCounts,
}

#[derive(Debug, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
enum NothingLine<'a> {
    Empty { nearest: Option<&'a str> },
    Unselected { objects: u64 },
}

impl<'a> NothingLine<'a> {
    fn of(nothing: Option<&'a Nothing>) -> Option<Self> {
        Some(match nothing? {
            Nothing::Empty { nearest } => Self::Empty {
                nearest: nearest.as_deref(),
            },
            Nothing::Unselected { objects } => Self::Unselected { objects: *objects },
        })
    }
}

impl<'a> Work<'a> {
    /// The summary of a report.
    pub fn of(report: &'a Report) -> Self {
        let tables = report.outcome.tables.iter();
        Self {
            tables: tables
                .map(|(table, counts)| TableLine { table, counts })
                .collect(),
            objects: report.outcome.objects,
            interrupted: report.interrupted,
            requests: &report.outcome.requests,
            looked_back: !report.not_listed.is_empty(),
            not_listed: NotListed::all(&report.not_listed),
            nothing: NothingLine::of(report.nothing.as_ref()),
        }
    }
}

/// What a dry run of `sync` and `convert` tells.
#[derive(Debug, Serialize)]
pub struct Plan<'a> {
    dry_run: bool,
    objects: ObjectCounts,
    bytes: u64,
    batches: u64,
    open_intents: u64,
    days: Vec<PlanDay>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_listed: Vec<NotListed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing: Option<NothingLine<'a>>,
}

#[derive(Debug, Serialize)]
struct PlanDay {
    day: String,
    format: &'static str,
    objects: u64,
    bytes: u64,
}

impl<'a> Plan<'a> {
    /// The summary of a plan.
    pub fn of(planned: &'a Planned) -> Self {
        let day = |((day, format), (objects, bytes)): (&(_, &'static str), &(u64, u64))| {
            let day: &Day = day;
            PlanDay {
                day: day.to_string(),
                format,
                objects: *objects,
                bytes: *bytes,
            }
        };
        Self {
            dry_run: true,
            objects: planned.objects,
            bytes: planned.bytes,
            batches: planned.batches,
            open_intents: planned.open_intents,
            days: planned.days.iter().map(day).collect(),
            not_listed: NotListed::all(&planned.not_listed),
            nothing: NothingLine::of(planned.nothing.as_ref()),
        }
    }
}

/// What `download` and `upload` tell.
#[derive(Debug, Serialize)]
pub struct Transfer {
    dry_run: bool,
    objects: TransferObjects,
    bytes: u64,
    interrupted: bool,
    #[serde(skip_serializing_if = "Requests::is_empty")]
    requests: Requests,
}

#[derive(Debug, Serialize)]
struct TransferObjects {
    listed: u64,
    transferred: u64,
    present: u64,
    failed: u64,
}

impl Transfer {
    /// The summary of a transfer.
    pub fn of(transferred: &Transferred, dry_run: bool, requests: Requests) -> Self {
        Self {
            dry_run,
            objects: TransferObjects {
                listed: transferred.listed,
                transferred: transferred.transferred,
                present: transferred.present,
                failed: transferred.failed,
            },
            bytes: transferred.bytes,
            interrupted: transferred.interrupted,
            requests,
        }
    }
}

/// What `merge` tells.
#[derive(Debug, Serialize)]
pub struct Merge<'a> {
    dry_run: bool,
    files: Vec<MergeFile<'a>>,
    objects: MergeObjects,
    lines: u64,
    repeated_headers: u64,
    bytes_in: u64,
    bytes_out: u64,
    interrupted: bool,
}

#[derive(Debug, Serialize)]
struct MergeFile<'a> {
    path: &'a str,
    objects: u64,
    lines: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct MergeObjects {
    listed: u64,
    merged: u64,
    partial: u64,
    skipped: u64,
    failed: u64,
}

impl<'a> Merge<'a> {
    /// The summary of a merge.
    pub fn of(merged: &'a Merged, dry_run: bool) -> Self {
        let file = |file: &'a crate::jobs::merge::MergedFile| MergeFile {
            path: &file.path,
            objects: file.objects,
            lines: file.lines,
            bytes: file.bytes,
        };
        Self {
            dry_run,
            files: merged.outputs.iter().map(file).collect(),
            objects: MergeObjects {
                listed: merged.objects.listed,
                merged: merged.objects.merged,
                partial: merged.objects.partial,
                skipped: merged.objects.skipped,
                failed: merged.objects.failed,
            },
            lines: merged.lines,
            repeated_headers: merged.repeated_headers,
            bytes_in: merged.bytes_in,
            bytes_out: merged.bytes_out,
            interrupted: merged.interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_line_of_json() {
        let mut report = Report::default();
        report.outcome.objects.listed = 3;
        let counts = TableCounts {
            rows: 7,
            days: ["2024-02-29".parse().expect("a day")].into(),
            ..TableCounts::default()
        };
        report.outcome.add_table("s3_access", &counts);
        let summary = Summary {
            event: "summary",
            verb: "sync",
            body: Work::of(&report),
            seconds: 1.5,
            exit: 0,
        };
        let text = String::from_utf8(line(&summary).expect("JSON")).expect("UTF-8");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_plan_says_that_it_is_one() {
        let mut planned = Planned {
            nothing: Some(Nothing::Empty { nearest: None }),
            ..Planned::default()
        };
        let day = "2024-02-29".parse().expect("a day");
        planned.days.insert((day, "cloudfront"), (2, 10));
        let value = serde_json::to_value(Plan::of(&planned)).expect("JSON");
        assert_eq!(value["dry_run"], true);
        assert_eq!(
            value["days"],
            serde_json::json!([{"day": "2024-02-29", "format": "cloudfront", "objects": 2, "bytes": 10}])
        );
        assert_eq!(
            value["nothing"],
            serde_json::json!({"why": "empty", "nearest": null})
        );
    }
}
