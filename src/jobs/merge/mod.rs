//! Many raw objects to one compressed text per day or month, lines untouched.
//!
//! Converting a merged object gives the rows of its sources: it holds their lines in the order of
//! their keys, its name carries on what their names say, and header lines stand where columns
//! change. Outputs are deterministic: the same objects and options give the same bytes.

mod large;
mod lines;
mod merger;
mod output;
mod plan;
mod read;

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::cpu;
use crate::event::{Event, Observer};
use crate::formats;
use crate::pipeline::{Cancel, Content, FetchLimits, Fetched, fetch};
use crate::schema::LogFormat;
use crate::store::{ObjectMeta, StoreError, full_name};
use crate::units::Day;

use super::JobError;
use super::source::{Destination, Seen, Source};

use merger::Merger;
use read::{Reading, Refused, Text};

/// What goes into one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The objects of a day.
    Day,
    /// The objects of a month.
    Month,
}

/// How outputs are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Gzip, of several members.
    Gzip,
    /// Zstandard, of several frames.
    Zstd,
}

/// How objects are merged.
#[derive(Clone, Copy, Debug)]
pub struct MergeOptions {
    /// What goes into one output.
    pub by: Span,
    /// How it is compressed.
    pub compression: Compression,
    /// How hard: gzip 0 to 9, by default 6; zstd 1 to 19, by default 3.
    pub level: Option<i32>,
    /// Most fetches at the same time; by default what makes sense for the store.
    pub jobs: Option<usize>,
    /// Bytes of memory for objects and their text; about 100 MiB is the least that is used.
    pub memory: u64,
    /// Most text in one object.
    pub max_object: u64,
    /// Of damaged objects, keep the lines before the damage.
    pub keep_partial: bool,
    /// Only say what would be merged, as far as the objects' names tell.
    pub dry_run: bool,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self {
            by: Span::Day,
            compression: Compression::Gzip,
            level: None,
            jobs: None,
            memory: 256 << 20,
            max_object: 8 << 30,
            keep_partial: false,
            dry_run: false,
        }
    }
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MergedFile {
    /// Its path in the destination.
    pub path: String,
    /// Objects in it.
    pub objects: u64,
    /// Lines in it, header lines included; 0 in a dry run.
    pub lines: u64,
    /// Its size; in a dry run that of its objects.
    pub bytes: u64,
}

/// Objects by what became of them. In a dry run those count as merged that would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MergeCounts {
    /// Seen and wanted.
    pub listed: u64,
    /// Their lines are in an output.
    pub merged: u64,
    /// Of these, only their lines before some damage.
    pub partial: u64,
    /// No log.
    pub skipped: u64,
    /// Could not be read.
    pub failed: u64,
}

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The outputs, by path.
    pub outputs: Vec<MergedFile>,
    /// Objects by what became of them.
    pub objects: MergeCounts,
    /// Lines in the outputs, header lines included.
    pub lines: u64,
    /// Header lines that were left out as they repeat what stands before them.
    pub repeated_headers: u64,
    /// Bytes of the objects that were merged.
    pub bytes_in: u64,
    /// Bytes of the outputs.
    pub bytes_out: u64,
    /// Whether the user stopped it before the end; outputs that were not complete are left out.
    pub interrupted: bool,
}

/// Merges the wanted objects by format, day or month, and what their names add (of `CloudFront` logs
/// the distribution).
///
/// The days are those that the keys carry, or else those of the last modification. An output is
/// put when it is complete and replaces one of the same name, so an object that is gone from the
/// source by then is gone from it too. Outputs of earlier merges are no input where the
/// destination lies within the source.
///
/// Memory: the listing, about 200 bytes an object and its key, and within `options.memory` a
/// quarter for objects that arrive, the rest for their text. Larger objects stream through.
///
/// # Errors
/// What concerns all objects, and outputs that cannot be put; a failure of one object is counted
/// and reported as [`Event::Failed`].
pub async fn merge(
    source: &Source,
    destination: &Destination,
    options: &MergeOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Merged, JobError> {
    let objects = listing(source, destination, options, observer, cancel).await?;
    observer.on(&Event::Planned {
        objects: objects.len() as u64,
        bytes: objects.iter().map(|object| object.size).sum(),
    });
    if options.dry_run {
        let mut merged = foresee(source, options, &objects, observer);
        merged.interrupted = cancel.is_cancelled();
        return Ok(merged);
    }
    let reading = Reading {
        format: source.selection.format,
        keep_partial: options.keep_partial,
        max_object: options.max_object,
    };
    let mut merger = Merger::new(source, destination, options, reading, observer, cancel)?;
    merger.merged.objects.listed = objects.len() as u64;
    let limits = FetchLimits {
        jobs: options
            .jobs
            .unwrap_or_else(|| source.store.parallel_fetches()),
        bytes: options.memory / 4,
        whole: large::RANGE.min(options.memory / 4),
    };
    let texts = at_once(options.memory / 8, read::SMALL as u64);
    let reads = fetch(source.store.clone(), stream::iter(objects), limits)
        .map(|fetched| read(fetched, reading))
        .buffered(texts)
        .take_until(cancel.cancelled());
    let mut reads = std::pin::pin!(reads);
    while let Some((fetched, text)) = reads.next().await {
        merger.take(&fetched, text).await?;
    }
    merger.end().await
}

/// How many things of a size are worked on at the same time within a budget.
fn at_once(budget: u64, each: u64) -> usize {
    usize::try_from(budget / each)
        .unwrap_or(usize::MAX)
        .clamp(1, cpu::threads())
}

/// Inflates what has arrived whole.
async fn read(fetched: Fetched, reading: Reading) -> (Fetched, Option<Result<Text, Refused>>) {
    let text = match &fetched.content {
        Content::Whole(bytes) => {
            let bytes = bytes.clone();
            Some(cpu::run(move || reading.whole(&bytes)).await)
        }
        Content::Large | Content::Failed(_) => None,
    };
    (fetched, text)
}

/// The wanted objects in the order in which they are merged.
async fn listing(
    source: &Source,
    destination: &Destination,
    options: &MergeOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Vec<ObjectMeta>, StoreError> {
    let own = full_name(destination.store.root(), &destination.base);
    let mut objects = Vec::new();
    let each = source.each(observer, async |object: ObjectMeta| {
        let name = full_name(source.store.root(), &object.key);
        if !name.strip_prefix(&own).is_some_and(plan::is_output) {
            objects.push(object);
        }
        Ok::<_, StoreError>(true)
    });
    tokio::select! {
        seen = each => seen?,
        () = cancel.cancelled() => Seen::default(),
    };
    objects.sort_by_cached_key(|object| (plan::period_of(object, options.by), object.key.clone()));
    Ok(objects)
}

/// What would be merged, by names alone.
fn foresee(
    source: &Source,
    options: &MergeOptions,
    objects: &[ObjectMeta],
    observer: &dyn Observer,
) -> Merged {
    let mut outputs: BTreeMap<String, MergedFile> = BTreeMap::new();
    let mut merged = Merged::default();
    merged.objects.listed = objects.len() as u64;
    for object in objects {
        let named = source
            .selection
            .format
            .or_else(|| formats::by_name(&object.key));
        let Some(format) = named else { continue };
        let period = plan::period_of(object, options.by);
        let path = output_path(format, &object.key, period, options);
        let output = outputs.entry(path.clone()).or_insert(MergedFile {
            path,
            objects: 0,
            lines: 0,
            bytes: 0,
        });
        output.objects += 1;
        output.bytes += object.size;
        merged.objects.merged += 1;
        merged.bytes_in += object.size;
    }
    merged.outputs = outputs.into_values().collect();
    let unknown = merged.objects.listed - merged.objects.merged;
    if unknown > 0 {
        observer.on(&Event::Warned {
            message: format!(
                "the names of {unknown} objects tell no format; a merge finds it by reading them"
            ),
        });
    }
    merged
}

fn output_path(format: &LogFormat, key: &str, period: Day, options: &MergeOptions) -> String {
    let piece = plan::piece_of(format, key);
    let how = (options.by, options.compression);
    plan::path_of(format, piece.as_deref(), period, how)
}

#[cfg(test)]
mod tests;
