//! `CloudFront` text to typed values, one thread, the decoder of `s3logs` and the crate cloudfront-logs in turn.
//!
//! Usage: `peer-cloudfront ROUNDS FOLDER`. Prints one line of JSON with nanoseconds per line, one value for each round.
//! The peer fills its Parquet-shaped struct, borrowed (what it publishes figures of) and owned, and drops it; `s3logs` fills
//! the columns of its table and drops them every 8 MiB of text.

#[path = "../stage.rs"]
mod stage;

use std::hint::black_box;
use std::time::Instant;
use std::{env, fs};

use cloudfront_logs::{borrowed, owned};
use s3logs::formats;
use s3logs::schema::LogFormat;

struct Text {
    name: String,
    bytes: Vec<u8>,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [rounds, folder] = arguments.as_slice() else {
        panic!("usage: peer-cloudfront ROUNDS FOLDER");
    };
    let texts = texts(folder);
    let format = formats::detect(&texts[0].bytes).expect("logs");
    let checked: Vec<&str> = texts
        .iter()
        .map(|text| str::from_utf8(&text.bytes).expect("UTF-8"))
        .collect();
    let lines = rows(&checked).count() as f64;
    let (mut ours, mut borrowed, mut owned) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.parse::<usize>().expect("a number") {
        ours.push(timed(lines, || decoded(format, &texts)));
        borrowed.push(timed(lines, || borrowed_structs(&checked)));
        owned.push(timed(lines, || owned_structs(&checked)));
    }
    println!(
        "{{\"lines\":{lines},\"s3logs\":{ours:?},\"borrowed\":{borrowed:?},\"owned\":{owned:?}}}"
    );
}

fn texts(folder: &str) -> Vec<Text> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| Text {
            bytes: stage::inflate(&fs::read(&path).expect("a file")),
            name: path.display().to_string(),
        })
        .collect()
}

/// Lines that are no header, as the peer wants them handed. That they are UTF-8 was seen before the clock ran.
fn rows<'a>(texts: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.filter(|line| !line.starts_with('#'))
}

/// Nanoseconds per line; all lines must come out as rows.
fn timed(lines: f64, work: impl Fn() -> u64) -> f64 {
    let start = Instant::now();
    let rows = black_box(work());
    let took = start.elapsed();
    assert_eq!(rows as f64, lines, "every line is a row");
    (took.as_nanos() as f64 / lines * 10.0).round() / 10.0
}

fn decoded(format: &'static LogFormat, texts: &[Text]) -> u64 {
    let named = texts
        .iter()
        .map(|text| (text.name.as_str(), text.bytes.as_slice()));
    stage::decode(format, named, |batch| drop(black_box(batch)))
}

fn borrowed_structs(texts: &[&str]) -> u64 {
    let parse = |line| borrowed::parquet::ValidatedLogline::try_from(line);
    rows(texts)
        .filter(|line| black_box(parse(*line)).is_ok())
        .count() as u64
}

fn owned_structs(texts: &[&str]) -> u64 {
    let parse = |line| owned::parquet::ValidatedLogline::try_from(line);
    rows(texts)
        .filter(|line| black_box(parse(*line)).is_ok())
        .count() as u64
}
