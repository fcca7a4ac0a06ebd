//! Values as people read them, on a terminal and on a page.

use crate::units::{ByteSize, DAY_MICROS, grouped, rfc3339};

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
            (Self::Null, _) => "-".to_owned(),
            (Self::Text(text), _) => text.clone(),
            (Self::Whole(micros), Unit::Time) => {
                let length = if micros % DAY_MICROS == 0 { 10 } else { 16 };
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
            (Self::Real(share), Unit::Share) => format!("{:.1} %", share * 100.0),
            (Self::Real(seconds), Unit::Seconds) => format!("{seconds:.3} s"),
            (Self::Real(millis), Unit::Millis) => format!("{millis:.0} ms"),
            (Self::Real(number), _) => format!("{number:.1}"),
        }
    }
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
