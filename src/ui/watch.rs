//! Shows what a job reports while it works.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{Event, Observer};
use crate::pipeline::{Background, background};

use super::Ui;
use super::bars::Bars;
use super::json;
use super::lines::Lines;
use super::notices::{Loudness, Notices};
use super::output::Output;
use super::tally::Tally;

/// Time between two looks at the state of things.
const TICK: Duration = Duration::from_millis(100);

/// Nothing is drawn for what takes less than this.
const PATIENCE: Duration = Duration::from_millis(250);

/// What standard output carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The verb's result at the end; with JSON every event before it.
    Events,
    /// The data itself, row by row; with JSON only what concerns its completeness goes between.
    Rows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawn {
    Bars,
    Lines,
    Nothing,
}

/// A job's observer, until [`finish`](Self::finish).
#[derive(Debug)]
pub struct Watch {
    reporter: Arc<Reporter>,
    elsewhere: Option<String>,
    ticker: Background,
}

impl Watch {
    pub(super) fn start(ui: &Ui, flow: Flow, elsewhere: Option<String>) -> Self {
        let reporter = Arc::new(Reporter {
            state: Mutex::new(State {
                tally: Tally::default(),
                notices: Notices::new(ui.style.loudness),
                lines: Lines::default(),
                over: false,
            }),
            bars: Arc::clone(&ui.bars),
            output: Arc::clone(&ui.output),
            json: ui.style.json.then_some(flow),
            drawn: drawn(ui, flow),
            started: ui.started,
        });
        let ticking = Arc::clone(&reporter);
        let ticker = background(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                ticking.tick();
            }
        });
        Self {
            reporter,
            elsewhere,
            ticker,
        }
    }

    /// The observer to hand to the job.
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.reporter) as Arc<dyn Observer>
    }

    /// Tells of a rejected line of an object.
    pub fn reject(&self, key: &str, line: u64, reason: &str) {
        let told = self.reporter.state().notices.reject(key, line, reason);
        if let Some(told) = told {
            self.reporter.bars.line(&told);
        }
    }

    /// Takes the bar away and tells what was not told one by one.
    pub fn finish(self) {
        drop(self.ticker);
        let mut state = self.reporter.state();
        // A last tick may still be under way; from here on it draws nothing.
        state.over = true;
        self.reporter.bars.clear();
        for line in state.notices.rest(self.elsewhere.as_deref()) {
            self.reporter.bars.line(&line);
        }
    }
}

fn drawn(ui: &Ui, flow: Flow) -> Drawn {
    // A bar under rows on the same terminal would tear them.
    let torn = flow == Flow::Rows && std::io::stdout().is_terminal();
    if ui.style.json || ui.style.loudness == Loudness::Quiet || torn {
        Drawn::Nothing
    } else if std::io::stderr().is_terminal() {
        Drawn::Bars
    } else {
        Drawn::Lines
    }
}

#[derive(Debug)]
struct Reporter {
    state: Mutex<State>,
    bars: Arc<Bars>,
    output: Arc<Output>,
    json: Option<Flow>,
    drawn: Drawn,
    started: Instant,
}

#[derive(Debug)]
struct State {
    tally: Tally,
    notices: Notices,
    lines: Lines,
    over: bool,
}

impl Reporter {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let elapsed = self.started.elapsed();
        let mut state = self.state();
        if state.over {
            return;
        }
        let tally = state.tally;
        match self.drawn {
            Drawn::Bars if elapsed >= PATIENCE => self.bars.show(&tally),
            Drawn::Lines => {
                if let Some(line) = state.lines.line(elapsed, &tally) {
                    self.bars.line(&line);
                }
            }
            _ => {}
        }
        drop(state);
        if self.json.is_some() {
            // A reader that has gone away is noticed when the summary is written.
            drop(self.output.flush());
        }
    }

    fn emit(&self, event: &Event, flow: Flow) {
        let about_data = matches!(
            event,
            Event::Failed { .. } | Event::Skipped { .. } | Event::Warned { .. }
        );
        if flow == Flow::Rows && !about_data {
            return;
        }
        // The same holds here: work goes on when nobody reads about it.
        drop(json::line(event).and_then(|line| self.output.write(&line)));
        // One flush for each of a million objects would cost seconds; those wait for the ticker.
        let frequent = matches!(
            event,
            Event::Fetched { .. } | Event::Stored { .. } | Event::Parsed { .. }
        );
        if !frequent {
            drop(self.output.flush());
        }
    }
}

impl Observer for Reporter {
    fn on(&self, event: &Event) {
        if let Some(flow) = self.json {
            self.emit(event, flow);
        }
        let mut state = self.state();
        state.tally.take(event);
        let lines = state.notices.lines(event);
        drop(state);
        for line in lines {
            self.bars.line(&line);
        }
    }
}
