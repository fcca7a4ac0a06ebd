//! Pages of one column of one row group, compressed and counted.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::BoundaryOrder;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// Compresses pages; used for one column after the other.
///
/// Holds the context of the compressor (about 1 MiB at level 1) and one compressed page.
pub(in crate::table) struct Zstd {
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
    level: i32,
}

impl Zstd {
    fn new(level: i32) -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new(level)?,
            buffer: Vec::new(),
            level,
        })
    }

    fn compress(&mut self, bytes: &[u8]) -> Result<Bytes> {
        self.buffer.clear();
        self.buffer
            .reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.compressor
            .compress_to_buffer(bytes, &mut self.buffer)?;
        Ok(Bytes::copy_from_slice(&self.buffer))
    }

    fn codec(&self) -> Result<Compression> {
        Ok(Compression::ZSTD(parquet::basic::ZstdLevel::try_new(
            self.level,
        )?))
    }
}

/// The compressors of a file: as many as columns are encoded at the same time.
pub(in crate::table) struct Compressors {
    level: i32,
    idle: Mutex<Vec<Zstd>>,
}

impl Compressors {
    pub(in crate::table) fn new(level: i32) -> Self {
        Self {
            level,
            idle: Mutex::default(),
        }
    }

    /// Works with one of them.
    pub(in crate::table) fn with<T>(&self, work: impl FnOnce(&mut Zstd) -> Result<T>) -> Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut zstd = match known {
            Some(zstd) => zstd,
            None => Zstd::new(self.level)?,
        };
        let made = work(&mut zstd);
        idle().push(zstd);
        made
    }
}

/// Rows of a column, encoded.
pub(super) struct DataPage<'a> {
    /// Definition levels and values.
    pub(super) bytes: &'a [u8],
    pub(super) encoding: Encoding,
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// Least and greatest value, as the page index has them; none if all are null.
    pub(super) bounds: Option<(Vec<u8>, Vec<u8>)>,
}

/// A column chunk that grows page by page.
///
/// Holds its compressed pages.
pub(super) struct Pages<'z> {
    descr: ColumnDescPtr,
    zstd: &'z mut Zstd,
    out: TrackedWrite<Vec<u8>>,
    uncompressed: usize,
    rows: usize,
    nulls: usize,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    encodings: Vec<PageEncodingStats>,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
}

impl<'z> Pages<'z> {
    pub(super) fn new(descr: &ColumnDescPtr, zstd: &'z mut Zstd) -> Self {
        Self {
            descr: ColumnDescPtr::clone(descr),
            zstd,
            out: TrackedWrite::new(Vec::new()),
            uncompressed: 0,
            rows: 0,
            nulls: 0,
            dictionary_at: None,
            data_at: None,
            encodings: Vec::new(),
            index: ColumnIndexBuilder::new(descr.physical_type()),
            offsets: OffsetIndexBuilder::new(),
        }
    }

    /// Writes the dictionary: the distinct values, plainly encoded. It comes before the data pages.
    pub(super) fn dictionary(&mut self, values: &[u8], count: usize) -> Result<()> {
        let page = Page::DictionaryPage {
            buf: self.zstd.compress(values)?,
            num_values: u32::try_from(count)?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = self.write(page, values.len())?;
        self.dictionary_at = Some(i64::try_from(spec.offset)?);
        self.count(PageType::DICTIONARY_PAGE, Encoding::PLAIN);
        Ok(())
    }

    /// Writes a data page.
    pub(super) fn data(&mut self, page: DataPage<'_>) -> Result<()> {
        let (rows, nulls) = (i64::try_from(page.rows)?, i64::try_from(page.nulls)?);
        let compressed = Page::DataPage {
            buf: self.zstd.compress(page.bytes)?,
            num_values: u32::try_from(page.rows)?,
            encoding: page.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = self.write(compressed, page.bytes.len())?;
        let offset = i64::try_from(spec.offset)?;
        self.data_at.get_or_insert(offset);
        self.count(PageType::DATA_PAGE, page.encoding);
        let all_null = page.bounds.is_none();
        let (least, greatest) = page.bounds.unwrap_or_default();
        self.index.append(all_null, least, greatest, nulls);
        let size = i32::try_from(spec.compressed_size)?;
        self.offsets.append_row_count(rows);
        self.offsets.append_offset_and_size(offset, size);
        self.rows += page.rows;
        self.nulls += page.nulls;
        Ok(())
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<PageWriteSpec> {
        let page = CompressedPage::new(page, uncompressed);
        let spec = SerializedPageWriter::new(&mut self.out).write_page(page)?;
        self.uncompressed += spec.uncompressed_size;
        Ok(spec)
    }

    fn count(&mut self, page_type: PageType, encoding: Encoding) {
        match self.encodings.last_mut() {
            Some(last) if (last.page_type, last.encoding) == (page_type, encoding) => {
                last.count += 1;
            }
            _ => self.encodings.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
    }

    /// Nulls so far.
    pub(super) fn nulls(&self) -> u64 {
        self.nulls as u64
    }

    /// The chunk with its metadata; `ascending` if each page's bounds are not below those before.
    pub(super) fn finish(mut self, statistics: Statistics, ascending: bool) -> Result<Chunk> {
        self.out.flush()?;
        if ascending {
            self.index.set_boundary_order(BoundaryOrder::ASCENDING);
        }
        let codec = self.zstd.codec()?;
        let bytes = Bytes::from(self.out.into_inner()?);
        let data_at = self.data_at.ok_or_else(|| {
            ParquetError::General("a column chunk without a data page".to_owned())
        })?;
        let mut encodings: Vec<Encoding> = self.encodings.iter().map(|it| it.encoding).collect();
        encodings.push(Encoding::RLE);
        let metadata = ColumnChunkMetaData::builder(self.descr)
            .set_compression(codec)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(i64::try_from(bytes.len())?)
            .set_total_uncompressed_size(i64::try_from(self.uncompressed)?)
            .set_num_values(i64::try_from(self.rows)?)
            .set_data_page_offset(data_at)
            .set_dictionary_page_offset(self.dictionary_at)
            .set_statistics(statistics)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(self.index.build()?),
            offset_index: Some(self.offsets.build()),
        };
        Ok(Chunk { bytes, close })
    }
}

/// A column of a row group, ready to be put into its file.
pub(in crate::table) struct Chunk {
    pub(in crate::table) bytes: Bytes,
    pub(in crate::table) close: ColumnCloseResult,
}
