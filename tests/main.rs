//! One binary for all integration tests: the AWS SDK and Arrow are linked once.

mod architecture;
mod cli;
#[cfg(feature = "query")]
mod film;
mod fixtures;
mod formats;
mod fuzz;
mod ledger;
mod pipeline;
mod recovery;
mod store_contract;
mod support;
