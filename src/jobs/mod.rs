//! What each verb does, without a terminal.

pub mod error;
pub mod source;

pub use error::JobError;
