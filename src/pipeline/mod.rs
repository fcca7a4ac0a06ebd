//! The moving parts: the only place with tasks and channels.
//!
//! Fetches run ahead within a budget of bytes, CPU work runs on the pool of `cpu`, and everything
//! comes out in the order it went in, so that the same input gives the same files.

mod apart;
mod at_once;
mod background;
mod batch;
mod budget;
mod cancel;
mod decode;
mod dedupe;
mod feed;
mod fetch;
mod gather;
mod history;
mod large;
mod meanwhile;
mod parts;
mod piece;
mod prints;
mod provenance;
mod read;
mod stream;
mod twins;
mod workbench;

pub use apart::{Apart, apart};
pub use at_once::at_once;
pub use background::{Background, background};
pub use batch::{Encoded, Work, WorkError, count_object, run_batch};
pub use budget::Budget;
pub use cancel::{Cancel, Canceller};
pub use decode::{Failure, Rejected, Rows, Rules, Verdict};
pub use dedupe::LinesPart;
pub use feed::{Feed, Feeder, feed};
pub use fetch::{Content, FetchLimits, Fetched, archived, fetch, fetch_unordered};
pub use history::{History, KnownLines};
pub use meanwhile::keep_doing;
pub use parts::{Part, RejectsPart};
pub use read::{Found, Reading, Render, read_objects, read_stream};
pub use twins::Twins;
