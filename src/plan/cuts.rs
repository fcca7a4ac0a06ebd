//! Where a listing can be cut into stretches that are listed at the same time.
//!
//! Cuts only say where one stretch ends and the next one begins, so nothing is lost wherever they are;
//! that keys carry their time, and how densely, is used to make the stretches about equally long.

use crate::schema::{KeyStamp, key_stamp};
use crate::store::ObjectMeta;
use crate::units::{DAY_MICROS, Day};

const HOUR_MICROS: i64 = DAY_MICROS / 24;

/// How long the stretches are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Pages in a stretch, as far as can be told from one page.
    pub pages: u32,
    /// Most cuts.
    pub most: usize,
    /// The time from which on keys are not wanted.
    pub until: Option<i64>,
}

/// Cuts behind a page of a listing: each is a text behind which a stretch begins, in order. None if
/// the page does not tell, as its keys carry no time or are of several kinds, or where a stretch would
/// reach beyond what is wanted.
pub fn cuts(page: &[ObjectMeta], lengths: Lengths) -> Vec<String> {
    let rhythm = page.last().and_then(|last| {
        let stamp = key_stamp(&last.key)?;
        let head = last.key.get(..stamp.start)?;
        Some((head, stamp, time_of_a_page(page, head, stamp)?))
    });
    let Some((head, stamp, page_time)) = rhythm else {
        return Vec::new();
    };
    let unit = if stamp.separator == '-' && stamp.period.until - stamp.period.from <= HOUR_MICROS {
        HOUR_MICROS
    } else {
        DAY_MICROS
    };
    let length = (page_time.saturating_mul(i64::from(lengths.pages)) / unit).max(1) * unit;
    let begin = stamp.period.from - stamp.period.from.rem_euclid(unit);
    let times = (1..).map_while(|number: i64| begin.checked_add(length.checked_mul(number)?));
    times
        .take(lengths.most)
        .take_while(|time| lengths.until.is_none_or(|until| *time < until))
        .map(|time| text(head, time, stamp.separator, unit))
        .collect()
}

/// The time that the keys of a page span which have the head of its last one, if these are most of it,
/// for as many as are on the page.
fn time_of_a_page(page: &[ObjectMeta], head: &str, last: KeyStamp) -> Option<i64> {
    let first = page
        .iter()
        .position(|object| object.key.starts_with(head))?;
    let stamp = key_stamp(&page.get(first)?.key)?;
    if (stamp.start, stamp.separator) != (last.start, last.separator) || 2 * first > page.len() {
        return None;
    }
    let span = (last.period.from - stamp.period.from).max(0);
    let (all, of_head) = (page.len(), page.len() - first);
    let scale = |count: usize| i64::try_from(count).ok();
    Some(span / scale(of_head)? * scale(all)?)
}

fn text(head: &str, time: i64, separator: char, unit: i64) -> String {
    let day = Day::of_micros(time);
    let date = day.to_string().replace('-', &separator.to_string());
    if unit == DAY_MICROS {
        return format!("{head}{date}");
    }
    let hour = (time - day.start_micros()) / HOUR_MICROS;
    format!("{head}{date}-{hour:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: impl IntoIterator<Item = String>) -> Vec<ObjectMeta> {
        let object = |key| ObjectMeta {
            key,
            size: 1,
            etag: String::new(),
            modified: 0,
            archived: false,
        };
        keys.into_iter().map(object).collect()
    }

    const LENGTHS: Lengths = Lengths {
        pages: 4,
        most: 3,
        until: None,
    };

    #[test]
    fn stretches_are_as_long_as_a_page_tells() {
        // A page spans two hours.
        let s3 = page((0..=120).map(|minute| {
            format!(
                "p/2026-03-01-{:02}-{:02}-00-A",
                10 + minute / 60,
                minute % 60
            )
        }));
        let expected = ["p/2026-03-01-19", "p/2026-03-02-02", "p/2026-03-02-09"];
        assert_eq!(cuts(&s3, LENGTHS), expected);
        let until = "2026-03-02".parse::<Day>().map(Day::start_micros).ok();
        let bounded = Lengths { until, ..LENGTHS };
        assert_eq!(cuts(&s3, bounded), expected[..1]);
        let folders =
            page((1..=3).map(|day| format!("p/2026/03/{day:02}/2026-03-{day:02}-00-00-00-A")));
        assert_eq!(
            cuts(&folders, LENGTHS),
            ["p/2026/03/11", "p/2026/03/19", "p/2026/03/27"]
        );
        // More in an hour than a page holds.
        let dense = page((0..9).map(|number| format!("p/E1.2026-03-01-23.{number}.gz")));
        let expected = [
            "p/E1.2026-03-02-00",
            "p/E1.2026-03-02-01",
            "p/E1.2026-03-02-02",
        ];
        assert_eq!(cuts(&dense, LENGTHS), expected);
    }

    #[test]
    fn a_page_that_does_not_tell_is_not_cut_behind() {
        assert!(cuts(&[], LENGTHS).is_empty());
        let undated = page(["p/a".to_owned(), "p/b".to_owned()]);
        assert!(cuts(&undated, LENGTHS).is_empty());
        let days = |head: &str, days: std::ops::Range<u32>| -> Vec<String> {
            days.map(|day| format!("{head}2026-03-{day:02}-00-00-00-A"))
                .collect()
        };
        let two_heads = page([days("p/", 1..8), days("q/", 1..3)].concat());
        assert!(
            cuts(&two_heads, LENGTHS).is_empty(),
            "most is of another kind"
        );
        let two_heads = page([days("p/", 1..3), days("q/", 1..8)].concat());
        assert!(!cuts(&two_heads, LENGTHS).is_empty());
    }
}
