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

#[cfg(test)]
mod tests {
    use super::*;

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
