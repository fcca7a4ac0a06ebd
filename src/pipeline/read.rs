//! Objects to rendered rows, in order, for whoever wants them as they come.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::StreamExt;
use tokio::sync::mpsc;

use crate::cpu;
use crate::store::{ObjectMeta, Store};

use super::batch::groups;
use super::decode::{Group, Rejected, Rows, Rules, Verdict};
use super::large::LargeObject;
use super::stream::{ObjectStream, Progress, Taken};
use super::{Budget, Cancel};

/// How objects are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Where the objects are.
    pub store: Arc<dyn Store>,
    /// How they are read.
    pub rules: Rules,
    /// Memory.
    pub budget: Budget,
}

/// Something that became known while reading, in the order of the objects.
#[derive(Debug)]
pub enum Found<T> {
    /// Rows, rendered.
    Rows(T),
    /// Rejected lines.
    Rejected(Rejected),
    /// What became of an object; its rows and rejects came before.
    Settled(ObjectMeta, Verdict),
}

/// What turns rows into something to show; runs on the CPU pool.
pub type Render<T> = Arc<dyn Fn(Rows) -> T + Send + Sync>;

/// Reads objects and hands what is found to `take`, until it or `cancel` ends it.
///
/// Small objects are handed on whole or not at all. Of a large object that breaks off, the rows
/// before the damage have been handed on by then.
///
/// # Errors
/// What `take` returns.
pub async fn read_objects<T: Send + 'static, E>(
    reading: &Reading,
    objects: Vec<ObjectMeta>,
    render: &Render<T>,
    mut take: impl FnMut(Found<T>) -> Result<(), E>,
    cancel: &Cancel,
) -> Result<(), E> {
    let mut rendered = std::pin::pin!(groups(reading, objects, {
        let render = Arc::clone(render);
        move |mut group: Group| {
            let rows = std::mem::take(&mut group.rows);
            let rows: Vec<T> = rows.into_iter().map(|rows| render(rows)).collect();
            (group, rows)
        }
    }));
    loop {
        let next = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            next = rendered.next() => next,
        };
        let Some((group, rows)) = next else {
            return Ok(());
        };
        for rows in rows {
            take(Found::Rows(rows))?;
        }
        for rejected in group.rejected {
            take(Found::Rejected(rejected))?;
        }
        for (object, verdict) in group.objects {
            take(Found::Settled(object, verdict))?;
        }
        for fetched in group.deferred {
            let (object, content) = fetched.into_parts();
            let mut large = LargeObject::open(reading, object.clone(), content);
            while let Some(step) = large.next().await {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                if let Some(batch) = step.batch {
                    let format = step.rejected.format;
                    let render = Arc::clone(render);
                    let rows = cpu::run(move || render(Rows { format, batch })).await;
                    take(Found::Rows(rows))?;
                }
                take(Found::Rejected(step.rejected))?;
            }
            take(Found::Settled(object, large.verdict()))?;
        }
    }
}

/// Bytes read from a stream at a time.
const PIECE: usize = 256 << 10;

/// Pieces read ahead.
const PIECES: usize = 4;

/// Reads one object from a stream. Rows are handed on whenever the stream has no more at hand, so
/// that a slow stream is shown as it comes.
///
/// # Errors
/// What `take` returns.
pub async fn read_stream<T: Send + 'static, E>(
    name: &str,
    input: Box<dyn Read + Send>,
    (rules, budget): (Rules, Budget),
    render: &Render<T>,
    mut take: impl FnMut(Found<T>) -> Result<(), E>,
    cancel: &Cancel,
) -> Result<(), E> {
    let mut pieces = pieces(input);
    let mut machine = Box::new(ObjectStream::new(name, rules, budget.rows));
    let mut size = 0;
    let verdict = loop {
        let piece = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            piece = pieces.recv() => piece,
        };
        let bytes = match piece {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => break Verdict::Failed(error.into()),
            None => break machine.end(),
        };
        size += bytes.len() as u64;
        let mut at = 0;
        let mut over = None;
        while over.is_none() && at < bytes.len() {
            let (bytes, idle) = (bytes.clone(), pieces.is_empty());
            let (render, key) = (Arc::clone(render), name.to_owned());
            let (back, fed, next, shown) = cpu::run(move || {
                let mut at = at;
                let fed = machine.feed(&bytes, &mut at);
                let due = idle || !matches!(fed, Ok(Progress::Hungry));
                let shown = if due { machine.take() } else { None };
                let shown = shown.map(|taken| show(&key, taken, &render));
                (machine, fed, at, shown)
            })
            .await;
            (machine, at) = (back, next);
            if let Some((rows, rejected)) = shown {
                rows.map_or(Ok(()), |rows| take(Found::Rows(rows)))?;
                take(Found::Rejected(rejected))?;
            }
            over = fed.err();
        }
        if let Some(verdict) = over {
            break verdict;
        }
    };
    if let Some(taken) = machine.take() {
        let (rows, rejected) = show(name, taken, render);
        rows.map_or(Ok(()), |rows| take(Found::Rows(rows)))?;
        take(Found::Rejected(rejected))?;
    }
    let object = ObjectMeta {
        key: name.to_owned(),
        size,
        etag: String::new(),
        modified: 0,
        archived: false,
    };
    take(Found::Settled(object, verdict))
}

fn show<T>(name: &str, taken: Taken, render: &Render<T>) -> (Option<T>, Rejected) {
    let format = taken.format;
    let rows = taken.batch.map(|batch| render(Rows { format, batch }));
    let rejected = Rejected {
        format,
        key: name.to_owned(),
        rejects: taken.rejects,
    };
    (rows, rejected)
}

/// Reads a stream on a thread of its own, as nothing can wake a blocked read.
fn pieces(mut input: Box<dyn Read + Send>) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; PIECE];
            let piece = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    buffer.truncate(length);
                    Ok(Bytes::from(buffer))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = piece.is_err();
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    receiver
}
