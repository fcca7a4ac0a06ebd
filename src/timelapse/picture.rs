//! Dots, letters and boxes of one picture.

use super::font;
use super::layout::{Area, Size};
use super::palette::PAGE;

/// A picture as numbers of colours, row by row.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    size: Size,
    pub(super) dots: Vec<u8>,
}

impl Picture {
    pub(super) fn new(size: Size) -> Self {
        let dots = vec![PAGE; size.width * size.height];
        Self { size, dots }
    }

    /// Fills an area as far as it lies within the picture.
    pub(super) fn fill(&mut self, area: Area, color: u8) {
        let right = (area.x + area.width).min(self.size.width);
        let bottom = (area.y + area.height).min(self.size.height);
        for y in area.y..bottom {
            let row = y * self.size.width;
            if area.x < right {
                self.dots[row + area.x..row + right].fill(color);
            }
        }
    }

    /// Writes letters, each dot of them `scale` dots wide and high. Returns where the next would begin.
    pub(super) fn write(
        &mut self,
        (x, y): (usize, usize),
        scale: usize,
        color: u8,
        text: &str,
    ) -> usize {
        let mut left = x;
        for letter in text.chars() {
            for (row, bits) in font::glyph(letter).into_iter().enumerate() {
                for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                    let dot = Area {
                        x: left + column * scale,
                        y: y + row * scale,
                        width: scale,
                        height: scale,
                    };
                    self.fill(dot, color);
                }
            }
            left += font::ADVANCE * scale;
        }
        left
    }
}

/// Dots that a text takes from the left to the right.
pub(super) fn width_of(text: &str, scale: usize) -> usize {
    text.chars().count() * font::ADVANCE * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_left_out() {
        let size = Size {
            width: 8,
            height: 8,
        };
        let mut picture = Picture::new(size);
        let end = picture.write((6, 6), 2, 1, "T?");
        assert_eq!(end, 6 + 2 * 12);
        let set: Vec<usize> = (0..64).filter(|at| picture.dots[*at] == 1).collect();
        assert_eq!(set, [54, 55, 62, 63]);
        let area = Area {
            x: 9,
            y: 0,
            width: 3,
            height: 3,
        };
        picture.fill(area, 2);
        assert!(!picture.dots.contains(&2));
    }
}
