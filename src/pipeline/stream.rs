//! The text of an object of any size, inflated as it comes and cut into pieces of whole lines.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::formats;
use crate::parse::{Counts, Encoding, Inflater, LineCutter, Lines, MAX_LINE};
use crate::schema::LogFormat;

use super::decode::{Failure, Rules, Verdict, choose};
use super::piece::Piece;

/// Text that is looked at to find the format.
const HEAD: usize = 64 << 10;

/// Bytes that tell the encoding.
const MAGIC: usize = 4;

/// A push machine for one object: bytes in, pieces of text out.
///
/// The pieces depend on the text alone, not on how its bytes come. Bound: the text of a piece, the first
/// [`MAX_LINE`] bytes of a line that is longer, the inflater's window.
#[derive(Debug)]
pub(super) struct TextStream {
    rules: Rules,
    key: Arc<str>,
    input: Input,
    cutter: LineCutter,
    /// Blank lines before the first other one, which the first piece counts.
    blank: u64,
    total: u64,
    format: Option<&'static LogFormat>,
}

#[derive(Debug)]
enum Input {
    /// The first bytes, too few to know the encoding.
    Start(Vec<u8>),
    Open(Inflater),
}

/// How an object ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// The format, and whether only the lines before a damage count.
    read: Result<(&'static LogFormat, bool), Box<Verdict>>,
    /// The last pieces.
    pub(super) pieces: VecDeque<Piece>,
}

impl TextStream {
    /// A stream for the object `key`, in pieces of `piece` bytes.
    pub(super) fn new(key: &str, rules: Rules, piece: usize) -> Self {
        Self {
            rules,
            key: key.into(),
            input: Input::Start(Vec::new()),
            cutter: LineCutter::new(piece),
            blank: 0,
            total: 0,
            format: None,
        }
    }

    /// Takes bytes from `input` at `at`, and moves `at` on; returns a piece before it takes more than
    /// that has.
    ///
    /// # Errors
    /// How the object ended, if it cannot be read on.
    pub(super) fn feed(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Piece>, Ending> {
        if let Input::Start(start) = &mut self.input {
            let take = (MAGIC - start.len()).min(input.len() - *at);
            start.extend_from_slice(&input[*at..*at + take]);
            *at += take;
            if start.len() < MAGIC {
                return Ok(None);
            }
            self.open()?;
        }
        loop {
            if let Some(piece) = self.full_piece()? {
                return Ok(Some(piece));
            }
            if *at == input.len() {
                return Ok(None);
            }
            self.inflate(input, at)?;
        }
    }

    /// The whole lines so far, though they do not make a full piece.
    ///
    /// # Errors
    /// As those of [`feed`](Self::feed).
    pub(super) fn lines_so_far(&mut self) -> Result<Option<Piece>, Ending> {
        if self.format.is_none() && !self.has_head() {
            return Ok(None);
        }
        let format = self.format_or_end()?;
        let cut = self.cutter.whole_lines();
        Ok(cut.map(|lines| self.piece(format, lines)))
    }

    /// Ends the object.
    pub(super) fn end(&mut self) -> Ending {
        match self.try_end() {
            Ok(ending) | Err(ending) => ending,
        }
    }

    fn piece(&mut self, format: &'static LogFormat, lines: Lines) -> Piece {
        Piece {
            format,
            key: Arc::clone(&self.key),
            blank: std::mem::take(&mut self.blank),
            lines,
        }
    }

    fn full_piece(&mut self) -> Result<Option<Piece>, Ending> {
        if !self.cutter.is_full() {
            return Ok(None);
        }
        let format = self.format_or_end()?;
        let cut = self.cutter.full();
        Ok(cut.map(|lines| self.piece(format, lines)))
    }

    /// The encoding is known: what was held back goes through.
    fn open(&mut self) -> Result<(), Ending> {
        let Input::Start(start) = &mut self.input else {
            return Ok(());
        };
        let start = std::mem::take(start);
        let inflater = Inflater::new(Encoding::of(&start))
            .map_err(|error| Ending::at_once(Verdict::Failed(Failure::from(error))))?;
        self.input = Input::Open(inflater);
        let mut at = 0;
        while at < start.len() {
            self.inflate(&start, &mut at)?;
        }
        Ok(())
    }

    fn inflate(&mut self, input: &[u8], at: &mut usize) -> Result<(), Ending> {
        let Input::Open(inflater) = &mut self.input else {
            return Ok(());
        };
        let (text, mut limit) = self.cutter.room();
        let before = text.len();
        if self.format.is_none() {
            limit = limit.min(before + HEAD);
        }
        let used = inflater.push(&input[*at..], text, limit);
        self.total += (text.len() - before) as u64;
        if self.total > self.rules.max_object {
            let failure = Failure::too_large(self.rules.max_object);
            return Err(Ending::at_once(Verdict::Failed(failure)));
        }
        if self.format.is_none() {
            self.blank += self.cutter.skip_start(formats::after_blank_lines);
            if used.is_ok() && self.has_head() {
                self.format_or_end()?;
            }
        }
        match used {
            Ok(used) => {
                *at += used;
                Ok(())
            }
            Err(error) => Err(self.damaged(error.into())),
        }
    }

    /// Whether there is enough text to find the format by: some, and a whole line of it.
    fn has_head(&self) -> bool {
        let text = self.cutter.text();
        let enough = text.len() >= HEAD && memchr::memchr(b'\n', text).is_some();
        enough || text.len() > MAX_LINE
    }

    fn format_or_end(&mut self) -> Result<&'static LogFormat, Ending> {
        let found = match self.format {
            Some(format) => Ok(format),
            None => choose(self.cutter.text(), &self.rules),
        };
        let format = found.map_err(Ending::at_once)?;
        self.format = Some(format);
        self.cutter.watch_headers_of(format);
        Ok(format)
    }

    fn damaged(&mut self, failure: Failure) -> Ending {
        if self.rules.keep_partial {
            self.cutter.drop_unfinished_line();
            match self.format_or_end() {
                Ok(format) => return self.finish(format, true),
                Err(ending) if ending.is_unwanted() => return ending,
                // What little there is before the damage says nothing about the rest.
                Err(_) => {}
            }
        }
        Ending::at_once(Verdict::Failed(failure))
    }

    fn try_end(&mut self) -> Result<Ending, Ending> {
        if matches!(self.input, Input::Start(_)) {
            self.open()?;
        }
        if let Input::Open(inflater) = &self.input
            && let Err(error) = inflater.finish()
        {
            return Err(self.damaged(error.into()));
        }
        let format = self.format_or_end()?;
        Ok(self.finish(format, false))
    }

    fn finish(&mut self, format: &'static LogFormat, partial: bool) -> Ending {
        let mut pieces = VecDeque::new();
        while let Some(lines) = self.cutter.rest() {
            pieces.push_back(self.piece(format, lines));
        }
        Ending {
            read: Ok((format, partial)),
            pieces,
        }
    }
}

impl Ending {
    /// The end of an object that is not read.
    pub(super) fn at_once(verdict: Verdict) -> Self {
        Self {
            read: Err(Box::new(verdict)),
            pieces: VecDeque::new(),
        }
    }

    /// What became of the object, whose pieces hold these lines.
    pub(super) fn verdict(self, counts: Counts) -> Verdict {
        match self.read {
            Ok((format, partial)) => Verdict::Done {
                format,
                counts,
                partial,
            },
            Err(verdict) => *verdict,
        }
    }

    fn is_unwanted(&self) -> bool {
        matches!(&self.read, Err(verdict) if matches!(**verdict, Verdict::Unwanted))
    }
}
