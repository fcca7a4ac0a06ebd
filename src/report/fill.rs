//! Sections filled with what a dataset holds.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::query::{Engine, QueryError};
use crate::units::{DAY_MICROS, Day};

use super::{Cell, Chart, Period, Section, Unit, inventory, places, sections, unit};

/// Sections that are filled at the same time: while one is planned or reads, the other computes. A large table
/// keeps the cores busy alone, and two sections would hold twice as much.
const AT_ONCE: usize = 2;
const LARGE: u64 = 5_000_000;

/// Sections before those of countries and networks: totals, time, hours.
const PLACES_AFTER: usize = 3;

/// Days that are shown hour by hour, and those that are shown day by day.
const HOURS: i64 = 3;
const DAYS: i64 = 100;

/// A filled report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The table.
    pub table: String,
    /// First day of the events, or the instant that they begin at, where that is no midnight.
    pub from: String,
    /// Last day of the events, or the instant that they end before.
    pub to: String,
    /// The sections, in order.
    pub sections: Vec<Filled>,
    /// What the totals are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
}

/// The totals of an earlier period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Before {
    /// Its beginning, as in [`Report`].
    pub from: String,
    /// Its end.
    pub to: String,
    /// Its totals.
    pub totals: Filled,
}

/// A section with its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Filled {
    /// For scripts.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// How to show it.
    pub chart: Chart,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// What is in them.
    pub units: Vec<Unit>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Filled {
    /// The column whose numbers are bars: the first that is no name and no time.
    pub fn measure(&self) -> Option<usize> {
        let is_number = |unit: &Unit| !matches!(unit, Unit::Text | Unit::Time);
        self.units.iter().position(is_number)
    }
}

/// Fills the sections of a table for a period, and the totals of another one, `before`, if there is one.
///
/// Memory: that of the engine; sections have at most `top` rows, or one per step of time.
///
/// # Errors
/// [`QueryError`]; [`QueryError::Sql`] if there is no report for the table.
pub async fn report(
    engine: &Engine,
    table: &str,
    period: Period,
    before: Option<Period>,
    top: usize,
) -> Result<Report, QueryError> {
    let sections = sections(table)
        .ok_or_else(|| QueryError::Sql(format!("there is no report for the table {table}")))?;
    let mut scope = Scope {
        engine,
        table,
        period,
        top,
        buckets: String::new(),
    };
    let listed = if engine.has_inventory() && table == inventory::TABLE {
        scope.buckets = quoted(&scope.fill(&inventory::BUCKETS).await?);
        inventory::SECTIONS
    } else {
        &[]
    };
    let (head, rest) = sections.split_at(PLACES_AFTER.min(sections.len()));
    let places = places::sections(table, engine.known());
    let all = head.iter().chain(places).chain(rest).chain(listed);
    let filled = stream::iter(all.map(|section| scope.fill(section)));
    let rows = engine.tables().get(table).map_or(0, |table| table.rows);
    let at_once = if rows < LARGE { AT_ONCE } else { 1 };
    let filled = filled.buffered(at_once).try_collect().await?;
    let before = match before {
        None => None,
        Some(period) => {
            let totals = Scope { period, ..scope }.fill(&sections[0]).await?;
            let (from, to) = period.bounds();
            Some(Before { from, to, totals })
        }
    };
    let (from, to) = period.bounds();
    Ok(Report {
        table: table.to_owned(),
        from,
        to,
        sections: filled,
        before,
    })
}

/// What sections are filled from.
struct Scope<'a> {
    engine: &'a Engine,
    table: &'a str,
    period: Period,
    top: usize,
    /// Buckets that the rows tell of, as SQL has them in a list.
    buckets: String,
}

impl Scope<'_> {
    async fn fill(&self, section: &'static Section) -> Result<Filled, QueryError> {
        let sql = self.statement(section);
        let mut filled = Filled {
            id: section.id,
            title: section.title,
            chart: section.chart,
            columns: Vec::new(),
            units: Vec::new(),
            rows: Vec::new(),
        };
        for query in self.engine.statements(&sql)? {
            let mut answer = self.engine.run(query).await?;
            filled.name_columns(&answer.schema);
            while let Some(batch) = answer.batches.try_next().await? {
                filled.take(&batch)?;
            }
        }
        Ok(filled)
    }

    /// The query of a section.
    fn statement(&self, section: &Section) -> String {
        let Self { table, period, .. } = self;
        wide_sums(section.sql)
            .replace("{rows}", &rows_within(table, *period))
            .replace("{time}", step_of(*period))
            .replace("{top}", &self.top.to_string())
            .replace("{buckets}", &self.buckets)
            .replace("{class}", inventory::storage_class(period.days()))
    }
}

/// The step of time of rows by time.
fn step_of(period: Period) -> &'static str {
    match period.days() {
        days if days <= HOURS => "date_trunc('hour', ts)",
        days if days <= DAYS => "dt",
        _ => "date_trunc('month', ts)",
    }
}

/// A table within a period, as a part of a query.
fn rows_within(table: &str, period: Period) -> String {
    let (first, last) = (
        Day::of_micros(period.from),
        Day::of_micros(period.until - 1),
    );
    let days = format!("SELECT * FROM {table} WHERE dt >= '{first}' AND dt <= '{last}'");
    if period.from % DAY_MICROS == 0 && period.until % DAY_MICROS == 0 {
        return format!("({days})");
    }
    let (from, until) = (period.from, period.until);
    format!("({days} AND ts >= to_timestamp_micros({from}) AND ts < to_timestamp_micros({until}))")
}

/// The names in the first column as a list of SQL, which is never empty.
fn quoted(names: &Filled) -> String {
    let names = names.rows.iter().filter_map(|row| match row.first() {
        Some(Cell::Text(name)) => Some(format!("'{}'", name.replace('\'', "''"))),
        _ => None,
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return "NULL".to_owned();
    }
    names.join(", ")
}

/// Sums of whole numbers wrap; those of decimals have room for as many rows as there can be.
fn wide_sums(sql: &str) -> String {
    ["sc_bytes", "bytes_sent"]
        .iter()
        .fold(sql.to_owned(), |sql, column| {
            let sum = format!("sum(CAST({column} AS DECIMAL(20, 0)))");
            sql.replace(&format!("sum({column})"), &sum)
        })
}

impl Filled {
    fn name_columns(&mut self, schema: &SchemaRef) {
        for field in schema.fields() {
            let text = matches!(
                field.data_type(),
                DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
            );
            self.columns.push(field.name().clone());
            self.units
                .push(if text { Unit::Text } else { unit(field.name()) });
        }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let columns = batch.columns().iter().map(cells);
        let columns: Vec<Vec<Cell>> = columns.collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column[row].clone());
            self.rows.push(cells.collect());
        }
        Ok(())
    }
}

fn cells(column: &arrow::array::ArrayRef) -> Result<Vec<Cell>, QueryError> {
    if let DataType::Decimal128(_, 0) = column.data_type() {
        return Ok(sums(column));
    }
    let failed = |error: arrow::error::ArrowError| QueryError::Failed(error.to_string());
    let to = match column.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Date32 => DataType::Date32,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8View,
        of if of.is_integer() => DataType::Int64,
        _ => DataType::Float64,
    };
    let column = cast(column, &to).map_err(failed)?;
    let cell = |row: usize| {
        if column.is_null(row) {
            return Cell::Null;
        }
        match &to {
            DataType::Utf8View => Cell::Text(column.as_string_view().value(row).to_owned()),
            DataType::Int64 => Cell::Whole(column.as_primitive::<Int64Type>().value(row)),
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>().value(row);
                Cell::Whole(i64::from(days) * DAY_MICROS)
            }
            DataType::Timestamp(..) => {
                Cell::Whole(column.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            _ => Cell::Real(column.as_primitive::<Float64Type>().value(row)),
        }
    };
    Ok((0..column.len()).map(cell).collect())
}

/// Whole numbers, and beyond 64 bits the nearest that there is.
fn sums(column: &arrow::array::ArrayRef) -> Vec<Cell> {
    #[expect(clippy::cast_precision_loss, reason = "more than anyone has sent")]
    let cell = |sum: i128| i64::try_from(sum).map_or(Cell::Real(sum as f64), Cell::Whole);
    let column = column.as_primitive::<Decimal128Type>();
    column
        .iter()
        .map(|sum| sum.map_or(Cell::Null, cell))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Decimal128Array;

    use super::*;

    #[test]
    fn sums_do_not_wrap() {
        let column = Decimal128Array::from(vec![Some(7), None, Some(i128::from(i64::MAX) * 2)]);
        let column = column.with_precision_and_scale(30, 0).expect("whole");
        let cells = cells(&(Arc::new(column) as _)).expect("cells");
        assert_eq!(
            cells,
            [
                Cell::Whole(7),
                Cell::Null,
                Cell::Real(18_446_744_073_709_551_614.0)
            ]
        );
        for table in ["cloudfront", "s3_access"] {
            for section in sections(table).expect("a report") {
                let sql = wide_sums(section.sql);
                assert!(!sql.contains("sum(sc_bytes)") && !sql.contains("sum(bytes_sent)"));
            }
        }
    }

    #[test]
    fn periods_are_whole_days_or_parts_of_them() {
        let period = |from, until| Period { from, until };
        assert_eq!(
            rows_within("cloudfront", period(0, 4 * DAY_MICROS)),
            "(SELECT * FROM cloudfront WHERE dt >= '1970-01-01' AND dt <= '1970-01-04')"
        );
        let part = rows_within("cloudfront", period(1, 4 * DAY_MICROS));
        assert!(
            part.contains("AND ts >= to_timestamp_micros(1) AND"),
            "{part}"
        );
        let step = |days| step_of(period(0, days * DAY_MICROS));
        let steps = ["date_trunc('hour', ts)", "dt", "date_trunc('month', ts)"];
        assert_eq!([1, 4, 700].map(step), steps);
        let day = period(0, DAY_MICROS);
        assert_eq!(
            day.before(),
            Period {
                from: -DAY_MICROS,
                until: 0
            }
        );
    }

    #[test]
    fn sections_have_names_of_their_own() {
        for table in ["cloudfront", "s3_access"] {
            let mut ids: Vec<_> = sections(table)
                .expect("a report")
                .iter()
                .map(|one| one.id)
                .collect();
            assert_eq!(ids[0], "totals");
            ids.sort_unstable();
            let all = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), all);
        }
        assert!(sections("nowhere").is_none());
    }
}
