//! What each verb does, without a terminal.

pub mod checksum;
pub mod download;
pub mod error;
pub mod list;
pub mod merge;
pub mod source;
#[cfg(test)]
mod test_store;
pub mod transfer;
pub mod upload;

pub use error::JobError;
