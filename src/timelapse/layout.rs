//! Which object lies where in the picture.

use super::Prefix;
use super::font;

/// Width and height of a picture, dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// From the left to the right.
    pub width: usize,
    /// From the top to the bottom.
    pub height: usize,
}

/// The smallest picture that has room for its words, and the largest.
pub const SIZES: [Size; 2] = [
    Size {
        width: 480,
        height: 270,
    },
    Size {
        width: 3840,
        height: 2160,
    },
];

/// Where a cell or a stretch of letters begins, and how large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Dots of a cell's side at most.
const LARGEST_CELL: usize = 120;

/// From this on cells are parted by a dot.
const PARTED: usize = 4;

/// Letters of a name beside the picture.
const NAME: usize = 12;

/// The places of all objects: rows of cells in the order of keys. A cell is one object, as large as there is
/// room for, or one dot that stands for as many neighbours as it takes for all to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    size: Size,
    pub(super) field: Area,
    cell: usize,
    columns: usize,
    objects: u64,
    /// Objects of a cell.
    per_cell: u64,
    /// Names beside the picture and the height they stand at.
    pub(super) names: Vec<(String, usize)>,
}

impl Layout {
    /// Places so many objects, and the names of their largest stretches where they have room.
    pub fn new(size: Size, objects: u64, prefixes: &[Prefix]) -> Self {
        let scale = scale_of(size);
        let gutter = NAME * font::ADVANCE * scale + 4 * scale;
        let narrow = Self::placed(size, objects, gutter);
        let names = narrow.names_of(prefixes);
        if names.len() < 2 {
            return Self::placed(size, objects, 0);
        }
        Self { names, ..narrow }
    }

    fn placed(size: Size, objects: u64, gutter: usize) -> Self {
        let scale = scale_of(size);
        let (margin, head, foot) = (8 * scale, 36 * scale, 58 * scale);
        let field = Area {
            x: margin + gutter,
            y: head,
            width: size.width - 2 * margin - gutter,
            height: size.height - head - foot,
        };
        let dots = (field.width * field.height) as u64;
        let fits = |cell: &usize| {
            let cells = (field.width / cell) * (field.height / cell);
            cells as u64 >= objects
        };
        let cell = (1..=LARGEST_CELL).rev().find(fits);
        Self {
            size,
            field,
            cell: cell.unwrap_or(1),
            columns: field.width / cell.unwrap_or(1),
            objects,
            per_cell: if cell.is_some() {
                1
            } else {
                objects.div_ceil(dots)
            },
            names: Vec::new(),
        }
    }

    /// Of stretches that begin close to each other the largest is named.
    fn names_of(&self, prefixes: &[Prefix]) -> Vec<(String, usize)> {
        let line = (font::HEIGHT + 1) * self.scale();
        let row = self.per_cell * self.columns as u64;
        let mut by_size: Vec<&Prefix> = prefixes.iter().filter(|one| one.objects >= row).collect();
        by_size.sort_by_key(|one| (std::cmp::Reverse(one.objects), one.first));
        let mut names: Vec<(String, usize)> = Vec::new();
        for prefix in by_size {
            let y = self.area(self.cell_of(prefix.first)).y;
            let apart = names.iter().all(|(_, other)| y.abs_diff(*other) >= line);
            if apart && y + line <= self.field.y + self.field.height {
                names.push((shortened(&prefix.name, NAME), y));
            }
        }
        names.sort_by_key(|(_, y)| *y);
        names
    }

    /// How large the picture is.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Objects that have a place.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Dots of a cell's side, and the objects that a cell stands for.
    pub fn cell(&self) -> (usize, u64) {
        (self.cell, self.per_cell)
    }

    /// Bytes that drawing takes at most: two frames, what differs, that compressed, and counters.
    pub fn memory(&self) -> u64 {
        let dots = (self.size.width * self.size.height) as u64;
        5 * dots + 21 * self.cells() as u64
    }

    /// Cells that have objects.
    pub fn cells(&self) -> usize {
        usize::try_from(self.objects.div_ceil(self.per_cell)).unwrap_or(usize::MAX)
    }

    pub(super) fn scale(&self) -> usize {
        scale_of(self.size)
    }

    /// The cell that an object is in.
    pub fn cell_of(&self, object: u64) -> usize {
        usize::try_from(object / self.per_cell).unwrap_or(usize::MAX)
    }

    /// Objects of a cell; the last may have fewer.
    pub(super) fn objects_of(&self, cell: usize) -> u64 {
        let first = cell as u64 * self.per_cell;
        self.per_cell.min(self.objects.saturating_sub(first))
    }

    /// The left upper dot of an object's cell.
    pub fn dot_of(&self, object: u64) -> (usize, usize) {
        let area = self.area(self.cell_of(object));
        (area.x, area.y)
    }

    pub(super) fn area(&self, cell: usize) -> Area {
        let side = self.cell - usize::from(self.cell >= PARTED);
        Area {
            x: self.field.x + cell % self.columns * self.cell,
            y: self.field.y + cell / self.columns * self.cell,
            width: side,
            height: side,
        }
    }
}

/// Dots of the picture for a dot of a letter.
fn scale_of(size: Size) -> usize {
    (size.width / 480).min(size.height / 270).max(1)
}

/// The text, or as much of its beginning as leaves room to say that it goes on.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept = text.chars().take(letters.saturating_sub(2));
    kept.chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 960,
        height: 540,
    };

    #[test]
    fn each_object_has_its_place_within_the_field() {
        for size in SIZES.into_iter().chain([SIZE]) {
            for objects in [1, 7, 1000, 300_000, 500_000, 12_345_678, 1 << 40] {
                let layout = Layout::new(size, objects, &[]);
                let field = layout.field;
                let mut seen = std::collections::BTreeSet::new();
                let step = (objects / 1000).max(1);
                for object in (0..objects).step_by(usize::try_from(step).expect("small")) {
                    let (x, y) = layout.dot_of(object);
                    assert!(x >= field.x && x < field.x + field.width, "{objects} {x}");
                    assert!(y >= field.y && y < field.y + field.height, "{objects} {y}");
                    assert!(layout.objects_of(layout.cell_of(object)) > 0);
                    seen.insert((x, y));
                }
                assert!(seen.len() >= 500.min(usize::try_from(objects).unwrap_or(500)));
                assert_eq!(layout.cell_of(objects - 1) + 1, layout.cells());
                let (cell, per_cell) = layout.cell();
                assert!(cell == 1 || per_cell == 1);
                let last = layout.objects_of(layout.cells() - 1);
                let others = (layout.cells() as u64 - 1) * per_cell;
                assert_eq!(others + last, objects);
            }
        }
    }

    #[test]
    fn names_of_large_stretches_that_do_not_touch() {
        let prefix = |name: &str, first, objects| Prefix {
            name: name.to_owned(),
            first,
            objects,
        };
        let prefixes = [
            prefix("a/", 0, 400_000),
            prefix("tiny/", 400_000, 10),
            prefix("b/", 400_010, 2000),
            prefix("c/", 402_010, 500_000),
            prefix(
                "a name of more letters than there is room for/",
                902_010,
                97_990,
            ),
        ];
        let layout = Layout::new(SIZE, 1_000_000, &prefixes);
        let names: Vec<&str> = layout.names.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a/", "c/", "a name of .."]);
        assert_eq!(layout.names[1].1, layout.dot_of(402_010).1);
        let alone = Layout::new(SIZE, 1_000_000, &prefixes[..1]);
        assert!(alone.names.is_empty() && alone.field.width > layout.field.width);
    }
}
