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
    let mut stamp = stamp(&IN_NAME, key.get(start..)?, '-')?;
    stamp.start += start;
    Some(stamp)
}

fn in_folders(key: &str) -> Option<KeyStamp> {
    stamp(&IN_FOLDERS, key, '/')
}

fn stamp(pattern: &Regex, text: &str, separator: char) -> Option<KeyStamp> {
    pattern.captures_iter(text).find_map(|found| {
        Some(KeyStamp {
            start: found.get(1)?.start(),
            separator,
            period: period(&found)?,
        })
    })
}

fn number(found: &Captures<'_>, group: usize) -> Option<u32> {
    found.get(group)?.as_str().parse().ok()
}

fn period(found: &Captures<'_>) -> Option<KeyPeriod> {
    let year = i32::try_from(number(found, 1)?).ok()?;
    let day = Day::from_ymd(year, number(found, 2)?, number(found, 3)?)?;
    let start = day.start_micros();
    let whole_day = KeyPeriod {
        from: start,
        until: start + DAY_MICROS,
    };
    let Some(hour) = number(found, 4).filter(|hour| *hour < 24) else {
        return Some(whole_day);
    };
    let from = start + i64::from(hour) * HOUR_MICROS;
    let below_60 = |group| number(found, group).filter(|number| *number < 60);
    match (below_60(5), below_60(6)) {
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
}
