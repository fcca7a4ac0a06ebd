//! Objects to text: small ones whole, the beginning of large ones.

use bytes::Bytes;

use crate::formats::{self, Choice};
use crate::parse::{Encoding, InflateError, Inflater};
use crate::schema::LogFormat;
use crate::units::ByteSize;

use super::lines::starts_by_position;

/// Text up to this size is inflated in memory.
pub(super) const SMALL: usize = 8 << 20;

/// Text at the beginning of a large object by which its format is found.
const HEAD: usize = 256 << 10;

/// Compressed bytes that are inflated in one go: what comes out of earlier ones is kept where
/// damage follows.
const STEP: usize = 16 << 10;

/// What an object's text is.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) format: &'static LogFormat,
    /// Its lines are read by position, at least until a header comes.
    pub(super) by_position: bool,
}

/// Why an object is not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It cannot be inflated.
    Damaged(String),
    /// It is no log.
    NoLog(String),
}

/// What inflating a whole object gave.
#[derive(Debug)]
pub(super) enum Text {
    /// All of its text, or its whole lines before damage where these are wanted, and the damage.
    Small(Kind, Vec<u8>, Option<String>),
    /// There is more than [`SMALL`].
    Large,
}

/// How objects are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Every object is of this format.
    pub(super) format: Option<&'static LogFormat>,
    /// Keep the lines before damage.
    pub(super) keep_partial: bool,
    /// Most text of an object.
    pub(super) max_object: u64,
}

impl Reading {
    fn kind(&self, text: &[u8]) -> Result<Kind, Refused> {
        let format = match formats::choose(text, self.format).map_err(Refused::NoLog)? {
            Choice::Read(format) => format,
            Choice::Other(other) => {
                let why = format!("another format than asked for: {}", other.name);
                return Err(Refused::NoLog(why));
            }
        };
        Ok(Kind {
            format,
            by_position: starts_by_position(format, text),
        })
    }

    /// Inflates an object that is all there.
    pub(super) fn whole(&self, bytes: &Bytes) -> Result<Text, Refused> {
        let limit = SMALL.min(usize::try_from(self.max_object).unwrap_or(usize::MAX));
        let (mut text, damage) = inflate(bytes, limit + 1);
        if text.len() as u64 > self.max_object {
            return Err(self.too_large());
        }
        if text.len() > SMALL {
            return Ok(Text::Large);
        }
        if let Some(damage) = &damage {
            if !self.keep_partial || whole_lines(&text) == 0 {
                return Err(Refused::Damaged(damage.to_string()));
            }
            text.truncate(whole_lines(&text));
        }
        let damage = damage.map(|damage| damage.to_string());
        Ok(Text::Small(self.kind(&text)?, text, damage))
    }

    /// Looks at the first bytes of an object that is too large to be held.
    pub(super) fn head(&self, bytes: &Bytes) -> Result<Kind, Refused> {
        let (text, damage) = inflate(bytes, HEAD);
        match (self.kind(&text), damage) {
            // What has been cut off here ends in the middle, which is no damage, and what is
            // damaged so early holds nothing by which to know it.
            (Err(Refused::NoLog(_)), Some(damage)) if text.len() < HEAD => {
                Err(Refused::Damaged(damage.to_string()))
            }
            (kind, _) => kind,
        }
    }

    pub(super) fn too_large(&self) -> Refused {
        let most = ByteSize(self.max_object);
        Refused::Damaged(format!("it inflates to more than {most}"))
    }
}

/// Up to `limit` bytes of text, and the damage behind them.
fn inflate(bytes: &[u8], limit: usize) -> (Vec<u8>, Option<InflateError>) {
    let mut text = Vec::new();
    let damage = inflate_to(bytes, &mut text, limit).err();
    (text, damage)
}

fn inflate_to(bytes: &[u8], text: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
    let mut inflater = Inflater::new(Encoding::of(bytes))?;
    for step in bytes.chunks(STEP) {
        let mut at = 0;
        while at < step.len() {
            if text.len() >= limit {
                return Ok(());
            }
            at += inflater.push(step.get(at..).unwrap_or_default(), text, limit)?;
        }
    }
    // What the decompressor still holds.
    let mut before = usize::MAX;
    while before != text.len() && text.len() < limit {
        before = text.len();
        inflater.push(&[], text, limit)?;
    }
    if text.len() < limit {
        inflater.finish()?;
    }
    Ok(())
}

/// Length of the text up to its last line end.
pub(super) fn whole_lines(text: &[u8]) -> usize {
    memchr::memrchr(b'\n', text).map_or(0, |end| end + 1)
}
