//! Leaves rows out whose lines are known, and remembers the lines of the others.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::cpu;
use crate::parse::{Fingerprint, Prints};
use crate::table::Piece;
use crate::units::Day;

use super::WorkError;
use super::history::History;
use super::parts::hash_of;
use super::prints::{PrintsFile, each_known, joined, merged};

/// Memory for each row that waits to be written: its fingerprint, and what finding it takes.
pub(super) const ROW_BYTES: usize = Fingerprint::BYTES + size_of::<Candidate>() + 17;

/// A file of the fingerprints of a batch's rows of one table and day. No commit names it yet; it goes
/// away with the value.
#[derive(Debug)]
pub struct LinesPart {
    /// The table.
    pub table: &'static str,
    /// The day.
    pub day: Day,
    /// Where it lies.
    pub file: TempPath,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Fingerprints in it.
    pub rows: u64,
    /// Lines of this day that were left out.
    pub duplicates: u64,
}

/// Lines left out, by the key of their object.
pub(super) type Dropped = BTreeMap<Arc<str>, u64>;

/// The lines of the rows that were written out, of one batch or of one large object in it.
///
/// Bound: nothing that grows with the rows; the fingerprints lie on the local disk.
#[derive(Debug)]
pub(super) struct Dedupe {
    history: Arc<History>,
    folder: PathBuf,
    days: BTreeMap<(&'static str, Day), Lines>,
    dropped: Dropped,
}

#[derive(Debug)]
struct Lines {
    file: Arc<PrintsFile>,
    duplicates: u64,
}

/// A row by its fingerprint; sorts before the rows that came later.
type Candidate = (Fingerprint, u32, u32);

/// Rows of one table and day with their fingerprints, in the order of the batch.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) pieces: Vec<Piece>,
    /// One for each piece; pieces of several days share it.
    pub(super) prints: Vec<Arc<Prints>>,
}

impl Dedupe {
    pub(super) fn new(history: Arc<History>, folder: &Path) -> Self {
        Self {
            history,
            folder: folder.to_owned(),
            days: BTreeMap::new(),
            dropped: Dropped::new(),
        }
    }

    /// An empty one with the same history.
    pub(super) fn sibling(&self) -> Self {
        Self::new(Arc::clone(&self.history), &self.folder)
    }

    /// Whether any rows came through.
    pub(super) fn has_begun(&self) -> bool {
        !self.days.is_empty()
    }

    /// The rows whose lines no row has: none that is committed, none of `earlier` (a batch that these
    /// come after), none that came through before, and none before it among these.
    pub(super) async fn sift(
        &mut self,
        (table, day): (&'static str, Day),
        rows: Printed,
        earlier: Option<&Self>,
    ) -> Result<Vec<Piece>, WorkError> {
        let copies = self.history.copies_of(table, day).await?;
        let of = |dedupe: &Self| {
            let lines = dedupe.days.get(&(table, day));
            lines.map(|lines| Arc::clone(&lines.file))
        };
        let (before, own) = (earlier.and_then(of), of(self));
        let folder = self.folder.clone();
        let sifted = cpu::run(move || {
            let known = copies.iter().map(|copy| &***copy);
            let before = before.as_ref().map(|file| &*file.path);
            let own = own.as_ref().map(|file| &*file.path);
            sift(rows, known.chain(before), own, &folder)
        });
        let sifted = sifted.await.map_err(|error| self.temporary(&error))?;
        let duplicates: u64 = sifted.dropped.values().sum();
        let before = self
            .days
            .get(&(table, day))
            .map_or(0, |lines| lines.duplicates);
        let lines = Lines {
            file: Arc::new(sifted.lines),
            duplicates: before + duplicates,
        };
        self.days.insert((table, day), lines);
        self.count(sifted.dropped);
        Ok(sifted.pieces)
    }

    fn temporary(&self, error: &io::Error) -> WorkError {
        WorkError::temporary(&self.folder, error)
    }

    fn count(&mut self, dropped: Dropped) {
        for (key, lines) in dropped {
            *self.dropped.entry(key).or_default() += lines;
        }
    }

    /// Takes over the lines of an object that came after those here.
    pub(super) async fn absorb(&mut self, other: Self) -> Result<(), WorkError> {
        for (key, theirs) in other.days {
            let lines = match self.days.remove(&key) {
                None => theirs,
                Some(ours) => {
                    let folder = self.folder.clone();
                    let duplicates = ours.duplicates + theirs.duplicates;
                    let both =
                        cpu::run(move || joined(&ours.file.path, &theirs.file.path, &folder));
                    let file = both.await.map_err(|error| self.temporary(&error))?;
                    Lines {
                        file: Arc::new(file),
                        duplicates,
                    }
                }
            };
            self.days.insert(key, lines);
        }
        self.count(other.dropped);
        Ok(())
    }

    /// The files, by table and day, and what was left out.
    pub(super) fn finish(self) -> Result<(Vec<LinesPart>, Dropped), WorkError> {
        let mut parts = Vec::new();
        for ((table, day), lines) in self.days {
            let io = |error: io::Error| WorkError::temporary(&self.folder, &error);
            let hash = hash_of(&lines.file.path).map_err(io)?;
            // Whoever else held it was done with it when its CPU job ended.
            let file = Arc::into_inner(lines.file);
            let file = file.ok_or_else(|| io(io::Error::other("a file is still being read")))?;
            parts.push(LinesPart {
                table,
                day,
                file: file.path,
                hash,
                rows: file.len,
                duplicates: lines.duplicates,
            });
        }
        Ok((parts, self.dropped))
    }
}

struct Sifted {
    pieces: Vec<Piece>,
    lines: PrintsFile,
    dropped: Dropped,
}

/// Sorts the rows by their fingerprints, walks the known files beside them, and adds what is left to
/// what `own` holds. CPU work.
fn sift<'a>(
    rows: Printed,
    known: impl Iterator<Item = &'a Path>,
    own: Option<&'a Path>,
    folder: &Path,
) -> io::Result<Sifted> {
    let candidates = sorted(&rows);
    let mut fresh: Vec<bool> = std::iter::once(true)
        .chain(candidates.windows(2).map(|pair| pair[0].0 != pair[1].0))
        .take(candidates.len())
        .collect();
    for file in known.chain(own) {
        each_known(
            file,
            &candidates,
            |(print, ..)| *print,
            |at| fresh[at] = false,
        )?;
    }
    let of = |wanted: bool| {
        let flagged = candidates.iter().zip(&fresh);
        flagged
            .filter(move |(_, fresh)| **fresh == wanted)
            .map(|(candidate, _)| *candidate)
    };
    let lines = merged(own, of(true).map(|(print, ..)| print), folder)?;
    let losers: Vec<(u32, u32)> = of(false).map(|(_, piece, row)| (piece, row)).collect();
    drop((candidates, fresh));
    let (pieces, dropped) = without(rows, losers);
    Ok(Sifted {
        pieces,
        lines,
        dropped,
    })
}

/// All rows by fingerprint; of those with the same, the first comes first.
fn sorted(rows: &Printed) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(rows.pieces.iter().map(Piece::len).sum());
    for (index, (piece, prints)) in (0u32..).zip(rows.pieces.iter().zip(&rows.prints)) {
        let candidate = |row: u32| (prints.rows[row as usize], index, row);
        match &piece.rows {
            None => candidates.extend((0u32..).take(piece.len()).map(candidate)),
            Some(rows) => candidates.extend(rows.iter().copied().map(candidate)),
        }
    }
    candidates.sort_unstable();
    candidates
}

/// The pieces without some of their rows, given as piece and row; and how many each object lost.
fn without(rows: Printed, mut losers: Vec<(u32, u32)>) -> (Vec<Piece>, Dropped) {
    losers.sort_unstable();
    let mut dropped = Dropped::new();
    let mut pieces = Vec::with_capacity(rows.pieces.len());
    let mut rest = losers.as_slice();
    for (index, (mut piece, prints)) in (0u32..).zip(rows.pieces.into_iter().zip(rows.prints)) {
        let (lost, others) = rest.split_at(rest.partition_point(|(piece, _)| *piece == index));
        rest = others;
        for (_, row) in lost {
            if let Some(key) = prints.object_of(*row as usize) {
                *dropped.entry(Arc::clone(key)).or_default() += 1;
            }
        }
        if !lost.is_empty() {
            let all = piece.rows.take();
            let all = all.unwrap_or_else(|| (0u32..).take(prints.rows.len()).collect());
            let is_kept = |row: &u32| lost.binary_search(&(index, *row)).is_err();
            piece.rows = Some(all.into_iter().filter(is_kept).collect());
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    (pieces, dropped)
}
