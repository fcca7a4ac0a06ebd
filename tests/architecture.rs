//! Reads the sources and holds them to the rules of the crate.

mod source;

use std::fs;
use std::path::Path;

use s3logs::formats;

use self::source::{Source, code_of};

/// The layers from the bottom up. A module imports from the rows below its own.
const LAYERS: [&[&str]; 8] = [
    &["cpu", "event", "outcome", "units"],
    &["schema", "store", "traffic"],
    &["formats", "parse", "table", "ledger", "inventory"],
    &["pipeline", "plan", "timelapse"],
    &["jobs", "query"],
    &["report"],
    &["commands", "ui"],
    &["lib", "main"],
];

/// What is allowed inside a row.
const SIDEWAYS: [(&str, &str); 5] = [
    ("event", "units"),
    ("outcome", "units"),
    ("pipeline", "plan"),
    ("commands", "ui"),
    ("main", "lib"),
];

/// What is forbidden although it points down: these turn bytes into other bytes, wherever they lie.
const NEVER: [(&str, &str); 3] = [("formats", "store"), ("parse", "store"), ("table", "store")];

/// What may stand only in some places: a pattern, path beginnings, and the rule in words.
const BORDERS: [(&str, &[&str], &str); 9] = [
    (
        r"\bdatafusion\b",
        &["src/query/"],
        "the SQL engine stays in query/",
    ),
    (
        r"\baws_(?:config|credential_types|sdk_\w+|smithy_\w+|types)\b",
        &["src/store/s3/"],
        "the AWS SDK stays in store/s3/",
    ),
    (
        r"\b(?:spawn|mpsc|JoinSet)\b",
        &["src/pipeline/", "src/cpu.rs"],
        "tasks, threads and channels are for pipeline/",
    ),
    (
        // Not a task of ours: how tokio waits for a file.
        r"\bspawn_blocking\b",
        &["src/store/local/"],
        "blocking threads are for files",
    ),
    (
        r"\be?print(?:ln)?!|\b(?:stdout|stderr)\(",
        &["src/ui/", "src/main.rs"],
        "printing is for ui/",
    ),
    (
        r"\bclap\w*::",
        &["src/commands/", "src/ui/", "src/main.rs"],
        "clap is for commands/",
    ),
    (
        // A second Ctrl-C ends it at once.
        r"\bprocess::exit\b",
        &["src/commands/interrupt.rs", "src/main.rs"],
        "only main ends the process",
    ),
    (
        r"\benv::(?:var|vars|args|current_dir)\w*",
        &["src/commands/", "src/ui/", "src/main.rs"],
        "the environment is read in commands/",
    ),
    (
        r"\b(?:SystemTime|Utc|Local)::now\b",
        &["src/commands/", "src/ui/", "src/main.rs"],
        "the clock is read in commands/; pass `now`",
    ),
];

/// Modules without a line of asynchronous code.
const SYNCHRONOUS: [&str; 6] = ["schema", "formats", "parse", "table", "plan", "timelapse"];

/// Names that say nothing about what is in a file.
const NAMELESS: [&str; 5] = ["common", "helpers", "misc", "types", "utils"];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 70;

/// Fails with every breach as `file:line: rule`.
#[track_caller]
fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn row(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// Why `from` may not import `to`.
fn refusal(from: &str, to: &str) -> Option<String> {
    let (from_row, to_row) = (row(from)?, row(to)?);
    let sideways = from_row == to_row && SIDEWAYS.contains(&(from, to));
    let down = to_row < from_row && !NEVER.contains(&(from, to));
    (from != to && !sideways && !down).then(|| format!("{from} must not import {to}"))
}

#[test]
fn imports_only_point_down() {
    let mut breaches = Vec::new();
    for source in Source::all_below("src") {
        let (path, module) = (&source.path, source.module());
        if row(module).is_none() {
            breaches.push(format!("{path}:1: {module} is not in the table of layers"));
        }
        for import in source.imports() {
            if let Some(why) = refusal(module, &import.name) {
                breaches.push(format!("{path}:{}: {why}", import.line));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn borders_are_kept() {
    let mut breaches = Vec::new();
    for source in Source::all_below("src") {
        let path = &source.path;
        for (pattern, places, rule) in BORDERS {
            if !places.iter().any(|place| path.starts_with(place)) {
                let hits = source.find(pattern);
                breaches.extend(
                    hits.iter()
                        .map(|hit| format!("{path}:{}: `{}`: {rule}", hit.line, hit.name)),
                );
            }
        }
        if SYNCHRONOUS.contains(&source.module()) {
            let hits = source.find(r"\basync\b");
            let rule = format!("{} is synchronous", source.module());
            breaches.extend(
                hits.iter()
                    .map(|hit| format!("{path}:{}: {rule}", hit.line)),
            );
        }
    }
    assert_none(&breaches);
}

#[test]
fn files_and_functions_are_short() {
    let mut breaches = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(Source::all_below) {
        let (path, lines) = (&source.path, source.code.lines().count());
        if lines > LONGEST_FILE {
            breaches.push(format!(
                "{path}:{lines}: a file has at most {LONGEST_FILE} lines"
            ));
        }
        for function in source.functions() {
            if function.lines > LONGEST_FUNCTION {
                breaches.push(format!(
                    "{path}:{}: {} has {} lines, a function has at most {LONGEST_FUNCTION}",
                    function.line, function.name, function.lines
                ));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn every_file_has_a_name_and_is_declared() {
    let mut breaches = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(Source::all_below) {
        let path = &source.path;
        let (folder, file) = path.rsplit_once('/').expect("it lies in a folder");
        let name = file.strip_suffix(".rs").expect("it is Rust");
        if NAMELESS.contains(&name) || folder.split('/').any(|part| NAMELESS.contains(&part)) {
            breaches.push(format!("{path}:1: a file is named after what is in it"));
        }
        if !is_declared(folder, name) {
            breaches.push(format!(
                "{path}:1: no `mod {name};`, so it is never compiled"
            ));
        }
    }
    assert_none(&breaches);
}

/// Whether the file's parent, or for a target Cargo, or a target beside it knows it.
fn is_declared(folder: &str, name: &str) -> bool {
    let read = |path: String| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
    };
    let (parent, module) = match name {
        "mod" => folder.rsplit_once('/').unwrap_or((folder, name)),
        _ => (folder, name),
    };
    let is_target = matches!(
        format!("{parent}/{module}").as_str(),
        "src/lib" | "src/main"
    );
    let by_cargo = read("Cargo.toml".into()).contains(&format!("\"{folder}/{name}.rs\""))
        || read(format!("{folder}/Cargo.toml")).contains(&format!("\"{name}.rs\""));
    let parents = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{parent}{end}"));
    let declares = |code: String| {
        code.lines()
            .any(|line| line.ends_with(&format!("mod {module};")))
    };
    let manifest = read("Cargo.toml".into());
    let beside = manifest
        .split('"')
        .filter(|path| Path::new(path).parent() == Some(Path::new(parent)));
    is_target
        || by_cargo
        || parents
            .iter()
            .map(String::as_str)
            .chain(beside)
            .any(|path| declares(code_of(&read(path.to_owned()))))
}

#[test]
fn every_format_file_is_registered() {
    let mut breaches = Vec::new();
    for source in Source::all_below("src/formats") {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let table = name.strip_suffix(".rs").unwrap_or(name);
        if table != "mod" && formats::ALL.iter().all(|format| format.table != table) {
            breaches.push(format!(
                "{}:1: no format of formats::ALL has the table {table}",
                source.path
            ));
        }
    }
    assert_none(&breaches);
}
