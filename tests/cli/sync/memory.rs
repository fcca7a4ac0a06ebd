//! `--memory` holds, however large an object is.

use std::fs;
use std::io::Write as _;

use super::super::logs::{key, line};
use crate::support::env::Env;

const CEILING: u64 = 64 << 20;

/// Most anonymous memory that a run was seen with: what it takes beside the pages of the program itself, which
/// are many in a build for tests.
fn peak_of(env: &Env, source: &str) -> u64 {
    let (source, set) = (env.arg(source), env.arg(&format!("{source}.set")));
    let run = env.start(["sync", "-q", "--memory", "64MiB", &source, &set]);
    let status = format!("/proc/{}/status", run.id());
    let mut peak = 0;
    let seen = || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let size = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(size.unwrap_or(0) << 10);
        false
    };
    drop(run.kill_when(seen).code(0));
    peak
}

/// An object of so many lines.
fn write(env: &Env, folder: &str, lines: u64) {
    fs::create_dir(env.path(folder)).expect("a folder");
    let file = fs::File::create(env.path(folder).join(key(2, 1))).expect("a file");
    let mut file = std::io::BufWriter::new(file);
    for number in 0..lines {
        let day = u8::try_from(1 + number % 2).expect("small");
        file.write_all(line(day, number).as_bytes())
            .expect("a line");
    }
    file.flush().expect("a file");
}

#[test]
fn a_large_object_takes_no_more_than_the_ceiling() {
    let env = Env::new();
    write(&env, "small", 30_000);
    write(&env, "large", 120_000);
    let (small, large) = (peak_of(&env, "small"), peak_of(&env, "large"));
    assert!(small > 4 << 20, "nothing was seen: {small} bytes");
    assert!(large < CEILING, "{large} bytes");
    // Four times the text, 32 MB more.
    assert!(large < small + (16 << 20), "{small} bytes, then {large}");
}
