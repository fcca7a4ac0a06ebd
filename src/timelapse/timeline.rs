//! Frames and the time that each stands for.

use crate::units::DAY_MICROS;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Steps that read well, and that fit into days.
const STEPS: [i64; 20] = [
    SECOND,
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY_MICROS,
    2 * DAY_MICROS,
    7 * DAY_MICROS,
    14 * DAY_MICROS,
    28 * DAY_MICROS,
];

/// The frames of a film: the first shows how things are at the beginning, each other what they are after
/// one more step of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The beginning, microseconds UTC.
    pub from: i64,
    /// Microseconds from frame to frame.
    pub step: i64,
    /// Frames, at least two.
    pub frames: u16,
}

impl Timeline {
    /// Frames that a film has at most.
    pub const MOST: u16 = 10_000;

    /// Frames of a film of which nothing else is said, at most.
    pub const USUAL: u16 = 300;

    /// As many frames as are asked for, over the time from the first to the last event.
    pub fn of_frames(first: i64, last: i64, frames: u16) -> Self {
        let frames = frames.clamp(2, Self::MOST);
        let steps = i64::from(frames) - 1;
        let step = (last.saturating_sub(first) / steps + 1).max(SECOND);
        Self {
            from: first,
            step,
            frames,
        }
    }

    /// A frame for each step, which begins where days do; `None` if that are more than [`MOST`](Self::MOST).
    pub fn every(first: i64, last: i64, step: i64) -> Option<Self> {
        let step = step.max(SECOND);
        let from = first.div_euclid(step) * step;
        let steps = (last - from) / step + 1;
        let frames = u16::try_from(steps + 1).ok()?;
        (frames <= Self::MOST).then_some(Self { from, step, frames })
    }

    /// The shortest step that reads well and gives at most [`USUAL`](Self::USUAL) frames.
    pub fn usual(first: i64, last: i64) -> Self {
        let fits = |step: &i64| {
            let all = Self::every(first, last, *step);
            all.filter(|all| all.frames <= Self::USUAL)
        };
        let found = STEPS.iter().find_map(fits);
        found.unwrap_or_else(|| Self::of_frames(first, last, Self::USUAL))
    }

    /// The frame in which an event shows.
    pub fn frame_of(&self, at: i64) -> u16 {
        if at < self.from {
            return 0;
        }
        let steps = (at - self.from) / self.step;
        let frame = u16::try_from(steps.saturating_add(1)).unwrap_or(u16::MAX);
        frame.min(self.frames - 1)
    }

    /// The instant that a frame shows, microseconds UTC: all before it has happened.
    pub fn time_of(&self, frame: u16) -> i64 {
        self.from + i64::from(frame) * self.step
    }
}

/// A length of time to the second: `1 h`, `15 h 24 min`, `2 d`.
pub fn step_text(micros: i64) -> String {
    let units = [
        (DAY_MICROS, "d"),
        (HOUR, "h"),
        (MINUTE, "min"),
        (SECOND, "s"),
    ];
    let mut left = micros;
    let mut parts = Vec::new();
    for (unit, name) in units {
        if left >= unit {
            parts.push(format!("{} {name}", left / unit));
        }
        left %= unit;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_frames_unless_there_are_too_many() {
        let day = 20_000 * DAY_MICROS;
        let film = Timeline::usual(day + 5 * MINUTE, day + 9 * DAY_MICROS);
        assert_eq!((film.from, film.step, film.frames), (day, HOUR, 218));
        assert_eq!(film.frame_of(day), 1);
        assert_eq!(film.frame_of(day - 1), 0);
        assert_eq!(film.frame_of(day + HOUR - 1), 1);
        assert_eq!(film.frame_of(day + HOUR), 2);
        assert_eq!(film.frame_of(day + 9 * DAY_MICROS), 217);
        assert_eq!(film.time_of(217), day + 9 * DAY_MICROS + HOUR);
        let days = Timeline::usual(day, day + 200 * DAY_MICROS);
        assert_eq!((days.step, days.frames), (DAY_MICROS, 202));
        let minutes = Timeline::usual(day, day + HOUR);
        assert_eq!((minutes.step, minutes.frames), (15 * SECOND, 242));
        assert_eq!(Timeline::usual(day, day).frames, 2);
        let ages = Timeline::usual(0, 40_000 * DAY_MICROS);
        assert_eq!(ages.frames, 300);
        assert_eq!(ages.frame_of(40_000 * DAY_MICROS), 299);
    }

    #[test]
    fn as_many_frames_as_are_asked_for() {
        for (last, frames) in [(0, 2), (10 * HOUR, 11), (7, 100), (HOUR, 10_000)] {
            let film = Timeline::of_frames(0, last, frames);
            assert_eq!(film.frames, frames);
            assert_eq!(film.frame_of(0), 1);
            let shown = film.frame_of(last);
            assert!(
                film.time_of(shown) > last && shown < frames,
                "{last} {frames}"
            );
        }
        assert_eq!(Timeline::every(0, 20_000 * HOUR, HOUR), None);
    }

    #[test]
    fn lengths_of_time() {
        let texts = [
            SECOND,
            90 * SECOND,
            3 * MINUTE,
            HOUR,
            36 * HOUR,
            7 * DAY_MICROS,
        ];
        let texts = texts.map(step_text);
        assert_eq!(
            texts,
            ["1 s", "1 min 30 s", "3 min", "1 h", "1 d 12 h", "7 d"]
        );
    }
}
