//! Cuts space-separated lines whose quoted fields come from clients and are not escaped.
//!
//! The fields before the first quoted one are cut from the left, those after the last quoted one
//! from the last quote of the line. A quote in between ends its field only where the fields up to
//! the next quoted one follow it in their proper shape: quotes inside are data.

use memchr::{memchr, memchr_iter, memrchr_iter};

use crate::schema::{Field, Kind, LogFormat, Quoting};

use super::{Extra, Span};

/// Cuts `line` (without line end), which starts at `base` in the text, into `row`.
///
/// `row` has one span per field of the format; fields that the line does not have become null.
///
/// # Errors
/// A phrase that says where the line stopped making sense.
pub(super) fn split(
    format: &LogFormat,
    line: &[u8],
    base: usize,
    row: &mut [Span],
) -> Result<Extra, String> {
    row.fill(Span::NULL);
    let line = line.trim_ascii_end();
    let mut at = 0;
    let mut before_bare = None;
    for (index, field) in format.fields.iter().enumerate() {
        if at >= line.len() {
            if index < format.min_fields {
                return Err(format!("the line ends before {}", field.wire));
            }
            return Ok(Extra::None);
        }
        let (from, to, next) = match field.quoting {
            Quoting::Bare => bare(line, at),
            Quoting::Brackets => brackets(line, at),
            Quoting::Quotes | Quoting::RequestLine => {
                let found = quoted(format.fields, index, line, at, before_bare);
                before_bare = Some(line.get(at) != Some(&b'"'));
                found
            }
        }
        .ok_or_else(|| format!("no field {} at byte {at}", field.wire))?;
        if !is_quoted(field) {
            before_bare = None;
        }
        if let Some(span) = row.get_mut(index) {
            *span = Span::of(line, base, from, to);
        }
        at = next;
    }
    if at >= line.len() {
        return Ok(Extra::None);
    }
    Ok(Extra::Rest(Span::of(line, base, at, line.len())))
}

/// (first byte, byte after the last, where the next field starts)
type Cut = Option<(usize, usize, usize)>;

fn is_quoted(field: &Field) -> bool {
    matches!(field.quoting, Quoting::Quotes | Quoting::RequestLine)
}

fn bare(line: &[u8], at: usize) -> Cut {
    let end = memchr(b' ', &line[at..]).map_or(line.len(), |len| at + len);
    (end > at).then_some((at, end, end + 1))
}

fn brackets(line: &[u8], at: usize) -> Cut {
    if line.get(at) != Some(&b'[') {
        return None;
    }
    let end = at + memchr(b']', &line[at..])?;
    ends(line, end + 1).then_some((at + 1, end, end + 2))
}

/// Whether a field may end before `at`: at a space or at the end of the line.
fn ends(line: &[u8], at: usize) -> bool {
    line.get(at).is_none_or(|byte| *byte == b' ')
}

/// `neighbour_bare`: whether the field just before was a quoted one written bare.
fn quoted(
    fields: &[Field],
    index: usize,
    line: &[u8],
    at: usize,
    neighbour_bare: Option<bool>,
) -> Cut {
    if line.get(at) != Some(&b'"') {
        let dash = line.get(at) == Some(&b'-') && ends(line, at + 1);
        return (dash && neighbour_bare != Some(false)).then_some((at, at + 1, at + 2));
    }
    if neighbour_bare == Some(true) {
        return None;
    }
    let later = &fields[index + 1..];
    let start = at + 1;
    let cut = |end: usize| (start, end, end + 2);
    let Some(between) = later.iter().position(is_quoted) else {
        return memrchr_iter(b'"', &line[start..])
            .map(|offset| start + offset)
            .find(|end| ends(line, end + 1))
            .map(cut);
    };
    let mut first = None;
    for end in memchr_iter(b'"', &line[start..]).map(|offset| start + offset) {
        if !fits(&later[..=between], line, end + 1) {
            continue;
        }
        if fields[index].quoting != Quoting::RequestLine || has_version(&line[start..end]) {
            return Some(cut(end));
        }
        first.get_or_insert(end);
    }
    first.map(cut)
}

/// Whether a request line ends in ` HTTP/x.y` or is the null `-`.
fn has_version(content: &[u8]) -> bool {
    let tail = &content[content.len().saturating_sub(9)..];
    content == b"-" || matches!(tail, [b' ', b'H', b'T', b'T', b'P', b'/', _, b'.', _])
}

/// Whether the bare `fields` and the opening of the quoted one after them follow at `at`.
fn fits(fields: &[Field], line: &[u8], mut at: usize) -> bool {
    let Some((_, bare_fields)) = fields.split_last() else {
        return false;
    };
    for field in bare_fields {
        if line.get(at) != Some(&b' ') {
            return false;
        }
        let Some((from, to, _)) = (at + 1 < line.len()).then(|| bare(line, at + 1)).flatten()
        else {
            return false;
        };
        if !has_shape(field, &line[from..to]) {
            return false;
        }
        at = to;
    }
    match line.get(at..at + 2) {
        Some(b" \"") => true,
        // A bare `-` stands for a null, but never right after a field in quotes.
        Some(b" -") => !bare_fields.is_empty() && ends(line, at + 2),
        _ => false,
    }
}

fn has_shape(field: &Field, token: &[u8]) -> bool {
    match field.kind {
        Kind::Int32 | Kind::Int64 => token == b"-" || token.iter().all(u8::is_ascii_digit),
        _ => !token.contains(&b'"'),
    }
}
