//! Objects that are too large to be held: they stream into a file of their own, which joins the
//! output when the object has ended well.

use std::io;
use std::path::Path;

use bytes::Bytes;
use tempfile::NamedTempFile;

use crate::cpu;
use crate::parse::{Encoding, InflateError, Inflater};
use crate::pipeline::Cancel;
use crate::schema::LogFormat;
use crate::store::{ObjectMeta, Store, StoreError};

use super::lines::{Header, LineCounts, Lines};
use super::output::{Encoder, Packing};
use super::read::{Reading, Refused};

/// Bytes of an object that are fetched at a time.
pub(super) const RANGE: u64 = 8 << 20;

/// Of these as many are worked on in one go; between them the user may stop the job.
const PIECE: usize = 64 << 10;

/// Text that is held at a time.
const CHUNK: usize = 1 << 20;

/// Why an object did not get through.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refused),
    Store(StoreError),
    File(io::Error),
    Cancelled,
}

/// A large object, ready to join its output.
#[derive(Debug)]
pub(super) struct Spooled {
    /// One member or frame.
    pub(super) file: NamedTempFile,
    pub(super) header: Header,
    pub(super) counts: LineCounts,
    /// What follows the lines that were kept.
    pub(super) damage: Option<String>,
}

/// An object on its way.
pub(super) struct Large<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) object: &'a ObjectMeta,
    /// Its first bytes, or all of them.
    pub(super) first: Bytes,
    pub(super) format: &'static LogFormat,
    pub(super) reading: Reading,
    pub(super) packing: Packing,
    pub(super) scratch: &'a Path,
    pub(super) cancel: &'a Cancel,
}

impl Large<'_> {
    /// Streams the object through. One whose lines before damage are wanted is read once more,
    /// with its end known.
    pub(super) async fn spool(&self, header: &Header) -> Result<Spooled, Stop> {
        match self.pass(header.clone(), None).await? {
            Ok(spooled) => Ok(spooled),
            Err(damage) if self.reading.keep_partial && damage.whole_lines > 0 => {
                let again = self.pass(header.clone(), Some(damage.whole_lines)).await?;
                let mut spooled = again.map_err(Damage::refused)?;
                spooled.damage = Some(damage.what);
                Ok(spooled)
            }
            Err(damage) => Err(damage.refused()),
        }
    }

    async fn pass(
        &self,
        header: Header,
        until: Option<u64>,
    ) -> Result<Result<Spooled, Damage>, Stop> {
        let mut spool = Spool::new(self, header, until)?;
        let mut range = self.first.clone();
        let mut at = range.len() as u64;
        loop {
            while !range.is_empty() {
                if self.cancel.is_cancelled() {
                    return Err(Stop::Cancelled);
                }
                let piece = range.split_to(range.len().min(PIECE));
                let (after, pushed) = cpu::run(move || {
                    let pushed = spool.push(&piece);
                    (spool, pushed)
                })
                .await;
                spool = after;
                match pushed {
                    Ok(()) => {}
                    Err(Failure::Damage(error)) => return Ok(Err(spool.damage(&error))),
                    Err(Failure::TooLarge) => return Err(Stop::Refused(self.reading.too_large())),
                    Err(Failure::File(error)) => return Err(Stop::File(error)),
                }
            }
            if at >= self.object.size || spool.is_full() {
                break;
            }
            let end = self.object.size.min(at + RANGE);
            range = self.get(at, end).await?;
            at = end;
        }
        if let (false, Err(error)) = (spool.is_full(), spool.inflater.finish()) {
            return Ok(Err(spool.damage(&error)));
        }
        cpu::run(move || spool.finish())
            .await
            .map(Ok)
            .map_err(Stop::File)
    }

    async fn get(&self, from: u64, to: u64) -> Result<Bytes, Stop> {
        tokio::select! {
            got = range_of(self.store, self.object, from, to) => got.map_err(Stop::Store),
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
        }
    }
}

/// A range of an object, in the version that was listed.
pub(super) async fn range_of(
    store: &dyn Store,
    object: &ObjectMeta,
    from: u64,
    to: u64,
) -> Result<Bytes, StoreError> {
    let etag = Some(object.etag.as_str()).filter(|etag| !etag.is_empty());
    let bytes = store.get(&object.key, Some(from..to), etag).await?;
    if bytes.len() as u64 == to - from {
        return Ok(bytes);
    }
    Err(StoreError {
        kind: crate::store::ErrorKind::Changed,
        action: "read",
        place: crate::store::full_name(store.root(), &object.key),
        cause: format!("{} bytes arrived of {}", bytes.len(), to - from),
    })
}

struct Damage {
    what: String,
    /// Length of the text in whole lines before it.
    whole_lines: u64,
}

impl Damage {
    fn refused(self) -> Stop {
        Stop::Refused(Refused::Damaged(self.what))
    }
}

enum Failure {
    Damage(InflateError),
    TooLarge,
    File(io::Error),
}

/// The machine between compressed bytes and the file.
struct Spool {
    inflater: Inflater,
    lines: Lines,
    encoder: Encoder<NamedTempFile>,
    text: Vec<u8>,
    out: Vec<u8>,
    /// Text so far, and as far as lines have ended.
    length: u64,
    whole_lines: u64,
    until: Option<u64>,
    max: u64,
}

impl Spool {
    fn new(of: &Large<'_>, header: Header, until: Option<u64>) -> Result<Self, Stop> {
        let file = tempfile::Builder::new()
            .suffix(".s3logs-tmp")
            .tempfile_in(of.scratch)
            .map_err(Stop::File)?;
        let inflater = Inflater::new(Encoding::of(&of.first))
            .map_err(|error| Stop::Refused(Refused::Damaged(error.to_string())))?;
        Ok(Self {
            inflater,
            lines: Lines::new(of.format, header),
            encoder: Encoder::new(file, of.packing).map_err(Stop::File)?,
            text: Vec::new(),
            out: Vec::new(),
            length: 0,
            whole_lines: 0,
            until,
            max: of.reading.max_object,
        })
    }

    /// Whether all of the text that is wanted has come.
    fn is_full(&self) -> bool {
        self.until == Some(self.length)
    }

    fn damage(&self, error: &InflateError) -> Damage {
        Damage {
            what: error.to_string(),
            whole_lines: self.whole_lines,
        }
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let mut at = 0;
        loop {
            let rest = piece.get(at..).unwrap_or_default();
            let inflated = self.inflater.push(rest, &mut self.text, CHUNK);
            let came = self.text.len();
            self.pass_on()?;
            at += inflated.map_err(Failure::Damage)?;
            // Without input it gives what it still holds.
            if self.is_full() || (at >= piece.len() && came == 0) {
                return Ok(());
            }
        }
    }

    fn pass_on(&mut self) -> Result<(), Failure> {
        if let Some(until) = self.until {
            let room = usize::try_from(until - self.length).unwrap_or(usize::MAX);
            self.text.truncate(room);
        }
        if let Some(end) = memchr::memrchr(b'\n', &self.text) {
            self.whole_lines = self.length + end as u64 + 1;
        }
        self.length += self.text.len() as u64;
        if self.length > self.max {
            return Err(Failure::TooLarge);
        }
        self.out.clear();
        self.lines.push(&self.text, &mut self.out);
        self.text.clear();
        self.encoder.write(&self.out).map_err(Failure::File)
    }

    fn finish(mut self) -> io::Result<Spooled> {
        self.out.clear();
        let (header, counts) = self.lines.finish(&mut self.out);
        self.encoder.write(&self.out)?;
        Ok(Spooled {
            file: self.encoder.finish()?,
            header,
            counts,
            damage: None,
        })
    }
}
