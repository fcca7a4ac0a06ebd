//! Whole gzip objects at once.

use super::GZIP_DEFLATE;

/// Bytes at the end of a gzip member: CRC-32 and length of its text.
const GZIP_FOOTER: usize = 8;

/// Inflates whole gzip objects of one member at once, in half the time of [`Inflater`](super::Inflater).
///
/// Holds tables of some 10 KiB.
pub struct WholeInflater(libdeflater::Decompressor);

impl std::fmt::Debug for WholeInflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WholeInflater").finish_non_exhaustive()
    }
}

impl Default for WholeInflater {
    fn default() -> Self {
        Self(libdeflater::Decompressor::new())
    }
}

impl WholeInflater {
    /// Makes `out` the text of `object`, if that is one whole gzip member with less than `limit` bytes
    /// of text. Otherwise, and where it cannot be sure of that, it leaves the object to [`Inflater`](super::Inflater) and
    /// `out` in any state.
    ///
    /// The library does not tell where the compressed data ends. It ends where the object does: the last
    /// bytes are the sum and the length of the text, they stand nowhere before, and no other member
    /// begins anywhere.
    pub fn inflate(&mut self, object: &[u8], out: &mut Vec<u8>, limit: usize) -> bool {
        let Some(data) = gzip_data(object) else {
            return false;
        };
        let Some((data, footer)) = data.split_last_chunk::<GZIP_FOOTER>() else {
            return false;
        };
        let (sum, length) = footer.split_at(GZIP_FOOTER / 2);
        let (sum, length) = (number(sum), number(length) as usize);
        let another = memchr::memmem::find(data, &GZIP_DEFLATE).is_some()
            || memchr::memmem::find(data, footer).is_some();
        // More than any deflate data becomes: `out` must not grow for a length made up.
        if another || length >= limit || length / 1032 > data.len() {
            return false;
        }
        out.resize(length, 0);
        let done = self.0.deflate_decompress(data, out);
        done == Ok(length) && libdeflater::crc32(out) == sum
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// The compressed data and footer of a gzip member with a header of the usual kinds (RFC 1952, section
/// 2.3): nothing optional but a file name.
fn gzip_data(member: &[u8]) -> Option<&[u8]> {
    const FILE_NAME: u8 = 8;
    let (header, rest) = member.split_first_chunk::<10>()?;
    if !header.starts_with(&GZIP_DEFLATE) {
        return None;
    }
    match header[3] {
        0 => Some(rest),
        FILE_NAME => rest.get(memchr::memchr(0, rest)? + 1..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{gz, inflate};
    use super::*;

    #[test]
    fn one_whole_member_is_inflated_at_once() {
        let text = b"some text that repeats, some text that repeats\n".repeat(50);
        let mut out = vec![7; 10];
        let mut whole = WholeInflater::default();
        assert!(whole.inflate(&gz(&text), &mut out, text.len() + 1));
        assert_eq!(out, text);
        assert!(!whole.inflate(&gz(&text), &mut out, text.len()), "too long");
        let twice = [gz(&text), gz(&text)].concat();
        assert!(!whole.inflate(&twice, &mut out, 1 << 20), "two members");
        let padded = [gz(&text), vec![0; 5]].concat();
        assert!(!whole.inflate(&padded, &mut out, 1 << 20), "padding");
        let mut hidden = twice.clone();
        hidden[gz(&text).len()] ^= 1;
        assert!(
            !whole.inflate(&hidden, &mut out, 1 << 20),
            "a member with another magic"
        );
    }

    proptest! {
        #[test]
        fn at_once_is_as_piece_by_piece(
            texts in proptest::collection::vec("[a-c]{0,300}", 1..3), damage in proptest::option::of((any::<prop::sample::Index>(), 0u8..8)), tail in 0usize..10,
        ) {
            let mut object: Vec<u8> = texts.iter().flat_map(|text| gz(text.as_bytes())).collect();
            if let Some((at, bit)) = damage {
                let at = at.index(object.len());
                object[at] ^= 1 << bit;
            }
            object.extend(vec![0; tail.saturating_sub(5)]);
            let mut out = Vec::new();
            let at_once = WholeInflater::default().inflate(&object, &mut out, 1 << 20);
            if at_once {
                prop_assert_eq!(inflate(&object, usize::MAX, usize::MAX), Ok(out));
            } else {
                prop_assert!(texts.len() > 1 || damage.is_some() || tail > 5);
            }
        }
    }
}
