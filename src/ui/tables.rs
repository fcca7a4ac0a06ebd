//! Aligned columns, and numbers as people read them.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::units::{grouped, steers};

/// Which edge the cells of a column stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// Rows of cells under a line of headings. Holds all of its cells.
#[derive(Clone, Debug)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns. A heading that begins with `>` aligns its column to the right.
    pub fn new(headings: &[&str]) -> Self {
        let align = |heading: &&str| {
            if heading.starts_with('>') {
                Align::Right
            } else {
                Align::Left
            }
        };
        let name = |heading: &&str| heading.trim_start_matches('>').to_owned();
        Self {
            aligns: headings.iter().map(align).collect(),
            rows: vec![headings.iter().map(name).collect()],
        }
    }

    /// Adds a row; cells that are missing stay empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there is nothing under the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The table as lines, each with its line end and without blanks before it.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.aligns.len())
            .map(|column| {
                let width = |row: &Vec<String>| row.get(column).map_or(0, |cell| width(cell));
                self.rows.iter().map(width).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), full) in row.iter().zip(&self.aligns).zip(&widths) {
                let blanks = full.saturating_sub(width(cell));
                let (before, after) = match align {
                    Align::Left => (0, blanks),
                    Align::Right => (blanks, 0),
                };
                // Writing to a string cannot fail.
                let _ = write!(line, "{:before$}{cell}{:after$}  ", "", "");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

pub(super) fn width(cell: &str) -> usize {
    cell.width()
}

/// A cell that is at most so wide; what is cut off shows as an ellipsis.
pub(super) fn shortened(cell: &str, most: usize) -> String {
    if width(cell) <= most {
        return cell.to_owned();
    }
    let mut kept = String::new();
    for character in cell.chars() {
        kept.push(character);
        if width(&kept) + 1 > most {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// `1,234,567`
pub fn number(value: u64) -> String {
    grouped(value)
}

/// `1 object`, `2,000 objects`; the plural is the singular with an `s`.
pub fn count(value: u64, singular: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    // `batch` is the only noun of ours that needs more.
    let ending = if singular.ends_with("ch") && value != 1 {
        "es"
    } else {
        ending
    };
    format!("{} {singular}{ending}", number(value))
}

/// Text from a key, a server or a file system on one line: line ends and other control characters,
/// which could also steer the terminal, are escaped.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        if steers(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Lines for machines as a terminal may get them: what steers it is escaped, ends of lines and tabs stay.
pub(super) fn calm_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) && !matches!(character, '\n' | '\t') {
            lines.extend(character.escape_default());
        } else {
            lines.push(character);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["table", ">rows", "day"]);
        assert!(table.is_empty());
        table.row(["s3_access", "1,234", "2024-02-29"].map(String::from));
        table.row(["größe", "7", ""].map(String::from));
        assert_eq!(
            table.render(),
            "table       rows  day\n\
             s3_access  1,234  2024-02-29\n\
             größe          7\n"
        );
    }

    #[test]
    fn numbers_in_groups_of_three() {
        let shown: Vec<String> = [0, 999, 1_000, 12_345, 1_234_567].map(number).to_vec();
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(count(1, "object"), "1 object");
        assert_eq!(count(0, "object"), "0 objects");
        assert_eq!(count(2000, "batch"), "2,000 batches");
        assert_eq!(count(1, "batch"), "1 batch");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            one_line("a\nb\u{1b}[31m \u{e9}\n"),
            "a\\nb\\u{1b}[31m \u{e9}"
        );
        assert_eq!(
            calm_lines("a,b\n\u{1b}]0;x\u{7}\t\u{202e}\u{e9}\r\n"),
            "a,b\n\\u{1b}]0;x\\u{7}\t\\u{202e}\u{e9}\\r\n"
        );
    }
}
