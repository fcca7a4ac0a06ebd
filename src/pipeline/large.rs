//! One object of any size, read in ranges and decoded as it comes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;

use crate::cpu;
use crate::store::{ObjectMeta, Store, StoreError};

use super::decode::{Failure, Verdict};
use super::fetch::{Content, Task, get};
use super::piece::{Decoding, Finish, Step};
use super::read::Reading;
use super::stream::{Ending, TextStream};
use super::workbench::Workbenches;

/// Reads one object piece by piece: while one is inflated, those before it are decoded.
///
/// Bound: two ranges of bytes (one being read ahead), and what [`TextStream`] and [`Decoding`] hold.
pub(super) struct LargeObject<T> {
    store: Arc<dyn Store>,
    object: ObjectMeta,
    range: u64,
    /// Where the next range to be asked for begins.
    offset: u64,
    ahead: Option<Task<Result<Bytes, StoreError>>>,
    bytes: Bytes,
    at: usize,
    /// The text; none when it has ended.
    text: Option<Box<TextStream>>,
    ending: Option<Ending>,
    decoding: Decoding<T>,
}

impl<T: Send + 'static> LargeObject<T> {
    /// Starts with what was fetched already, if anything.
    pub(super) fn open(
        reading: &Reading,
        (object, content): (ObjectMeta, Content),
        benches: Workbenches,
        finish: Finish<T>,
    ) -> Self {
        let bytes = match content {
            Content::Whole(bytes) => bytes,
            Content::Large | Content::Failed(_) => Bytes::new(),
        };
        let (rules, budget) = (reading.rules, reading.budget);
        Self {
            store: Arc::clone(&reading.store),
            range: budget.range,
            offset: bytes.len() as u64,
            ahead: None,
            bytes,
            at: 0,
            text: Some(Box::new(TextStream::new(&object.key, rules, budget.piece))),
            ending: None,
            decoding: Decoding::new((rules, budget.slots), benches, finish),
            object,
        }
    }

    /// The next rows; `None` when the object is over and its verdict known.
    pub(super) async fn next(&mut self) -> Option<Step<T>> {
        while !self.decoding.is_full() {
            if let Some(ending) = &mut self.ending {
                let Some(piece) = ending.pieces.pop_front() else {
                    break;
                };
                self.decoding.push(piece);
            } else if self.at == self.bytes.len() {
                match self.more().await {
                    Ok(true) => {}
                    Ok(false) => self.end().await,
                    Err(error) => self.ending = Some(Ending::at_once(error.into())),
                }
            } else {
                self.feed().await;
            }
        }
        self.decoding.next().await
    }

    /// What became of the object.
    pub(super) fn verdict(self) -> Verdict {
        match self.ending {
            Some(ending) => ending.verdict(self.decoding.counts()),
            None => Verdict::Skipped("not read to its end".to_owned()),
        }
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

    /// Takes the text up to the next piece, or to the end of the bytes at hand.
    async fn feed(&mut self) {
        let Some(mut text) = self.text.take() else {
            return;
        };
        let (bytes, mut at) = (self.bytes.clone(), self.at);
        let (text, at, fed) = cpu::run(move || {
            let fed = text.feed(&bytes, &mut at);
            (text, at, fed)
        })
        .await;
        self.text = Some(text);
        self.at = at;
        match fed {
            Ok(piece) => {
                if let Some(piece) = piece {
                    self.decoding.push(piece);
                }
            }
            Err(ending) => self.ending = Some(ending),
        }
    }

    async fn end(&mut self) {
        if let Some(mut text) = self.text.take() {
            self.ending = Some(cpu::run(move || text.end()).await);
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Verdict {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
