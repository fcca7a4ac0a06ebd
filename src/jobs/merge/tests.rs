use std::io::{Read as _, Write as _};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::Silent;
use crate::formats::{CLOUDFRONT, S3_ACCESS};
use crate::jobs::test_store::{Recorder, TestStore};
use crate::parse::{Decoder, TextFormat, TextWriter};
use crate::plan::Selection;
use crate::store::LocalStore;

fn gz(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("to memory");
    encoder.finish().expect("to memory")
}

fn unpacked(store: &TestStore, path: &str) -> Vec<u8> {
    let bytes = store.bytes(&format!("out/{path}")).expect("an output");
    let mut text = Vec::new();
    if bytes.starts_with(b"\x1f\x8b") {
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut text)
            .expect("whole gzip");
    } else {
        text = zstd::decode_all(&bytes[..]).expect("whole zstd");
    }
    text
}

fn source(store: &Arc<TestStore>) -> Source {
    Source {
        store: store.clone(),
        prefix: "logs/".to_owned(),
        selection: Selection::default(),
        single: false,
        leave_out: None,
    }
}

fn destination(store: &Arc<TestStore>) -> Destination {
    Destination {
        store: store.clone(),
        base: "out/".to_owned(),
        shown: "s3://test/out".to_owned(),
    }
}

async fn run(store: &Arc<TestStore>, options: &MergeOptions) -> (Merged, Vec<String>) {
    let recorder = Recorder::default();
    let (from, to) = (source(store), destination(store));
    let merged = merge(&from, &to, options, &recorder, &Cancel::never())
        .await
        .expect("a merge");
    (merged, recorder.failures())
}

fn paths(merged: &Merged) -> Vec<&str> {
    merged.outputs.iter().map(|one| one.path.as_str()).collect()
}

const CF_HEADER: &str = CLOUDFRONT.samples[0].header;

fn cf_object(lines: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("#Version: 1.0\n{CF_HEADER}\n").into_bytes();
    for line in lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    gz(&text)
}

const S3_DAY: &str = "logs/2026-03-01-10-15-42-0A1B2C3D4E5F67";

#[tokio::test]
async fn each_day_and_distribution_becomes_one_text() {
    let (s3, cf) = (S3_ACCESS.samples[0].line, CLOUDFRONT.samples[0].line);
    let store = Arc::new(TestStore::default());
    store.add(&format!("{S3_DAY}02"), &[s3, b"\r\n\r\n\xff\xfe"].concat());
    store.add(&format!("{S3_DAY}01"), &gz(&[s3, b"\n"].concat()));
    store.add("logs/2026-03-02-10-15-42-0A1B2C3D4E5F6789", s3);
    store.add("logs/E2EXAMPLE1.2026-03-01-10.a1.gz", &cf_object(&[cf, cf]));
    store.add("logs/E2EXAMPLE1.2026-03-01-11.a1.gz", &cf_object(&[cf]));
    store.add("logs/E2EXAMPLE2.2026-03-01-10.a1.gz", &cf_object(&[cf]));
    store.add("logs/anonymous-2026-03-01", &cf_object(&[cf]));
    store.add("logs/logo-2026-03-01.png", b"\x89PNG\r\n\x1a\n....");
    let cut = cf_object(&[cf]);
    store.add(
        "logs/E2EXAMPLE2.2026-03-01-11.cut.gz",
        &cut[..cut.len() - 5],
    );
    store.add("logs/E2EXAMPLE2.2026-03-01-12.gone.gz", b"");
    store.ghost("logs/E2EXAMPLE2.2026-03-01-12.gone.gz");
    store.add("logs/E2EXAMPLE2.2026-03-01-13.cold.gz", b"cold");
    store.archive("logs/E2EXAMPLE2.2026-03-01-13.cold.gz");
    let options = MergeOptions::default();
    let (merged, failures) = run(&store, &options).await;
    let expect = [
        "cloudfront/2026-03-01.merged.gz",
        "cloudfront/E2EXAMPLE1.2026-03-01.merged.gz",
        "cloudfront/E2EXAMPLE2.2026-03-01.merged.gz",
        "s3_access/2026-03-01.merged.gz",
        "s3_access/2026-03-02.merged.gz",
    ];
    assert_eq!(paths(&merged), expect);
    let counts = MergeCounts {
        listed: 11,
        merged: 7,
        partial: 0,
        skipped: 2,
        failed: 2,
    };
    // An empty object has no line, so it is no log; it is not even fetched.
    assert_eq!(merged.objects, counts);
    assert_eq!(merged.lines, 5 + 2 * 3 + 4 + 1);
    assert_eq!(merged.repeated_headers, 2);
    assert!(
        failures[0].contains("cut.gz: gunzip: truncated gzip"),
        "{failures:?}"
    );
    assert!(failures[1].contains("cold.gz: fetch: "), "{failures:?}");
    let text = unpacked(&store, "s3_access/2026-03-01.merged.gz");
    assert!(text == [s3, b"\n", s3, b"\r\n\r\n\xff\xfe\n"].concat());
    let head = format!("#Version: 1.0\n{CF_HEADER}\n").into_bytes();
    let text = unpacked(&store, "cloudfront/E2EXAMPLE1.2026-03-01.merged.gz");
    assert!(text == [&head, cf, b"\n", cf, b"\n", cf, b"\n"].concat());

    let before: Vec<_> = expect
        .map(|path| store.bytes(&format!("out/{path}")))
        .to_vec();
    let (again, _) = run(&store, &options).await;
    assert_eq!(again, merged);
    assert!(before == expect.map(|path| store.bytes(&format!("out/{path}"))));
}

#[tokio::test]
async fn months_in_zstd_and_dry_runs() {
    let s3 = S3_ACCESS.samples[0].line;
    let store = Arc::new(TestStore::default());
    store.add("logs/2026-03-01-10-15-42-0A1B2C3D4E5F6789", s3);
    store.add("logs/2026-03-31-10-15-42-0A1B2C3D4E5F6789", s3);
    store.add("logs/E2EXAMPLE1.2026-03-01-10.a1.gz", &cf_object(&[]));
    store.add("logs/2026-03-31-thing", s3);
    let mut options = MergeOptions {
        by: Span::Month,
        compression: Compression::Zstd,
        dry_run: true,
        ..MergeOptions::default()
    };
    let (planned, _) = run(&store, &options).await;
    let expect = [
        "cloudfront/E2EXAMPLE1.2026-03.merged.zst",
        "s3_access/2026-03.merged.zst",
    ];
    assert_eq!(paths(&planned), expect);
    assert_eq!((planned.objects.listed, planned.objects.merged), (4, 3));
    assert!(store.puts().is_empty() && store.gets() == 0);
    options.dry_run = false;
    let (merged, _) = run(&store, &options).await;
    assert_eq!(paths(&merged), expect);
    let text = unpacked(&store, expect[1]);
    assert!(text == [s3, b"\n", s3, b"\n", s3, b"\n"].concat());
    // An object without a line of data has a header all the same.
    assert_eq!(
        unpacked(&store, expect[0]),
        format!("#Version: 1.0\n{CF_HEADER}\n").into_bytes()
    );
}

/// More text than is held in memory: numbered lines.
fn long_text(lines: u32) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..lines {
        text.extend_from_slice(S3_ACCESS.samples[0].line);
        text.extend_from_slice(format!(" {number}\n").as_bytes());
    }
    text
}

#[tokio::test]
async fn large_objects_stream_through_and_damage_leaves_nothing() {
    let small = [S3_ACCESS.samples[0].line, b" small\n"].concat();
    let long = long_text(40_000);
    assert!(long.len() > read::SMALL + (4 << 20));
    let store = Arc::new(TestStore::default());
    let (packed, zipped) = (
        zstd::encode_all(&long[..], 1).expect("to memory"),
        gz(&long),
    );
    store.add(&format!("{S3_DAY}01"), &small);
    store.add(&format!("{S3_DAY}02"), &long);
    store.add(&format!("{S3_DAY}03"), &small);
    store.add(&format!("{S3_DAY}04"), &packed);
    let cut = &zipped[..zipped.len() * 3 / 4];
    store.add(&format!("{S3_DAY}05"), cut);
    store.add(&format!("{S3_DAY}06"), &small);
    let whole = [&small[..], &long, &small, &long, &small].concat();
    let mut options = MergeOptions::default();
    let (merged, failures) = run(&store, &options).await;
    assert_eq!((merged.objects.merged, merged.objects.failed), (5, 1));
    assert!(
        failures[0].contains("05: gunzip: truncated gzip"),
        "{failures:?}"
    );
    assert!(unpacked(&store, "s3_access/2026-03-01.merged.gz") == whole);
    assert_eq!(merged.lines, 80_003);

    options.keep_partial = true;
    let (merged, failures) = run(&store, &options).await;
    assert!(failures.is_empty());
    assert_eq!((merged.objects.merged, merged.objects.partial), (6, 1));
    let text = unpacked(&store, "s3_access/2026-03-01.merged.gz");
    let before = whole.len() - small.len();
    let kept = &text[before..text.len() - small.len()];
    assert!(text[..before] == whole[..before] && text.ends_with(&small));
    assert!(kept.len() > long.len() / 2 && kept.ends_with(b"\n") && long.starts_with(kept));

    options.max_object = 9 << 20;
    options.keep_partial = false;
    let (merged, failures) = run(&store, &options).await;
    assert_eq!((merged.objects.merged, merged.objects.failed), (3, 3));
    assert!(
        failures[0].contains("02: gunzip: it inflates to more than 9.0 MiB"),
        "{failures:?}"
    );
    assert!(unpacked(&store, "s3_access/2026-03-01.merged.gz") == small.repeat(3));
}

#[tokio::test]
async fn what_follows_a_large_object_knows_its_columns() {
    let line = [CLOUDFRONT.samples[0].line, b"\n"].concat();
    let long = line.repeat((9 << 20) / line.len());
    let store = Arc::new(TestStore::default());
    for (hour, text) in [("10", &long), ("11", &line), ("12", &line)] {
        let body = [&cf_head()[..], text].concat();
        store.add(
            &format!("logs/AAAAAAAA.2026-03-01-{hour}.a1.gz"),
            &gz(&body),
        );
    }
    let by_position = [&line[..], &long].concat();
    store.add("logs/AAAAAAAA.2026-03-01-13.a1.gz", &by_position);
    let (merged, _) = run(&store, &MergeOptions::default()).await;
    let text = unpacked(&store, &merged.outputs[0].path);
    assert!(text == [&by_position[..], &cf_head(), &long, &line, &line].concat());
    assert_eq!((merged.outputs.len(), merged.repeated_headers), (1, 4));
}

#[tokio::test]
async fn a_small_object_keeps_its_lines_before_damage() {
    let line = [S3_ACCESS.samples[0].line, b"\n"].concat();
    let store = Arc::new(TestStore::default());
    let mut broken = gz(&line.repeat(3));
    let crc = broken.len() - 6;
    broken[crc] ^= 1;
    store.add(&format!("{S3_DAY}01"), &broken);
    let mut options = MergeOptions::default();
    let (merged, _) = run(&store, &options).await;
    assert_eq!((merged.objects.merged, merged.objects.failed), (0, 1));
    assert!(merged.outputs.is_empty() && store.puts().is_empty());
    options.keep_partial = true;
    let (merged, _) = run(&store, &options).await;
    assert_eq!((merged.objects.merged, merged.objects.partial), (1, 1));
    assert!(unpacked(&store, "s3_access/2026-03-01.merged.gz") == line.repeat(3));
}

#[tokio::test]
async fn many_outputs_share_the_room_for_waiting_text() {
    let line = [S3_ACCESS.samples[0].line, b"\n"].concat();
    let text = line.repeat((5 << 20) / line.len());
    let store = Arc::new(TestStore::default());
    for id in ["AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "EEEEEEEE"] {
        let body = [&cf_head()[..], &text].concat();
        store.add(&format!("logs/{id}.2026-03-01-10.a1.gz"), &gz(&body));
        store.add(&format!("logs/{id}.2026-03-01-11.a1.gz"), &gz(&body));
    }
    let (merged, _) = run(&store, &MergeOptions::default()).await;
    assert_eq!(merged.outputs.len(), 5);
    for output in &merged.outputs {
        assert!(unpacked(&store, &output.path) == [&cf_head()[..], &text, &text].concat());
    }
}

fn cf_head() -> Vec<u8> {
    format!("#Version: 1.0\n{CF_HEADER}\n").into_bytes()
}

#[tokio::test]
async fn a_destination_within_the_source_is_no_input_and_a_stop_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = [S3_ACCESS.samples[0].line, b"\n"].concat();
    std::fs::write(folder.path().join("2026-03-01-a.log"), &line).expect("a file");
    let from = Source {
        store: Arc::new(LocalStore::open(folder.path()).expect("a store")),
        prefix: String::new(),
        selection: Selection::default(),
        single: false,
        leave_out: None,
    };
    let staging = "_s3logs/tmp";
    let to = Destination {
        store: Arc::new(LocalStore::create(&folder.path().join("m"), staging).expect("a store")),
        base: String::new(),
        shown: "m".to_owned(),
    };
    let (canceller, cancel) = Cancel::pair();
    canceller.cancel();
    let options = MergeOptions::default();
    let stopped = merge(&from, &to, &options, &Silent, &cancel)
        .await
        .expect("a stop");
    assert!(stopped.interrupted && stopped.outputs.is_empty());
    for _ in 0..2 {
        let merged = merge(&from, &to, &options, &Silent, &Cancel::never())
            .await
            .expect("a merge");
        assert_eq!((merged.objects.listed, merged.lines), (1, 1));
        let output = folder.path().join("m/s3_access/2026-03-01.merged.gz");
        let mut text = Vec::new();
        let file = std::fs::File::open(output).expect("an output");
        flate2::read::MultiGzDecoder::new(file)
            .read_to_end(&mut text)
            .expect("whole gzip");
        assert!(text == line);
        let left = std::fs::read_dir(folder.path().join("m").join(staging)).expect("a folder");
        assert_eq!(left.count(), 0, "temporary files are gone");
    }
}

/// Pieces of which hostile objects are made.
#[derive(Clone, Debug)]
enum Piece {
    Header(usize),
    Version,
    Sample(usize),
    Bytes(Vec<u8>),
    Remark(u8),
    Blank,
}

fn piece() -> impl Strategy<Value = (Piece, bool)> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[\t\r# a0-]{0,20}".prop_map(String::into_bytes),
    ];
    let piece = prop_oneof![
        2 => (0..4usize).prop_map(Piece::Header),
        1 => Just(Piece::Version),
        6 => (0..4usize).prop_map(Piece::Sample),
        3 => bytes.prop_map(Piece::Bytes),
        1 => any::<u8>().prop_map(Piece::Remark),
        1 => Just(Piece::Blank),
    ];
    (piece, any::<bool>())
}

fn object(format: &LogFormat, pieces: &[(Piece, bool)], ended: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for (piece, crlf) in pieces {
        match piece {
            Piece::Header(3) => text.extend_from_slice(b"#Fields:"),
            Piece::Header(which) => {
                text.extend_from_slice(CLOUDFRONT.samples[*which].header.as_bytes());
            }
            Piece::Version => text.extend_from_slice(b"#Version: 1.0"),
            Piece::Sample(which) => text.extend_from_slice(format.samples[*which].line),
            Piece::Bytes(bytes) => text.extend(bytes.iter().filter(|byte| **byte != b'\n')),
            Piece::Remark(byte) => text.extend_from_slice(&[b'#', *byte]),
            Piece::Blank => {}
        }
        text.extend_from_slice(if *crlf { b"\r\n" } else { b"\n" });
    }
    if !ended {
        text.pop();
    }
    text
}

/// Lines, but for those that start with `#` where these are headers, sorted.
fn lines_of(format: &LogFormat, texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for text in texts {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        lines.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    }
    lines.retain(|line| format.syntax == crate::schema::Syntax::Spaced || !line.starts_with(b"#"));
    lines.sort();
    lines
}

/// Rows and rejects that texts of the given names give, sorted.
fn rows_of<'a>(
    format: &'static LogFormat,
    texts: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(format);
    let mut writer = Vec::new();
    for (key, text) in texts {
        decoder.begin(key);
        decoder.decode(text);
        decoder.end();
    }
    if let Some(batch) = decoder.flush().expect("columns fit") {
        TextWriter::new(&mut writer, TextFormat::Ndjson, true)
            .write(&batch.records)
            .expect("to memory");
    }
    let mut rows: Vec<Vec<u8>> = writer
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    rows.extend(
        decoder
            .take_rejects()
            .into_iter()
            .map(|reject| reject.bytes),
    );
    rows.sort();
    rows
}

proptest! {
    #[test]
    fn no_line_is_lost_and_none_reads_otherwise(
        objects in proptest::collection::vec(
            (0..3u8, proptest::collection::vec(piece(), 1..12), any::<bool>(), any::<bool>()),
            1..8,
        ),
        tabbed in any::<bool>(),
    ) {
        let format: &LogFormat = if tabbed { &CLOUDFRONT } else { &S3_ACCESS };
        let store = Arc::new(TestStore::default());
        let mut texts = Vec::new();
        for (number, (id, pieces, ended, packed)) in objects.iter().enumerate() {
            let name = match id {
                0 => format!("logs/E2EXAMPLE1.2026-03-0{}-10.{number}.gz", number % 2 + 1),
                1 => format!("logs/E2EXAMPLE2.2026-03-01-10.{number}.gz"),
                _ => format!("logs/2026-03-01-{number}"),
            };
            let text = object(format, pieces, *ended);
            store.add(&name, &if *packed { gz(&text) } else { text.clone() });
            if matches!(formats::choose(&text, Some(format)), Ok(formats::Choice::Read(_))) {
                texts.push((name, text));
            }
        }
        let mut from = source(&store);
        from.selection.format = Some(format);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let merged = runtime
            .block_on(merge(&from, &destination(&store), &MergeOptions::default(), &Silent, &Cancel::never()))
            .expect("a merge");
        // What begins like gzip or zstd by chance would be read as such.
        prop_assert_eq!(merged.objects.merged, texts.len() as u64);
        let outputs: Vec<(String, Vec<u8>)> = merged
            .outputs
            .iter()
            .map(|output| (output.path.clone(), unpacked(&store, &output.path)))
            .collect();
        let only = |all: &[(String, Vec<u8>)]| all.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
        let nonempty: Vec<Vec<u8>> = only(&texts).into_iter().filter(|text| !text.is_empty()).collect();
        let merged_nonempty: Vec<Vec<u8>> = only(&outputs).into_iter().filter(|text| !text.is_empty()).collect();
        prop_assert_eq!(lines_of(format, &nonempty), lines_of(format, &merged_nonempty));
        let lines: usize = only(&outputs).iter().map(|text| memchr::memchr_iter(b'\n', text).count()).sum();
        prop_assert_eq!(merged.lines, lines as u64);
        let named = |all: &[(String, Vec<u8>)]| rows_of(format, all.iter().map(|(name, text)| (name.as_str(), &text[..])));
        prop_assert_eq!(named(&texts), named(&outputs));
    }
}
