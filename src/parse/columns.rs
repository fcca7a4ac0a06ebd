//! Field spans to Arrow columns, one tight loop per column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, PrimitiveArray,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowDictionaryKeyType, Int32Type, UInt8Type, UInt16Type};
use arrow::error::ArrowError;

use crate::schema::values;
use crate::schema::{Kind, Layout, LogFormat, Source};

use super::Place;
use super::interner::Interner;

/// Stands for a null among the numbers of texts.
const NULL: i32 = -1;

/// Texts by number: the raw material of a dictionary column.
#[derive(Debug, Default)]
pub(super) struct Words {
    interner: Interner,
    ids: Vec<i32>,
}

impl Words {
    pub(super) fn push(&mut self, value: Option<&[u8]>, invalid: &mut u64) {
        let id = value.map(|value| self.interner.intern(value, invalid));
        self.push_id(id);
    }

    /// Appends the texts at `places` in `text`.
    fn extend(
        &mut self,
        text: &[u8],
        places: impl ExactSizeIterator<Item = Option<Place>>,
        invalid: &mut u64,
    ) {
        let interner = &mut self.interner;
        self.ids.extend(places.map(|place| match place {
            Some(place) => number(interner.intern_at(text, place, invalid)),
            None => NULL,
        }));
    }

    /// The same value so many times.
    pub(super) fn repeat(&mut self, value: Option<&[u8]>, times: usize, invalid: &mut u64) {
        let before = *invalid;
        let id = value.map_or(NULL, |value| number(self.interner.intern(value, invalid)));
        // Each row that shows it counts.
        *invalid += (*invalid - before) * (times as u64).saturating_sub(1);
        self.ids.extend(std::iter::repeat_n(id, times));
    }

    fn push_id(&mut self, id: Option<u32>) {
        self.ids.push(id.map_or(NULL, number));
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.interner.memory() + self.ids.len() * 4
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.interner.texts()
    }

    fn rows(&self) -> impl Iterator<Item = Option<usize>> {
        self.ids.iter().map(|id| usize::try_from(*id).ok())
    }

    /// The rows as an array with the narrowest keys that do: most columns have few texts and many
    /// rows. What they were gathered in is kept for the next ones.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let texts = self.interner.texts().len();
        let array = match texts {
            0..=0x100 => self.with_keys::<UInt8Type>(),
            0x101..=0x1_0000 => self.with_keys::<UInt16Type>(),
            _ => self.with_keys::<Int32Type>(),
        };
        self.ids.clear();
        self.interner.clear();
        array
    }

    fn with_keys<K: ArrowDictionaryKeyType>(&self) -> Result<ArrayRef, ArrowError>
    where
        K::Native: TryFrom<i32>,
    {
        let nulls = self.ids.contains(&NULL).then(|| {
            let valid = |row: usize| self.ids[row] != NULL;
            NullBuffer::new(BooleanBuffer::collect_bool(self.ids.len(), valid))
        });
        let native = |id: &i32| K::Native::try_from(*id).unwrap_or_default();
        let keys: Vec<K::Native> = self.ids.iter().map(native).collect();
        let keys = PrimitiveArray::<K>::try_new(ScalarBuffer::from(keys), nulls)?;
        let (ends, bytes) = self.interner.all();
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend(ends.iter().copied().map(number));
        let values = strings(offsets, bytes, None)?;
        Ok(Arc::new(DictionaryArray::<K>::try_new(
            keys,
            Arc::new(values),
        )?))
    }
}

/// More than 2^31 distinct texts would need more than 2^31 rows in one batch.
fn number(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}

fn strings(
    offsets: Vec<i32>,
    bytes: &[u8],
    nulls: Option<NullBuffer>,
) -> Result<StringArray, ArrowError> {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from(bytes), nulls)
}

/// The values so far, in memory of their own size; what they were gathered in is kept.
fn hand_over<T: Copy>(values: &mut Vec<T>) -> Vec<T> {
    let exact = values.as_slice().to_vec();
    values.clear();
    exact
}

/// One column that grows.
#[derive(Debug)]
pub(super) enum Builder {
    Words(Words),
    Plain {
        offsets: Vec<i32>,
        bytes: Vec<u8>,
        valid: Validity,
    },
    Int32(Vec<i32>, Validity),
    Int64(Vec<i64>, Validity),
    Double(Vec<f64>, Validity),
    Bool(Vec<bool>, Validity),
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
        let valid = Validity::default();
        match kind {
            Kind::Text | Kind::Key { .. } => Self::Words(Words::default()),
            Kind::Id => Self::Plain {
                offsets: vec![0],
                bytes: Vec::new(),
                valid,
            },
            Kind::Int32 => Self::Int32(Vec::new(), valid),
            Kind::Int64 => Self::Int64(Vec::new(), valid),
            Kind::Double => Self::Double(Vec::new(), valid),
            Kind::Yes => Self::Bool(Vec::new(), valid),
            Kind::EventTime => Self::Nothing,
        }
    }

    /// Appends the values at `places` in `text`, one for each row.
    pub(super) fn append(
        &mut self,
        text: &[u8],
        places: impl ExactSizeIterator<Item = Option<Place>>,
        faults: &mut Faults,
    ) {
        match self {
            Self::Words(words) => words.extend(text, places, &mut faults.invalid),
            Self::Plain {
                offsets,
                bytes,
                valid,
            } => {
                offsets.reserve(places.len());
                for place in places {
                    valid.push(place.is_some());
                    if let Some((from, length)) = place {
                        faults.invalid += append_text(&text[from..from + length], bytes);
                    }
                    offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                }
            }
            Self::Int32(out, valid) => {
                Values(places).convert(out, valid, faults, |from, length| {
                    let wide = values::integer_at(text, from, length)?;
                    i32::try_from(wide).ok()
                });
            }
            Self::Int64(out, valid) => {
                Values(places).convert(out, valid, faults, |from, length| {
                    values::integer_at(text, from, length)
                });
            }
            Self::Double(out, valid) => {
                Values(places).convert(out, valid, faults, |from, length| {
                    values::decimal_at(text, from, length)
                });
            }
            Self::Bool(out, valid) => {
                Values(places).convert(out, valid, faults, |from, length| {
                    (&text[from..from + length] == b"Yes").then_some(true)
                });
            }
            Self::Nothing => {}
        }
    }

    /// The values so far; none of a part of the event time.
    fn finish(&mut self) -> Result<Option<ArrayRef>, ArrowError> {
        Ok(Some(match self {
            Self::Words(words) => words.finish()?,
            Self::Plain {
                offsets,
                bytes,
                valid,
            } => {
                let array = strings(offsets.clone(), bytes, valid.finish())?;
                offsets.truncate(1);
                bytes.clear();
                Arc::new(array)
            }
            Self::Int32(out, valid) => {
                Arc::new(Int32Array::try_new(hand_over(out).into(), valid.finish())?)
            }
            Self::Int64(out, valid) => {
                Arc::new(Int64Array::try_new(hand_over(out).into(), valid.finish())?)
            }
            Self::Double(out, valid) => Arc::new(Float64Array::try_new(
                hand_over(out).into(),
                valid.finish(),
            )?),
            Self::Bool(out, valid) => {
                Arc::new(BooleanArray::new(hand_over(out).into(), valid.finish()))
            }
            Self::Nothing => return Ok(None),
        }))
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

/// Appends a text, escaped where it is not UTF-8; tells how many had to be: one or none.
fn append_text(text: &[u8], out: &mut Vec<u8>) -> u64 {
    if text.is_ascii() {
        out.extend_from_slice(text);
        return 0;
    }
    let (clean, escaped) = values::clean_utf8(text);
    out.extend_from_slice(clean.as_bytes());
    u64::from(escaped)
}

/// Where the values of a column stand.
struct Values<P>(P);

impl<P: ExactSizeIterator<Item = Option<Place>>> Values<P> {
    fn convert<T: Default>(
        self,
        out: &mut Vec<T>,
        valid: &mut Validity,
        faults: &mut Faults,
        parse: impl Fn(usize, usize) -> Option<T>,
    ) {
        out.extend(self.0.map(|place| {
            let value = place.and_then(|(from, length)| parse(from, length));
            faults.unconverted += u64::from(place.is_some() && value.is_none());
            valid.push(value.is_some());
            value.unwrap_or_default()
        }));
    }
}

/// Which rows of a column have a value: a bit each.
#[derive(Debug, Default)]
pub(super) struct Validity {
    whole: Vec<u64>,
    /// Bits of the word at hand.
    bits: u64,
    rows: usize,
    nulls: usize,
}

impl Validity {
    #[inline]
    fn push(&mut self, valid: bool) {
        self.bits |= u64::from(valid) << (self.rows % 64);
        self.nulls += usize::from(!valid);
        self.rows += 1;
        if self.rows.is_multiple_of(64) {
            self.whole.push(self.bits);
            self.bits = 0;
        }
    }

    /// The bits so far, if any row has no value.
    fn finish(&mut self) -> Option<NullBuffer> {
        let (rows, nulls) = (self.rows, self.nulls);
        self.whole.push(self.bits);
        let words = hand_over(&mut self.whole);
        (self.bits, self.rows, self.nulls) = (0, 0, 0);
        (nulls > 0).then(|| {
            let bits = BooleanBuffer::new(Buffer::from_vec(words), 0, rows);
            NullBuffer::new(bits)
        })
    }
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
        let mut derived = derive(self.format, self.layout, self.fields)?.into_iter();
        let mut fields: Vec<Option<ArrayRef>> = self
            .fields
            .iter_mut()
            .map(Builder::finish)
            .collect::<Result<_, _>>()?;
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
                Source::Field(index) => fields[index].take().ok_or_else(missing)?,
                Source::RawKey(_) | Source::RequestLine(..) => next(&mut derived)?,
                Source::ObjectName(_) => names.next().ok_or_else(missing)?.finish()?,
                Source::Extra => self.extra.finish()?,
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
    fields: &[Builder],
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
                    let logged = words(fields, index).ok_or_else(missing)?;
                    let (mut keys, raws) = keys(logged, operations);
                    arrays.push(keys.finish()?);
                    raw_keys.push((index, raws));
                }
            }
            Source::RawKey(index) => {
                let at = raw_keys
                    .iter()
                    .position(|(field, _)| *field == index)
                    .ok_or_else(missing)?;
                arrays.push(raw_keys.swap_remove(at).1.finish()?);
            }
            Source::RequestLine(index, part) => {
                let lines = words(fields, index).ok_or_else(missing)?;
                let mut parts = map(lines, |line| {
                    values::request_part(std::str::from_utf8(line).ok()?, part)
                });
                arrays.push(parts.finish()?);
            }
            Source::EventTime | Source::ObjectName(_) | Source::Extra => {}
        }
    }
    Ok(arrays)
}

fn words(fields: &[Builder], index: usize) -> Option<&Words> {
    match fields.get(index)? {
        Builder::Words(words) => Some(words),
        _ => None,
    }
}

/// A new column from a column of texts, by a function of the text.
fn map(texts: &Words, part: impl Fn(&[u8]) -> Option<&str>) -> Words {
    let mut out = Words::default();
    let mut invalid = 0;
    let ids: Vec<Option<u32>> = texts
        .texts()
        .map(|text| part(text).map(|part| out.interner.intern(part.as_bytes(), &mut invalid)))
        .collect();
    for row in texts.rows() {
        out.push_id(row.and_then(|id| ids.get(id).copied().flatten()));
    }
    out
}

/// Decodes keys as often as each row's operation says; the second column holds the logged text
/// where the decoded one does not lead back to it.
fn keys(logged: &Words, operations: Option<&Words>) -> (Words, Words) {
    let times: Vec<u8> = operations.map_or_else(Vec::new, |operations| {
        operations
            .texts()
            .map(|name| std::str::from_utf8(name).map_or(2, values::key_decodings))
            .collect()
    });
    let texts: Vec<&[u8]> = logged.texts().collect();
    let mut memo = [vec![None; texts.len()], vec![None; texts.len()]];
    let (mut keys, mut raws, mut invalid) = (Words::default(), Words::default(), 0);
    let mut operation_rows = operations.map(Words::rows);
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
    (keys, raws)
}
