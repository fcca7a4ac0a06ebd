//! What was written, counted while it was written.

use std::collections::BTreeMap;

use super::calendar::{DAY, Moment};
use super::options::{Format, Options};

/// Sums that do not depend on the order of objects.
#[derive(Default)]
pub struct Truth {
    objects: u64,
    lines: u64,
    rows: u64,
    bytes_raw: u64,
    bytes_on_disk: u64,
    /// Day since 1970 to rows and bytes delivered.
    days: BTreeMap<u64, (u64, u64)>,
}

impl Truth {
    pub fn count_row(&mut self, seconds: u64, bytes: Option<u64>) {
        let day = self.days.entry(seconds / DAY).or_default();
        day.0 += 1;
        day.1 += bytes.unwrap_or(0);
        self.rows += 1;
        self.lines += 1;
    }

    pub fn count_object(&mut self, header_lines: u64, raw: usize, stored: usize) {
        self.objects += 1;
        self.lines += header_lines;
        self.bytes_raw += u64::try_from(raw).expect("a length fits 64 bits");
        self.bytes_on_disk += u64::try_from(stored).expect("a length fits 64 bits");
    }

    pub fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.lines += other.lines;
        self.rows += other.rows;
        self.bytes_raw += other.bytes_raw;
        self.bytes_on_disk += other.bytes_on_disk;
        for (day, (rows, bytes)) in other.days {
            let sum = self.days.entry(day).or_default();
            sum.0 += rows;
            sum.1 += bytes;
        }
    }

    /// One line; the byte column carries the table's own name.
    pub fn to_json(&self, options: &Options) -> String {
        let column = match options.format {
            Format::S3Access => "bytes_sent",
            Format::CloudFront => "sc_bytes",
        };
        format!(
            "{{\"format\":\"{}\",\"seed\":{},\"objects\":{},\"lines\":{},\"rows\":{},\"bytes_raw\":{},\"bytes_on_disk\":{},\
             \"rows_per_day\":{{{}}},\"{column}_per_day\":{{{}}}}}",
            options.format.name(),
            options.seed,
            self.objects,
            self.lines,
            self.rows,
            self.bytes_raw,
            self.bytes_on_disk,
            self.per_day(|(rows, _)| rows),
            self.per_day(|(_, bytes)| bytes),
        )
    }

    fn per_day(&self, value: impl Fn((u64, u64)) -> u64) -> String {
        let entries: Vec<_> = self
            .days
            .iter()
            .map(|(day, &sums)| format!("\"{}\":{}", Moment::new(day * DAY).date(), value(sums)))
            .collect();
        entries.join(",")
    }
}
