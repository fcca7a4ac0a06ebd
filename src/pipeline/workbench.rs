//! What CPU jobs decode with, handed from one to the next.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::parse::{Batch, Decoder, Encoding, InflateError, Inflater, Lines, WholeInflater};
use crate::schema::LogFormat;

use super::decode::Rules;
use super::piece::Decoded;

/// What a CPU job decodes with; the next job takes it over, with the memory that it has grown.
///
/// Bound: a text, and the rows of a group with the tables that find repeated texts; see `Bounds`.
#[derive(Debug, Default)]
pub(super) struct Workbench {
    pub(super) decoders: Vec<(&'static LogFormat, Decoder)>,
    pub(super) inflated: Inflated,
}

impl Workbench {
    /// Bytes of rows held.
    pub(super) fn rows(&self) -> usize {
        let rows = self.decoders.iter().map(|(_, decoder)| decoder.memory());
        rows.sum()
    }

    /// Decodes a piece of an object.
    pub(super) fn decode_lines(
        &mut self,
        format: &'static LogFormat,
        key: &str,
        lines: &Lines,
        rules: &Rules,
    ) -> Decoded {
        let decoder = decoder_of(&mut self.decoders, format, rules);
        decoder.begin(key);
        decoder.decode_lines(lines);
        let counts = decoder.end();
        let rejects = decoder.take_rejects();
        Decoded {
            batch: flush(decoder),
            rejects,
            counts,
        }
    }
}

/// The workbenches that no job is using: as many as there have been jobs at the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Workbenches(Arc<Mutex<Vec<Workbench>>>);

impl Workbenches {
    /// Works with one of them.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Workbench) -> T) -> T {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bench = idle().pop().unwrap_or_default();
        let made = work(&mut bench);
        idle().push(bench);
        made
    }
}

/// The decoder's rows.
///
/// # Panics
/// If the columns do not fit their schema: a fault of this program that must not lose rows.
pub(super) fn flush(decoder: &mut Decoder) -> Option<Batch> {
    decoder
        .flush()
        .expect("columns are built from the layout, and flushed long before 2 GiB")
}

/// The decoder of a format.
pub(super) fn decoder_of<'a>(
    decoders: &'a mut Vec<(&'static LogFormat, Decoder)>,
    format: &'static LogFormat,
    rules: &Rules,
) -> &'a mut Decoder {
    let known = decoders
        .iter()
        .position(|(other, _)| std::ptr::eq(*other, format));
    let at = known.unwrap_or_else(|| {
        let decoder = Decoder::new(format).with_fingerprints(rules.fingerprints);
        decoders.push((format, decoder));
        decoders.len() - 1
    });
    &mut decoders[at].1
}

/// An object, inflated.
pub(super) enum Inflation<'t> {
    /// All of it.
    Text(&'t [u8]),
    /// What there is before the damage.
    Damaged(&'t [u8], InflateError),
    /// More text than an object may have.
    OverLimit,
    /// More text than is inflated at once.
    OverBuffer,
}

/// Texts, one after the other.
#[derive(Debug, Default)]
pub(super) struct Inflated {
    whole: WholeInflater,
    text: Vec<u8>,
}

impl Inflated {
    /// The text of an object, up to `whole_text` bytes.
    pub(super) fn text_of<'t>(
        &'t mut self,
        bytes: &'t Bytes,
        rules: &Rules,
        whole_text: usize,
    ) -> Inflation<'t> {
        let allowed = usize::try_from(rules.max_object).unwrap_or(usize::MAX);
        // One byte more tells "exactly full" from "too much".
        let limit = whole_text.min(allowed).saturating_add(1);
        let text = &mut self.text;
        if Encoding::of(bytes) == Encoding::Plain && bytes.len() < limit {
            return Inflation::Text(bytes);
        }
        if self.whole.inflate(bytes, text, limit) {
            return Inflation::Text(text);
        }
        text.clear();
        let done = Inflater::new(Encoding::of(bytes)).and_then(|mut inflater| {
            let mut at = 0;
            while at < bytes.len() && text.len() < limit {
                at += inflater.push(&bytes[at..], text, limit)?;
            }
            if at == bytes.len() && text.len() < limit {
                inflater.finish()?;
            }
            Ok(())
        });
        match done {
            _ if text.len() > allowed => Inflation::OverLimit,
            _ if text.len() > whole_text => Inflation::OverBuffer,
            Ok(()) => Inflation::Text(text),
            Err(error) => Inflation::Damaged(text, error),
        }
    }
}
