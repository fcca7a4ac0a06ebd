//! Proves from outside that a dataset holds what its source holds.

mod duplicates;
mod files;
mod recount;
mod repair;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::event::Observer;
use crate::ledger::{Census, Done, Journal, Standing};
use crate::pipeline::Cancel;
use crate::store::ObjectMeta;
use crate::units::Day;

use super::JobError;
use super::source::{Destination, Source};
use super::work::WorkOptions;

use duplicates::LeftOut;
pub use repair::{Repaired, Unrepaired, repair};

/// Settings of a check.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// How objects are read again.
    pub work: WorkOptions,
    /// Do not read the source's objects and the dataset's files again; only compare names, sizes and
    /// sums.
    pub quick: bool,
}

/// Something that is not as the ledger says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// The source has no object that could prove anything.
    NoSource,
    /// A source object of which the ledger knows nothing.
    Unknown {
        /// Its key.
        key: String,
    },
    /// A source object that was replaced after it was read.
    Replaced {
        /// Its key.
        key: String,
    },
    /// An object that gives other counts now.
    Recount {
        /// Its key.
        key: String,
        /// What the ledger has.
        recorded: Done,
        /// What it gives now.
        found: Done,
    },
    /// An object that is done but cannot be read now.
    Unreadable {
        /// Its key.
        key: String,
        /// Why.
        error: String,
    },
    /// A file that the ledger names and that is not there.
    Missing {
        /// Its path.
        path: String,
    },
    /// A file that is not as the ledger says.
    Differs {
        /// Its path.
        path: String,
        /// In what.
        what: &'static str,
        /// What the ledger has.
        recorded: u64,
        /// What there is.
        found: u64,
    },
    /// A file that cannot be read.
    Damaged {
        /// Its path.
        path: String,
        /// Why.
        error: String,
    },
    /// A Parquet file in a table that no commit names.
    Orphan {
        /// Its path.
        path: String,
    },
    /// Lines of a table left out as duplicates that do not add up.
    Duplicates {
        /// The table.
        table: String,
        /// Lines left out, by the objects.
        objects: u64,
        /// Lines left out, by the days.
        days: u64,
    },
    /// Lines left out as duplicates although no row has the same.
    Alone {
        /// The table.
        table: String,
        /// The day.
        day: Day,
        /// How many.
        lines: u64,
    },
    /// Rows of a table, of a day or in all, that do not add up.
    Sum {
        /// The table.
        table: String,
        /// The day; none for all of the table.
        #[serde(skip_serializing_if = "Option::is_none")]
        day: Option<Day>,
        /// Rows that the objects give.
        objects: u64,
        /// Rows in the files.
        files: u64,
    },
}

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Source objects, by what the ledger says of them.
    pub objects: BTreeMap<&'static str, u64>,
    /// Objects that were read again.
    pub recounted: u64,
    /// Lines in them.
    pub lines: u64,
    /// Objects in the ledger that the source no longer has (or that are not selected).
    pub gone: u64,
    /// Parquet files that were looked at.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Lines that are no rows because a row has the same line.
    pub duplicates: u64,
    /// Batches that broke off; the next run finishes them.
    pub open: u64,
    /// What is wrong, sorted by kind and name.
    pub problems: Vec<Problem>,
    /// Whether the user stopped it before the end.
    pub interrupted: bool,
}

/// Compares a source, the ledger and the files of a dataset.
///
/// # Errors
/// [`JobError`], where the check itself cannot go on.
pub async fn verify(
    source: &Source,
    destination: &Destination,
    options: &VerifyOptions,
    observer: &Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Verified, JobError> {
    let journal = Journal::new(Arc::clone(&destination.store), &destination.base);
    if !journal.is_begun().await? {
        return Err(JobError::NoDataset {
            place: destination.shown.clone(),
        });
    }
    let open = journal.intents().await?;
    let census = journal.census().await?;
    // A checkpoint or segment that a run could not read is an error here too.
    journal.check_folded(&census).await?;
    let mut check = Check {
        source,
        ledger: &census,
        options,
        observer: observer.as_ref(),
        cancel,
        verified: Verified {
            open: open.len() as u64,
            ..Verified::default()
        },
        days: BTreeMap::new(),
        left_out: LeftOut::of(&census)?,
    };
    check.files(destination, &open).await?;
    check.sums();
    check.duplicate_sums();
    check.objects().await?;
    check.twins(destination).await?;
    let mut verified = check.verified;
    verified.interrupted = cancel.is_cancelled();
    verified
        .problems
        .sort_by_key(|problem| format!("{problem:?}"));
    Ok(verified)
}

/// A check under way.
struct Check<'a> {
    source: &'a Source,
    ledger: &'a Census,
    options: &'a VerifyOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    verified: Verified,
    /// Rows that the objects gave when read again.
    days: BTreeMap<(&'static str, Day), u64>,
    /// Where lines were left out.
    left_out: Option<LeftOut>,
}

/// Objects that are read again together: those of one table, whole or cut short, and with lines left
/// out or not.
type Rereads = BTreeMap<(String, bool, bool), Vec<ObjectMeta>>;

/// Objects of a listing that are read again at a time.
const PAGE: usize = 1000;

impl Check<'_> {
    /// Every object of the source is accounted for, and gives what it gave.
    async fn objects(&mut self) -> Result<(), JobError> {
        let (source, observer, cancel) = (self.source, self.observer, self.cancel);
        let mut rereads = Rereads::new();
        let mut waiting = 0;
        let mut seen = 0;
        source
            .each::<JobError>(observer, async |object| {
                seen += u64::from(self.ledger.recorded(self.source.id(&object.key)).is_some());
                if let Some(was) = self.account(&object)
                    && !self.options.quick
                {
                    let left_out = was.duplicates > 0;
                    let group = rereads.entry((was.table, was.partial, left_out));
                    group.or_default().push(object);
                    waiting += 1;
                }
                if waiting == PAGE {
                    waiting = 0;
                    self.reread(std::mem::take(&mut rereads)).await?;
                }
                Ok(!cancel.is_cancelled())
            })
            .await?;
        self.reread(rereads).await?;
        if self.verified.objects.is_empty() && !self.cancel.is_cancelled() {
            self.verified.problems.push(Problem::NoSource);
        }
        let roots = self.ledger.roots();
        let committed = roots.get(self.source.store.root()).copied().unwrap_or(0);
        let only_root = roots.len() == 1;
        self.verified.gone = committed.saturating_sub(seen);
        let all_read = self.verified.recounted == committed;
        if !self.options.quick && all_read && only_root {
            self.day_sums();
        }
        Ok(())
    }

    /// What the ledger has on an object that is done.
    fn account(&mut self, object: &ObjectMeta) -> Option<Done> {
        let id = self.source.id(&object.key);
        let key = object.key.clone();
        let recorded = self.ledger.recorded(id);
        let unsettled = self.ledger.unsettled(id);
        let state = match (&recorded, unsettled) {
            (Some(_), _) => "committed",
            (None, Some(entry)) => entry.state.name(),
            (None, None) => "unknown",
        };
        *self.verified.objects.entry(state).or_default() += 1;
        match self.ledger.standing(id, &object.etag) {
            Standing::Done => return recorded.map(|recorded| recorded.done),
            Standing::Changed => self.verified.problems.push(Problem::Replaced { key }),
            Standing::New if unsettled.is_none() => {
                self.verified.problems.push(Problem::Unknown { key });
            }
            _ => {}
        }
        None
    }

    /// The objects' rows and the files' rows are the same, table by table.
    fn sums(&mut self) {
        let rows = self.ledger.sum(|done| done.rows).into_iter();
        let mut tables: BTreeMap<&str, (u64, u64)> =
            rows.map(|(table, rows)| (table, (rows, 0))).collect();
        for output in self.ledger.outputs().values() {
            tables.entry(&output.table).or_default().1 += output.rows;
        }
        for (table, (objects, files)) in tables {
            if objects != files {
                self.verified.problems.push(Problem::Sum {
                    table: table.to_owned(),
                    day: None,
                    objects,
                    files,
                });
            }
        }
    }

    /// The rows that were read again and the files' rows are the same, day by day.
    fn day_sums(&mut self) {
        let mut days: BTreeMap<(&str, Day), (u64, u64)> = BTreeMap::new();
        for ((table, day), rows) in &self.days {
            days.entry((table, *day)).or_default().0 += rows;
        }
        for lines in self.ledger.lines().values() {
            let sums = days.entry((&lines.table, lines.day)).or_default();
            // Where more was left out than there is, the sums differ all the same.
            sums.0 = sums.0.saturating_sub(lines.duplicates);
        }
        for output in self.ledger.outputs().values() {
            days.entry((&output.table, output.day)).or_default().1 += output.rows;
        }
        for ((table, day), (objects, files)) in days {
            if objects != files {
                self.verified.problems.push(Problem::Sum {
                    table: table.to_owned(),
                    day: Some(day),
                    objects,
                    files,
                });
            }
        }
    }
}
