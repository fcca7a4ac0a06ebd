//! Lines cut into fields, in blocks, and blocks converted column by column.

use memchr::memchr;

use crate::schema::values::DateCache;
use crate::schema::{EventTime, LogFormat, Syntax};

use super::super::{Extra, Line, place, position, spaced, tabbed};
use super::{BLOCK_ROWS, Decoder, MAX_LINE, Reject, YEARS};

impl Decoder {
    pub(super) fn decode_piece(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        if self.carry.length > 0 {
            let Some(end) = memchr(b'\n', rest) else {
                self.carry.extend(rest);
                return;
            };
            self.carry.extend(&rest[..end]);
            self.finish_carry();
            rest = &rest[end + 1..];
        }
        let offset = bytes.len() - rest.len();
        let at = self.lines(bytes, offset);
        self.carry.extend(&bytes[at..]);
    }

    /// Takes the lines that end in `text`, from `at` on, and tells where the rest begins.
    fn lines(&mut self, text: &[u8], mut at: usize) -> usize {
        let separator = separator(self.format.syntax);
        loop {
            self.block.cuts.scan(text, at, separator, BLOCK_ROWS);
            let ends = std::mem::take(&mut self.block.cuts.ends);
            let mut first = 0;
            for end in &ends {
                self.line(text, (first, *end), None);
                first = *end;
            }
            let next = self.block.cuts.bounds.get(first as usize).copied();
            self.convert_block(text);
            if let (false, Some(next)) = (ends.is_empty(), next) {
                at = next as usize;
            } else if let Some(length) = memchr(b'\n', &text[at..]) {
                // More separators than a block has.
                self.only_line(text, (at, at + length), None);
                at += length + 1;
            } else {
                return at;
            }
            self.block.cuts.ends = ends;
        }
    }

    /// One line, which the bounds `first` to `end` cut; `length` is its true length, where that is
    /// another one.
    fn line(&mut self, text: &[u8], bounds: (u32, u32), length: Option<usize>) {
        match self.format.syntax {
            Syntax::Tabbed => self.tabbed_line(text, bounds, length),
            Syntax::Spaced => self.spaced_line(text, bounds, length),
        }
    }

    /// The one line at `text[from..to]`, as a block of its own.
    pub(super) fn only_line(
        &mut self,
        text: &[u8],
        (from, to): (usize, usize),
        length: Option<usize>,
    ) {
        let separator = separator(self.format.syntax);
        self.block.cuts.of_line(text, (from, to), separator);
        let end = self.block.cuts.last();
        self.line(text, (0, end), length);
        self.convert_block(text);
    }

    pub(super) fn finish_carry(&mut self) {
        let carry = std::mem::take(&mut self.carry);
        self.only_line(&carry.kept, (0, carry.kept.len()), Some(carry.length));
    }

    /// Counts a line. Without the end of line that some have, if there is something to cut: not of
    /// one that is too long, nor of one that is blank.
    fn begin_line<'t>(&mut self, whole: &'t [u8], length: usize) -> Option<&'t [u8]> {
        self.counts.lines += 1;
        if length > MAX_LINE {
            let kept = &whole[..MAX_LINE.min(whole.len())];
            self.reject(
                kept,
                format!("line of {length} bytes, more than {MAX_LINE}"),
            );
            return None;
        }
        let line = whole.strip_suffix(b"\r").unwrap_or(whole);
        if line.is_empty() {
            self.counts.comments += 1;
            return None;
        }
        Some(line)
    }

    /// As [`line`](Self::line).
    fn tabbed_line(&mut self, text: &[u8], (first, end): (u32, u32), length: Option<usize>) {
        let bounds = &self.block.cuts.bounds;
        let (from, to) = (bounds[first as usize], bounds[end as usize] - 1);
        let whole = &text[from as usize..to as usize];
        let Some(line) = self.begin_line(whole, length.unwrap_or(whole.len())) else {
            return;
        };
        if line[0] == b'#' {
            self.counts.comments += 1;
            if tabbed::names_columns(line) {
                self.convert_block(text);
                self.header(line);
            }
            return;
        }
        let mut row = Line {
            first,
            width: end - first,
        };
        if line.len() < whole.len() {
            row.first = self.block.cuts.copy_without_last_byte(first, end);
        }
        let cells = tabbed::Cells {
            text,
            bounds: &self.block.cuts.bounds,
        };
        let cut = self.header.check(self.format, cells, row);
        let time = cut.and_then(|extra| {
            let time = self.time_fields.read(&mut self.dates, |field| {
                cells.get(row, self.header.wire(field)?)
            })?;
            Ok((extra, time))
        });
        match time {
            Ok((extra, time)) => self.row(line, row, extra, time),
            Err(reason) => self.reject(whole, reason),
        }
        if self.block.extra_bytes > MAX_LINE {
            self.convert_block(text);
        }
    }

    /// Takes a line that names the columns of those that follow.
    pub(super) fn header(&mut self, line: &[u8]) {
        self.header.read(self.format, line);
        if let Some(printer) = &mut self.printer {
            printer.header(line);
        }
    }

    /// As [`line`](Self::line).
    fn spaced_line(&mut self, text: &[u8], (first, end): (u32, u32), length: Option<usize>) {
        let bounds = &self.block.cuts.bounds[first as usize..=end as usize];
        let (from, to) = (bounds[0], bounds[bounds.len() - 1] - 1);
        let whole = &text[from as usize..to as usize];
        let Some(line) = self.begin_line(whole, length.unwrap_or(whole.len())) else {
            return;
        };
        let spans = &mut self.block.spans;
        let start = spans.len();
        let bounds = &self.block.cuts.bounds[first as usize..=end as usize];
        let words = spaced::Words::new(text, bounds);
        let cut = if let Some(extra) = spaced::split_words(self.format, words, spans) {
            Ok(extra)
        } else {
            spans.truncate(start);
            spaced::split(self.format, line, from as usize, spans)
        };
        let fields = &spans[start..];
        let time = cut.and_then(|extra| {
            let time = self.time_fields.read(&mut self.dates, |field| {
                let (from, to) = *fields.get(field)?;
                value(text, from, to)
            })?;
            Ok((extra, time))
        });
        let row = Line {
            first: position(start),
            width: position(fields.len()),
        };
        match time {
            Ok((extra, time)) => self.row(line, row, extra, time),
            Err(reason) => {
                self.block.spans.truncate(start);
                self.reject(whole, reason);
            }
        }
    }

    /// Takes a line that is a row.
    fn row(&mut self, line: &[u8], row: Line, extra: Extra, time: i64) {
        self.counts.rows += 1;
        self.times.push(time);
        if let Some(printer) = &mut self.printer {
            printer.row(line);
        }
        if let Extra::Named(list) = &extra {
            self.block.extra_bytes += list.len();
        }
        if extra != Extra::None {
            self.block.extras.push((self.block.rows.len(), extra));
        }
        self.block.rows.push(row);
    }

    fn reject(&mut self, line: &[u8], reason: String) {
        self.counts.rejects += 1;
        self.rejects.push(Reject {
            line: self.counts.lines,
            reason,
            bytes: line.to_vec(),
        });
    }

    /// Converts the lines cut so far; their positions are those in `text`.
    fn convert_block(&mut self, text: &[u8]) {
        let rows = self.block.rows.as_slice();
        if rows.is_empty() {
            return;
        }
        let columns = self.fields.iter_mut().zip(&mut self.faults);
        for (index, (builder, faults)) in columns.enumerate() {
            match self.format.syntax {
                Syntax::Tabbed => {
                    let cells = tabbed::Cells {
                        text,
                        bounds: &self.block.cuts.bounds,
                    };
                    match self.header.wire(index) {
                        Some(wire) => {
                            let places = rows.iter().map(|row| cells.place(*row, wire));
                            builder.append(text, places, faults);
                        }
                        None => builder.append(text, rows.iter().map(|_| None), faults),
                    }
                }
                Syntax::Spaced => {
                    let spans = &self.block.spans;
                    let places = rows.iter().map(|row| {
                        let (from, to) = spans[row.at(index)?];
                        place(text, from, to)
                    });
                    builder.append(text, places, faults);
                }
            }
        }
        for (words, name) in self.object_names.iter_mut().zip(&self.names) {
            words.repeat(name.as_deref(), rows.len(), &mut self.other_invalid);
        }
        let mut done = 0;
        for (row, extra) in self.block.extras.drain(..) {
            self.extra.repeat(None, row - done, &mut 0);
            let value = match &extra {
                Extra::None => None,
                Extra::Rest(from, to) => value(text, *from, *to),
                Extra::Named(list) => Some(list.as_bytes()),
            };
            self.extra.push(value, &mut self.other_invalid);
            done = row + 1;
        }
        self.extra.repeat(None, rows.len() - done, &mut 0);
        self.block.rows.clear();
        self.block.spans.clear();
        self.block.extra_bytes = 0;
    }
}

/// What stands between fields.
fn separator(syntax: Syntax) -> u8 {
    match syntax {
        Syntax::Tabbed => b'\t',
        Syntax::Spaced => b' ',
    }
}

/// The field at `text[from..to]`; `-` is null.
fn value(text: &[u8], from: u32, to: u32) -> Option<&[u8]> {
    let (from, length) = place(text, from, to)?;
    Some(&text[from..from + length])
}

/// Fields that carry the event time, by position; none where the format does not have one.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimeFields {
    CommonLog(Option<usize>),
    DateAndTime(Option<usize>, Option<usize>),
}

impl TimeFields {
    pub(super) fn of(format: &LogFormat) -> Self {
        match format.event_time {
            EventTime::CommonLog(wire) => Self::CommonLog(format.field_index(wire)),
            EventTime::DateAndTime(date, time) => {
                Self::DateAndTime(format.field_index(date), format.field_index(time))
            }
        }
    }

    fn read<'t>(
        self,
        dates: &mut DateCache,
        field: impl Fn(usize) -> Option<&'t [u8]>,
    ) -> Result<i64, String> {
        match self {
            Self::CommonLog(time) => time
                .and_then(&field)
                .and_then(|time| dates.common_log(time)),
            Self::DateAndTime(date, time) => date
                .and_then(&field)
                .zip(time.and_then(&field))
                .and_then(|(date, time)| dates.date_and_time(date, time)),
        }
        .filter(|time| YEARS.contains(time))
        .ok_or_else(|| "no valid event time".to_owned())
    }
}
