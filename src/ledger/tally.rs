//! Sums over all commits: what `status` tells without reading them again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::schema::KeyPeriod;
use crate::units::Day;

use super::{Bucket, Commit, Done, Input, Output};

/// Sums over a dataset's commits.
///
/// Memory: one entry per day and table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Objects that are done, by the day that their keys carry.
    pub days: BTreeMap<Bucket, Objects>,
    /// What is in each table.
    pub tables: BTreeMap<String, Table>,
    /// How late objects came.
    pub lateness: Lateness,
}

/// Objects that are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Objects whose lines are in it.
    pub objects: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines left out because a row has the same line.
    #[serde(default)]
    pub duplicates: u64,
    /// Lines kept as rejects.
    pub rejects: u64,
    /// Header and blank lines.
    pub comments: u64,
    /// Objects of which only the lines before a damage are in it.
    pub partial: u64,
    /// Live Parquet files, by day.
    pub days: BTreeMap<Day, Files>,
}

/// Parquet files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// How many.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their size.
    pub bytes: u64,
}

impl Tally {
    /// Adds a commit's files.
    pub(super) fn add_files(&mut self, commit: &Commit) {
        for output in &commit.outputs {
            let files = self.files(output);
            files.files = files.files.saturating_add(1);
            files.rows = files.rows.saturating_add(output.rows);
            files.bytes = files.bytes.saturating_add(output.bytes);
        }
        for output in &commit.removed {
            let files = self.files(output);
            files.files = files.files.saturating_sub(1);
            files.rows = files.rows.saturating_sub(output.rows);
            files.bytes = files.bytes.saturating_sub(output.bytes);
            if files.files == 0 {
                let days = &mut self.tables.entry(output.table.clone()).or_default().days;
                days.remove(&output.day);
            }
        }
    }

    /// Adds an object that is done, whose key stands for this time.
    pub(super) fn add_object(&mut self, input: &Input, done: &Done, period: Option<KeyPeriod>) {
        let day = self.days.entry(period.into()).or_default();
        day.objects = day.objects.saturating_add(1);
        day.bytes = day.bytes.saturating_add(input.size);
        if !self.tables.contains_key(&done.table) {
            self.tables.insert(done.table.clone(), Table::default());
        }
        let table = self.tables.get_mut(&done.table).expect("it is there now");
        table.objects = table.objects.saturating_add(1);
        table.rows = table.rows.saturating_add(done.rows);
        table.duplicates = table.duplicates.saturating_add(done.duplicates);
        table.rejects = table.rejects.saturating_add(done.rejects);
        table.comments = table.comments.saturating_add(done.comments);
        table.partial = table.partial.saturating_add(u64::from(done.partial));
        if let Some(period) = period.filter(|_| input.modified != 0) {
            let late = input.modified.saturating_sub(period.until);
            let late = late.div_euclid(1_000_000);
            self.lateness.add(u64::try_from(late).unwrap_or(0));
        }
    }

    fn files(&mut self, output: &Output) -> &mut Files {
        let table = self.tables.entry(output.table.clone()).or_default();
        table.days.entry(output.day).or_default()
    }
}

/// How long after the end of the time in their keys objects were last modified, in seconds.
///
/// Memory: at most some 900 counts; each stands for a span of at most 1/16 of its length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Objects by step of the scale.
    counts: BTreeMap<u32, u64>,
    /// The longest.
    pub max: u64,
}

/// Steps per power of two, as a power of two.
const FINENESS: u32 = 4;

impl Lateness {
    fn add(&mut self, seconds: u64) {
        *self.counts.entry(step(seconds)).or_default() += 1;
        self.max = self.max.max(seconds);
    }

    /// Objects that were counted.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// What this share of the objects (0.5: half of them) does not exceed, at most 1/16 too long;
    /// `None` if there is no object.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count, to the nearest object"
        )]
        let rank = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut below = 0_u64;
        self.counts.iter().find_map(|(step, count)| {
            below += count;
            (below >= rank).then(|| last_of(*step).min(self.max))
        })
    }
}

/// The step of the scale: exact below 32 seconds, then 16 steps to each doubling.
fn step(seconds: u64) -> u32 {
    let power = seconds.max(1).ilog2();
    if power <= FINENESS {
        return u32::try_from(seconds).unwrap_or(u32::MAX);
    }
    let within = u32::try_from(seconds >> (power - FINENESS)).unwrap_or(u32::MAX);
    ((power - FINENESS) << FINENESS) + within
}

/// The longest time of a step.
fn last_of(step: u32) -> u64 {
    let power = step >> FINENESS;
    if power <= 1 {
        return u64::from(step);
    }
    let within = u64::from((step & ((1 << FINENESS) - 1)) | 1 << FINENESS);
    ((within + 1) << (power - 1)) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_step_holds_its_time_within_a_sixteenth(seconds in 0..1_u64 << 40) {
            let last = last_of(step(seconds));
            prop_assert!(seconds <= last && last - seconds <= seconds / 16, "{seconds} {last}");
            prop_assert_eq!(step(last), step(seconds));
            prop_assert!(step(last + 1) > step(last));
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_times(mut times in proptest::collection::vec(0..1_000_000_u64, 1..80)) {
            let mut lateness = Lateness::default();
            for time in &times {
                lateness.add(*time);
            }
            times.sort_unstable();
            for (share, at) in [(0.5, times.len().div_ceil(2) - 1), (1.0, times.len() - 1)] {
                let found = lateness.quantile(share).expect("there are some");
                prop_assert!(times[at] <= found && found <= times[at] + times[at] / 16);
            }
            prop_assert_eq!(lateness.quantile(1.0), times.last().copied());
        }
    }

    #[test]
    fn removed_files_count_no_more() {
        let output = Output {
            path: "t/dt=2026-03-01/a.parquet".to_owned(),
            table: "t".to_owned(),
            day: Day(20_000),
            rows: 5,
            bytes: 7,
            min_ts: 0,
            max_ts: 0,
        };
        let mut tally = Tally::default();
        tally.add_files(&Commit {
            outputs: vec![output.clone(), output.clone()],
            ..Commit::default()
        });
        assert_eq!(tally.tables["t"].days[&Day(20_000)].rows, 10);
        let removed = vec![output.clone()];
        let removal = Commit {
            removed,
            ..Commit::default()
        };
        tally.add_files(&removal);
        assert_eq!(tally.tables["t"].days[&Day(20_000)].files, 1);
        tally.add_files(&removal);
        assert!(tally.tables["t"].days.is_empty());
    }
}
