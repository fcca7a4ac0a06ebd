//! The time an object's name carries.
//!
//! S3 names log objects `…/YYYY-MM-DD-hh-mm-ss-Unique` (delivery time, or `00-00-00` for a whole
//! day of events), `CloudFront` `DISTRIBUTION.YYYY-MM-DD-HH.unique.gz`, and both can put
//! `YYYY/MM/DD` folders before it. Sources: S3 User Guide "`ServerLogs`", `CloudFront` Developer Guide
//! "standard-logging-legacy-s3".

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::units::{DAY_MICROS, Day};

const HOUR_MICROS: i64 = 3_600 * 1_000_000;

/// The span of time that an object's name stands for, in microseconds UTC; `until` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPeriod {
    /// First instant.
    pub from: i64,
    /// First instant after it.
    pub until: i64,
}

impl KeyPeriod {
    /// The day in which the period begins.
    pub fn day(self) -> Day {
        Day::of_micros(self.from)
    }
}

static IN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9])(\d{4})-(\d{2})-(\d{2})(?:-(\d{2})(?:-(\d{2})-(\d{2}))?)?(?:[^0-9]|$)")
        .expect("a constant pattern")
});

/// What `merge --by month` writes.
static MONTH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9])(\d{4})-(\d{2})\.merged\.").expect("a constant pattern")
});

static IN_FOLDERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/").expect("a constant pattern"));

/// Reads the time out of an object's key; `None` if it carries none.
pub fn key_period(key: &str) -> Option<KeyPeriod> {
    in_name(key)
        .or_else(|| in_folders(key))
        .map(|stamp| stamp.period)
        .or_else(|| month(key))
}

fn month(key: &str) -> Option<KeyPeriod> {
    let found = MONTH.captures(key.rsplit('/').next().unwrap_or(key))?;
    let year = i32::try_from(number(&found, 1)?).ok()?;
    let month = number(&found, 2)?;
    let next = if month == 12 {
        Day::from_ymd(year + 1, 1, 1)
    } else {
        Day::from_ymd(year, month + 1, 1)
    };
    Some(KeyPeriod {
        from: Day::from_ymd(year, month, 1)?.start_micros(),
        until: next?.start_micros(),
    })
}

/// Where a key carries its time, looking from its start: in its folders if they have one, else in
/// its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStamp {
    /// Where the year begins, in bytes.
    pub start: usize,
    /// What stands between year, month and day.
    pub separator: char,
    /// The time.
    pub period: KeyPeriod,
}

/// Finds the first time in a key, by which keys of a common head are in order.
pub fn key_stamp(key: &str) -> Option<KeyStamp> {
    in_folders(key).or_else(|| in_name(key))
}

fn in_name(key: &str) -> Option<KeyStamp> {
    let start = key.rfind('/').map_or(0, |slash| slash + 1);
    let name = key.get(start..)?;
    let mut stamp = if name.is_ascii() {
        fast_stamp(name, '-', name_at)
    } else {
        stamp(&IN_NAME, name, '-')
    }?;
    stamp.start += start;
    Some(stamp)
}

fn in_folders(key: &str) -> Option<KeyStamp> {
    if key.is_ascii() {
        fast_stamp(key, '/', folders_at)
    } else {
        stamp(&IN_FOLDERS, key, '/')
    }
}

/// Year, month, day, hour, minute, second, as far as they are given.
type Numbers = [Option<u32>; 6];

/// What a match has, and where it ends.
type Match = Option<(Numbers, usize)>;

fn stamp(pattern: &Regex, text: &str, separator: char) -> Option<KeyStamp> {
    pattern.captures_iter(text).find_map(|found| {
        Some(KeyStamp {
            start: found.get(1)?.start(),
            separator,
            period: period([1, 2, 3, 4, 5, 6].map(|group| number(&found, group)))?,
        })
    })
}

/// As [`stamp`] for text without other digits than `0` to `9`, in a tenth of the time: each key is looked at
/// several times. `at` tells what a match that may start at a place has, and where it ends.
fn fast_stamp(text: &str, separator: char, at: fn(&[u8], usize) -> Match) -> Option<KeyStamp> {
    let text = text.as_bytes();
    let mut from = 0;
    for place in memchr::memchr_iter(u8::try_from(separator).ok()?, text) {
        // What stands before the year belongs to the match, and matches do not overlap.
        let Some(start) = place.checked_sub(4).filter(|start| *start >= from) else {
            continue;
        };
        let begins = match start.checked_sub(1) {
            None => true,
            Some(before) if separator == '/' => before >= from && text[before] == b'/',
            Some(before) => before >= from && !text[before].is_ascii_digit(),
        };
        let Some((numbers, end)) = at(text, start).filter(|_| begins) else {
            continue;
        };
        if let Some(period) = period(numbers) {
            return Some(KeyStamp {
                start,
                separator,
                period,
            });
        }
        from = end;
    }
    None
}

/// As [`IN_NAME`] from the year on.
fn name_at(text: &[u8], start: usize) -> Match {
    let date = date_at(text, start, b'-')?;
    let part = |at: usize| digits(text, start + at, 2).filter(|_| text[start + at - 1] == b'-');
    let (hour, minute, second) = (part(11), part(14), part(17));
    let whole = hour.is_some() && minute.is_some() && second.is_some();
    let ends = [(whole, 19, 6), (hour.is_some(), 13, 4), (true, 10, 3)];
    ends.into_iter().find_map(|(given, length, parts)| {
        let end = start + length;
        let over = text.get(end).is_none_or(|byte| !byte.is_ascii_digit());
        let mut numbers = [date[0], date[1], date[2], hour, minute, second];
        numbers[parts..].fill(None);
        (given && over).then_some((numbers, (end + 1).min(text.len())))
    })
}

/// As [`IN_FOLDERS`] from the year on.
fn folders_at(text: &[u8], start: usize) -> Match {
    let [year, month, day] = date_at(text, start, b'/')?;
    (text.get(start + 10) == Some(&b'/'))
        .then_some(([year, month, day, None, None, None], start + 11))
}

fn date_at(text: &[u8], start: usize, separator: u8) -> Option<[Option<u32>; 3]> {
    let separated = |at: usize| text.get(start + at) == Some(&separator);
    let date = [
        digits(text, start, 4),
        digits(text, start + 5, 2),
        digits(text, start + 8, 2),
    ];
    let whole = date.iter().all(Option::is_some) && separated(4) && separated(7);
    whole.then_some(date)
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<u32> {
    let digits = text.get(at..at + count)?;
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

fn number(found: &Captures<'_>, group: usize) -> Option<u32> {
    found.get(group)?.as_str().parse().ok()
}

fn period(numbers: Numbers) -> Option<KeyPeriod> {
    let [year, month, day, hour, minute, second] = numbers;
    let day = Day::from_ymd(i32::try_from(year?).ok()?, month?, day?)?;
    let start = day.start_micros();
    let whole_day = KeyPeriod {
        from: start,
        until: start + DAY_MICROS,
    };
    let Some(hour) = hour.filter(|hour| *hour < 24) else {
        return Some(whole_day);
    };
    let from = start + i64::from(hour) * HOUR_MICROS;
    let below_60 = |number: Option<u32>| number.filter(|number| *number < 60);
    match (below_60(minute), below_60(second)) {
        // EventTime delivery: the object holds one whole day.
        (Some(0), Some(0)) if hour == 0 => Some(whole_day),
        (Some(minute), Some(second)) => {
            let from = from + i64::from(minute * 60 + second) * 1_000_000;
            Some(KeyPeriod {
                from,
                until: from + 1_000_000,
            })
        }
        _ => Some(KeyPeriod {
            from,
            until: from + HOUR_MICROS,
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(key: &str) -> Option<(String, i64)> {
        key_period(key).map(|p| {
            (
                crate::units::rfc3339(p.from),
                (p.until - p.from) / 1_000_000,
            )
        })
    }

    #[test]
    fn reads_each_vendor_style() {
        let cases = [
            (
                "logs/2026-03-01-10-15-42-0A1B2C3D4E5F6789",
                "2026-03-01T10:15:42Z",
                1,
            ),
            (
                "p/123/eu-west-1/b/2026/03/02/2026-03-02-00-00-00-F00D",
                "2026-03-02T00:00:00Z",
                86_400,
            ),
            (
                "cf/E2EXAMPLE.2026-03-01-10.a1b2c3d4.gz",
                "2026-03-01T10:00:00Z",
                3_600,
            ),
            (
                "x/AWSLogs/1/elb/2026/03/05/name.log.gz",
                "2026-03-05T00:00:00Z",
                86_400,
            ),
            (
                "merged/s3_access-2026-03-01.log.gz",
                "2026-03-01T00:00:00Z",
                86_400,
            ),
            ("2026-03-01-23-99-00-X", "2026-03-01T23:00:00Z", 3_600),
            (
                "cloudfront/E2EXAMPLE.2026-02.merged.gz",
                "2026-02-01T00:00:00Z",
                28 * 86_400,
            ),
        ];
        for (key, from, seconds) in cases {
            assert_eq!(span(key), Some((from.to_owned(), seconds)), "{key}");
        }
    }

    #[test]
    fn a_name_without_a_real_date_has_none() {
        for key in [
            "readme.txt",
            "a/2026-13-45-00-00-00-X",
            "12345-67-89012",
            "",
        ] {
            assert_eq!(span(key), None, "{key}");
        }
    }

    proptest! {
        /// What objects are called by the ledger depends on these.
        #[test]
        fn both_ways_find_the_same(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("2026-03-04"), Just("2026-13-04"), Just("2026/03/04"), Just("2026/99/01"), Just("-05-06-07"),
                    Just("-05"), Just("-99-00-00"), Just("-00-00-00"), Just("/"), Just("-"), Just("2026"), Just("7"),
                    Just("x"), Just("."), Just("03"),
                ],
                0..9,
            ),
        ) {
            let key = parts.concat();
            let name = key.rsplit('/').next().unwrap_or_default();
            prop_assert_eq!(fast_stamp(name, '-', name_at), stamp(&IN_NAME, name, '-'), "{}", name);
            prop_assert_eq!(fast_stamp(&key, '/', folders_at), stamp(&IN_FOLDERS, &key, '/'), "{}", key);
        }

        #[test]
        fn both_ways_find_the_same_in_other_texts(key in "[0-9/.a-]{0,40}") {
            prop_assert_eq!(fast_stamp(&key, '-', name_at), stamp(&IN_NAME, &key, '-'));
            prop_assert_eq!(fast_stamp(&key, '/', folders_at), stamp(&IN_FOLDERS, &key, '/'));
        }
    }
}
