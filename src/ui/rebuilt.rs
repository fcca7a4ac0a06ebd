//! What was made again, for people and for machines: a ledger, files of a dataset. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::jobs::rebuild::{Moved, Rebuilt};
use crate::jobs::verify::Repaired;

use super::tables::{count, one_line};

/// What `ledger rebuild` shows.
pub fn rebuilt_text(rebuilt: &Rebuilt, place: &str, dry_run: bool) -> String {
    let mut text = String::new();
    for moved in &rebuilt.moved {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{}", moved_text(moved));
    }
    let place = one_line(place);
    let sums = format!(
        "{}, {}, {} in {}",
        count(rebuilt.commits, "commit"),
        count(rebuilt.objects, "object"),
        count(rebuilt.rows, "row"),
        count(rebuilt.files, "Parquet file")
    );
    let what = match (rebuilt.unchanged, dry_run, rebuilt.from_files) {
        (true, ..) => "the ledger is as the files say",
        (_, true, true) => "would be made again from the files",
        (_, true, false) => "would be made again from the commits",
        (_, false, true) => "made again from the files",
        (_, false, false) => "made again from the commits",
    };
    let _ = writeln!(text, "{place}: {what}: {sums}");
    if !rebuilt.moved.is_empty() && !dry_run {
        text.push_str("the next sync reads again what is not in these files\n");
    }
    text
}

/// A file that went to quarantine, or would go there.
fn moved_text(moved: &Moved) -> String {
    let path = one_line(&moved.path);
    match &moved.to {
        Some(to) => format!("moved: {path} to {}", one_line(to)),
        None => format!("would be moved to _s3logs/quarantine/: {path}"),
    }
}

/// The files that were moved, for machines: one value each.
pub fn moved_json(moved: &[Moved]) -> Vec<Value> {
    let line = |moved: &Moved| json!({"event": "moved", "path": moved.path, "to": moved.to});
    moved.iter().map(line).collect()
}

/// What `ledger rebuild` tells machines beside that.
pub fn rebuilt_json(rebuilt: &Rebuilt, dry_run: bool) -> Value {
    json!({
        "from_files": rebuilt.from_files,
        "commits": rebuilt.commits,
        "objects": rebuilt.objects,
        "rows": rebuilt.rows,
        "files": rebuilt.files,
        "unchanged": rebuilt.unchanged,
        "moved": rebuilt.moved.len(),
        "dry_run": dry_run,
    })
}

/// What `verify --repair` shows before what it found at the end.
pub fn repaired_text(repaired: &Repaired, dry_run: bool) -> String {
    let mut text = String::new();
    for moved in &repaired.moved {
        let _ = writeln!(text, "{}", moved_text(moved));
    }
    let made = if dry_run {
        "would be made again"
    } else {
        "made again"
    };
    for path in &repaired.made {
        let _ = writeln!(text, "{made}: {}", one_line(path));
    }
    for lost in &repaired.unrepaired {
        let (path, why) = (one_line(&lost.path), one_line(&lost.why));
        let _ = writeln!(text, "cannot be repaired: {path}: {why}");
    }
    text
}

/// The same for machines: one value for each file.
pub fn repaired_json(repaired: &Repaired, dry_run: bool) -> Vec<Value> {
    let made = repaired.made.iter();
    let made = made.map(|path| json!({"event": "made", "path": path}));
    let lost = repaired.unrepaired.iter();
    let lost = lost.map(|lost| json!({"event": "unrepaired", "path": lost.path, "why": lost.why}));
    let mut lines = moved_json(&repaired.moved);
    lines.extend(made.chain(lost));
    if dry_run {
        for line in &mut lines {
            line["dry_run"] = json!(true);
        }
    }
    lines
}
