//! What is in the files of a destination: read in pieces, hashed, and by their ends.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::cpu;
use crate::store::StoreError;
use crate::table::{Footer, footer_in};
use crate::units::hex;

use super::JobError;
use super::source::Destination;

/// End of a file that nearly always holds its metadata.
const END: u64 = 64 << 10;

/// Bytes of a file that are held at a time.
const PIECE: u64 = 8 << 20;

/// Reads a file in pieces of 8 MiB.
pub(super) async fn pieces(
    destination: &Destination,
    path: &str,
    size: u64,
    mut take: impl AsyncFnMut(Bytes) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let key = destination.key(path);
    let mut at = 0;
    while at < size {
        let end = size.min(at + PIECE);
        take(destination.store.get(&key, Some(at..end), None).await?).await?;
        at = end;
    }
    Ok(())
}

/// SHA-256 of a file of the destination, in hex.
pub(super) async fn hash_of(
    destination: &Destination,
    path: &str,
    size: u64,
) -> Result<String, JobError> {
    let mut hash = Sha256::new();
    pieces(destination, path, size, async |bytes| {
        let mut so_far = std::mem::take(&mut hash);
        hash = cpu::run(move || {
            so_far.update(&bytes);
            so_far
        })
        .await;
        Ok(())
    })
    .await?;
    Ok(hex(&hash.finalize()))
}

/// What a Parquet file of this size says of itself, or why it does not.
pub(super) async fn footer_of(
    destination: &Destination,
    path: &str,
    size: u64,
) -> Result<Result<Footer, String>, StoreError> {
    let key = destination.key(path);
    for end in [END.min(size), size] {
        if end == 0 {
            break;
        }
        let range = Some(size - end..size);
        let bytes = destination.store.get(&key, range, None).await?;
        match footer_in(&bytes) {
            Ok(Some(footer)) => return Ok(Ok(footer)),
            Ok(None) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Err("its metadata is longer than the file".to_owned()))
}
