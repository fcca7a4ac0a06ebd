//! Outputs while they grow: text that waits, and files of whole gzip members or zstd frames.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::GzBuilder;
use flate2::write::GzEncoder;

use crate::schema::LogFormat;

use super::Compression;
use super::lines::{Header, LineCounts};

/// How outputs are compressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub(super) compression: Compression,
    pub(super) level: i32,
}

/// Compresses one member or frame.
pub(super) enum Encoder<W: Write> {
    Gzip(Box<GzEncoder<W>>),
    Zstd(Box<zstd::Encoder<'static, W>>),
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(out: W, packing: Packing) -> io::Result<Self> {
        Ok(match packing.compression {
            Compression::Gzip => {
                let level = u32::try_from(packing.level).unwrap_or(0).min(9);
                // No time and no name: the same text gives the same bytes.
                let encoder = GzBuilder::new().write(out, flate2::Compression::new(level));
                Self::Gzip(Box::new(encoder))
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(out, packing.level.clamp(1, 19))?;
                encoder.include_checksum(true)?;
                Self::Zstd(Box::new(encoder))
            }
        })
    }

    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.write_all(text),
            Self::Zstd(encoder) => encoder.write_all(text),
        }
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The text as one member or frame.
pub(super) fn pack(text: &[u8], packing: Packing) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new(), packing)?;
    encoder.write(text)?;
    encoder.finish()
}

/// Adds bytes to a file, which is made if need be.
pub(super) fn append(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(bytes)
}

/// Moves the content of `from` to the end of `file`, both made of whole members or frames.
pub(super) fn append_file(file: &Path, from: &Path) -> io::Result<()> {
    if !file.exists() {
        return fs::rename(from, file);
    }
    let mut file = OpenOptions::new().append(true).open(file)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    fs::remove_file(from)
}

/// One file that will be put when its day or month is complete.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) format: &'static LogFormat,
    pub(super) piece: Option<String>,
    pub(super) objects: u64,
    pub(super) bytes_in: u64,
    pub(super) counts: LineCounts,
    /// Objects without a header, which are read by position and so come first.
    pub(super) by_position: Part,
    /// The others.
    pub(super) by_header: Part,
}

/// A run of objects in an output.
#[derive(Debug)]
pub(super) struct Part {
    /// Whole members or frames; not there before the first.
    pub(super) file: PathBuf,
    /// Text that waits to be packed.
    pub(super) text: Vec<u8>,
    /// What the text says at its end.
    pub(super) header: Header,
}

impl Output {
    /// An empty output whose files are called `scratch/<number>-…`.
    pub(super) fn new(
        format: &'static LogFormat,
        piece: Option<String>,
        scratch: &Path,
        number: usize,
    ) -> Self {
        let part = |name: &str| Part {
            file: scratch.join(format!("{number}-{name}.s3logs-tmp")),
            text: Vec::new(),
            header: Header::default(),
        };
        Self {
            format,
            piece,
            objects: 0,
            bytes_in: 0,
            counts: LineCounts::default(),
            by_position: part("by-position"),
            by_header: part("by-header"),
        }
    }

    pub(super) fn part(&mut self, by_position: bool) -> &mut Part {
        if by_position {
            &mut self.by_position
        } else {
            &mut self.by_header
        }
    }

    /// The longer of its waiting texts.
    pub(super) fn fullest(&mut self) -> &mut Part {
        let by_position = self.by_position.text.len() >= self.by_header.text.len();
        self.part(by_position)
    }

    pub(super) fn add(&mut self, counts: LineCounts, bytes: u64) {
        self.objects += 1;
        self.bytes_in += bytes;
        self.counts.written += counts.written;
        self.counts.repeated += counts.repeated;
    }
}
