//! What a Parquet file says of itself at its end.
//!
//! Layout: …, metadata, its length (4 bytes, little endian), `PAR1`.

use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaDataReader};

/// Bytes after the metadata.
const TRAILER: usize = 8;

/// Names the place of what is embedded in a file: see [`OpenFile::embed`](super::OpenFile::embed).
pub(super) const COMMIT: &str = "s3logs.commit";

/// What a file's metadata tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footer {
    /// Rows in the file.
    pub rows: u64,
    /// Where something is embedded, if anything is: offset and length in bytes.
    pub embedded: Option<(u64, u64)>,
}

/// The metadata of the file that ends with these bytes; `None` if more of its end is needed.
///
/// # Errors
/// When it is no Parquet file or its metadata is damaged.
pub fn footer_in(end: &[u8]) -> Result<Option<Footer>, ParquetError> {
    let Some((rest, trailer)) = end.split_last_chunk::<TRAILER>() else {
        return Err(ParquetError::General("shorter than a footer".to_owned()));
    };
    if !trailer.ends_with(b"PAR1") {
        return Err(ParquetError::General(
            "does not end like Parquet".to_owned(),
        ));
    }
    let length = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]) as usize;
    let Some(start) = rest.len().checked_sub(length) else {
        return Ok(None);
    };
    let metadata = ParquetMetaDataReader::decode_metadata(&rest[start..])?;
    let metadata = metadata.file_metadata();
    Ok(Some(Footer {
        rows: u64::try_from(metadata.num_rows()).unwrap_or(0),
        embedded: embedded(metadata),
    }))
}

fn embedded(metadata: &FileMetaData) -> Option<(u64, u64)> {
    let pairs = metadata.key_value_metadata()?;
    let place = pairs.iter().find(|pair| pair.key == COMMIT)?;
    let (offset, length) = place.value.as_deref()?.split_once(',')?;
    Some((offset.parse().ok()?, length.parse().ok()?))
}
