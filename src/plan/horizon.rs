//! Where a listing can leave out keys that are too old.
//!
//! Keys that carry their time stand together by what comes before the time (their head) and, within
//! a head, in the order of time. So from an old key a listing can jump to the first one that is
//! young enough, without missing a head that nobody has seen yet.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::schema::{KeyStamp, key_stamp};
use crate::units::{DAY_MICROS, Day};

use super::selection::TimeRange;

/// How much later than wanted the day of a folder must be for it to be left out: what it holds may be
/// named after a day before.
const FOLDER_MARGIN: i64 = 2 * DAY_MICROS;

/// Up to which time keys are left out, and from which on.
///
/// What stands between the days of a head is taken for one of them.
///
/// Memory: one entry per head, of which there are as many as distributions and log prefixes.
#[derive(Clone, Debug, Default)]
pub struct Horizons {
    everywhere: Option<i64>,
    until: Option<i64>,
    /// The newest that is known of each head, of keys whose time is written with `-` and with `/`.
    by_head: [HashMap<String, i64>; 2],
    lookback: i64,
}

/// Where a listing can go on, and what it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The key behind which it goes on.
    pub behind: String,
    /// What the keys begin with that are left out.
    pub head: String,
    /// They are from before this day; none if they are from after what is wanted.
    pub before: Option<Day>,
}

impl Horizons {
    /// Keys before `since` are left out everywhere; with `None` no key is.
    pub fn since(since: Option<i64>) -> Self {
        Self {
            everywhere: since,
            ..Self::default()
        }
    }

    /// Keys outside of a span of time are left out everywhere.
    pub fn within(range: TimeRange) -> Self {
        Self {
            until: range.until,
            ..Self::since(range.since)
        }
    }

    /// The time from which on keys are left out.
    pub fn until(&self) -> Option<i64> {
        self.until
    }

    /// Keys more than `lookback` microseconds older than the newest one that is known of the same
    /// head are left out.
    pub fn lookback(lookback: i64) -> Self {
        Self {
            lookback,
            ..Self::default()
        }
    }

    /// Takes note of the newest time that is known of the keys with a head and a separator between
    /// year, month and day; microseconds UTC.
    pub fn learn(&mut self, head: &str, separator: char, newest: i64) {
        let by_head = &mut self.by_head[usize::from(separator == '/')];
        by_head.insert(head.to_owned(), newest);
    }

    /// Where a listing can go on after `key`, if there is anything to leave out.
    pub fn jump(&self, key: &str) -> Option<Jump> {
        let stamp = key_stamp(key)?;
        let jump = self.over_old(key, stamp);
        jump.or_else(|| self.over_new(key, stamp))
            .filter(|jump| jump.behind.as_str() > key)
    }

    fn over_old(&self, key: &str, stamp: KeyStamp) -> Option<Jump> {
        let KeyStamp {
            start,
            separator,
            period,
        } = stamp;
        let head = key.get(..start)?;
        let known = self.by_head[usize::from(separator == '/')].get(head);
        let horizon = self
            .everywhere
            .max(known.map(|newest| newest - self.lookback))?;
        let before = Day::of_micros(horizon);
        // On the day of the horizon itself there is nothing to leave out: whole days are.
        if period.until > horizon || period.day() >= before {
            return None;
        }
        let last = Day(before.0 - 1);
        // Never beyond the year: between the years of `2025/12/31/` stand those of `2026-03-20-`, which
        // are of another kind.
        let last = if last.to_string().starts_with(key.get(start..start + 4)?) {
            last
        } else {
            last_of_year(period.day())?
        };
        Some(Jump {
            behind: behind(head, last, separator),
            head: head.to_owned(),
            before: Some(before),
        })
    }

    fn over_new(&self, key: &str, stamp: KeyStamp) -> Option<Jump> {
        let separator = stamp.separator;
        let margin = if separator == '/' { FOLDER_MARGIN } else { 0 };
        let until = self.until?.saturating_add(margin);
        let (day, last_wanted) = (stamp.period.day(), Day::of_micros(until - 1));
        if stamp.period.from < until || day <= last_wanted {
            return None;
        }
        let head = key.get(..stamp.start)?;
        // What is named after a whole month stands behind its days.
        let last = if day.month() == last_wanted.month() {
            let end = |end| format!("{}-{end}", day.month()).parse::<Day>().ok();
            (28..=31).rev().find_map(end)?
        } else {
            last_of_year(day)?
        };
        Some(Jump {
            behind: behind(head, last, separator),
            head: head.to_owned(),
            before: None,
        })
    }
}

/// What comes after all keys of a head and a day.
fn behind(head: &str, day: Day, separator: char) -> String {
    let day = day.to_string().replace('-', &separator.to_string());
    // `~` comes after all that follows a day in a key.
    format!("{head}{day}~")
}

fn last_of_year(day: Day) -> Option<Day> {
    format!("{}-12-31", day.to_string().get(..4)?).parse().ok()
}

/// Whether a listing comes in an order in which jumps are sound: by bytes or by path segments.
#[derive(Clone, Debug)]
pub struct Order {
    last: Option<String>,
    by_bytes: bool,
    by_path: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            last: None,
            by_bytes: true,
            by_path: true,
        }
    }
}

impl Order {
    /// Takes the next key of a listing.
    pub fn see(&mut self, key: &str) {
        if let Some(last) = &self.last {
            self.by_bytes &= last.as_str() <= key;
            self.by_path &= by_path(last, key) != Ordering::Greater;
        }
        match &mut self.last {
            Some(last) => key.clone_into(last),
            None => self.last = Some(key.to_owned()),
        }
    }

    /// Whether `key`, if it came next, would stand behind `limit`, be there such a key or not.
    pub fn is_beyond(&self, key: &str, limit: &str) -> bool {
        let last = self.last.as_deref().unwrap_or_default();
        let by_bytes = self.by_bytes && last <= key;
        if by_bytes && key <= limit {
            return false;
        }
        let by_path_too = self.by_path && by_path(last, key) != Ordering::Greater;
        (by_bytes || by_path_too) && (!by_path_too || by_path(key, limit) == Ordering::Greater)
    }

    /// Whether it has been in order so far.
    pub fn holds(&self) -> bool {
        self.by_bytes || self.by_path
    }
}

/// Whether a key stands behind another one in either order.
pub fn is_behind(key: &str, limit: &str) -> bool {
    key > limit && by_path(key, limit) == Ordering::Greater
}

fn by_path(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::DAY_MICROS;

    #[test]
    fn jumps_to_the_day_before_the_horizon_of_its_own_head() {
        let mut horizons = Horizons::lookback(14 * DAY_MICROS);
        let newest = Day::from_ymd(2026, 3, 30).map_or(0, Day::start_micros);
        horizons.learn("p/E1.", '-', newest);
        horizons.learn("q/1/2/", '/', newest);
        let jump = |key: &str| horizons.jump(key).map(|jump| jump.behind);
        let far = horizons.jump("p/E1.2026-01-01-00.b.gz");
        let before = "2026-03-16".parse().expect("a day");
        let expected = Jump {
            behind: "p/E1.2026-03-15~".to_owned(),
            head: "p/E1.".to_owned(),
            before: Some(before),
        };
        assert_eq!(far, Some(expected));
        let year = jump("p/E1.2025-01-01-00.b.gz");
        assert_eq!(year.as_deref(), Some("p/E1.2025-12-31~"), "year by year");
        let folders = jump("q/1/2/2026/01/31/2026-01-31-00-00-00-A");
        assert_eq!(folders.as_deref(), Some("q/1/2/2026/03/15~"));
        assert_eq!(jump("p/E1.2026-03-16-12.b.gz"), None, "inside the lookback");
        assert_eq!(jump("p/E2.2025-01-01-00.b.gz"), None, "an unknown head");
        let mut new_year = Horizons::lookback(14 * DAY_MICROS);
        let noon = Day::from_ymd(2026, 1, 15).map_or(0, Day::start_micros) + DAY_MICROS / 2;
        new_year.learn("p/E1.", '-', noon);
        assert_eq!(
            new_year.jump("p/E1.2026-01-01-10.a.gz"),
            None,
            "not over the year"
        );
        assert_eq!(jump("p/readme"), None);
        let since = Horizons::since("2026-03-01".parse::<Day>().map(Day::start_micros).ok());
        assert_eq!(
            since
                .jump("new/2026-01-31-23-59-59-X")
                .map(|jump| jump.behind)
                .as_deref(),
            Some("new/2026-02-28~")
        );
        assert_eq!(Horizons::default().jump("p/E1.2026-01-01-00.b.gz"), None);
    }

    #[test]
    fn what_comes_later_than_wanted_is_left_out_by_the_month_and_by_the_year() {
        let until = "2026-03-11".parse::<Day>().map(Day::start_micros).ok();
        let horizons = Horizons::within(TimeRange { since: None, until });
        let jump = |key: &str| horizons.jump(key).map(|jump| (jump.behind, jump.before));
        let behind = |text: &str| Some((text.to_owned(), None));
        assert_eq!(jump("p/E1.2026-03-10-23.a.gz"), None);
        // `E1.2026-03.merged.gz` stands behind the days.
        assert_eq!(jump("p/E1.2026-03-11-00.a.gz"), behind("p/E1.2026-03-31~"));
        assert_eq!(jump("p/E1.2026-04-01-00.a.gz"), behind("p/E1.2026-12-31~"));
        assert_eq!(jump("p/E1.2027-04-01-00.a.gz"), behind("p/E1.2027-12-31~"));
        let folder = |day: &str| jump(&format!("p/{day}/E1.2026-03-10-23.a.gz"));
        assert_eq!(folder("2026/03/11"), None, "named after the day before");
        assert_eq!(folder("2026/03/13"), behind("p/2026/03/31~"));
    }

    #[test]
    fn order_is_by_bytes_or_by_path() {
        let holds = |keys: &[&str]| {
            let mut order = Order::default();
            for key in keys {
                order.see(key);
            }
            order.holds()
        };
        assert!(holds(&["a-b", "a.b", "a/b"]));
        assert!(holds(&["a/b", "a-b", "a.b"]));
        assert!(!holds(&["a/b", "a-b", "a.b", "A"]));
    }

    proptest! {
        /// No key that is young enough lies between an old key and where the listing goes on, in either
        /// order, also where two kinds of keys have the same head.
        #[test]
        fn nothing_young_is_jumped_over(
            old in 20_000i32..20_800, newest in 20_000i32..20_800, between in 20_000i32..20_800, rest in "[-A-Z0-9]{0,8}",
            folders in any::<bool>(), others in any::<bool>(),
        ) {
            let key = |day: i32, folders: bool| {
                let day = Day(day).to_string();
                let day = if folders { day.replace('-', "/") + "/x" } else { day + "-10-00-00-" };
                format!("p/{day}{rest}")
            };
            let mut horizons = Horizons::lookback(14 * DAY_MICROS);
            let separator = if folders { '/' } else { '-' };
            horizons.learn("p/", separator, Day(newest).start_micros());
            if let Some(jump) = horizons.jump(&key(old, folders)) {
                let young = between >= newest - 14 || others != folders;
                let there = key(between, others);
                let after_old = |order: fn(&str, &str) -> Ordering| order(&there, &key(old, folders)).is_gt();
                let after_jump = |order: fn(&str, &str) -> Ordering| order(&there, &jump.behind).is_gt();
                for order in [by_path, |a: &str, b: &str| a.cmp(b)] {
                    prop_assert!(!young || !after_old(order) || after_jump(order));
                }
            }
        }
    }
}
