//! Cuts tab-separated lines by the columns that a `#Fields:` line names.

use memchr::memchr_iter;

use crate::schema::LogFormat;

use super::{Extra, Span};

/// Start of the line that names the columns.
const FIELDS: &[u8] = b"#Fields:";

/// Which wire column goes to which field, for the object at hand.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Per wire column the position of its field, or nothing; empty means by position.
    slots: Vec<Option<usize>>,
    /// Names of the wire columns, for those that are not known.
    names: Vec<String>,
}

impl Header {
    /// Forgets the columns: the next object brings its own header or has none.
    pub(super) fn reset(&mut self) {
        self.slots.clear();
        self.names.clear();
    }

    /// Takes note of a comment line and tells whether it matters; only `#Fields:` lines do.
    pub(super) fn read(&mut self, format: &LogFormat, comment: &[u8]) -> bool {
        let Some(list) = comment.strip_prefix(FIELDS) else {
            return false;
        };
        self.reset();
        let mut taken = vec![false; format.fields.len()];
        for name in list
            .split(u8::is_ascii_whitespace)
            .filter(|name| !name.is_empty())
        {
            let name = String::from_utf8_lossy(name).into_owned();
            // The second column of a name is kept like one that is not known.
            let slot = format.field_index(&name);
            let slot = slot.filter(|slot| !std::mem::replace(&mut taken[*slot], true));
            self.slots.push(slot);
            self.names.push(name);
        }
        true
    }

    /// Cuts `line` (without line end), which starts at `base` in the text, into `row`.
    ///
    /// # Errors
    /// A phrase, if the line has fewer columns than any known variant.
    pub(super) fn split(
        &self,
        format: &LogFormat,
        line: &[u8],
        base: usize,
        row: &mut [Span],
    ) -> Result<Extra, String> {
        row.fill(Span::NULL);
        let mut extra = String::new();
        let (mut from, mut wire) = (0, 0);
        for to in memchr_iter(b'\t', line).chain(std::iter::once(line.len())) {
            match self.slot(wire).and_then(|slot| row.get_mut(slot)) {
                Some(span) => *span = Span::of(line, base, from, to),
                None => self.keep(&mut extra, wire, &line[from..to]),
            }
            from = to + 1;
            wire += 1;
        }
        if wire < format.min_fields {
            return Err(format!(
                "{wire} columns, fewer than the {} of the oldest variant",
                format.min_fields
            ));
        }
        Ok(if extra.is_empty() {
            Extra::None
        } else {
            Extra::Named(extra)
        })
    }

    fn slot(&self, wire: usize) -> Option<usize> {
        if self.slots.is_empty() {
            Some(wire)
        } else {
            self.slots.get(wire).copied().flatten()
        }
    }

    fn keep(&self, extra: &mut String, wire: usize, value: &[u8]) {
        if value == b"-" {
            return;
        }
        if !extra.is_empty() {
            extra.push(' ');
        }
        if let Some(name) = self.names.get(wire) {
            extra.push_str(name);
            extra.push('=');
        }
        extra.push_str(&crate::schema::values::clean_utf8(value).0);
    }
}
