//! A film as a GIF.

use std::borrow::Cow;
use std::io::{self, Write};

use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::layout::Size;
use super::palette::SAME;
use super::{Palette, Screen};

/// Hundredths of a second that the last frame stays.
const REST: u16 = 250;

/// A GIF under way. Of each frame it writes what is not as it was before, and that at once.
///
/// Memory: three bytes for each dot.
pub struct MovingPicture<W: Write> {
    encoder: Encoder<W>,
    size: (u16, u16),
    /// Hundredths of a second that a frame stays.
    delay: u16,
    before: Vec<u8>,
}

impl<W: Write> MovingPicture<W> {
    /// Begins a GIF that shows so many frames in a second, over and over again.
    ///
    /// # Errors
    /// What the writer reports; [`io::ErrorKind::InvalidInput`] if it is too large for a GIF.
    pub fn new(to: W, size: Size, frames_per_second: u16) -> io::Result<Self> {
        let dots = |side: usize| {
            u16::try_from(side).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
        };
        let size = (dots(size.width)?, dots(size.height)?);
        let encoder = Encoder::new(to, size.0, size.1, &Palette::get().bytes());
        let mut encoder = encoder.map_err(failure)?;
        encoder.set_repeat(Repeat::Infinite).map_err(failure)?;
        Ok(Self {
            encoder,
            size,
            delay: delay(frames_per_second),
            before: Vec::new(),
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(self) -> io::Result<W> {
        self.encoder.into_inner().map_err(failure)
    }
}

impl<W: Write> Screen for MovingPicture<W> {
    fn show(&mut self, dots: &[u8], last: bool) -> io::Result<()> {
        let is_first = self.before.is_empty();
        let buffer: Cow<'_, [u8]> = if is_first {
            Cow::Borrowed(dots)
        } else {
            let pairs = dots.iter().zip(&self.before);
            let new = pairs.map(|(now, then)| if now == then { SAME } else { *now });
            Cow::Owned(new.collect())
        };
        let frame = Frame {
            delay: if last { REST } else { self.delay },
            dispose: DisposalMethod::Keep,
            transparent: (!is_first).then_some(SAME),
            width: self.size.0,
            height: self.size.1,
            buffer,
            ..Frame::default()
        };
        self.encoder.write_frame(&frame).map_err(failure)?;
        self.before.clear();
        self.before.extend_from_slice(dots);
        Ok(())
    }
}

fn delay(frames_per_second: u16) -> u16 {
    let frames = frames_per_second.max(1);
    // What is faster browsers slow down to ten frames in a second.
    ((100 + frames / 2) / frames).max(2)
}

fn failure(error: EncodingError) -> io::Error {
    match error {
        EncodingError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_what_is_new() {
        let size = Size {
            width: 4,
            height: 2,
        };
        let mut film = MovingPicture::new(Vec::new(), size, 20).expect("a writer");
        film.show(&[0, 1, 2, 3, 0, 0, 0, 0], false).expect("room");
        film.show(&[0, 1, 2, 4, 0, 0, 0, 0], true).expect("room");
        let bytes = film.finish().expect("room");
        let mut decoder = gif::DecodeOptions::new();
        decoder.set_color_output(gif::ColorOutput::Indexed);
        let mut decoder = decoder.read_info(bytes.as_slice()).expect("a picture");
        let first = decoder.read_next_frame().expect("a frame").cloned();
        assert_eq!(first.expect("the first").delay, 5);
        let second = decoder.read_next_frame().expect("a frame").cloned();
        let second = second.expect("the second");
        assert_eq!(second.buffer[..], [5, 5, 5, 4, 5, 5, 5, 5]);
        assert_eq!((second.delay, second.transparent), (REST, Some(SAME)));
        assert!(decoder.read_next_frame().expect("an end").is_none());
    }

    #[test]
    fn frames_per_second_become_hundredths_of_a_second() {
        assert_eq!([1, 20, 30, 50, 0, 99].map(delay), [100, 5, 3, 2, 100, 2]);
    }
}
