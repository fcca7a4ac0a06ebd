//! A report as one page of HTML that needs nothing else.
//!
//! All of it can be read without scripts, in print, with a keyboard and by a screen reader: charts are
//! tables with bars in them, or drawings that say what they show. Everything from a log is text: it is
//! escaped where it is written, and nowhere becomes a part of a script, a style or an address. Should one
//! slip through all the same, the page allows no script but its own, by its hash, and no request.

mod charts;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{Cell, Chart, Report, Unit, span};
use crate::units::steers;

use charts::Drawing;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Bytes of a value that are shown, as they stand on the page: what keeps it small whatever a log holds.
const LONGEST: usize = 400;

/// The page. With several reports a list of links leads to each, those of a table together; with scripts it
/// shows one at a time.
///
/// Its size: 7 KB, and for each report less than 300 KB with lists of 10 rows, usually a tenth of that.
pub fn page(title: &str, reports: &[Report]) -> String {
    let title = escaped(title);
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n"
    );
    if reports.len() > 1 {
        links(reports, &mut page);
    }
    page.push_str("</header>\n<main>\n");
    for report in reports {
        article(report, &mut page);
    }
    if reports.is_empty() {
        page.push_str("<p>There are no rows.</p>\n");
    }
    let _ = write!(
        page,
        "</main>\n<footer><p>Times are UTC. Made by s3logs {}.</p></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// Links to the reports, as they are: a table and its periods.
fn links(reports: &[Report], page: &mut String) {
    page.push_str("<nav aria-label=\"Reports\"><ul>\n");
    let groups = reports.chunk_by(|one, next| one.table == next.table);
    for group in groups {
        let _ = writeln!(page, "<li>{}\n<ul>", escaped(&group[0].table));
        for report in group {
            let (id, period) = (id(report), escaped(&span(&report.from, &report.to)));
            let _ = writeln!(page, "<li><a href=\"#{id}\">{period}</a></li>");
        }
        page.push_str("</ul></li>\n");
    }
    page.push_str("</ul></nav>\n");
}

/// The same from page to page, so that a link leads to the same report when others have come.
fn id(report: &Report) -> String {
    escaped(&format!("{}-{}", report.table, report.from)).replace(' ', "-")
}

fn article(report: &Report, page: &mut String) {
    let id = id(report);
    let name = format!("{}, {}", report.table, span(&report.from, &report.to));
    let name = escaped(&name);
    let _ = writeln!(
        page,
        "<article id=\"{id}\" aria-labelledby=\"{id}-name\">\n\
         <div class=\"head\">\n<h2 id=\"{id}-name\" tabindex=\"-1\">{name}</h2>"
    );
    if let Some(before) = &report.before {
        let before = escaped(&span(&before.from, &before.to));
        let _ = writeln!(page, "<p>Totals are compared with {before}.</p>");
    }
    let _ = write!(page, "<nav aria-label=\"Sections of {name}\"><ul>");
    for section in &report.sections {
        let (at, title) = (section.id, escaped(section.title));
        let _ = write!(page, "<li><a href=\"#{id}-{at}\">{title}</a></li>");
    }
    page.push_str("</ul></nav>\n</div>\n");
    let totals = report.sections.first();
    let requests = totals.and_then(|totals| {
        let at = totals.columns.iter().position(|name| name == "requests")?;
        Some(totals.rows.first()?.get(at)?.amount())
    });
    for section in &report.sections {
        let id = format!("{id}-{}", section.id);
        let wide = match section.chart {
            Chart::Figures | Chart::Series | Chart::Heat => " class=\"wide\"",
            Chart::Bars => "",
        };
        let title = escaped(section.title);
        let _ = writeln!(
            page,
            "<section{wide} aria-labelledby=\"{id}\">\n<h3 id=\"{id}\" tabindex=\"-1\">{title}</h3>"
        );
        let drawing = Drawing {
            section,
            id: &id,
            before: report.before.as_ref().map(|before| &before.totals),
            requests: requests.unwrap_or(0.0),
        };
        drawing.draw(page);
        page.push_str("</section>\n");
    }
    page.push_str("</article>\n");
}

/// A value as people read it, escaped, and cut off where it is long.
fn shown(cell: &Cell, unit: Unit) -> String {
    let (text, is_whole) = escaped_to(&cell.shown(unit), LONGEST);
    if is_whole { text } else { text + "…" }
}

fn heading(name: &str) -> String {
    if name == "tls" {
        return "TLS".to_owned();
    }
    escaped(&name.replace('_', " "))
}

/// Text that stays text, between tags and within quotes. Characters that steer a display are shown.
fn escaped(text: &str) -> String {
    escaped_to(text, usize::MAX).0
}

/// The same up to about so many bytes, and whether that is all of it.
fn escaped_to(text: &str, most: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if out.len() >= most {
            return (out, false);
        }
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
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::super::{Filled, Unit};
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
            rules: None,
        };
        let mut other = report.clone();
        other.from = "2024-02-28T10:00:00Z".to_owned();
        let page = page(evil, &[report, other]);
        assert_eq!(page.matches("<script").count(), 1, "only ours");
        assert!(!page.contains("alert(1)<"));
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;&amp;\\u{202e}"));
        assert!(page.contains("1,234,567"));
        assert!(page.contains("href=\"#cloudfront-2024-02-28T10:00:00Z\""));
        assert!(page.contains("2024-02-28 10:00:00 to 2024-02-29"));
    }

    #[test]
    fn a_page_stays_small_whatever_a_log_holds() {
        let evil = Cell::Text("\u{202e}".repeat(2_000));
        let report = |id: &str, sections: &'static [super::super::Section]| Report {
            table: id.to_owned(),
            from: "2024-02-01".to_owned(),
            to: "2024-02-29".to_owned(),
            sections: sections
                .iter()
                .map(|section| full(section, &evil))
                .collect(),
            before: None,
            rules: None,
        };
        for table in ["cloudfront", "s3_access"] {
            let sections = super::super::sections(table).expect("a report");
            let size = page("Logs", &[report(table, sections)]).len();
            assert!((30_000..300_000).contains(&size), "{size}");
        }
    }

    /// How many columns a query has.
    fn columns_of(sql: &str) -> usize {
        let (mut depth, mut columns) = (0, 1);
        for (at, byte) in sql.bytes().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b',' if depth == 0 => columns += 1,
                _ if depth == 0 && sql[at..].starts_with(" FROM ") => break,
                _ => {}
            }
        }
        columns
    }

    /// A section with as many rows as it can have, and all of its columns texts.
    fn full(section: &super::super::Section, evil: &Cell) -> Filled {
        let columns = columns_of(section.sql);
        let rows = match section.chart {
            Chart::Figures => 1,
            Chart::Series => 100,
            Chart::Heat => 168,
            Chart::Bars => 10,
        };
        let texts = if section.chart == Chart::Bars { 2 } else { 0 };
        let cell = |column| {
            if column < texts {
                evil.clone()
            } else {
                Cell::Whole(1_709_164_800_000_000)
            }
        };
        let unit = |column| match column {
            _ if column < texts => Unit::Text,
            0 => Unit::Time,
            _ => Unit::Count,
        };
        Filled {
            id: section.id,
            title: section.title,
            chart: section.chart,
            columns: (0..columns).map(|at| format!("column{at}")).collect(),
            units: (0..columns).map(unit).collect(),
            rows: vec![(0..columns).map(cell).collect(); rows],
        }
    }
}
