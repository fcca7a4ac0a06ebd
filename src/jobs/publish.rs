//! Finished files under the names they will have, ready to be put.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use futures::stream::{self, TryStreamExt};
use tempfile::TempPath;

use crate::event::{Event, Observer};
use crate::ledger::{KeyState, Lines, Output, Rejects};
use crate::outcome::Outcome;
use crate::pipeline::{Encoded, LinesPart, Part, RejectsPart};
use crate::store::{Body, ErrorKind, Precondition, StoreError};
use crate::table::path::{data_file, lines_file, rejects_file};

use super::source::Destination;

/// Files that are put at the same time.
const PUTS: usize = 4;

/// The files of a batch with their final names.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Parquet files as a commit names them.
    pub(super) outputs: Vec<Output>,
    /// Files of rejected lines as a commit names them.
    pub(super) rejects: Vec<Rejects>,
    /// Files of line fingerprints as a commit names them.
    pub(super) lines: Vec<Lines>,
    /// Where they lie now: outputs, rejects, lines.
    files: Vec<TempPath>,
}

impl Ready {
    /// Names a batch's files.
    fn name(
        batch: &str,
        parts: Vec<Part>,
        rejects: Vec<RejectsPart>,
        lines: Vec<LinesPart>,
    ) -> Self {
        let mut ready = Self::default();
        let mut numbers: BTreeMap<_, usize> = BTreeMap::new();
        for part in parts {
            let number = numbers.entry((part.table, part.day)).or_default();
            ready.outputs.push(Output {
                path: data_file(part.table, part.day, batch, *number, &part.hash),
                table: part.table.to_owned(),
                day: part.day,
                rows: part.summary.rows,
                bytes: part.bytes,
                min_ts: part.summary.min_ts,
                max_ts: part.summary.max_ts,
            });
            *number += 1;
            ready.files.push(part.file);
        }
        for part in rejects {
            ready.rejects.push(Rejects {
                path: rejects_file(part.table, batch, &part.hash),
                table: part.table.to_owned(),
                lines: part.lines,
            });
            ready.files.push(part.file);
        }
        for part in lines {
            ready.lines.push(Lines {
                path: lines_file(part.table, part.day, batch, &part.hash),
                table: part.table.to_owned(),
                day: part.day,
                rows: part.rows,
                duplicates: part.duplicates,
            });
            ready.files.push(part.file);
        }
        ready
    }

    /// The files of line fingerprints, and where they lie now.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Lines, &Path)> {
        let files = &self.files[self.files.len() - self.lines.len()..];
        self.lines.iter().zip(files.iter().map(|file| &**file))
    }

    /// The same without the files whose paths are not wanted.
    pub(super) fn only(mut self, wanted: &BTreeSet<String>) -> Self {
        let paths = self.paths();
        let files = paths.iter().zip(self.files);
        let files = files.filter_map(|(path, file)| wanted.contains(path).then_some(file));
        self.files = files.collect();
        self.outputs.retain(|output| wanted.contains(&output.path));
        self.rejects
            .retain(|rejects| wanted.contains(&rejects.path));
        self.lines.retain(|lines| wanted.contains(&lines.path));
        self
    }

    /// The final paths.
    pub(super) fn paths(&self) -> Vec<String> {
        let outputs = self.outputs.iter().map(|output| &output.path);
        let rejects = self.rejects.iter().map(|rejects| &rejects.path);
        let lines = self.lines.iter().map(|lines| &lines.path);
        outputs.chain(rejects).chain(lines).cloned().collect()
    }

    /// Puts the files. Their names carry their content, so whatever is there already is the same.
    pub(super) async fn put(
        &self,
        destination: &Destination,
        observer: &dyn Observer,
    ) -> Result<(), StoreError> {
        let paths = self.paths();
        stream::iter(paths.iter().zip(&self.files).map(Ok))
            .try_for_each_concurrent(PUTS, async |(path, file): (&String, &TempPath)| {
                let from: &Path = file;
                // A local store moves what it is given; fingerprints are compared again later.
                let kept_too = self.lines.iter().any(|lines| lines.path == *path);
                let kept = kept_too.then(|| kept(from)).transpose();
                let kept = kept.map_err(|error| temporary(from, &error))?;
                let body = Body::File(kept.as_deref().unwrap_or(from).to_owned());
                let key = destination.key(path);
                destination
                    .store
                    .put(&key, body, Precondition::Always)
                    .await?;
                Ok(())
            })
            .await?;
        for output in &self.outputs {
            observer.on(&Event::Written {
                path: output.path.clone(),
                day: output.day,
                rows: output.rows,
                bytes: output.bytes,
            });
        }
        Ok(())
    }
}

/// A second name for a file, or a copy where it cannot have two.
fn kept(file: &Path) -> io::Result<PathBuf> {
    let mut name = file.as_os_str().to_owned();
    name.push(".put");
    let name = PathBuf::from(name);
    if fs::hard_link(file, &name).is_err() {
        fs::copy(file, &name)?;
    }
    Ok(name)
}

fn temporary(file: &Path, error: &io::Error) -> StoreError {
    StoreError {
        kind: ErrorKind::Other,
        action: "link",
        place: file.display().to_string(),
        cause: error.to_string(),
    }
}

/// Adds what a batch became to what a run did.
pub(super) fn count(outcome: &mut Outcome, encoded: Encoded, outputs: &[Output]) {
    let objects = &mut outcome.objects;
    objects.unwanted += encoded.unwanted;
    for (_, state) in &encoded.objects {
        match state {
            KeyState::Written(done) => {
                objects.committed += 1;
                objects.partial += u64::from(done.partial);
            }
            KeyState::Skipped { .. } => objects.skipped += 1,
            _ => objects.failed += 1,
        }
    }
    for (table, mut counts) in encoded.tables {
        for output in outputs.iter().filter(|output| output.table == table) {
            counts.files += 1;
            counts.bytes_out += output.bytes;
            counts.days.insert(output.day);
        }
        outcome.add_table(table, &counts);
    }
}

/// Splits what a batch became into its files and the rest.
pub(super) fn ready(batch: &str, encoded: &mut Encoded) -> Ready {
    Ready::name(
        batch,
        std::mem::take(&mut encoded.parts),
        std::mem::take(&mut encoded.rejects),
        std::mem::take(&mut encoded.lines),
    )
}
