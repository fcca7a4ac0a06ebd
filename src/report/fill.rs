//! Sections filled with what a dataset holds.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::query::{Engine, Kept, QueryError};
use crate::units::{DAY_MICROS, Day};

use super::{Cell, Chart, Part, Period, Section, Unit, inventory, parts, places, sections, unit};

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
    /// Lifecycle rules for all prefixes of which nothing was read, however many are shown.
    #[serde(skip)]
    pub rules: Option<serde_json::Value>,
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
        let is_number = |unit: &Unit| *unit != Unit::Text && !unit.is_time();
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
        parts: Vec::new(),
    };
    let listed = if engine.has_inventory() && table == inventory::TABLE {
        scope.buckets = quoted(&scope.fill(&inventory::BUCKETS).await?);
        inventory::SECTIONS
    } else {
        &[]
    };
    let (head, rest) = sections.split_at(PLACES_AFTER.min(sections.len()));
    let places = places::sections(table, engine.known());
    let all: Vec<_> = head
        .iter()
        .chain(places)
        .chain(rest)
        .chain(listed)
        .collect();
    let mut filled = scope.fill_all(&all).await?;
    let moved = filled
        .iter_mut()
        .find(|section| section.id == inventory::RULES);
    let rules = moved.and_then(|section| {
        let rules = inventory::rules(section);
        section.rows.truncate(top);
        rules
    });
    let before = match before {
        None => None,
        Some(period) => {
            scope.period = period;
            let totals = scope.fill_all(&[&sections[0]]).await?.remove(0);
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
        rules,
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
    /// What sections start from, by what stands for it in their queries.
    parts: Vec<(String, Kept)>,
}

impl Scope<'_> {
    async fn fill_all(&mut self, all: &[&'static Section]) -> Result<Vec<Filled>, QueryError> {
        self.parts.clear();
        let parts = wanted(parts(self.table), all);
        for part in parts {
            let kept = self.engine.keep(&self.statement(part.sql)).await?;
            self.parts.push((placeholder(part.name), kept));
        }
        let rows = self
            .engine
            .tables()
            .get(self.table)
            .map_or(0, |table| table.rows);
        let at_once = if rows < LARGE { AT_ONCE } else { 1 };
        let filled = stream::iter(all.iter().map(|section| self.fill(section)));
        filled.buffered(at_once).try_collect().await
    }

    async fn fill(&self, section: &'static Section) -> Result<Filled, QueryError> {
        let sql = self.statement(section.sql);
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
        filled.tell_days();
        Ok(filled)
    }

    /// A query with what its placeholders stand for.
    fn statement(&self, sql: &str) -> String {
        let Self { table, period, .. } = self;
        let sql = sql
            .replace("{rows}", &rows_within(table, *period))
            .replace("{time}", step_of(*period))
            .replace("{top}", &self.top.to_string())
            .replace("{buckets}", &self.buckets)
            .replace("{class}", inventory::storage_class(period.days()));
        let parts = self.parts.iter();
        parts.fold(sql, |sql, (name, kept)| sql.replace(name, kept.name()))
    }
}

/// The parts that sections start from, and those that these start from, in order.
fn wanted(parts: &'static [Part], sections: &[&Section]) -> Vec<&'static Part> {
    let mut queries: Vec<&str> = sections.iter().map(|section| section.sql).collect();
    let mut wanted = Vec::new();
    for part in parts.iter().rev() {
        let name = placeholder(part.name);
        if queries.iter().any(|sql| sql.contains(&name)) {
            queries.push(part.sql);
            wanted.push(part);
        }
    }
    wanted.reverse();
    wanted
}

fn placeholder(name: &str) -> String {
    format!("{{{name}}}")
}

/// The step of time of rows by time.
fn step_of(period: Period) -> &'static str {
    match period.days() {
        days if days <= HOURS => "hour_start(ts)",
        days if days <= DAYS => "dt",
        _ => "month_start(dt)",
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

impl Filled {
    /// Says which columns have days and no other instants.
    fn tell_days(&mut self) {
        for (at, unit) in self.units.iter_mut().enumerate() {
            let is_day = |row: &Vec<Cell>| match row[at] {
                Cell::Whole(micros) => micros % DAY_MICROS == 0,
                _ => true,
            };
            if *unit == Unit::Time && self.rows.iter().all(is_day) {
                *unit = Unit::Day;
            }
        }
    }

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
    }

    /// `sum` of whole numbers wraps; `total` has room for as many rows as there can be.
    #[test]
    fn bytes_are_summed_without_wrapping() {
        for table in ["cloudfront", "s3_access"] {
            let sections = sections(table).expect("a report").iter();
            let queries = sections.map(|section| section.sql);
            for sql in queries.chain(parts(table).iter().map(|part| part.sql)) {
                assert!(!sql.contains("sum(sc_bytes)") && !sql.contains("sum(bytes_sent)"));
            }
        }
    }

    #[test]
    fn only_parts_that_are_started_from_are_asked_for() {
        let all = sections("cloudfront").expect("a report");
        let names = |id: &str| {
            let sections: Vec<&Section> = all.iter().filter(|one| one.id == id).collect();
            let parts = wanted(parts("cloudfront"), &sections).into_iter();
            parts.map(|part| part.name).collect::<Vec<_>>()
        };
        assert_eq!(names("referers"), ["kinds"]);
        assert_eq!(names("bots"), ["agents"]);
        assert_eq!(names("pages"), ["paths", "pages"]);
        assert_eq!(names("totals"), ["paths", "agents", "hours", "visitors"]);
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
        let steps = ["hour_start(ts)", "dt", "month_start(dt)"];
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
