//! Records are zstd frames with a checksum.

use std::io::{self, Read as _, Write};

use zstd::stream::raw::CParameter;

/// Largest record read, inflated: a commit of 50,000 objects with long keys is about 30 MiB.
const MAX_RECORD: u64 = 128 << 20;

/// Shortest match. Records are full of random hex digits, in which shorter ones cost more than they
/// save: with the usual 5 a commit takes 4 % more.
const SHORTEST_MATCH: u32 = 7;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    compressed(0, |out| out.write_all(bytes))
}

/// What is written as one record; `room` is set aside for it, so that it does not move while it grows.
pub(super) fn compressed(
    room: usize,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Vec<u8> {
    let frame = || -> io::Result<Vec<u8>> {
        let mut encoder = zstd::Encoder::new(Vec::with_capacity(room), 3)?;
        encoder.set_parameter(CParameter::MinMatch(SHORTEST_MATCH))?;
        encoder.include_checksum(true)?;
        write(&mut encoder)?;
        encoder.finish()
    };
    frame().expect("compressing from memory to memory")
}

/// # Errors
/// What zstd reports, or that the record is larger than any we write.
pub(super) fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut decoder = zstd::Decoder::new(bytes)?.take(MAX_RECORD + 1);
    decoder.read_to_end(&mut out)?;
    if out.len() as u64 > MAX_RECORD {
        let message = format!("it inflates to more than {} MiB", MAX_RECORD >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(out)
}
