//! `timelapse`: a scripted life of objects, and what the dots of the film say of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use s3logs::query::{Engine, Limits, QueryError, Wanted};
use s3logs::store::LocalStore;
use s3logs::timelapse::{Action, Layout, Size, State, color_of};

use super::inventory;
use crate::support::env::{Ended, Env};

const SIZE: Size = Size {
    width: 480,
    height: 270,
};

/// A line about a key of a bucket, at an hour and a minute of the second of March 2026.
fn line(
    bucket: &str,
    time: &str,
    operation: &str,
    key: &str,
    status: &str,
    version: &str,
) -> String {
    let request = if operation.starts_with("S3.") {
        "\"-\"".to_owned()
    } else {
        format!("\"PUT /{key} HTTP/1.1\"")
    };
    format!(
        "5f0c1e8a7b3d4926a1c4e7f08d2b6359714fae0c93d85b12647ce0f9a3b18d27 {bucket} \
         [02/Mar/2026:{time} +0000] 198.51.100.23 - 0C1YGJ1NCW1NHN1H {operation} {key} {request} \
         {status} - 7 7 9 \"-\" \"-\" {version} MDOIg8cTLoFlk90DDyJ8ygj7ZNH= - - - - - - -\n"
    )
}

const PUT: &str = "REST.PUT.OBJECT";
const DELETE: &str = "REST.DELETE.OBJECT";
const MARK: &str = "S3.CREATE.DELETEMARKER";
const EXPIRE: &str = "S3.EXPIRE.OBJECT";

/// The life of five objects, hour by hour, and what changed nothing.
fn story() -> String {
    let mut text = String::new();
    for (time, operation, key, status) in [
        // A whole life.
        ("00:10:00", PUT, "a", "200 -"),
        ("01:10:00", MARK, "a", "- -"),
        ("02:10:00", EXPIRE, "a", "- -"),
        ("03:10:00", EXPIRE, "a", "- -"),
        // There before the log begins, and deleted.
        ("01:20:00", DELETE, "b", "204 -"),
        // Put and deleted in the same second, told in the wrong order.
        ("02:30:00", DELETE, "c", "204 -"),
        ("02:30:00", PUT, "c", "200 -"),
        // Overwritten; the old version expires, it moves, and it stays.
        ("00:20:00", PUT, "d", "200 -"),
        ("01:30:00", PUT, "d", "200 -"),
        ("02:40:00", EXPIRE, "d", "- -"),
        ("03:30:00", "S3.TRANSITION_SIA.OBJECT", "d", "- -"),
        // Put in parts.
        ("03:40:00", "REST.POST.UPLOAD", "e", "200 -"),
        // What changes nothing.
        ("03:41:00", PUT, "f", "403 AccessDenied"),
        ("03:42:00", DELETE, "g", "204 NoSuchKey"),
        ("03:43:00", "REST.GET.OBJECT", "h", "200 -"),
        ("03:44:00", "REST.POST.UPLOADS", "i", "200 -"),
    ] {
        text += &line("example-assets", time, operation, key, status, "-");
    }
    // Another bucket, of which less is logged.
    text + &line("other", "03:50:00", PUT, "x", "200 -", "-")
}

fn synced(text: &str) -> (Env, String) {
    let env = Env::new();
    std::fs::create_dir(env.path("logs")).expect("a folder");
    let log = env.path("logs/2026-03-02-05-00-00-00000000000000AB");
    std::fs::write(log, text).expect("a file");
    drop(env.run(["sync", &env.arg("logs"), &env.arg("set")]).code(0));
    let set = env.arg("set");
    (env, set)
}

const SMALL: [&str; 4] = ["--width", "480", "--height", "270"];

fn film(env: &Env, set: &str, out: &str, more: &[&str]) -> Ended {
    let out = if out.ends_with('/') {
        format!("{}/", env.arg(out.trim_end_matches('/')))
    } else {
        env.arg(out)
    };
    let args = ["timelapse", set, &out];
    let args = args.iter().chain(&SMALL).chain(more);
    env.run(args).code(0)
}

type Picture = Vec<[u8; 3]>;

/// All frames of a GIF as they are seen, and the hundredths of a second that each stays.
fn frames(path: &Path) -> (Vec<Picture>, Vec<u16>) {
    let mut decoder = gif::DecodeOptions::new();
    decoder.set_color_output(gif::ColorOutput::Indexed);
    let file = std::fs::File::open(path).expect("a file");
    let mut decoder = decoder.read_info(file).expect("a GIF");
    assert_eq!((decoder.width(), decoder.height()), (480, 270));
    let palette = decoder.global_palette().expect("colours").to_vec();
    let mut picture = vec![[0; 3]; 480 * 270];
    let (mut pictures, mut delays) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        for (dot, color) in picture.iter_mut().zip(frame.buffer.iter()) {
            if frame.transparent != Some(*color) {
                let at = usize::from(*color) * 3;
                *dot = [palette[at], palette[at + 1], palette[at + 2]];
            }
        }
        pictures.push(picture.clone());
        delays.push(frame.delay);
    }
    (pictures, delays)
}

/// Colours that stand for something.
fn names() -> BTreeMap<[u8; 3], char> {
    let [gone, present, marked, expired] = State::ALL.map(color_of);
    BTreeMap::from([
        (gone, '-'),
        (present, 'P'),
        (marked, 'M'),
        (expired, 'E'),
        ([0x2c, 0x35, 0x40], '.'),
        ([0x7a, 0xa8, 0xff], 'T'),
    ])
}

/// The states of objects in a picture, a letter each.
fn states(picture: &Picture, objects: u64) -> String {
    let (layout, names) = (Layout::new(SIZE, objects, &[]), names());
    let state = |object| {
        let (x, y) = layout.dot_of(object);
        names[&picture[(y + 3) * 480 + x + 3]]
    };
    (0..objects).map(state).collect()
}

#[test]
fn the_dots_tell_the_life_of_each_object() {
    let (env, set) = synced(&story());
    let ended = film(&env, &set, "film.gif", &["--every", "1h"]);
    ended.stderr_contains("shown is example-assets; --bucket shows another: other\n");
    ended.stdout_contains("example-assets, versioned: 5 objects, 12 events");
    ended.stdout_contains("at its end 2 present, 2 under a delete marker, 0 expired, 1 gone");
    let (pictures, delays) = frames(&env.path("film.gif"));
    let told: Vec<String> = pictures.iter().map(|one| states(one, 5)).collect();
    assert_eq!(told, [".P...", "PP.P.", "MM.P.", "EMMP.", "-MMTP"]);
    assert_eq!(delays, [50, 50, 50, 50, 250]);

    // The legend has all its colours, and the line grows to its end.
    let bottom = |picture: &Picture| picture[480 * 218..480 * 236].to_vec();
    for (color, name) in names() {
        assert!(
            bottom(&pictures[4]).contains(&color),
            "no {name} in the legend"
        );
    }
    let done = |picture: &Picture| {
        let row = &picture[480 * 258..480 * 259];
        row.iter().filter(|dot| **dot == [0xf0, 0xf3, 0xf6]).count()
    };
    let done: Vec<usize> = pictures.iter().map(done).collect();
    assert_eq!(done, [0, 116, 232, 348, 464]);

    film(&env, &set, "again.gif", &["--every", "1h"]);
    let bytes = |name| std::fs::read(env.path(name)).expect("a film");
    assert_eq!(bytes("film.gif"), bytes("again.gif"));
}

#[test]
fn a_bucket_without_versions_forgets_at_once() {
    let (env, set) = synced(&story());
    let args = ["--every", "1h", "--versioned", "no"];
    film(&env, &set, "film.gif", &args).stdout_contains("example-assets: 5 objects");
    let (pictures, _) = frames(&env.path("film.gif"));
    let told: Vec<String> = pictures.iter().map(|one| states(one, 5)).collect();
    assert_eq!(told, [".P...", "PP.P.", "M-.P.", "E--E.", "E--EP"]);
}

#[test]
fn what_was_before_is_how_it_begins() {
    let (env, set) = synced(&story());
    let args = ["--every", "1h", "--since", "2026-03-02T02:00:00Z", "--json"];
    let ended = film(&env, &set, "film.gif", &args);
    let told = &ended.events_of("summary")[0];
    assert_eq!((&told["objects"], &told["events"]), (&5.into(), &7.into()));
    assert_eq!(told["from"], "2026-03-02T02:10:00Z");
    assert_eq!(told["end"]["marked"], 2);
    let (pictures, _) = frames(&env.path("film.gif"));
    let seen: Vec<String> = pictures.iter().map(|one| states(one, 5)).collect();
    assert_eq!(seen, ["MM.P.", "EMMP.", "-MMTP"]);

    let args = ["--until", "2026-03-02T01:00:00Z", "--prefix", "a", "--json"];
    let told = film(&env, &set, "film.gif", &args);
    let told = &told.events_of("summary")[0];
    assert_eq!((&told["objects"], &told["events"]), (&1.into(), &1.into()));
}

#[test]
fn as_many_frames_as_are_asked_for_as_pictures_for_other_programs() {
    let (env, set) = synced(&story());
    film(&env, &set, "film.gif", &["--frames", "7"]);
    let ended = film(&env, &set, "frames/", &["--frames", "7"]);
    ended.stdout_contains("try: ffmpeg -framerate 2 -i '[TEMP]/frames/frame-%05d.ppm'");
    let (pictures, _) = frames(&env.path("film.gif"));
    assert_eq!(pictures.len(), 7);
    for (at, picture) in pictures.iter().enumerate() {
        let name = format!("frames/frame-{:05}.ppm", at + 1);
        let file = std::fs::read(env.path(&name)).expect("a frame");
        let dots = file.strip_prefix(b"P6\n480 270\n255\n").expect("a PPM");
        assert_eq!(dots, picture.concat(), "{name}");
    }
    let left = std::fs::read_dir(env.path("frames")).expect("a folder");
    assert_eq!(left.count(), 7);
    let again = ["timelapse", &set, &format!("{}/", env.arg("frames"))];
    env.run(again).code(2).stderr_contains("is not empty");
}

#[test]
fn a_page_shows_the_same_film() {
    let (env, set) = synced(&story());
    film(&env, &set, "film.gif", &["--every", "1h"]);
    film(&env, &set, "film.html", &["--every", "1h"]);
    let page = std::fs::read_to_string(env.path("film.html")).expect("a page");
    let (_, rest) = page.split_once("base64,").expect("a film");
    let (film, _) = rest.split_once('"').expect("its end");
    let engine = base64::engine::general_purpose::STANDARD;
    let film = base64::Engine::decode(&engine, film).expect("a film");
    assert_eq!(film, std::fs::read(env.path("film.gif")).expect("a film"));
    let row =
        "2026-03-02 04:00 UTC</th><td>0</td><td>2</td><td>2</td><td>0</td><td>1</td><td>1</td>";
    assert!(page.contains(row), "{page}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let (env, set) = synced(&story());
    let ended = film(
        &env,
        &set,
        "film.gif",
        &["--dry-run", "--bucket", "example-assets"],
    );
    ended.stdout_contains("5 objects, 12 events");
    ended
        .stdout_contains("nothing is written")
        .stderr_is_empty();
    assert!(!env.path("film.gif").exists());
    let left = std::fs::read_dir(env.path("tmp")).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn what_cannot_be_shown_is_told() {
    let (env, set) = synced(&story());
    let mut told = String::new();
    for args in [
        vec!["timelapse", &set, "film.mp4"],
        vec!["timelapse", &set, "film.gif", "--bucket", "nowhere"],
        vec!["timelapse", &set, "film.gif", "--month", "2020-01"],
        vec!["timelapse", &set, "film.gif", "--every", "fast"],
        vec!["timelapse", &set, "film.gif", "--every", "1s"],
        vec![
            "timelapse",
            &set,
            "film.gif",
            "--every",
            "1h",
            "--frames",
            "9",
        ],
        vec!["timelapse", &set, "film.gif", "--width", "99"],
        vec!["timelapse", &set, "film/", "--width", "481"],
        vec![
            "timelapse",
            &set,
            "film.gif",
            "--width",
            "3840",
            "--height",
            "2160",
            "--memory",
            "32MiB",
        ],
        vec!["timelapse", "nothing", "film.gif"],
    ] {
        let ended = env.run(&args);
        let shown: Vec<&str> = args[2..].to_vec();
        let ended = if ["--bucket", "--month"]
            .iter()
            .any(|word| args.contains(word))
            || args[1] == "nothing"
        {
            ended.code(1)
        } else {
            ended.code(2)
        };
        assert_eq!(ended.stdout(), "", "{args:?}");
        // Writing to a string cannot fail.
        let _ = writeln!(told, "$ {}\n{}", shown.join(" "), ended.told());
    }
    insta::assert_snapshot!(told);
    env.run(["timelapse", &set, "nowhere/film.gif"])
        .code(1)
        .stderr_contains("error: cannot write nowhere/film.gif: No such file or directory");
    assert!(!env.path("film.gif").exists());

    let (env, set) = {
        let env = Env::new();
        let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/cloudfront");
        let set = env.arg("set");
        drop(env.run(["sync", "-q", logs.to_str().expect("a name"), &set]));
        (env, set)
    };
    env.run(["timelapse", &set, "film.gif"])
        .code(1)
        .stderr_contains("the dataset has no S3 access logs");
}

/// With an inventory the objects are known that nothing happens to, and how many versions there are.
#[tokio::test]
async fn an_inventory_tells_what_there_was() {
    let (env, _) = synced(&story());
    let store = LocalStore::open(&env.path("set")).expect("a dataset");
    let limits = Limits {
        memory: 64 << 20,
        spill: env.path("tmp"),
    };
    let engine = Engine::open(Arc::new(store), "", &limits).await;
    let mut engine = engine.expect("a dataset");
    let rows = [
        "example-assets,b,true,true,2026-02-01T00:00:00Z",
        "example-assets,b,false,false,2026-01-01T00:00:00Z",
        "example-assets,calm,true,false,2026-02-01T00:00:00Z",
        "example-assets,d,true,false,2026-03-02T01:30:00Z",
        "elsewhere,z,true,false,2026-02-01T00:00:00Z",
    ];
    let schema = "Bucket, Key, IsLatest, IsDeleteMarker, LastModifiedDate";
    inventory::deliver(
        &env.path("daily"),
        schema,
        &inventory::gzip(&rows.join("\n")),
    );
    let lists = LocalStore::open(&env.path("daily")).expect("a folder");
    let added = engine.add_inventory(Arc::new(lists), "").await;
    added.expect("an inventory");
    let wanted = Wanted {
        bucket: Some("example-assets".to_owned()),
        ..Wanted::default()
    };
    let bucket = engine.buckets(&wanted).await.expect("buckets").remove(0);
    let keys = engine.listed_keys(&wanted).await.expect("keys");
    assert_eq!(keys, Some(("b".to_owned(), "d".to_owned())));
    let mut lives: BTreeMap<String, Vec<(i64, u8)>> = BTreeMap::new();
    let each = |key: &[u8], at, action: Action| {
        let key = String::from_utf8_lossy(key).into_owned();
        lives.entry(key).or_default().push((at, action.code()));
        Ok::<_, QueryError>(())
    };
    engine
        .lives(&wanted, bucket.begins, each)
        .await
        .expect("rows");
    let actions = |key: &str| {
        let mut rows = lives[key].clone();
        rows.sort_unstable();
        let code = |row: &(i64, u8)| Action::ALL[usize::from(row.1)];
        rows.iter().map(code).collect::<Vec<_>>()
    };
    assert_eq!(
        actions("b"),
        [Action::Held, Action::HeldMarked, Action::Delete]
    );
    assert_eq!(actions("calm"), [Action::Held]);
    // The log tells of its creation, so the inventory, made later, need not.
    assert_eq!(actions("d")[0], Action::Create);
    assert!(!lives.contains_key("z"));
}

#[cfg(unix)]
#[test]
fn a_film_that_is_stopped_leaves_nothing() {
    let (env, set) = synced(&story());
    std::fs::create_dir(env.path("films")).expect("a folder");
    for out in ["film.gif", "film.html", "film/"] {
        let out = format!("{}/{out}", env.arg("films"));
        let large = ["--frames", "10000", "--width", "3840", "--height", "2160"];
        let args = ["timelapse", &set, &out];
        let mut run = env.start(args.iter().chain(&large));
        run.wait_for_stderr("shown is example-assets");
        run.interrupt();
        run.wait().code(130).stderr_contains("stopping");
        for folder in ["films", "tmp"] {
            let left = std::fs::read_dir(env.path(folder)).expect("a folder");
            assert_eq!(left.count(), 0, "{out}: {folder}");
        }
    }
}

/// Many objects in little memory: the order is made on disk, in many runs, and the film is the same.
#[test]
fn memory_changes_nothing() {
    let mut text = String::new();
    for number in 0..3000 {
        let key = format!("part-{}/{number:05}", number % 7);
        let minute = number % 60;
        for (hour, operation) in [(1, PUT), (4, MARK), (9, EXPIRE), (11, EXPIRE)] {
            let time = format!("{hour:02}:{minute:02}:00");
            let status = if operation == PUT { "200 -" } else { "- -" };
            text += &line("example-assets", &time, operation, &key, status, "-");
        }
    }
    let (env, set) = synced(&text);
    for (name, memory) in [("large.gif", "512MiB"), ("small.gif", "32MiB")] {
        let args = ["--every", "1h", "--memory", memory];
        let ended = film(&env, &set, name, &args);
        ended.stdout_contains("3,000 objects, 12,000 events");
        ended.stdout_contains("0 expired, 3,000 gone");
    }
    let bytes = |name| std::fs::read(env.path(name)).expect("a film");
    assert_eq!(bytes("large.gif"), bytes("small.gif"));
}
