//! The words, the legend and the line of time around the cells.

use chrono::DateTime;

use super::layout::{Area, shortened};
use super::palette::{AHEAD, FAINT, MOVED, PAGE, SORTS, TEXT, sort_of};
use super::picture::{Picture, width_of};
use super::timeline::step_text;
use super::{Counts, Film, Palette, State, Timeline};
use crate::units::grouped;

/// What a picture says beside its cells.
pub(super) struct Caption<'a> {
    film: &'a Film,
    palette: &'static Palette,
    /// The most that happens in one frame.
    busiest: u64,
}

impl<'a> Caption<'a> {
    pub(super) fn new(film: &'a Film) -> Self {
        let turns = film.turns.iter().map(|turns| turns.iter().sum());
        Self {
            film,
            palette: Palette::get(),
            busiest: turns.max().unwrap_or_default(),
        }
    }

    /// What is the same in all frames.
    pub(super) fn write_once(&self, picture: &mut Picture) {
        let (film, scale) = (self.film, self.film.layout.scale());
        let size = film.layout.size();
        let letters = (size.width - 16 * scale) / (6 * scale);
        let title = shortened(&film.title, letters.saturating_sub(25));
        picture.write((8 * scale, 8 * scale), scale, TEXT, &title);
        let what = match film.layout.cell() {
            (1, 1) => "1 dot = 1 object".to_owned(),
            (1, objects) => format!("1 dot = {} objects", grouped(objects)),
            _ => "1 square = 1 object".to_owned(),
        };
        let text = format!("{what}, 1 frame = {}", step_text(film.timeline.step));
        picture.write((8 * scale, 20 * scale), scale, FAINT, &text);
        for (name, y) in &film.layout.names {
            let at = (8 * scale, *y);
            picture.write(at, scale, FAINT, name);
            let tick = Area {
                x: film.layout.field.x - 3 * scale,
                y: *y,
                width: 2 * scale,
                height: scale,
            };
            picture.fill(tick, FAINT);
        }
        for (area, color) in [(self.strip(), self.palette.pure(0)), (self.line(), AHEAD)] {
            picture.fill(area, color);
        }
    }

    /// What changes from frame to frame.
    pub(super) fn write(&self, picture: &mut Picture, frame: u16, counts: &Counts) {
        let (scale, size) = (self.film.layout.scale(), self.film.layout.size());
        let time = time_text(self.film.timeline, frame);
        let width = width_of(&time, scale) - scale;
        let area = Area {
            x: size.width - 8 * scale - width,
            y: 8 * scale,
            width,
            height: 7 * scale,
        };
        picture.fill(area, PAGE);
        picture.write((area.x, area.y), scale, TEXT, &time);
        self.write_legend(picture, counts);
        self.advance(picture, frame);
    }

    fn write_legend(&self, picture: &mut Picture, counts: &Counts) {
        let (scale, size) = (self.film.layout.scale(), self.film.layout.size());
        let sorts: Vec<u8> = (0..SORTS).map(|sort| self.palette.pure(sort)).collect();
        let entries = [
            ("not yet", sorts[0], counts.not_yet),
            ("present", sorts[2], counts.present),
            ("delete marker", sorts[3], counts.marked),
            ("expired", sorts[4], counts.expired),
            ("gone", sorts[1], counts.gone),
            ("moved", MOVED, counts.moved),
        ];
        let shown = if self.film.moves { 6 } else { 5 };
        let most = amount(self.film.layout.objects()).len();
        let y = size.height - 52 * scale;
        let band = Area {
            x: 8 * scale,
            y,
            width: size.width - 16 * scale,
            height: 18 * scale,
        };
        picture.fill(band, PAGE);
        let mut x = band.x;
        for (label, color, count) in &entries[..shown] {
            let frame = Area {
                x,
                y,
                width: 7 * scale,
                height: 18 * scale,
            };
            picture.fill(frame, AHEAD);
            let swatch = Area {
                x: x + scale,
                y: y + scale,
                width: 5 * scale,
                height: 16 * scale,
            };
            picture.fill(swatch, *color);
            let left = x + 10 * scale;
            picture.write((left, y), scale, FAINT, label);
            let place = (left, y + 11 * scale);
            picture.write(place, scale, TEXT, &amount(*count));
            x = left + label.len().max(most) * 6 * scale + 4 * scale;
        }
    }

    /// Moves the line on, and adds what happened in the frame to the strip above it.
    fn advance(&self, picture: &mut Picture, frame: u16) {
        let (strip, line) = (self.strip(), self.line());
        let steps = usize::from(self.film.timeline.frames) - 1;
        let x = |frame: usize| frame * strip.width / steps;
        let frame = usize::from(frame);
        let done = Area {
            width: x(frame),
            ..line
        };
        picture.fill(done, TEXT);
        let Some(before) = frame.checked_sub(1) else {
            return;
        };
        let turns = self.film.turns.get(frame).copied().unwrap_or_default();
        let all: u64 = turns.iter().sum();
        let height = root(all, self.busiest, strip.height);
        let (mut bottom, mut seen) = (strip.y + strip.height, 0);
        for state in [State::Present, State::Marked, State::Expired, State::Absent] {
            seen += turns[state as usize];
            let share = u128::from(seen) * height as u128 / u128::from(all.max(1));
            let top = strip.y + strip.height - usize::try_from(share).unwrap_or_default();
            let part = Area {
                x: strip.x + x(before),
                y: top,
                width: (x(frame) - x(before)).max(1),
                height: bottom - top,
            };
            picture.fill(part, self.palette.pure(sort_of(state)));
            bottom = top;
        }
    }

    fn strip(&self) -> Area {
        let (scale, size) = (self.film.layout.scale(), self.film.layout.size());
        Area {
            x: 8 * scale,
            y: size.height - 29 * scale,
            width: size.width - 16 * scale,
            height: 14 * scale,
        }
    }

    fn line(&self) -> Area {
        let scale = self.film.layout.scale();
        let strip = self.strip();
        Area {
            y: strip.y + strip.height + 2 * scale,
            height: 3 * scale,
            ..strip
        }
    }
}

/// A height for a part of the most, by its square root so that little things show as well.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "dots of a picture"
)]
fn root(part: u64, most: u64, height: usize) -> usize {
    let share = (part as f64 / most.max(1) as f64).sqrt();
    ((share * height as f64).ceil() as usize).min(height)
}

/// A number of at most eleven letters.
fn amount(number: u64) -> String {
    if number < 1_000_000_000 {
        grouped(number)
    } else {
        format!("{} M", grouped(number / 1_000_000))
    }
}

/// The instant a frame shows.
pub(super) fn time_text(timeline: Timeline, frame: u16) -> String {
    let time = DateTime::from_timestamp_micros(timeline.time_of(frame)).unwrap_or_default();
    let minutes = timeline.step % 60_000_000 == 0 && timeline.from % 60_000_000 == 0;
    let form = if minutes {
        "%Y-%m-%d %H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M:%S UTC"
    };
    time.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_fit() {
        assert_eq!(amount(999_999_999), "999,999,999");
        assert_eq!(amount(1_234_567_890), "1,234 M");
        assert_eq!(
            (root(0, 9, 10), root(1, 100, 10), root(9, 9, 10)),
            (0, 1, 10)
        );
    }
}
