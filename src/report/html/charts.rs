//! What the rows of a section look like on a page.

use std::fmt::Write as _;

use crate::units::{DAY_MICROS, Day};

use super::super::{Cell, Chart, Filled, Unit, change};
use super::{heading, shown};

/// Width and height of a drawing over time, in its own units.
const WIDE: f64 = 960.0;
const HIGH: f64 = 180.0;

/// Width of a bar in it at most: a few days are no blocks.
const WIDEST: f64 = 64.0;

/// Steps of time that are drawn; of more only those with rows are.
const STEPS: i64 = 2_000;

/// Characters of a name beyond which it may be cut off where it is shown.
const ROOM: usize = 40;

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A section and what is known around it.
pub(super) struct Drawing<'a> {
    pub(super) section: &'a Filled,
    /// Id of its heading.
    pub(super) id: &'a str,
    /// Earlier totals.
    pub(super) before: Option<&'a Filled>,
    /// All requests of the period.
    pub(super) requests: f64,
}

impl Drawing<'_> {
    /// Draws it in the form that it has.
    pub(super) fn draw(&self, page: &mut String) {
        match self.section.chart {
            _ if self.section.rows.is_empty() => page.push_str("<p class=\"none\">none</p>\n"),
            Chart::Figures => self.figures(page),
            Chart::Series => self.series(page),
            Chart::Bars => self.table(self.section.measure(), page),
            Chart::Heat => self.heat(page),
        }
    }

    fn figures(&self, page: &mut String) {
        page.push_str("<dl>\n");
        let before = self.before.and_then(|before| before.rows.first());
        for (at, name) in self.section.columns.iter().enumerate() {
            let (unit, cell) = (self.section.units[at], &self.section.rows[0][at]);
            let then = before.and_then(|before| before.get(at));
            let then = then.filter(|_| !unit.is_time()).map(|then| {
                let before = shown(then, unit);
                let text = change(cell, then, unit).map_or_else(
                    || format!("before: {before}"),
                    |change| format!("{change} from {before}"),
                );
                format!("<dd class=\"then\">{text}</dd>")
            });
            let class = if unit.is_time() {
                " class=\"time\""
            } else {
                ""
            };
            let _ = writeln!(
                page,
                "<div><dt>{}</dt><dd{class}>{}</dd>{}</div>",
                heading(name),
                shown(cell, unit),
                then.unwrap_or_default(),
            );
        }
        page.push_str("</dl>\n");
    }

    /// A drawing of each number over time, and all of them in a table that is folded away.
    fn series(&self, page: &mut String) {
        let times = self.section.rows.iter().map(|row| match row.first() {
            Some(Cell::Whole(micros)) => *micros,
            _ => 0,
        });
        let steps = Steps::of(&times.collect::<Vec<_>>());
        page.push_str("<div class=\"series\">\n");
        for measure in 1..self.section.columns.len() {
            self.plot(measure, &steps, page);
        }
        page.push_str("</div>\n<details><summary>Numbers</summary>\n");
        self.table(None, page);
        page.push_str("</details>\n");
    }

    fn plot(&self, measure: usize, steps: &Steps, page: &mut String) {
        let (rows, unit) = (&self.section.rows, self.section.units[measure]);
        let most = rows
            .iter()
            .max_by(|a, b| a[measure].amount().total_cmp(&b[measure].amount()));
        let Some(most) = most else { return };
        let (name, top) = (
            heading(&self.section.columns[measure]),
            shown(&most[measure], unit),
        );
        let when = |row: &[Cell]| shown(&row[0], self.section.units[0]);
        let _ = writeln!(
            page,
            "<figure><figcaption>{name}</figcaption>\n<span class=\"top\">{top}</span>\n\
             <svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"{name} over time, at most {top}, {}\">\n\
             <path class=\"grid\" vector-effect=\"non-scaling-stroke\" d=\"M0 .5H{WIDE}M0 60H{WIDE}M0 120H{WIDE}\"/>",
            when(most)
        );
        let step = WIDE / steps.count;
        let width = (step - (step * 0.15).min(2.0)).clamp(0.5, WIDEST);
        for (row, slot) in rows.iter().zip(&steps.slots) {
            let amount = row[measure].amount();
            if amount <= 0.0 {
                continue;
            }
            let height = (amount / most[measure].amount() * HIGH).max(1.0);
            let (x, y) = (slot * step + (step - width) / 2.0, HIGH - height);
            let _ = writeln!(
                page,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}: {}</title></rect>",
                when(row),
                shown(&row[measure], unit)
            );
        }
        let end = |row: Option<&Vec<Cell>>| row.map_or_else(String::new, |row| when(row));
        let _ = writeln!(
            page,
            "</svg>\n<p class=\"axis\"><span>{}</span><span>{}</span></p></figure>",
            end(rows.first()),
            end(rows.last().filter(|_| rows.len() > 1))
        );
    }

    fn table(&self, measure: Option<usize>, page: &mut String) {
        let section = self.section;
        let _ = write!(
            page,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{}\"><table{}>\n<thead><tr>",
            self.id,
            if section.units.iter().skip(1).any(|unit| *unit == Unit::Text) {
                " class=\"names\""
            } else {
                ""
            }
        );
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
            let bar = measure.map(|_| part(of(row), most) * 100.0);
            for (at, (cell, unit)) in row.iter().zip(&section.units).enumerate() {
                let share = if measure == Some(at) && section.columns[at] == "requests" {
                    share(cell.amount(), self.requests)
                } else {
                    String::new()
                };
                let _ = match (at, unit) {
                    (0, _) => name(cell, *unit, bar, page),
                    (_, Unit::Text) => {
                        write!(page, "<td class=\"text\">{}</td>", shown(cell, *unit))
                    }
                    _ => write!(
                        page,
                        "<td class=\"number\">{}{share}</td>",
                        shown(cell, *unit)
                    ),
                };
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div>\n");
    }

    fn heat(&self, page: &mut String) {
        let counts = self.section.heat();
        let most = counts.iter().flatten().copied().fold(0.0, f64::max);
        let _ = write!(
            page,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{}\">\
             <table class=\"heat\">\n<thead><tr><td></td>",
            self.id
        );
        for hour in 0..24 {
            let _ = write!(page, "<th scope=\"col\"><span>{hour}</span></th>");
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for day in [1, 2, 3, 4, 5, 6, 0] {
            let _ = write!(page, "<tr><th scope=\"row\">{}</th>", &WEEKDAYS[day][..3]);
            for (hour, amount) in counts[day].iter().enumerate() {
                let _ = write!(
                    page,
                    "<td{} title=\"{} {hour}:00, {amount:.0}\"><span>{amount:.0}</span></td>",
                    shade(part(*amount, most)),
                    WEEKDAYS[day]
                );
            }
            page.push_str("</tr>\n");
        }
        #[expect(clippy::cast_possible_truncation, reason = "a number of requests")]
        let most = shown(&Cell::Whole(most as i64), Unit::Count);
        let _ = writeln!(
            page,
            "</tbody></table></div>\n<p class=\"axis\"><span>requests, at most {most} in an hour of a weekday</span></p>"
        );
    }
}

/// The first cell of a row, with a bar of so many hundredths behind it.
fn name(cell: &Cell, unit: Unit, bar: Option<f64>, page: &mut String) -> std::fmt::Result {
    let value = shown(cell, unit);
    let bar = bar.map(|bar| format!("<span class=\"bar\" style=\"width:{bar:.1}%\"></span>"));
    let title = if value.len() > ROOM {
        format!(" title=\"{value}\"")
    } else {
        String::new()
    };
    write!(
        page,
        "<th scope=\"row\">{}<span class=\"name\"{title}>{value}</span></th>",
        bar.unwrap_or_default()
    )
}

/// One of ten shades, whose colours are those of the style.
fn shade(part: f64) -> &'static str {
    const SHADES: [&str; 11] = [
        "",
        " class=\"h1\"",
        " class=\"h2\"",
        " class=\"h3\"",
        " class=\"h4\"",
        " class=\"h5\"",
        " class=\"h6\"",
        " class=\"h7\"",
        " class=\"h8\"",
        " class=\"h9\"",
        " class=\"h10\"",
    ];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10"
    )]
    SHADES[((part * 10.0).ceil() as usize).min(10)]
}

/// What part of all requests these are.
fn share(requests: f64, all: f64) -> String {
    if all <= 0.0 {
        return String::new();
    }
    format!(" <small>{:.1}&nbsp;%</small>", requests / all * 100.0)
}

fn part(amount: f64, most: f64) -> f64 {
    if most > 0.0 { amount / most } else { 0.0 }
}

/// Where rows stand on an axis of time: those between them that are missing leave gaps.
struct Steps {
    slots: Vec<f64>,
    count: f64,
}

impl Steps {
    fn of(times: &[i64]) -> Self {
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let step = gaps.filter(|gap| *gap > 0).min().unwrap_or(DAY_MICROS);
        let number = |micros: i64| {
            if step >= 28 * DAY_MICROS {
                month(micros)
            } else {
                micros.div_euclid(step)
            }
        };
        let first = times.first().map_or(0, |time| number(*time));
        let slots: Vec<i64> = times.iter().map(|time| number(*time) - first).collect();
        let count = slots.last().map_or(1, |last| last + 1);
        #[expect(clippy::cast_precision_loss, reason = "a number of bars")]
        if (1..=STEPS).contains(&count) {
            Self {
                slots: slots.iter().map(|slot| *slot as f64).collect(),
                count: count as f64,
            }
        } else {
            Self {
                slots: (0..times.len()).map(|slot| slot as f64).collect(),
                count: times.len() as f64,
            }
        }
    }
}

/// Months since the year 0.
fn month(micros: i64) -> i64 {
    let text = Day::of_micros(micros).month();
    let (year, month) = text.rsplit_once('-').unwrap_or_default();
    year.parse().unwrap_or(0) * 12 + month.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_times_leave_gaps() {
        let micros = |day: &str| day.parse::<Day>().expect("a day").start_micros();
        let steps = |days: &[&str]| {
            let steps = Steps::of(&days.iter().map(|day| micros(day)).collect::<Vec<_>>());
            (steps.slots, steps.count)
        };
        let days = steps(&["2024-02-28", "2024-02-29", "2024-03-02"]);
        assert_eq!(days, (vec![0.0, 1.0, 3.0], 4.0));
        let months = steps(&["2023-11-01", "2024-02-01", "2024-03-01"]);
        assert_eq!(months, (vec![0.0, 3.0, 4.0], 5.0));
        assert_eq!(steps(&["2024-02-28"]), (vec![0.0], 1.0));
        let far = steps(&["1970-01-01", "1970-01-02", "2024-03-01"]);
        assert_eq!(far, (vec![0.0, 1.0, 2.0], 3.0));
    }
}
