//! Rows in any order, put on disk in the order of keys, and of times for each key.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use rayon::slice::ParallelSliceMut as _;

use super::Action;
use super::piece::{Piece, put_number};

/// A row whose key lies among the keys of its run.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    length: u32,
    at: i64,
    code: u8,
}

/// Bytes of a run at most, so that a place in it fits into four bytes.
const LARGEST_RUN: usize = 1 << 30;

/// A file without a name that holds sorted runs, and the run under way in memory.
///
/// Memory: what it is given; the runs are read in as much. Disk: a few bytes for each row, and what a key
/// does not share with the one before.
#[derive(Debug)]
pub struct Sorter {
    file: File,
    memory: usize,
    keys: Vec<u8>,
    rows: Vec<Row>,
    ends: Vec<u64>,
}

impl Sorter {
    /// A sorter below a folder that takes so many bytes of memory.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn create(folder: &Path, memory: usize) -> io::Result<Self> {
        let run = memory.min(LARGEST_RUN);
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            memory,
            // What is not used of it is not taken.
            keys: Vec::with_capacity(run / 2),
            rows: Vec::with_capacity((run / 2 / size_of::<Row>()).max(1)),
            ends: Vec::new(),
        })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// What the disk reports; [`io::ErrorKind::InvalidInput`] for a key of gigabytes.
    pub fn push(&mut self, key: &[u8], at: i64, action: Action) -> io::Result<()> {
        let full = self.keys.len() + key.len() > self.keys.capacity();
        if (full || self.rows.len() == self.rows.capacity()) && !self.rows.is_empty() {
            self.end_run()?;
        }
        let narrow = |number| u32::try_from(number).map_err(|_| io::ErrorKind::InvalidInput);
        self.rows.push(Row {
            start: narrow(self.keys.len())?,
            length: narrow(key.len())?,
            at,
            code: action.code(),
        });
        self.keys.extend_from_slice(key);
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        let keys = &self.keys;
        let key = |row: &Row| &keys[row.start as usize..][..row.length as usize];
        let order = |one: &Row, other: &Row| {
            let by_key = key(one).cmp(key(other));
            by_key.then_with(|| (one.at, one.code).cmp(&(other.at, other.code)))
        };
        self.rows.par_sort_unstable_by(order);
        let mut to = BufWriter::new(&mut self.file);
        let mut end = self.ends.last().copied().unwrap_or_default();
        let (mut last, mut last_at): (&[u8], i64) = (&[], 0);
        for row in &self.rows {
            let key = key(row);
            let same = key.iter().zip(last).take_while(|(a, b)| a == b).count();
            end += put_number(&mut to, same as u64)?;
            end += put_number(&mut to, (key.len() - same) as u64)?;
            to.write_all(&key[same..])?;
            end += (key.len() - same) as u64;
            end += put_number(&mut to, zigzag(row.at.wrapping_sub(last_at)))?;
            to.write_all(&[row.code])?;
            end += 1;
            (last, last_at) = (key, row.at);
        }
        to.flush()?;
        drop(to);
        self.ends.push(end);
        self.rows.clear();
        self.keys.clear();
        Ok(())
    }

    /// Bytes on disk so far.
    pub fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Ends the last run; what comes then is in order.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn finish(mut self) -> io::Result<Sorted> {
        self.end_run()?;
        let mut sorted = Sorted {
            file: self.file,
            heads: BinaryHeap::new(),
        };
        for piece in Piece::all(&self.ends, self.memory) {
            let mut head = Head {
                key: Vec::new(),
                at: 0,
                code: 0,
                piece,
            };
            if head.advance(&mut sorted.file)? {
                sorted.heads.push(Reverse(head));
            }
        }
        Ok(sorted)
    }
}

/// The rows of a [`Sorter`] in order.
#[derive(Debug)]
pub struct Sorted {
    file: File,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Sorted {
    /// Hands on the next row as key, time and action; `false` when there is none left.
    ///
    /// # Errors
    /// What the disk reports, and what `take` returns.
    pub fn next(
        &mut self,
        take: impl FnOnce(&[u8], i64, Action) -> io::Result<()>,
    ) -> io::Result<bool> {
        let Some(mut first) = self.heads.peek_mut() else {
            return Ok(false);
        };
        let Reverse(head) = &mut *first;
        let action = i8::try_from(head.code).ok().and_then(Action::of_code);
        take(
            &head.key,
            head.at,
            action.ok_or(io::ErrorKind::InvalidData)?,
        )?;
        if !head.advance(&mut self.file)? {
            PeekMut::pop(first);
        }
        Ok(true)
    }
}

/// The next row of a run, and the rest of it.
#[derive(Debug)]
struct Head {
    key: Vec<u8>,
    at: i64,
    code: u8,
    piece: Piece,
}

impl Head {
    fn advance(&mut self, file: &mut File) -> io::Result<bool> {
        let Some(same) = self.piece.number(file)? else {
            return Ok(false);
        };
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let rest = self.piece.number(file)?.ok_or_else(cut)?;
        self.key
            .truncate(usize::try_from(same).unwrap_or(usize::MAX));
        self.piece.bytes(file, rest, &mut self.key)?;
        let step = self.piece.number(file)?.ok_or_else(cut)?;
        self.at = self.at.wrapping_add(unzigzag(step));
        self.code = self.piece.byte(file)?.ok_or_else(cut)?;
        Ok(true)
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = self.key.cmp(&other.key);
        by_key.then_with(|| (self.at, self.code).cmp(&(other.at, other.code)))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Small numbers of either sign as small numbers without one.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Told = (Vec<u8>, i64, u8);

    fn sorted(rows: &[Told], memory: usize) -> Vec<Told> {
        let mut sorter = Sorter::create(&std::env::temp_dir(), memory).expect("a file");
        for (key, at, code) in rows {
            let action = Action::ALL[usize::from(*code)];
            sorter.push(key, *at, action).expect("room");
        }
        let mut all = Vec::new();
        let mut rows = sorter.finish().expect("room");
        let mut take = |key: &[u8], at, action: Action| {
            all.push((key.to_owned(), at, action.code()));
            Ok(())
        };
        while rows.next(&mut take).expect("rows") {}
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_rows_come_in_order_however_little_memory_there_is(
            rows in prop::collection::vec(
                (prop::collection::vec(0..4_u8, 0..40), any::<i64>(), 0..8_u8),
                0..300,
            ),
            memory in 1_usize..4000,
        ) {
            let mut expected = rows.clone();
            expected.sort();
            prop_assert_eq!(sorted(&rows, memory), expected);
        }
    }

    #[test]
    fn keys_that_begin_alike_take_little_room() {
        let mut sorter = Sorter::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        for number in 0..10_000 {
            let key = format!("a/long/name/that/all/of/them/share/{number:06}");
            let key = key.as_bytes();
            sorter
                .push(key, number * 1_000_000, Action::Create)
                .expect("room");
        }
        sorter.end_run().expect("room");
        assert!(sorter.bytes() < 100_000, "{}", sorter.bytes());
    }

    #[test]
    fn signs() {
        for number in [0, 1, -1, 77, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!((zigzag(-1), zigzag(1)), (1, 2));
    }
}
