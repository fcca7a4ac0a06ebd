//! Rows that wait for their day's file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cpu;
use crate::schema::{Layout, LogFormat};
use crate::table::{Piece, WriteOptions, split_by_day};
use crate::units::Day;

use super::WorkError;
use super::decode::Rows;
use super::parts::{OpenPart, Part, write_part};

/// Gathers rows by table and day and writes them out, all days at once, when asked to.
///
/// Bound: the caller flushes when [`held`](Self::held) passes its limit. The file that was written
/// last stays open, so that something about all of them can be put into it.
#[derive(Debug)]
pub(super) struct Gather {
    folder: PathBuf,
    options: WriteOptions,
    pieces: BTreeMap<(&'static str, Day), Waiting>,
    held: usize,
    parts: Vec<Part>,
    last: Option<OpenPart>,
}

#[derive(Debug)]
struct Waiting {
    format: &'static LogFormat,
    pieces: Vec<Piece>,
}

impl Gather {
    pub(super) fn new(folder: &Path, options: WriteOptions) -> Self {
        Self {
            folder: folder.to_owned(),
            options,
            pieces: BTreeMap::new(),
            held: 0,
            parts: Vec::new(),
            last: None,
        }
    }

    /// An empty one that writes to the same place.
    pub(super) fn sibling(&self) -> Self {
        Self::new(&self.folder, self.options.clone())
    }

    /// Bytes of rows held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn add(&mut self, rows: Rows) {
        let format = rows.format;
        self.held += rows.batch.records.get_array_memory_size();
        for (day, piece) in split_by_day(rows.batch.records) {
            self.held += piece.rows.as_ref().map_or(0, |rows| rows.len() * 4);
            let waiting = self
                .pieces
                .entry((format.table, day))
                .or_insert_with(|| Waiting {
                    format,
                    pieces: Vec::new(),
                });
            waiting.pieces.push(piece);
        }
    }

    /// Takes over what another one has gathered.
    pub(super) async fn absorb(&mut self, mut other: Self) -> Result<(), WorkError> {
        if other.last.is_none() {
            self.held += other.held;
            for (key, waiting) in other.pieces {
                let mine = self.pieces.entry(key).or_insert_with(|| Waiting {
                    format: waiting.format,
                    pieces: Vec::new(),
                });
                mine.pieces.extend(waiting.pieces);
            }
        } else {
            other.flush().await?;
            self.close_last().await?;
            self.parts.append(&mut other.parts);
            self.last = other.last;
        }
        Ok(())
    }

    /// Writes all days out.
    pub(super) async fn flush(&mut self) -> Result<(), WorkError> {
        self.held = 0;
        for ((table, day), waiting) in std::mem::take(&mut self.pieces) {
            let (folder, options) = (self.folder.clone(), self.options.clone());
            let part = cpu::run(move || {
                let layout = Layout::of(waiting.format);
                write_part(table, day, &layout, &waiting.pieces, &options, &folder)
            });
            let part = part.await?;
            self.close_last().await?;
            self.last = Some(part);
        }
        Ok(())
    }

    async fn close_last(&mut self) -> Result<(), WorkError> {
        if let Some(last) = self.last.take() {
            self.parts.push(cpu::run(move || last.close(None)).await?);
        }
        Ok(())
    }

    /// The files in the order they were written, and the last one, to be closed.
    pub(super) async fn finish(mut self) -> Result<(Vec<Part>, Option<OpenPart>), WorkError> {
        self.flush().await?;
        Ok((self.parts, self.last))
    }
}
