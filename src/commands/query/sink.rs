//! Where the rows of a query go.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::parse::{TextFormat, TextWriter};
use crate::query::QueryError;
use crate::table::Export;
use crate::ui::{Failure, RowTable, Ui};

use super::super::new_file::{self, NewFile};
use super::Form;

/// Where rows go.
pub(super) enum Sink {
    Table(RowTable),
    Text(Text),
    Parquet(Box<Export<NewFile>>, PathBuf),
}

/// Rows as lines of text.
pub(super) struct Text {
    format: TextFormat,
    schema: SchemaRef,
    begun: bool,
    file: Option<NewFile>,
}

impl Sink {
    pub(super) fn open(
        form: Form,
        to: Option<&Path>,
        schema: &SchemaRef,
        ui: &Ui,
    ) -> Result<Self, Failure> {
        let file = to.map(NewFile::create).transpose()?;
        let (format, file) = match (form, file) {
            (Form::Table, None) => {
                return Ok(Self::Table(RowTable::new(schema, ui.width())));
            }
            (Form::Parquet, Some(file)) => {
                let path = file.path().to_owned();
                let export = Export::new(file, SchemaRef::clone(schema));
                let export = export.map_err(|error| cannot_write(&path, &error.to_string()))?;
                return Ok(Self::Parquet(Box::new(export), path));
            }
            (Form::Table | Form::Parquet, _) => {
                return Err(Failure::usage(
                    "--to takes csv, tsv, ndjson or parquet",
                    "name one of them with --output",
                ));
            }
            (Form::Csv, file) => (TextFormat::Csv, file),
            (Form::Tsv, file) => (TextFormat::Tsv, file),
            (Form::Ndjson, file) => (TextFormat::Ndjson, file),
        };
        Ok(Self::Text(Text {
            format,
            schema: SchemaRef::clone(schema),
            begun: false,
            file,
        }))
    }

    pub(super) fn take(&mut self, batch: &RecordBatch, ui: &Ui) -> Result<(), Failure> {
        match self {
            Self::Table(table) => {
                let text = table.take(batch).map_err(|error| cannot_show(&error))?;
                ui.data(&text)
            }
            Self::Text(text) => text.take(batch, ui),
            Self::Parquet(export, path) => {
                let written = export.write(batch);
                written.map_err(|error| cannot_write(path, &error.to_string()))
            }
        }
    }

    pub(super) fn finish(self, ui: &Ui) -> Result<(), Failure> {
        match self {
            Self::Table(mut table) => ui.data(&table.finish()),
            Self::Text(mut text) => {
                if !text.begun {
                    // The header, though there are no rows.
                    let none = RecordBatch::new_empty(SchemaRef::clone(&text.schema));
                    text.take(&none, ui)?;
                }
                text.file.map_or(Ok(()), NewFile::put)
            }
            Self::Parquet(export, path) => {
                let file = export.finish();
                let file = file.map_err(|error| cannot_write(&path, &error.to_string()))?;
                file.put()
            }
        }
    }
}

impl Text {
    fn take(&mut self, batch: &RecordBatch, ui: &Ui) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let mut writer = TextWriter::new(&mut bytes, self.format, !self.begun);
        self.begun = true;
        let written = writer.write(batch);
        drop(writer);
        written.map_err(|error| cannot_show(&error))?;
        match &mut self.file {
            None => ui.lines(&bytes),
            Some(file) => {
                let written = file.write_all(&bytes);
                written.map_err(|error| new_file::failure(file.path(), &error))
            }
        }
    }
}

fn cannot_write(path: &Path, cause: &str) -> Failure {
    new_file::failure(path, &io::Error::other(cause.to_owned()))
}

fn cannot_show(error: &ArrowError) -> Failure {
    QueryError::Failed(error.to_string()).into()
}
