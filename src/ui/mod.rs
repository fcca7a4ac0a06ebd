//! Everything the user sees: bars, lines, JSON, tables, failures. The only place that prints.

mod bars;
#[cfg(feature = "query")]
mod browser;
mod failure;
mod json;
mod lines;
mod notices;
mod output;
mod plans;
#[cfg(feature = "query")]
mod prompt;
mod proof;
mod rebuilt;
#[cfg(feature = "query")]
mod report;
#[cfg(feature = "query")]
mod report_lines;
mod rows;
mod standing;
mod summary;
mod tables;
mod tally;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use bars::Bars;

pub use failure::{ErrorEvent, Exit, Failure, Kind};
pub use json::{Merge, Plan, Transfer, Work};
pub use notices::Loudness;
pub use output::Output;
pub use plans::plan_text;
#[cfg(feature = "query")]
pub use prompt::{Line, Prompt};
pub use proof::{verified_json, verified_text};
pub use rebuilt::{moved_json, rebuilt_json, rebuilt_text, repaired_json, repaired_text};
#[cfg(feature = "query")]
pub use report::report_on_terminal;
#[cfg(feature = "query")]
pub use report_lines::{CSV_HEADER, report_csv, report_json};
pub use rows::RowTable;
pub use standing::{status_json, status_text, stories_json, stories_text};
pub use summary::{Told, merge_text, nothing_text, report_text, requests_text, transfer_text};
pub use tables::{Table, count, number, one_line};
pub use watch::{Flow, Watch};

/// How the user wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Machine output on standard output.
    pub json: bool,
    /// How much is told on standard error.
    pub loudness: Loudness,
}

/// The terminal, for one run of a verb.
#[derive(Clone, Debug)]
pub struct Ui {
    verb: &'static str,
    style: Style,
    output: Arc<Output>,
    bars: Arc<Bars>,
    started: Instant,
}

impl Ui {
    /// The terminal for a verb that starts now.
    pub fn new(verb: &'static str, style: Style) -> Self {
        Self {
            verb,
            style,
            output: Arc::new(Output::stdout()),
            bars: Arc::default(),
            started: Instant::now(),
        }
    }

    /// How the user wants to be told.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Standard output.
    pub fn output(&self) -> &Arc<Output> {
        &self.output
    }

    /// Characters on a line of the terminal; `None` if standard output is none.
    pub fn width(&self) -> Option<usize> {
        let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
        Some(width.0.into())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Starts to show what a job reports. `elsewhere` is the command that shows all failures.
    pub fn watch(&self, flow: Flow, elsewhere: Option<String>) -> Watch {
        Watch::start(self, flow, elsewhere)
    }

    /// A line on standard error, unless the user wants it quiet.
    pub fn note(&self, text: &str) {
        if self.style.loudness != Loudness::Quiet {
            self.bars.line(text);
        }
    }

    /// A line on standard error, however quiet.
    pub fn alert(&self, text: &str) {
        self.bars.line(text);
    }

    /// What a verb was asked for, on standard output.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// The same, of bytes.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.output.write(bytes);
        written.map_err(|error| Failure::output(&error))
    }

    /// Lines for machines, which can hold anything that a log does: a terminal shows what would steer it.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn lines(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.width().is_none() {
            return self.bytes(bytes);
        }
        self.data(&tables::calm_lines(&String::from_utf8_lossy(bytes)))
    }

    /// A value as a line of JSON on standard output.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let written = json::line(value).and_then(|line| self.output.write(&line));
        written.map_err(|error| Failure::output(&error))
    }

    /// How the verb ended: JSON gets `body` as its last line, people get `text` unless they want it
    /// quiet.
    ///
    /// # Errors
    /// When the stream fails.
    pub fn conclude(&self, body: impl Serialize, text: &str, exit: Exit) -> Result<Exit, Failure> {
        if self.style.json {
            self.json(&json::Summary {
                event: "summary",
                verb: self.verb,
                body,
                seconds: (self.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
                exit: exit.code(),
            })?;
        } else if self.style.loudness != Loudness::Quiet {
            self.data(text)?;
        }
        Ok(exit)
    }

    /// Ends the run: renders a failure, hands the rest of the output on, says how to exit.
    pub fn end(&self, result: Result<Exit, Failure>) -> Exit {
        let flushed = |exit| match self.output.flush() {
            Ok(()) => Ok(exit),
            Err(error) => Err(Failure::output(&error)),
        };
        match result.and_then(flushed) {
            Ok(exit) => exit,
            Err(failure) => {
                self.bars.clear();
                if self.style.json {
                    // Where standard output is what failed there is nobody to tell.
                    drop(self.json(&failure.event()));
                    drop(self.output.flush());
                }
                let text = failure.render();
                if !text.is_empty() {
                    self.bars.line(text.trim_end());
                }
                failure.kind.exit()
            }
        }
    }
}
