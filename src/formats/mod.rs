//! The log formats, one file each, data only.
//!
//! A new format is one file with its [`LogFormat`] and a line in [`ALL`]; command-line value,
//! detection, parsing, table, Parquet schema and tests follow from the data.

mod cloudfront;
mod s3_access;

use crate::schema::LogFormat;

pub use cloudfront::CLOUDFRONT;
pub use s3_access::S3_ACCESS;

/// Every format there is.
pub static ALL: [&LogFormat; 2] = [&S3_ACCESS, &CLOUDFRONT];

/// How many lines at the start of an object are looked at to find its format.
const DETECTION_LINES: usize = 20;

/// The format with this name (`s3-access`) or table name (`s3_access`).
pub fn find(name: &str) -> Option<&'static LogFormat> {
    ALL.into_iter()
        .find(|format| format.name == name || format.table == name)
}

/// Names of all formats, for help and hints.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|format| format.name).collect()
}

/// Finds the format of an object by its first lines (`head` is already inflated).
///
/// # Errors
/// A phrase that says what the object seems to be when it is no log of a known format.
pub fn detect(head: &[u8]) -> Result<&'static LogFormat, String> {
    let head = after_blank_lines(head);
    if let Some(what) = magic(head) {
        return Err(format!("not a log: it is {what}"));
    }
    let lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .take(DETECTION_LINES);
    let mut first = None;
    for line in lines {
        if let Some(format) = ALL.into_iter().find(|format| (format.detect)(line)) {
            return Ok(format);
        }
        first.get_or_insert(line);
    }
    Err(match first {
        None => "not a log: it holds no line".to_owned(),
        Some(line) => unknown(line),
    })
}

/// The text behind the blank lines that it begins with: they tell nothing of the format.
pub fn after_blank_lines(mut text: &[u8]) -> &[u8] {
    while let [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] = text {
        text = rest;
    }
    text
}

/// How an object stands to the format that the user asked for.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// It is to be read as this format.
    Read(&'static LogFormat),
    /// It is of this other format than the one asked for.
    Other(&'static LogFormat),
}

/// Chooses how to read an object by its first lines and the format asked for, if any. Lines that no
/// format knows are read as the format asked for; a well-known file type is not.
///
/// # Errors
/// A phrase that says what the object seems to be when it is no log.
pub fn choose(head: &[u8], wanted: Option<&'static LogFormat>) -> Result<Choice, String> {
    match (detect(head), wanted) {
        (Ok(found), Some(wanted)) if !std::ptr::eq(found, wanted) => Ok(Choice::Other(found)),
        (Ok(found), _) => Ok(Choice::Read(found)),
        (Err(_), Some(wanted)) if magic(after_blank_lines(head)).is_none() && !is_blank(head) => {
            Ok(Choice::Read(wanted))
        }
        (Err(why), _) => Err(why),
    }
}

fn is_blank(head: &[u8]) -> bool {
    head.iter().all(u8::is_ascii_whitespace)
}

/// The format that an object's name suggests; `None` if its name says nothing.
pub fn by_name(key: &str) -> Option<&'static LogFormat> {
    ALL.into_iter()
        .find(|format| (format.names)(key) || is_merged(format, key))
}

/// Whether `merge` names its outputs like this.
fn is_merged(format: &LogFormat, key: &str) -> bool {
    let mut folders = key.rsplit('/');
    let name = folders.next().unwrap_or(key);
    name.contains(".merged.") && folders.next() == Some(format.table)
}

/// Well-known file types that end up in log buckets.
fn magic(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 9] = [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"PAR1", "a Parquet file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"GIF8", "a GIF image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"%PDF-", "a PDF document"),
        (b"ORC", "an ORC file"),
        (b"Obj\x01", "an Avro file"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    MAGIC
        .iter()
        .find(|(bytes, _)| head.starts_with(bytes))
        .map(|(_, what)| *what)
}

/// Words for a first line that no format knows.
fn unknown(line: &[u8]) -> String {
    let known = names().join(", ");
    let starts = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| line.starts_with(prefix));
    let seems = if starts(&[b"http ", b"https ", b"h2 ", b"grpcs ", b"ws ", b"wss "]) {
        " (it looks like a load balancer access log)"
    } else if starts(&[b"tls 2"]) {
        " (it looks like a network load balancer log)"
    } else if starts(&[b"{"]) {
        " (it looks like JSON)"
    } else if starts(&[b"version account-id", b"2 ", b"3 ", b"4 ", b"5 "]) {
        " (it looks like a VPC flow log)"
    } else {
        ""
    };
    format!("no known log format{seems}; known are {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_log_is_named() {
        assert!(detect(b"\x89PNG\r\n\x1a\n....").is_err_and(|why| why.contains("PNG")));
        assert!(detect(b"PAR1xxxx").is_err_and(|why| why.contains("Parquet")));
        assert!(detect(b"").is_err_and(|why| why.contains("no line")));
        assert!(
            detect(b"https 2018-07-02T22:23:00.186641Z app/my-lb/1 ...")
                .is_err_and(|why| why.contains("load balancer"))
        );
        assert!(detect(b"hello\nworld\n").is_err_and(|why| why.contains("s3-access, cloudfront")));
    }

    #[test]
    fn a_wanted_format_selects_and_helps_out() {
        let head = S3_ACCESS.samples[0].line;
        let choice = |head: &[u8], wanted| match choose(head, wanted) {
            Ok(Choice::Read(format)) => format!("read {}", format.name),
            Ok(Choice::Other(format)) => format!("other {}", format.name),
            Err(why) => why,
        };
        assert_eq!(choice(head, None), "read s3-access");
        assert_eq!(choice(head, Some(&S3_ACCESS)), "read s3-access");
        assert_eq!(choice(head, Some(&CLOUDFRONT)), "other s3-access");
        assert_eq!(choice(b"who knows\n", Some(&CLOUDFRONT)), "read cloudfront");
        assert!(choice(b"PAR1", Some(&CLOUDFRONT)).contains("Parquet"));
        assert!(choice(b"\n", Some(&CLOUDFRONT)).contains("no line"));
    }

    #[test]
    fn a_bad_first_line_does_not_hide_the_format() {
        let mut head = b"garbage\n".to_vec();
        head.extend(S3_ACCESS.samples[0].line);
        assert_eq!(detect(&head).map(|format| format.name), Ok("s3-access"));
    }
}
