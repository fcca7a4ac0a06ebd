//! A report for machines.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::report::{Cell, Filled, Report, Unit};
use crate::units::rfc3339;

/// One event for each section, its rows as objects by the names of the columns; then one of what the totals
/// are compared with.
pub fn report_json(report: &Report) -> Vec<Value> {
    let event = |kind: &str, section: &Filled, from: &str, to: &str| {
        let rows: Vec<Value> = section
            .rows
            .iter()
            .map(|row| object(section, row))
            .collect();
        let columns = section.columns.iter().zip(&section.units);
        let columns: Vec<Value> = columns
            .map(|(name, unit)| json!({"name": name, "unit": unit}))
            .collect();
        json!({
            "event": kind,
            "table": report.table,
            "from": from,
            "to": to,
            "id": section.id,
            "title": section.title,
            "chart": section.chart,
            "columns": columns,
            "rows": rows,
        })
    };
    let sections = report.sections.iter();
    let sections = sections.map(|section| event("section", section, &report.from, &report.to));
    let before = report.before.iter();
    let before = before.map(|before| event("before", &before.totals, &before.from, &before.to));
    sections.chain(before).collect()
}

fn object(section: &Filled, row: &[Cell]) -> Value {
    let values = row
        .iter()
        .zip(&section.units)
        .map(|(cell, unit)| match (cell, unit) {
            (Cell::Whole(micros), Unit::Time | Unit::Day) => Value::from(rfc3339(*micros)),
            (cell, _) => json!(cell),
        });
    section
        .columns
        .iter()
        .cloned()
        .zip(values)
        .collect::<Map<_, _>>()
        .into()
}

/// The header of [`report_csv`].
pub const CSV_HEADER: &str = "table,from,to,section,row,column,value\n";

/// One line for each value. What the totals are compared with is a section `before`, with bounds of its own.
pub fn report_csv(report: &Report) -> String {
    let mut text = String::new();
    let table = &report.table;
    let bounds = format!("{table},{},{}", report.from, report.to);
    for section in &report.sections {
        lines(&format!("{bounds},{}", section.id), section, &mut text);
    }
    if let Some(before) = &report.before {
        let bounds = format!("{table},{},{},before", before.from, before.to);
        lines(&bounds, &before.totals, &mut text);
    }
    text
}

fn lines(begin: &str, section: &Filled, text: &mut String) {
    for (at, row) in section.rows.iter().enumerate() {
        for ((column, cell), unit) in section.columns.iter().zip(row).zip(&section.units) {
            let value = match (cell, unit) {
                (Cell::Null, _) => String::new(),
                (Cell::Text(text), _) => quoted(text),
                (Cell::Whole(micros), Unit::Time | Unit::Day) => rfc3339(*micros),
                (Cell::Whole(number), _) => number.to_string(),
                (Cell::Real(number), _) => number.to_string(),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{begin},{},{column},{value}", at + 1);
        }
    }
}

fn quoted(text: &str) -> String {
    // Nothing is nothing at all, an empty text is a pair of quotes.
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::report::Chart;

    use super::*;

    #[test]
    fn values_keep_their_types() {
        let section = Filled {
            id: "pages",
            title: "Pages",
            chart: Chart::Bars,
            columns: ["page", "requests", "share", "last"]
                .map(str::to_owned)
                .to_vec(),
            units: vec![Unit::Text, Unit::Count, Unit::Share, Unit::Time],
            rows: vec![
                vec![
                    Cell::Text("/a,\"b\"".to_owned()),
                    Cell::Whole(7),
                    Cell::Real(0.5),
                    Cell::Whole(0),
                ],
                vec![Cell::Null, Cell::Whole(0), Cell::Null, Cell::Null],
            ],
        };
        let report = Report {
            table: "cloudfront".to_owned(),
            from: "1970-01-01".to_owned(),
            to: "1970-01-01".to_owned(),
            sections: vec![section],
            before: None,
            rules: None,
        };
        assert_eq!(
            report_csv(&report),
            "cloudfront,1970-01-01,1970-01-01,pages,1,page,\"/a,\"\"b\"\"\"\n\
             cloudfront,1970-01-01,1970-01-01,pages,1,requests,7\n\
             cloudfront,1970-01-01,1970-01-01,pages,1,share,0.5\n\
             cloudfront,1970-01-01,1970-01-01,pages,1,last,1970-01-01T00:00:00Z\n\
             cloudfront,1970-01-01,1970-01-01,pages,2,page,\n\
             cloudfront,1970-01-01,1970-01-01,pages,2,requests,0\n\
             cloudfront,1970-01-01,1970-01-01,pages,2,share,\n\
             cloudfront,1970-01-01,1970-01-01,pages,2,last,\n"
        );
        let events = report_json(&report);
        assert_eq!(
            events[0]["rows"][0],
            json!({"page": "/a,\"b\"", "requests": 7, "share": 0.5, "last": "1970-01-01T00:00:00Z"})
        );
        assert_eq!(events[0]["rows"][1]["page"], Value::Null);
        assert_eq!(
            events[0]["columns"][2],
            json!({"name": "share", "unit": "share"})
        );
    }
}
