//! A format's columns: names, Arrow types, field ids and where each value comes from.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};

use super::{From, Kind, LogFormat, RequestPart};

/// Key under which the Parquet writer looks for a column's field id.
const FIELD_ID: &str = "PARQUET:field_id";

/// Where a column's values come from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The event time, in microseconds UTC.
    EventTime,
    /// The field at this position.
    Field(usize),
    /// The undecoded key of the field at this position.
    RawKey(usize),
    /// A part of the request line in the field at this position.
    RequestLine(usize, RequestPart),
    /// A piece of the object's name.
    ObjectName(fn(&str) -> Option<&str>),
    /// Whatever the line has beyond the fields that are known.
    Extra,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Column name.
    pub name: &'static str,
    /// One phrase for documentation.
    pub about: &'static str,
    /// Where the values come from.
    pub source: Source,
    /// Whether values repeat enough for a dictionary.
    pub dictionary: bool,
}

/// The columns of a format in table order, with their Arrow schema.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The columns; the first is always `ts`.
    pub columns: Vec<Column>,
    /// Arrow schema of the same columns, with Parquet field ids from 1.
    pub schema: SchemaRef,
}

impl Layout {
    /// Derives the columns of a format: `ts`, the fields in wire order, computed columns, `extra`.
    ///
    /// # Panics
    /// If the format's table names a field that it does not have; a test covers every format.
    pub fn of(format: &LogFormat) -> Self {
        let mut columns = vec![Column {
            name: "ts",
            about: "event time, UTC, microseconds",
            source: Source::EventTime,
            dictionary: false,
        }];
        for (index, field) in format.fields.iter().enumerate() {
            if field.kind != Kind::EventTime {
                columns.push(Column {
                    name: field.column,
                    about: field.about,
                    source: Source::Field(index),
                    dictionary: matches!(field.kind, Kind::Text | Kind::Key { .. }),
                });
            }
        }
        let index = |wire| {
            format
                .field_index(wire)
                .expect("derived columns name a field of their format")
        };
        for derived in format.derived {
            columns.push(Column {
                name: derived.column,
                about: derived.about,
                source: match derived.from {
                    From::RawKey(wire) => Source::RawKey(index(wire)),
                    From::RequestLine(wire, part) => Source::RequestLine(index(wire), part),
                    From::ObjectName(piece) => Source::ObjectName(piece),
                },
                dictionary: true,
            });
        }
        columns.push(Column {
            name: "extra",
            about: "fields beyond those known, as they stand in the line",
            source: Source::Extra,
            dictionary: true,
        });
        let schema = Arc::new(schema(format, &columns));
        Self { columns, schema }
    }
}

impl Layout {
    /// The type of a column in the words of SQL; empty for a column that it does not have.
    pub fn sql_type(&self, column: &str) -> &'static str {
        match self
            .schema
            .field_with_name(column)
            .map(ArrowField::data_type)
        {
            Ok(DataType::Timestamp(..)) => "TIMESTAMP",
            Ok(DataType::Int32) => "INTEGER",
            Ok(DataType::Int64) => "BIGINT",
            Ok(DataType::Float64) => "DOUBLE",
            Ok(DataType::Boolean) => "BOOLEAN",
            Ok(_) => "VARCHAR",
            Err(_) => "",
        }
    }
}

fn schema(format: &LogFormat, columns: &[Column]) -> Schema {
    let fields: Vec<ArrowField> = columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let id = HashMap::from([(FIELD_ID.to_owned(), (position + 1).to_string())]);
            ArrowField::new(column.name, data_type(format, column), true).with_metadata(id)
        })
        .collect();
    Schema::new(fields)
}

fn data_type(format: &LogFormat, column: &Column) -> DataType {
    let dictionary = || DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    match column.source {
        Source::EventTime => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Source::Field(index) => match format.fields[index].kind {
            Kind::Text | Kind::Key { .. } => dictionary(),
            Kind::Id | Kind::EventTime => DataType::Utf8,
            Kind::Int32 => DataType::Int32,
            Kind::Int64 => DataType::Int64,
            Kind::Double => DataType::Float64,
            Kind::Yes => DataType::Boolean,
        },
        Source::RawKey(_) | Source::RequestLine(..) | Source::ObjectName(_) | Source::Extra => {
            dictionary()
        }
    }
}
