//! Finds line ends and separators, 64 bytes at a time.

use memchr::memchr_iter;
use wide::u8x16;

use super::position;

/// Separators that a scan stops behind, at the next 64 bytes: what a block of lines has at most.
const MOST: usize = 1 << 16;

/// Bytes that are looked at together.
const STEP: usize = 64;

/// Where the fields of some lines begin.
///
/// Bound: [`MOST`] and what one step adds, 4 bytes each.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// The byte after each separator or line end, with the start of the text before all of them.
    pub(super) bounds: Vec<u32>,
    /// For each line end, which of `bounds` is the byte after it.
    pub(super) ends: Vec<u32>,
}

impl Cuts {
    /// Looks for `separator` and line ends from `from` on, until `lines` lines have ended, or there are
    /// many separators, or the text is over. Positions count from the start of the text, which has at
    /// most 2^32 bytes.
    pub(super) fn scan(&mut self, text: &[u8], from: usize, separator: u8, lines: usize) {
        self.bounds.clear();
        self.ends.clear();
        self.bounds.push(position(from));
        let mut at = from;
        while let Some(chunk) = text.get(at..at + STEP) {
            let (ends, all) = masks(chunk, separator);
            self.take(at, ends, all);
            at += STEP;
            if self.ends.len() >= lines || self.bounds.len() >= MOST {
                return;
            }
        }
        let rest = text.get(at..).unwrap_or_default();
        let mut chunk = [0; STEP];
        chunk[..rest.len()].copy_from_slice(rest);
        let inside = (1u64 << rest.len()) - 1;
        let (ends, all) = masks(&chunk, separator);
        self.take(at, ends & inside, all & inside);
    }

    /// Cuts the one line at `text[from..to]`, however many fields it has.
    pub(super) fn of_line(&mut self, text: &[u8], (from, to): (usize, usize), separator: u8) {
        self.ends.clear();
        self.bounds.clear();
        self.bounds.push(position(from));
        let cuts = memchr_iter(separator, &text[from..to]);
        self.bounds.extend(cuts.map(|at| position(from + at) + 1));
        self.bounds.push(position(to) + 1);
    }

    /// The last of the bounds.
    pub(super) fn last(&self) -> u32 {
        position(self.bounds.len().saturating_sub(1))
    }

    /// The bounds of a line again, without the line's last byte; tells where they begin.
    pub(super) fn copy_without_last_byte(&mut self, first: u32, end: u32) -> u32 {
        let copy = position(self.bounds.len());
        let (first, end) = (first as usize, end as usize);
        self.bounds.extend_from_within(first..=end);
        if let Some(end) = self.bounds.last_mut() {
            *end -= 1;
        }
        copy
    }

    fn take(&mut self, at: usize, ends: u64, all: u64) {
        let known = self.bounds.len();
        let mut left = ends;
        while left != 0 {
            let before = all & ((left & left.wrapping_neg()) - 1);
            self.ends.push(position(known) + before.count_ones());
            left &= left - 1;
        }
        let next = position(at) + 1;
        let mut left = all;
        // Eight at a time, whether there are so many or not: an end that depends on each step's number of
        // separators is guessed wrong, which costs more than some stores.
        let end = known + all.count_ones() as usize;
        loop {
            let eight: [u32; 8] = std::array::from_fn(|_| {
                let bound = next + left.trailing_zeros();
                left &= left.wrapping_sub(1);
                bound
            });
            self.bounds.extend_from_slice(&eight);
            if self.bounds.len() >= end {
                break;
            }
        }
        self.bounds.truncate(end);
    }
}

/// The line ends, and these with the separators, among 64 bytes.
fn masks(chunk: &[u8], separator: u8) -> (u64, u64) {
    let (line_end, separator) = (u8x16::splat(b'\n'), u8x16::splat(separator));
    let (mut ends, mut all) = (0, 0);
    for (index, part) in chunk.chunks_exact(16).enumerate() {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(part);
        let bytes = u8x16::new(bytes);
        let end = bytes.simd_eq(line_end);
        let any = end | bytes.simd_eq(separator);
        ends |= u64::from(end.to_bitmask()) << (16 * index);
        all |= u64::from(any.to_bitmask()) << (16 * index);
    }
    (ends, all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_separator_is_found(text in "[ab\t\n]{0,300}", from in 0usize..20, lines in 1usize..40) {
            let from = from.min(text.len());
            let mut cuts = Cuts::default();
            cuts.scan(text.as_bytes(), from, b'\t', lines);
            let bytes = text.as_bytes();
            let all: Vec<u32> = std::iter::once(from)
                .chain((from..bytes.len()).filter(|at| matches!(bytes[*at], b'\t' | b'\n')).map(|at| at + 1))
                .map(position)
                .collect();
            prop_assert_eq!(&cuts.bounds[..], &all[..cuts.bounds.len()]);
            let ends: Vec<u32> = (1..cuts.bounds.len())
                .filter(|index| bytes[cuts.bounds[*index] as usize - 1] == b'\n')
                .map(position)
                .collect();
            prop_assert_eq!(&cuts.ends, &ends);
            prop_assert!(cuts.ends.len() >= lines || cuts.bounds.len() == all.len());
        }
    }
}
