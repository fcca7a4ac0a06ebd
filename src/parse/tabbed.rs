//! Cuts tab-separated lines by the columns that a `#Fields:` line names.

use crate::schema::LogFormat;
use crate::schema::values::clean_utf8;

use super::{Extra, Line, MAX_LINE, Place, place};

/// Start of the line that names the columns.
const FIELDS: &[u8] = b"#Fields:";

/// How many times as long as its line the unknown columns of a row may be.
const EXTRA_PER_LINE: usize = 8;

/// Whether a comment line names the columns of those that follow.
pub(super) fn names_columns(comment: &[u8]) -> bool {
    comment.starts_with(FIELDS)
}

/// The last line of a text of whole lines that names the columns of those that follow.
pub(super) fn last_header(text: &[u8]) -> Option<&[u8]> {
    let starts = memchr::memmem::find_iter(text, b"\n#").map(|at| at + 1);
    let lines = std::iter::once(0).chain(starts).map(|at| {
        let line = &text[at..];
        &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())]
    });
    lines
        .filter(|line| line.len() <= MAX_LINE && names_columns(line))
        .last()
}

/// A text and where in it fields begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'t> {
    pub(super) text: &'t [u8],
    /// The byte after each separator.
    pub(super) bounds: &'t [u32],
}

impl<'t> Cells<'t> {
    /// Where a field of a line stands; nowhere where it is absent or null.
    #[inline]
    pub(super) fn place(&self, line: Line, wire: usize) -> Option<Place> {
        let at = line.at(wire)?;
        place(self.text, self.bounds[at], self.bounds[at + 1] - 1)
    }

    /// A field of a line; null where it is absent or `-`.
    pub(super) fn get(&self, line: Line, wire: usize) -> Option<&'t [u8]> {
        let (from, length) = self.place(line, wire)?;
        Some(&self.text[from..from + length])
    }
}

/// Which wire column goes to which field, for the object at hand.
#[derive(Debug)]
pub(super) struct Header {
    /// Per field its wire column.
    wires: Vec<Option<usize>>,
    /// Wire columns before the first that no field is made of.
    known: usize,
    /// Per wire column whether a field is made of it; empty means by position.
    taken: Vec<bool>,
    /// Names of the wire columns, for those that are not known.
    names: Vec<String>,
}

impl Header {
    /// Columns by position.
    pub(super) fn new(format: &LogFormat) -> Self {
        let mut header = Self {
            wires: vec![None; format.fields.len()],
            known: 0,
            taken: Vec::new(),
            names: Vec::new(),
        };
        header.reset();
        header
    }

    /// Forgets the columns: the next object brings its own header or has none.
    pub(super) fn reset(&mut self) {
        for (position, wire) in self.wires.iter_mut().enumerate() {
            *wire = Some(position);
        }
        self.known = self.wires.len();
        self.taken.clear();
        self.names.clear();
    }

    /// The wire column that a field is made of.
    #[inline]
    pub(super) fn wire(&self, field: usize) -> Option<usize> {
        self.wires.get(field).copied().flatten()
    }

    /// Takes note of a `#Fields:` line.
    pub(super) fn read(&mut self, format: &LogFormat, comment: &[u8]) {
        let list = comment.strip_prefix(FIELDS).unwrap_or_default();
        self.taken.clear();
        self.names.clear();
        self.wires.fill(None);
        let names = list.split(u8::is_ascii_whitespace);
        for name in names.filter(|name| !name.is_empty()) {
            let name = String::from_utf8_lossy(name).into_owned();
            // The second column of a name is kept like one that is not known.
            let wire = format.field_index(&name);
            let wire = wire.and_then(|field| self.wires.get_mut(field));
            let free = wire.filter(|wire| wire.is_none());
            self.taken.push(free.is_some());
            if let Some(wire) = free {
                *wire = Some(self.names.len());
            }
            self.names.push(name);
        }
        let known = self.taken.iter().position(|taken| !taken);
        self.known = known.unwrap_or(self.taken.len());
        if self.taken.is_empty() {
            self.reset();
        }
    }

    /// What a line has beyond the known fields.
    ///
    /// # Errors
    /// A phrase, if the line has fewer columns than any known variant.
    #[inline]
    pub(super) fn check(
        &self,
        format: &LogFormat,
        cells: Cells<'_>,
        line: Line,
    ) -> Result<Extra, String> {
        let width = line.width as usize;
        if width < format.min_fields {
            return Err(format!(
                "{width} columns, fewer than the {} of the oldest variant",
                format.min_fields
            ));
        }
        if width <= self.known {
            return Ok(Extra::None);
        }
        self.extra(cells, line)
    }

    /// The columns of a line that no field is made of, but for nulls.
    ///
    /// # Errors
    /// A phrase, if with their names they are so long that memory would not be bounded by the text.
    fn extra(&self, cells: Cells<'_>, line: Line) -> Result<Extra, String> {
        let (first, width) = (line.first as usize, line.width as usize);
        let length = cells.bounds[first + width] - cells.bounds[first];
        let most = length as usize * EXTRA_PER_LINE;
        let mut extra = String::new();
        for wire in self.known..width {
            if self.taken.get(wire) == Some(&true) {
                continue;
            }
            let Some(value) = cells.get(line, wire) else {
                continue;
            };
            if !extra.is_empty() {
                extra.push(' ');
            }
            if let Some(name) = self.names.get(wire) {
                extra.push_str(name);
                extra.push('=');
            }
            extra.push_str(&clean_utf8(value).0);
            if extra.len() > most {
                return Err(format!(
                    "unknown columns that are with their names more than {EXTRA_PER_LINE} times as long as the line"
                ));
            }
        }
        Ok(if extra.is_empty() {
            Extra::None
        } else {
            Extra::Named(extra)
        })
    }
}
