//! `manifest.json`: which files make a report, and what their columns are.

use std::collections::HashSet;

use serde::Deserialize;

use super::InventoryError;
use super::columns::snake_case;

/// How the files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Gzip of CSV without a header line; keys are percent-encoded.
    Csv,
    /// Parquet.
    Parquet,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Its key in the bucket that reports go to.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// MD5 of its bytes, in hexadecimal.
    pub md5: Option<String>,
}

/// What a report consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bucket that is listed.
    pub bucket: String,
    /// How the files are written.
    pub format: FileFormat,
    /// Names of the columns in the order of the files, lower snake case. Empty for Parquet, whose files say it.
    pub columns: Vec<String>,
    /// The files.
    pub files: Vec<DataFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    source_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
struct WrittenFile {
    key: String,
    size: u64,
    #[serde(rename = "MD5checksum")]
    md5: Option<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`InventoryError::Manifest`], [`InventoryError::Orc`].
    pub fn parse(json: &[u8]) -> Result<Self, InventoryError> {
        let written: Written = serde_json::from_slice(json)
            .map_err(|error| InventoryError::Manifest(error.to_string()))?;
        let (format, columns) = match written.file_format.to_ascii_uppercase().as_str() {
            "CSV" => {
                let names = written.file_schema.split(',');
                (
                    FileFormat::Csv,
                    names.map(|name| snake_case(name.trim())).collect(),
                )
            }
            "PARQUET" => (FileFormat::Parquet, Vec::new()),
            "ORC" => return Err(InventoryError::Orc),
            other => {
                let unknown = format!("its files are in {other}");
                return Err(InventoryError::Manifest(unknown));
            }
        };
        let keyed = |columns: &[String]| columns.iter().any(|name| name == "key");
        if format == FileFormat::Csv && !keyed(&columns) {
            let lacking = "its files have no column Key".to_owned();
            return Err(InventoryError::Manifest(lacking));
        }
        let mut names = HashSet::new();
        let twice = written.files.iter().find(|file| !names.insert(&file.key));
        if let Some(file) = twice {
            let twice = format!("it names {} twice", file.key);
            return Err(InventoryError::Manifest(twice));
        }
        let files = written.files.into_iter().map(|file| DataFile {
            key: file.key,
            size: file.size,
            md5: file.md5,
        });
        Ok(Self {
            bucket: written.source_bucket,
            format,
            columns,
            files: files.collect(),
        })
    }
}

/// Whether a folder has the name of one that holds a manifest: `2016-11-06T21-32Z`.
pub fn is_report_folder(name: &str) -> bool {
    let form = b"0000-00-00T00-00Z";
    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == *form,
    };
    name.len() == form.len() && name.bytes().zip(form).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = r#"{
        "sourceBucket": "photos", "destinationBucket": "arn:aws:s3:::inventory", "version": "2016-11-30",
        "creationTimestamp": "1514944800000", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate, ETag",
        "files": [{"key": "photos/daily/data/a.csv.gz", "size": 7, "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}]}"#;

    #[test]
    fn names_its_files_and_columns() {
        let manifest = Manifest::parse(CSV.as_bytes()).expect("a manifest");
        assert_eq!(manifest.bucket, "photos");
        assert_eq!(manifest.format, FileFormat::Csv);
        let columns = ["bucket", "key", "size", "last_modified_date", "e_tag"];
        assert_eq!(manifest.columns, columns);
        assert_eq!(manifest.files[0].key, "photos/daily/data/a.csv.gz");
        assert_eq!(manifest.files[0].size, 7);
    }

    #[test]
    fn what_is_none_is_told() {
        let parse =
            |json: &str| Manifest::parse(json.as_bytes()).map_err(|error| error.to_string());
        let orc = CSV.replace("\"CSV\"", "\"ORC\"");
        assert_eq!(parse(&orc), Err(InventoryError::Orc.to_string()));
        for wrong in [
            "",
            "{}",
            "[1]",
            &CSV.replace("Key", "Name"),
            &CSV.replace("\"CSV\"", "\"XML\""),
            &CSV.replace(
                "\"files\": [",
                "\"files\": [{\"key\": \"photos/daily/data/a.csv.gz\", \"size\": 7}, ",
            ),
        ] {
            let told = parse(wrong).expect_err("no manifest");
            assert!(told.starts_with("it is no manifest"), "{told}");
        }
    }

    #[test]
    fn folders_of_reports() {
        assert!(is_report_folder("2016-11-06T21-32Z"));
        for other in [
            "data",
            "hive",
            "2016-11-06T21-32",
            "2016-11-06T21-32Zx",
            "2016-11-06T21:32Z",
        ] {
            assert!(!is_report_folder(other), "{other}");
        }
    }
}
