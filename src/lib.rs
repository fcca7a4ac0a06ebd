//! AWS access logs to one typed, sorted, compacted Parquet dataset, exactly once.
//!
//! # Map
//!
//! ```text
//! main                          parse arguments, run, exit code
//!  commands   ui                one file per verb; bars, lines, JSON, tables, failures
//!   report                      what a table of logs shows
//!   jobs       query            what a verb does, without a terminal; SQL
//!    pipeline   plan  timelapse tasks and channels; which objects, in which batches; films
//!     formats parse table ledger    four that never import each other
//!      schema   store traffic   the vocabulary of formats; S3, a folder, memory; agents, cities
//!      inventory               lists of a bucket's objects
//!       event outcome cpu units     what everything shares
//! ```
//!
//! Imports only point down; a test holds that. A tour: [`formats`] has one file of data per log
//! format; [`parse`] turns bytes into columns by that data; [`table`] turns columns into sorted
//! Parquet files; [`ledger`] says what is done and what a commit is; [`pipeline`] moves objects
//! through all of it in bounded memory; [`jobs::sync`] is the whole path.
//!
//! # Ideas
//!
//! - A log format is data: its field table drives the parser, the Arrow schema, the help and the
//!   tests.
//! - The core is pure and synchronous. Async lives in [`store`], [`pipeline`] and [`jobs`]; CPU
//!   work crosses one bridge, [`cpu::run`].
//! - Plan, then execute, then commit. The dataset's commit log is the only truth about what is
//!   done.
//! - The library emits [`event::Event`]s; only `ui` prints.
//!
//! The modules are public for the tests and benchmarks of this repository; they come with no
//! promise of stability.

pub mod commands;
pub mod cpu;
pub mod event;
pub mod formats;
#[cfg(feature = "query")]
pub mod inventory;
pub mod jobs;
pub mod ledger;
pub mod outcome;
pub mod parse;
pub mod pipeline;
pub mod plan;
#[cfg(feature = "query")]
pub mod query;
#[cfg(feature = "query")]
pub mod report;
pub mod schema;
pub mod store;
pub mod table;
#[cfg(feature = "query")]
pub mod timelapse;
pub mod traffic;
pub mod ui;
pub mod units;
