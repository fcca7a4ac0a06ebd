//! Finished files that wait to be put: Parquet parts and files of rejected lines.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::schema::Layout;
use crate::table::{FileSummary, OpenFile, Piece, WriteOptions, write_rows};
use crate::units::{Day, hex};

use super::WorkError;
use super::decode::Rejected;

/// A Parquet file that no commit names yet. The file goes away with the value, unless it was moved.
#[derive(Debug)]
pub struct Part {
    /// Its table.
    pub table: &'static str,
    /// The day of its rows.
    pub day: Day,
    /// Where it lies.
    pub file: TempPath,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// What is in it.
    pub summary: FileSummary,
}

/// A file of rejected lines that no commit names yet.
#[derive(Debug)]
pub struct RejectsPart {
    /// The table the lines were meant for.
    pub table: &'static str,
    /// Where it lies.
    pub file: TempPath,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Lines in it.
    pub lines: u64,
}

/// A Parquet file of which only the end is still to be written.
///
/// Holds one open file, its buffer, and what [`OpenFile`] holds.
pub(super) struct OpenPart {
    pub(super) table: &'static str,
    pub(super) day: Day,
    path: TempPath,
    // Large, and it travels through futures.
    file: Box<OpenFile<Hashing<BufWriter<File>>>>,
}

impl fmt::Debug for OpenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OpenPart");
        shown.field("table", &self.table).field("day", &self.day);
        shown.finish_non_exhaustive()
    }
}

impl OpenPart {
    pub(super) fn summary(&self) -> FileSummary {
        self.file.summary()
    }

    /// Writes the end, and before it what is to be embedded, if anything is.
    pub(super) fn close(mut self, embed: Option<&[u8]>) -> Result<Part, WorkError> {
        let (table, day, summary) = (self.table, self.day, self.file.summary());
        let folder = self.path.parent().unwrap_or(Path::new("")).to_owned();
        let embedded = embed.map_or(Ok(()), |bytes| self.file.embed(bytes));
        let closed = embedded.and_then(|()| self.file.close());
        let mut out = closed.map_err(|error| encoding_error(table, day, &folder, &error))?;
        out.flush()
            .map_err(|error| WorkError::temporary(&folder, &error))?;
        Ok(Part {
            table,
            day,
            file: self.path,
            bytes: out.bytes,
            hash: hex(&out.hash.finalize()),
            summary,
        })
    }
}

/// Passes bytes on and sums them up.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(buffer)?;
        self.hash.update(&buffer[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn temporary(folder: &Path) -> Result<NamedTempFile, WorkError> {
    NamedTempFile::new_in(folder).map_err(|error| WorkError::temporary(folder, &error))
}

/// Writes the rows of one day, but for the file's end. CPU work.
pub(super) fn write_part(
    table: &'static str,
    day: Day,
    layout: &Layout,
    pieces: &[Piece],
    options: &WriteOptions,
    folder: &Path,
) -> Result<OpenPart, WorkError> {
    let (file, path) = temporary(folder)?.into_parts();
    let out = Hashing {
        inner: BufWriter::with_capacity(256 << 10, file),
        hash: Sha256::new(),
        bytes: 0,
    };
    let encoded = write_rows(&layout.schema, pieces, options, out);
    let file = encoded.map_err(|error| encoding_error(table, day, folder, &error))?;
    Ok(OpenPart {
        table,
        day,
        path,
        file: Box::new(file),
    })
}

/// Full disks come up wrapped in the encoder's error.
fn encoding_error(
    table: &str,
    day: Day,
    folder: &Path,
    error: &parquet::errors::ParquetError,
) -> WorkError {
    use std::error::Error as _;
    match error.source().and_then(|e| e.downcast_ref::<io::Error>()) {
        Some(io) => WorkError::temporary(folder, io),
        None => WorkError::Encode {
            what: format!("{table} of {day}"),
            cause: error.to_string(),
        },
    }
}

/// Collects rejected lines, one gzip file of JSON lines per table.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    tables: BTreeMap<&'static str, SpoolFile>,
}

#[derive(Debug)]
struct SpoolFile {
    out: GzEncoder<BufWriter<File>>,
    path: TempPath,
    lines: u64,
}

impl Spool {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            tables: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, rejected: &Rejected) -> Result<(), WorkError> {
        let folder = &self.folder;
        let table = rejected.format.table;
        if !self.tables.contains_key(table) {
            let (file, path) = temporary(folder)?.into_parts();
            let spool = SpoolFile {
                out: GzEncoder::new(BufWriter::new(file), Compression::default()),
                path,
                lines: 0,
            };
            self.tables.insert(table, spool);
        }
        if let Some(file) = self.tables.get_mut(table) {
            for reject in &rejected.rejects {
                file.out
                    .write_all(&reject.to_json_line(&rejected.key))
                    .map_err(|error| WorkError::temporary(folder, &error))?;
                file.lines += 1;
            }
        }
        Ok(())
    }

    /// Takes over what another spool has, as further gzip members.
    pub(super) fn append(&mut self, other: Self) -> Result<(), WorkError> {
        for part in other.finish()? {
            let folder = self.folder.clone();
            let io = |error: io::Error| WorkError::temporary(&folder, &error);
            if let Some(file) = self.tables.remove(part.table) {
                let mut out = file
                    .out
                    .finish()
                    .and_then(|out| out.into_inner().map_err(io::IntoInnerError::into_error))
                    .map_err(io)?;
                io::copy(&mut File::open(&part.file).map_err(io)?, &mut out).map_err(io)?;
                let file = SpoolFile {
                    out: GzEncoder::new(BufWriter::new(out), Compression::default()),
                    path: file.path,
                    lines: file.lines + part.lines,
                };
                self.tables.insert(part.table, file);
            } else {
                let mut out = File::options().append(true).open(&part.file).map_err(io)?;
                out.seek(io::SeekFrom::End(0)).map_err(io)?;
                let file = SpoolFile {
                    out: GzEncoder::new(BufWriter::new(out), Compression::default()),
                    path: part.file,
                    lines: part.lines,
                };
                self.tables.insert(part.table, file);
            }
        }
        Ok(())
    }

    /// The files, complete.
    pub(super) fn finish(self) -> Result<Vec<RejectsPart>, WorkError> {
        let folder = self.folder;
        let io = |error: io::Error| WorkError::temporary(&folder, &error);
        let mut parts = Vec::new();
        for (table, spool) in self.tables {
            let mut out = spool.out.finish().map_err(io)?;
            out.flush().map_err(io)?;
            drop(out);
            parts.push(RejectsPart {
                table,
                hash: hash_of(&spool.path).map_err(io)?,
                file: spool.path,
                lines: spool.lines,
            });
        }
        Ok(parts)
    }
}

pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}
