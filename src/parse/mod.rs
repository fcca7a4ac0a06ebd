//! Bytes to columns: inflate, cut lines into fields, convert fields, collect rejects.
//!
//! Everything here is synchronous and pure, takes bytes in pieces of any size, and never panics
//! on input. It knows the vocabulary of `schema` but no concrete format.

mod columns;
mod decoder;
mod fingerprint;
mod inflate;
mod interner;
mod reject;
mod spaced;
mod tabbed;
mod text;

pub use decoder::{Batch, Counts, Decoder, MAX_LINE, Reject};
pub use fingerprint::{Fingerprint, Prints};
pub use inflate::{Encoding, InflateError, Inflater};
pub use text::{TextFormat, TextWriter};

/// Where a field stands in the text at hand; `NULL` where it is absent or `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const NULL: Self = Self {
        start: 0,
        len: u32::MAX,
    };

    /// The span of `line[from..to]` in a text where the line starts at `base`; `-` is null.
    fn of(line: &[u8], base: usize, from: usize, to: usize) -> Self {
        if line.get(from..to) == Some(b"-") {
            return Self::NULL;
        }
        // A text block is at most a few MiB and a line at most 1 MiB, so these never saturate.
        Self {
            start: u32::try_from(base + from).unwrap_or(0),
            len: u32::try_from(to - from).unwrap_or(u32::MAX),
        }
    }

    fn slice(self, text: &[u8]) -> Option<&[u8]> {
        if self.len == u32::MAX {
            return None;
        }
        text.get(self.start as usize..self.start as usize + self.len as usize)
    }
}

/// What a line has beyond the known fields.
#[derive(Debug, Default, PartialEq, Eq)]
enum Extra {
    #[default]
    None,
    /// The rest of the line, verbatim.
    Rest(Span),
    /// Columns under names that are not known.
    Named(String),
}
