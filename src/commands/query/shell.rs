//! Statements one by one, from a terminal.

use std::env;
use std::path::PathBuf;

use crate::query::Engine;
use crate::ui::{self, Exit, Failure, Kind, Line, Prompt, Table, Ui};

use super::super::interrupt;
use super::Asking;

const HELP: &str = "\
SQL, ended by a semicolon; it may go over several lines. Ctrl-C ends a query, Ctrl-D the shell.
  \\d         lists the tables
  \\d TABLE   lists the columns of a table
  \\df        lists the functions that logs need
  \\q         ends the shell
";

pub(super) async fn run(asking: &Asking<'_>) -> Result<Exit, Failure> {
    let ui = asking.ui;
    ui.note("type \\? for help");
    let mut prompt = Prompt::new(history())?;
    let mut statement = String::new();
    loop {
        match prompt.read(!statement.is_empty())? {
            Line::End => break,
            Line::Cleared => statement.clear(),
            Line::Text(line) if is_command(&line, &statement) => {
                prompt.remember(&line);
                if !told(line.trim(), asking.engine, ui).await? {
                    break;
                }
            }
            Line::Text(line) => {
                statement.push_str(&line);
                statement.push('\n');
                if statement.trim().is_empty() {
                    statement.clear();
                } else if line.trim_end().ends_with(';') {
                    prompt.remember(statement.trim_end());
                    let text = std::mem::take(&mut statement);
                    if let Err(failure) = answer(&text, asking).await {
                        if failure.kind == Kind::Closed {
                            return Err(failure);
                        }
                        ui.alert(failure.render().trim_end());
                    }
                }
            }
        }
        ui.output()
            .flush()
            .map_err(|error| Failure::output(&error))?;
    }
    Ok(Exit::Done)
}

/// Whether a line is no SQL. A statement that was begun can be left with `\q`.
fn is_command(line: &str, statement: &str) -> bool {
    let line = line.trim().trim_end_matches(';');
    let is_word = ["exit", "quit", "help"].contains(&line.to_ascii_lowercase().as_str());
    if statement.is_empty() {
        line.starts_with('\\') || is_word
    } else {
        line == "\\q"
    }
}

async fn answer(text: &str, asking: &Asking<'_>) -> Result<(), Failure> {
    for query in asking.engine.statements(text)? {
        let started = asking.ui.elapsed();
        tokio::select! {
            rows = asking.tell(query) => {
                let seconds = asking.ui.elapsed().saturating_sub(started).as_secs_f64();
                let rows = ui::count(rows?, "row");
                asking.ui.output().flush().map_err(|error| Failure::output(&error))?;
                asking.ui.note(&format!("{rows}, {seconds:.2} s"));
            }
            () = interrupt::asked() => {
                asking.ui.alert("interrupted");
                break;
            }
        }
    }
    Ok(())
}

/// Does what a line that begins with a backslash says; returns whether to go on.
async fn told(command: &str, engine: &Engine, ui: &Ui) -> Result<bool, Failure> {
    let command = command.trim_end_matches(';');
    let (name, table) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    match (name.to_ascii_lowercase().as_str(), table.trim()) {
        ("\\q" | "exit" | "quit", _) => return Ok(false),
        ("\\d" | "\\dt", "") => {
            let mut shown = Table::new(&["table", ">rows", ">files", ">bytes"]);
            for (table, size) in engine.tables() {
                let numbers = [size.rows, size.files, size.bytes].map(ui::number);
                shown.row([table.clone()].into_iter().chain(numbers));
            }
            ui.data(&shown.render())?;
        }
        ("\\d", table) => match engine.columns(table).await {
            Some(columns) => {
                let mut shown = Table::new(&["column", "type"]);
                for (column, of) in columns {
                    shown.row([column, of]);
                }
                ui.data(&shown.render())?;
            }
            None => ui.alert(&format!("there is no table {}", ui::one_line(table))),
        },
        ("\\df", _) => {
            for (_, about) in engine.functions() {
                ui.data(&format!("{about}\n"))?;
            }
        }
        ("\\?" | "\\h" | "help", _) => ui.data(HELP)?,
        _ => ui.alert("there is no such command; \\? lists them"),
    }
    Ok(true)
}

/// Where lines are kept from one shell to the next.
fn history() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty());
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".local/state"));
    let state = state.map(PathBuf::from).or_else(home)?;
    Some(state.join("s3logs").join("history"))
}
