//! A destination that is opened only when there is something to write.

use std::path::{Path, PathBuf};

use crate::store::{AwsOptions, Location, Staging, StoreError, full_name};

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

    /// Refuses a destination that would be its own source, and leaves one that lies inside the source
    /// out of it.
    ///
    /// # Errors
    /// [`JobError::Misuse`].
    pub fn apart(&self, source: &Source) -> Result<Source, JobError> {
        let root = source.store.root();
        let from = full_name(root, source.prefix.trim_end_matches('/'));
        let Some(to) = self.full_name() else {
            return Ok(source.clone());
        };
        if from.trim_end_matches('/') == to {
            return Err(JobError::Misuse {
                what: format!("source and destination are the same: {to}"),
                hint: "write the dataset beside the logs, not among them".to_owned(),
            });
        }
        Ok(source.without(Some(format!("{to}/"))))
    }

    /// The destination as the stores name it, without a slash at the end.
    fn full_name(&self) -> Option<String> {
        let name = match &self.location {
            Location::S3 { bucket, prefix } => full_name(&format!("s3://{bucket}"), prefix),
            Location::Local(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                format!("file://{}", canonical(&path).display())
            }
            Location::Std => return None,
        };
        Some(name.trim_end_matches('/').to_owned())
    }
}

/// The path without symbolic links, as far as it exists.
fn canonical(path: &Path) -> PathBuf {
    if let Ok(known) = path.canonicalize() {
        return known;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_owned(),
    }
}

/// Makes a folder for files that are not complete, on the destination's disk where that is local,
/// and removes what killed runs left there.
pub(super) fn staging(destination: &Destination) -> Result<Staging, JobError> {
    let own = destination.store.staging();
    let parent = own.clone().unwrap_or_else(std::env::temp_dir);
    Staging::sweep(&parent, own.is_some());
    Staging::open(&parent).map_err(|error| JobError::Temporary {
        folder: parent.display().to_string(),
        cause: error.to_string(),
    })
}
