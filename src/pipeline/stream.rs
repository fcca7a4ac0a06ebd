//! Objects of any size to rows, piece by piece, in bounded memory.

use crate::formats;
use crate::parse::{Batch, Decoder, Encoding, Inflater, MAX_LINE, Reject};
use crate::schema::LogFormat;

use super::decode::{Failure, Rules, Verdict, choose, flush};

/// Text that is inflated before it is decoded.
const TEXT: usize = 1 << 20;

/// Text that is looked at to find the format.
const HEAD: usize = 64 << 10;

/// Bytes that tell the encoding.
const MAGIC: usize = 4;

/// A push machine for one object: bytes in, rows out.
///
/// Bound: 1 MiB of text, one line, the inflater's window, and rows up to the limit given.
#[derive(Debug)]
pub struct ObjectStream {
    rules: Rules,
    key: String,
    rows: usize,
    input: Input,
    text: Vec<u8>,
    /// Blank lines before the first other one.
    blank: u64,
    total: u64,
    decoder: Option<(&'static LogFormat, Decoder)>,
}

#[derive(Debug)]
enum Input {
    /// The first bytes, too few to know the encoding.
    Start(Vec<u8>),
    Open(Inflater),
}

/// Why [`ObjectStream::feed`] came back.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input was taken.
    Hungry,
    /// Rows should be taken before more input is fed.
    Full,
}

/// Rows and rejects of a stream.
#[derive(Debug)]
pub struct Taken {
    /// Their format.
    pub format: &'static LogFormat,
    /// The rows, if any.
    pub batch: Option<Batch>,
    /// The rejected lines.
    pub rejects: Vec<Reject>,
}

impl ObjectStream {
    /// A stream for the object `key`; `rows` bytes of rows make it [`Progress::Full`].
    pub fn new(key: &str, rules: Rules, rows: usize) -> Self {
        Self {
            rules,
            key: key.to_owned(),
            rows,
            input: Input::Start(Vec::new()),
            text: Vec::new(),
            blank: 0,
            total: 0,
            decoder: None,
        }
    }

    /// Takes bytes from `input` at `at`, and moves `at` on.
    ///
    /// # Errors
    /// The verdict on an object that cannot be read on. With `keep_partial`, the rows before a
    /// damage count, and the verdict is [`Verdict::Done`].
    pub fn feed(&mut self, input: &[u8], at: &mut usize) -> Result<Progress, Verdict> {
        if let Input::Start(start) = &mut self.input {
            let take = (MAGIC - start.len()).min(input.len() - *at);
            start.extend_from_slice(&input[*at..*at + take]);
            *at += take;
            if start.len() < MAGIC {
                return Ok(Progress::Hungry);
            }
            self.open()?;
        }
        while *at < input.len() {
            if self.is_full() {
                return Ok(Progress::Full);
            }
            self.inflate(input, at)?;
        }
        Ok(if self.is_full() {
            Progress::Full
        } else {
            Progress::Hungry
        })
    }

    /// Ends the object and tells what became of it.
    pub fn end(&mut self) -> Verdict {
        match self.try_end() {
            Ok(verdict) | Err(verdict) => verdict,
        }
    }

    /// The rows and rejects so far.
    pub fn take(&mut self) -> Option<Taken> {
        let (format, decoder) = self.decoder.as_mut()?;
        Some(Taken {
            format,
            batch: flush(decoder),
            rejects: decoder.take_rejects(),
        })
    }

    fn is_full(&self) -> bool {
        self.decoder
            .as_ref()
            .is_some_and(|(_, decoder)| decoder.memory() >= self.rows)
    }

    /// The encoding is known: what was held back goes through.
    fn open(&mut self) -> Result<(), Verdict> {
        let Input::Start(start) = &mut self.input else {
            return Ok(());
        };
        let start = std::mem::take(start);
        let inflater = Inflater::new(Encoding::of(&start))
            .map_err(|error| Verdict::Failed(Failure::from(error)))?;
        self.input = Input::Open(inflater);
        let mut at = 0;
        while at < start.len() {
            self.inflate(&start, &mut at)?;
        }
        Ok(())
    }

    fn inflate(&mut self, input: &[u8], at: &mut usize) -> Result<(), Verdict> {
        let Input::Open(inflater) = &mut self.input else {
            return Ok(());
        };
        let before = self.text.len();
        let used = inflater.push(&input[*at..], &mut self.text, before + TEXT);
        self.total += (self.text.len() - before) as u64;
        if self.total > self.rules.max_object {
            return Err(Verdict::Failed(Failure::too_large(self.rules.max_object)));
        }
        match used {
            Ok(used) => {
                *at += used;
                if self.decoder.is_none() {
                    self.drop_blank_lines();
                }
                if self.decoder.is_some() || self.has_head() {
                    self.decode()?;
                }
                Ok(())
            }
            Err(error) => Err(self.damaged(error.into())),
        }
    }

    /// Blank lines before the first other one are only counted.
    fn drop_blank_lines(&mut self) {
        let end = self.text.len() - formats::after_blank_lines(&self.text).len();
        self.blank += memchr::memchr_iter(b'\n', &self.text[..end]).count() as u64;
        drop(self.text.drain(..end));
    }

    /// Whether there is enough text to find the format by: some, and a whole line of it.
    fn has_head(&self) -> bool {
        let enough = self.text.len() >= HEAD && memchr::memchr(b'\n', &self.text).is_some();
        enough || self.text.len() > MAX_LINE
    }

    fn decode(&mut self) -> Result<(), Verdict> {
        if self.decoder.is_none() {
            let format = choose(&self.text, &self.rules)?;
            let mut decoder = Decoder::new(format).with_fingerprints(self.rules.fingerprints);
            decoder.begin(&self.key);
            for _ in 0..self.blank {
                decoder.decode(b"\n");
            }
            self.decoder = Some((format, decoder));
        }
        if let Some((_, decoder)) = &mut self.decoder {
            decoder.decode(&self.text);
        }
        self.text.clear();
        Ok(())
    }

    fn damaged(&mut self, failure: Failure) -> Verdict {
        if self.rules.keep_partial {
            let end = memchr::memrchr(b'\n', &self.text).map_or(0, |at| at + 1);
            self.text.truncate(end);
            match self.decode() {
                Ok(()) => return self.finish(true),
                Err(Verdict::Unwanted) => return Verdict::Unwanted,
                // What little there is before the damage says nothing about the rest.
                Err(_) => {}
            }
        }
        Verdict::Failed(failure)
    }

    fn try_end(&mut self) -> Result<Verdict, Verdict> {
        if matches!(self.input, Input::Start(_)) {
            self.open()?;
        }
        if let Input::Open(inflater) = &self.input
            && let Err(error) = inflater.finish()
        {
            return Err(self.damaged(error.into()));
        }
        self.decode()?;
        Ok(self.finish(false))
    }

    fn finish(&mut self, partial: bool) -> Verdict {
        match &mut self.decoder {
            Some((format, decoder)) => Verdict::Done {
                format,
                // The unfinished line of a damaged object is not one of its complete lines.
                counts: if partial {
                    decoder.abandon_line()
                } else {
                    decoder.end()
                },
                partial,
            },
            None => Verdict::Skipped("not a log: it holds no line".to_owned()),
        }
    }
}
