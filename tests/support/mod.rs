//! What tests are made of.

#![expect(
    unreachable_pub,
    reason = "`pub` marks what tests may use; a test binary exports nothing"
)]

pub mod dataset;
pub mod dice;
pub mod env;
pub mod fake_s3;
#[cfg(feature = "query")]
pub mod mmdb;
