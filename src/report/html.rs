//! A report as one page of HTML that needs nothing else.
//!
//! All of it can be read without scripts, in print, with a keyboard and by a screen reader: charts are
//! tables with bars in them, or drawings that say what they show. Everything from a log is text: it is
//! escaped where it is written, and nowhere becomes a part of a script, a style or an address.

use std::fmt::Write as _;

use super::{Cell, Chart, Filled, Report, Unit};
use crate::units::steers;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Width and height of a drawing over time, in its own units.
const WIDE: f64 = 960.0;
const HIGH: f64 = 180.0;

/// Characters of a name that are shown.
const LONGEST: usize = 300;

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The page. With several reports a list of links leads to each; with scripts it shows one at a time.
pub fn page(title: &str, reports: &[Report]) -> String {
    let title = escaped(title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n"
    );
    if reports.len() > 1 {
        page.push_str("<nav aria-label=\"Reports\"><ul>\n");
        for (at, report) in reports.iter().enumerate() {
            let _ = writeln!(
                page,
                "<li><a href=\"#report-{at}\">{}</a></li>",
                name_of(report)
            );
        }
        page.push_str("</ul></nav>\n");
    }
    page.push_str("</header>\n<main>\n");
    for (at, report) in reports.iter().enumerate() {
        article(at, report, &mut page);
    }
    if reports.is_empty() {
        page.push_str("<p>There are no rows in this period.</p>\n");
    }
    let _ = write!(
        page,
        "</main>\n<footer><p>Times are UTC.</p></footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page
}

fn name_of(report: &Report) -> String {
    let Report {
        table, from, to, ..
    } = report;
    escaped(&format!("{table}, {from} to {to}"))
}

fn article(at: usize, report: &Report, page: &mut String) {
    let _ = writeln!(
        page,
        "<article id=\"report-{at}\" tabindex=\"-1\">\n<h2>{}</h2>",
        name_of(report)
    );
    for section in &report.sections {
        let id = format!("r{at}-{}", section.id);
        let wide = match section.chart {
            Chart::Figures | Chart::Series | Chart::Heat => " class=\"wide\"",
            Chart::Bars => "",
        };
        let title = escaped(section.title);
        let _ = writeln!(
            page,
            "<section{wide} aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{title}</h3>"
        );
        match section.chart {
            _ if section.rows.is_empty() => page.push_str("<p>none</p>\n"),
            Chart::Figures => figures(section, report.before.as_ref(), page),
            Chart::Series => series(section, page),
            Chart::Bars => bars(section, page),
            Chart::Heat => heat(section, page),
        }
        page.push_str("</section>\n");
    }
    page.push_str("</article>\n");
}

fn figures(section: &Filled, before: Option<&Filled>, page: &mut String) {
    page.push_str("<dl>\n");
    for (at, name) in section.columns.iter().enumerate() {
        let (unit, cell) = (section.units[at], &section.rows[0][at]);
        let then = before.and_then(|before| before.rows.first()?.get(at));
        let then =
            then.map(|then| format!("<dd class=\"then\">before: {}</dd>", shown(then, unit)));
        let _ = writeln!(
            page,
            "<div><dt>{}</dt><dd{}>{}</dd>{}</div>",
            heading(name),
            if unit == Unit::Time {
                " class=\"time\""
            } else {
                ""
            },
            shown(cell, unit),
            then.filter(|_| unit != Unit::Time).unwrap_or_default(),
        );
    }
    page.push_str("</dl>\n");
}

/// A drawing of the first number over time, and all numbers in a table that is folded away.
fn series(section: &Filled, page: &mut String) {
    let Some(measure) = section.measure() else {
        return;
    };
    let most = section
        .rows
        .iter()
        .map(|row| row[measure].amount())
        .fold(0.0, f64::max);
    let name = heading(&section.columns[measure]);
    let top = shown(
        &section
            .rows
            .iter()
            .map(|row| &row[measure])
            .max_by(|a, b| a.amount().total_cmp(&b.amount()))
            .cloned()
            .unwrap_or(Cell::Null),
        section.units[measure],
    );
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDE} {HIGH}\" role=\"img\" aria-label=\"{name} over time, at most {top}\">"
    );
    let step = WIDE / count(section.rows.len());
    for (at, row) in section.rows.iter().enumerate() {
        let height = if most > 0.0 {
            row[measure].amount() / most * (HIGH - 4.0)
        } else {
            0.0
        };
        let (x, y) = (count(at) * step, HIGH - height);
        let width = (step - (step * 0.15).min(2.0)).max(0.5);
        let tip: Vec<String> = (0..row.len())
            .map(|at| {
                format!(
                    "{} {}",
                    heading(&section.columns[at]),
                    shown(&row[at], section.units[at])
                )
            })
            .collect();
        let _ = writeln!(
            page,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"><title>{}</title></rect>",
            tip.join(", ")
        );
    }
    let ends = [section.rows.first(), section.rows.last()]
        .map(|row| row.map_or_else(String::new, |row| shown(&row[0], section.units[0])));
    let _ = writeln!(
        page,
        "</svg>\n<p class=\"axis\"><span>{}</span><span>{name}, at most {top}</span><span>{}</span></p>",
        ends[0], ends[1]
    );
    page.push_str("<details><summary>Numbers</summary>\n");
    table(section, None, page);
    page.push_str("</details>\n");
}

fn bars(section: &Filled, page: &mut String) {
    table(section, section.measure(), page);
}

fn table(section: &Filled, measure: Option<usize>, page: &mut String) {
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"");
    page.push_str(&escaped(section.title));
    page.push_str("\"><table>\n<thead><tr>");
    for (name, unit) in section.columns.iter().zip(&section.units) {
        let class = if *unit == Unit::Text {
            ""
        } else {
            " class=\"number\""
        };
        let _ = write!(page, "<th scope=\"col\"{class}>{}</th>", heading(name));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let of = |row: &Vec<Cell>| measure.map_or(0.0, |at| row[at].amount());
    let most = section.rows.iter().map(of).fold(0.0, f64::max);
    for row in &section.rows {
        page.push_str("<tr>");
        for (at, (cell, unit)) in row.iter().zip(&section.units).enumerate() {
            let value = shown(cell, *unit);
            let part = if most > 0.0 {
                of(row) / most * 100.0
            } else {
                0.0
            };
            let _ = match (at, unit) {
                (0, _) => write!(
                    page,
                    "<th scope=\"row\"><span class=\"bar\" style=\"width:{part:.1}%\"></span><span class=\"name\" title=\"{value}\">{value}</span></th>"
                ),
                (_, Unit::Text) => write!(page, "<td>{value}</td>"),
                _ => write!(page, "<td class=\"number\">{value}</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

fn heat(section: &Filled, page: &mut String) {
    let counts = section.heat();
    let most = counts.iter().flatten().copied().fold(0.0, f64::max);
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Requests by weekday and hour\"><table class=\"heat\">\n<thead><tr><td></td>");
    for hour in 0..24 {
        let _ = write!(page, "<th scope=\"col\">{hour}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for day in [1, 2, 3, 4, 5, 6, 0] {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", &WEEKDAYS[day][..3]);
        for (hour, amount) in counts[day].iter().enumerate() {
            let part = if most > 0.0 { amount / most } else { 0.0 };
            let _ = write!(
                page,
                "<td style=\"--part:{part:.2}\" title=\"{} {hour}:00, {amount:.0}\"><span>{amount:.0}</span></td>",
                WEEKDAYS[day]
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

/// A value as people read it, escaped.
fn shown(cell: &Cell, unit: Unit) -> String {
    let text = cell.shown(unit);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(&text),
    }
}

fn heading(name: &str) -> String {
    escaped(&name.replace('_', " "))
}

#[expect(clippy::cast_precision_loss, reason = "a number of bars")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Text that stays text, between tags and within quotes. Characters that steer a display are shown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            steering if steers(steering) => out.extend(steering.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_a_log_is_text() {
        let evil = "</script><script>alert(1)</script>\" onload='x'&\u{202e}";
        let section = Filled {
            id: "agents",
            title: "Agents",
            chart: Chart::Bars,
            columns: vec!["agent".to_owned(), "requests".to_owned()],
            units: vec![Unit::Text, Unit::Count],
            rows: vec![vec![Cell::Text(evil.to_owned()), Cell::Whole(1_234_567)]],
        };
        let report = Report {
            table: "cloudfront".to_owned(),
            from: "2024-02-29".to_owned(),
            to: "2024-02-29".to_owned(),
            sections: vec![section],
            before: None,
        };
        let page = page(evil, &[report.clone(), report]);
        assert_eq!(page.matches("<script").count(), 1, "only ours");
        assert!(!page.contains("alert(1)<"));
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;&amp;\\u{202e}"));
        assert!(page.contains("1,234,567"));
        assert!(page.contains("href=\"#report-1\""));
    }
}
