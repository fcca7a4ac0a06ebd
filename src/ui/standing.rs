//! The state of a dataset and of single objects, for people and for machines. Pure.

mod json;

use std::fmt::Write as _;

use crate::jobs::status::{Status, Story};
use crate::ledger::KeyState;
use crate::units::{ByteSize, rfc3339};

use super::tables::{Table, count, number, one_line};

pub use json::{status_json, stories_json};

/// Days and objects that are told one by one; JSON has all of them.
const SHOWN: usize = 20;

/// What `status DEST` shows.
pub fn status_text(status: &Status, place: &str) -> String {
    let place = one_line(place);
    let mut text = String::new();
    if status.head == 0 && status.open.is_empty() {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{place}: nothing has been committed there");
    } else {
        let _ = writeln!(text, "{place}: {}", count(status.head, "commit"));
    }
    if !status.states.is_empty() {
        let mut table = Table::new(&["state", ">objects"]);
        for (state, objects) in &status.states {
            table.row([(*state).to_owned(), number(*objects)]);
        }
        let _ = write!(text, "\n{}", table.render());
    }
    text.push_str(&tables(status));
    text.push_str(&days(status));
    text.push_str(&commits(status));
    for (heading, list) in [("failed", &status.failures), ("skipped", &status.skipped)] {
        if !list.is_empty() {
            let _ = writeln!(text, "\n{heading}:");
        }
        for one in list.iter().take(SHOWN) {
            let name = one_line(&one.name);
            let _ = writeln!(text, "  {name}: {}", what_became(&one.entry.state));
        }
        text.push_str(&and_more(list.len(), "more"));
    }
    text.push_str(&under_way(status));
    text
}

fn and_more(all: usize, what: &str) -> String {
    match all.saturating_sub(SHOWN) {
        0 => String::new(),
        rest => format!("  and {} {what}; --json tells all\n", number(rest as u64)),
    }
}

fn days(status: &Status) -> String {
    if status.days.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["day of key", ">committed", ">failed", ">skipped", ">bytes"]);
    let shown = status
        .days
        .iter()
        .skip(status.days.len().saturating_sub(SHOWN));
    for (day, states) in shown {
        table.row([
            day.to_string(),
            number(states.committed),
            number(states.failed),
            number(states.skipped),
            ByteSize(states.bytes).to_string(),
        ]);
    }
    let mut text = format!("\n{}", table.render());
    text.push_str(&and_more(status.days.len(), "earlier days"));
    let late = |share| status.lateness.quantile(share).map(span);
    if let (Some(half), Some(most)) = (late(0.5), late(0.99)) {
        let max = span(status.lateness.max);
        let _ = writeln!(
            text,
            "\nlateness (last modified after the end of the time in the key): p50 {half}, p99 {most}, max {max}"
        );
    }
    text
}

fn whole_seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000) * 1_000_000
}

/// A span of time in the two largest units that it has.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m {}s", seconds % 60),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

fn commits(status: &Status) -> String {
    if status.commits.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ">commit", "written", "batch", ">objects", ">rows", ">files", ">bytes",
    ]);
    for commit in &status.commits {
        table.row([
            commit.sequence.to_string(),
            rfc3339(whole_seconds(commit.written)),
            one_line(&commit.batch),
            number(commit.objects),
            number(commit.rows),
            number(commit.files),
            ByteSize(commit.bytes).to_string(),
        ]);
    }
    format!("\n{}", table.render())
}

fn tables(status: &Status) -> String {
    if status.tables.is_empty() {
        return String::new();
    }
    let duplicates = status.tables.values().any(|table| table.duplicates > 0);
    let mut headings = vec!["table", ">objects", ">rows"];
    headings.extend(duplicates.then_some(">duplicates"));
    headings.extend([">rejects", ">partial", ">files", ">bytes", "first", "last"]);
    let mut table = Table::new(&headings);
    for (name, counts) in &status.tables {
        let day =
            |day: Option<crate::units::Day>| day.map_or_else(String::new, |day| day.to_string());
        let mut cells = vec![one_line(name), number(counts.objects), number(counts.rows)];
        cells.extend(duplicates.then(|| number(counts.duplicates)));
        cells.extend([
            number(counts.rejects),
            number(counts.partial),
            number(counts.files),
            ByteSize(counts.bytes).to_string(),
            day(counts.first_day),
            day(counts.last_day),
        ]);
        table.row(cells);
    }
    format!("\n{}", table.render())
}

fn under_way(status: &Status) -> String {
    let mut text = String::new();
    if !status.open.is_empty() {
        text.push_str("\nbroken off, to be finished by the next sync:\n");
    }
    for open in &status.open {
        let objects = count(open.objects, "object");
        let _ = writeln!(text, "  batch {} of {objects}", one_line(&open.batch));
    }
    for held in &status.leases {
        let _ = writeln!(
            text,
            "\nat work: process {} on {} since {}, lease until {}",
            held.owner.pid,
            one_line(&held.owner.host),
            rfc3339(held.since),
            rfc3339(held.expires)
        );
    }
    text
}

/// A state in words.
fn what_became(state: &KeyState) -> String {
    match state {
        KeyState::Committed(done) => {
            let partial = if done.partial {
                "; the object is damaged, what follows the damage is missing"
            } else {
                ""
            };
            let duplicates = match done.duplicates {
                0 => String::new(),
                lines => format!(", {}", count(lines, "duplicate")),
            };
            format!(
                "done: {} = {}{duplicates}, {}, {}; table {}{partial}",
                count(done.lines, "line"),
                count(done.rows, "row"),
                count(done.rejects, "reject"),
                count(done.comments, "comment"),
                one_line(&done.table)
            )
        }
        KeyState::Failed {
            step,
            error,
            attempts,
            lasting,
        } => {
            let next = if *lasting {
                "again only with --retry-failed or when it changes"
            } else {
                "again by the next sync"
            };
            let attempts = count(u64::from(*attempts), "attempt");
            format!("{step}: {} ({attempts}; {next})", one_line(error))
        }
        KeyState::Skipped { why } => one_line(why),
        _ => "work on it broke off; the next sync goes on".to_owned(),
    }
}

/// What `status DEST KEY` shows.
pub fn stories_text(stories: &[Story]) -> String {
    let mut text = String::new();
    for story in stories {
        let entry = &story.entry;
        let _ = writeln!(text, "{}", one_line(&story.name));
        let _ = writeln!(
            text,
            "  listed: {}, ETag {}, last modified {}",
            ByteSize(entry.size),
            one_line(&entry.etag),
            rfc3339(whole_seconds(story.modified))
        );
        let batch = one_line(&story.batch);
        let commit = if entry.commit > 0 {
            format!("commit {}, batch {batch}", entry.commit)
        } else {
            format!("not committed, batch {batch}")
        };
        let state = entry.state.name();
        let _ = writeln!(text, "  {commit}");
        let _ = writeln!(text, "  {state}: {}", what_became(&entry.state));
        for path in story.outputs.iter().take(SHOWN) {
            let _ = writeln!(text, "  rows of the batch: {}", one_line(path));
        }
        text.push_str(&and_more(story.outputs.len(), "files"));
        if let Some(path) = &story.rejects {
            let _ = writeln!(text, "  rejects of the batch: {}", one_line(path));
        }
    }
    text
}

#[cfg(test)]
mod tests;
