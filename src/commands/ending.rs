//! How verbs end: what `sync`, `convert` and `parse` have in common.

use crate::jobs::source::Nothing;
use crate::jobs::sync::{Planned, Report};
use crate::store::Location;
use crate::ui::{self, Exit, Failure, Plan, Told, Ui, Work};

/// How a run is to be judged and told.
pub(super) struct Ending<'a> {
    /// The source as the user wrote it.
    pub(super) source: String,
    /// The destination, if there is one.
    pub(super) place: Option<&'a Location>,
    /// Whether there is a ledger that remembers.
    pub(super) ledger: bool,
    /// Most rejected lines that are no reason for another exit code.
    pub(super) max_rejected: u64,
}

impl Ending<'_> {
    /// Tells what was done and says how to exit.
    pub(super) fn report(&self, report: &Report, ui: &Ui) -> Result<Exit, Failure> {
        let rejects = report.outcome.rejects();
        let excess = rejects > self.max_rejected;
        let objects = &report.outcome.objects;
        let failed = objects.failed + objects.partial;
        let exit = Exit::of_work(report.interrupted, failed, excess);
        let text = self.text(report, ui);
        // The rows of `parse` have standard output for themselves.
        let exit = if self.place.is_some() || ui.style().json {
            ui.conclude(Work::of(report), &text, exit)?
        } else {
            if !text.is_empty() {
                ui.note(text.trim_end());
            }
            exit
        };
        if excess {
            ui.alert(&self.rejects_note(rejects));
        }
        if report.interrupted {
            ui.alert(self.interrupted_note());
        }
        Ok(exit)
    }

    fn text(&self, report: &Report, ui: &Ui) -> String {
        if let Some(nothing) = &report.nothing {
            let text = ui::nothing_text(&self.source, nothing);
            match nothing {
                // A typo in a cron job must not look like success.
                Nothing::Empty { .. } => ui.alert(&text),
                Nothing::Unselected { .. } => ui.note(&text),
            }
            return String::new();
        }
        let place = self.place.map(ToString::to_string);
        let told = Told {
            place: place.as_deref(),
            local: matches!(self.place, Some(Location::Local(_))),
            ledger: self.ledger,
            elapsed: ui.elapsed(),
        };
        ui::report_text(report, &told)
    }

    fn rejects_note(&self, rejects: u64) -> String {
        let lines = ui::count(rejects, "line");
        let allowed = ui::number(self.max_rejected);
        match self.place {
            Some(place) => {
                let place = place.to_string();
                format!(
                    "{lines} rejected, more than --max-rejected {allowed}; they are kept under {}/_s3logs/",
                    ui::one_line(place.trim_end_matches('/'))
                )
            }
            None => format!(
                "{lines} rejected, more than --max-rejected {allowed}; --rejects FILE keeps them"
            ),
        }
    }

    fn interrupted_note(&self) -> &'static str {
        match (self.place, self.ledger) {
            (Some(_), true) => "interrupted; run the same command again: what is committed stays",
            _ => "interrupted; run the same command again for the rest",
        }
    }

    /// Tells what would be done.
    pub(super) fn plan(&self, planned: &Planned, ui: &Ui) -> Result<Exit, Failure> {
        let text = match &planned.nothing {
            Some(nothing) => {
                ui.note(&ui::nothing_text(&self.source, nothing));
                String::new()
            }
            None => ui::plan_text(planned),
        };
        ui.conclude(Plan::of(planned), &text, Exit::Done)
    }
}

/// The command that shows what a dataset's ledger remembers.
pub(super) fn status_command(place: &Location) -> String {
    format!("s3logs status {}", ui::one_line(&place.to_string()))
}
