//! Lines on their way from objects to an output, and the header lines between them.
//!
//! Every line keeps its bytes. Of formats whose header names the columns, `#Version:` and
//! `#Fields:` lines are left out where they say what the output says already, and a bare
//! `#Fields:` is put before lines without a header that follow lines with one: it means "by
//! position" again.

use memchr::{memchr, memchr_iter};

use crate::parse::MAX_LINE;
use crate::schema::{LogFormat, Syntax};

const FIELDS: &[u8] = b"#Fields:";
const VERSION: &[u8] = b"#Version:";

/// What the header lines in a text say at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The columns, separated by single spaces; none means by position.
    fields: Vec<u8>,
    /// The last version line, without line end.
    version: Vec<u8>,
}

/// Lines by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LineCounts {
    /// Lines written, header lines included.
    pub(super) written: u64,
    /// Header lines left out.
    pub(super) repeated: u64,
}

/// Passes the lines of one object on, in pieces of any size. Holds one header line at most.
#[derive(Debug)]
pub(super) struct Lines {
    tabbed: bool,
    output: Header,
    /// Columns that the object has named so far.
    fields: Vec<u8>,
    /// A version line that waits for the `#Fields:` line it belongs to.
    version: Option<Vec<u8>>,
    /// A line that starts with `#` and has not ended.
    carry: Vec<u8>,
    /// Whether the last bytes passed on were the beginning of a line.
    inside: bool,
    counts: LineCounts,
}

impl Lines {
    /// For an object that follows what `output` says.
    pub(super) fn new(format: &LogFormat, output: Header) -> Self {
        Self {
            tabbed: format.syntax == Syntax::Tabbed,
            output,
            fields: Vec::new(),
            version: None,
            carry: Vec::new(),
            inside: false,
            counts: LineCounts::default(),
        }
    }

    /// Takes the next bytes of the object and appends what is to be written to `out`.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.tabbed {
            self.pass(bytes, out);
            return;
        }
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (piece, after) = rest.split_at(end);
            rest = after;
            let header = !self.inside && (*first == b'#' || !self.carry.is_empty());
            if header {
                self.carry.extend_from_slice(piece);
                let length = self.carry.len() - usize::from(self.carry.ends_with(b"\n"));
                if length > MAX_LINE {
                    // Too long to be read as a header: it will be a reject like any other.
                    let line = std::mem::take(&mut self.carry);
                    self.pass(&line, out);
                } else if self.carry.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.carry);
                    self.header_line(&line, out);
                }
            } else {
                if !self.inside && *first != b'\n' {
                    self.before_data(out);
                }
                self.pass(piece, out);
            }
        }
    }

    /// Ends the object, with a line end if it has none, and tells what the output says now.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> (Header, LineCounts) {
        if !self.carry.is_empty() {
            let mut line = std::mem::take(&mut self.carry);
            line.push(b'\n');
            self.header_line(&line, out);
        }
        if self.inside {
            self.pass(b"\n", out);
        }
        self.settle_version(out);
        (self.output, self.counts)
    }

    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.counts.written += memchr_iter(b'\n', bytes).count() as u64;
        if let Some(last) = bytes.last() {
            self.inside = *last != b'\n';
        }
        out.extend_from_slice(bytes);
    }

    fn header_line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if let Some(list) = text.strip_prefix(FIELDS) {
            self.fields = columns(list);
            if self.fields == self.output.fields {
                self.counts.repeated += 1;
                self.settle_version(out);
            } else {
                if let Some(version) = self.version.take() {
                    self.write_version(&version, out);
                }
                self.pass(line, out);
                self.output.fields.clone_from(&self.fields);
            }
        } else if text.starts_with(VERSION) {
            self.settle_version(out);
            self.version = Some(line.to_vec());
        } else {
            self.settle_version(out);
            self.pass(line, out);
        }
    }

    /// A version line stands alone, or before columns that need not be named again.
    fn settle_version(&mut self, out: &mut Vec<u8>) {
        if let Some(line) = self.version.take() {
            if line.trim_ascii_end() == self.output.version {
                self.counts.repeated += 1;
            } else {
                self.write_version(&line, out);
            }
        }
    }

    fn write_version(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.output.version = line.trim_ascii_end().to_vec();
        self.pass(line, out);
    }

    fn before_data(&mut self, out: &mut Vec<u8>) {
        self.settle_version(out);
        // They can only differ where the object has named none.
        if self.fields != self.output.fields {
            self.pass(b"#Fields:\n", out);
            self.output.fields.clear();
        }
    }
}

fn columns(list: &[u8]) -> Vec<u8> {
    let names: Vec<&[u8]> = list
        .split(u8::is_ascii_whitespace)
        .filter(|name| !name.is_empty())
        .collect();
    names.join(&b' ')
}

/// Whether lines stand before any header that names columns, as far as the text goes.
pub(super) fn starts_by_position(format: &LogFormat, text: &[u8]) -> bool {
    if format.syntax != Syntax::Tabbed {
        return true;
    }
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.strip_prefix(FIELDS) {
            Some(list) if !columns(list).is_empty() => return false,
            None if !line.is_empty() && !line.starts_with(b"#") => return true,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{CLOUDFRONT, S3_ACCESS};

    /// Merges objects, pushed in pieces of the given size.
    fn merge(format: &LogFormat, objects: &[&[u8]], piece: usize) -> (Vec<u8>, LineCounts) {
        let (mut out, mut header, mut counts) =
            (Vec::new(), Header::default(), LineCounts::default());
        for object in objects {
            let mut lines = Lines::new(format, header);
            for part in object.chunks(piece) {
                lines.push(part, &mut out);
            }
            let (after, more) = lines.finish(&mut out);
            header = after;
            counts.written += more.written;
            counts.repeated += more.repeated;
        }
        (out, counts)
    }

    #[test]
    fn headers_are_written_when_they_say_something_new() {
        let objects: [&[u8]; 6] = [
            b"0\t0",
            b"#Version: 1.0\n#Fields: a b\n1\t1\n\r\n#Remark: kept\n",
            b"#Version: 1.0\r\n#Fields:  a\tb\r\n2\t2\r\n\xff\xfe",
            b"#Version: 1.0\n#Fields: b a\n3\t3\n",
            b"4\t4\n#Fields: b a\n5\t5\n",
            b"#Version: 1.0\n#Fields: b a",
        ];
        let expect: &[u8] = b"0\t0\n#Version: 1.0\n#Fields: a b\n1\t1\n\r\n#Remark: kept\n2\t2\r\n\xff\xfe\n#Version: 1.0\n#Fields: b a\n3\t3\n#Fields:\n4\t4\n#Fields: b a\n5\t5\n";
        for piece in [1, 2, 5, 1000] {
            let (out, counts) = merge(&CLOUDFRONT, &objects, piece);
            assert_eq!(
                String::from_utf8_lossy(&out),
                String::from_utf8_lossy(expect)
            );
            assert!(out == expect);
            assert_eq!(
                counts,
                LineCounts {
                    written: 15,
                    repeated: 4
                }
            );
        }
    }

    #[test]
    fn other_formats_know_no_header() {
        let objects: [&[u8]; 3] = [b"#Fields: a\n\n", b"", b"#Fields: a\r"];
        let (out, counts) = merge(&S3_ACCESS, &objects, 3);
        assert_eq!(out, b"#Fields: a\n\n#Fields: a\r\n");
        assert_eq!(
            counts,
            LineCounts {
                written: 3,
                repeated: 0
            }
        );
    }

    #[test]
    fn a_line_too_long_for_a_header_is_kept() {
        let mut long = b"#Fields: ".to_vec();
        long.resize(MAX_LINE + 1, b'x');
        let (out, counts) = merge(&CLOUDFRONT, &[&long, &long], 1000);
        assert_eq!((out.len(), counts.written), (2 * (MAX_LINE + 2), 2));
        let (out, _) = merge(&CLOUDFRONT, &[&long[..MAX_LINE], &long[..MAX_LINE]], 1000);
        assert_eq!(out.len(), MAX_LINE + 1, "long, and a header");
    }

    #[test]
    fn the_first_line_that_counts_decides() {
        let by_position = |text: &[u8]| starts_by_position(&CLOUDFRONT, text);
        assert!(by_position(b"\r\n1\t2\n#Fields: a\n"));
        assert!(by_position(b"#Fields:\n1\t2\n"));
        assert!(!by_position(b"#Version: 1.0\n\n#Fields: a"));
    }
}
