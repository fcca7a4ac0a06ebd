//! Changes in the order of objects, put on disk in the order of frames.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::piece::{Piece, put_number};
use super::{Change, State};

/// Bits of a packed change, from the top: the frame, the object, and what happens to it.
const OBJECT_BITS: u32 = 42;
const CODE_BITS: u32 = 6;

/// Objects that can be told apart.
const MOST_OBJECTS: u64 = 1 << OBJECT_BITS;

/// A file without a name that holds sorted runs, and the run under way in memory.
///
/// Memory: what it is given for a run. Disk: two to three bytes for each change where runs are dense.
#[derive(Debug)]
pub struct Spool {
    file: File,
    /// The run under way, packed.
    run: Vec<u64>,
    /// Changes of a run.
    most: usize,
    /// Where the runs on disk end.
    ends: Vec<u64>,
}

impl Spool {
    /// A spool below a folder, whose run takes so many bytes of memory.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn create(folder: &Path, memory: usize) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            run: Vec::new(),
            most: (memory / 8).max(1),
            ends: Vec::new(),
        })
    }

    /// Takes a change. Of an object there is at most one in a frame, and objects come in their order.
    ///
    /// # Errors
    /// What the disk reports; [`io::ErrorKind::InvalidInput`] beyond four trillion objects.
    pub fn push(&mut self, change: Change) -> io::Result<()> {
        if change.object >= MOST_OBJECTS {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.run.push(packed(change));
        if self.run.len() >= self.most {
            self.end_run()?;
        }
        Ok(())
    }

    /// Bytes on disk so far.
    pub fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    fn end_run(&mut self) -> io::Result<()> {
        self.run.sort_unstable();
        let mut to = BufWriter::new(&mut self.file);
        let (mut written, mut last) = (0, 0);
        for change in &self.run {
            written += put(&mut to, *change, last)?;
            last = *change;
        }
        to.flush()?;
        drop(to);
        self.ends.push(self.bytes() + written);
        self.run.clear();
        Ok(())
    }

    /// Ends the last run; what comes then is the order of frames.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn merge(mut self) -> io::Result<Merge> {
        self.end_run()?;
        let pieces = Piece::all(&self.ends, self.most * 8).into_iter();
        let mut merge = Merge {
            runs: pieces.map(|piece| Run { piece, next: None }).collect(),
            file: self.file,
        };
        for run in &mut merge.runs {
            run.advance(&mut merge.file)?;
        }
        Ok(merge)
    }
}

/// All changes, frame by frame, and within a frame in the order of objects.
///
/// Memory: that of the spool, or 4 KiB for each run.
#[derive(Debug)]
pub struct Merge {
    file: File,
    runs: Vec<Run>,
}

impl Merge {
    /// Hands on the changes of a frame that are left. Frames are asked for in their order.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn frame(&mut self, frame: u16, mut each: impl FnMut(Change)) -> io::Result<()> {
        // What a run holds of a frame are objects before those of the next run.
        for run in &mut self.runs {
            while let Some(change) = run.next.filter(|change| frame_of(*change) <= frame) {
                each(unpacked(change));
                run.advance(&mut self.file)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Run {
    piece: Piece,
    next: Option<u64>,
}

impl Run {
    fn advance(&mut self, file: &mut File) -> io::Result<()> {
        let last = self.next.unwrap_or_default();
        self.next = match self.piece.number(file)? {
            None => None,
            Some(head) => {
                let code = head & ((1 << CODE_BITS) - 1);
                let object = head >> (CODE_BITS + 1);
                let same = last >> CODE_BITS << CODE_BITS;
                let base = if head >> CODE_BITS & 1 == 0 {
                    same
                } else {
                    let frames = self.piece.number(file)?.unwrap_or_default();
                    (u64::from(frame_of(last)) + frames) << (OBJECT_BITS + CODE_BITS)
                };
                Some((base + (object << CODE_BITS)) | code)
            }
        };
        Ok(())
    }
}

/// Writes a change after another: how many objects further it is, or the object itself where the frame is
/// another, and then how many frames further that is. Returns the bytes.
fn put(to: &mut impl io::Write, change: u64, last: u64) -> io::Result<u64> {
    let frames = u64::from(frame_of(change) - frame_of(last));
    let object = (change >> CODE_BITS) & (MOST_OBJECTS - 1);
    let from = (last >> CODE_BITS) & (MOST_OBJECTS - 1);
    let (object, other) = if frames == 0 {
        (object - from, 0)
    } else {
        (object, 1)
    };
    let code = change & ((1 << CODE_BITS) - 1);
    let mut bytes = put_number(to, (object << 1 | other) << CODE_BITS | code)?;
    if other == 1 {
        bytes += put_number(to, frames)?;
    }
    Ok(bytes)
}

fn frame_of(packed: u64) -> u16 {
    u16::try_from(packed >> (OBJECT_BITS + CODE_BITS)).unwrap_or(u16::MAX)
}

fn packed(change: Change) -> u64 {
    let code = (change.from as u64)
        | (change.to as u64) << 2
        | u64::from(change.first) << 4
        | u64::from(change.moved) << 5;
    (u64::from(change.frame) << OBJECT_BITS | change.object) << CODE_BITS | code
}

fn unpacked(packed: u64) -> Change {
    Change {
        frame: frame_of(packed),
        object: packed >> CODE_BITS & (MOST_OBJECTS - 1),
        from: State::of_bits(packed),
        to: State::of_bits(packed >> 2),
        first: packed >> 4 & 1 == 1,
        moved: packed >> 5 & 1 == 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(changes: &[Change], memory: usize) -> Vec<Change> {
        let mut spool = Spool::create(&std::env::temp_dir(), memory).expect("a file");
        for change in changes {
            spool.push(*change).expect("room");
        }
        let mut merge = spool.merge().expect("a file");
        let mut all = Vec::new();
        for frame in 0..=u16::MAX {
            merge.frame(frame, |change| all.push(change)).expect("runs");
        }
        all
    }

    fn change(frame: u16, object: u64, bits: u64) -> Change {
        Change {
            frame,
            object,
            ..unpacked(bits)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn frames_in_order_and_objects_in_order_within_them(
            seen in prop::collection::btree_map((0..MOST_OBJECTS, 0..u16::MAX), 0..64_u64, 0..200),
            memory in 8_usize..1000,
        ) {
            let changes: Vec<Change> = seen
                .into_iter()
                .map(|((object, frame), bits)| change(frame, object, bits))
                .collect();
            let mut expected = changes.clone();
            expected.sort_by_key(|one| (one.frame, one.object));
            prop_assert_eq!(through(&changes, memory), expected);
        }
    }

    #[test]
    fn dense_runs_take_two_bytes_a_change() {
        let mut spool = Spool::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        for object in 0..100_000 {
            let frame = u16::try_from(object % 10).expect("a digit");
            spool.push(change(frame, object, 5)).expect("room");
        }
        spool.end_run().expect("room");
        assert!(spool.bytes() < 210_000, "{}", spool.bytes());
    }

    #[test]
    fn an_object_beyond_the_last_is_refused() {
        let mut spool = Spool::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        assert!(spool.push(change(0, MOST_OBJECTS, 0)).is_err());
        assert!(spool.merge().expect("a file").runs.len() == 1);
    }
}
