//! What downloads and uploads have in common: options, counts, and which failures end a job.

use std::fs::Metadata;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::event::{Event, Observer};
use crate::store::{ErrorKind, StoreError};

use super::JobError;

/// How objects are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOptions {
    /// Most objects at the same time; by default what makes sense for the store.
    pub jobs: Option<usize>,
    /// Most bytes of objects that are held in memory, at least 16 MiB.
    pub memory: u64,
    /// Only say what would be copied.
    pub dry_run: bool,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            jobs: None,
            memory: 256 << 20,
            dry_run: false,
        }
    }
}

/// What a download or an upload did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transferred {
    /// Objects seen and wanted.
    pub listed: u64,
    /// Copied, or to be copied in a dry run.
    pub transferred: u64,
    /// There already.
    pub present: u64,
    /// Could not be copied.
    pub failed: u64,
    /// Bytes copied, or to be copied in a dry run.
    pub bytes: u64,
    /// Whether the user stopped it before the end.
    pub interrupted: bool,
}

/// After so many refusals in a row, without anything else before them, a job gives up.
const REFUSALS: u64 = 20;

/// Tells failures of single objects from those that every other object would meet as well.
#[derive(Debug, Default)]
pub struct Refusals {
    /// Refusals, for as long as there was nothing else.
    denied: u64,
    last: Option<StoreError>,
    other: bool,
}

impl Refusals {
    /// Takes note of something that went well, or failed for a reason of its own.
    pub fn other(&mut self) {
        self.other = true;
    }

    /// Takes note of an object's failure.
    ///
    /// # Errors
    /// The failure itself, if it ends the job.
    pub fn failure(&mut self, error: &StoreError) -> Result<(), JobError> {
        if error.kind.is_general() {
            return Err(error.clone().into());
        }
        if error.kind != ErrorKind::Denied {
            self.other = true;
        }
        if self.other {
            return Ok(());
        }
        self.denied += 1;
        self.last = Some(error.clone());
        if self.denied >= REFUSALS {
            return self.end();
        }
        Ok(())
    }

    /// Tells at the end of a job whether it met nothing but refusals.
    ///
    /// # Errors
    /// The last refusal, if so.
    pub fn end(&self) -> Result<(), JobError> {
        match &self.last {
            Some(error) if !self.other => Err(error.clone().into()),
            _ => Ok(()),
        }
    }
}

/// What became of one object.
#[derive(Debug)]
pub(super) enum Fate {
    /// It has been copied (or would be).
    Done(u64),
    /// It is there already.
    Present,
    /// It could not be copied: the step, and why.
    Failed(&'static str, StoreError),
    /// The job was stopped before it was done.
    Stopped,
}

/// Counts what becomes of the objects of a job that works on several at a time.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    transferred: Transferred,
    planned: (u64, u64),
    refusals: Refusals,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object has been seen.
    pub(super) fn listed(&self) {
        self.lock().transferred.listed += 1;
    }

    /// An object is to be copied.
    pub(super) fn planned(&self, bytes: u64, observer: &dyn Observer) {
        let (objects, bytes) = {
            let planned = &mut self.lock().planned;
            *planned = (planned.0 + 1, planned.1 + bytes);
            *planned
        };
        observer.on(&Event::Planned { objects, bytes });
    }

    /// Takes note of an object's fate.
    ///
    /// # Errors
    /// A failure that ends the job.
    pub(super) fn settle(
        &self,
        key: &str,
        fate: Fate,
        observer: &dyn Observer,
    ) -> Result<(), JobError> {
        let mut counted = self.lock();
        match fate {
            Fate::Done(bytes) => {
                counted.transferred.transferred += 1;
                counted.transferred.bytes += bytes;
                counted.refusals.other();
            }
            Fate::Present => {
                counted.transferred.present += 1;
                counted.refusals.other();
            }
            Fate::Stopped => {}
            Fate::Failed(step, error) => {
                counted.refusals.failure(&error)?;
                counted.transferred.failed += 1;
                drop(counted);
                observer.on(&Event::Failed {
                    key: key.to_owned(),
                    step: step.to_owned(),
                    error: error.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Whether any object has failed so far.
    pub(super) fn has_failures(&self) -> bool {
        self.lock().transferred.failed > 0
    }

    /// The counts at the end of the job.
    ///
    /// # Errors
    /// If everything was refused.
    pub(super) fn end(&self, interrupted: bool) -> Result<Transferred, JobError> {
        let counted = self.lock();
        counted.refusals.end()?;
        Ok(Transferred {
            interrupted,
            ..counted.transferred
        })
    }
}

/// When a file was last modified, microseconds UTC.
pub(super) fn modified_micros(meta: &Metadata) -> i64 {
    meta.modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}

/// A failure of the local file system as one of a store.
pub(super) fn file_error(error: &io::Error, action: &'static str, place: String) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => ErrorKind::BadName,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Other,
    };
    StoreError {
        kind,
        action,
        place,
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> StoreError {
        StoreError {
            kind,
            action: "read",
            place: "s3://bucket/key".to_owned(),
            cause: "told so".to_owned(),
        }
    }

    #[test]
    fn only_refusals_end_a_job() {
        let denied = error(ErrorKind::Denied);
        let mut refusals = Refusals::default();
        for _ in 1..REFUSALS {
            assert!(refusals.failure(&denied).is_ok());
        }
        assert!(refusals.end().is_err(), "nothing but refusals");
        assert!(refusals.failure(&denied).is_err(), "too many in a row");
        let mut refusals = Refusals::default();
        assert!(refusals.failure(&denied).is_ok());
        assert!(refusals.failure(&error(ErrorKind::NotFound)).is_ok());
        for _ in 0..2 * REFUSALS {
            assert!(refusals.failure(&denied).is_ok());
        }
        assert!(refusals.end().is_ok());
        assert!(refusals.failure(&error(ErrorKind::Credentials)).is_err());
        assert!(Refusals::default().end().is_ok());
    }
}
