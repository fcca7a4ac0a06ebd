//! Rows that wait for their day's file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cpu;
use crate::schema::{Layout, LogFormat};
use crate::table::{WriteOptions, split_by_day};
use crate::units::Day;

use super::WorkError;
use super::decode::Rows;
use super::dedupe::{Dedupe, Dropped, LinesPart, Printed, ROW_BYTES};
use super::history::History;
use super::parts::{Part, write_part};

/// Gathers rows by table and day and writes them out, all days at once, when asked to.
///
/// Bound: the caller flushes when [`held`](Self::held) passes its limit.
#[derive(Debug)]
pub(super) struct Gather {
    folder: PathBuf,
    options: WriteOptions,
    pieces: BTreeMap<(&'static str, Day), Waiting>,
    held: usize,
    parts: Vec<Part>,
    dedupe: Option<Dedupe>,
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
    /// Parquet files, by table and day, in the order they were written.
    pub(super) parts: Vec<Part>,
    /// Files of fingerprints, by table and day.
    pub(super) lines: Vec<LinesPart>,
    /// Lines left out.
    pub(super) dropped: Dropped,
}

impl Gather {
    pub(super) fn new(folder: &Path, options: WriteOptions) -> Self {
        Self {
            folder: folder.to_owned(),
            options,
            pieces: BTreeMap::new(),
            held: 0,
            parts: Vec::new(),
            dedupe: None,
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
            ..Self::new(&self.folder, self.options.clone())
        }
    }

    /// Bytes of rows held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn add(&mut self, rows: Rows) {
        let format = rows.format;
        self.held += rows.batch.records.get_array_memory_size();
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
        !self.parts.is_empty() || self.dedupe.as_ref().is_some_and(Dedupe::has_begun)
    }

    /// Takes over what another one has gathered.
    pub(super) async fn absorb(&mut self, mut other: Self) -> Result<(), WorkError> {
        if other.has_begun() {
            other.flush_behind(self).await?;
            self.parts.append(&mut other.parts);
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
        for ((table, day), waiting) in std::mem::take(&mut self.pieces) {
            let rows = waiting.rows;
            let pieces = match &mut self.dedupe {
                Some(dedupe) => dedupe.sift((table, day), rows, earlier).await?,
                None => rows.pieces,
            };
            if pieces.is_empty() {
                continue;
            }
            let (folder, options) = (self.folder.clone(), self.options.clone());
            let part = cpu::run(move || {
                let layout = Layout::of(waiting.format);
                write_part(table, day, &layout, &pieces, &options, &folder)
            });
            self.parts.push(part.await?);
        }
        Ok(())
    }

    /// Everything in files.
    pub(super) async fn finish(mut self) -> Result<Gathered, WorkError> {
        self.flush().await?;
        let mut parts = self.parts;
        parts.sort_by_key(|part| (part.table, part.day));
        let lines = self.dedupe.map(Dedupe::finish).transpose()?;
        let (lines, dropped) = lines.unwrap_or_default();
        Ok(Gathered {
            parts,
            lines,
            dropped,
        })
    }
}
