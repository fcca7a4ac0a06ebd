//! What can go wrong with a query.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::inventory::InventoryError;
use crate::ledger::LedgerError;

/// A query that gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no commit.
    #[error("there is no dataset")]
    NoDataset,
    /// The SQL makes no sense, or asks for what is not there.
    #[error("{0}")]
    Sql(String),
    /// It would change something.
    #[error("{0}")]
    ReadOnly(String),
    /// The inventory cannot be read.
    #[error("{0}")]
    Inventory(String),
    /// A database of addresses cannot be used.
    #[error("{0}")]
    Places(String),
    /// It needs more memory than it may take.
    #[error("{0}")]
    Memory(String),
    /// Temporary files cannot be written.
    #[error("cannot write temporary files to {folder}: {error}")]
    Temporary {
        /// Where.
        folder: String,
        /// Why.
        error: std::io::Error,
    },
    /// A value does not allow what is asked of it.
    #[error("{0}")]
    Value(String),
    /// Reading or computing failed.
    #[error("{0}")]
    Failed(String),
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        let text = message(root);
        match root {
            DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_) => Self::Sql(text),
            DataFusionError::ArrowError(error, _) if is_of_values(error) => Self::Value(text),
            DataFusionError::ResourcesExhausted(_) => Self::Memory(text),
            DataFusionError::External(error) if error.is::<InventoryError>() => {
                Self::Inventory(text)
            }
            _ => Self::Failed(text),
        }
    }
}

/// Whether a statement asks for what its values do not allow, such as to divide by zero.
fn is_of_values(error: &ArrowError) -> bool {
    matches!(
        error,
        ArrowError::DivideByZero
            | ArrowError::ArithmeticOverflow(_)
            | ArrowError::CastError(_)
            | ArrowError::ParseError(_)
            | ArrowError::ComputeError(_)
            | ArrowError::InvalidArgumentError(_)
    )
}

/// The first line, without the name of the stage and what the engine's developers want to hear.
fn message(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    let known = [
        "SQL error: ",
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Parquet error: ",
        "Resources exhausted: ",
    ];
    let mut text = text;
    for stage in known {
        text = text.strip_prefix(stage).unwrap_or(text);
    }
    let text = text
        .strip_prefix("ParserError(\"")
        .and_then(|text| text.strip_suffix("\")"))
        .unwrap_or(text);
    text.trim_end_matches('.').to_owned()
}
