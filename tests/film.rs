//! How much a film takes: a hundred million objects through all but the SQL. By hand, optimised, with
//! `cargo test --release --test main film -- --ignored --nocapture`.

use std::io::BufWriter;
use std::time::Instant;

use s3logs::timelapse::{Action, Film, Layout, MovingPicture, Replay, Size, Spool, Timeline, draw};

const OBJECTS: u64 = 100_000_000;
const HOUR: i64 = 3_600_000_000;

/// Bytes of a run of the spool, as `--memory 512MiB` gives.
const RUN: usize = 64 << 20;

/// What a billion objects may take.
const MEMORY: u64 = 300 << 20;

/// The most memory that this process has had, where the system tells (Linux).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

fn tell(what: &str, since: Instant) {
    let (seconds, peak) = (
        since.elapsed().as_secs_f64(),
        peak().unwrap_or_default() >> 20,
    );
    println!("{what}: {seconds:.1} s, {peak} MiB of memory at most");
}

/// Each is put at an hour that its number gives, marked, expired, and of every other the marker goes.
fn replay(timeline: Timeline) -> (s3logs::timelapse::Replayed, Spool) {
    let spool = Spool::create(&std::env::temp_dir(), RUN).expect("a file");
    let keys: (&[u8], &[u8]) = (b"part-0/", b"part-9/");
    let mut replay = Replay::new(timeline, true, keys, Some(spool));
    for object in 0..OBJECTS {
        let part = object * 10 / OBJECTS;
        let key = format!("part-{part}/{object:012}.parquet");
        let chance = object.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let put = i64::try_from(chance % 150).expect("small") * HOUR;
        let mark = i64::try_from(part * 8 + chance % 5).expect("small") * HOUR + 150 * HOUR;
        let mut rows = vec![
            (put, Action::Create),
            (mark, Action::Mark),
            (mark + 20 * HOUR, Action::Expire),
        ];
        if object % 2 == 0 {
            rows.push((mark + 40 * HOUR, Action::Expire));
        }
        for (at, action) in rows {
            replay.row(key.as_bytes(), at, action).expect("room");
        }
    }
    let (replayed, spool) = replay.finish().expect("room");
    (replayed, spool.expect("a spool"))
}

#[test]
#[ignore = "takes minutes where it is not optimised"]
fn a_hundred_million_objects() {
    let begin = Instant::now();
    let timeline = Timeline::usual(0, 280 * HOUR);
    let (replayed, spool) = replay(timeline);
    tell("replayed", begin);
    println!(
        "{} objects, {} events, {} MiB on disk",
        replayed.objects,
        replayed.events,
        spool.bytes() >> 20
    );
    let size = Size {
        width: 960,
        height: 540,
    };
    let film = Film {
        title: "a hundred million".to_owned(),
        timeline,
        layout: Layout::new(size, replayed.objects, &replayed.prefixes),
        turns: replayed.turns,
        moves: false,
    };
    let target = tempfile::NamedTempFile::new().expect("a file");
    let begin = Instant::now();
    let mut merge = spool.merge().expect("a file");
    let mut screen = MovingPicture::new(BufWriter::new(target), size, 20).expect("a file");
    let mut end = None;
    let mut each = |_, counts: &s3logs::timelapse::Counts| {
        end = Some(*counts);
        true
    };
    assert!(draw(&film, &mut merge, &mut screen, &mut each).expect("room"));
    let target = screen.finish().expect("room").into_inner().expect("room");
    tell("drawn", begin);
    let bytes = target.as_file().metadata().expect("a file").len();
    println!("{} frames, {} MiB", timeline.frames, bytes >> 20);
    let end = end.expect("frames");
    assert_eq!((end.expired, end.gone), (OBJECTS / 2, OBJECTS / 2));
    assert!(peak().unwrap_or_default() < MEMORY);
}
