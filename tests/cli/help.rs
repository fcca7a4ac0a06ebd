//! Help, completions, manual pages, and command lines that make no sense.

use std::fmt::Write as _;

use crate::support::env::{Ended, Env};

const VERBS: [&str; 16] = [
    "sync",
    "status",
    "list",
    "parse",
    "convert",
    "download",
    "merge",
    "upload",
    "verify",
    "query",
    "report",
    "timelapse",
    "ledger",
    "formats",
    "completions",
    "man",
];

/// The program asks for the width of the terminal; where there is none this counts.
fn wide() -> Env {
    let mut env = Env::new();
    env.set("COLUMNS", "100");
    env
}

#[test]
fn help_of_the_program() {
    let env = wide();
    let long = env.run(["--help"]).code(0);
    long.stderr_is_empty();
    insta::assert_snapshot!(long.stdout());
    assert_eq!(env.run(["help"]).code(0).stdout(), long.stdout());
    let version = env.run(["--version"]).code(0);
    assert_eq!(
        version.stdout(),
        concat!("s3logs ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn help_of_every_verb() {
    let env = wide();
    for verb in VERBS {
        let ended = env.run([verb, "--help"]).code(0);
        ended.stderr_is_empty();
        insta::assert_snapshot!(format!("help_of_{verb}"), ended.stdout());
        assert_eq!(env.run(["help", verb]).code(0).stdout(), ended.stdout());
    }
    let listed = env.run(["--help"]).code(0);
    let commands = listed.stdout().split("Commands:\n").nth(1);
    let commands = commands.and_then(|rest| rest.split("\n\n").next());
    let names: Vec<&str> = commands
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(names, VERBS);
}

#[test]
fn completions_of_every_shell() {
    let env = Env::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = env.run(["completions", shell]).code(0);
        ended.stderr_is_empty();
        for word in VERBS.iter().chain(&["take-over", "max-rejected"]) {
            ended.stdout_contains(word);
        }
    }
    let unknown = env.run(["completions", "csh"]).code(2);
    unknown.stderr_contains("[possible values: bash, elvish, fish, powershell, zsh]");
}

#[test]
fn manual_pages_of_every_verb() {
    let env = Env::new();
    let main = env.run(["man"]).code(0);
    main.stderr_is_empty();
    main.stdout_contains(".TH s3logs 1").stdout_contains("130");
    for verb in VERBS {
        let ended = env.run(["man", verb]).code(0);
        ended.stderr_is_empty();
        ended.stdout_contains(&format!(".TH s3logs-{verb} 1 "));
        for section in [".SH NAME", ".SH SYNOPSIS", "Examples:"] {
            ended.stdout_contains(section);
        }
        main.stdout_contains(&format!("s3logs\\-{verb}"));
    }
    let unknown = env.run(["man", "snyc"]).code(2);
    assert_eq!(unknown.stdout(), "");
}

/// Adds what a run told that was refused before it did anything.
fn add(story: &mut String, args: &[&str], ended: &Ended) {
    assert_eq!(ended.stdout(), "", "{args:?}");
    // Writing to a string cannot fail.
    let _ = writeln!(story, "$ s3logs {}\n{}", args.join(" "), ended.told());
}

#[test]
fn command_lines_that_make_no_sense() {
    let env = wide();
    std::fs::create_dir(env.path("logs")).expect("a folder");
    let lines: [&[&str]; 22] = [
        &[],
        &["snyc", "logs", "lake"],
        &["sync", "logs"],
        &["sync", "logs", "lake", "more"],
        &["sync", "--dryrun", "logs", "lake"],
        &["sync", "logs", "-"],
        &["sync", "gs://bucket/logs", "lake"],
        &["list", "s3://", "--long"],
        &["list", "logs", "--format", "nginx"],
        &["list", "logs", "--since", "yesterday"],
        &["list", "logs", "--since", "2026-02-30"],
        &["list", "logs", "--month", "2026-3"],
        &[
            "list",
            "logs",
            "--month",
            "2026-03",
            "--since",
            "2026-03-01",
        ],
        &[
            "list",
            "logs",
            "--since",
            "2026-03-02",
            "--until",
            "2026-03-01",
        ],
        &["list", "logs", "--include", "[a"],
        &["list", "-q", "-v", "logs"],
        &["sync", "logs", "lake", "--memory", "much"],
        &["sync", "logs", "lake", "--max-object", "0"],
        &["sync", "logs", "lake", "--zstd-level", "23"],
        &[
            "merge",
            "logs",
            "lake",
            "--compress",
            "zstd",
            "--level",
            "0",
        ],
        &["download", "logs", "s3://bucket/raw"],
        &["parse", "logs", "-"],
    ];
    let mut story = String::new();
    for args in lines {
        add(&mut story, args, &env.run(args).code(2));
    }
    insta::assert_snapshot!(story);
    let left = std::fs::read_dir(env.path("")).expect("a folder");
    assert_eq!(left.count(), 3, "home, tmp and logs, and nothing else");
}
