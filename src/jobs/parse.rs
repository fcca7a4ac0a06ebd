//! Typed rows as text.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::event::{Event, Observer};
use crate::formats;
use crate::outcome::{Outcome, TableCounts};
use crate::parse::{Reject, TextFormat, TextWriter};
use crate::pipeline::{
    Budget, Cancel, Found, Reading, Render, Rows, Rules, Verdict, count_object, read_objects,
    read_stream,
};
use crate::plan::{Limits, Planner};
use crate::schema::{Layout, LogFormat};
use crate::store::ObjectMeta;

use super::JobError;
use super::source::{Nothing, Source};
use super::sync::Report;
use super::transfer::Refusals;

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct ParseOptions {
    /// Fetches at the same time; by default what suits the store.
    pub jobs: Option<usize>,
    /// Memory to stay within, bytes.
    pub memory: u64,
    /// Most bytes of text in an object.
    pub max_object: u64,
    /// Whether the complete lines before a damage are taken.
    pub keep_partial: bool,
    /// The form of the rows.
    pub text: TextFormat,
    /// The columns wanted, in this order; all if empty.
    pub columns: Vec<String>,
}

/// Takes what is parsed.
pub trait Sink: Send {
    /// Whole rows of text.
    ///
    /// # Errors
    /// Ends the run; a broken pipe quietly.
    fn rows(&mut self, text: &[u8]) -> io::Result<()>;

    /// A rejected line of the object `key`.
    ///
    /// # Errors
    /// Ends the run; a broken pipe quietly.
    fn reject(&mut self, key: &str, reject: &Reject) -> io::Result<()>;
}

/// One page of a listing, so that the first rows come soon.
const LIMITS: Limits = Limits {
    objects: 1000,
    text: 1 << 30,
};

/// Parses everything that the sources select, in the order of their listings.
///
/// # Errors
/// [`JobError`]; [`JobError::Closed`] if nobody reads the rows any more.
pub async fn parse(
    sources: &[Source],
    options: &ParseOptions,
    sink: &mut dyn Sink,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Report, JobError> {
    let mut parse = Parse::new(options, sink, observer.as_ref())?;
    let mut nothing = None;
    for source in sources {
        nothing = source.nothing().await?;
        let reading = Reading {
            store: Arc::clone(&source.store),
            rules: rules(options, source.selection.format),
            budget: Budget::of(
                options.memory,
                options.jobs.unwrap_or(source.store.parallel_fetches()),
            ),
        };
        let mut planner = Planner::new(LIMITS);
        let seen = source
            .each::<JobError>(observer.as_ref(), async |object| {
                parse.outcome.objects.listed += 1;
                parse.outcome.objects.new += 1;
                if let Some(batch) = planner.push(object) {
                    parse.objects(&reading, batch, cancel).await?;
                }
                Ok(!cancel.is_cancelled())
            })
            .await?;
        if let Some(batch) = planner.finish() {
            parse.objects(&reading, batch, cancel).await?;
        }
        if nothing.is_none() && seen.wanted == 0 {
            nothing = Some(Nothing::Unselected {
                objects: seen.objects,
            });
        }
    }
    parse.refusals.end()?;
    Ok(Report {
        nothing: nothing.filter(|_| parse.outcome.objects.listed == 0),
        outcome: parse.outcome,
        interrupted: cancel.is_cancelled(),
        not_listed: BTreeMap::new(),
    })
}

/// Parses a stream, such as standard input, as one object named `-`.
///
/// # Errors
/// [`JobError`]; [`JobError::Closed`] if nobody reads the rows any more.
pub async fn parse_stream(
    input: Box<dyn Read + Send>,
    format: Option<&'static LogFormat>,
    options: &ParseOptions,
    sink: &mut dyn Sink,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Report, JobError> {
    let mut parse = Parse::new(options, sink, observer.as_ref())?;
    parse.outcome.objects.listed = 1;
    parse.outcome.objects.new = 1;
    let how = (rules(options, format), Budget::of(options.memory, 1));
    let render = parse.render();
    read_stream("-", input, how, &render, |found| parse.take(found), cancel).await?;
    Ok(Report {
        nothing: None,
        outcome: parse.outcome,
        interrupted: cancel.is_cancelled(),
        not_listed: BTreeMap::new(),
    })
}

fn rules(options: &ParseOptions, format: Option<&'static LogFormat>) -> Rules {
    Rules {
        format,
        max_object: options.max_object,
        keep_partial: options.keep_partial,
        fingerprints: false,
    }
}

/// Rows as text, of one table.
struct Shown {
    format: &'static LogFormat,
    rows: u64,
    text: Result<Vec<u8>, String>,
    counts: TableCounts,
}

struct Parse<'a> {
    options: &'a ParseOptions,
    sink: &'a mut dyn Sink,
    observer: &'a dyn Observer,
    outcome: Outcome,
    /// The table whose header line has been written.
    table: Option<&'static LogFormat>,
    refusals: Refusals,
}

impl<'a> Parse<'a> {
    fn new(
        options: &'a ParseOptions,
        sink: &'a mut dyn Sink,
        observer: &'a dyn Observer,
    ) -> Result<Self, JobError> {
        for column in &options.columns {
            if !formats::ALL.into_iter().any(|format| has(format, column)) {
                let known: Vec<String> = formats::ALL.into_iter().map(columns_of).collect();
                return Err(JobError::Misuse {
                    what: format!("no format has a column {column:?}"),
                    hint: format!("columns are, {}", known.join("; ")),
                });
            }
        }
        Ok(Self {
            options,
            sink,
            observer,
            outcome: Outcome::default(),
            table: None,
            refusals: Refusals::default(),
        })
    }

    async fn objects(
        &mut self,
        reading: &Reading,
        objects: Vec<ObjectMeta>,
        cancel: &Cancel,
    ) -> Result<(), JobError> {
        let render = self.render();
        let take = |found| self.take_of(found);
        read_objects(reading, objects, &render, take, cancel).await
    }

    fn render(&self) -> Render<Shown> {
        let (text, columns) = (self.options.text, self.options.columns.clone());
        Arc::new(move |rows: Rows| {
            let mut counts = TableCounts {
                invalid_text: rows.batch.invalid_text,
                ..TableCounts::default()
            };
            counts
                .unconverted
                .extend(rows.batch.unconverted.iter().copied());
            Shown {
                format: rows.format,
                rows: rows.batch.records.num_rows() as u64,
                text: show(rows.batch.records, text, &columns, false),
                counts,
            }
        })
    }

    /// Ends the run where every other object would fail the same way.
    fn take_of(&mut self, found: Found<Shown>) -> Result<(), JobError> {
        match &found {
            Found::Settled(_, Verdict::Failed(failure)) => match &failure.store {
                Some(error) => self.refusals.failure(error)?,
                None => self.refusals.other(),
            },
            _ => self.refusals.other(),
        }
        self.take(found)
    }

    fn take(&mut self, found: Found<Shown>) -> Result<(), JobError> {
        match found {
            Found::Rows(shown) => self.rows(&shown),
            Found::Rejected(rejected) => {
                for reject in &rejected.rejects {
                    self.sink
                        .reject(&rejected.key, reject)
                        .map_err(|error| closed(&error))?;
                }
                Ok(())
            }
            Found::Settled(object, verdict) => {
                self.settled(object, verdict);
                Ok(())
            }
        }
    }

    fn rows(&mut self, shown: &Shown) -> Result<(), JobError> {
        self.outcome.add_table(shown.format.table, &shown.counts);
        if self.options.text != TextFormat::Ndjson {
            self.header(shown)?;
        }
        let text = shown.text.as_ref().map_err(|cause| encode(shown, cause))?;
        self.sink.rows(text).map_err(|error| closed(&error))
    }

    /// The header line, once; a second table does not go into the same text.
    fn header(&mut self, shown: &Shown) -> Result<(), JobError> {
        match self.table {
            Some(table) if std::ptr::eq(table, shown.format) => return Ok(()),
            Some(table) => {
                return Err(JobError::Misuse {
                    what: format!(
                        "{} and {} rows do not fit into one table of text",
                        table.name, shown.format.name
                    ),
                    hint: format!(
                        "choose one with --format {}, or write NDJSON",
                        shown.format.name
                    ),
                });
            }
            None => {}
        }
        if let Some(missing) = self.options.columns.iter().find(|c| !has(shown.format, c)) {
            return Err(JobError::Misuse {
                what: format!("{} has no column {missing:?}", shown.format.name),
                hint: format!("columns are, {}", columns_of(shown.format)),
            });
        }
        self.table = Some(shown.format);
        let none = RecordBatch::new_empty(Layout::of(shown.format).schema);
        let line = show(none, self.options.text, &self.options.columns, true)
            .map_err(|cause| encode(shown, &cause))?;
        self.sink.rows(&line).map_err(|error| closed(&error))
    }

    fn settled(&mut self, object: ObjectMeta, verdict: Verdict) {
        let objects = &mut self.outcome.objects;
        match verdict {
            Verdict::Done {
                format,
                counts,
                partial,
            } => {
                objects.committed += 1;
                objects.partial += u64::from(partial);
                let table = self.outcome.tables.entry(format.table).or_default();
                count_object(table, &counts, object.size);
                self.observer.on(&Event::Parsed {
                    key: object.key,
                    table: format.table,
                    lines: counts.lines,
                    rows: counts.rows,
                    rejects: counts.rejects,
                });
            }
            Verdict::Failed(failure) => {
                objects.failed += 1;
                self.observer.on(&Event::Failed {
                    key: object.key,
                    step: failure.step.to_string(),
                    error: failure.error,
                });
            }
            Verdict::Unwanted => objects.unwanted += 1,
            Verdict::Skipped(why) => {
                objects.skipped += 1;
                self.observer.on(&Event::Skipped {
                    key: object.key,
                    why,
                });
            }
        }
    }
}

fn has(format: &LogFormat, column: &str) -> bool {
    Layout::of(format).columns.iter().any(|c| c.name == column)
}

fn columns_of(format: &LogFormat) -> String {
    let names: Vec<&str> = Layout::of(format).columns.iter().map(|c| c.name).collect();
    format!("of {}: {}", format.name, names.join(" "))
}

fn encode(shown: &Shown, cause: &str) -> JobError {
    JobError::Encode {
        what: format!("{} rows of {}", shown.rows, shown.format.name),
        cause: cause.to_owned(),
    }
}

fn closed(error: &io::Error) -> JobError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return JobError::Closed;
    }
    JobError::Temporary {
        folder: "the output".to_owned(),
        cause: error.to_string(),
    }
}

/// Rows as text; of the columns asked for, those that the table has.
fn show(
    records: RecordBatch,
    text: TextFormat,
    columns: &[String],
    header: bool,
) -> Result<Vec<u8>, String> {
    let records = if columns.is_empty() {
        records
    } else {
        let schema = records.schema();
        let indices: Vec<usize> = columns
            .iter()
            .filter_map(|column| schema.index_of(column).ok())
            .collect();
        records
            .project(&indices)
            .map_err(|error| error.to_string())?
    };
    let mut out = Vec::new();
    TextWriter::new(&mut out, text, header)
        .write(&records)
        .map_err(|error| error.to_string())?;
    Ok(out)
}
