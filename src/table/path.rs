//! Where files lie: the names that readers and other runs rely on.

use crate::units::Day;

/// Everything of ours that is not table data lives under this folder of the destination.
pub const OWN: &str = "_s3logs";

/// Name of a Parquet file, relative to the destination:
/// `<table>/dt=YYYY-MM-DD/<batch>-<NN>-<hash8>.parquet`.
///
/// Batch, part and content decide the name, so writing a batch again writes the same files, and
/// no writer can replace a file by other bytes.
pub fn data_file(table: &str, day: Day, batch: &str, part: usize, hash: &str) -> String {
    let short: String = hash.chars().take(8).collect();
    format!("{table}/dt={day}/{batch}-{part:02}-{short}.parquet")
}

/// Name of the file that keeps the rejected lines of a batch, one JSON object a line.
pub fn rejects_file(table: &str, batch: &str, hash: &str) -> String {
    let short: String = hash.chars().take(8).collect();
    format!("{OWN}/{table}/rejects/{batch}-{short}.ndjson.gz")
}

/// Name of the file that keeps the fingerprints of the lines of a batch's rows of one day.
pub fn lines_file(table: &str, day: Day, batch: &str, hash: &str) -> String {
    let short: String = hash.chars().take(8).collect();
    format!("{OWN}/{table}/lines/dt={day}/{batch}-{short}.fp")
}

/// The parts of a Parquet file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile<'a> {
    /// The table.
    pub table: &'a str,
    /// The day of its rows.
    pub day: Day,
    /// The batch.
    pub batch: &'a str,
    /// Its number among the batch's files of that table and day.
    pub part: usize,
    /// The beginning of its bytes' SHA-256, in hex.
    pub hash: &'a str,
}

/// Takes a name apart that [`data_file`] has made; `None` for any other.
pub fn parse_data_file(path: &str) -> Option<DataFile<'_>> {
    let (table, rest) = path.split_once("/dt=")?;
    let (day, name) = rest.split_once('/')?;
    let mut parts = name.strip_suffix(".parquet")?.split('-');
    let file = DataFile {
        table,
        day: day.parse().ok()?,
        batch: parts.next()?,
        part: parts.next()?.parse().ok()?,
        hash: parts.next()?,
    };
    let same = data_file(file.table, file.day, file.batch, file.part, file.hash) == path;
    (same && parts.next().is_none()).then_some(file)
}

/// The beginning of the SHA-256 in the name of one of our files; `None` for any other.
pub fn hash_in(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let (stem, _) = name.split_once('.')?;
    stem.rsplit_once('-').map(|(_, hash)| hash)
}

/// Where a file goes that no commit names: `_s3logs/quarantine/`, then its path, its hash, and an
/// end that no reader of Parquet looks for.
///
/// With the hash in the name nothing that was put there before is ever replaced.
pub fn quarantined(path: &str, hash: &str) -> String {
    let short: String = hash.chars().take(8).collect();
    let path = path.strip_prefix("_s3logs/").unwrap_or(path);
    format!("{OWN}/quarantine/{path}.{short}.astray")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_they_were_made() {
        let day = "2026-03-01".parse().expect("a day");
        let path = data_file("s3_access", day, "b0b0", 100, "0123456789abcdef");
        let file = DataFile {
            table: "s3_access",
            day,
            batch: "b0b0",
            part: 100,
            hash: "01234567",
        };
        assert_eq!(parse_data_file(&path), Some(file));
        assert_eq!(hash_in(&path), Some("01234567"));
        let rejects = rejects_file("cloudfront", "b0b0", "0123456789abcdef");
        assert_eq!(hash_in(&rejects), Some("01234567"));
        for other in [
            "s3_access/dt=2026-03-01/left-over.parquet",
            "s3_access/dt=2026-03-01/b0b0-1-01234567.parquet",
            "s3_access/b0b0-01-01234567.parquet",
            "s3_access/dt=2026-03-01/b0b0-01-01234567-x.parquet",
        ] {
            assert_eq!(parse_data_file(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_in_quarantine_is_no_parquet_file() {
        let path = quarantined("t/dt=2026-03-01/a.parquet", "0123456789");
        assert_eq!(
            path,
            "_s3logs/quarantine/t/dt=2026-03-01/a.parquet.01234567.astray"
        );
        let record = quarantined("_s3logs/intents/b.json", "0123456789");
        assert_eq!(record, "_s3logs/quarantine/intents/b.json.01234567.astray");
    }

    #[test]
    fn names_are_as_documented() {
        let day = "2026-03-01".parse().expect("a day");
        assert_eq!(
            data_file("s3_access", day, "b0b0", 3, "0123456789abcdef"),
            "s3_access/dt=2026-03-01/b0b0-03-01234567.parquet"
        );
        let rejects = rejects_file("cloudfront", "b0b0", "0123456789abcdef");
        assert_eq!(
            rejects,
            "_s3logs/cloudfront/rejects/b0b0-01234567.ndjson.gz"
        );
        assert_eq!(
            lines_file("s3_access", day, "b0b0", "0123456789abcdef"),
            "_s3logs/s3_access/lines/dt=2026-03-01/b0b0-01234567.fp"
        );
    }
}
