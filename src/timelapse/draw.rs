//! Changes to frames: what every cell looks like, one frame after the other.

use std::io;

use super::caption::Caption;
use super::palette::{MOVED, sort_of};
use super::picture::Picture;
use super::{Change, Layout, Merge, Palette, State, Timeline};

/// What a film is of.
#[derive(Clone, Debug)]
pub struct Film {
    /// The bucket, and the prefix if it is only a part of it.
    pub title: String,
    /// Its frames.
    pub timeline: Timeline,
    /// Its places.
    pub layout: Layout,
    /// Objects that become present, marked, expired, absent in a frame, by frame.
    pub turns: Vec<[u64; 4]>,
    /// Whether objects move to other storage classes.
    pub moves: bool,
}

/// How many objects are in which state after a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Not there yet.
    pub not_yet: u64,
    /// There to be read.
    pub present: u64,
    /// There, under a delete marker.
    pub marked: u64,
    /// Data gone, a delete marker left or lifecycle to blame.
    pub expired: u64,
    /// Gone with all that was left.
    pub gone: u64,
    /// Moved to another storage class in this frame.
    pub moved: u64,
}

/// Takes the frames of a film in their order.
pub trait Screen {
    /// Shows a picture, a byte for the colour of each dot, row by row.
    ///
    /// # Errors
    /// What the place that it is written to reports.
    fn show(&mut self, dots: &[u8], last: bool) -> io::Result<()>;
}

/// Draws a film. `each` is told what a frame shows, and stops the drawing with `false`; returns whether it
/// came to its end.
///
/// Memory: that of [`Layout::memory`], whatever the number of objects.
///
/// # Errors
/// What the spool or the screen reports.
pub fn draw(
    film: &Film,
    merge: &mut Merge,
    screen: &mut dyn Screen,
    each: &mut dyn FnMut(u16, &Counts) -> bool,
) -> io::Result<bool> {
    let mut stage = Stage::new(film);
    for frame in 0..film.timeline.frames {
        stage.begin_frame();
        merge.frame(frame, |change| stage.take(change))?;
        stage.color_cells();
        stage
            .caption
            .write(&mut stage.picture, frame, &stage.counts);
        if !each(frame, &stage.counts) {
            return Ok(false);
        }
        screen.show(&stage.picture.dots, frame + 1 == film.timeline.frames)?;
    }
    Ok(true)
}

/// Objects of a cell: present, marked, expired, and all that have been there.
type Cell = [u32; 4];
const KNOWN: usize = 3;

struct Stage<'a> {
    film: &'a Film,
    picture: Picture,
    palette: &'static Palette,
    cells: Vec<Cell>,
    /// Objects of a cell that are moved in this frame.
    moved: Vec<u32>,
    /// Cells whose colour may not be right.
    stale: Vec<bool>,
    counts: Counts,
    caption: Caption<'a>,
}

impl<'a> Stage<'a> {
    fn new(film: &'a Film) -> Self {
        let cells = film.layout.cells();
        let caption = Caption::new(film);
        let mut picture = Picture::new(film.layout.size());
        caption.write_once(&mut picture);
        Self {
            film,
            picture,
            palette: Palette::get(),
            cells: vec![Cell::default(); cells],
            moved: vec![0; cells],
            stale: vec![true; cells],
            counts: Counts {
                not_yet: film.layout.objects(),
                ..Counts::default()
            },
            caption,
        }
    }

    fn begin_frame(&mut self) {
        self.counts.moved = 0;
        for (moved, stale) in self.moved.iter_mut().zip(&mut self.stale) {
            *stale |= *moved > 0;
            *moved = 0;
        }
    }

    fn take(&mut self, change: Change) {
        let at = self.film.layout.cell_of(change.object);
        let Some(cell) = self.cells.get_mut(at) else {
            return;
        };
        self.stale[at] = true;
        let counts = &mut self.counts;
        if change.first {
            cell[KNOWN] += 1;
            counts.not_yet -= 1;
            counts.gone += 1;
        }
        for (state, comes) in [(change.from, false), (change.to, true)] {
            let count = match state {
                State::Absent => &mut counts.gone,
                State::Present => &mut counts.present,
                State::Marked => &mut counts.marked,
                State::Expired => &mut counts.expired,
            };
            *count = count.wrapping_add_signed(if comes { 1 } else { -1 });
            if let Some(place) = (state as usize).checked_sub(1) {
                cell[place] = cell[place].wrapping_add_signed(if comes { 1 } else { -1 });
            }
        }
        if change.moved {
            self.moved[at] += 1;
            counts.moved += 1;
        }
    }

    fn color_cells(&mut self) {
        for at in 0..self.cells.len() {
            if !std::mem::take(&mut self.stale[at]) {
                continue;
            }
            let (cell, objects) = (self.cells[at], self.film.layout.objects_of(at));
            let [present, marked, expired, known] = cell.map(u64::from);
            let color = if u64::from(self.moved[at]) * 2 >= objects && self.moved[at] > 0 {
                MOVED
            } else {
                let gone = known - present - marked - expired;
                let mut sorts = [objects - known, gone, 0, 0, 0];
                sorts[sort_of(State::Present)] = present;
                sorts[sort_of(State::Marked)] = marked;
                sorts[sort_of(State::Expired)] = expired;
                self.palette.mixture(sorts)
            };
            self.picture.fill(self.film.layout.area(at), color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timelapse::{Size, Spool, color_of};

    /// Keeps all frames.
    #[derive(Default)]
    struct Frames(Vec<Vec<u8>>);

    impl Screen for Frames {
        fn show(&mut self, dots: &[u8], last: bool) -> io::Result<()> {
            self.0.push(dots.to_vec());
            assert_eq!(last, self.0.len() == 4);
            Ok(())
        }
    }

    fn film(objects: u64) -> Film {
        let size = Size {
            width: 480,
            height: 270,
        };
        Film {
            title: "bucket".to_owned(),
            timeline: Timeline {
                from: 0,
                step: 3_600_000_000,
                frames: 4,
            },
            layout: Layout::new(size, objects, &[]),
            turns: vec![[0; 4]; 4],
            moves: true,
        }
    }

    fn shown(film: &Film, changes: &[(u16, u64, State, State)]) -> (Frames, Vec<Counts>) {
        let mut spool = Spool::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        for (frame, object, from, to) in changes {
            let change = Change {
                frame: *frame,
                object: *object,
                from: *from,
                to: *to,
                first: *from == State::Absent,
                moved: from == to,
            };
            spool.push(change).expect("room");
        }
        let (mut frames, mut counts) = (Frames::default(), Vec::new());
        let mut merge = spool.merge().expect("a file");
        let mut each = |_, now: &Counts| {
            counts.push(*now);
            true
        };
        assert!(draw(film, &mut merge, &mut frames, &mut each).expect("frames"));
        (frames, counts)
    }

    #[test]
    fn cells_and_counts_follow_the_changes() {
        use State::{Absent, Expired, Marked, Present};
        let film = film(3);
        let changes = [
            (0, 1, Absent, Present),
            (1, 0, Absent, Present),
            (2, 0, Present, Marked),
            (2, 1, Present, Present),
            (3, 0, Marked, Expired),
            (3, 1, Present, Absent),
        ];
        let (frames, counts) = shown(&film, &changes);
        let palette = Palette::get();
        let color = |frame: usize, object: u64| {
            let (x, y) = film.layout.dot_of(object);
            palette.rgb(frames.0[frame][y * 480 + x])
        };
        let [absent, present, marked, expired] = State::ALL.map(color_of);
        let not_yet = palette.rgb(palette.pure(0));
        let moved = palette.rgb(MOVED);
        for (frame, expected) in [
            [not_yet, present, not_yet],
            [present, present, not_yet],
            [marked, moved, not_yet],
            [expired, absent, not_yet],
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(
                [0, 1, 2].map(|object| color(frame, object)),
                expected,
                "{frame}"
            );
        }
        let end = Counts {
            not_yet: 1,
            gone: 1,
            expired: 1,
            ..Counts::default()
        };
        assert_eq!(counts[3], end);
        assert_eq!(
            (counts[2].moved, counts[2].marked, counts[2].present),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_dot_of_many_objects_is_a_mixture() {
        let film = film(10_000_000);
        let (_, per_cell) = film.layout.cell();
        assert!(per_cell > 100);
        let half = (0..per_cell / 2).map(|object| (1, object, State::Absent, State::Present));
        let (frames, counts) = shown(&film, &half.collect::<Vec<_>>());
        let (x, y) = film.layout.dot_of(0);
        let [before, after] = [0, 1].map(|frame: usize| frames.0[frame][y * 480 + x]);
        let palette = Palette::get();
        assert_eq!(before, palette.pure(0));
        assert_eq!(after, palette.mixture([1, 0, 1, 0, 0]));
        assert_eq!(counts[1].present, per_cell / 2);
    }

    #[test]
    fn who_asks_it_to_stop_is_heard() {
        let spool = Spool::create(&std::env::temp_dir(), 1 << 20).expect("a file");
        let mut merge = spool.merge().expect("a file");
        let mut frames = Frames::default();
        let ended = draw(&film(1), &mut merge, &mut frames, &mut |frame, _| frame < 2);
        assert!(!ended.expect("frames") && frames.0.len() == 2);
    }
}
