//! What a check of a dataset found, for people and for machines. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::jobs::verify::{Problem, Verified};
use crate::ledger::Done;

use super::tables::{count, number, one_line};

/// What `verify` shows.
pub fn verified_text(verified: &Verified, place: &str, quick: bool) -> String {
    let mut text = String::new();
    for problem in &verified.problems {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{}", problem_text(problem));
    }
    let _ = writeln!(text, "{}", listed(verified));
    if !quick {
        let _ = writeln!(
            text,
            "{} read again, {} counted",
            count(verified.recounted, "object"),
            count(verified.lines, "line")
        );
    }
    if verified.gone > 0 {
        let _ = writeln!(
            text,
            "{} more in the ledger: no longer in the source, or not selected",
            number(verified.gone)
        );
    }
    let _ = writeln!(
        text,
        "{} with {}",
        count(verified.files, "Parquet file"),
        count(verified.rows, "row")
    );
    if verified.duplicates > 0 {
        let left_out = count(verified.duplicates, "line");
        let proved = if quick {
            ""
        } else {
            ", each the same as a row"
        };
        let _ = writeln!(text, "{left_out} left out{proved}");
    }
    if verified.open > 0 {
        let _ = writeln!(
            text,
            "{} broke off; the next sync finishes it",
            count(verified.open, "batch")
        );
    }
    let place = one_line(place);
    let _ = match (verified.interrupted, verified.problems.len()) {
        (true, _) => writeln!(text, "{place}: interrupted, nothing is proved"),
        (false, 0) => writeln!(text, "{place}: {}", verdict(verified, quick)),
        (false, problems) => writeln!(text, "{place}: {}", count(problems as u64, "problem")),
    };
    for hint in ways_out(&verified.problems) {
        let _ = writeln!(text, "try: {hint}");
    }
    text
}

/// The source's objects, by what the ledger says of them.
fn listed(verified: &Verified) -> String {
    let objects = verified.objects.iter();
    let states: Vec<String> = objects
        .map(|(state, objects)| format!("{} {state}", number(*objects)))
        .collect();
    let states = if states.is_empty() {
        "none".to_owned()
    } else {
        states.join(", ")
    };
    let listed: u64 = verified.objects.values().sum();
    format!("{} in the source: {states}", count(listed, "object"))
}

/// What it means that nothing is off.
fn verdict(verified: &Verified, quick: bool) -> String {
    let failed = verified.objects.get("failed").copied().unwrap_or(0);
    let whole = match failed {
        0 => "complete".to_owned(),
        _ => format!("complete but for {} that failed", count(failed, "object")),
    };
    if quick {
        format!("{whole} by names, sizes and sums; --quick read no contents")
    } else {
        format!("{whole}, nothing is off")
    }
}

/// What to run against problems.
fn ways_out(problems: &[Problem]) -> Vec<&'static str> {
    let is_of_a_file = |problem: &Problem| {
        matches!(
            problem,
            Problem::Missing { .. }
                | Problem::Differs { .. }
                | Problem::Damaged { .. }
                | Problem::Orphan { .. }
        )
    };
    let is_unknown = |problem: &Problem| matches!(problem, Problem::Unknown { .. });
    let mut ways = Vec::new();
    if problems.iter().any(is_of_a_file) {
        ways.push("s3logs verify --repair SRC DEST, which makes missing files again and moves others away");
    }
    if problems.iter().any(is_unknown) {
        ways.push(
            "s3logs sync --full SRC DEST, which reads what is not in the ledger, however old",
        );
    }
    ways
}

/// What `verify` tells machines beside the problems.
pub fn verified_json(verified: &Verified) -> Value {
    json!({
        "objects": verified.objects,
        "recounted": verified.recounted,
        "lines": verified.lines,
        "gone": verified.gone,
        "files": verified.files,
        "rows": verified.rows,
        "duplicates": verified.duplicates,
        "open": verified.open,
        "problems": verified.problems.len(),
        "interrupted": verified.interrupted,
    })
}

fn problem_text(problem: &Problem) -> String {
    match problem {
        Problem::NoSource => "no object in the source, so nothing is proved".to_owned(),
        Problem::Unknown { key } => format!("not in the ledger: {}", one_line(key)),
        Problem::Replaced { key } => format!("replaced since it was read: {}", one_line(key)),
        Problem::Recount {
            key,
            recorded,
            found,
        } => format!(
            "other counts: {}: {} recorded, {} now",
            one_line(key),
            counts(recorded),
            counts(found)
        ),
        Problem::Unreadable { key, error } => {
            format!("cannot be read: {}: {}", one_line(key), one_line(error))
        }
        Problem::Missing { path } => format!("missing: {}", one_line(path)),
        Problem::Differs {
            path,
            what,
            recorded,
            found,
        } => format!(
            "other {what}: {}: {} recorded, {} now",
            one_line(path),
            number(*recorded),
            number(*found)
        ),
        Problem::Damaged { path, error } => {
            format!("damaged: {}: {}", one_line(path), one_line(error))
        }
        Problem::Duplicates {
            table,
            objects,
            days,
        } => format!(
            "duplicates of {}: {} in objects, {} in days",
            one_line(table),
            number(*objects),
            number(*days)
        ),
        Problem::Alone { table, day, lines } => format!(
            "left out without a row that is the same: {} of {} {day}",
            count(*lines, "line"),
            one_line(table)
        ),
        Problem::Orphan { path } => format!("named by no commit: {}", one_line(path)),
        Problem::Sum {
            table,
            day,
            objects,
            files,
        } => {
            let day = day.map_or_else(String::new, |day| format!(" of {day}"));
            format!(
                "rows of {}{day}: {} in objects, {} in files",
                one_line(table),
                number(*objects),
                number(*files)
            )
        }
    }
}

fn counts(done: &Done) -> String {
    let mut text = format!(
        "{} = {} + {} + {}",
        count(done.lines, "line"),
        count(done.rows, "row"),
        count(done.rejects, "reject"),
        count(done.comments, "comment")
    );
    if done.duplicates > 0 {
        let _ = write!(text, " + {}", count(done.duplicates, "duplicate"));
    }
    text
}
