//! What a Parquet file says of itself at its end.
//!
//! Layout: …, metadata, its length (4 bytes, little endian), `PAR1`.

use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;

/// Bytes after the metadata.
const TRAILER: usize = 8;

/// The rows of the file that ends with these bytes; `None` if more of its end is needed.
///
/// # Errors
/// When it is no Parquet file or its metadata is damaged.
pub fn rows_in(end: &[u8]) -> Result<Option<u64>, ParquetError> {
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
    Ok(u64::try_from(metadata.file_metadata().num_rows()).ok())
}
