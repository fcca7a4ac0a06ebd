//! What each verb does, without a terminal.

pub mod convert;
pub mod error;
pub mod parse;
pub mod place;
mod publish;
pub mod source;
pub mod status;
pub mod sync;
pub mod work;

pub use error::JobError;
pub use place::Place;
pub use work::WorkOptions;
