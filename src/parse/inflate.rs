//! Gzip and zstd, in pieces, with every member and a position for damage.
//!
//! Gzip may have several members (RFC 1952, section 2.2); all of them are read and each one's
//! CRC-32 and length are checked. Zeros after the last member are padding.

mod whole;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

pub use whole::WholeInflater;

/// How an object is compressed, by its first bytes; suffixes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not compressed.
    Plain,
    /// Gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

impl Encoding {
    /// Looks at the first four bytes.
    pub fn of(head: &[u8]) -> Self {
        if head.starts_with(&GZIP_MAGIC) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How a gzip member begins: magic, and the only method there is.
const GZIP_DEFLATE: [u8; 3] = [0x1f, 0x8b, 8];

/// Compressed data that cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct InflateError {
    /// Position in the compressed object.
    pub at: u64,
    /// What is wrong there.
    pub what: String,
}

/// Inflates an object piece by piece.
///
/// The text, and where and how it breaks off, depend on the object alone, not on the pieces.
///
/// Holds the decompressor's window (32 KiB for gzip, at most 16 MiB for zstd).
pub struct Inflater {
    state: State,
    consumed: u64,
    /// The last byte was used but not reported, as text waits for room.
    held: bool,
}

enum State {
    Plain,
    Gzip(Gzip),
    Zstd(Zstd),
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater")
            .field("consumed", &self.consumed)
            .finish_non_exhaustive()
    }
}

impl Inflater {
    /// An inflater for objects of this encoding.
    ///
    /// # Errors
    /// When zstd cannot set up its context.
    pub fn new(encoding: Encoding) -> Result<Self, InflateError> {
        let state = match encoding {
            Encoding::Plain => State::Plain,
            Encoding::Gzip => State::Gzip(Gzip::new()),
            Encoding::Zstd => State::Zstd(Zstd::new().map_err(|error| InflateError {
                at: 0,
                what: error.to_string(),
            })?),
        };
        Ok(Self {
            state,
            consumed: 0,
            held: false,
        })
    }

    /// Inflates from `input` into the spare capacity of `out`, growing it to at most `limit` bytes
    /// in all.
    ///
    /// Returns how much of `input` was used: less than all of it only if `out` is full, and then
    /// the next input must begin with the rest.
    ///
    /// # Errors
    /// [`InflateError`] where the data is damaged.
    pub fn push(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<usize, InflateError> {
        let known = usize::from(self.held).min(input.len());
        let new = &input[known..];
        let start = self.consumed + known as u64;
        let used = match &mut self.state {
            State::Plain => {
                let take = new.len().min(limit.saturating_sub(out.len()));
                out.extend_from_slice(&new[..take]);
                take
            }
            State::Gzip(gzip) => gzip.push(start, new, out, limit)?,
            State::Zstd(zstd) => zstd.push(start, new, out, limit)?,
        };
        if !input.is_empty() {
            let full = out.len() >= limit;
            self.held = full && known + used == input.len() && self.is_open();
        }
        let used = (known + used).saturating_sub(usize::from(self.held));
        self.consumed += used as u64;
        Ok(used)
    }

    /// Checks that the object ended where its compression says.
    ///
    /// # Errors
    /// [`InflateError`] if it was cut.
    pub fn finish(&self) -> Result<(), InflateError> {
        if !self.is_open() {
            return Ok(());
        }
        let kind = match self.state {
            State::Zstd(_) => "zstd",
            State::Plain | State::Gzip(_) => "gzip",
        };
        Err(InflateError {
            at: self.consumed,
            what: format!("truncated {kind}"),
        })
    }

    fn is_open(&self) -> bool {
        match &self.state {
            State::Plain => false,
            State::Gzip(gzip) => gzip.open,
            State::Zstd(zstd) => zstd.open,
        }
    }
}

/// Makes room for at least one more byte below `limit`; `false` if there is none.
fn make_room(out: &mut Vec<u8>, limit: usize) -> bool {
    if out.len() >= limit {
        return false;
    }
    if out.len() == out.capacity() {
        let more = out.capacity().max(16 << 10).min(limit - out.len());
        out.reserve_exact(more);
    }
    true
}

struct Gzip {
    member: Box<Decompress>,
    /// Whether a member has begun and not ended.
    open: bool,
    /// Whole members so far.
    members: u64,
}

impl Gzip {
    fn new() -> Self {
        Self {
            member: Box::new(Decompress::new_gzip(15)),
            open: false,
            members: 0,
        }
    }

    /// `start` is the position of `input` in the object.
    fn push(
        &mut self,
        start: u64,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<usize, InflateError> {
        let mut used = 0;
        loop {
            if !self.open {
                let Some(next) = input.get(used) else {
                    return Ok(used);
                };
                if self.members > 0 && *next == 0 {
                    used += 1;
                    continue;
                }
                *self.member = Decompress::new_gzip(15);
                self.open = true;
            }
            if !make_room(out, limit) {
                return Ok(used);
            }
            let before = self.member.total_in();
            let rest = &input[used..];
            let result = self.member.decompress_vec(rest, out, FlushDecompress::None);
            used += usize::try_from(self.member.total_in() - before).unwrap_or(usize::MAX);
            let status = result.map_err(|error| InflateError {
                at: start + used as u64,
                what: self.damage(&error),
            })?;
            match status {
                Status::StreamEnd => {
                    self.open = false;
                    self.members += 1;
                }
                // With room left, it waits for input.
                Status::Ok | Status::BufError if out.len() < out.capacity() => return Ok(used),
                Status::Ok | Status::BufError => {}
            }
        }
    }

    fn damage(&self, error: &flate2::DecompressError) -> String {
        let detail = error.to_string();
        // What is wrong with a code, zlib-rs tells or forgets, depending on how much input it sees.
        let detail = match detail.as_str() {
            known if known.contains("incorrect") || known.contains("header") => known,
            _ => "invalid deflate data",
        };
        match self.members {
            0 => format!("corrupt gzip ({detail})"),
            members => format!("corrupt gzip after {members} whole members ({detail})"),
        }
    }
}

/// Largest zstd window, as a power of two: 16 MiB. `zstd` asks for 8 MiB at level 19, and for more
/// only with `--ultra` or `--long`.
const WINDOW_LOG: u32 = 24;

/// Bytes that stand before each block of zstd.
const BLOCK_HEADER: usize = 3;

struct Zstd {
    decoder: Box<ZstdDecoder<'static>>,
    /// Whether a frame has begun and not ended.
    open: bool,
    /// Where it began.
    frame: u64,
    /// How much input it asks for: to the end of a block and of the header after it.
    wanted: usize,
    /// Whether text may wait for room.
    full: bool,
}

impl Zstd {
    fn new() -> std::io::Result<Self> {
        let mut decoder = ZstdDecoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self {
            decoder: Box::new(decoder),
            open: false,
            frame: 0,
            wanted: 0,
            full: false,
        })
    }

    /// `start` is the position of `input` in the object.
    ///
    /// The decoder gives no text of a call in which it finds damage, so it gets each block and each
    /// header in calls of their own, and none before it has given all its text. It does not say
    /// where the damage is either: we name the frame.
    fn push(
        &mut self,
        start: u64,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<usize, InflateError> {
        let mut used = 0;
        while used < input.len() || self.full {
            if !make_room(out, limit) {
                return Ok(used);
            }
            if !self.open {
                self.frame = start + used as u64;
                self.wanted = 0;
            }
            let step = if self.full {
                0
            } else {
                self.wanted.saturating_sub(BLOCK_HEADER).max(1)
            };
            let end = used.saturating_add(step).min(input.len());
            let mut source = InBuffer::around(&input[used..end]);
            let filled = out.len();
            let mut sink = OutBuffer::around_pos(out, filled);
            let run = self.decoder.run(&mut source, &mut sink);
            let damaged = |error: std::io::Error| InflateError {
                at: self.frame,
                what: format!("corrupt zstd frame ({error})"),
            };
            self.wanted = run.map_err(damaged)?;
            used += source.pos();
            self.open = self.wanted != 0;
            self.full = self.open && out.len() == out.capacity();
            if !self.open {
                self.decoder.reinit().map_err(damaged)?;
            }
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    pub(super) fn gz(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).expect("to memory");
        encoder.finish().expect("to memory")
    }

    pub(super) fn inflate(
        data: &[u8],
        piece: usize,
        limit: usize,
    ) -> Result<Vec<u8>, InflateError> {
        let (out, end) = inflate_to_the_end(data, piece, limit);
        end.map(|()| out)
    }

    /// The text before any damage, and the damage.
    fn inflate_to_the_end(
        data: &[u8],
        piece: usize,
        limit: usize,
    ) -> (Vec<u8>, Result<(), InflateError>) {
        let mut inflater = Inflater::new(Encoding::of(data)).expect("memory for it");
        let mut out = Vec::new();
        for part in data.chunks(piece) {
            let mut at = 0;
            while at < part.len() {
                let mut step = Vec::new();
                let used = inflater.push(&part[at..], &mut step, limit);
                out.extend(step);
                match used {
                    Ok(used) => at += used,
                    Err(error) => return (out, Err(error)),
                }
            }
        }
        (out, inflater.finish())
    }

    #[test]
    fn every_member_counts_and_padding_does_not() {
        let mut data = gz(b"one\n");
        data.extend(gz(b"one\n"));
        data.extend(gz(b""));
        data.extend(gz(b"two\n"));
        data.extend([0; 100]);
        for piece in [1, 7, 1000] {
            assert_eq!(
                inflate(&data, piece, 1 << 20).as_deref(),
                Ok(&b"one\none\ntwo\n"[..])
            );
        }
    }

    #[test]
    fn damage_is_found_with_its_place() {
        let whole = gz(&b"some text that repeats, some text that repeats\n".repeat(50));
        for cut in 1..whole.len() {
            if cut >= 2 {
                let error = inflate(&whole[..cut], 10, 1 << 20).expect_err("cut data");
                assert_eq!(
                    (error.at, error.what.as_str()),
                    (cut as u64, "truncated gzip")
                );
            }
        }
        let mut bad_crc = whole.clone();
        let at = bad_crc.len() - 6;
        bad_crc[at] ^= 1;
        assert!(inflate(&bad_crc, 1000, 1 << 20).is_err());
        let mut garbage = whole.clone();
        garbage.extend(b"garbage");
        assert!(inflate(&garbage, 1000, 1 << 20).is_err());
    }

    #[test]
    fn zstd_frames_are_read_to_the_end() {
        let text = b"some text that repeats, some text that repeats\n".repeat(5000);
        let mut data = zstd::encode_all(&text[..], 1).expect("to memory");
        let one = data.clone();
        data.extend(&one);
        for piece in [1, 13, 1 << 20] {
            let out = inflate(&data, piece, 1000).expect("whole frames");
            assert!(out == [&text[..], &text[..]].concat());
        }
        let error = inflate(&one[..one.len() - 3], 10, 1 << 20).expect_err("cut data");
        assert_eq!(error.what, "truncated zstd");
    }

    proptest! {
        #[test]
        fn any_pieces_and_any_room_give_the_same(data in proptest::collection::vec(any::<u8>(), 0..5000), piece in 1usize..700, limit in 1usize..700) {
            prop_assert_eq!(inflate(&gz(&data), piece, limit), Ok(data.clone()));
            let zst = zstd::encode_all(&data[..], 1).expect("to memory");
            prop_assert_eq!(inflate(&zst, piece, limit), Ok(data));
        }

        #[test]
        fn what_comes_before_a_damage_is_the_same_in_any_pieces(
            data in "[a-c]{1,2000}", cut in any::<prop::sample::Index>(), flip in any::<bool>(), piece in 1usize..700, limit in 1usize..700,
        ) {
            let text = data.repeat(3);
            for mut whole in [gz(text.as_bytes()), zstd::encode_all(text.as_bytes(), 1).expect("to memory")] {
                // The first bytes tell the encoding.
                let at = 4 + cut.index(whole.len() - 4);
                if flip {
                    whole[at] ^= 16;
                } else {
                    whole.truncate(at);
                }
                let at_once = inflate_to_the_end(&whole, usize::MAX, usize::MAX);
                prop_assert_eq!(inflate_to_the_end(&whole, piece, limit), at_once);
            }
        }

        #[test]
        fn no_input_panics(data in proptest::collection::vec(any::<u8>(), 0..300), piece in 1usize..50) {
            for magic in [&[0x1f, 0x8b, 8, 0][..], &[0x28, 0xb5, 0x2f, 0xfd], &[]] {
                let mut input = magic.to_vec();
                input.extend(&data);
                drop(inflate(&input, piece, 4096));
            }
        }
    }
}
