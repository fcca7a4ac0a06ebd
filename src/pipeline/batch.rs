//! A batch of objects to files: fetch, decode, gather, write.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt};

use crate::cpu;
use crate::event::{Event, Observer};
use crate::ledger::{Done, KeyState, Provenance, Step};
use crate::outcome::TableCounts;
use crate::parse::{Counts, Encoding};
use crate::plan::INFLATION;
use crate::store::{ErrorKind, ObjectMeta, StoreError};
use crate::table::WriteOptions;

use super::Cancel;
use super::decode::{Bounds, Group, Rows, Verdict, decode_group};
use super::dedupe::{Dropped, LinesPart};
use super::fetch::{Content, Fetched, fetch};
use super::gather::Gather;
use super::history::History;
use super::large::LargeObject;
use super::parts::{Part, RejectsPart, Spool};
use super::provenance::provenance;
use super::read::Reading;
use super::workbench::Workbenches;

/// Objects that are denied in a row before it is taken for a denial of everything.
const ALL_DENIED: usize = 20;

/// Most objects in a group.
const GROUP_OBJECTS: usize = 4096;

/// How a batch is worked on.
#[derive(Clone, Debug)]
pub struct Work {
    /// How objects are read.
    pub reading: Reading,
    /// How files are written.
    pub options: WriteOptions,
    /// Where files are written until they are put; best on the destination's disk.
    pub folder: PathBuf,
    /// Rows whose lines are in it, or come before them in the batch, are left out; the fingerprints
    /// of the lines must be among what is read.
    pub history: Option<Arc<History>>,
    /// Whether the last file tells what the batch was made from: see [`Provenance`].
    pub provenance: bool,
}

/// What a batch became. Nothing of it is visible yet; dropping it removes its files.
#[derive(Debug, Default)]
pub struct Encoded {
    /// Every wanted object with its state, by key.
    pub objects: Vec<(ObjectMeta, KeyState)>,
    /// Objects of another format than the one asked for; they have no state.
    pub unwanted: u64,
    /// Parquet files, by table and day.
    pub parts: Vec<Part>,
    /// Files of rejected lines, by table.
    pub rejects: Vec<RejectsPart>,
    /// Files of line fingerprints, by table and day; none without a history.
    pub lines: Vec<LinesPart>,
    /// What was read, by table.
    pub tables: BTreeMap<&'static str, TableCounts>,
}

/// Why a batch could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The source failed in a way that concerns every object.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Temporary files cannot be written.
    #[error("cannot write temporary files to {folder}: {cause}")]
    Temporary {
        /// Where.
        folder: String,
        /// Why.
        cause: String,
    },
    /// Rows could not be encoded: a fault of this program.
    #[error("cannot encode {what}: {cause}")]
    Encode {
        /// What.
        what: String,
        /// Why.
        cause: String,
    },
    /// The work was cancelled.
    #[error("interrupted")]
    Interrupted,
}

impl WorkError {
    pub(super) fn temporary(folder: &Path, error: &io::Error) -> Self {
        Self::Temporary {
            folder: folder.display().to_string(),
            cause: error.to_string(),
        }
    }
}

/// Works on a batch. The objects' order does not matter: they are read by key, so that the same
/// objects give the same files.
///
/// # Errors
/// [`WorkError`]; failures of single objects are states, not errors.
pub async fn run_batch(
    work: &Work,
    mut objects: Vec<ObjectMeta>,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Encoded, WorkError> {
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    let listed = |object: &ObjectMeta| (object.key.clone(), (object.clone(), KeyState::Listed));
    let mut run = Run {
        work,
        observer,
        benches: Workbenches::default(),
        gather: Gather::new(&work.folder, work.options.clone(), work.reading.budget.days)
            .with_history(work.history.clone()),
        spool: Spool::new(&work.folder),
        encoded: Encoded::default(),
        states: objects.iter().map(listed).collect(),
        settled: 0,
        denied: 0,
        refusal: None,
    };
    let mut decoded = std::pin::pin!(groups(&work.reading, objects, &run.benches, |group| group));
    loop {
        let group = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WorkError::Interrupted),
            group = decoded.next() => group,
        };
        let Some(group) = group else { break };
        run.take(group, cancel).await?;
    }
    run.finish().await
}

/// Fetched objects, decoded in groups, in order; `finish` is the last step of each CPU job.
pub(super) fn groups<T: Send + 'static>(
    reading: &Reading,
    objects: Vec<ObjectMeta>,
    benches: &Workbenches,
    finish: impl Fn(Group) -> T + Clone + Send + 'static,
) -> impl Stream<Item = T> + Send + 'static {
    let budget = reading.budget;
    let bounds = Bounds {
        whole_text: budget.whole_text,
        rows: budget.rows,
    };
    let rules = reading.rules;
    let fetched = fetch(
        Arc::clone(&reading.store),
        stream::iter(objects),
        budget.fetch,
    );
    let benches = benches.clone();
    grouped(fetched, budget.group_text, budget.fetch.bytes / 4)
        .map(move |group| {
            let (finish, benches) = (finish.clone(), benches.clone());
            cpu::run(move || {
                finish(benches.with(|bench| decode_group(group, &rules, bounds, bench)))
            })
        })
        .buffered(budget.slots)
}

/// Puts neighbours together until their text, estimated, makes a CPU job worthwhile, or they occupy
/// `share` of the budget of bytes.
///
/// A group waits for its next object while it occupies its share. Share and object are a quarter of
/// the budget each, so the next object always fits.
pub(super) fn grouped<'a>(
    fetched: impl Stream<Item = Fetched> + Send + 'a,
    group_text: u64,
    share: u64,
) -> impl Stream<Item = Vec<Fetched>> + Send + 'a {
    let fetched = Box::pin(fetched);
    stream::unfold(fetched, move |mut fetched| async move {
        let mut group = Vec::new();
        let (mut text, mut held) = (0, 0);
        while text < group_text && held < share && group.len() < GROUP_OBJECTS {
            let Some(one) = fetched.next().await else {
                break;
            };
            text += text_of(&one.content);
            held += one.occupies();
            let large = matches!(one.content, Content::Large);
            group.push(one);
            if large {
                break;
            }
        }
        (!group.is_empty()).then_some((group, fetched))
    })
}

fn text_of(content: &Content) -> u64 {
    match content {
        Content::Whole(bytes) if Encoding::of(bytes) == Encoding::Plain => bytes.len() as u64,
        Content::Whole(bytes) => bytes.len() as u64 * INFLATION,
        Content::Large | Content::Failed(_) => 0,
    }
}

/// A batch under way.
struct Run<'a> {
    work: &'a Work,
    observer: &'a dyn Observer,
    benches: Workbenches,
    gather: Gather,
    spool: Spool,
    encoded: Encoded,
    /// Every object of the batch with its state, by key.
    states: BTreeMap<String, (ObjectMeta, KeyState)>,
    settled: usize,
    denied: usize,
    /// What the store told of the last object that it refused.
    refusal: Option<StoreError>,
}

impl Run<'_> {
    async fn take(&mut self, group: Group, cancel: &Cancel) -> Result<(), WorkError> {
        for rows in group.rows {
            self.count_faults(&rows);
            self.gather.add(rows);
        }
        for rejected in &group.rejected {
            self.spool.add(rejected)?;
        }
        for (object, verdict) in group.objects {
            self.settle(&object, verdict)?;
        }
        if self.gather.held() > self.work.reading.budget.gather {
            self.gather.flush().await?;
        }
        for fetched in group.deferred {
            let (object, content) = fetched.into_parts();
            self.large(object, content, cancel).await?;
        }
        Ok(())
    }

    /// Streams an object; its rows join the others only when it is read to its end.
    async fn large(
        &mut self,
        object: ObjectMeta,
        content: Content,
        cancel: &Cancel,
    ) -> Result<(), WorkError> {
        if self.gather.held() > self.work.reading.budget.gather / 2 {
            self.gather.flush().await?;
        }
        let room = self.work.reading.budget.gather - self.gather.held();
        let mut gather = self.gather.sibling();
        let mut spool = Spool::new(&self.work.folder);
        let mut tables = BTreeMap::new();
        let mut source = LargeObject::open(
            &self.work.reading,
            (object.clone(), content),
            self.benches.clone(),
            Arc::new(|rows| rows),
        );
        loop {
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(WorkError::Interrupted),
                step = source.next() => step,
            };
            let Some(step) = step else { break };
            spool.add(&step.rejected)?;
            if let Some(rows) = step.rows {
                count_faults(&mut tables, &rows);
                gather.add(rows);
            }
            if gather.held() > room {
                gather.flush_behind(&mut self.gather).await?;
            }
        }
        let verdict = source.verdict();
        if matches!(verdict, Verdict::Done { .. }) {
            self.gather.absorb(gather).await?;
            self.spool.append(spool)?;
            for (table, counts) in tables {
                self.encoded.tables.entry(table).or_default().add(&counts);
            }
        }
        self.settle(&object, verdict)
    }

    fn settle(&mut self, object: &ObjectMeta, verdict: Verdict) -> Result<(), WorkError> {
        let fetched = !matches!(&verdict, Verdict::Failed(failure) if failure.step == Step::Fetch);
        if fetched {
            self.advance(&object.key, KeyState::Fetched);
        }
        let state = match verdict {
            Verdict::Done {
                format,
                counts,
                partial,
            } => {
                self.denied = 0;
                let table = self.encoded.tables.entry(format.table).or_default();
                count_object(table, &counts, object.size);
                self.observer.on(&Event::Parsed {
                    key: object.key.clone(),
                    table: format.table,
                    lines: counts.lines,
                    rows: counts.rows,
                    rejects: counts.rejects,
                });
                KeyState::Parsed(Done {
                    table: format.table.to_owned(),
                    lines: counts.lines,
                    rows: counts.rows,
                    duplicates: 0,
                    rejects: counts.rejects,
                    comments: counts.comments,
                    partial,
                })
            }
            Verdict::Failed(failure) => {
                self.general(failure.store)?;
                self.observer.on(&Event::Failed {
                    key: object.key.clone(),
                    step: failure.step.to_string(),
                    error: failure.error.clone(),
                });
                KeyState::Failed {
                    step: failure.step,
                    error: failure.error,
                    attempts: 1,
                    lasting: failure.lasting,
                }
            }
            Verdict::Unwanted => {
                self.denied = 0;
                self.encoded.unwanted += 1;
                self.states.remove(&object.key);
                return Ok(());
            }
            Verdict::Skipped(why) => {
                self.denied = 0;
                self.observer.on(&Event::Skipped {
                    key: object.key.clone(),
                    why: why.clone(),
                });
                KeyState::Skipped { why }
            }
        };
        self.advance(&object.key, state);
        self.settled += 1;
        Ok(())
    }

    fn advance(&mut self, key: &str, to: KeyState) {
        if let Some((_, state)) = self.states.get_mut(key) {
            let moved = state.advance(to);
            moved.expect("each object goes through its states once");
        }
    }

    /// Ends the run where every other object would fail the same way.
    fn general(&mut self, error: Option<StoreError>) -> Result<(), WorkError> {
        let Some(error) = error else { return Ok(()) };
        let nothing_else = self.denied == self.settled;
        let all_denied = error.kind == ErrorKind::Denied && nothing_else && {
            self.denied += 1;
            self.denied >= ALL_DENIED
        };
        if error.kind.is_general() || all_denied {
            return Err(error.into());
        }
        self.refusal = Some(error);
        Ok(())
    }

    fn count_faults(&mut self, rows: &Rows) {
        count_faults(&mut self.encoded.tables, rows);
    }

    async fn finish(mut self) -> Result<Encoded, WorkError> {
        let all_denied = self.denied > 0 && self.denied == self.settled;
        if let (true, Some(error)) = (all_denied, self.refusal) {
            return Err(error.into());
        }
        let gathered = self.gather.finish().await?;
        leave_out(
            &gathered.dropped,
            &mut self.states,
            &mut self.encoded.tables,
        );
        let mut parts = gathered.parts;
        let rejects = self.spool.finish()?;
        if let Some(last) = gathered.last {
            let objects = self.states.values();
            let record = self.work.provenance.then(|| {
                let store = self.work.reading.store.as_ref();
                let beside = (rejects.as_slice(), gathered.lines.as_slice());
                provenance(store, objects, &parts, &last, beside)
            });
            let close = move || {
                let record = record.as_ref().map(Provenance::encode);
                last.close(record.as_deref())
            };
            parts.push(cpu::run(close).await?);
        }
        parts.sort_by_key(|part| (part.table, part.day));
        self.encoded.parts = parts;
        self.encoded.lines = gathered.lines;
        self.encoded.rejects = rejects;
        let states = self.states.into_values();
        self.encoded.objects = states
            .map(|(object, state)| (object, state.written()))
            .collect();
        Ok(self.encoded)
    }
}

/// Counts lines that turned out to be known: they are no rows.
fn leave_out(
    dropped: &Dropped,
    states: &mut BTreeMap<String, (ObjectMeta, KeyState)>,
    tables: &mut BTreeMap<&'static str, TableCounts>,
) {
    for (key, lines) in dropped {
        if let Some((_, KeyState::Parsed(done))) = states.get_mut(&**key) {
            done.rows -= lines;
            done.duplicates += lines;
            if let Some(table) = tables.get_mut(done.table.as_str()) {
                table.rows -= lines;
                table.duplicates += lines;
            }
        }
    }
}

/// Adds an object's lines to the counts of its table.
pub fn count_object(table: &mut TableCounts, counts: &Counts, bytes: u64) {
    table.objects += 1;
    table.lines += counts.lines;
    table.rows += counts.rows;
    table.rejects += counts.rejects;
    table.comments += counts.comments;
    table.bytes_in += bytes;
}

fn count_faults(tables: &mut BTreeMap<&'static str, TableCounts>, rows: &Rows) {
    let counts = tables.entry(rows.format.table).or_default();
    counts.invalid_text += rows.batch.invalid_text;
    for (column, count) in &rows.batch.unconverted {
        *counts.unconverted.entry(column).or_default() += count;
    }
}
