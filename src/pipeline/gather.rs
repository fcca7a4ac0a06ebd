//! Rows that wait for their day's file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt};

use crate::cpu;
use crate::schema::{Layout, LogFormat};
use crate::table::{ORDER_BYTES, Piece, WriteOptions, split_by_day};
use crate::units::Day;

use super::WorkError;
use super::decode::Rows;
use super::dedupe::{Dedupe, Dropped, LinesPart, Printed, ROW_BYTES};
use super::history::History;
use super::parts::{OpenPart, Part, write_part};

/// Gathers rows by table and day and writes them out, all days at once, when asked to.
///
/// Bound: the caller flushes when [`held`](Self::held) passes its limit. The file that was written
/// last stays open, so that something about all of them can be put into it.
#[derive(Debug)]
pub(super) struct Gather {
    folder: PathBuf,
    options: WriteOptions,
    /// Days that are encoded at the same time.
    days: usize,
    pieces: BTreeMap<(&'static str, Day), Waiting>,
    held: usize,
    parts: Vec<Part>,
    dedupe: Option<Dedupe>,
    last: Option<OpenPart>,
}

#[derive(Debug)]
struct Waiting {
    format: &'static LogFormat,
    /// Without fingerprints, unless lines are to be compared.
    rows: Printed,
}

impl Waiting {
    fn of(format: &'static LogFormat) -> Self {
        Self {
            format,
            rows: Printed::default(),
        }
    }
}

/// What has been gathered, in files.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Parquet files, in the order they were written.
    pub(super) parts: Vec<Part>,
    /// The last of them, to be closed.
    pub(super) last: Option<OpenPart>,
    /// Files of fingerprints, by table and day.
    pub(super) lines: Vec<LinesPart>,
    /// Lines left out.
    pub(super) dropped: Dropped,
}

impl Gather {
    pub(super) fn new(folder: &Path, options: WriteOptions, days: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            options,
            days: days.max(1),
            pieces: BTreeMap::new(),
            held: 0,
            parts: Vec::new(),
            dedupe: None,
            last: None,
        }
    }

    /// The same, leaving rows out whose lines are known.
    pub(super) fn with_history(mut self, history: Option<Arc<History>>) -> Self {
        self.dedupe = history.map(|history| Dedupe::new(history, &self.folder));
        self
    }

    /// An empty one that writes to the same place.
    pub(super) fn sibling(&self) -> Self {
        Self {
            dedupe: self.dedupe.as_ref().map(Dedupe::sibling),
            ..Self::new(&self.folder, self.options.clone(), self.days)
        }
    }

    /// Bytes of rows held, and of what it takes to sort them.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn add(&mut self, rows: Rows) {
        let format = rows.format;
        self.held += rows.batch.records.get_array_memory_size();
        self.held += rows.batch.records.num_rows() * ORDER_BYTES;
        let prints = rows.batch.prints.filter(|_| self.dedupe.is_some());
        self.held += prints.as_ref().map_or(0, |it| it.rows.len() * ROW_BYTES);
        let prints = prints.map(Arc::new);
        for (day, piece) in split_by_day(rows.batch.records) {
            self.held += piece.rows.as_ref().map_or(0, |rows| rows.len() * 4);
            let waiting = self.waiting(format.table, day, format);
            waiting.rows.pieces.push(piece);
            waiting.rows.prints.extend(prints.clone());
        }
    }

    fn waiting(
        &mut self,
        table: &'static str,
        day: Day,
        format: &'static LogFormat,
    ) -> &mut Waiting {
        let waiting = self.pieces.entry((table, day));
        waiting.or_insert_with(|| Waiting::of(format))
    }

    /// Whether files have been written.
    fn has_begun(&self) -> bool {
        self.last.is_some() || self.dedupe.as_ref().is_some_and(Dedupe::has_begun)
    }

    /// Takes over what another one has gathered.
    pub(super) async fn absorb(&mut self, mut other: Self) -> Result<(), WorkError> {
        if other.has_begun() {
            other.flush_behind(self).await?;
            self.close_last().await?;
            self.parts.append(&mut other.parts);
            self.last = other.last;
            if let (Some(ours), Some(theirs)) = (&mut self.dedupe, other.dedupe) {
                ours.absorb(theirs).await?;
            }
        } else {
            self.held += other.held;
            for ((table, day), waiting) in other.pieces {
                let mine = self.waiting(table, day, waiting.format);
                mine.rows.pieces.extend(waiting.rows.pieces);
                mine.rows.prints.extend(waiting.rows.prints);
            }
        }
        Ok(())
    }

    /// Writes all days out.
    pub(super) async fn flush(&mut self) -> Result<(), WorkError> {
        self.write_out(None).await
    }

    /// Writes all days out, as rows that come after those of `earlier`. Where lines are compared,
    /// those are written out first.
    pub(super) async fn flush_behind(&mut self, earlier: &mut Self) -> Result<(), WorkError> {
        if self.dedupe.is_some() {
            earlier.flush().await?;
        }
        self.write_out(earlier.dedupe.as_ref()).await
    }

    async fn write_out(&mut self, earlier: Option<&Dedupe>) -> Result<(), WorkError> {
        self.held = 0;
        let mut days = Vec::new();
        for ((table, day), waiting) in std::mem::take(&mut self.pieces) {
            let rows = waiting.rows;
            let pieces = match &mut self.dedupe {
                Some(dedupe) => dedupe.sift((table, day), rows, earlier).await?,
                None => rows.pieces,
            };
            if !pieces.is_empty() {
                days.push((table, day, waiting.format, pieces));
            }
        }
        let (folder, options) = (self.folder.clone(), self.options.clone());
        let write = move |(table, day, format, pieces): (_, _, &'static LogFormat, Vec<Piece>)| {
            let (folder, options) = (folder.clone(), options.clone());
            cpu::run(move || {
                let layout = Layout::of(format);
                write_part(table, day, &layout, &pieces, &options, &folder)
            })
        };
        let mut written = stream::iter(days).map(write).buffered(self.days);
        while let Some(part) = written.next().await {
            self.close_last().await?;
            self.last = Some(part?);
        }
        Ok(())
    }

    async fn close_last(&mut self) -> Result<(), WorkError> {
        if let Some(last) = self.last.take() {
            self.parts.push(cpu::run(move || last.close(None)).await?);
        }
        Ok(())
    }

    /// Everything in files, of which the last is to be closed.
    pub(super) async fn finish(mut self) -> Result<Gathered, WorkError> {
        self.flush().await?;
        let lines = self.dedupe.map(Dedupe::finish).transpose()?;
        let (lines, dropped) = lines.unwrap_or_default();
        Ok(Gathered {
            parts: self.parts,
            last: self.last,
            lines,
            dropped,
        })
    }
}
