//! The real program as users and scripts meet it: one file per verb, and one for what can go wrong.

#[cfg(target_os = "linux")]
mod credentials;
mod failures;
#[cfg(feature = "query")]
mod geoip;
mod help;
#[cfg(feature = "query")]
mod inventory;
mod ledger;
mod list;
mod logs;
mod merge;
mod parse;
#[cfg(feature = "query")]
mod query;
#[cfg(feature = "query")]
mod report;
mod requests;
mod status;
mod sync;
#[cfg(feature = "query")]
mod timelapse;
mod transfer;
mod verify;
