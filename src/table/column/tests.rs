//! What is written is read back by the parquet crate's own reader, and statistics hold: a bound that is
//! wrong would hide rows from every engine that prunes by it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef,
    TimeUnit, UInt8Type,
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::super::partition::Piece;
use super::super::writer::{WriteOptions, write_file};

#[derive(Clone, Debug, PartialEq)]
struct Row {
    time: i64,
    word: Option<String>,
    number: Option<i64>,
    decimal: Option<f64>,
    truth: Option<bool>,
}

fn schema(keys: DataType) -> SchemaRef {
    let words = DataType::Dictionary(keys.into(), DataType::Utf8.into());
    let fields = [
        (
            "ts",
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        ),
        ("word", words),
        ("id", DataType::Utf8),
        ("number", DataType::Int64),
        ("decimal", DataType::Float64),
        ("truth", DataType::Boolean),
    ];
    let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
    Arc::new(Schema::new(fields.to_vec()))
}

fn piece<K: ArrowDictionaryKeyType>(rows: &[Row]) -> Piece {
    let words = || rows.iter().map(|row| row.word.as_deref());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.time))
                .with_timezone("+00:00"),
        ),
        Arc::new(words().collect::<DictionaryArray<K>>()),
        Arc::new(words().collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.number).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.decimal).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.truth).collect::<BooleanArray>()),
    ];
    let records = RecordBatch::try_new(schema(K::DATA_TYPE), columns).expect("of the schema");
    Piece {
        records: Arc::new(records),
        rows: None,
    }
}

fn rows_of(records: &RecordBatch) -> Vec<Row> {
    let times = records.column(0);
    let times = cast(times, &DataType::Int64).expect("a number");
    let words = cast(records.column(1), &DataType::Utf8).expect("texts");
    let (times, words) = (times.as_primitive::<Int64Type>(), words.as_string::<i32>());
    let ids = records.column(2).as_string::<i32>();
    assert_eq!(words, ids, "with and without a dictionary");
    let numbers = records.column(3).as_primitive::<Int64Type>();
    let decimals = records.column(4).as_primitive::<Float64Type>();
    let truths = records.column(5).as_boolean();
    let row = |at| Row {
        time: times.value(at),
        word: words.is_valid(at).then(|| words.value(at).to_owned()),
        number: numbers.is_valid(at).then(|| numbers.value(at)),
        decimal: decimals.is_valid(at).then(|| decimals.value(at)),
        truth: truths.is_valid(at).then(|| truths.value(at)),
    };
    (0..records.num_rows()).map(row).collect()
}

/// Writes two pieces, whose dictionaries have keys of different widths, and reads them back.
fn there_and_back(first: &[Row], second: &[Row]) {
    let pieces = [piece::<UInt8Type>(first), piece::<Int32Type>(second)];
    let mut file = Vec::new();
    let schema = schema(DataType::Int32);
    write_file(&schema, &pieces, &WriteOptions::default(), &mut file).expect("to memory");
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).expect("a file");
    let groups = reader.metadata().row_groups().to_vec();
    let read_schema = Arc::clone(reader.schema());
    let batches = reader.build().expect("a reader");
    let batches: Vec<RecordBatch> = batches.map(|batch| batch.expect("rows")).collect();
    let rows = rows_of(&concat_batches(&read_schema, &batches).expect("one schema"));
    let mut expected = [first, second].concat();
    expected.sort_by_key(|row| row.time);
    assert_eq!(rows, expected);
    let [group] = groups.as_slice() else {
        panic!("one row group");
    };
    for (column, bounds) in group.columns().iter().enumerate() {
        let statistics = bounds.statistics().expect("statistics");
        assert_bounds(column, statistics, &expected);
    }
}

fn assert_bounds(column: usize, statistics: &Statistics, rows: &[Row]) {
    let nulls = |has: fn(&Row) -> bool| rows.iter().filter(|row| !has(row)).count() as u64;
    let told = statistics.null_count_opt();
    match statistics {
        Statistics::Int64(bounds) => {
            let value = |row: &Row| {
                if column == 0 {
                    Some(row.time)
                } else {
                    row.number
                }
            };
            let values = || rows.iter().filter_map(value);
            assert_eq!(bounds.min_opt().copied(), values().min());
            assert_eq!(bounds.max_opt().copied(), values().max());
        }
        Statistics::Double(bounds) => {
            assert_eq!(told, Some(nulls(|row| row.decimal.is_some())));
            for value in rows.iter().filter_map(|row| row.decimal) {
                let (least, greatest) = (bounds.min_opt(), bounds.max_opt());
                assert!(least.is_some_and(|least| least.total_cmp(&value).is_le()));
                assert!(greatest.is_some_and(|greatest| greatest.total_cmp(&value).is_ge()));
            }
        }
        Statistics::Boolean(bounds) => {
            let values = || rows.iter().filter_map(|row| row.truth);
            assert_eq!(bounds.min_opt().copied(), values().min());
            assert_eq!(bounds.max_opt().copied(), values().max());
        }
        other => {
            assert_eq!(told, Some(nulls(|row| row.word.is_some())));
            for value in rows.iter().filter_map(|row| row.word.as_deref()) {
                let (least, greatest) = (other.min_bytes_opt(), other.max_bytes_opt());
                assert!(least.is_some_and(|least| least <= value.as_bytes()));
                assert!(greatest.is_some_and(|greatest| greatest >= value.as_bytes()));
            }
        }
    }
}

fn any_row() -> impl Strategy<Value = Row> {
    let word = prop::option::of("[ab\u{e9}]{0,3}|[a-z\u{10ffff}]{60,80}");
    let decimal = prop::option::of(prop_oneof![Just(0.0), Just(-0.0), -5.0..5.0]);
    let number = prop::option::of(prop_oneof![-2i64..3, any::<i64>()]);
    (0i64..50, word, number, decimal, any::<Option<bool>>()).prop_map(
        |(time, word, number, decimal, truth)| Row {
            time,
            word,
            number,
            decimal,
            truth,
        },
    )
}

proptest! {
    #[test]
    fn rows_are_read_back_and_bounds_hold(
        first in proptest::collection::vec(any_row(), 1..60),
        second in proptest::collection::vec(any_row(), 1..60),
    ) {
        there_and_back(&first, &second);
    }
}

#[test]
fn many_pages_and_no_dictionary_are_read_back() {
    let row = |at: i64| Row {
        time: at / 3,
        word: (at % 7 > 0).then(|| format!("a text that is not met again: {at}")),
        number: (at % 5 > 0).then_some(at * at),
        decimal: Some(0.25),
        truth: None,
    };
    let rows: Vec<Row> = (0..70_000).map(row).collect();
    there_and_back(&rows[..100], &rows[100..]);
}
