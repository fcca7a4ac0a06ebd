//! Measures where the time goes on a folder of logs: each stage on one thread, then a whole sync.
//!
//! ```text
//! cargo run --release --example generate-logs -- --format cloudfront --objects 500 --rows 1000 --days 3 --seed 1 logs
//! cargo bench --bench pipeline -- logs
//! ```
//!
//! The whole sync runs in a process of its own, so that its peak memory is its own.

use std::collections::BTreeMap;
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
use s3logs::parse::{Decoder, Encoding, Inflater};
use s3logs::pipeline::Cancel;
use s3logs::plan::{Limits, Selection};
use s3logs::schema::{Layout, LogFormat};
use s3logs::store::{AwsOptions, Location};
use s3logs::table::{Piece, WriteOptions, split_by_day, write_file};

/// Text that is decoded into one batch of rows.
const BATCH_TEXT: usize = 8 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.as_slice() {
        [flag, logs] if flag == "--sync" => whole(Path::new(logs)),
        [logs] => {
            stages(Path::new(logs));
            let program = env::current_exe().expect("this program has a path");
            let status = Command::new(program).args(["--sync", logs]).status();
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

fn stages(logs: &Path) {
    let objects: Vec<(String, Vec<u8>)> = files(logs)
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read(path).expect("a file")))
        .collect();
    let stored: usize = objects.iter().map(|(_, bytes)| bytes.len()).sum();

    let start = Instant::now();
    let texts: Vec<Vec<u8>> = objects.iter().map(|(_, bytes)| inflate(bytes)).collect();
    let took = start.elapsed();
    let text: usize = texts.iter().map(Vec::len).sum();
    report("inflate", 0, text as u64, took);

    let format = formats::detect(&texts[0]).expect("logs");
    let start = Instant::now();
    let (rows, pieces) = decode(format, &objects, &texts);
    report("decode", rows, text as u64, start.elapsed());

    let start = Instant::now();
    let layout = Layout::of(format);
    let mut parquet = 0;
    for pieces in pieces {
        let mut out = Vec::new();
        write_file(&layout.schema, &pieces, &WriteOptions::default(), &mut out).expect("to memory");
        parquet += out.len();
    }
    report("sort and encode", rows, text as u64, start.elapsed());
    println!(
        "{rows} rows, {stored} bytes stored, {text} bytes of text, {parquet} bytes of Parquet"
    );
}

/// All pieces of each day.
fn decode(
    format: &'static LogFormat,
    objects: &[(String, Vec<u8>)],
    texts: &[Vec<u8>],
) -> (u64, Vec<Vec<Piece>>) {
    let mut decoder = Decoder::new(format);
    let mut days: BTreeMap<_, Vec<Piece>> = BTreeMap::new();
    let (mut rows, mut held) = (0, 0);
    for ((key, _), text) in objects.iter().zip(texts) {
        decoder.begin(key);
        decoder.decode(text);
        rows += decoder.end().rows;
        held += text.len();
        if held >= BATCH_TEXT {
            held = 0;
            gather(&mut decoder, &mut days);
        }
    }
    gather(&mut decoder, &mut days);
    (rows, days.into_values().collect())
}

fn gather(decoder: &mut Decoder, days: &mut BTreeMap<s3logs::units::Day, Vec<Piece>>) {
    if let Some(batch) = decoder.flush().expect("columns fit their schema") {
        for (day, piece) in split_by_day(batch.records) {
            days.entry(day).or_default().push(piece);
        }
    }
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut inflater = Inflater::new(Encoding::of(bytes)).expect("an inflater");
    let mut text = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at += inflater
            .push(&bytes[at..], &mut text, usize::MAX)
            .expect("whole logs");
    }
    text
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

/// A whole sync to a fresh folder.
fn whole(logs: &Path) {
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
    let (cpu, peak) = usage();
    println!("sync: {cpu} CPU seconds, peak {peak}");
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

/// CPU time and peak memory of this process, where the system tells (Linux).
fn usage() -> (String, String) {
    let unknown = || "unknown".to_owned();
    let ticks = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        let rest = stat.rsplit(')').next()?.to_owned();
        let mut fields = rest.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some(format!(
            "{:.2} + {:.2} system",
            user / 100.0,
            system / 100.0
        ))
    });
    let peak = fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
            Some(
                line.split_whitespace()
                    .skip(1)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        });
    (ticks.unwrap_or_else(unknown), peak.unwrap_or_else(unknown))
}
