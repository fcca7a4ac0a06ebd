//! s3logs.
pub mod cpu;
pub mod formats;
pub mod parse;
pub mod schema;
pub mod table;
pub mod units;
