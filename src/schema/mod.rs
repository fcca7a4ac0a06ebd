//! The vocabulary that log formats are written in.
//!
//! A log format is data: one table of fields drives the tokeniser, the Arrow schema, the Parquet
//! options, the help text and the tests. `formats` fills the vocabulary in, `parse` and `table`
//! read it, and neither knows the other.

mod keytime;
mod layout;
pub mod values;

pub use keytime::{KeyPeriod, KeyStamp, key_period, key_stamp};
pub use layout::{Column, Layout, Source};

/// One log format, complete.
#[derive(Debug)]
pub struct LogFormat {
    /// Value of `--format`, for example `s3-access`.
    pub name: &'static str,
    /// Table name in the dataset, for example `s3_access`.
    pub table: &'static str,
    /// One sentence for help texts.
    pub about: &'static str,
    /// Where the vendor defines the format.
    pub spec: &'static str,
    /// How a line is cut into fields.
    pub syntax: Syntax,
    /// The fields in wire order.
    pub fields: &'static [Field],
    /// Fewest fields a line may have; older variants end early and the rest is null.
    pub min_fields: usize,
    /// Columns computed from fields or from the object's name; they stand after the fields.
    pub derived: &'static [Derived],
    /// Which fields carry the event time.
    pub event_time: EventTime,
    /// Whether an object's name looks like this format's. A hint for `list`, never proof.
    pub names: fn(key: &str) -> bool,
    /// Whether the first lines of an object are of this format.
    pub detect: fn(line: &[u8]) -> bool,
    /// Real-looking lines with what they must give; they are tests and documentation.
    pub samples: &'static [Sample],
}

/// How a line is cut into fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Fields separated by single spaces; some stand in brackets or quotes (see [`Quoting`]).
    Spaced,
    /// Fields separated by tabs; a line that starts with `#Fields:` names the columns that follow.
    Tabbed,
}

/// How a field is written in a [`Syntax::Spaced`] line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// A token without spaces.
    Bare,
    /// `[...]`, with spaces inside.
    Brackets,
    /// `"..."` whose content comes from a client and may hold spaces and unescaped quotes, or a
    /// bare `-`. Neighbouring quoted fields are either all quoted or all bare.
    Quotes,
    /// Like [`Quoting::Quotes`], and the content normally ends in ` HTTP/x.y`: where several ends
    /// are possible, the first one after a version is taken.
    RequestLine,
}

/// What a field holds, and so how it is converted and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text that repeats: stored with a dictionary.
    Text,
    /// Text that hardly ever repeats (request ids): stored plain.
    Id,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Decimal number.
    Double,
    /// `Yes` is true; anything else does not convert.
    Yes,
    /// Object key, percent-encoded as often as its operation says (see [`values::key_decodings`]).
    Key {
        /// Wire name of the field that holds the operation.
        operation: &'static str,
    },
    /// Part of the event time; has no column of its own.
    EventTime,
}

/// One field of a format, in the vendor's words.
#[derive(Debug)]
pub struct Field {
    /// The vendor's name, as in a `#Fields:` header.
    pub wire: &'static str,
    /// Column name: the vendor's name in lower snake case.
    pub column: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How it is written.
    pub quoting: Quoting,
    /// One phrase for documentation, with the unit.
    pub about: &'static str,
}

/// A column that is computed.
#[derive(Debug)]
pub struct Derived {
    /// Column name.
    pub column: &'static str,
    /// Where it comes from.
    pub from: From,
    /// One phrase for documentation.
    pub about: &'static str,
}

/// Source of a [`Derived`] column.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// The undecoded text of a [`Kind::Key`] field, only where encoding the decoded key again does
    /// not give the same text.
    RawKey(&'static str),
    /// A part of a request line such as `GET /path HTTP/1.1`, held by the named field.
    RequestLine(&'static str, RequestPart),
    /// A piece of the object's name.
    ObjectName(fn(key: &str) -> Option<&str>),
}

/// The three parts of a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// `GET`
    Method,
    /// `/path?query`
    Path,
    /// `HTTP/1.1`
    Version,
}

/// Which fields carry the event time, by wire name.
#[derive(Clone, Copy, Debug)]
pub enum EventTime {
    /// One field of the form `06/Feb/2019:00:00:38 +0000`.
    CommonLog(&'static str),
    /// Two fields, `2019-12-04` and `21:02:31`, in UTC.
    DateAndTime(&'static str, &'static str),
}

/// A line with what it must give.
#[derive(Debug)]
pub struct Sample {
    /// What the sample shows.
    pub about: &'static str,
    /// Header line that stands before it, or nothing.
    pub header: &'static str,
    /// The line, without line end.
    pub line: &'static [u8],
    /// What must come out.
    pub expect: Expect,
}

/// What a [`Sample`] must give.
#[derive(Debug)]
pub enum Expect {
    /// A row with these columns, written as JSON writes them; `null` for a null.
    Row(&'static [(&'static str, &'static str)]),
    /// A reject whose reason contains this text.
    Reject(&'static str),
}

impl LogFormat {
    /// Position of the field with this wire name.
    pub fn field_index(&self, wire: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.wire == wire)
    }
}
