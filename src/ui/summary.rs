//! How a verb ended, in words and tables. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::jobs::merge::Merged;
use crate::jobs::source::Nothing;
use crate::jobs::sync::Report;
use crate::jobs::transfer::Transferred;
use crate::outcome::{ObjectCounts, Outcome, Requests, TableCounts};
use crate::units::{ByteSize, Day};

use super::tables::{Table, count, number, one_line};

/// Kinds of keys of which a listing left some out that are named; `--json` names all.
const HEADS_SHOWN: usize = 3;

/// What surrounds a summary.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The destination as the user wrote it; none where rows went to standard output.
    pub place: Option<&'a str>,
    /// Whether it is a local folder.
    pub local: bool,
    /// Whether there is a ledger that remembers.
    pub ledger: bool,
    /// Time it took.
    pub elapsed: Duration,
}

/// Why nothing was looked at.
pub fn nothing_text(source: &str, nothing: &Nothing) -> String {
    let source = one_line(source);
    match nothing {
        Nothing::Empty {
            nearest: Some(nearest),
        } => format!(
            "no objects under {source}; the nearest prefix that has some is {}",
            one_line(nearest)
        ),
        Nothing::Empty { nearest: None } => format!("no objects under {source}"),
        Nothing::Unselected { objects } => format!(
            "{} under {source}, but --since, --until, --month, --include and --exclude leave none of them",
            count(*objects, "object")
        ),
    }
}

/// The result of `sync`, `convert` or `parse`.
pub fn report_text(report: &Report, told: &Told<'_>) -> String {
    let outcome = &report.outcome;
    let mut text = String::new();
    if outcome.tables.is_empty() {
        text.push_str(&without_rows(outcome, told));
        text.push_str(&requests_text(&outcome.requests));
        text.push_str(&not_listed(&report.not_listed));
        return text;
    }
    text.push_str(&tables(outcome, told.place.is_some()));
    text.push('\n');
    text.push_str(&totals(outcome, told.elapsed));
    text.push_str(&requests_text(&outcome.requests));
    text.push_str(&not_listed(&report.not_listed));
    text.push_str(&blemishes(outcome));
    if let Some(place) = told.place {
        text.push_str(&whereabouts(outcome, place, told));
    }
    text
}

/// Requests by kind; the SDK's repetitions are not counted.
pub fn requests_text(requests: &Requests) -> String {
    let kinds = requests.0.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{} {kind}", number(*count)))
        .collect();
    if kinds.is_empty() {
        return String::new();
    }
    format!("requests: {}\n", kinds.join(", "))
}

/// What a listing left out because it is older than the lookback.
pub(super) fn not_listed(left_out: &BTreeMap<String, Day>) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = left_out
        .iter()
        .take(HEADS_SHOWN)
        .map(|(head, before)| format!("{}* before {before}", one_line(head)))
        .collect();
    let more = match left_out.len().saturating_sub(HEADS_SHOWN) {
        0 => String::new(),
        more => format!(", and {} more", number(more as u64)),
    };
    format!(
        "keys beyond the lookback were not listed: {}{more}; --full lists all\n",
        shown.join(", ")
    )
}

/// Objects that earlier runs gave up on.
pub(super) fn left(objects: &ObjectCounts) -> [(u64, &'static str); 2] {
    [
        (objects.remembered, "failed before"),
        (objects.ignored, "not logs"),
    ]
}

fn without_rows(outcome: &Outcome, told: &Told<'_>) -> String {
    let objects = &outcome.objects;
    let mut text = String::new();
    if objects.new > 0 || objects.listed == 0 {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "no rows: {}", object_words(outcome));
        return text;
    }
    let given_up = objects.remembered + objects.ignored;
    let _ = write!(text, "nothing new: {}", count(objects.listed, "object"));
    if given_up == 0 {
        text.push_str(", all done before");
    } else {
        let done = objects.listed.saturating_sub(given_up);
        let _ = write!(text, ", {} done before", number(done));
        for (value, words) in left(objects) {
            if value > 0 {
                let _ = write!(text, ", {} {words}", number(value));
            }
        }
        if let (Some(place), true) = (told.place, told.ledger) {
            let _ = write!(
                text,
                "\n`s3logs status {}` shows them, `--retry-failed` tries them again",
                one_line(place)
            );
        }
    }
    text.push('\n');
    text.push_str(&changed(outcome));
    text
}

fn changed(outcome: &Outcome) -> String {
    match outcome.objects.changed {
        0 => String::new(),
        changed => format!(
            "{} replaced in the source after being read, and not read again (-v names them)\n",
            count(changed, "object")
        ),
    }
}

fn tables(outcome: &Outcome, written: bool) -> String {
    let duplicates = outcome.tables.values().any(|table| table.duplicates > 0);
    let mut headings = vec!["table", ">objects", ">lines", ">rows"];
    headings.extend(duplicates.then_some(">duplicates"));
    headings.extend([">rejects", ">read"]);
    if written {
        headings.extend([">written", ">days", ">files"]);
    }
    let mut table = Table::new(&headings);
    for (name, counts) in &outcome.tables {
        let TableCounts {
            objects,
            lines,
            rows,
            rejects,
            ..
        } = counts;
        let mut cells = vec![(*name).to_owned()];
        cells.extend([*objects, *lines, *rows].map(number));
        cells.extend(duplicates.then(|| number(counts.duplicates)));
        cells.push(number(*rejects));
        cells.push(ByteSize(counts.bytes_in).to_string());
        if written {
            cells.push(ByteSize(counts.bytes_out).to_string());
            cells.push(number(counts.days.len() as u64));
            cells.push(number(counts.files));
        }
        table.row(cells);
    }
    table.render()
}

fn totals(outcome: &Outcome, elapsed: Duration) -> String {
    let rows: u64 = outcome.tables.values().map(|table| table.rows).sum();
    let seconds = elapsed.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people; a float that is too large becomes the largest integer"
    )]
    let rate = (rows as f64 / seconds.max(0.001)) as u64;
    let mut text = format!(
        "{} in {} ({} rows/s)\n",
        count(rows, "row"),
        took(elapsed),
        number(rate)
    );
    let _ = writeln!(text, "{}", object_words(outcome));
    text.push_str(&changed(outcome));
    text
}

/// Seconds, with two digits where one would say nothing.
fn took(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

fn object_words(outcome: &Outcome) -> String {
    let objects = &outcome.objects;
    let mut text = format!("{} listed", count(objects.listed, "object"));
    let parts = [
        (objects.new, "new"),
        (objects.committed, "done"),
        (objects.partial, "damaged and cut short"),
        (objects.skipped, "skipped"),
        (objects.unwanted, "of another format"),
        (objects.failed, "failed"),
    ];
    for (value, word) in parts.into_iter().chain(left(objects)) {
        if value > 0 {
            let _ = write!(text, ", {} {word}", number(value));
        }
    }
    text
}

/// What was read but is not as it should be.
fn blemishes(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (name, counts) in &outcome.tables {
        if !counts.unconverted.is_empty() {
            let columns: Vec<String> = counts
                .unconverted
                .iter()
                .map(|(column, values)| format!("{column} {}", number(*values)))
                .collect();
            let _ = writeln!(
                text,
                "{name}: values that did not convert and became null: {}",
                columns.join(", ")
            );
        }
        if counts.invalid_text > 0 {
            let _ = writeln!(
                text,
                "{name}: values with bytes that are not UTF-8, written as \\xHH: {}",
                number(counts.invalid_text)
            );
        }
    }
    text
}

fn whereabouts(outcome: &Outcome, place: &str, told: &Told<'_>) -> String {
    let place = one_line(place.trim_end_matches('/'));
    let mut text = format!("dataset: {place}\n");
    let largest = outcome
        .tables
        .iter()
        .max_by_key(|(_, counts)| counts.rows)
        .map(|(name, _)| name);
    if let (Some(table), true) = (largest, told.local && is_plain(&place)) {
        let _ = writeln!(
            text,
            "try: duckdb -c \"SELECT count(*) FROM read_parquet('{place}/{table}/**/*.parquet')\""
        );
    }
    if told.ledger {
        let _ = writeln!(text, "try: s3logs status {place}");
    }
    text
}

/// Whether a path can stand in a command as it is, between quotes of two kinds.
fn is_plain(place: &str) -> bool {
    !place.contains(['\'', '"', '$', '`', '\\', '*', '?', '['])
}

/// The result of `download` (`word` is `downloaded`) or `upload`.
pub fn transfer_text(
    done: &Transferred,
    word: &str,
    place: &str,
    dry_run: bool,
    elapsed: Duration,
) -> String {
    let objects = count(done.transferred, "object");
    let size = ByteSize(done.bytes);
    let place = one_line(place);
    let mut text = if dry_run {
        format!("{objects} ({size}) would be {word} to {place}")
    } else {
        let took = took(elapsed);
        format!("{word} {objects} ({size}) to {place} in {took}")
    };
    for (value, words) in [(done.present, "there already"), (done.failed, "failed")] {
        if value > 0 {
            let _ = write!(text, "; {} {words}", number(value));
        }
    }
    text.push('\n');
    text
}

/// The result of `merge`.
pub fn merge_text(merged: &Merged, place: &str, dry_run: bool, elapsed: Duration) -> String {
    let mut text = merged_files(merged, dry_run);
    let place = one_line(place);
    let objects = count(merged.objects.merged, "object");
    let files = count(merged.outputs.len() as u64, "file");
    // Writing to a string cannot fail.
    let _ = if dry_run {
        write!(text, "{objects} would be merged to {files} in {place}")
    } else {
        write!(
            text,
            "merged {objects} ({}) to {files} ({}), {}, in {place} in {}",
            ByteSize(merged.bytes_in),
            ByteSize(merged.bytes_out),
            count(merged.lines, "line"),
            took(elapsed)
        )
    };
    let parts = [
        (merged.objects.partial, "damaged and cut short"),
        (merged.objects.skipped, "skipped"),
        (merged.objects.failed, "failed"),
    ];
    for (value, words) in parts {
        if value > 0 {
            let _ = write!(text, "; {} {words}", number(value));
        }
    }
    text.push('\n');
    text
}

/// The outputs; of those that are only planned, lines and size are not known yet.
fn merged_files(merged: &Merged, dry_run: bool) -> String {
    if merged.outputs.is_empty() {
        return String::new();
    }
    let headings: &[&str] = if dry_run {
        &["file", ">objects", ">bytes to read"]
    } else {
        &["file", ">objects", ">size", ">lines"]
    };
    let mut table = Table::new(headings);
    for file in &merged.outputs {
        let size = ByteSize(file.bytes).to_string();
        let mut cells = vec![one_line(&file.path), number(file.objects), size];
        if !dry_run {
            cells.push(number(file.lines));
        }
        table.row(cells);
    }
    format!("{}\n", table.render())
}

#[cfg(test)]
mod tests;
