//! Where a listing can leave out keys that are too old.
//!
//! Keys that carry their time stand together by what comes before the time (their head) and, within
//! a head, in the order of time. So from an old key a listing can jump to the first one that is
//! young enough, without missing a head that nobody has seen yet.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::schema::{KeyStamp, key_stamp};
use crate::units::Day;

/// Up to which time keys are left out.
///
/// Memory: one entry per head, of which there are as many as distributions and log prefixes.
#[derive(Clone, Debug, Default)]
pub struct Horizons {
    everywhere: Option<i64>,
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
    /// They are from before this day.
    pub before: Day,
}

impl Horizons {
    /// Keys before `since` are left out everywhere; with `None` no key is.
    pub fn since(since: Option<i64>) -> Self {
        Self {
            everywhere: since,
            ..Self::default()
        }
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
        let KeyStamp {
            start,
            separator,
            period,
        } = key_stamp(key)?;
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
        let last = Day(before.0 - 1)
            .to_string()
            .replace('-', &separator.to_string());
        let year = key.get(start..start + 4)?;
        // `~` comes after all that follows a day or a year in a key. Never beyond the year: between the
        // years of `2025/12/31/` stand those of `2026-03-20-`, which are of another kind.
        let behind = if last.starts_with(year) {
            format!("{head}{last}~")
        } else {
            format!("{head}{year}{separator}~")
        };
        (behind.as_str() > key).then(|| Jump {
            behind,
            head: head.to_owned(),
            before,
        })
    }
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

    /// Whether it has been in order so far.
    pub fn holds(&self) -> bool {
        self.by_bytes || self.by_path
    }
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
            before,
        };
        assert_eq!(far, Some(expected));
        let year = jump("p/E1.2025-01-01-00.b.gz");
        assert_eq!(year.as_deref(), Some("p/E1.2025-~"), "year by year");
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
