//! Values as people read them, on a terminal and on a page.

use crate::units::{ByteSize, grouped, rfc3339};

use super::{Cell, Filled, Unit};

impl Cell {
    /// The value as a number, for the length of a bar; nothing is 0.
    pub fn amount(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "for the length of a bar")]
            Self::Whole(number) => *number as f64,
            Self::Real(number) => *number,
            _ => 0.0,
        }
    }

    /// The value with its unit. A text comes as it is in the log: who shows it escapes it.
    pub fn shown(&self, unit: Unit) -> String {
        match (self, unit) {
            (Self::Null, Unit::Text) => "(none)".to_owned(),
            (Self::Null, _) => "-".to_owned(),
            (Self::Text(text), _) if text.is_empty() => "(empty)".to_owned(),
            (Self::Text(text), _) => text.clone(),
            (Self::Whole(micros), Unit::Time | Unit::Day) => {
                let length = if unit == Unit::Day { 10 } else { 16 };
                let time = rfc3339(*micros).replace('T', " ");
                time.chars().take(length).collect()
            }
            (Self::Whole(bytes), Unit::Bytes) => {
                ByteSize(u64::try_from(*bytes).unwrap_or(0)).to_string()
            }
            (Self::Whole(number), _) => {
                let sign = if *number < 0 { "-" } else { "" };
                format!("{sign}{}", grouped(number.unsigned_abs()))
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it ends at the largest"
            )]
            (Self::Real(bytes), Unit::Bytes) => ByteSize(*bytes as u64).to_string(),
            (Self::Real(share), Unit::Share) => format!("{:.1} %", share * 100.0),
            (Self::Real(seconds), Unit::Seconds) => format!("{seconds:.3} s"),
            (Self::Real(millis), Unit::Millis) => format!("{millis:.0} ms"),
            (Self::Real(number), _) => format!("{number:.1}"),
        }
    }
}

/// How a figure has changed since an earlier one; nothing where that says nothing.
pub fn change(now: &Cell, before: &Cell, unit: Unit) -> Option<String> {
    let number = |cell: &Cell| {
        let is_number = matches!(cell, Cell::Whole(_) | Cell::Real(_));
        is_number.then(|| cell.amount())
    };
    let (now, before) = (number(now)?, number(before)?);
    match unit {
        Unit::Time | Unit::Day | Unit::Text => None,
        Unit::Share => Some(format!("{:+.1} points", (now - before) * 100.0)),
        _ if before == 0.0 => None,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least ten"
        )]
        _ if now / before >= 10.0 => Some(format!("{} times", grouped((now / before) as u64))),
        _ => Some(format!("{:+.1} %", (now / before - 1.0) * 100.0)),
    }
}

/// A period in words. Takes days and instants in RFC 3339.
pub fn span(from: &str, to: &str) -> String {
    let shown = |bound: &str| bound.replace('T', " ").replace('Z', "");
    format!("{} to {}", shown(from), shown(to))
}

impl Filled {
    /// Of a heat map: the numbers by weekday, Sunday first, and hour.
    pub fn heat(&self) -> [[f64; 24]; 7] {
        let mut heat = [[0.0_f64; 24]; 7];
        for row in &self.rows {
            let at = |at: usize| match row.get(at) {
                Some(Cell::Whole(number)) => usize::try_from(*number).ok(),
                _ => None,
            };
            if let (Some(day @ 0..7), Some(hour @ 0..24)) = (at(0), at(1)) {
                heat[day][hour] += row.get(2).map_or(0.0, Cell::amount);
            }
        }
        heat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_an_empty_text_look_different() {
        let shown = |cell: Cell, unit| cell.shown(unit);
        assert_eq!(shown(Cell::Null, Unit::Text), "(none)");
        assert_eq!(shown(Cell::Text(String::new()), Unit::Text), "(empty)");
        assert_eq!(shown(Cell::Null, Unit::Bytes), "-");
        assert_eq!(shown(Cell::Real(2e19), Unit::Bytes), "16.0 EiB");
    }

    #[test]
    fn changes_and_spans() {
        let whole = |now, then, unit| change(&Cell::Whole(now), &Cell::Whole(then), unit);
        assert_eq!(whole(15, 10, Unit::Count).as_deref(), Some("+50.0 %"));
        assert_eq!(whole(15, 0, Unit::Count), None);
        assert_eq!(whole(99, 10, Unit::Count).as_deref(), Some("+890.0 %"));
        assert_eq!(
            whole(12_345, 10, Unit::Count).as_deref(),
            Some("1,234 times")
        );
        assert_eq!(whole(15, 10, Unit::Time), None);
        let share = change(&Cell::Real(0.5), &Cell::Real(0.6), Unit::Share);
        assert_eq!(share.as_deref(), Some("-10.0 points"));
        assert_eq!(
            span("2024-02-29", "2024-03-01T12:30:00Z"),
            "2024-02-29 to 2024-03-01 12:30:00"
        );
    }
}
