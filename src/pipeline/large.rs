//! One object of any size, read in ranges and decoded as it comes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;

use crate::cpu;
use crate::parse::Batch;
use crate::store::{ObjectMeta, Store, StoreError};

use super::decode::{Failure, Rejected, Verdict};
use super::fetch::{Content, Task, get};
use super::read::Reading;
use super::stream::{ObjectStream, Progress, Taken};

/// Reads one object piece by piece.
///
/// Bound: two ranges of bytes (one being read ahead), and what [`ObjectStream`] holds.
pub(super) struct LargeObject {
    store: Arc<dyn Store>,
    object: ObjectMeta,
    range: u64,
    /// Where the next range to be asked for begins.
    offset: u64,
    ahead: Option<Task<Result<Bytes, StoreError>>>,
    bytes: Bytes,
    at: usize,
    machine: Option<Box<ObjectStream>>,
    verdict: Option<Verdict>,
}

/// Rows and rejects that became known.
pub(super) struct LargeStep {
    pub(super) batch: Option<Batch>,
    pub(super) rejected: Rejected,
}

impl LargeObject {
    /// Starts with what was fetched already, if anything.
    pub(super) fn open(reading: &Reading, object: ObjectMeta, content: Content) -> Self {
        let bytes = match content {
            Content::Whole(bytes) => bytes,
            Content::Large | Content::Failed(_) => Bytes::new(),
        };
        Self {
            store: Arc::clone(&reading.store),
            range: reading.budget.range,
            offset: bytes.len() as u64,
            ahead: None,
            bytes,
            at: 0,
            machine: Some(Box::new(ObjectStream::new(
                &object.key,
                reading.rules,
                reading.budget.rows,
            ))),
            verdict: None,
            object,
        }
    }

    /// The next rows; `None` when the object is over and its verdict known.
    pub(super) async fn next(&mut self) -> Option<LargeStep> {
        loop {
            if self.verdict.is_some() {
                return None;
            }
            if self.at == self.bytes.len() {
                match self.more().await {
                    Ok(true) => {}
                    Ok(false) => return self.end().await,
                    Err(error) => {
                        self.verdict = Some(Verdict::Failed(error.into()));
                        return None;
                    }
                }
            }
            if let Some(step) = self.feed().await {
                return Some(step);
            }
        }
    }

    /// What became of the object.
    pub(super) fn verdict(self) -> Verdict {
        self.verdict
            .unwrap_or_else(|| Verdict::Skipped("not read to its end".to_owned()))
    }

    fn fetch(&mut self) -> Option<Task<Result<Bytes, StoreError>>> {
        if self.offset >= self.object.size {
            return None;
        }
        let range: Range<u64> = self.offset..(self.offset + self.range).min(self.object.size);
        self.offset = range.end;
        let (store, object) = (Arc::clone(&self.store), self.object.clone());
        let vain = AtomicUsize::new(0);
        Some(Task::spawn(async move {
            get(store.as_ref(), &object, Some(range), &vain).await
        }))
    }

    /// The next range, and one more asked for.
    async fn more(&mut self) -> Result<bool, StoreError> {
        let Some(task) = self.ahead.take().or_else(|| self.fetch()) else {
            return Ok(false);
        };
        self.bytes = task.finish().await?;
        self.at = 0;
        self.ahead = self.fetch();
        Ok(true)
    }

    async fn feed(&mut self) -> Option<LargeStep> {
        let mut machine = self.machine.take()?;
        let (bytes, mut at) = (self.bytes.clone(), self.at);
        let (machine, at, progress, taken) = cpu::run(move || {
            let progress = machine.feed(&bytes, &mut at);
            let full = !matches!(progress, Ok(Progress::Hungry));
            let taken = if full { machine.take() } else { None };
            (machine, at, progress, taken)
        })
        .await;
        self.machine = Some(machine);
        self.at = at;
        if let Err(verdict) = progress {
            self.verdict = Some(verdict);
        }
        taken.map(|taken| self.step(taken))
    }

    async fn end(&mut self) -> Option<LargeStep> {
        let mut machine = self.machine.take()?;
        let (verdict, taken) = cpu::run(move || {
            let verdict = machine.end();
            (verdict, machine.take())
        })
        .await;
        self.verdict = Some(verdict);
        taken.map(|taken| self.step(taken))
    }

    fn step(&self, taken: Taken) -> LargeStep {
        LargeStep {
            batch: taken.batch,
            rejected: Rejected {
                format: taken.format,
                key: self.object.key.clone(),
                rejects: taken.rejects,
            },
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
