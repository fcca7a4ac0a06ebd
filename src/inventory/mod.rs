//! S3 Inventory reports: the list of a bucket's objects that S3 delivers every day or week.
//!
//! A report is a `manifest.json` and the files that it names, CSV in gzip or Parquet. Source: S3 User Guide,
//! "Cataloging and analyzing your data with S3 Inventory", "Locating your inventory list". Data and pure
//! functions; what reads files is elsewhere.

mod columns;
mod csv;
mod manifest;

pub use columns::{COLUMNS, Column, Kind, schema};
pub use csv::CsvRows;
pub use manifest::{DataFile, FileFormat, Manifest, is_report_folder};

/// A report that makes no sense.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InventoryError {
    /// The manifest is not one.
    #[error("it is no manifest of an S3 Inventory: {0}")]
    Manifest(String),
    /// The report is in ORC.
    #[error("the inventory is in ORC; CSV and Parquet can be read")]
    Orc,
    /// A file has other content than the manifest says.
    #[error("{0}")]
    Damaged(String),
}
