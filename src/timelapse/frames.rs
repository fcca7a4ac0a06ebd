//! A film as a folder of numbered pictures, from which other programs make films.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::layout::Size;
use super::{Palette, Screen};

/// Writes `frame-00001.ppm` and so on. PPM is what needs no library to be written: a line of sizes, then
/// three bytes for each dot.
#[derive(Debug)]
pub struct FrameFolder {
    folder: PathBuf,
    size: Size,
    frames: u32,
    /// Bytes written so far.
    bytes: u64,
}

impl FrameFolder {
    /// Writes to a folder that is there.
    pub fn new(folder: &Path, size: Size) -> Self {
        Self {
            folder: folder.to_owned(),
            size,
            frames: 0,
            bytes: 0,
        }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Screen for FrameFolder {
    fn show(&mut self, dots: &[u8], _last: bool) -> io::Result<()> {
        self.frames += 1;
        let name = format!("frame-{:05}.ppm", self.frames);
        let mut file = BufWriter::new(File::create(self.folder.join(name))?);
        let Size { width, height } = self.size;
        let head = format!("P6\n{width} {height}\n255\n");
        file.write_all(head.as_bytes())?;
        let palette = Palette::get();
        for dot in dots {
            file.write_all(&palette.rgb(*dot))?;
        }
        file.flush()?;
        self.bytes += (head.len() + 3 * dots.len()) as u64;
        Ok(())
    }
}
