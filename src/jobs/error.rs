//! Why a job could not go on. Failures of single objects are no error: they are counted.

use crate::ledger::{Held, LedgerError};
use crate::pipeline::WorkError;
use crate::store::StoreError;

/// Why a job ended early.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A store failed in a way that concerns the whole run.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(LedgerError),
    /// Another run is at work on the destination.
    #[error(transparent)]
    Held(#[from] Held),
    /// The destination ignores create-if-absent, so two runs could overwrite each other's commits.
    #[error("{place} does not honour conditional writes, which keep two runs apart")]
    Unconditional {
        /// The destination.
        place: String,
    },
    /// There is no ledger where one was expected.
    #[error("{place} is no dataset that sync keeps: it has no ledger")]
    NoDataset {
        /// Where.
        place: String,
    },
    /// What was asked for makes no sense together.
    #[error("{what}")]
    Misuse {
        /// What does not go.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// Temporary files cannot be written.
    #[error("cannot write temporary files to {folder}: {cause}")]
    Temporary {
        /// Where.
        folder: String,
        /// Why.
        cause: String,
    },
    /// Rows could not be encoded: a fault of this program.
    #[error("cannot encode {what}: {cause}")]
    Encode {
        /// What.
        what: String,
        /// Why.
        cause: String,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// Nobody reads the output any more.
    #[error("the output was closed")]
    Closed,
}

impl From<LedgerError> for JobError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Self::Store(error),
            other => Self::Ledger(other),
        }
    }
}

impl From<WorkError> for JobError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Store(error) => Self::Store(error),
            WorkError::Temporary { folder, cause } => Self::Temporary { folder, cause },
            WorkError::Encode { what, cause } => Self::Encode { what, cause },
            WorkError::Interrupted => Self::Interrupted,
        }
    }
}
