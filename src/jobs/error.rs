//! Why a job could not go on. Failures of single objects are no error: they are counted.

use crate::ledger::{Held, LedgerError};
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
