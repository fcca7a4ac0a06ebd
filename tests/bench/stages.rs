//! Guards the stages one by one, on one thread, with logs made in memory: `cargo bench --bench stages`.
//!
//! "sort" finds the order of the rows and writes their times alone; "encode" sorts and writes all columns.

mod generate;
mod stage;

use arrow::array::RecordBatch;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use generate::{Format, Object, Options};
use s3logs::formats;
use s3logs::schema::{Layout, LogFormat};
use stage::Days;

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Rows of each format: several batches, and more than fits the caches.
const ROWS: u64 = 50_000;

fn main() {
    stage::on_this_thread();
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &set(Format::CloudFront, 1_000));
    measure(&mut criterion, &set(Format::S3Access, 100));
    criterion.final_summary();
}

fn set(format: Format, rows: u64) -> Options {
    Options {
        format,
        objects: ROWS / rows,
        rows,
        days: 3,
        seed: 1,
        late_percent: 1,
    }
}

fn measure(criterion: &mut Criterion, options: &Options) {
    let objects = generate::objects(options);
    let mut group = criterion.benchmark_group(options.format.name());
    group.sample_size(20);
    let texts = inflate(&mut group, &objects);
    let format = formats::detect(&texts[0]).expect("logs of a known format");
    let named: Vec<(&str, &[u8])> = objects
        .iter()
        .zip(&texts)
        .map(|(object, text)| (object.name.as_str(), text.as_slice()))
        .collect();
    let days = stage::split(decode(&mut group, format, &named));
    encode(&mut group, format, &days);
    group.finish();
}

fn inflate(group: &mut Group, objects: &[Object]) -> Vec<Vec<u8>> {
    let all = || objects.iter().map(|object| stage::inflate(&object.bytes));
    let texts: Vec<Vec<u8>> = all().collect();
    group.throughput(bytes(&texts));
    if objects[0].bytes != texts[0] {
        group.bench_function("inflate", |bench| {
            bench.iter(|| all().map(|text| text.len()).sum::<usize>());
        });
    }
    texts
}

fn bytes(texts: &[Vec<u8>]) -> Throughput {
    Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum())
}

fn decode(
    group: &mut Group,
    format: &'static LogFormat,
    named: &[(&str, &[u8])],
) -> Vec<RecordBatch> {
    group.bench_function("decode", |bench| {
        bench.iter(|| stage::decode(format, named.iter().copied(), drop));
    });
    let mut batches = Vec::new();
    let rows = stage::decode(format, named.iter().copied(), |batch| batches.push(batch));
    assert_eq!(rows, ROWS, "every row is one");
    batches
}

fn encode(group: &mut Group, format: &LogFormat, days: &Days) {
    group.throughput(Throughput::Elements(ROWS));
    let (times, only_times) = stage::times_only(format, days);
    group.bench_function("sort", |bench| {
        bench.iter(|| stage::encode(&times, &only_times));
    });
    let all = Layout::of(format);
    group.bench_function("encode", |bench| {
        bench.iter(|| stage::encode(&all.schema, days));
    });
}
