//! Rows in the order of keys, to what changes in which frame.

use std::io;

use super::prefixes::{Prefix, Prefixes};
use super::{Action, Life, Spool, State, Timeline};

/// What happens to an object within one frame, all of it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The frame, 0 for how things are at the beginning.
    pub frame: u16,
    /// The object's rank among the keys.
    pub object: u64,
    /// What it was.
    pub from: State,
    /// What it is now.
    pub to: State,
    /// Nothing was known of it before.
    pub first: bool,
    /// It was moved to another storage class, and can be read.
    pub moved: bool,
}

/// What the rows came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Objects that the film shows.
    pub objects: u64,
    /// Rows of the time that it shows.
    pub events: u64,
    /// Those of them that moved an object to another storage class.
    pub moves: u64,
    /// Objects that become present, marked, expired, absent in a frame, by frame.
    pub turns: Vec<[u64; 4]>,
    /// Names of the largest stretches.
    pub prefixes: Vec<Prefix>,
}

/// Replays objects one after the other. Takes a few bytes for each frame and no more for more objects.
///
/// An object is in the film if something happens to it there, or if it is not absent at the beginning.
#[derive(Debug)]
pub struct Replay {
    timeline: Timeline,
    versioned: bool,
    /// Where changes go; `None` only counts.
    spool: Option<Spool>,
    replayed: Replayed,
    prefixes: Prefixes,
    key: Option<Vec<u8>>,
    object: Object,
    /// The rows of the object that carry one instant, by action.
    instant: i64,
    rows: [u64; Action::ALL.len()],
}

#[derive(Debug, Default)]
struct Object {
    life: Option<Life>,
    rank: Option<u64>,
    shown: State,
    /// It was there before the film, and is not when it begins.
    was: bool,
    /// The frame whose rows are being taken, and whether one of them moved it.
    pending: Option<(u16, bool)>,
}

impl Replay {
    /// A replay of keys that lie between these two.
    pub fn new(
        timeline: Timeline,
        versioned: bool,
        keys: (&[u8], &[u8]),
        spool: Option<Spool>,
    ) -> Self {
        let replayed = Replayed {
            turns: vec![[0; 4]; usize::from(timeline.frames)],
            ..Replayed::default()
        };
        Self {
            timeline,
            versioned,
            spool,
            replayed,
            prefixes: Prefixes::between(keys.0, keys.1),
            key: None,
            object: Object::default(),
            instant: 0,
            rows: [0; Action::ALL.len()],
        }
    }

    /// Takes a row; those of a key come together and in the order of time.
    ///
    /// # Errors
    /// What the spool's disk reports.
    pub fn row(&mut self, key: &[u8], at: i64, action: Action) -> io::Result<()> {
        if self.key.as_deref() != Some(key) {
            self.end_object()?;
            let mut last = self.key.take().unwrap_or_default();
            last.clear();
            last.extend_from_slice(key);
            self.key = Some(last);
        } else if at != self.instant {
            self.end_instant()?;
        }
        self.instant = at;
        self.rows[usize::from(action.code())] += 1;
        Ok(())
    }

    /// Takes what is left of the last object. Returns the spool, if there was one.
    ///
    /// # Errors
    /// What the spool's disk reports.
    pub fn finish(mut self) -> io::Result<(Replayed, Option<Spool>)> {
        self.end_object()?;
        self.replayed.prefixes = self.prefixes.finish();
        Ok((self.replayed, self.spool))
    }

    fn end_object(&mut self) -> io::Result<()> {
        self.end_instant()?;
        self.end_frame()?;
        self.object = Object::default();
        Ok(())
    }

    fn end_instant(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let taken = Action::ALL.into_iter().zip(rows);
        let mut taken = taken.filter(|(_, rows)| *rows > 0).peekable();
        let Some((first, _)) = taken.peek() else {
            return Ok(());
        };
        let frame = self.timeline.frame_of(self.instant);
        if self
            .object
            .pending
            .is_some_and(|(pending, _)| pending != frame)
        {
            self.end_frame()?;
        }
        let mut life = if let Some(life) = self.object.life {
            life
        } else {
            let before = Life::before(*first, self.versioned);
            if frame > 0 && before.state() != State::Absent {
                self.change(0, before.state(), false)?;
            }
            before
        };
        let mut moved = self.object.pending.is_some_and(|(_, moved)| moved);
        for (action, rows) in taken {
            for _ in 0..rows {
                life.take(action, self.versioned);
            }
            if frame > 0 {
                self.replayed.events += rows;
                if action == Action::Move {
                    self.replayed.moves += rows;
                    moved = true;
                }
            }
        }
        self.object.life = Some(life);
        self.object.pending = Some((frame, moved));
        Ok(())
    }

    /// Tells what became of the object in the frame whose rows have been taken.
    fn end_frame(&mut self) -> io::Result<()> {
        let (Some((frame, moved)), Some(life)) = (self.object.pending.take(), self.object.life)
        else {
            return Ok(());
        };
        let state = life.state();
        if frame == 0 && state == State::Absent {
            self.object.was = true;
            return Ok(());
        }
        if self.object.rank.is_none() && self.object.was {
            self.change(0, State::Absent, false)?;
        }
        let moved = moved && state == State::Present;
        if self.object.rank.is_none() || state != self.object.shown || moved {
            self.change(frame, state, moved)?;
        }
        Ok(())
    }

    fn change(&mut self, frame: u16, to: State, moved: bool) -> io::Result<()> {
        let first = self.object.rank.is_none();
        let object = self.object.rank.unwrap_or(self.replayed.objects);
        if first {
            self.object.rank = Some(object);
            self.replayed.objects += 1;
            self.prefixes
                .take(self.key.as_deref().unwrap_or_default(), object);
        }
        let from = std::mem::replace(&mut self.object.shown, to);
        if from != to && frame > 0 {
            self.replayed.turns[usize::from(frame)][to as usize] += 1;
        }
        let change = Change {
            frame,
            object,
            from,
            to,
            first,
            moved,
        };
        match &mut self.spool {
            Some(spool) => spool.push(change),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Create, Delete, Expire, Mark, Move};
    use State::{Absent, Expired, Marked, Present};

    const SECOND: i64 = 1_000_000;

    /// Seconds are frames; the film begins at second 10.
    fn replay(versioned: bool, rows: &[(&str, i64, Action)]) -> (Replayed, Vec<Change>) {
        let timeline = Timeline {
            from: 10 * SECOND,
            step: SECOND,
            frames: 20,
        };
        let spool = Spool::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        let mut replay = Replay::new(timeline, versioned, (b"", b""), Some(spool));
        for (key, second, action) in rows {
            replay
                .row(key.as_bytes(), second * SECOND, *action)
                .expect("a row");
        }
        let (replayed, spool) = replay.finish().expect("the last");
        let mut merge = spool.expect("a spool").merge().expect("a file");
        let mut changes = Vec::new();
        for frame in 0..20 {
            let took = merge.frame(frame, |change| changes.push(change));
            took.expect("changes");
        }
        (replayed, changes)
    }

    /// Frame, object, before, after.
    fn told(rows: &[(&str, i64, Action)]) -> Vec<(u16, u64, State, State)> {
        let (_, changes) = replay(true, rows);
        let told = changes.iter();
        told.map(|one| (one.frame, one.object, one.from, one.to))
            .collect()
    }

    #[test]
    fn changes_of_all_objects_in_the_order_of_time() {
        let rows = [
            ("a", 12, Create),
            ("a", 14, Mark),
            ("a", 16, Expire),
            ("a", 18, Expire),
            ("b", 11, Delete),
            ("c", 13, Create),
        ];
        assert_eq!(
            told(&rows),
            [
                (0, 1, Absent, Present),
                (2, 1, Present, Marked),
                (3, 0, Absent, Present),
                (4, 2, Absent, Present),
                (5, 0, Present, Marked),
                (7, 0, Marked, Expired),
                (9, 0, Expired, Absent),
            ]
        );
        let (replayed, changes) = replay(true, &rows);
        assert_eq!((replayed.objects, replayed.events), (3, 6));
        assert_eq!(replayed.turns[9], [1, 0, 0, 0]);
        assert_eq!(replayed.turns.iter().flatten().sum::<u64>(), 6);
        assert_eq!(changes.iter().filter(|one| one.first).count(), 3);
    }

    #[test]
    fn within_a_second_what_puts_it_there_comes_first() {
        assert_eq!(
            told(&[("a", 12, Delete), ("a", 12, Create)]),
            [(3, 0, Absent, Marked)]
        );
        // A frame tells what an object is at its end.
        let seen = told(&[("a", 12, Create), ("b", 12, Create), ("b", 13, Delete)]);
        assert_eq!(
            seen[1..],
            [(3, 1, Absent, Present), (4, 1, Present, Marked)]
        );
    }

    #[test]
    fn what_came_before_the_film_is_its_beginning() {
        let rows = [
            // Gone before it begins, and not heard of again.
            ("a", 1, Create),
            ("a", 2, Delete),
            // There all the time.
            ("b", 1, Create),
            // Gone, and there again.
            ("c", 1, Create),
            ("c", 2, Delete),
            ("c", 12, Create),
        ];
        let (replayed, changes) = replay(false, &rows);
        assert_eq!((replayed.objects, replayed.events), (2, 1));
        let told = changes
            .iter()
            .map(|one| (one.frame, one.object, one.to, one.first));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (0, 0, Present, true),
                (0, 1, Absent, true),
                (3, 1, Present, false)
            ]
        );
    }

    #[test]
    fn moves_are_told_where_there_is_something_to_read() {
        let rows = [
            ("a", 12, Create),
            ("a", 13, Move),
            ("a", 14, Mark),
            ("a", 15, Move),
        ];
        let (replayed, changes) = replay(true, &rows);
        assert_eq!(replayed.moves, 2);
        let moved = changes.iter().map(|one| (one.frame, one.moved));
        assert_eq!(
            moved.collect::<Vec<_>>(),
            [(3, false), (4, true), (5, false)]
        );
    }
}
