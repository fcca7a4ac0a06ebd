//! Files out of the way, not deleted.

use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::store::{Body, ErrorKind, Precondition, Staging, StoreError, full_name};
use crate::table::path::quarantined;
use crate::units::hex;

use super::JobError;
use super::content::{hash_of, pieces};
use super::source::Destination;

/// Moves a file to `_s3logs/quarantine/`: copies it, reads the copy again, deletes it. Done again
/// after it broke off it ends the same. Returns the new path.
///
/// # Errors
/// What the store or the temporary folder reports, or that the copy has other bytes; the file is
/// still there then.
pub(super) async fn quarantine(
    destination: &Destination,
    staging: &Staging,
    path: &str,
    size: u64,
) -> Result<String, JobError> {
    let temporary = |error: std::io::Error| JobError::Temporary {
        folder: staging.folder().display().to_string(),
        cause: error.to_string(),
    };
    let mut file = NamedTempFile::new_in(staging.folder()).map_err(temporary)?;
    let mut hash = Sha256::new();
    pieces(destination, path, size, async |bytes| {
        hash.update(&bytes);
        file.write_all(&bytes).map_err(temporary)
    })
    .await?;
    file.flush().map_err(temporary)?;
    let hash = hex(&hash.finalize());
    let to = quarantined(path, &hash);
    let file = file.into_temp_path();
    let from: &Path = &file;
    let (key, body) = (destination.key(&to), Body::File(from.to_owned()));
    let store = &destination.store;
    store.put(&key, body, Precondition::Always).await?;
    if hash_of(destination, &to, size).await? != hash {
        return Err(JobError::Store(StoreError {
            kind: ErrorKind::Other,
            action: "copy",
            place: full_name(store.root(), &destination.key(path)),
            cause: format!("{to} has other bytes"),
        }));
    }
    store.delete(&[destination.key(path)]).await?;
    Ok(to)
}
