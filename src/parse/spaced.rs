//! Cuts space-separated lines whose quoted fields come from clients and are not escaped.
//!
//! The fields before the first quoted one are cut from the left, those after the last quoted one
//! from the last quote of the line. A quote in between ends its field only where the fields up to
//! the next quoted one follow it in their proper shape: quotes inside are data.

use memchr::{memchr, memchr_iter, memrchr_iter};

use crate::schema::{Field, Kind, LogFormat, Quoting};

use super::{Extra, position};

/// Cuts `line` (without line end), which starts at `base` in the text, and adds from where to where in
/// the text its fields reach. A line may end early.
///
/// # Errors
/// A phrase that says where the line stopped making sense.
pub(super) fn split(
    format: &LogFormat,
    line: &[u8],
    base: usize,
    spans: &mut Vec<(u32, u32)>,
) -> Result<Extra, String> {
    let line = line.trim_ascii_end();
    let span = |from, to| (position(base + from), position(base + to));
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
        spans.push(span(from, to));
        at = next;
    }
    if at >= line.len() {
        return Ok(Extra::None);
    }
    let (from, to) = span(at, line.len());
    Ok(Extra::Rest(from, to))
}

/// The words of a line: what stands between its spaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'t> {
    text: &'t [u8],
    /// The byte after each space, with the start of the line before them and the byte after its end
    /// behind them.
    bounds: &'t [u32],
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t [u8], bounds: &'t [u32]) -> Self {
        Self { text, bounds }
    }

    fn count(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// From where to where a word reaches.
    fn span(&self, word: usize) -> (u32, u32) {
        (self.bounds[word], self.bounds[word + 1] - 1)
    }

    fn get(&self, word: usize) -> &'t [u8] {
        let (from, to) = self.span(word);
        &self.text[from as usize..to as usize]
    }

    fn opens(&self, word: usize) -> bool {
        self.text.get(self.bounds[word] as usize) == Some(&b'"') && !self.get(word).is_empty()
    }

    /// Whether a quote closes at the end of a word, not being the one that opens there.
    fn closes(&self, word: usize, opened: usize) -> bool {
        let word_text = self.get(word);
        word_text.last() == Some(&b'"') && (word > opened || word_text.len() > 1)
    }
}

/// Cuts a line of the common shape, whose words are known, as [`split`] does: quotes only around fields,
/// a request line with its version. `None` where it takes more than a look at the words; spans may have
/// been added then.
pub(super) fn split_words(
    format: &LogFormat,
    words: Words<'_>,
    spans: &mut Vec<(u32, u32)>,
) -> Option<Extra> {
    let end = words.count();
    if words.get(end.checked_sub(1)?).last()?.is_ascii_whitespace() {
        return None;
    }
    let mut word = 0;
    let mut before_bare = None;
    for (index, field) in format.fields.iter().enumerate() {
        if word >= end {
            return (index >= format.min_fields).then_some(Extra::None);
        }
        let next = match field.quoting {
            Quoting::Bare => word + 1,
            Quoting::Brackets => word + 2,
            Quoting::Quotes | Quoting::RequestLine if words.opens(word) => {
                if before_bare == Some(true) {
                    return None;
                }
                closing(&format.fields[index..], words, word)? + 1
            }
            Quoting::Quotes | Quoting::RequestLine => {
                if words.get(word) != b"-" || before_bare == Some(false) {
                    return None;
                }
                word + 1
            }
        };
        let (from, to) = (words.bounds[word], *words.bounds.get(next)? - 1);
        let (from, to) = match field.quoting {
            Quoting::Bare if from == to => return None,
            Quoting::Brackets => {
                let inside = words.text.get(from as usize..to as usize)?;
                let inside = inside.strip_prefix(b"[")?.strip_suffix(b"]")?;
                if inside.contains(&b']') {
                    return None;
                }
                (from + 1, to - 1)
            }
            Quoting::Quotes | Quoting::RequestLine if words.opens(word) => (from + 1, to - 1),
            Quoting::Bare | Quoting::Quotes | Quoting::RequestLine => (from, to),
        };
        before_bare = is_quoted(field).then(|| !words.opens(word));
        spans.push((from, to));
        word = next;
    }
    if word >= end {
        return Some(Extra::None);
    }
    Some(Extra::Rest(words.bounds[word], words.bounds[end] - 1))
}

/// The word in which the quote closes that opens in `opened` and belongs to the first of `fields`.
fn closing(fields: &[Field], words: Words<'_>, opened: usize) -> Option<usize> {
    let later = &fields[1..];
    let Some(between) = later.iter().position(is_quoted) else {
        return (opened..words.count())
            .rev()
            .find(|word| words.closes(*word, opened));
    };
    let close = (opened..words.count()).find(|word| words.closes(*word, opened))?;
    // The next quoted field must follow in its place, behind fields of their shape; and where a request
    // line goes on, the quote may be a part of it.
    let first = close + 1;
    let next = first + between;
    let bare = later[..between].iter().zip(first..next);
    let follows = next < words.count()
        && bare
            .map(|(field, word)| (field, words.get(word)))
            .all(|(field, token)| !token.is_empty() && has_shape(field, token))
        && (words.opens(next) || (between > 0 && words.get(next) == b"-"));
    let (from, to) = (words.bounds[opened] + 1, words.bounds[close + 1] - 2);
    let content = words.text.get(from as usize..to as usize)?;
    let whole = fields[0].quoting != Quoting::RequestLine || has_version(content);
    (follows && whole).then_some(close)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scan::Cuts;
    use super::*;
    use crate::schema::EventTime;
    use crate::schema::Quoting::{Bare, Brackets, Quotes, RequestLine};
    use crate::schema::Syntax;

    const fn field(wire: &'static str, kind: Kind, quoting: Quoting) -> Field {
        Field {
            wire,
            column: wire,
            kind,
            quoting,
            about: "",
        }
    }

    /// As many kinds of fields as a line of S3 has.
    static FORMAT: LogFormat = LogFormat {
        name: "test",
        table: "test",
        about: "",
        spec: "",
        syntax: Syntax::Spaced,
        min_fields: 9,
        event_time: EventTime::CommonLog("time"),
        fields: &[
            field("owner", Kind::Text, Bare),
            field("time", Kind::EventTime, Brackets),
            field("key", Kind::Text, Bare),
            field("request", Kind::Text, RequestLine),
            field("status", Kind::Int32, Bare),
            field("error", Kind::Text, Bare),
            field("bytes", Kind::Int64, Bare),
            field("referer", Kind::Text, Quotes),
            field("agent", Kind::Text, Quotes),
            field("version", Kind::Text, Bare),
            field("region", Kind::Text, Bare),
        ],
        derived: &[],
        names: |_| false,
        detect: |_| false,
        samples: &[],
    };

    const LINE: &str = r#"79a59df900b949e5 [06/Feb/2019:00:00:38 +0000] a/key "GET /logs/a/key?x HTTP/1.1" 200 - 113 "https://example.com/" "S3Console/0.4 (a b)" - eu-west-1"#;

    /// What the words give, if they are enough, and what the whole line gives.
    type Both = (Option<Result<Cut, String>>, Result<Cut, String>);
    type Cut = (Extra, Vec<(u32, u32)>);

    fn both(line: &str) -> Both {
        let text = line.as_bytes();
        let mut cuts = Cuts::default();
        cuts.of_line(text, (0, text.len()), b' ');
        let mut spans = Vec::new();
        let words = Words::new(text, &cuts.bounds);
        let quick = split_words(&FORMAT, words, &mut spans).map(|extra| Ok((extra, spans)));
        let mut spans = Vec::new();
        let whole = split(&FORMAT, text, 0, &mut spans).map(|extra| (extra, spans));
        (quick, whole)
    }

    #[test]
    fn the_common_shape_is_cut_by_its_words() {
        for line in [
            LINE.to_owned(),
            LINE.replace("\"https://example.com/\"", "\"-\""),
            LINE.replace("\"https://example.com/\" \"S3Console/0.4 (a b)\"", "- -"),
            LINE.replace("\"GET /logs/a/key?x HTTP/1.1\"", "-"),
            format!("{LINE} a new field"),
            LINE.replace(" eu-west-1", ""),
        ] {
            let (quick, whole) = both(&line);
            assert!(whole.is_ok(), "{line}");
            assert_eq!(quick, Some(whole), "{line}");
        }
    }

    proptest! {
        #[test]
        fn words_give_what_the_line_gives(
            edits in proptest::collection::vec((any::<prop::sample::Index>(), "[ \"a1\\[\\]-]{1,2}| HTTP/1[.]1\"| \"- \"|\" \"| \"", any::<bool>()), 0..4),
        ) {
            let mut line = LINE.to_owned();
            for (at, piece, replace) in edits {
                let at = at.index(line.len());
                let end = if replace { (at + 1).min(line.len()) } else { at };
                line.replace_range(at..end, &piece);
            }
            let (quick, whole) = both(&line);
            if let Some(quick) = quick {
                prop_assert_eq!(quick, whole, "{}", line);
            }
        }
    }
}
