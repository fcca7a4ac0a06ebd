//! The same for machines.

use serde::Serialize;
use serde_json::{Value, json};

use crate::jobs::status::{LastCommit, Status, Story, TableStatus};
use crate::ledger::{Entry, KeyState};
use crate::units::rfc3339;

#[derive(Serialize)]
struct EntryLine<'a> {
    event: &'static str,
    key: &'a str,
    etag: &'a str,
    size: u64,
    commit: u64,
    #[serde(flatten)]
    state: &'a KeyState,
}

fn entry_line(event: &'static str, key: &str, entry: &Entry) -> Value {
    let line = EntryLine {
        event,
        key,
        etag: &entry.etag,
        size: entry.size,
        commit: entry.commit,
        state: &entry.state,
    };
    // Texts and numbers always convert.
    serde_json::to_value(line).unwrap_or_default()
}

/// What `status DEST KEY` tells machines, an object a line.
pub fn stories_json(stories: &[Story]) -> Vec<Value> {
    let line = |story: &Story| {
        let mut line = entry_line("object", &story.name, &story.entry);
        line["modified"] = json!(rfc3339(story.modified));
        line["batch"] = json!(story.batch);
        line["outputs"] = json!(story.outputs);
        line["rejects_file"] = json!(story.rejects);
        line
    };
    stories.iter().map(line).collect()
}

/// What `status DEST` tells machines, a thing a line.
pub fn status_json(status: &Status) -> Vec<Value> {
    let mut lines = vec![json!({
        "event": "dataset",
        "head": status.head,
        "checkpoint": status.folded,
    })];
    for (state, objects) in &status.states {
        lines.push(json!({"event": "state", "state": state, "objects": objects}));
    }
    for (table, counts) in &status.tables {
        lines.push(table_line(table, counts));
    }
    for (day, states) in &status.days {
        lines.push(json!({
            "event": "day",
            "day": day,
            "committed": states.committed,
            "failed": states.failed,
            "skipped": states.skipped,
            "bytes": states.bytes,
        }));
    }
    let late = &status.lateness;
    if late.count() > 0 {
        lines.push(json!({
            "event": "lateness",
            "objects": late.count(),
            "p50_seconds": late.quantile(0.5),
            "p99_seconds": late.quantile(0.99),
            "max_seconds": late.max,
        }));
    }
    for commit in &status.commits {
        lines.push(commit_line(commit));
    }
    for (event, list) in [("failure", &status.failures), ("skip", &status.skipped)] {
        let entries = list.iter();
        lines.extend(entries.map(|one| entry_line(event, &one.name, &one.entry)));
    }
    for open in &status.open {
        lines.push(json!({"event": "open", "batch": open.batch, "objects": open.objects}));
    }
    for held in &status.leases {
        lines.push(json!({
            "event": "lease",
            "host": held.owner.host,
            "pid": held.owner.pid,
            "since": rfc3339(held.since),
            "expires": rfc3339(held.expires),
        }));
    }
    lines
}

fn table_line(table: &str, counts: &TableStatus) -> Value {
    let mut line = json!({
        "event": "table",
        "table": table,
        "objects": counts.objects,
        "rows": counts.rows,
        "rejects": counts.rejects,
        "partial": counts.partial,
        "files": counts.files,
        "bytes": counts.bytes,
        "first_day": counts.first_day,
        "last_day": counts.last_day,
    });
    if counts.duplicates > 0 {
        line["duplicates"] = counts.duplicates.into();
    }
    line
}

fn commit_line(commit: &LastCommit) -> Value {
    json!({
        "event": "commit",
        "sequence": commit.sequence,
        "written": rfc3339(commit.written),
        "batch": commit.batch,
        "objects": commit.objects,
        "rows": commit.rows,
        "files": commit.files,
        "bytes": commit.bytes,
    })
}
