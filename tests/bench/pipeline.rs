//! Measures where the time goes on a folder of logs: each stage on one thread, then a whole sync; and how far both are
//! from the floor: inflate, one scan for separators, and the file writer on columns that are in order already.
//!
//! ```text
//! cargo run --release --example generate-logs -- --format cloudfront --objects 500 --rows 1000 --days 3 --seed 1 logs
//! cargo bench --bench pipeline -- logs
//! ```
//!
//! The whole sync runs in a process of its own, so that its peak memory is its own.

mod floor;
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use s3logs::event::{Observer, Silent};
use s3logs::formats;
use s3logs::jobs::source::Source;
use s3logs::jobs::sync::{LOOKBACK, SyncOptions, sync};
use s3logs::jobs::{Place, WorkOptions};
use s3logs::ledger::Owner;
use s3logs::parse::WholeInflater;
use s3logs::pipeline::Cancel;
use s3logs::plan::{Limits, Selection};
use s3logs::schema::Layout;
use s3logs::store::{AwsOptions, Location};
use stage::Clock;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.as_slice() {
        [flag, logs, floor] if flag == "--sync" => {
            whole(Path::new(logs), floor.parse().expect("seconds"));
        }
        [logs] => {
            stage::on_this_thread();
            let floor = stages(Path::new(logs));
            let program = env::current_exe().expect("this program has a path");
            let status = Command::new(program)
                .args(["--sync", logs, &floor.to_string()])
                .status();
            assert!(status.expect("it can be started").success());
        }
        _ => {
            eprintln!("usage: cargo bench --bench pipeline -- FOLDER");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A stage's share of the work.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn report(stage: &str, rows: u64, bytes: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{stage:<22} {seconds:>7.3} s {:>10.0} rows/s {:>8.1} MB/s",
        rows as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
}

/// The stages on one thread, then what a run without any detour would take. Returns the floor in seconds.
fn stages(logs: &Path) -> f64 {
    let objects: Vec<(String, Vec<u8>)> = files(logs)
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read(path).expect("a file")))
        .collect();
    let stored: usize = objects.iter().map(|(_, bytes)| bytes.len()).sum();

    let (mut whole, mut text) = (WholeInflater::default(), Vec::new());
    let start = Clock::start();
    for (_, bytes) in &objects {
        stage::inflate_again(&mut whole, bytes, &mut text);
    }
    let inflating = start.elapsed();
    let texts: Vec<Vec<u8>> = objects.iter().map(|(_, b)| stage::inflate(b)).collect();
    let text: usize = texts.iter().map(Vec::len).sum();
    report("inflate", 0, text as u64, inflating);

    let format = formats::detect(&texts[0]).expect("logs");
    let start = Clock::start();
    let mut batches = Vec::new();
    let names = objects.iter().map(|(name, _)| name.as_str());
    let logs = names.zip(texts.iter().map(Vec::as_slice));
    let rows = stage::decode(format, logs, |batch| batches.push(batch));
    let days = stage::split(batches);
    let decoding = start.elapsed();
    report("decode", rows, text as u64, decoding);

    let start = Clock::start();
    let schema = Layout::of(format).schema;
    let parquet = stage::encode(&schema, &days);
    let encoding = start.elapsed();
    report("sort and encode", rows, text as u64, encoding);

    let scan = floor::scan(format, &texts);
    let ready = floor::encode(&schema, &days);
    report("floor: scan", rows, text as u64, scan);
    report("floor: encode", rows, text as u64, ready);
    // Plain text is only copied, which it need not be.
    let needed = if stored == text {
        Duration::ZERO
    } else {
        inflating
    };
    let floor = (needed + scan + ready).as_secs_f64();
    println!(
        "{rows} rows, {stored} bytes stored, {text} bytes of text, {parquet} bytes of Parquet"
    );
    let stages = (inflating + decoding + encoding).as_secs_f64();
    println!("floor (inflate, scan, encode): {floor:.3} s on one thread");
    println!(
        "stages: {stages:.3} s on one thread, {:.2} x the floor",
        stages / floor
    );
    floor
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A whole sync to a fresh folder, and how far it is from the floor.
fn whole(logs: &Path, floor: f64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let dataset = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    let outcome = runtime.block_on(async {
        let aws = AwsOptions::default();
        let from = Location::Local(logs.to_owned());
        let source = Source::open(&from, &aws, Selection::default())
            .await
            .expect("the logs");
        let place = Place {
            location: Location::Local(dataset.path().to_owned()),
            aws,
        };
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        let report = sync(&source, &place, &options(), &observer, &Cancel::never()).await;
        report.expect("a run that ends well").outcome
    });
    let took = start.elapsed();
    for counts in outcome.tables.values() {
        report("sync, all cores", counts.rows, counts.bytes_in, took);
        println!("{} files, {} bytes", counts.files, counts.bytes_out);
    }
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(2));
    let wall = took.as_secs_f64();
    let of_threads = u8::try_from(threads).map_or(1.0, f64::from);
    println!(
        "sync: {wall:.3} s wall, {:.2} x the floor on {threads} threads",
        wall / (floor / of_threads)
    );
    if let Some((user, system)) = cpu() {
        println!(
            "sync: {user:.2} + {system:.2} system CPU seconds, {:.2} x the floor",
            (user + system) / floor
        );
    }
    println!("sync: peak {}", peak().as_deref().unwrap_or("unknown"));
}

fn options() -> SyncOptions {
    SyncOptions {
        work: WorkOptions::default(),
        owner: Owner {
            host: "bench".to_owned(),
            boot: String::new(),
            pid: std::process::id(),
            started: 0,
        },
        now: || 0,
        gone: |_| false,
        retry_failed: false,
        single_writer: false,
        take_over: false,
        lookback: Some(LOOKBACK),
        folding: s3logs::ledger::Folding::default(),
        shard: None,
        dedupe: false,
        limits: Limits::default(),
    }
}

/// User and system CPU seconds of this process, where the system tells (Linux).
fn cpu() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / 100.0);
    Some((seconds()?, seconds()?))
}

/// Peak memory of this process, where the system tells (Linux).
fn peak() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    Some(words.join(" "))
}
