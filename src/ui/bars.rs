//! Standard error: notes, and the progress bar of a terminal under them.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::tally::Tally;

/// Redraws per second at most.
const HERTZ: u8 = 10;

/// The terminal's lines. Nothing is drawn before the first [`show`](Self::show).
#[derive(Debug)]
pub(super) struct Bars(ProgressBar);

impl Default for Bars {
    fn default() -> Self {
        Self(ProgressBar::hidden())
    }
}

impl Bars {
    /// Writes a line to standard error, above the bar if there is one. That nobody reads it is no
    /// reason to stop, so errors are dropped.
    pub(super) fn line(&self, text: &str) {
        self.0.suspend(|| {
            let mut line = text.to_owned();
            line.push('\n');
            drop(std::io::stderr().lock().write_all(line.as_bytes()));
        });
    }

    /// Draws how far things are.
    pub(super) fn show(&self, tally: &Tally) {
        let template = if let Some((done, all)) = tally.progress() {
            self.0.set_length(all);
            self.0.set_position(done);
            "{spinner} {elapsed_precise} [{bar:24}] {wide_msg}"
        } else {
            "{spinner} {elapsed_precise} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style.progress_chars("=> "));
        }
        self.0.set_message(tally.text());
        if self.0.is_hidden() {
            self.0
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
        }
        self.0.tick();
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}
