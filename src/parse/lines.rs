//! Text cut into pieces of whole lines, which can be decoded beside each other.

use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};

use crate::schema::{LogFormat, Syntax};

use super::{MAX_LINE, tabbed};

/// Logs whose lines are shorter on average hold mostly something else; the shortest rows of any format
/// have about 100 bytes. What becomes of such lines may be many times larger than their text: every one
/// may be a reject with its reason.
pub const SHORT_LINE: usize = 64;

/// Whole lines, with what is to be known of those before them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The line that names their columns.
    pub(super) header: Option<Arc<[u8]>>,
    /// A line before the others that is longer than [`MAX_LINE`].
    pub(super) long: Option<LongLine>,
    /// The lines; only the last one of an object may lack its line end.
    pub(super) text: Vec<u8>,
}

/// A line of which only the beginning is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LongLine {
    /// At most [`MAX_LINE`] bytes and one.
    pub(super) kept: Vec<u8>,
    /// Length of the whole line.
    pub(super) length: usize,
}

impl LongLine {
    pub(super) fn extend(&mut self, piece: &[u8]) {
        self.length += piece.len();
        let room = (MAX_LINE + 1).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

/// Cuts the text of one object.
///
/// Bound: the text of a piece, and the beginning of a line that is longer than [`MAX_LINE`].
#[derive(Debug)]
pub struct LineCutter {
    piece: usize,
    text: Vec<u8>,
    long: Option<LongLine>,
    header: Option<Arc<[u8]>>,
    headers: bool,
}

impl LineCutter {
    /// Cuts into pieces of at most `piece` bytes, or of [`MAX_LINE`] if that is more.
    pub fn new(piece: usize) -> Self {
        Self {
            piece: piece.max(MAX_LINE + 1),
            text: Vec::new(),
            long: None,
            header: None,
            headers: false,
        }
    }

    /// From now on, lines that name the columns of this format are handed on to the pieces after them.
    pub fn watch_headers_of(&mut self, format: &LogFormat) {
        self.headers = format.syntax == Syntax::Tabbed;
    }

    /// The text that is in no piece yet.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where the next text is to be put, and how long it may be then.
    pub fn room(&mut self) -> (&mut Vec<u8>, usize) {
        (&mut self.text, self.piece)
    }

    /// Whether a piece should be taken before there is room for more.
    pub fn is_full(&self) -> bool {
        self.text.len() >= self.piece
    }

    /// Drops the start of the text that `rest_of` leaves out, and tells how many lines that were.
    pub fn skip_start(&mut self, rest_of: impl Fn(&[u8]) -> &[u8]) -> u64 {
        let end = self.text.len() - rest_of(&self.text).len();
        let lines = memchr_iter(b'\n', &self.text[..end]).count() as u64;
        drop(self.text.drain(..end));
        lines
    }

    /// A piece of a text that is full; none where all of it is part of a line that is too long.
    pub fn full(&mut self) -> Option<Lines> {
        let lines = self.whole_lines();
        if lines.is_none() {
            self.long
                .get_or_insert_default()
                .extend(&std::mem::take(&mut self.text));
        }
        lines
    }

    /// The whole lines, or as many as a piece may have.
    pub fn whole_lines(&mut self) -> Option<Lines> {
        let last = memrchr(b'\n', &self.text)?;
        let before = self.text.len();
        let long = self.end_of_long();
        let end = self.at_most(last + 1 - (before - self.text.len()));
        Some(self.cut(long, end))
    }

    /// At the end of the object, what is left; to be called until there is nothing.
    pub fn rest(&mut self) -> Option<Lines> {
        if let Some(lines) = self.whole_lines() {
            return Some(lines);
        }
        let long = self.end_of_long();
        let end = self.text.len();
        (long.is_some() || end > 0).then(|| self.cut(long, end))
    }

    /// Leaves out the last line if it has no line end.
    pub fn drop_unfinished_line(&mut self) {
        let end = memrchr(b'\n', &self.text).map(|at| at + 1);
        if end.is_none() {
            self.long = None;
        }
        self.text.truncate(end.unwrap_or_default());
    }

    /// The line that is too long, if one is under way, with its last bytes, which leave the text.
    fn end_of_long(&mut self) -> Option<LongLine> {
        let mut long = self.long.take()?;
        let end = memchr(b'\n', &self.text).unwrap_or(self.text.len());
        long.extend(&self.text[..end]);
        let used = (end + 1).min(self.text.len());
        drop(self.text.drain(..used));
        Some(long)
    }

    /// The end of as many of the lines before `end` as a piece may have.
    fn at_most(&self, end: usize) -> usize {
        let most = self.piece / SHORT_LINE;
        let nth = memchr_iter(b'\n', &self.text[..end]).nth(most);
        nth.map_or(end, |at| at + 1)
    }

    /// The text before `end` as a piece.
    fn cut(&mut self, long: Option<LongLine>, end: usize) -> Lines {
        let text = if end < self.text.len() / 2 {
            let text = self.text[..end].to_vec();
            drop(self.text.drain(..end));
            text
        } else {
            let mut rest = Vec::with_capacity(if self.is_full() { self.piece } else { 0 });
            rest.extend_from_slice(&self.text[end..]);
            let mut text = std::mem::replace(&mut self.text, rest);
            text.truncate(end);
            text
        };
        let header = self.header.clone();
        if self.headers
            && let Some(line) = tabbed::last_header(&text)
        {
            self.header = Some(line.into());
        }
        Lines { header, long, text }
    }
}

#[cfg(test)]
mod tests;
