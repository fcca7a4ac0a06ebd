//! A fixed small input through the stages on one thread, for `../instructions.sh` to count instructions in.

#[path = "../generate.rs"]
mod generate;
#[path = "../stage.rs"]
mod stage;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use generate::{Format, Object, Options};
use s3logs::formats;
use s3logs::schema::{Layout, LogFormat};
use stage::Days;

const ROWS: u64 = 5_000;

fn main() {
    stage::on_this_thread();
    let name = std::env::args().nth(1).expect("the name of a format");
    match name.parse().expect("a format") {
        Format::CloudFront => measure(Format::CloudFront, 1_000),
        Format::S3Access => measure(Format::S3Access, 100),
    }
}

fn measure(format: Format, rows: u64) {
    let options = Options {
        format,
        objects: ROWS / rows,
        rows,
        days: 3,
        seed: 1,
        late_percent: 1,
    };
    let objects = generate::objects(&options);
    let texts = counted_inflate(&objects);
    let known = formats::detect(&texts[0]).expect("logs of a known format");
    // What is made once in a process, such as patterns, is made before.
    stage::decode(known, std::iter::once(("", texts[0].as_slice())), drop);
    let days = stage::split(counted_decode(known, &objects, &texts));
    let (times, only_times) = stage::times_only(known, &days);
    counted_sort(&times, &only_times);
    let parquet = counted_encode(&Layout::of(known).schema, &days);
    println!("{}: {ROWS} rows, {parquet} bytes of Parquet", format.name());
}

// Callgrind counts while one of these is on the stack; it finds them by their names.

#[inline(never)]
fn counted_inflate(objects: &[Object]) -> Vec<Vec<u8>> {
    objects.iter().map(|o| stage::inflate(&o.bytes)).collect()
}

#[inline(never)]
fn counted_decode(
    format: &'static LogFormat,
    objects: &[Object],
    texts: &[Vec<u8>],
) -> Vec<RecordBatch> {
    let names = objects.iter().map(|object| object.name.as_str());
    let logs = names.zip(texts.iter().map(Vec::as_slice));
    let mut batches = Vec::new();
    let rows = stage::decode(format, logs, |batch| batches.push(batch));
    assert_eq!(rows, ROWS, "every row is one");
    batches
}

#[inline(never)]
fn counted_sort(schema: &SchemaRef, days: &Days) -> usize {
    stage::encode(schema, days)
}

#[inline(never)]
fn counted_encode(schema: &SchemaRef, days: &Days) -> usize {
    stage::encode(schema, days)
}
