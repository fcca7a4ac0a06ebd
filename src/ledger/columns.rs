//! The objects of a commit as columns: a million of them take about 30 bytes each, compressed,
//! most of which is their `ETag`s and the random part of their keys.

use serde::{Deserialize, Serialize};

use super::{Done, Input, KeyState};

/// Microseconds in a second: what times are counted in where all of them are whole seconds.
const SECOND: i64 = 1_000_000;

/// Most bytes that the keys of a commit take: those of 50,000 objects with the longest that S3 has
/// are 51 MB.
const MOST_KEYS: usize = 128 << 20;

/// Inputs in listing order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Columns {
    /// Bytes that a key shares with the one before it.
    shared: Vec<u32>,
    /// The rest of each key.
    keys: Texts,
    etags: Texts,
    sizes: Vec<u64>,
    /// Microseconds in the unit of `modified`.
    unit: i64,
    /// Each less the one before it.
    modified: Vec<i64>,
    tables: Vec<String>,
    /// An index into `tables`, or its length for an object in `others`, and how often in a row.
    runs: Vec<(u32, u32)>,
    rows: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejects: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    comments: Vec<u64>,
    /// Lines that the other counts leave open: there should be none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<i64>,
    /// Places, among those in tables, of objects that were cut short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    partial: Vec<u32>,
    /// States of the objects that are in no table, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<KeyState>,
}

/// Texts one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Texts {
    lengths: Vec<u32>,
    text: String,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.lengths.push(narrow(text.len()));
        self.text.push_str(text);
    }
}

/// Takes texts off again.
struct TextReader<'a> {
    lengths: std::slice::Iter<'a, u32>,
    rest: &'a str,
}

impl<'a> TextReader<'a> {
    fn new(texts: &'a Texts) -> Self {
        Self {
            lengths: texts.lengths.iter(),
            rest: &texts.text,
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let length = *self.lengths.next()? as usize;
        let text = self.rest.get(..length)?;
        self.rest = self.rest.get(length..)?;
        Some(text)
    }
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("keys and batches are far below 4 GiB")
}

fn shared_start(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    (0..=same)
        .rev()
        .find(|at| b.is_char_boundary(*at))
        .unwrap_or(0)
}

impl Columns {
    pub(super) fn of(inputs: &[Input]) -> Self {
        let seconds = inputs.iter().all(|input| input.modified % SECOND == 0);
        let mut columns = Self {
            unit: if seconds { SECOND } else { 1 },
            ..Self::default()
        };
        let (mut last_key, mut last_modified) = ("", 0);
        for input in inputs {
            let shared = shared_start(last_key, &input.key);
            columns.shared.push(narrow(shared));
            columns.keys.push(&input.key[shared..]);
            columns.etags.push(&input.etag);
            columns.sizes.push(input.size);
            let modified = input.modified / columns.unit;
            columns.modified.push(modified.wrapping_sub(last_modified));
            (last_key, last_modified) = (&input.key, modified);
        }
        columns.add_states(inputs);
        columns.drop_zeros();
        columns
    }

    fn add_states(&mut self, inputs: &[Input]) {
        for input in inputs {
            if let KeyState::Committed(done) = &input.state
                && !self.tables.contains(&done.table)
            {
                self.tables.push(done.table.clone());
            }
        }
        for input in inputs {
            let run = match &input.state {
                KeyState::Committed(done) => self.add_done(done),
                other => {
                    self.others.push(other.clone());
                    narrow(self.tables.len())
                }
            };
            match self.runs.last_mut() {
                Some((last, times)) if *last == run => *times += 1,
                _ => self.runs.push((run, 1)),
            }
        }
    }

    fn add_done(&mut self, done: &Done) -> u32 {
        if done.partial {
            self.partial.push(narrow(self.rows.len()));
        }
        self.rows.push(done.rows);
        self.duplicates.push(done.duplicates);
        self.rejects.push(done.rejects);
        self.comments.push(done.comments);
        let counted = done.rows + done.duplicates + done.rejects + done.comments;
        self.open
            .push(done.lines.cast_signed().wrapping_sub_unsigned(counted));
        let table = self.tables.iter().position(|table| *table == done.table);
        narrow(table.unwrap_or(self.tables.len()))
    }

    fn drop_zeros(&mut self) {
        for column in [&mut self.duplicates, &mut self.rejects, &mut self.comments] {
            if column.iter().all(|value| *value == 0) {
                column.clear();
            }
        }
        if self.open.iter().all(|value| *value == 0) {
            self.open.clear();
        }
    }

    /// The inputs; `None` if the columns do not fit together.
    pub(super) fn inputs(&self) -> Option<Vec<Input>> {
        let count = self.shared.len();
        if self.sizes.len() != count || self.modified.len() != count {
            return None;
        }
        let mut states = self.states()?.into_iter();
        let (mut keys, mut etags) = (TextReader::new(&self.keys), TextReader::new(&self.etags));
        let mut inputs = Vec::with_capacity(count);
        let (mut key, mut modified) = (String::new(), 0_i64);
        let mut room = MOST_KEYS;
        for (index, shared) in self.shared.iter().enumerate() {
            let shared = *shared as usize;
            if !key.is_char_boundary(shared) {
                return None;
            }
            key.truncate(shared);
            key.push_str(keys.next()?);
            // A small record can stand for long keys without end.
            room = room.checked_sub(key.len())?;
            modified = modified.wrapping_add(*self.modified.get(index)?);
            inputs.push(Input {
                key: key.clone(),
                etag: etags.next()?.to_owned(),
                size: *self.sizes.get(index)?,
                modified: modified.checked_mul(self.unit)?,
                state: states.next()?,
            });
        }
        let over = keys.next().is_some() || etags.next().is_some() || states.next().is_some();
        (!over).then_some(inputs)
    }

    fn states(&self) -> Option<Vec<KeyState>> {
        let mut states = Vec::new();
        let mut others = self.others.iter();
        let mut place = 0;
        let mut partial = self.partial.iter().peekable();
        for (table, times) in &self.runs {
            // More than there are objects: damaged, and not worth any memory.
            if states.len() + *times as usize > self.shared.len() {
                return None;
            }
            for _ in 0..*times {
                let Some(table) = self.tables.get(*table as usize) else {
                    states.push(others.next()?.clone());
                    continue;
                };
                let cut = partial.next_if(|at| **at as usize == place).is_some();
                states.push(KeyState::Committed(self.done(table, place, cut)?));
                place += 1;
            }
        }
        Some(states)
    }

    fn done(&self, table: &str, place: usize, partial: bool) -> Option<Done> {
        let of = |column: &[u64]| match column {
            [] => Some(0),
            column => column.get(place).copied(),
        };
        let rows = *self.rows.get(place)?;
        let (duplicates, rejects) = (of(&self.duplicates)?, of(&self.rejects)?);
        let comments = of(&self.comments)?;
        let open = match self.open.as_slice() {
            [] => 0,
            open => *open.get(place)?,
        };
        let rest = duplicates.checked_add(rejects)?.checked_add(comments)?;
        let counted = rows.checked_add(rest)?;
        Some(Done {
            table: table.to_owned(),
            lines: counted.checked_add_signed(open)?,
            rows,
            duplicates,
            rejects,
            comments,
            partial,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Step;
    use super::*;

    fn state() -> impl Strategy<Value = KeyState> {
        let counts = (
            0..3_usize,
            0..200_u64,
            0..3_u64,
            0..3_u64,
            0..3_u64,
            any::<bool>(),
        );
        let done = counts.prop_map(|(table, rows, duplicates, rejects, comments, partial)| {
            KeyState::Committed(Done {
                table: ["s3_access", "cloudfront", "alb"][table].to_owned(),
                lines: rows + duplicates + rejects + comments + u64::from(partial),
                rows,
                duplicates,
                rejects,
                comments,
                partial,
            })
        });
        let failed = (any::<u32>(), any::<bool>()).prop_map(|(attempts, lasting)| {
            let error = "cut".to_owned();
            KeyState::Failed {
                step: Step::Gunzip,
                error,
                attempts,
                lasting,
            }
        });
        let skipped = Just(KeyState::Skipped {
            why: "no log".to_owned(),
        });
        prop_oneof![5 => done, 1 => failed, 1 => skipped]
    }

    fn input() -> impl Strategy<Value = Input> {
        let parts = (
            "[a-cé/]{0,6}",
            "[0-9a-f]{0,4}",
            any::<u64>(),
            any::<i32>(),
            state(),
        );
        parts.prop_map(|(key, etag, size, modified, state)| Input {
            key,
            etag,
            size,
            modified: i64::from(modified),
            state,
        })
    }

    proptest! {
        #[test]
        fn columns_hold_what_was_put_in(
            mut inputs in proptest::collection::vec(input(), 0..40), seconds in any::<bool>(),
        ) {
            if seconds {
                for input in &mut inputs {
                    input.modified *= SECOND;
                }
            }
            let text = serde_json::to_string(&Columns::of(&inputs)).expect("text");
            let back: Columns = serde_json::from_str(&text).expect("columns");
            prop_assert_eq!(back.inputs(), Some(inputs));
        }

        #[test]
        fn columns_that_do_not_fit_together_are_no_inputs(
            inputs in proptest::collection::vec(input(), 1..10), what in 0..6_usize,
        ) {
            let mut columns = Columns::of(&inputs);
            match what {
                0 => drop(columns.sizes.pop()),
                1 => drop(columns.keys.lengths.pop()),
                2 => columns.etags.lengths.push(0),
                3 => columns.runs.push((0, u32::MAX)),
                4 => columns.shared.push(1 << 20),
                _ => drop(columns.modified.pop()),
            }
            prop_assert_eq!(columns.inputs(), None);
        }
    }
}
