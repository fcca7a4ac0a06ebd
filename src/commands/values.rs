//! What users write after options, as types.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::DateTime;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::formats;
use crate::parse::TextFormat;
use crate::plan::TimeRange;
use crate::schema::LogFormat;
use crate::store::Location;
use crate::units::{ByteSize, DAY_MICROS, Day};

/// A day, or an instant in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// All of a UTC day.
    Day(Day),
    /// Microseconds UTC.
    Instant(i64),
}

impl When {
    /// The first instant of a range that begins with it.
    pub(super) fn first(self) -> i64 {
        match self {
            Self::Day(day) => day.start_micros(),
            Self::Instant(micros) => micros,
        }
    }

    /// The first instant after a range that ends with it: a day belongs to the range.
    pub(super) fn after(self) -> i64 {
        match self {
            Self::Day(day) => day.start_micros() + DAY_MICROS,
            Self::Instant(micros) => micros,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|time| Self::Instant(time.timestamp_micros()))
            .map_err(|_| {
                "write a date like 2024-02-29 or a time like 2024-02-29T23:00:00Z".to_owned()
            })
    }
}

/// A number of days, such as `14d`, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lookback(pub(super) i64);

impl FromStr for Lookback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days: u32 = text
            .strip_suffix('d')
            .unwrap_or(text)
            .parse()
            .map_err(|_| format!("{text:?} is no number of days, such as 14d"))?;
        Ok(Self(i64::from(days) * DAY_MICROS))
    }
}

/// All of a month, `YYYY-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month(pub TimeRange);

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TimeRange::month(text)
            .map(Self)
            .map_err(|_| "write a month like 2024-02".to_owned())
    }
}

/// A bucket or a local path.
///
/// # Errors
/// A phrase, also for `-`.
pub(super) fn place(text: &str) -> Result<Location, String> {
    match text.parse()? {
        Location::Std => Err("only parse reads standard input".to_owned()),
        location => Ok(location),
    }
}

/// A local folder.
///
/// # Errors
/// A phrase for anything else.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    match place(text)? {
        Location::Local(path) => Ok(path),
        _ => Err("it must be a local folder".to_owned()),
    }
}

/// A number of bytes that is not zero.
///
/// # Errors
/// A phrase.
pub(super) fn size(text: &str) -> Result<u64, String> {
    match text.parse()? {
        ByteSize(0) => Err("it must be more than nothing".to_owned()),
        ByteSize(bytes) => Ok(bytes),
    }
}

/// Reads an amount of memory that work can be done in.
///
/// # Errors
/// A phrase.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 32 << 20;
    match size(text)? {
        bytes if bytes >= LEAST => Ok(bytes),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Err(format!(
            "it must be at least 32MiB; {text} alone is bytes, write {text}MiB"
        )),
        _ => Err("it must be at least 32MiB".to_owned()),
    }
}

/// Reads the name of a log format; the table name does as well.
pub(super) fn log_format() -> impl TypedValueParser<Value = &'static LogFormat> {
    let known = formats::ALL.map(|format| {
        let value = PossibleValue::new(format.name).help(format.about);
        if format.table == format.name {
            value
        } else {
            value.alias(format.table)
        }
    });
    PossibleValuesParser::new(known)
        .try_map(|name| formats::find(&name).ok_or_else(|| format!("{name} is no log format")))
}

/// Text forms of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RowFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
    /// Tab-separated, with a header line.
    Tsv,
}

impl From<RowFormat> for TextFormat {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Ndjson => Self::Ndjson,
            RowFormat::Csv => Self::Csv,
            RowFormat::Tsv => Self::Tsv,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants() {
        let day: When = "2024-02-29".parse().expect("a day");
        assert_eq!(day.after() - day.first(), DAY_MICROS);
        let instant: When = "2024-02-29T01:00:00+01:00".parse().expect("an instant");
        assert_eq!(
            (instant.first(), instant.after()),
            (day.first(), day.first())
        );
        for wrong in ["2024-02-30", "yesterday", "2024-02-29T01:00:00", ""] {
            let error = wrong.parse::<When>().expect_err(wrong);
            assert!(error.contains("2024-02-29"), "{error}");
        }
    }

    #[test]
    fn months() {
        let Month(range) = "2024-02".parse().expect("a month");
        let days = (range.until.expect("an end") - range.since.expect("a start")) / DAY_MICROS;
        assert_eq!(days, 29);
        assert!("2024-2".parse::<Month>().is_err());
        assert!("2024-00".parse::<Month>().is_err());
    }

    #[test]
    fn places_folders_and_sizes() {
        assert!(place("-").is_err() && place("gs://b").is_err() && place("").is_err());
        assert!(matches!(place("s3://b/p"), Ok(Location::S3 { .. })));
        assert_eq!(folder("raw"), Ok(PathBuf::from("raw")));
        assert!(folder("s3://b/p").is_err());
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert!(size("0").is_err() && size("-1").is_err());
    }
}
