//! Batches of rows to Parquet files: split by day, sort, encode, name.
//!
//! Synchronous, and without storage: files are written wherever the caller opened them.

mod column;
mod export;
mod footer;
mod order;
mod partition;
pub mod path;
mod writer;

pub use export::Export;
pub use footer::{Footer, footer_in};
pub use order::BYTES as ORDER_BYTES;
pub use partition::{Piece, split_by_day};
pub use writer::{FileSummary, OpenFile, WriteOptions, write_file, write_rows};
