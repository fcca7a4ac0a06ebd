//! Small objects to rows: one CPU job per group of objects, each object whole or not at all.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::formats::{self, Choice};
use crate::ledger::Step;
use crate::parse::{Batch, Counts, Decoder, InflateError, Reject, SHORT_LINE};
use crate::schema::LogFormat;
use crate::store::{ObjectMeta, StoreError};
use crate::units::ByteSize;

use super::fetch::{Content, Fetched};
use super::workbench::{Inflation, Workbench, decoder_of, flush};

/// How objects are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Only objects of this format are wanted; each one's is found by its first bytes.
    pub format: Option<&'static LogFormat>,
    /// Most bytes of text in an object.
    pub max_object: u64,
    /// Whether the complete lines before a damage are taken.
    pub keep_partial: bool,
    /// Whether the fingerprints of the rows' lines are taken: 16 bytes a row.
    pub fingerprints: bool,
}

/// What became of an object.
#[derive(Debug)]
pub enum Verdict {
    /// Its lines are rows, rejects and comments now.
    Done {
        /// Its format.
        format: &'static LogFormat,
        /// Its lines.
        counts: Counts,
        /// Whether it is damaged and only the lines before the damage were taken.
        partial: bool,
    },
    /// It could not be read or inflated.
    Failed(Failure),
    /// It is no log, for this reason.
    Skipped(String),
    /// It is a log of another format than the one asked for.
    Unwanted,
}

/// Why an object could not be done.
#[derive(Debug)]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub error: String,
    /// Whether trying the same version again is pointless.
    pub lasting: bool,
    /// The store's failure, where the store failed.
    pub store: Option<StoreError>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            step: Step::Fetch,
            lasting: !error.kind.passes(),
            error: error.to_string(),
            store: Some(error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self {
            step: Step::Fetch,
            error: error.to_string(),
            lasting: false,
            store: None,
        }
    }
}

impl From<InflateError> for Failure {
    fn from(error: InflateError) -> Self {
        Self::lasting(Step::Gunzip, error.to_string())
    }
}

impl Failure {
    fn lasting(step: Step, error: String) -> Self {
        Self {
            step,
            error,
            lasting: true,
            store: None,
        }
    }

    /// The failure of an object with more text than is allowed.
    pub(super) fn too_large(max_object: u64) -> Self {
        let error = format!(
            "more than {} inflated (see --max-object)",
            ByteSize(max_object)
        );
        Self::lasting(Step::Gunzip, error)
    }
}

/// Rows of one format.
#[derive(Debug)]
pub struct Rows {
    /// Their format.
    pub format: &'static LogFormat,
    /// The rows.
    pub batch: Batch,
}

/// Rejected lines of one object.
#[derive(Debug)]
pub struct Rejected {
    /// The format the lines were meant for.
    pub format: &'static LogFormat,
    /// The object's key.
    pub key: String,
    /// The lines.
    pub rejects: Vec<Reject>,
}

/// What a group of objects gave.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The objects that are settled, in order.
    pub(super) objects: Vec<(ObjectMeta, Verdict)>,
    /// Their rows.
    pub(super) rows: Vec<Rows>,
    /// Their rejected lines.
    pub(super) rejected: Vec<Rejected>,
    /// Bytes that these hold.
    rejected_bytes: usize,
    /// Objects too large for a group, to be streamed after it.
    pub(super) deferred: Vec<Fetched>,
}

impl Group {
    /// Takes note of an object that could not be fetched.
    fn fail(&mut self, fetched: Fetched) {
        let (object, content) = fetched.into_parts();
        if let Content::Failed(error) = content {
            let failed = Verdict::Failed(error.into());
            self.objects.push((object, failed));
        }
    }
}

/// Bounds of one CPU job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most text of one object.
    pub(super) whole_text: usize,
    /// Rows, in bytes, after which the rest of the group is deferred.
    pub(super) rows: usize,
}

/// Decodes a group of fetched objects.
pub(super) fn decode_group(
    fetched: Vec<Fetched>,
    rules: &Rules,
    bounds: Bounds,
    bench: &mut Workbench,
) -> Group {
    let mut group = Group::default();
    // In the order in which the group has them, whatever the bench has seen before.
    let mut formats: Vec<&'static LogFormat> = Vec::new();
    for one in fetched {
        let bytes = match &one.content {
            Content::Whole(bytes) if group.rejected_bytes + bench.rows() < bounds.rows => bytes,
            Content::Whole(_) | Content::Large => {
                group.deferred.push(one);
                continue;
            }
            Content::Failed(_) => {
                group.fail(one);
                continue;
            }
        };
        let inflated = bench.inflated.text_of(bytes, rules, bounds.whole_text);
        let (text, damage) = match inflated {
            Inflation::Text(text) => (text, None),
            Inflation::Damaged(text, error) if rules.keep_partial => {
                (whole_lines(text), Some(error))
            }
            Inflation::OverBuffer => {
                group.deferred.push(one);
                continue;
            }
            Inflation::Damaged(..) | Inflation::OverLimit => {
                let failure = match inflated {
                    Inflation::Damaged(_, error) => damaged(error, bytes, &one.object.etag),
                    _ => Failure::too_large(rules.max_object),
                };
                let failed = Verdict::Failed(failure);
                group.objects.push((one.into_parts().0, failed));
                continue;
            }
        };
        if is_expansive(text) {
            group.deferred.push(one);
            continue;
        }
        let verdict = match format_of(text, rules, damage.as_ref()) {
            Ok(format) => {
                if !formats.iter().any(|known| std::ptr::eq(*known, format)) {
                    formats.push(format);
                }
                let decoder = decoder_of(&mut bench.decoders, format, rules);
                let counts = decode_object(decoder, format, &one.object.key, text, &mut group);
                Verdict::Done {
                    format,
                    counts,
                    partial: damage.is_some(),
                }
            }
            Err(verdict) => verdict,
        };
        group.objects.push((one.into_parts().0, verdict));
    }
    for format in formats {
        let decoder = decoder_of(&mut bench.decoders, format, rules);
        if let Some(batch) = flush(decoder) {
            group.rows.push(Rows { format, batch });
        }
    }
    group
}

/// The failure of an object that cannot be inflated. Where its `ETag` is the sum of other bytes, it may
/// have been damaged on the way.
fn damaged(error: InflateError, bytes: &Bytes, etag: &str) -> Failure {
    let mut failure = Failure::from(error);
    let sum = u128::from_str_radix(etag, 16).ok();
    if let Some(sum) = sum.filter(|_| etag.len() == 32) {
        failure.lasting = sum.to_be_bytes()[..] == Md5::digest(bytes)[..];
    }
    failure
}

/// Whether an object must be streamed, as its lines are short.
fn is_expansive(text: &[u8]) -> bool {
    text.len() > SHORT_LINE * 1024
        && text.len() < memchr::memchr_iter(b'\n', text).count() * SHORT_LINE
}

/// Decodes one object and sets its rejects aside.
fn decode_object(
    decoder: &mut Decoder,
    format: &'static LogFormat,
    key: &str,
    text: &[u8],
    group: &mut Group,
) -> Counts {
    decoder.begin(key);
    decoder.decode(text);
    let counts = decoder.end();
    let rejects = decoder.take_rejects();
    if !rejects.is_empty() {
        group.rejected_bytes += rejects.iter().map(Reject::memory).sum::<usize>();
        group.rejected.push(Rejected {
            format,
            key: key.to_owned(),
            rejects,
        });
    }
    counts
}

fn format_of(
    text: &[u8],
    rules: &Rules,
    damage: Option<&InflateError>,
) -> Result<&'static LogFormat, Verdict> {
    match (choose(text, rules), damage) {
        // What little there is before the damage says nothing about the rest.
        (Err(Verdict::Skipped(_)), Some(damage)) => Err(Verdict::Failed(damage.clone().into())),
        (choice, _) => choice,
    }
}

/// The format to read an object in, by its first lines.
pub(super) fn choose(head: &[u8], rules: &Rules) -> Result<&'static LogFormat, Verdict> {
    match formats::choose(head, rules.format) {
        Ok(Choice::Read(format)) => Ok(format),
        Ok(Choice::Other(_)) => Err(Verdict::Unwanted),
        Err(why) => Err(Verdict::Skipped(why)),
    }
}

/// The text without an unfinished last line.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    &text[..end]
}
