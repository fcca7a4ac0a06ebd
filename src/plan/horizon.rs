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
    by_head: HashMap<String, i64>,
    lookback: i64,
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

    /// Takes note of a known key.
    pub fn learn(&mut self, key: &str) {
        let Some(stamp) = key_stamp(key) else { return };
        let head = key.get(..stamp.start).unwrap_or_default();
        let from = stamp.period.from;
        match self.by_head.get_mut(head) {
            Some(newest) => *newest = from.max(*newest),
            None => drop(self.by_head.insert(head.to_owned(), from)),
        }
    }

    /// The key behind which a listing can go on after `key`, if there is anything to leave out;
    /// that may be followed by another jump.
    pub fn jump(&self, key: &str) -> Option<String> {
        let KeyStamp {
            start,
            separator,
            period,
        } = key_stamp(key)?;
        let head = key.get(..start)?;
        let known = self.by_head.get(head).map(|newest| newest - self.lookback);
        let horizon = self.everywhere.max(known)?;
        let before = Day(Day::of_micros(horizon).0 - 1);
        if period.until > horizon || period.day() > before {
            return None;
        }
        let year = key.get(start..start + 4)?;
        let day = before
            .to_string()
            .replace('-', separator.encode_utf8(&mut [0; 4]));
        // All of a day comes before this, whatever follows the day in a key. Keys of one head that
        // have the time in folders and in names stand by turns, year by year.
        let behind = if day.starts_with(year) {
            format!("{head}{day}~")
        } else {
            format!("{head}{year}{separator}~")
        };
        (behind.as_str() > key).then_some(behind)
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
    fn jumps_to_the_day_before_the_horizon_of_its_own_head_year_by_year() {
        let mut horizons = Horizons::lookback(14 * DAY_MICROS);
        horizons.learn("p/E1.2026-03-20-10.a.gz");
        horizons.learn("p/E1.2026-03-30-10.a.gz");
        horizons.learn("q/1/2/2026/03/30/2026-03-30-00-00-00-A");
        let jump = |key: &str| horizons.jump(key);
        assert_eq!(
            jump("p/E1.2026-01-01-00.b.gz").as_deref(),
            Some("p/E1.2026-03-15~")
        );
        assert_eq!(
            jump("p/E1.2024-01-01-00.b.gz").as_deref(),
            Some("p/E1.2024-~"),
            "p/E1.2025/ may come next"
        );
        assert_eq!(jump("p/E1.2026-03-16-12.b.gz"), None, "inside the lookback");
        assert_eq!(jump("p/E2.2025-01-01-00.b.gz"), None, "an unknown head");
        assert_eq!(jump("p/readme"), None);
        let since = Horizons::since("2026-03-01".parse::<Day>().map(Day::start_micros).ok());
        assert_eq!(
            since.jump("new/2025-12-31-23-59-59-X").as_deref(),
            Some("new/2025-~")
        );
        assert_eq!(Horizons::default().jump("p/E1.2025-01-01-00.b.gz"), None);
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
        /// No key that is young enough lies between an old key and where the listing goes on.
        #[test]
        fn nothing_young_is_jumped_over(
            old in 20_000i32..20_500, newest in 20_000i32..20_500, between in 20_000i32..20_500, rest in "[-A-Z0-9]{0,8}",
        ) {
            let key = |day: i32| format!("p/E1.{}-10.{rest}", Day(day));
            let mut horizons = Horizons::lookback(14 * DAY_MICROS);
            horizons.learn(&key(newest));
            if let Some(behind) = horizons.jump(&key(old)) {
                let young = between >= newest - 14;
                prop_assert!(!young || key(between) > behind);
            }
        }
    }
}
