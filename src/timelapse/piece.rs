//! Numbers and bytes in a stretch of a temporary file, read piece by piece.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// A stretch of a file that is read once, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Piece {
    /// What has not been read lies between these.
    position: u64,
    end: u64,
    /// Bytes that are read at once.
    most: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Piece {
    pub(super) fn new(position: u64, end: u64, most: usize) -> Self {
        Self {
            position,
            end,
            most,
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// The stretches that end at these, one after the other, which together take at most so much memory, or
    /// 4 KiB each.
    pub(super) fn all(ends: &[u64], memory: usize) -> Vec<Self> {
        const READ: std::ops::RangeInclusive<usize> = 4 << 10..=64 << 10;
        let most = memory / ends.len().max(1);
        let most = most.clamp(*READ.start(), *READ.end());
        let starts = std::iter::once(&0).chain(ends);
        let pieces = starts.zip(ends);
        pieces
            .map(|(start, end)| Self::new(*start, *end, most))
            .collect()
    }

    /// The next byte; `None` at the end.
    pub(super) fn byte(&mut self, file: &mut File) -> io::Result<Option<u8>> {
        if self.at == self.buffer.len() && !self.read(file)? {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(self.buffer[self.at - 1]))
    }

    /// The next number; `None` at the end.
    pub(super) fn number(&mut self, file: &mut File) -> io::Result<Option<u64>> {
        let (mut number, mut shift) = (0, 0);
        while let Some(byte) = self.byte(file)? {
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(Some(number));
            }
            shift += 7;
        }
        Ok(None)
    }

    /// Adds the next so many bytes.
    pub(super) fn bytes(&mut self, file: &mut File, many: u64, to: &mut Vec<u8>) -> io::Result<()> {
        let mut left = usize::try_from(many).unwrap_or(usize::MAX);
        while left > 0 {
            if self.at == self.buffer.len() && !self.read(file)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = left.min(self.buffer.len() - self.at);
            to.extend_from_slice(&self.buffer[self.at..self.at + part]);
            self.at += part;
            left -= part;
        }
        Ok(())
    }

    fn read(&mut self, file: &mut File) -> io::Result<bool> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        self.buffer.resize(left.min(self.most), 0);
        self.at = 0;
        file.seek(SeekFrom::Start(self.position))?;
        file.read_exact(&mut self.buffer)?;
        self.position += self.buffer.len() as u64;
        Ok(!self.buffer.is_empty())
    }
}

/// Writes a number: seven bits in each byte, the lowest first. Returns the bytes.
pub(super) fn put_number(to: &mut impl io::Write, mut number: u64) -> io::Result<u64> {
    let mut bytes = [0; 10];
    let mut length = 0;
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        bytes[length] = if number == 0 { low } else { low | 0x80 };
        length += 1;
        if number == 0 {
            to.write_all(&bytes[..length])?;
            return Ok(length as u64);
        }
    }
}
