//! Objects to rendered rows, in order, for whoever wants them as they come.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::StreamExt;
use tokio::sync::mpsc;

use crate::cpu;
use crate::store::{ObjectMeta, Store};

use super::batch::groups;
use super::decode::{Group, Rejected, Rules, Verdict};
use super::large::LargeObject;
use super::piece::{Decoding, Finish, Piece, Step};
use super::stream::{Ending, TextStream};
use super::workbench::Workbenches;
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
pub type Render<T> = Finish<T>;

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
    let benches = Workbenches::default();
    let mut rendered = std::pin::pin!(groups(reading, objects, &benches, {
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
            let source = (object.clone(), content);
            let mut large = LargeObject::open(reading, source, benches.clone(), Arc::clone(render));
            while let Some(step) = large.next().await {
                if cancel.is_cancelled() {
                    return Ok(());
                }
                hand_on(step, &mut take)?;
            }
            take(Found::Settled(object, large.verdict()))?;
        }
    }
}

/// Bytes read from a stream at a time.
const PORTION: usize = 256 << 10;

/// Portions read ahead.
const PORTIONS: usize = 4;

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
    let mut portions = portions(input);
    let mut text = Box::new(TextStream::new(name, rules, budget.piece));
    let decoding = (rules, budget.slots);
    let mut decoding = Decoding::new(decoding, Workbenches::default(), Arc::clone(render));
    let mut size = 0;
    let mut ending = loop {
        let portion = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(()),
            portion = portions.recv() => portion,
        };
        let bytes = match portion {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => break Ending::at_once(Verdict::Failed(error.into())),
            None => break cpu::run(move || text.end()).await,
        };
        size += bytes.len() as u64;
        let idle = portions.is_empty();
        let mut at = 0;
        let over = loop {
            let bytes = bytes.clone();
            let (back, next, found) = cpu::run(move || {
                let found = next_piece(&mut text, &bytes, &mut at, idle);
                (text, at, found)
            })
            .await;
            (text, at) = (back, next);
            match found {
                Ok(Some(piece)) => put_in(&mut decoding, [piece], &mut take).await?,
                Ok(None) => break None,
                Err(ending) => break Some(ending),
            }
        };
        if idle {
            drain(&mut decoding, &mut take).await?;
        }
        if let Some(ending) = over {
            break ending;
        }
    };
    put_in(&mut decoding, std::mem::take(&mut ending.pieces), &mut take).await?;
    drain(&mut decoding, &mut take).await?;
    let object = ObjectMeta {
        key: name.to_owned(),
        size,
        etag: String::new(),
        modified: 0,
        archived: false,
    };
    take(Found::Settled(object, ending.verdict(decoding.counts())))
}

/// The next piece of a portion of a stream; at its end the lines so far, if the stream is `idle` then.
fn next_piece(
    text: &mut TextStream,
    bytes: &[u8],
    at: &mut usize,
    idle: bool,
) -> Result<Option<Piece>, Ending> {
    match text.feed(bytes, at)? {
        None if idle => text.lines_so_far(),
        next => Ok(next),
    }
}

/// Puts pieces in, and hands on what has to leave for them.
async fn put_in<T: Send + 'static, E>(
    decoding: &mut Decoding<T>,
    pieces: impl IntoIterator<Item = Piece>,
    take: &mut impl FnMut(Found<T>) -> Result<(), E>,
) -> Result<(), E> {
    for piece in pieces {
        if decoding.is_full()
            && let Some(step) = decoding.next().await
        {
            hand_on(step, take)?;
        }
        decoding.push(piece);
    }
    Ok(())
}

/// Hands on all that is being decoded.
async fn drain<T: Send + 'static, E>(
    decoding: &mut Decoding<T>,
    take: &mut impl FnMut(Found<T>) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(step) = decoding.next().await {
        hand_on(step, take)?;
    }
    Ok(())
}

fn hand_on<T, E>(step: Step<T>, take: &mut impl FnMut(Found<T>) -> Result<(), E>) -> Result<(), E> {
    if let Some(rows) = step.rows {
        take(Found::Rows(rows))?;
    }
    take(Found::Rejected(step.rejected))
}

/// Reads a stream on a thread of its own, as nothing can wake a blocked read.
fn portions(mut input: Box<dyn Read + Send>) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(PORTIONS);
    std::thread::spawn(move || {
        loop {
            let mut buffer = vec![0; PORTION];
            let portion = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    buffer.truncate(length);
                    Ok(Bytes::from(buffer))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = portion.is_err();
            if sender.blocking_send(portion).is_err() || failed {
                return;
            }
        }
    });
    receiver
}
