//! Names of objects: the times they carry, and what a listing may jump over.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use s3logs::formats;
use s3logs::plan::{Horizons, Jump, Order, Shard};
use s3logs::schema::{Layout, Source, key_period, key_stamp};
use s3logs::units::{DAY_MICROS, Day};

use super::dice::Dice;

/// Takes each line of the input as a key, all of them as a listing.
pub(super) fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let keys: Vec<&str> = text.lines().take(40).collect();
    for key in &keys {
        time_stands_in_the_key(key);
        pieces_stand_in_the_key(key);
        one_shard_has(key);
    }
    let mut dice = Dice::of(data);
    nothing_young_is_jumped_over(&keys, &mut dice);
    sorted_keys_are_in_order(&keys);
}

fn time_stands_in_the_key(key: &str) {
    let period = key_period(key);
    if let Some(period) = period {
        assert!(period.from < period.until);
        assert!(period.until - period.from <= 31 * DAY_MICROS);
    }
    let Some(stamp) = key_stamp(key) else { return };
    assert!(period.is_some());
    let written: Vec<&str> = key[stamp.start..]
        .splitn(3, stamp.separator)
        .map(|part| part.get(..4).or(part.get(..2)).unwrap_or(part))
        .collect();
    let number = |at: usize, len: usize| written[at][..len].parse::<u32>().expect("digits");
    let year = i32::try_from(number(0, 4)).expect("four digits");
    let day = Day::from_ymd(year, number(1, 2), number(2, 2)).expect("a date");
    assert_eq!(stamp.period.day(), day);
    assert_eq!(Day::of_micros(stamp.period.until - 1), day);
}

fn pieces_stand_in_the_key(key: &str) {
    let _ = formats::by_name(key);
    for format in formats::ALL {
        for column in Layout::of(format).columns {
            if let Source::ObjectName(piece) = column.source {
                assert!(piece(key).is_none_or(|piece| key.contains(piece)));
            }
        }
    }
}

fn one_shard_has(key: &str) {
    let shard = |number: usize| format!("{number}/7").parse::<Shard>().expect("a shard");
    assert_eq!((1..=7).filter(|number| shard(*number).has(key)).count(), 1);
}

/// Keys of a head that are in reach of its horizon are listed, whichever way the listing is sorted.
fn nothing_young_is_jumped_over(keys: &[&str], dice: &mut Dice) {
    let lookback = i64::try_from(dice.roll(30)).expect("a few") * DAY_MICROS;
    let known = &keys[..dice.roll(keys.len() + 1)];
    let since = known.last().and_then(|key| key_stamp(key));
    let since = since
        .map(|stamp| stamp.period.from)
        .filter(|_| dice.roll(3) == 0);
    let mut horizons = match since {
        Some(since) => Horizons::since(Some(since)),
        None => Horizons::lookback(lookback),
    };
    if since.is_none() {
        let stamps = known.iter().filter_map(|key| Some((key, key_stamp(key)?)));
        let mut newest = BTreeMap::new();
        for (key, stamp) in stamps {
            let kind = (&key[..stamp.start], stamp.separator);
            let time = newest.entry(kind).or_insert(stamp.period.from);
            *time = stamp.period.from.max(*time);
        }
        for ((head, separator), time) in newest {
            horizons.learn(head, separator, time);
        }
    }
    let head_of = |key: &str| key_stamp(key).map(|stamp| key[..stamp.start].to_owned());
    for old in keys {
        let Some(Jump { behind, .. }) = horizons.jump(old) else {
            continue;
        };
        let head = head_of(old).expect("only a key with a time is jumped from");
        assert!(behind.as_str() > *old && behind.starts_with(&head));
        // Only what has the head and year in common can be passed at all.
        let common = &behind[..head.len() + 5];
        let of_head = |key: &&&str| head_of(key).as_ref() == Some(&head);
        let times = |key: &&str| key_stamp(key).map(|stamp| stamp.period);
        let separator_of = |key: &str| key_stamp(key).map(|stamp| stamp.separator);
        let of_kind = |key: &&&str| of_head(key) && separator_of(key) == separator_of(old);
        let newest = known
            .iter()
            .filter(of_kind)
            .filter_map(times)
            .map(|time| time.from);
        let horizon = since.or(newest.max().map(|from| from - lookback));
        let horizon = horizon.expect("there is one where it jumps");
        for key in keys {
            for order in [<str>::cmp, by_path] {
                let after = order(old, key) == Ordering::Less;
                if after && order(key, &behind) != Ordering::Greater {
                    let old_enough = times(key).is_none_or(|time| time.until <= horizon);
                    let passes = old_enough || !of_head(&key);
                    assert!(passes, "{key} between {old} and {behind}");
                    assert!(key.starts_with(common), "{key} between {old} and {behind}");
                }
            }
        }
    }
}

fn by_path(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

fn sorted_keys_are_in_order(keys: &[&str]) {
    for order in [<str>::cmp, by_path] {
        let mut sorted = keys.to_vec();
        sorted.sort_by(|a, b| order(a, b));
        let mut seen = Order::default();
        for key in sorted {
            seen.see(key);
        }
        assert!(seen.holds());
    }
}
