//! A destination that is opened only when there is something to write.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::store::{AwsOptions, Location, StoreError, full_name};

use super::JobError;
use super::source::{Destination, Source};

/// Where a dataset is to lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where.
    pub location: Location,
    /// How to get there.
    pub aws: AwsOptions,
}

impl Place {
    /// Opens it for writing.
    ///
    /// # Errors
    /// See [`Destination::open`].
    pub async fn open(&self) -> Result<Destination, StoreError> {
        Destination::open(&self.location, &self.aws).await
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// See [`Destination::open_existing`].
    pub async fn open_existing(&self) -> Result<Destination, StoreError> {
        Destination::open_existing(&self.location, &self.aws).await
    }

    /// Refuses a destination that would be its own source.
    ///
    /// # Errors
    /// [`JobError::Misuse`].
    pub fn check_apart(&self, source: &Source) -> Result<(), JobError> {
        let root = source.store.root();
        let from = full_name(root, source.prefix.trim_end_matches('/'));
        let to = match &self.location {
            Location::S3 { bucket, prefix } => {
                full_name(&format!("s3://{bucket}"), prefix.trim_end_matches('/'))
            }
            Location::Local(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let known = path.canonicalize().unwrap_or(path);
                format!("file://{}/", known.display())
            }
            Location::Std => return Ok(()),
        };
        if from.trim_end_matches('/') == to.trim_end_matches('/') {
            return Err(JobError::Misuse {
                what: format!("source and destination are the same: {to}"),
                hint: "write the dataset beside the logs, not among them".to_owned(),
            });
        }
        Ok(())
    }
}

/// A folder for files that are not complete, on the destination's disk where that is local.
///
/// It is removed with everything in it when the value goes away.
#[derive(Debug)]
pub(super) struct Workshop(TempDir);

impl Workshop {
    pub(super) fn open(destination: &Destination) -> Result<Self, JobError> {
        let staging = destination.store.staging();
        let folder = staging.clone().unwrap_or_else(std::env::temp_dir);
        let made = std::fs::create_dir_all(&folder).and_then(|()| {
            tempfile::Builder::new()
                .prefix("s3logs-")
                .tempdir_in(&folder)
        });
        made.map(Self).map_err(|error| JobError::Temporary {
            folder: folder.display().to_string(),
            cause: error.to_string(),
        })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Removes what killed runs left in a destination of which we hold the lease.
    pub(super) fn sweep(destination: &Destination) {
        let Some(staging) = destination.store.staging() else {
            return;
        };
        for entry in std::fs::read_dir(staging).into_iter().flatten().flatten() {
            let path = entry.path();
            // What cannot be removed is only clutter: readers never look here.
            drop(remove(&path));
        }
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    }
}
