//! The state of a dataset and of single objects, for people and for machines. Pure.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::jobs::status::{Status, Story};
use crate::ledger::KeyState;
use crate::units::{ByteSize, rfc3339};

use super::tables::{Table, count, number, one_line};

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
    for (heading, stories) in [("failed", &status.failures), ("skipped", &status.skipped)] {
        if !stories.is_empty() {
            let _ = writeln!(text, "\n{heading}:");
        }
        for story in stories {
            let name = one_line(&story.name);
            let _ = writeln!(text, "  {name}: {}", what_became(&story.entry.state));
        }
    }
    text.push_str(&under_way(status));
    text
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
    if let Some(held) = &status.lease {
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
        open => open.name().to_owned(),
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
            "  {}, ETag {}",
            ByteSize(entry.size),
            one_line(&entry.etag)
        );
        let commit = if entry.commit > 0 {
            format!("commit {}", entry.commit)
        } else {
            "not committed".to_owned()
        };
        let state = entry.state.name();
        let _ = writeln!(text, "  {commit}, {state}: {}", what_became(&entry.state));
    }
    text
}

#[derive(Serialize)]
struct StoryLine<'a> {
    event: &'static str,
    key: &'a str,
    etag: &'a str,
    size: u64,
    commit: u64,
    #[serde(flatten)]
    state: &'a KeyState,
}

fn story_line(event: &'static str, story: &Story) -> Value {
    let line = StoryLine {
        event,
        key: &story.name,
        etag: &story.entry.etag,
        size: story.entry.size,
        commit: story.entry.commit,
        state: &story.entry.state,
    };
    // Texts and numbers always convert.
    serde_json::to_value(line).unwrap_or_default()
}

/// What `status DEST KEY` tells machines, an object a line.
pub fn stories_json(stories: &[Story]) -> Vec<Value> {
    let line = |story| story_line("object", story);
    stories.iter().map(line).collect()
}

/// What `status DEST` tells machines, a thing a line.
pub fn status_json(status: &Status) -> Vec<Value> {
    let mut lines = vec![json!({"event": "dataset", "head": status.head})];
    for (state, objects) in &status.states {
        lines.push(json!({"event": "state", "state": state, "objects": objects}));
    }
    for (table, counts) in &status.tables {
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
        lines.push(line);
    }
    let failures = status.failures.iter();
    lines.extend(failures.map(|story| story_line("failure", story)));
    let skipped = status.skipped.iter();
    lines.extend(skipped.map(|story| story_line("skip", story)));
    for open in &status.open {
        lines.push(json!({"event": "open", "batch": open.batch, "objects": open.objects}));
    }
    if let Some(held) = &status.lease {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::status::{OpenIntent, TableStatus};
    use crate::ledger::{Done, Entry, Held, Owner, Step};

    fn story(name: &str, state: KeyState) -> Story {
        Story {
            name: format!("s3://logs/{name}"),
            entry: Entry {
                etag: "0123abcd".to_owned(),
                size: 2048,
                state,
                commit: 7,
            },
        }
    }

    fn failed(lasting: bool) -> KeyState {
        KeyState::Failed {
            step: Step::Gunzip,
            error: "the stream ends early".to_owned(),
            attempts: 3,
            lasting,
        }
    }

    fn done() -> KeyState {
        KeyState::Committed(Done {
            table: "s3_access".to_owned(),
            lines: 12,
            rows: 10,
            duplicates: 0,
            rejects: 1,
            comments: 1,
            partial: false,
        })
    }

    fn status() -> Status {
        let table = TableStatus {
            objects: 5000,
            rows: 499_980,
            duplicates: 0,
            rejects: 20,
            partial: 0,
            files: 2,
            bytes: 11 << 20,
            first_day: "2024-02-28".parse().ok(),
            last_day: "2024-02-29".parse().ok(),
        };
        let why = "not a log: it is a PNG image".to_owned();
        Status {
            head: 7,
            states: [("committed", 5000), ("failed", 2), ("skipped", 1)].into(),
            tables: [("s3_access".to_owned(), table)].into(),
            failures: vec![story("a.gz", failed(true)), story("b.gz", failed(false))],
            skipped: vec![story("c.png", KeyState::Skipped { why })],
            open: vec![OpenIntent {
                batch: "b0b0".to_owned(),
                objects: 40,
            }],
            lease: Some(Held {
                owner: Owner {
                    host: "build-7".to_owned(),
                    boot: String::new(),
                    pid: 4711,
                    started: 1,
                },
                since: 1_709_251_199_000_000,
                expires: 1_709_251_319_000_000,
            }),
        }
    }

    #[test]
    fn a_dataset_in_words() {
        insta::assert_snapshot!(status_text(&status(), "s3://lake/logs"));
        assert_eq!(
            status_text(&Status::default(), "lake"),
            "lake: nothing has been committed there\n"
        );
    }

    #[test]
    fn a_dataset_as_json() {
        let lines: Vec<String> = status_json(&status())
            .iter()
            .map(Value::to_string)
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn an_object_in_words_and_as_json() {
        let stories = [story("a.gz", failed(true)), story("d.gz", done())];
        let lines: Vec<String> = stories_json(&stories)
            .iter()
            .map(Value::to_string)
            .collect();
        insta::assert_snapshot!(format!(
            "{}---\n{}",
            stories_text(&stories),
            lines.join("\n")
        ));
    }
}
