//! The moving parts: the only place with tasks and channels.
//!
//! Fetches run ahead within a budget of bytes, CPU work runs on the pool of `cpu`, and everything
//! comes out in the order it went in, so that the same input gives the same files.

mod cancel;
mod feed;
mod fetch;

pub use cancel::{Cancel, Canceller};
pub use feed::{Feeder, feed};
pub use fetch::{Content, FetchLimits, Fetched, archived, fetch};
