//! Rows of any columns in aligned columns, as they come.

use std::fmt::Write as _;

use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::tables::{Align, one_line, shortened, width};

/// Rows whose cells decide how wide columns are.
const SAMPLE: usize = 500;

/// Width below which a column is not shortened.
const NARROW: usize = 12;

const GAP: &str = "  ";

/// A table that is printed while its rows come. Columns are as wide as the first 500 rows need;
/// later cells that are wider push the rest of their line. Holds those rows.
#[derive(Debug)]
pub struct RowTable {
    columns: Vec<Column>,
    waiting: Vec<Vec<String>>,
    /// Width that lines may have; cells are shortened then.
    room: Option<usize>,
    begun: bool,
    rows: u64,
}

#[derive(Debug)]
struct Column {
    name: String,
    align: Align,
    width: usize,
    /// Width to which cells are shortened.
    most: usize,
}

impl RowTable {
    /// A table with these columns. With `room` the widest columns are shortened until a line has no more
    /// characters.
    pub fn new(schema: &SchemaRef, room: Option<usize>) -> Self {
        let column = |field: &FieldRef| Column {
            name: one_line(field.name()),
            align: if field.data_type().is_numeric() {
                Align::Right
            } else {
                Align::Left
            },
            width: 0,
            most: usize::MAX,
        };
        Self {
            columns: schema.fields().iter().map(column).collect(),
            waiting: Vec::new(),
            room,
            begun: false,
            rows: 0,
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes rows and returns the lines that can be printed by now.
    ///
    /// # Errors
    /// Where a value cannot be shown.
    pub fn take(&mut self, batch: &RecordBatch) -> Result<String, ArrowError> {
        let options = FormatOptions::new()
            .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
            .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"));
        let formats: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(formats.len());
            for format in &formats {
                let mut cell = String::new();
                format.value(row).write(&mut cell)?;
                cells.push(one_line(&cell));
            }
            self.rows += 1;
            if self.begun {
                self.line(&cells, &mut text);
            } else {
                self.waiting.push(cells);
                if self.waiting.len() == SAMPLE {
                    self.begin(&mut text);
                }
            }
        }
        Ok(text)
    }

    /// The lines that are left.
    pub fn finish(&mut self) -> String {
        let mut text = String::new();
        if !self.begun {
            self.begin(&mut text);
        }
        text
    }

    fn begin(&mut self, text: &mut String) {
        self.begun = true;
        let rows = std::mem::take(&mut self.waiting);
        for (at, column) in self.columns.iter_mut().enumerate() {
            let cells = rows.iter().map(|row| width(&row[at]));
            column.width = cells.max().unwrap_or(0).max(width(&column.name));
        }
        self.shorten();
        let names: Vec<String> = self.columns.iter().map(|one| one.name.clone()).collect();
        self.line(&names, text);
        for row in &rows {
            self.line(row, text);
        }
    }

    fn shorten(&mut self) {
        let Some(room) = self.room else { return };
        let gaps = GAP.len() * self.columns.len().saturating_sub(1);
        loop {
            let all: usize = self.columns.iter().map(|one| one.width).sum();
            let Some(excess) = (all + gaps).checked_sub(room).filter(|excess| *excess > 0) else {
                return;
            };
            let mut wide: Vec<&mut Column> = self.columns.iter_mut().collect();
            wide.sort_by_key(|one| std::cmp::Reverse(one.width));
            let next = wide.get(1).map_or(NARROW, |one| one.width).max(NARROW);
            let Some(widest) = wide.first_mut().filter(|one| one.width > NARROW) else {
                return;
            };
            let least = next.min(widest.width - 1);
            widest.width = (widest.width.saturating_sub(excess)).max(least);
            widest.most = widest.width;
        }
    }

    fn line(&self, cells: &[String], text: &mut String) {
        let mut line = String::new();
        for (cell, column) in cells.iter().zip(&self.columns) {
            let cell = shortened(cell, column.most);
            let blanks = column.width.saturating_sub(width(&cell));
            let (before, after) = match column.align {
                Align::Left => (0, blanks),
                Align::Right => (blanks, 0),
            };
            // Writing to a string cannot fail.
            let _ = write!(line, "{:before$}{cell}{:after$}{GAP}", "", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(texts: Vec<Option<&str>>) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..).take(texts.len())));
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        RecordBatch::try_from_iter([("key", texts), ("n", numbers)]).expect("two columns")
    }

    #[test]
    fn columns_are_aligned_and_shortened() {
        let rows = batch(vec![
            Some("a\u{1b}[31m"),
            None,
            Some("abcdefghijklmnopqrstuvwxyz"),
        ]);
        let mut table = RowTable::new(&rows.schema(), None);
        assert_eq!(table.take(&rows).expect("text"), "");
        assert_eq!(
            table.finish(),
            "key                         n\n\
             a\\u{1b}[31m                 0\n\
             \u{20}                           1\n\
             abcdefghijklmnopqrstuvwxyz  2\n"
        );
        let mut table = RowTable::new(&rows.schema(), Some(20));
        table.take(&rows).expect("text");
        assert_eq!(table.finish().lines().last(), Some("abcdefghijklmnop…  2"));
        assert_eq!(table.rows(), 3);
    }

    #[test]
    fn rows_come_while_there_are_more() {
        let rows = batch(vec![Some("x"); SAMPLE]);
        let mut table = RowTable::new(&rows.schema(), None);
        assert_eq!(table.take(&rows).expect("text").lines().count(), SAMPLE + 1);
        assert_eq!(table.take(&rows).expect("text").lines().count(), SAMPLE);
        assert_eq!(table.finish(), "");
    }
}
