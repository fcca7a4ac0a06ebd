//! One dictionary for a column that comes in several batches, each with its own.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, AsArray, DictionaryArray, Int32Array, StringArray, StringBuilder};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use hashbrown::{DefaultHashBuilder, HashTable};

/// The distinct texts of all batches, and for each batch the new number of each of its texts.
///
/// Bound: each distinct text once (copied), plus 4 bytes per entry of every batch's dictionary.
pub(super) struct Merged<'a> {
    values: Arc<StringArray>,
    remaps: Vec<Vec<i32>>,
    keys: Vec<&'a Int32Array>,
}

impl<'a> Merged<'a> {
    pub(super) fn new(columns: &[&'a dyn Array]) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut table: HashTable<(u64, i32, &str)> = HashTable::new();
        let mut values = StringBuilder::new();
        let mut count = 0i32;
        let mut remaps = Vec::with_capacity(columns.len());
        let mut keys = Vec::with_capacity(columns.len());
        for column in columns {
            let dictionary = column.as_dictionary::<Int32Type>();
            let texts = dictionary.values().as_string::<i32>();
            keys.push(dictionary.keys());
            remaps.push(
                texts
                    .iter()
                    .map(|text| {
                        let text = text.unwrap_or_default();
                        let hash = hasher.hash_one(text);
                        let entry =
                            table.entry(hash, |(_, _, known)| *known == text, |(hash, ..)| *hash);
                        entry
                            .or_insert_with(|| {
                                values.append_value(text);
                                count += 1;
                                (hash, count - 1, text)
                            })
                            .get()
                            .1
                    })
                    .collect(),
            );
        }
        Self {
            values: Arc::new(values.finish()),
            remaps,
            keys,
        }
    }

    /// The rows (batch, row) as one dictionary array.
    pub(super) fn gather(
        &self,
        rows: &[(u32, u32)],
    ) -> Result<DictionaryArray<Int32Type>, ArrowError> {
        let keys: Int32Array = rows
            .iter()
            .map(|(batch, row)| {
                let (keys, remap) = (self.keys[*batch as usize], &self.remaps[*batch as usize]);
                let row = *row as usize;
                keys.is_valid(row)
                    .then(|| remap[usize::try_from(keys.value(row)).unwrap_or(0)])
            })
            .collect();
        DictionaryArray::try_new(keys, self.values.clone())
    }
}
