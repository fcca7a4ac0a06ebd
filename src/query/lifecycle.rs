//! What the rows of S3 access logs, and an inventory, say about the objects of a bucket.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int8Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use futures::stream::TryStreamExt;

use crate::timelapse::{Action, OPERATIONS, TRANSITIONS};
use crate::units::Day;

use super::inventory::INVENTORY;
use super::{Engine, QueryError};

/// The table of the logs.
pub const LOGS: &str = "s3_access";

/// Rows of an inventory carry this for a time, before all others.
const BEFORE_ALL: i64 = -(1 << 62);

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The bucket; all if none is named.
    pub bucket: Option<String>,
    /// How its keys begin.
    pub prefix: String,
    /// Events from here on count, microseconds UTC. Those before tell how things are then.
    pub since: Option<i64>,
    /// Events from here on do not.
    pub until: Option<i64>,
}

/// What happened to the objects of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Rows that changed an object.
    pub events: u64,
    /// Times of the first and the last of them, microseconds UTC.
    pub span: (i64, i64),
    /// When its first row is of, within the period or before it.
    pub begins: i64,
    /// Whether a row shows that it keeps versions: a delete marker of lifecycle, or a version's id.
    pub versioned: bool,
    /// The first and the last key.
    pub keys: (String, String),
}

impl Bucket {
    /// Takes the keys of an inventory for its own as well.
    pub fn widen(&mut self, (first, last): (String, String)) {
        let keys = &mut self.keys;
        keys.0 = first.min(std::mem::take(&mut keys.0));
        keys.1 = last.max(std::mem::take(&mut keys.1));
    }
}

impl Engine {
    /// Buckets with events, those with the most first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn buckets(&self, wanted: &Wanted) -> Result<Vec<Bucket>, QueryError> {
        let mut buckets = Vec::new();
        for query in self.statements(&buckets_sql(wanted))? {
            let mut answer = self.run(query).await?;
            while let Some(batch) = answer.batches.try_next().await? {
                buckets.extend(buckets_of(&batch)?);
            }
        }
        Ok(buckets)
    }

    /// First and last key of a bucket in the inventory.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn listed_keys(
        &self,
        wanted: &Wanted,
    ) -> Result<Option<(String, String)>, QueryError> {
        let sql = format!(
            "SELECT min(key) AS first, max(key) AS last FROM {INVENTORY} WHERE {}",
            of_bucket(wanted)
        );
        for query in self.statements(&sql)? {
            let mut answer = self.run(query).await?;
            while let Some(batch) = answer.batches.try_next().await? {
                let keys = [text(&batch, 0)?, text(&batch, 1)?];
                let [first, last] = keys.map(|keys| keys.into_iter().next().flatten());
                if let (Some(first), Some(last)) = (first, last) {
                    return Ok(Some((first, last)));
                }
            }
        }
        Ok(None)
    }

    /// Hands on all rows that change an object of a bucket, as key, time and action, in any order. What an
    /// inventory lists is among them, with a time before all others, if it is older than `begins`, from
    /// when on the logs tell of it.
    ///
    /// # Errors
    /// [`QueryError`], and what `each` returns.
    pub async fn lives<E: From<QueryError>>(
        &self,
        wanted: &Wanted,
        begins: i64,
        mut each: impl FnMut(&[u8], i64, Action) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = lives_sql(wanted, self.has_inventory().then_some(begins));
        for query in self.statements(&sql)? {
            let mut answer = self.run(query).await?;
            while let Some(batch) = answer.batches.try_next().await? {
                let failed =
                    |error: arrow::error::ArrowError| QueryError::Failed(error.to_string());
                let keys = cast(batch.column(0), &DataType::Utf8View).map_err(failed)?;
                let keys = keys.as_string_view();
                let times = batch.column(1).as_primitive::<Int64Type>();
                let codes = batch.column(2).as_primitive::<Int8Type>();
                for row in 0..batch.num_rows() {
                    let Some(action) = Action::of_code(codes.value(row)) else {
                        continue;
                    };
                    each(keys.value(row).as_bytes(), times.value(row), action)?;
                }
            }
        }
        Ok(())
    }
}

fn buckets_sql(wanted: &Wanted) -> String {
    let since = wanted.since.map_or_else(
        || "true".to_owned(),
        |since| format!("ts >= to_timestamp_micros({since})"),
    );
    format!(
        "SELECT bucket, count(*) FILTER (WHERE {since}) AS events, \
         min(ts) FILTER (WHERE {since}) AS first, max(ts) FILTER (WHERE {since}) AS last, \
         sum(CASE WHEN operation = 'S3.CREATE.DELETEMARKER' OR version_id <> 'null' THEN 1 ELSE 0 END) AS versions, \
         min(key) AS first_key, max(key) AS last_key, min(ts) AS begins \
         FROM {LOGS} WHERE bucket IS NOT NULL AND {} GROUP BY bucket \
         HAVING count(*) FILTER (WHERE {since}) > 0 ORDER BY events DESC, bucket",
        changing(wanted)
    )
}

fn lives_sql(wanted: &Wanted, inventory_before: Option<i64>) -> String {
    let code = code_sql();
    let mut rows = format!(
        "SELECT key, CAST(ts AS BIGINT) AS at, \
         CAST({code} AS TINYINT) AS code FROM {LOGS} WHERE {}",
        changing(wanted)
    );
    if let Some(begins) = inventory_before {
        let (held, marked) = (Action::Held.code(), Action::HeldMarked.code());
        rows = format!(
            "{rows} UNION ALL SELECT key, CAST({BEFORE_ALL} AS BIGINT) AS at, \
             CAST(CASE WHEN is_delete_marker THEN {marked} ELSE {held} END AS TINYINT) AS code \
             FROM {INVENTORY} WHERE {} AND key IS NOT NULL \
             AND (is_delete_marker IS NOT TRUE OR is_latest IS NOT FALSE) \
             AND (last_modified_date IS NULL OR last_modified_date < to_timestamp_micros({begins}))",
            of_bucket(wanted)
        );
    }
    rows
}

/// The action of a row, as its number.
fn code_sql() -> String {
    let mut cases = String::new();
    for (operation, action) in OPERATIONS {
        let code = action.code();
        let code = if action == Action::Delete {
            let version = Action::DeleteVersion.code();
            format!("CASE WHEN version_id IS NULL THEN {code} ELSE {version} END")
        } else {
            code.to_string()
        };
        // Writing to a string cannot fail, here and below.
        let _ = write!(cases, "WHEN '{operation}' THEN {code} ");
    }
    format!("CASE operation {cases}ELSE {} END", Action::Move.code())
}

/// Rows that changed an object: what failed did not, and neither did a delete of what was not there, which
/// says 204 and `NoSuchKey`.
fn changing(wanted: &Wanted) -> String {
    let names: Vec<String> = OPERATIONS
        .iter()
        .map(|(name, _)| format!("'{name}'"))
        .collect();
    let mut sql = format!(
        "{} AND key IS NOT NULL AND (operation IN ({}) OR starts_with(operation, '{TRANSITIONS}')) \
         AND error_code IS NULL AND (http_status IS NULL OR http_status < 400)",
        of_bucket(wanted),
        names.join(", ")
    );
    if let Some(until) = wanted.until {
        let day = Day::of_micros(until - 1);
        let _ = write!(
            sql,
            " AND dt <= '{day}' AND ts < to_timestamp_micros({until})"
        );
    }
    sql
}

fn of_bucket(wanted: &Wanted) -> String {
    let mut conditions = Vec::new();
    if let Some(bucket) = &wanted.bucket {
        conditions.push(format!("bucket = {}", literal(bucket)));
    }
    if !wanted.prefix.is_empty() {
        conditions.push(format!("starts_with(key, {})", literal(&wanted.prefix)));
    }
    if conditions.is_empty() {
        conditions.push("true".to_owned());
    }
    conditions.join(" AND ")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn buckets_of(batch: &RecordBatch) -> Result<Vec<Bucket>, QueryError> {
    let names = text(batch, 0)?;
    let [events, versions] = [numbers(batch, 1)?, numbers(batch, 4)?];
    let [firsts, lasts, begins] = [times(batch, 2)?, times(batch, 3)?, times(batch, 7)?];
    let (first_keys, last_keys) = (text(batch, 5)?, text(batch, 6)?);
    let buckets = (0..batch.num_rows()).map(|row| Bucket {
        name: names[row].clone().unwrap_or_default(),
        events: u64::try_from(events[row]).unwrap_or_default(),
        span: (firsts[row], lasts[row]),
        begins: begins[row],
        versioned: versions[row] > 0,
        keys: (
            first_keys[row].clone().unwrap_or_default(),
            last_keys[row].clone().unwrap_or_default(),
        ),
    });
    Ok(buckets.collect())
}

fn column(
    batch: &RecordBatch,
    at: usize,
    to: &DataType,
) -> Result<arrow::array::ArrayRef, QueryError> {
    let column = cast(batch.column(at), to);
    column.map_err(|error| QueryError::Failed(error.to_string()))
}

fn text(batch: &RecordBatch, at: usize) -> Result<Vec<Option<String>>, QueryError> {
    let column = column(batch, at, &DataType::Utf8View)?;
    let values = column.as_string_view().iter();
    Ok(values.map(|value| value.map(str::to_owned)).collect())
}

fn numbers(batch: &RecordBatch, at: usize) -> Result<Vec<i64>, QueryError> {
    let column = column(batch, at, &DataType::Int64)?;
    Ok(column.as_primitive::<Int64Type>().values().to_vec())
}

fn times(batch: &RecordBatch, at: usize) -> Result<Vec<i64>, QueryError> {
    let zone = match batch.column(at).data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let column = column(batch, at, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    let times = column.as_primitive::<TimestampMicrosecondType>();
    Ok(times.values().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_in_sql() {
        let wanted = Wanted {
            bucket: Some("it's".to_owned()),
            prefix: "a' OR 'b".to_owned(),
            since: Some(5),
            until: Some(86_400_000_001),
        };
        let sql = lives_sql(&wanted, None);
        assert!(
            sql.contains("bucket = 'it''s' AND starts_with(key, 'a'' OR ''b')"),
            "{sql}"
        );
        assert!(
            sql.contains("dt <= '1970-01-02' AND ts < to_timestamp_micros(86400000001)"),
            "{sql}"
        );
        assert!(
            !sql.contains(">="),
            "what came before tells how things are: {sql}"
        );
        assert!(!sql.contains(INVENTORY), "{sql}");
        assert!(buckets_sql(&wanted).contains("ts >= to_timestamp_micros(5)"));
        assert!(lives_sql(&wanted, Some(7)).contains("UNION ALL"));
    }
}
