//! Seconds since 1970 to civil dates, without a time library.

pub const DAY: u64 = 86_400;
pub const HOUR: u64 = 3_600;
/// 2026-03-01T00:00:00Z, where the stamps begin.
pub const START: u64 = 20_513 * DAY;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in UTC, taken apart.
#[derive(Clone, Copy)]
pub struct Moment {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

impl Moment {
    /// Howard Hinnant's `civil_from_days`, for days after 1970.
    pub fn new(seconds: u64) -> Self {
        let shifted = seconds / DAY + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds / HOUR % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    pub fn month_name(&self) -> &'static str {
        let place = usize::try_from(self.month - 1).expect("a month is small");
        MONTHS[place]
    }

    /// `2026-03-01`
    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
