//! The colours: one for each state, and the mixtures of a cell that stands for many objects.

use std::sync::LazyLock;

use super::State;

/// Red, green, blue.
type Rgb = [u8; 3];

/// Behind everything.
pub(super) const PAGE: u8 = 0;
/// Letters.
pub(super) const TEXT: u8 = 1;
/// Letters that say what the others are.
pub(super) const FAINT: u8 = 2;
/// The part of the line that is still to come.
pub(super) const AHEAD: u8 = 3;
/// An object that is moved to another storage class.
pub(super) const MOVED: u8 = 4;
/// What a frame leaves as it was; never seen.
pub(super) const SAME: u8 = 5;

const FIXED: [Rgb; 6] = [
    [0x16, 0x1b, 0x22],
    [0xf0, 0xf3, 0xf6],
    [0x9a, 0xa7, 0xb4],
    [0x3d, 0x47, 0x52],
    [0x7a, 0xa8, 0xff],
    [0xff, 0x00, 0xff],
];

/// Sorts of objects: those not yet there, and the four states.
pub(super) const SORTS: usize = 5;

/// Not yet there, gone, present, marked, expired. They differ in brightness as well, and no mixture of two
/// of them looks like a third.
const PURE: [Rgb; SORTS] = [
    [0x2c, 0x35, 0x40],
    [0x00, 0x00, 0x00],
    [0x22, 0xb8, 0xa0],
    [0xff, 0xcf, 0x33],
    [0xe5, 0x39, 0x35],
];

/// Parts that a mixture is made of.
const PARTS: usize = 6;

/// The place of a state among the sorts.
pub(super) fn sort_of(state: State) -> usize {
    1 + state as usize
}

/// All colours of a film.
#[derive(Debug)]
pub struct Palette {
    colors: Vec<Rgb>,
    /// Number of a mixture by its parts, each a digit to the base of `PARTS + 1`.
    mixtures: Vec<u8>,
}

static PALETTE: LazyLock<Palette> = LazyLock::new(Palette::new);

/// The colour of cells whose objects are all in this state, and there before if they are absent.
pub fn color_of(state: State) -> [u8; 3] {
    PURE[sort_of(state)]
}

impl Palette {
    /// The one palette of all films.
    pub fn get() -> &'static Self {
        &PALETTE
    }

    fn new() -> Self {
        let mut palette = Self {
            colors: FIXED.to_vec(),
            mixtures: vec![0; (PARTS + 1).pow(5)],
        };
        palette.fill(&mut [0; SORTS], 0, PARTS);
        palette
    }

    /// Adds the mixtures that share out so many parts from a sort on.
    fn fill(&mut self, parts: &mut [usize; SORTS], sort: usize, left: usize) {
        if sort + 1 == SORTS {
            parts[sort] = left;
            let number = u8::try_from(self.colors.len()).unwrap_or(SAME);
            self.mixtures[place(parts)] = number;
            self.colors.push(mixed(parts));
            return;
        }
        for part in 0..=left {
            parts[sort] = part;
            self.fill(parts, sort + 1, left - part);
        }
    }

    /// Red, green and blue of all colours, one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.colors.concat()
    }

    /// Red, green and blue of a colour.
    pub fn rgb(&self, color: u8) -> [u8; 3] {
        self.colors
            .get(usize::from(color))
            .copied()
            .unwrap_or_default()
    }

    /// The colour of so many objects of each sort, to a sixth.
    pub(super) fn mixture(&self, objects: [u64; SORTS]) -> u8 {
        let all: u64 = objects.iter().sum();
        if all == 0 {
            return PAGE;
        }
        let whole = PARTS as u64;
        let mut parts = objects.map(|part| usize::try_from(part * whole / all).unwrap_or_default());
        let mut left = PARTS - parts.iter().sum::<usize>();
        let mut rests = objects.map(|part| part * whole % all);
        while left > 0 {
            // Of equal ones the later: what is happening rather than what is not.
            let most = (0..SORTS)
                .max_by_key(|sort| rests[*sort])
                .unwrap_or_default();
            parts[most] += 1;
            rests[most] = 0;
            left -= 1;
        }
        self.mixtures[place(&parts)]
    }

    /// The colour of objects of one sort.
    pub(super) fn pure(&self, sort: usize) -> u8 {
        let mut objects = [0; SORTS];
        objects[sort] = 1;
        self.mixture(objects)
    }
}

fn place(parts: &[usize; SORTS]) -> usize {
    parts
        .iter()
        .fold(0, |place, part| place * (PARTS + 1) + part)
}

/// Light adds up, its numbers in a picture do not.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a byte again, and six parts"
)]
fn mixed(parts: &[usize; SORTS]) -> Rgb {
    let channel = |channel: usize| {
        let light = |sort: usize| {
            let value = f64::from(PURE[sort][channel]) / 255.0;
            value.powf(2.2) * parts[sort] as f64 / PARTS as f64
        };
        let light: f64 = (0..SORTS).map(light).sum();
        (light.powf(1.0 / 2.2) * 255.0).round() as u8
    };
    [channel(0), channel(1), channel(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mixture_has_a_colour_of_its_own_and_they_fit_into_a_byte() {
        let palette = Palette::get();
        assert_eq!(palette.colors.len(), FIXED.len() + 210);
        for (sort, color) in PURE.into_iter().enumerate() {
            assert_eq!(palette.rgb(palette.pure(sort)), color);
        }
        let mut colors = palette.colors.clone();
        colors.sort_unstable();
        colors.dedup();
        assert_eq!(colors.len(), palette.colors.len());
        assert_eq!(color_of(State::Marked), PURE[3]);
    }

    #[test]
    fn shares_are_rounded_to_sixths_that_make_a_whole() {
        let palette = Palette::get();
        let of = |objects| palette.mixture(objects);
        assert_eq!(of([0, 0, 1, 0, 0]), palette.pure(2));
        assert_eq!(of([0, 0, 3, 3, 0]), of([0, 0, 500, 500, 0]));
        assert_eq!(of([0, 0, 999, 0, 1]), palette.pure(2));
        assert_eq!(of([0, 0, 4, 0, 2]), of([0, 0, 667, 0, 333]));
        assert_eq!(of([1, 1, 1, 1, 1]), of([1, 1, 1, 1, 2]));
        assert_eq!(of([0; 5]), PAGE);
        assert_ne!(of([0, 0, u64::MAX >> 8, 1 << 56, 0]), PAGE);
    }
}
