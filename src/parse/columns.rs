//! Field spans to Arrow columns, one tight loop per column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array,
    NullBufferBuilder, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use crate::schema::values;
use crate::schema::{Kind, Layout, LogFormat, Source};

use super::Span;
use super::interner::Interner;

/// Texts by number: the raw material of a dictionary column.
#[derive(Debug)]
pub(super) struct Words {
    interner: Interner,
    ids: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            interner: Interner::default(),
            ids: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }
    }
}

impl Words {
    pub(super) fn push(&mut self, value: Option<&[u8]>, invalid: &mut u64) {
        match value {
            Some(value) => {
                let id = self.interner.intern(value, invalid);
                self.push_id(Some(id));
            }
            None => self.push_id(None),
        }
    }

    fn push_id(&mut self, id: Option<u32>) {
        if let Some(id) = id {
            // More than 2^31 distinct texts would need more than 2^31 rows in one batch.
            self.ids.push(i32::try_from(id).unwrap_or(i32::MAX));
            self.nulls.append_non_null();
        } else {
            self.ids.push(0);
            self.nulls.append_null();
        }
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.interner.memory() + self.ids.len() * 4
    }

    fn finish(&mut self) -> FinishedWords {
        let (ends, bytes) = self.interner.take();
        FinishedWords {
            ids: std::mem::take(&mut self.ids),
            nulls: self.nulls.finish(),
            ends,
            bytes,
        }
    }
}

/// A dictionary column before it becomes an Arrow array.
struct FinishedWords {
    ids: Vec<i32>,
    nulls: Option<NullBuffer>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl FinishedWords {
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start as usize..*end as usize])
    }

    fn rows(&self) -> impl Iterator<Item = Option<usize>> {
        self.ids.iter().enumerate().map(|(row, id)| {
            let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            valid.then(|| usize::try_from(*id).unwrap_or(0))
        })
    }

    fn into_array(self) -> Result<ArrayRef, ArrowError> {
        let keys = Int32Array::try_new(ScalarBuffer::from(self.ids), self.nulls)?;
        let offsets: Vec<i32> = std::iter::once(0)
            .chain(
                self.ends
                    .iter()
                    .map(|end| i32::try_from(*end).unwrap_or(i32::MAX)),
            )
            .collect();
        let values = strings(offsets, self.bytes, None)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
            keys,
            Arc::new(values),
        )?))
    }
}

fn strings(
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Result<StringArray, ArrowError> {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)
}

/// One column that grows.
#[derive(Debug)]
pub(super) enum Builder {
    Words(Words),
    Plain {
        offsets: Vec<i32>,
        bytes: Vec<u8>,
        nulls: NullBufferBuilder,
    },
    Int32(Vec<i32>, NullBufferBuilder),
    Int64(Vec<i64>, NullBufferBuilder),
    Double(Vec<f64>, NullBufferBuilder),
    Bool(Vec<bool>, NullBufferBuilder),
    /// Part of the event time: nothing to build.
    Nothing,
}

/// Values that did not become what their column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Values that do not convert and so became null.
    pub(super) unconverted: u64,
    /// Texts with bytes that are not UTF-8.
    pub(super) invalid: u64,
}

impl Builder {
    pub(super) fn new(kind: Kind) -> Self {
        let nulls = NullBufferBuilder::new(0);
        match kind {
            Kind::Text | Kind::Key { .. } => Self::Words(Words::default()),
            Kind::Id => Self::Plain {
                offsets: vec![0],
                bytes: Vec::new(),
                nulls,
            },
            Kind::Int32 => Self::Int32(Vec::new(), nulls),
            Kind::Int64 => Self::Int64(Vec::new(), nulls),
            Kind::Double => Self::Double(Vec::new(), nulls),
            Kind::Yes => Self::Bool(Vec::new(), nulls),
            Kind::EventTime => Self::Nothing,
        }
    }

    /// Appends one value per span.
    pub(super) fn append(
        &mut self,
        text: &[u8],
        spans: impl Iterator<Item = Span>,
        faults: &mut Faults,
    ) {
        let values = spans.map(|span| span.slice(text));
        match self {
            Self::Words(words) => append_words(words, values, &mut faults.invalid),
            Self::Plain {
                offsets,
                bytes,
                nulls,
            } => {
                for value in values {
                    if let Some(value) = value {
                        let (clean, escaped) = values::clean_utf8(value);
                        faults.invalid += u64::from(escaped);
                        bytes.extend_from_slice(clean.as_bytes());
                        nulls.append_non_null();
                    } else {
                        nulls.append_null();
                    }
                    offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                }
            }
            Self::Int32(out, nulls) => convert(values, out, nulls, faults, |value| {
                values::integer(value).and_then(|wide| i32::try_from(wide).ok())
            }),
            Self::Int64(out, nulls) => convert(values, out, nulls, faults, values::integer),
            Self::Double(out, nulls) => convert(values, out, nulls, faults, values::decimal),
            Self::Bool(out, nulls) => {
                convert(values, out, nulls, faults, |value| {
                    (value == b"Yes").then_some(true)
                });
            }
            Self::Nothing => {}
        }
    }

    fn finish(&mut self) -> Result<Finished, ArrowError> {
        let array: ArrayRef = match self {
            Self::Words(words) => return Ok(Finished::Words(words.finish())),
            Self::Plain {
                offsets,
                bytes,
                nulls,
            } => Arc::new(strings(
                std::mem::replace(offsets, vec![0]),
                std::mem::take(bytes),
                nulls.finish(),
            )?),
            Self::Int32(out, nulls) => Arc::new(Int32Array::try_new(
                std::mem::take(out).into(),
                nulls.finish(),
            )?),
            Self::Int64(out, nulls) => Arc::new(Int64Array::try_new(
                std::mem::take(out).into(),
                nulls.finish(),
            )?),
            Self::Double(out, nulls) => Arc::new(Float64Array::try_new(
                std::mem::take(out).into(),
                nulls.finish(),
            )?),
            Self::Bool(out, nulls) => Arc::new(BooleanArray::new(
                std::mem::take(out).into(),
                nulls.finish(),
            )),
            Self::Nothing => return Ok(Finished::Nothing),
        };
        Ok(Finished::Array(array))
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Words(words) => words.memory(),
            Self::Plain { offsets, bytes, .. } => bytes.len() + offsets.len() * 4,
            Self::Int32(out, _) => out.len() * 4,
            Self::Int64(out, _) => out.len() * 8,
            Self::Double(out, _) => out.len() * 8,
            Self::Bool(out, _) => out.len(),
            Self::Nothing => 0,
        }
    }
}

/// Neighbouring rows often share a value (bucket, owner, host), so the last one is tried first.
fn append_words<'a>(
    words: &mut Words,
    values: impl Iterator<Item = Option<&'a [u8]>>,
    invalid: &mut u64,
) {
    let mut last: Option<(&[u8], u32)> = None;
    for value in values {
        match (value, last) {
            (None, _) => words.push_id(None),
            (Some(value), Some((text, id))) if text == value => words.push_id(Some(id)),
            (Some(value), _) => {
                let before = *invalid;
                let id = words.interner.intern(value, invalid);
                words.push_id(Some(id));
                last = (*invalid == before).then_some((value, id));
            }
        }
    }
}

fn convert<'a, T: Default>(
    values: impl Iterator<Item = Option<&'a [u8]>>,
    out: &mut Vec<T>,
    nulls: &mut NullBufferBuilder,
    faults: &mut Faults,
    parse: impl Fn(&[u8]) -> Option<T>,
) {
    for value in values {
        let converted = value.and_then(&parse);
        faults.unconverted += u64::from(value.is_some() && converted.is_none());
        if let Some(value) = converted {
            out.push(value);
            nulls.append_non_null();
        } else {
            out.push(T::default());
            nulls.append_null();
        }
    }
}

enum Finished {
    Words(FinishedWords),
    Array(ArrayRef),
    Nothing,
}

/// Everything that has been built up for a batch.
pub(super) struct Parts<'a> {
    pub(super) format: &'static LogFormat,
    pub(super) layout: &'a Layout,
    pub(super) times: Vec<i64>,
    pub(super) fields: &'a mut [Builder],
    pub(super) object_names: &'a mut [Words],
    pub(super) extra: &'a mut Words,
}

impl Parts<'_> {
    /// Puts the columns together in table order.
    pub(super) fn assemble(self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut fields: Vec<Finished> = self
            .fields
            .iter_mut()
            .map(Builder::finish)
            .collect::<Result<_, _>>()?;
        let derived = derive(self.format, self.layout, &fields)?;
        let mut derived = derived.into_iter();
        let mut names = self.object_names.iter_mut();
        let mut times = self.times;
        let mut columns = Vec::with_capacity(self.layout.columns.len());
        for column in &self.layout.columns {
            columns.push(match column.source {
                Source::EventTime => {
                    let times =
                        TimestampMicrosecondArray::new(std::mem::take(&mut times).into(), None);
                    Arc::new(times.with_timezone("+00:00"))
                }
                Source::Field(index)
                    if matches!(self.format.fields[index].kind, Kind::Key { .. }) =>
                {
                    next(&mut derived)?
                }
                Source::Field(index) => {
                    match std::mem::replace(&mut fields[index], Finished::Nothing) {
                        Finished::Words(words) => words.into_array()?,
                        Finished::Array(array) => array,
                        Finished::Nothing => return Err(missing()),
                    }
                }
                Source::RawKey(_) | Source::RequestLine(..) => next(&mut derived)?,
                Source::ObjectName(_) => names.next().ok_or_else(missing)?.finish().into_array()?,
                Source::Extra => self.extra.finish().into_array()?,
            });
        }
        Ok(columns)
    }
}

fn missing() -> ArrowError {
    ArrowError::SchemaError("a column of the layout was not built".to_owned())
}

fn next(arrays: &mut impl Iterator<Item = ArrayRef>) -> Result<ArrayRef, ArrowError> {
    arrays.next().ok_or_else(missing)
}

/// The computed columns in table order: decoded keys, raw keys, request line parts.
///
/// They are computed once per distinct text, not once per row.
fn derive(
    format: &LogFormat,
    layout: &Layout,
    fields: &[Finished],
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut arrays = Vec::new();
    let mut raw_keys = Vec::new();
    for column in &layout.columns {
        match column.source {
            Source::Field(index) => {
                if let Kind::Key { operation } = format.fields[index].kind {
                    let operations = format
                        .field_index(operation)
                        .and_then(|at| words(fields, at));
                    let (keys, raws) = keys(words(fields, index).ok_or_else(missing)?, operations);
                    arrays.push(keys.into_array()?);
                    raw_keys.push((index, raws));
                }
            }
            Source::RawKey(index) => {
                let at = raw_keys
                    .iter()
                    .position(|(field, _)| *field == index)
                    .ok_or_else(missing)?;
                arrays.push(raw_keys.swap_remove(at).1.into_array()?);
            }
            Source::RequestLine(index, part) => {
                let lines = words(fields, index).ok_or_else(missing)?;
                let parts = map(lines, |line| {
                    values::request_part(std::str::from_utf8(line).ok()?, part)
                });
                arrays.push(parts.into_array()?);
            }
            Source::EventTime | Source::ObjectName(_) | Source::Extra => {}
        }
    }
    Ok(arrays)
}

fn words(fields: &[Finished], index: usize) -> Option<&FinishedWords> {
    match fields.get(index)? {
        Finished::Words(words) => Some(words),
        _ => None,
    }
}

/// A new column from a column of texts, by a function of the text.
fn map(texts: &FinishedWords, part: impl Fn(&[u8]) -> Option<&str>) -> FinishedWords {
    let mut out = Words::default();
    let mut invalid = 0;
    let ids: Vec<Option<u32>> = texts
        .texts()
        .map(|text| part(text).map(|part| out.interner.intern(part.as_bytes(), &mut invalid)))
        .collect();
    for row in texts.rows() {
        out.push_id(row.and_then(|id| ids.get(id).copied().flatten()));
    }
    out.finish()
}

/// Decodes keys as often as each row's operation says; the second column holds the logged text
/// where the decoded one does not lead back to it.
fn keys(
    logged: &FinishedWords,
    operations: Option<&FinishedWords>,
) -> (FinishedWords, FinishedWords) {
    let times: Vec<u8> = operations.map_or_else(Vec::new, |operations| {
        operations
            .texts()
            .map(|name| std::str::from_utf8(name).map_or(2, values::key_decodings))
            .collect()
    });
    let texts: Vec<&[u8]> = logged.texts().collect();
    let mut memo = [vec![None; texts.len()], vec![None; texts.len()]];
    let (mut keys, mut raws, mut invalid) = (Words::default(), Words::default(), 0);
    let mut operation_rows = operations.map(FinishedWords::rows);
    for row in logged.rows() {
        let operation = operation_rows.as_mut().and_then(Iterator::next).flatten();
        let Some(id) = row else {
            keys.push_id(None);
            raws.push_id(None);
            continue;
        };
        let times = operation.and_then(|id| times.get(id)).copied().unwrap_or(2);
        let slot = &mut memo[usize::from(times == 2)][id];
        let (key, raw) = *slot.get_or_insert_with(|| {
            let plain = values::plain_key(texts[id], times);
            let escaped = invalid;
            let key = keys.interner.intern(&plain.key, &mut invalid);
            let raw = plain.raw.or((invalid > escaped).then_some(texts[id]));
            (key, raw.map(|raw| raws.interner.intern(raw, &mut invalid)))
        });
        keys.push_id(Some(key));
        raws.push_id(raw);
    }
    (keys.finish(), raws.finish())
}
