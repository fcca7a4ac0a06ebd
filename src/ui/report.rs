//! A report on the terminal: at most 80 columns, bars of blocks.

use std::fmt::Write as _;

use crate::report::{Cell, Chart, Filled, Report, Unit, change, span};

use super::tables::{one_line, shortened, width};

const WIDTH: usize = 80;

/// Most and least characters that names and bars have.
const BAR: usize = 16;
const LEAST_NAME: usize = 16;

/// Rows of a series that are shown; of longer ones the last.
const SERIES: usize = 31;

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// The report as lines.
pub fn report_on_terminal(report: &Report) -> String {
    let mut text = format!("{}, {}\n", report.table, span(&report.from, &report.to));
    let before = report.before.as_ref();
    if let Some(before) = before {
        let _ = writeln!(text, "compared with {}", span(&before.from, &before.to));
    }
    let totals = before.map(|before| &before.totals);
    for section in &report.sections {
        let _ = write!(text, "\n{}\n", section.title);
        match section.chart {
            Chart::Figures => figures(section, totals, &mut text),
            Chart::Heat => heat(section, &mut text),
            Chart::Series | Chart::Bars => bars(section, &mut text),
        }
    }
    text
}

/// A value as people read it, on one line.
fn shown(cell: &Cell, unit: Unit) -> String {
    one_line(&cell.shown(unit))
}

fn figures(section: &Filled, before: Option<&Filled>, text: &mut String) {
    let Some(row) = section.rows.first() else {
        return;
    };
    for (at, (cell, unit)) in row.iter().zip(&section.units).enumerate() {
        let name = section.columns[at].replace('_', " ");
        let value = shown(cell, *unit);
        let then = before.and_then(|before| before.rows.first()?.get(at));
        let then = then.and_then(|then| change(cell, then, *unit));
        let line = format!("  {name:<22} {value:>20}  {}", then.unwrap_or_default());
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn bars(section: &Filled, text: &mut String) {
    let Some(measure) = section.measure() else {
        return;
    };
    if section.rows.is_empty() {
        text.push_str("  none\n");
        return;
    }
    let rows = match section.chart {
        Chart::Series => &section.rows[section.rows.len().saturating_sub(SERIES)..],
        _ => &section.rows[..],
    };
    let most = rows
        .iter()
        .map(|row| row[measure].amount())
        .fold(0.0, f64::max);
    let is_name = |unit: Unit| matches!(unit, Unit::Text);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for at in 0..section.columns.len() {
        let cells = rows.iter().map(|row| shown(&row[at], section.units[at]));
        let cells: Vec<String> = cells.collect();
        let column = (section.columns[at].replace('_', " "), cells);
        let leads = at < measure && (is_name(section.units[at]) || at == 0);
        if leads {
            left.push(column);
        } else {
            right.push(column);
        }
    }
    let wide = |(name, cells): &(String, Vec<String>)| {
        let cells = cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
        cells.max(width(name))
    };
    let numbers: usize = right.iter().map(|column| wide(column) + 2).sum();
    let room = WIDTH.saturating_sub(2 + numbers + BAR + 2);
    let widths = fitted(left.iter().map(wide).collect(), room);
    let names: usize = widths.iter().map(|width| width + 2).sum();
    let room = WIDTH.saturating_sub(2 + names + numbers).min(BAR);
    let line = |row: Option<usize>, bar: &str, text: &mut String| {
        let cell = |(name, cells): &(String, Vec<String>)| {
            row.map_or_else(|| name.clone(), |row| cells[row].clone())
        };
        let mut line = " ".to_owned();
        for (column, width) in left.iter().zip(&widths) {
            let name = shortened(&cell(column), *width);
            let _ = write!(line, " {name}{:1$}", "", width - self::width(&name));
            line.push(' ');
        }
        for column in &right {
            let value = cell(column);
            let before = wide(column) + 1 - self::width(&value);
            let _ = write!(line, "{:before$}{value} ", "");
        }
        let _ = writeln!(text, "{}", format!("{line} {bar}").trim_end());
    };
    line(None, "", text);
    for (at, row) in rows.iter().enumerate() {
        line(Some(at), &bar(row[measure].amount(), most, room), text);
    }
    let earlier = section.rows.len() - rows.len();
    if earlier > 0 {
        let earlier = super::count(earlier as u64, "earlier row");
        let _ = writeln!(text, "  and {earlier}, which --json, --csv and --html show");
    }
}

/// Widths of the names: as they are, or the widest cut until all fit.
fn fitted(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    while widths.iter().map(|width| width + 2).sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST_NAME => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// A bar of eighths of a character, the longest of so many characters.
fn bar(amount: f64, most: f64, longest: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most <= 0.0 || amount <= 0.0 || longest == 0 {
        return String::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and 128"
    )]
    let eighths = ((amount / most * (longest * 8) as f64).round() as usize).clamp(1, longest * 8);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

fn heat(section: &Filled, text: &mut String) {
    let counts = section.heat();
    let most = counts.iter().flatten().copied().fold(0.0, f64::max);
    text.push_str("       0     3     6     9     12    15    18    21\n");
    // The week begins on Monday.
    for day in [1, 2, 3, 4, 5, 6, 0] {
        let cells = counts[day].iter().map(|count| shade(*count, most));
        let line: String = cells.flat_map(|shade| [shade, shade]).collect();
        let _ = writeln!(text, "  {}  {}", WEEKDAYS[day], line.trim_end());
    }
}

fn shade(count: f64, most: f64) -> char {
    if count <= 0.0 {
        return SHADES[0];
    }
    let steps = SHADES[1..].iter().zip([0.25, 0.5, 0.75, 1.0]);
    let reached = |(_, part): &(&char, f64)| count <= most * part;
    steps
        .into_iter()
        .find(reached)
        .map_or(SHADES[4], |(shade, _)| *shade)
}
