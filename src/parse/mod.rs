//! Bytes to columns: inflate, cut lines into fields, convert fields, collect rejects.
//!
//! Everything here is synchronous and pure, takes bytes in pieces of any size, and never panics
//! on input. It knows the vocabulary of `schema` but no concrete format.

mod columns;
mod decoder;
mod fingerprint;
mod inflate;
mod interner;
mod lines;
mod reject;
mod scan;
mod spaced;
mod tabbed;
mod text;

pub use decoder::{Batch, Counts, Decoder, MAX_LINE, Reject};
pub use fingerprint::{Fingerprint, Prints};
pub use inflate::{Encoding, InflateError, Inflater, WholeInflater};
pub use lines::{LineCutter, Lines, SHORT_LINE};
pub use text::{TextFormat, TextWriter};

/// Which fields a line has: `width` of them, from the block's field `first` on.
#[derive(Clone, Copy, Debug)]
struct Line {
    first: u32,
    width: u32,
}

impl Line {
    /// Where the block keeps a field of the line, if the line has it.
    #[inline]
    fn at(self, field: usize) -> Option<usize> {
        (field < self.width as usize).then_some(self.first as usize + field)
    }
}

/// Where a value begins in the text, and its length.
type Place = (usize, usize);

/// The place `text[from..to]`; none of `-`, which is a null.
#[inline]
fn place(text: &[u8], from: u32, to: u32) -> Option<Place> {
    let (from, to) = (from as usize, to as usize);
    let value = text.get(from..to)?;
    (value != b"-").then_some((from, value.len()))
}

/// What a line has beyond the known fields.
#[derive(Debug, Default, PartialEq, Eq)]
enum Extra {
    #[default]
    None,
    /// The rest of the line, verbatim: from where to where it stands in the text.
    Rest(u32, u32),
    /// Columns under names that are not known.
    Named(String),
}

/// A position in a text. Texts are handed on in pieces of at most 2^30 bytes.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
