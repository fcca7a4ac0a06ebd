//! Takes objects in order, lets outputs grow, and puts them when their day or month is over.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use tempfile::TempDir;

use crate::cpu;
use crate::event::{Event, Observer};
use crate::jobs::JobError;
use crate::jobs::checksum;
use crate::jobs::source::{Destination, Source};
use crate::jobs::transfer::Refusals;
use crate::pipeline::{Cancel, Content, Fetched};
use crate::store::{Body, ErrorKind, ObjectMeta, Precondition, StoreError, full_name};
use crate::units::Day;

use super::large::{self, Large, Stop};
use super::lines::Lines;
use super::output::{Output, Packing, append, append_file, pack};
use super::read::{Kind, Reading, Refused, SMALL, Text};
use super::{Compression, MergeOptions, Merged, MergedFile, at_once, plan};

/// Text that waits in all outputs together; then the longest is packed. It does not depend on the
/// options, as it decides where members end.
const WAITING: usize = 16 << 20;

/// A packed text and the file it goes to.
struct Packed {
    file: PathBuf,
    bytes: io::Result<Vec<u8>>,
}

/// The merge at work.
///
/// Holds [`WAITING`] bytes of text, in buffers of at most twice that, and for each text that is being packed [`SMALL`] and its result.
pub(super) struct Merger<'a> {
    source: &'a Source,
    destination: &'a Destination,
    options: &'a MergeOptions,
    reading: Reading,
    packing: Packing,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    scratch: TempDir,
    period: Option<Day>,
    /// By table and piece of the name.
    outputs: BTreeMap<(&'static str, Option<String>), Output>,
    begun: usize,
    packing_now: FuturesOrdered<BoxFuture<'static, Packed>>,
    packers: usize,
    refusals: Refusals,
    pub(super) merged: Merged,
}

impl<'a> Merger<'a> {
    pub(super) fn new(
        source: &'a Source,
        destination: &'a Destination,
        options: &'a MergeOptions,
        reading: Reading,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
    ) -> Result<Self, JobError> {
        let scratch = match destination.store.staging() {
            Some(folder) => fs::create_dir_all(&folder)
                .and_then(|()| {
                    tempfile::Builder::new()
                        .prefix("merge-")
                        .tempdir_in(&folder)
                })
                .map_err(|error| temporary(&folder, &error))?,
            None => tempfile::tempdir()
                .map_err(|error| temporary(Path::new("the folder for temporary files"), &error))?,
        };
        let level = match options.compression {
            Compression::Gzip => 6,
            Compression::Zstd => 3,
        };
        Ok(Self {
            source,
            destination,
            options,
            reading,
            packing: Packing {
                compression: options.compression,
                level: options.level.unwrap_or(level),
            },
            observer,
            cancel,
            scratch,
            period: None,
            outputs: BTreeMap::new(),
            begun: 0,
            packing_now: FuturesOrdered::new(),
            packers: at_once(options.memory / 4, 2 * SMALL as u64),
            refusals: Refusals::default(),
            merged: Merged::default(),
        })
    }

    /// Takes the next object.
    pub(super) async fn take(
        &mut self,
        fetched: &Fetched,
        text: Option<Result<Text, Refused>>,
    ) -> Result<(), JobError> {
        let object = &fetched.object;
        let period = plan::period_of(object, self.options.by);
        if self.period != Some(period) {
            self.publish().await?;
            self.period = Some(period);
        }
        match (&fetched.content, text) {
            (Content::Failed(error), _) => return self.failed(object, error),
            (Content::Whole(_), Some(Ok(Text::Small(kind, text, damage)))) => {
                self.small(object, &kind, &text).await?;
                self.partial(object, damage);
            }
            (Content::Whole(_), Some(Err(refused))) => self.refused(object, refused),
            (Content::Whole(bytes), _) => self.large(object, bytes.clone()).await?,
            (Content::Large, _) => {
                let end = object.size.min(large::RANGE);
                match large::range_of(self.source.store.as_ref(), object, 0, end).await {
                    Ok(first) => self.large(object, first).await?,
                    Err(error) => return self.failed(object, &error),
                }
            }
        }
        self.refusals.other();
        Ok(())
    }

    /// Puts what is open and tells what was done. Stopped, it puts nothing more.
    pub(super) async fn end(mut self) -> Result<Merged, JobError> {
        self.merged.interrupted = self.cancel.is_cancelled();
        if !self.merged.interrupted {
            self.publish().await?;
        }
        self.refusals.end()?;
        self.merged.outputs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.merged)
    }

    fn failed(&mut self, object: &ObjectMeta, error: &StoreError) -> Result<(), JobError> {
        self.refusals.failure(error)?;
        self.count_failure(object, "fetch", error.to_string());
        Ok(())
    }

    fn refused(&mut self, object: &ObjectMeta, refused: Refused) {
        match refused {
            Refused::Damaged(what) => self.count_failure(object, "gunzip", what),
            Refused::NoLog(why) => {
                self.merged.objects.skipped += 1;
                self.observer.on(&Event::Skipped {
                    key: object.key.clone(),
                    why,
                });
            }
        }
    }

    fn count_failure(&mut self, object: &ObjectMeta, step: &str, error: String) {
        self.merged.objects.failed += 1;
        self.observer.on(&Event::Failed {
            key: object.key.clone(),
            step: step.to_owned(),
            error,
        });
    }

    fn output(&mut self, object: &ObjectMeta, kind: &Kind) -> &mut Output {
        let piece = plan::piece_of(kind.format, &object.key);
        let (begun, scratch) = (&mut self.begun, self.scratch.path());
        self.outputs
            .entry((kind.format.table, piece.clone()))
            .or_insert_with(|| {
                *begun += 1;
                Output::new(kind.format, piece, scratch, *begun)
            })
    }

    async fn small(
        &mut self,
        object: &ObjectMeta,
        kind: &Kind,
        text: &[u8],
    ) -> Result<(), JobError> {
        let part = self.output(object, kind).part(kind.by_position);
        if part.text.len() + text.len() > SMALL {
            let (file, waiting) = (part.file.clone(), std::mem::take(&mut part.text));
            self.pack(file, waiting).await?;
        }
        let output = self.output(object, kind);
        let part = output.part(kind.by_position);
        let mut lines = Lines::new(kind.format, std::mem::take(&mut part.header));
        lines.push(text, &mut part.text);
        let (header, counts) = lines.finish(&mut part.text);
        part.header = header;
        output.add(counts, object.size);
        self.fetched(object);
        self.keep_within().await
    }

    fn partial(&mut self, object: &ObjectMeta, damage: Option<String>) {
        if let Some(damage) = damage {
            self.merged.objects.partial += 1;
            self.observer.on(&Event::Warned {
                message: format!("kept the lines of {} before {damage}", object.key),
            });
        }
    }

    fn fetched(&self, object: &ObjectMeta) {
        self.observer.on(&Event::Fetched {
            key: object.key.clone(),
            bytes: object.size,
        });
    }

    /// Packs the longest texts until the waiting ones fit.
    async fn keep_within(&mut self) -> Result<(), JobError> {
        loop {
            let waiting =
                |output: &Output| output.by_position.text.len() + output.by_header.text.len();
            if self.outputs.values().map(waiting).sum::<usize>() <= WAITING {
                return Ok(());
            }
            let fullest = self
                .outputs
                .values_mut()
                .map(Output::fullest)
                .max_by_key(|part| part.text.len());
            let Some(part) = fullest else { return Ok(()) };
            let (file, text) = (part.file.clone(), std::mem::take(&mut part.text));
            self.pack(file, text).await?;
        }
    }

    async fn large(&mut self, object: &ObjectMeta, first: Bytes) -> Result<(), JobError> {
        let (reading, beginning) = (self.reading, first.clone());
        let kind = match cpu::run(move || reading.head(&beginning)).await {
            Ok(kind) => kind,
            Err(refused) => {
                self.refused(object, refused);
                return Ok(());
            }
        };
        let header = self
            .output(object, &kind)
            .part(kind.by_position)
            .header
            .clone();
        let spooled = Large {
            store: self.source.store.as_ref(),
            object,
            first,
            format: kind.format,
            reading,
            packing: self.packing,
            scratch: self.scratch.path(),
            cancel: self.cancel,
        }
        .spool(&header)
        .await;
        let spooled = match spooled {
            Ok(spooled) => spooled,
            Err(Stop::Cancelled) => return Ok(()),
            Err(Stop::Refused(refused)) => {
                self.refused(object, refused);
                return Ok(());
            }
            Err(Stop::Store(error)) => return self.failed(object, &error),
            Err(Stop::File(error)) => return Err(temporary(self.scratch.path(), &error)),
        };
        let output = self.output(object, &kind);
        output.add(spooled.counts, object.size);
        let part = output.part(kind.by_position);
        part.header = spooled.header;
        let (file, text) = (part.file.clone(), std::mem::take(&mut part.text));
        self.pack(file.clone(), text).await?;
        self.packed(0).await?;
        let from = spooled.file.into_temp_path();
        cpu::run(move || append_file(&file, &from))
            .await
            .map_err(|error| temporary(self.scratch.path(), &error))?;
        self.fetched(object);
        self.partial(object, spooled.damage);
        Ok(())
    }

    /// Begins to pack a text; its file will end with it.
    async fn pack(&mut self, file: PathBuf, text: Vec<u8>) -> Result<(), JobError> {
        if text.is_empty() {
            return Ok(());
        }
        self.packed(self.packers - 1).await?;
        let packing = self.packing;
        let job = cpu::run(move || pack(&text, packing));
        self.packing_now.push_back(
            async move {
                Packed {
                    file,
                    bytes: job.await,
                }
            }
            .boxed(),
        );
        // The pool takes a job up when it is first asked for its result.
        if let Some(Some(packed)) = self.packing_now.next().now_or_never() {
            self.append(packed).await?;
        }
        Ok(())
    }

    /// Waits until at most so many texts are being packed.
    async fn packed(&mut self, most: usize) -> Result<(), JobError> {
        while self.packing_now.len() > most {
            if let Some(packed) = self.packing_now.next().await {
                self.append(packed).await?;
            }
        }
        Ok(())
    }

    async fn append(&self, packed: Packed) -> Result<(), JobError> {
        let Packed { file, bytes } = packed;
        // Small against the work of packing, so it may run where that runs.
        cpu::run(move || append(&file, &bytes?))
            .await
            .map_err(|error| temporary(self.scratch.path(), &error))
    }

    /// Puts all outputs, which are complete.
    async fn publish(&mut self) -> Result<(), JobError> {
        let Some(period) = self.period else {
            return Ok(());
        };
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.values_mut() {
            for by_position in [true, false] {
                let part = output.part(by_position);
                let (file, text) = (part.file.clone(), std::mem::take(&mut part.text));
                self.pack(file, text).await?;
            }
        }
        self.packed(0).await?;
        for output in outputs.into_values() {
            // Objects that were refused leave none behind.
            if output.objects > 0 {
                self.put(output, period).await?;
            }
        }
        Ok(())
    }

    async fn put(&mut self, output: Output, period: Day) -> Result<(), JobError> {
        let how = (self.options.by, self.options.compression);
        let path = plan::path_of(output.format, output.piece.as_deref(), period, how);
        let packing = self.packing;
        let (first, then) = (output.by_position.file, output.by_header.file);
        let joined = cpu::run(move || {
            if then.exists() {
                append_file(&first, &then)?;
            } else if !first.exists() {
                // Objects without a line, in a format that the user has named.
                append(&first, &pack(b"", packing)?)?;
            }
            Ok((fs::metadata(&first)?.len(), first))
        });
        let (bytes, file) = joined
            .await
            .map_err(|error: io::Error| temporary(self.scratch.path(), &error))?;
        let key = self.destination.key(&path);
        let store = self.destination.store.as_ref();
        let body = Body::File(file.clone());
        let etag = store.put(&key, body, Precondition::Always).await?;
        if let Ok(Some(false)) = checksum::object_matches(store, &key, &etag, file).await {
            return Err(JobError::Store(StoreError {
                kind: ErrorKind::Changed,
                action: "write",
                place: full_name(store.root(), &key),
                cause: "checksum does not match".to_owned(),
            }));
        }
        self.observer.on(&Event::Stored { key, bytes });
        let merged = &mut self.merged;
        merged.objects.merged += output.objects;
        merged.lines += output.counts.written;
        merged.repeated_headers += output.counts.repeated;
        merged.bytes_in += output.bytes_in;
        merged.bytes_out += bytes;
        merged.outputs.push(MergedFile {
            path,
            objects: output.objects,
            lines: output.counts.written,
            bytes,
        });
        Ok(())
    }
}

fn temporary(folder: &Path, error: &io::Error) -> JobError {
    JobError::Temporary {
        folder: folder.display().to_string(),
        cause: error.to_string(),
    }
}
