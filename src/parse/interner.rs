//! Repeated texts as small numbers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::schema::values::clean_utf8;

/// Longest text that a [`Key`] holds whole.
const SHORT: usize = 16;

/// Texts that were met lately and are found without a search.
const RECENT: usize = 256;

/// What texts are told apart by at first sight: the first and the last eight bytes and the length. Of a
/// text of at most 16 bytes that is all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    low: u64,
    high: u64,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    key: Key,
    id: u32,
}

/// Has the length of no text.
const NOTHING: Known = Known {
    key: Key {
        low: 0,
        high: 0,
        length: usize::MAX,
    },
    id: 0,
};

/// Gives each distinct text a number, in the order of first appearance.
///
/// Bound: the distinct texts of one batch, each once, plus about 20 bytes each, and 8 KiB.
#[derive(Debug)]
pub(super) struct Interner {
    /// Numbers by the hash of their texts.
    table: HashTable<(u64, u32)>,
    /// Its seed is chance, so that nobody can choose texts that collide.
    hasher: DefaultHashBuilder,
    recent: Box<[Known; RECENT]>,
    /// End of each text in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            recent: Box::new([NOTHING; RECENT]),
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }
}

impl Interner {
    /// The number of `value`. Invalid UTF-8 is escaped first, and counted in `invalid`.
    pub(super) fn intern(&mut self, value: &[u8], invalid: &mut u64) -> u32 {
        self.intern_at(value, (0, value.len()), invalid)
    }

    /// The number of the `length` bytes at `from` in `text`.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the innermost loop: a call costs a quarter of it"
    )]
    pub(super) fn intern_at(
        &mut self,
        text: &[u8],
        (from, length): (usize, usize),
        invalid: &mut u64,
    ) -> u32 {
        let value = &text[from..from + length];
        if length > SHORT {
            return self.intern_long(value, invalid);
        }
        let key = match text.get(from..from + SHORT) {
            Some(window) => short(window, length),
            None => at_the_end(value),
        };
        let slot = slot(key);
        let recent = &self.recent[slot];
        if recent.key == key {
            return recent.id;
        }
        self.search(slot, key, value, invalid)
    }

    #[inline(never)]
    fn intern_long(&mut self, value: &[u8], invalid: &mut u64) -> u32 {
        let key = long(value);
        let slot = slot(key);
        let recent = self.recent[slot];
        if recent.key == key && self.text(recent.id) == value {
            return recent.id;
        }
        self.search(slot, key, value, invalid)
    }

    #[inline(never)]
    fn search(&mut self, slot: usize, key: Key, value: &[u8], invalid: &mut u64) -> u32 {
        let hash = self.hasher.hash_one(value);
        let id = match self.find(hash, value) {
            Some(id) => id,
            None => match clean_utf8(value) {
                (_, false) => self.insert(hash, value),
                (clean, true) => {
                    *invalid += 1;
                    return self.insert_once(clean.as_bytes());
                }
            },
        };
        self.recent[slot] = Known { key, id };
        id
    }

    fn find(&self, hash: u64, value: &[u8]) -> Option<u32> {
        let same = |(other, id): &(u64, u32)| *other == hash && self.text(*id) == value;
        self.table.find(hash, same).map(|(_, id)| *id)
    }

    /// Interns a text that was changed: it may be there already under its changed form.
    fn insert_once(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        match self.find(hash, value) {
            Some(id) => id,
            None => self.insert(hash, value),
        }
    }

    fn insert(&mut self, hash: u64, value: &[u8]) -> u32 {
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(value);
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.table
            .insert_unique(hash, (hash, id), |(hash, _)| *hash);
        id
    }

    #[inline]
    fn text(&self, id: u32) -> &[u8] {
        let index = id as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[index] as usize]
    }

    /// The texts by number.
    pub(super) fn texts(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|id| self.text(u32::try_from(id).unwrap_or(u32::MAX)))
    }

    /// The texts by number: where each ends, and their bytes.
    pub(super) fn all(&self) -> (&[u32], &[u8]) {
        (&self.ends, &self.bytes)
    }

    /// Forgets the texts, keeping the memory for the next ones.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        *self.recent = [NOTHING; RECENT];
        self.ends.clear();
        self.bytes.clear();
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.ends.len() * 20
    }
}

/// The key of a text that is longer than 16 bytes.
#[inline]
fn long(value: &[u8]) -> Key {
    Key {
        low: eight(value, 0),
        high: eight(value, value.len() - 8),
        length: value.len(),
    }
}

/// The key of the first `length` bytes of 16: two loads instead of a copy.
#[inline]
fn short(window: &[u8], length: usize) -> Key {
    let (low, high) = MASKS[length.min(SHORT)];
    Key {
        low: eight(window, 0) & low,
        high: eight(window, 8) & high,
        length,
    }
}

/// The key of a short text behind which the text that it stands in ends.
#[cold]
fn at_the_end(value: &[u8]) -> Key {
    let mut window = [0; SHORT];
    window[..value.len()].copy_from_slice(value);
    short(&window, value.len())
}

/// What keeps the first bytes of 16, by their number.
const MASKS: [(u64, u64); SHORT + 1] = {
    let mut masks = [(u64::MAX, u64::MAX); SHORT + 1];
    let mut length = 0;
    while length < SHORT {
        masks[length] = if length < 8 {
            ((1 << (8 * length)) - 1, 0)
        } else {
            (u64::MAX, (1 << (8 * (length - 8))) - 1)
        };
        length += 1;
    }
    masks
};

#[inline]
fn eight(value: &[u8], at: usize) -> u64 {
    let bytes = value
        .get(at..at + 8)
        .and_then(|eight| eight.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

/// Where a text is remembered; another one may push it out.
#[inline]
fn slot(key: Key) -> usize {
    let mixed = (key.low ^ key.high.rotate_left(32) ^ key.length as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % RECENT
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_follow_first_appearance_and_invalid_bytes_are_escaped() {
        let mut interner = Interner::default();
        let mut invalid = 0;
        let ids: Vec<u32> = [&b"a"[..], b"", b"a", b"x\xff", b"x\\xFF", b"x\xff"]
            .into_iter()
            .map(|value| interner.intern(value, &mut invalid))
            .collect();
        assert_eq!(ids, [0, 1, 0, 2, 2, 2]);
        assert_eq!(invalid, 2);
        let texts: Vec<&[u8]> = interner.texts().collect();
        assert_eq!(texts, [&b"a"[..], b"", b"x\\xFF"]);
        assert_eq!(interner.all(), (&[1, 1, 6][..], &b"ax\\xFF"[..]));
        interner.clear();
        assert_eq!(interner.texts().len(), 0);
    }

    proptest! {
        #[test]
        fn texts_have_one_number_each(texts in proptest::collection::vec("[ab]{0,20}", 0..200)) {
            let mut interner = Interner::default();
            let mut known: HashMap<String, u32> = HashMap::new();
            for text in texts {
                let next = u32::try_from(known.len()).expect("few texts");
                let id = *known.entry(text.clone()).or_insert(next);
                prop_assert_eq!(interner.intern(text.as_bytes(), &mut 0), id);
            }
        }
    }
}
