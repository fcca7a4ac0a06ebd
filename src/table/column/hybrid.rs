//! Parquet's hybrid of run lengths and packed bits ("RLE/Bit-Packing Hybrid" of its Encodings.md).

use std::ops::Range;

/// Equal numbers in a row that are worth a run of their own: shorter ones cost less packed.
const RUN: usize = 64;

/// Numbers that are packed together.
const GROUP: usize = 8;

/// Bits that each of the numbers up to `most` needs.
pub(super) fn width(most: u32) -> u8 {
    let bits = u32::BITS - most.leading_zeros();
    u8::try_from(bits).unwrap_or(32)
}

/// Appends numbers of `width` bits each.
pub(super) fn encode(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    if width == 0 && !numbers.is_empty() {
        return run(0, numbers.len(), width, out);
    }
    let mut packed = 0..0;
    let mut at = 0;
    while at < numbers.len() {
        let length = run_length(&numbers[at..]);
        // Packed numbers come in whole groups: those that a group lacks are taken from the run.
        let lacking = (GROUP - packed.len() % GROUP) % GROUP;
        if length >= RUN + lacking {
            packed.end += lacking;
            pack(numbers, &packed, width, out);
            run(numbers[at], length - lacking, width, out);
            at += length;
            packed = at..at;
        } else {
            at += length;
            packed.end = at;
        }
    }
    pack(numbers, &packed, width, out);
}

/// How many of the first numbers are equal; there is one at least.
fn run_length(numbers: &[u32]) -> usize {
    let mut length = 1;
    while length < numbers.len() && numbers[length] == numbers[0] {
        length += 1;
    }
    length
}

/// Appends the same number so many times.
pub(super) fn run(number: u32, length: usize, width: u8, out: &mut Vec<u8>) {
    varint(length << 1, out);
    let bytes = usize::from(width.div_ceil(8));
    out.extend_from_slice(&number.to_le_bytes()[..bytes]);
}

fn pack(numbers: &[u32], range: &Range<usize>, width: u8, out: &mut Vec<u8>) {
    if range.is_empty() {
        return;
    }
    let numbers = &numbers[range.clone()];
    let groups = numbers.len().div_ceil(GROUP);
    varint(groups << 1 | 1, out);
    let start = out.len();
    #[expect(clippy::cast_possible_truncation, reason = "numbers fit their width")]
    match width {
        8 => out.extend(numbers.iter().map(|number| *number as u8)),
        16 => out.extend(
            numbers
                .iter()
                .flat_map(|number| (*number as u16).to_le_bytes()),
        ),
        _ => pack_bits(numbers, width, out),
    }
    out.resize(start + groups * usize::from(width), 0);
}

fn pack_bits(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0u64, 0);
    for number in numbers {
        bits |= u64::from(*number) << held;
        held += u32::from(width);
        if held >= 32 {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            held -= 32;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..held.div_ceil(8) as usize]);
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what `encode` wrote, by the words of the specification.
    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        let take = |bytes: &mut &[u8], length: usize| {
            let (head, rest) = bytes.split_at(length);
            *bytes = rest;
            head.to_vec()
        };
        while numbers.len() < count {
            let (mut header, mut shift) = (0usize, 0);
            loop {
                let byte = take(&mut bytes, 1)[0];
                header |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let mut number = take(&mut bytes, usize::from(width.div_ceil(8)));
                number.resize(4, 0);
                let number = u32::from_le_bytes(number.try_into().expect("four bytes"));
                numbers.extend(std::iter::repeat_n(number, header >> 1));
            } else {
                let packed = take(&mut bytes, (header >> 1) * usize::from(width));
                for index in 0..(header >> 1) * GROUP {
                    let mut number = 0;
                    for bit in 0..usize::from(width) {
                        let at = index * usize::from(width) + bit;
                        number |= u32::from(packed[at / 8] >> (at % 8) & 1) << bit;
                    }
                    numbers.push(number);
                }
            }
        }
        assert!(bytes.is_empty(), "nothing is left over");
        numbers.truncate(count);
        numbers
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            runs in proptest::collection::vec((any::<u32>(), prop_oneof![1usize..5, 50usize..200]), 0..20),
            width in prop_oneof![1u8..=32, Just(8u8), Just(16u8)],
        ) {
            let mask = u32::try_from((1u64 << width) - 1).expect("32 bits");
            let numbers: Vec<u32> = runs
                .into_iter()
                .flat_map(|(number, length)| std::iter::repeat_n(number & mask, length))
                .collect();
            let mut out = Vec::new();
            encode(&numbers, width, &mut out);
            prop_assert_eq!(decode(&out, width, numbers.len()), numbers);
        }
    }

    #[test]
    fn widths() {
        assert_eq!([0, 1, 2, 255, 256].map(width), [0, 1, 2, 8, 9]);
        let mut out = Vec::new();
        encode(&[7; 1000], 3, &mut out);
        assert_eq!(out.len(), 3, "a run is its length and its number");
    }
}
