//! The states an object goes through.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of an object, from being listed to being part of the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyState {
    /// Seen in the source, chosen for work.
    Listed,
    /// Its bytes have arrived.
    Fetched,
    /// Its lines have become rows.
    Parsed(Done),
    /// Its rows are in files that no commit names yet.
    Written(Done),
    /// Its rows count: a commit names them.
    Committed(Done),
    /// It could not be done.
    Failed {
        /// The step that failed.
        step: Step,
        /// Why, with the place.
        error: String,
        /// How often it has been tried.
        attempts: u32,
        /// Whether trying the same version again is pointless.
        lasting: bool,
    },
    /// It is no log.
    Skipped {
        /// Why.
        why: String,
    },
}

/// What an object gave: `lines = rows + duplicates + rejects + comments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The table its rows are in.
    pub table: String,
    /// Lines it holds.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines left out because a row has the same line (`--dedupe`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duplicates: u64,
    /// Lines that are kept as rejects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejects: u64,
    /// Header and blank lines.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub comments: u64,
    /// Whether the object is damaged and only the lines before the damage were taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A step of the work on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Reading it from its store.
    Fetch,
    /// Decompressing it.
    Gunzip,
    /// Cutting and converting its lines.
    Parse,
    /// Writing it or its rows.
    Write,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetch => "fetch",
            Self::Gunzip => "gunzip",
            Self::Parse => "parse",
            Self::Write => "write",
        })
    }
}

/// A move that would take back what is done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IllegalMove(pub String);

impl KeyState {
    /// One word for counting: `committed`, `failed`, ...
    pub fn name(&self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Fetched => "fetched",
            Self::Parsed(_) => "parsed",
            Self::Written(_) => "written",
            Self::Committed(_) => "committed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// What it becomes when its files are complete.
    #[must_use]
    pub fn written(self) -> Self {
        match self {
            Self::Parsed(done) => Self::Written(done),
            other => other,
        }
    }

    /// What it becomes when a commit names it.
    #[must_use]
    pub fn committed(self) -> Self {
        match self {
            Self::Written(done) => Self::Committed(done),
            other => other,
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.rank() == 4
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Listed => 0,
            Self::Fetched => 1,
            Self::Parsed(_) => 2,
            Self::Written(_) => 3,
            Self::Committed(_) | Self::Failed { .. } | Self::Skipped { .. } => 4,
        }
    }

    /// Moves on within a run: forward only, and from a settled state nowhere.
    ///
    /// # Errors
    /// [`IllegalMove`]; the state is then unchanged.
    pub fn advance(&mut self, to: Self) -> Result<(), IllegalMove> {
        if self.is_settled() || to.rank() < self.rank() {
            return Err(IllegalMove(format!(
                "{} cannot become {}",
                self.name(),
                to.name()
            )));
        }
        *self = to;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_only_move_forward() {
        let mut state = KeyState::Listed;
        let done = Done::default;
        state.advance(KeyState::Parsed(done())).expect("forward");
        assert!(state.advance(KeyState::Fetched).is_err());
        assert_eq!(state, KeyState::Parsed(done()));
        let written = state.clone().written();
        state.advance(written).expect("forward");
        let committed = state.clone().committed();
        assert_eq!(committed, KeyState::Committed(done()));
        state.advance(committed).expect("forward");
        assert!(
            state
                .advance(KeyState::Skipped { why: String::new() })
                .is_err()
        );
    }
}
