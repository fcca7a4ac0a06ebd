//! What the library reports while it works.
//!
//! Nothing below `ui` prints: jobs emit typed events to one [`Observer`], and bars, lines, JSON and
//! the recorder of the tests are implementations of it.

use serde::Serialize;

use crate::units::Day;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Objects have been listed, so far in this run.
    Listed {
        /// Objects seen.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Objects have been chosen for work, so far in this run.
    Planned {
        /// Objects to do.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// An object's bytes have arrived (or were found to be there already).
    Fetched {
        /// Its key.
        key: String,
        /// Bytes fetched.
        bytes: u64,
    },
    /// An object has been sent to its destination.
    Stored {
        /// Its key.
        key: String,
        /// Bytes sent.
        bytes: u64,
    },
    /// An object's lines have become rows.
    Parsed {
        /// Its key.
        key: String,
        /// The table its rows go to.
        table: &'static str,
        /// Lines it holds.
        lines: u64,
        /// Lines that became rows; some may turn out to be duplicates when they are written.
        rows: u64,
        /// Lines that were refused.
        rejects: u64,
    },
    /// A Parquet file is complete.
    Written {
        /// Its path in the destination.
        path: String,
        /// The day of its rows.
        day: Day,
        /// Rows in it.
        rows: u64,
        /// Its size.
        bytes: u64,
    },
    /// A batch is committed: its rows count from now on.
    Committed {
        /// Number of the commit.
        sequence: u64,
        /// Objects in it.
        objects: u64,
        /// Rows in it.
        rows: u64,
    },
    /// An object could not be done.
    Failed {
        /// Its key.
        key: String,
        /// The step that failed.
        step: String,
        /// Why.
        error: String,
    },
    /// An object is no log and was left out.
    Skipped {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
    /// An object was replaced in the source after it was read; it is not read again.
    Replaced {
        /// Its key.
        key: String,
    },
    /// Something the user should know, without an object of its own.
    Warned {
        /// The message.
        message: String,
    },
}

/// Receives events; called from several threads.
pub trait Observer: Send + Sync {
    /// Takes note of an event. Must not block.
    fn on(&self, event: &Event);
}

/// An observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _: &Event) {}
}
