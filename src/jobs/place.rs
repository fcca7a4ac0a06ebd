//! A destination that is opened only when there is something to write.

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
