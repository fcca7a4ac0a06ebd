//! Text to typed values: times, numbers, request lines, percent-encoded keys.

mod numbers;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::units::Day;

use super::RequestPart;

pub use numbers::{decimal, decimal_at, integer, integer_at};

/// Parses dates, remembering the last one: neighbouring lines share it.
#[derive(Debug, Default)]
pub struct DateCache {
    text: [u8; 11],
    len: usize,
    start: i64,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

fn two(text: &[u8]) -> Option<u32> {
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = text else {
        return None;
    };
    Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

fn year(text: &[u8]) -> Option<i32> {
    let value = two(text.get(..2)?)? * 100 + two(text.get(2..)?)?;
    i32::try_from(value).ok()
}

/// `hh:mm:ss` to microseconds; a leap second counts as the first of the next minute.
fn clock(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *text else {
        return None;
    };
    let (hour, minute, second) = (two(&[h1, h2])?, two(&[m1, m2])?, two(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(i64::from(hour * 3600 + minute * 60 + second) * 1_000_000)
}

impl DateCache {
    fn start(&mut self, text: &[u8], parse: fn(&[u8]) -> Option<Day>) -> Option<i64> {
        if self.len != text.len() || self.text.get(..self.len) != Some(text) {
            let start = parse(text)?.start_micros();
            self.text.get_mut(..text.len())?.copy_from_slice(text);
            (self.len, self.start) = (text.len(), start);
        }
        Some(self.start)
    }

    /// `06/Feb/2019:00:00:38 +0000` to microseconds UTC (S3 User Guide, "`LogFormat`", field Time).
    pub fn common_log(&mut self, text: &[u8]) -> Option<i64> {
        if text.len() != 26 || text[11] != b':' || text[20] != b' ' {
            return None;
        }
        let date = self.start(&text[..11], |text| {
            let month = MONTHS.iter().position(|name| name[..] == text[3..6])?;
            if text[2] != b'/' || text[6] != b'/' {
                return None;
            }
            Day::from_ymd(
                year(&text[7..])?,
                u32::try_from(month).ok()? + 1,
                two(&text[..2])?,
            )
        })?;
        let time = clock(&text[12..20])?;
        let (hours, minutes) = (two(&text[22..24])?, two(&text[24..])?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = i64::from(hours * 3600 + minutes * 60) * 1_000_000;
        match text[21] {
            b'+' => Some(date + time - offset),
            b'-' => Some(date + time + offset),
            _ => None,
        }
    }

    /// `2019-12-04` and `21:02:31` to microseconds UTC.
    pub fn date_and_time(&mut self, date: &[u8], time: &[u8]) -> Option<i64> {
        if date.len() != 10 {
            return None;
        }
        let start = self.start(date, |text| {
            if text[4] != b'-' || text[7] != b'-' {
                return None;
            }
            Day::from_ymd(year(&text[..4])?, two(&text[5..7])?, two(&text[8..])?)
        })?;
        Some(start + clock(time)?)
    }
}

/// Splits a request line into method, path and HTTP version.
///
/// `None` where it does not split: the method must be upper-case letters, the version may be
/// missing (the GET record of a copy has none), and spaces inside the path are kept.
pub fn request_line(line: &str) -> Option<(&str, &str, Option<&str>)> {
    let (method, rest) = line.split_once(' ')?;
    if method.is_empty()
        || !method
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'-')
    {
        return None;
    }
    match rest.rsplit_once(' ') {
        Some((path, version)) if version.starts_with("HTTP/") => {
            Some((method, path, Some(version)))
        }
        _ => Some((method, rest, None)),
    }
}

/// Picks one part of a request line.
pub fn request_part(line: &str, part: RequestPart) -> Option<&str> {
    let (method, path, version) = request_line(line)?;
    match part {
        RequestPart::Method => Some(method),
        RequestPart::Path => Some(path),
        RequestPart::Version => version,
    }
}

/// How often the key of an S3 access log record is percent-encoded.
///
/// Most operations log it encoded twice, `BATCH.DELETE.OBJECT` and the lifecycle operations `S3.*`
/// once; the value alone cannot tell (`foo-%2525Y`). Source: Yelp Engineering, 2025-09-26, "S3
/// server access logs at scale".
pub fn key_decodings(operation: &str) -> u8 {
    if operation == "BATCH.DELETE.OBJECT" || operation.starts_with("S3.") {
        1
    } else {
        2
    }
}

/// How a key was percent-encoded: as often as its operation says, and each way in its own style.
///
/// Encoded twice, a space is `%2520` and `+` stands for itself; encoded once, a space is `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    times: u8,
    plus_is_space: bool,
}

impl Style {
    fn of(times: u8) -> Self {
        Self {
            times,
            plus_is_space: times == 1,
        }
    }
}

/// Percent-decodes once; a `%` without two hex digits stays as it is.
fn percent_decode(text: &[u8], plus_is_space: bool) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let decoded = match text[at] {
            b'%' => hex(text.get(at + 1)).zip(hex(text.get(at + 2))),
            _ => None,
        };
        if let Some((high, low)) = decoded {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            at += 3;
        } else {
            out.push(if text[at] == b'+' && plus_is_space {
                b' '
            } else {
                text[at]
            });
            at += 1;
        }
    }
    Cow::Owned(out)
}

/// Percent-decodes once. A `+` stays, as it means a space in some places only; what is no UTF-8 then is
/// `\xHH`.
pub fn url_decode(text: &str) -> Cow<'_, str> {
    match percent_decode(text.as_bytes(), false) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(clean_utf8(&bytes).0.into_owned()),
    }
}

/// Whether S3 writes this byte of a key into its logs as it is.
fn stays(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'/' | b'~')
}

/// Percent-encodes once.
fn percent_encode(text: &[u8], plus_is_space: bool) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match *byte {
            b' ' if plus_is_space => out.push(b'+'),
            byte if stays(byte) => out.push(byte),
            byte => out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out
}

/// A key in its plain form, and the logged form where the plain one does not lead back to it.
#[derive(Debug, PartialEq, Eq)]
pub struct PlainKey<'a> {
    /// The decoded key.
    pub key: Cow<'a, [u8]>,
    /// The logged text, if encoding `key` again gives something else.
    pub raw: Option<&'a [u8]>,
}

/// Decodes a logged key `times` times (1 or 2).
pub fn plain_key(logged: &[u8], times: u8) -> PlainKey<'_> {
    if logged.iter().all(|byte| stays(*byte)) {
        return PlainKey {
            key: Cow::Borrowed(logged),
            raw: None,
        };
    }
    let style = Style::of(times);
    let mut key = percent_decode(logged, style.plus_is_space);
    for _ in 1..style.times {
        key = Cow::Owned(percent_decode(&key, style.plus_is_space).into_owned());
    }
    let raw = (logged_key(&key, times) != logged).then_some(logged);
    PlainKey { key, raw }
}

/// The text under which S3 logs a key.
fn logged_key(key: &[u8], times: u8) -> Vec<u8> {
    let style = Style::of(times);
    let mut text = percent_encode(key, style.plus_is_space);
    for _ in 1..style.times {
        text = percent_encode(&text, style.plus_is_space);
    }
    text
}

/// Text for a column: valid UTF-8 as it is, each invalid byte as `\xHH`.
///
/// Returns whether anything had to be escaped.
pub fn clean_utf8(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), false);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    (Cow::Owned(out), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_with_offsets_and_bad_ones() {
        let mut cache = DateCache::default();
        let utc = cache
            .common_log(b"06/Feb/2019:00:00:38 +0000")
            .expect("a time");
        assert_eq!(crate::units::rfc3339(utc), "2019-02-06T00:00:38Z");
        let west = cache
            .common_log(b"06/Feb/2019:00:00:38 -0500")
            .expect("a time");
        assert_eq!(west - utc, 5 * 3600 * 1_000_000);
        for bad in [
            "32/Feb/2019:00:00:38 +0000",
            "06/Foo/2019:00:00:38 +0000",
            "06/Feb/2019:24:00:38 +0000",
            "06/Feb/2019:00:00:38",
            "06/Feb/2019:00:00:38 +9900",
            "06/Feb/2019:00:00:38 +0060",
            "06/Feb/2019:00:00:38 00000",
        ] {
            assert_eq!(cache.common_log(bad.as_bytes()), None, "{bad}");
        }
        let w3c = cache
            .date_and_time(b"2019-02-06", b"00:00:38")
            .expect("a time");
        assert_eq!(w3c, utc);
        assert_eq!(cache.date_and_time(b"2019-02-30", b"00:00:38"), None);
        assert_eq!(cache.date_and_time(b"2019-02-06", b"0:00:38"), None);
    }

    #[test]
    fn request_lines() {
        assert_eq!(
            request_line("GET /a b?c HTTP/1.1"),
            Some(("GET", "/a b?c", Some("HTTP/1.1")))
        );
        assert_eq!(
            request_line("GET /bucket/key"),
            Some(("GET", "/bucket/key", None))
        );
        assert_eq!(request_line("get /"), None);
        assert_eq!(request_line("-"), None);
    }

    #[test]
    fn keys_are_decoded_by_operation() {
        assert_eq!(key_decodings("REST.GET.OBJECT"), 2);
        assert_eq!(key_decodings("BATCH.DELETE.OBJECT"), 1);
        assert_eq!(key_decodings("S3.EXPIRE.OBJECT"), 1);
        assert_eq!(plain_key(b"foo-%2525Y", 2).key, &b"foo-%Y"[..]);
        assert_eq!(plain_key(b"foo-%2525Y", 1).key, &b"foo-%25Y"[..]);
        assert_eq!(
            plain_key(b"a%2522b", 2),
            PlainKey {
                key: Cow::Owned(b"a\"b".to_vec()),
                raw: None
            }
        );
        assert_eq!(
            plain_key(b"Screen+Shot", 1),
            PlainKey {
                key: Cow::Owned(b"Screen Shot".to_vec()),
                raw: None
            }
        );
        assert_eq!(plain_key(b"odd%zz", 2).raw, Some(&b"odd%zz"[..]));
    }

    #[test]
    fn invalid_bytes_are_shown_and_reported() {
        assert_eq!(
            clean_utf8("käse".as_bytes()),
            (Cow::Borrowed("käse"), false)
        );
        assert_eq!(clean_utf8(b"a\xffb\xc3").0, "a\\xFFb\\xC3");
        assert!(clean_utf8(b"\xff").1);
    }

    proptest! {
        #[test]
        fn a_key_can_always_be_led_back(key in proptest::collection::vec(any::<u8>(), 0..40), times in 1u8..=2) {
            let plain = plain_key(&key, times);
            prop_assert!(plain.raw == Some(&key[..]) || logged_key(&plain.key, times) == key);
        }

        #[test]
        fn encoded_keys_decode_to_themselves(key in proptest::collection::vec(any::<u8>(), 0..40), times in 1u8..=2) {
            let logged = logged_key(&key, times);
            let plain = plain_key(&logged, times);
            prop_assert_eq!(&plain.key[..], &key[..]);
            prop_assert_eq!(plain.raw, None);
        }
    }
}
