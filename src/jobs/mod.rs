//! What each verb does, without a terminal.

pub mod checksum;
pub mod convert;
pub mod download;
pub mod error;
mod lines;
pub mod list;
pub mod merge;
pub mod parse;
pub mod place;
mod publish;
pub mod source;
pub mod status;
pub mod sync;
#[cfg(test)]
mod test_store;
pub mod transfer;
pub mod upload;
pub mod verify;
pub mod work;

pub use error::JobError;
pub use place::Place;
pub use work::WorkOptions;
