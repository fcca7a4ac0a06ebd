//! s3logs.
pub mod cpu;
pub mod event;
pub mod formats;
pub mod jobs;
pub mod ledger;
pub mod outcome;
pub mod parse;
pub mod pipeline;
pub mod plan;
pub mod schema;
pub mod store;
pub mod table;
pub mod units;
