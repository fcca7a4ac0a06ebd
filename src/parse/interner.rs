//! Repeated texts as small numbers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::schema::values::clean_utf8;

/// Gives each distinct text a number, in the order of first appearance.
///
/// Bound: the distinct texts of one batch, each once, plus about 10 bytes each.
#[derive(Debug, Default)]
pub(super) struct Interner {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// End of each text in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Interner {
    /// The number of `value`. Invalid UTF-8 is escaped first, and counted in `invalid`.
    pub(super) fn intern(&mut self, value: &[u8], invalid: &mut u64) -> u32 {
        let hash = self.hasher.hash_one(value);
        let (ends, bytes) = (&self.ends, &self.bytes);
        if let Some(id) = self.table.find(hash, |id| text(ends, bytes, *id) == value) {
            return *id;
        }
        let (clean, escaped) = clean_utf8(value);
        if escaped {
            *invalid += 1;
            return self.insert_once(clean.as_bytes());
        }
        self.insert(hash, value)
    }

    /// Interns a text that was changed: it may be there already under its changed form.
    fn insert_once(&mut self, value: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(value);
        let (ends, bytes) = (&self.ends, &self.bytes);
        match self.table.find(hash, |id| text(ends, bytes, *id) == value) {
            Some(id) => *id,
            None => self.insert(hash, value),
        }
    }

    fn insert(&mut self, hash: u64, value: &[u8]) -> u32 {
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(value);
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        let (ends, bytes, hasher) = (&self.ends, &self.bytes, &self.hasher);
        self.table
            .insert_unique(hash, id, |id| hasher.hash_one(text(ends, bytes, *id)));
        id
    }

    /// Takes the texts out (end offsets, bytes) and starts anew, keeping the table's memory.
    pub(super) fn take(&mut self) -> (Vec<u32>, Vec<u8>) {
        self.table.clear();
        (
            std::mem::take(&mut self.ends),
            std::mem::take(&mut self.bytes),
        )
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.ends.len() * 12
    }
}

fn text<'a>(ends: &[u32], bytes: &'a [u8], id: u32) -> &'a [u8] {
    let index = id as usize;
    let start = index
        .checked_sub(1)
        .map_or(0, |before| ends[before] as usize);
    &bytes[start..ends[index] as usize]
}

#[cfg(test)]
mod tests {
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
        let (ends, bytes) = interner.take();
        assert_eq!((ends, bytes), (vec![1, 1, 6], b"ax\\xFF".to_vec()));
        assert_eq!(interner.take().0.len(), 0);
    }
}
