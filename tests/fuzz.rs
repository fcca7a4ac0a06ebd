//! The fuzz targets over their corpora and the fixtures: what a fuzzer found once stays mended.

mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository, sorted.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of that folder").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Runs a target over files, and names the file where something does not hold.
fn run(target: targets::Target, files: &[PathBuf]) {
    for file in files {
        let data = fs::read(file).expect("a file of the repository");
        let held = catch_unwind(AssertUnwindSafe(|| target(&data)));
        assert!(held.is_ok(), "{} does not hold", file.display());
    }
}

#[test]
fn every_corpus_holds() {
    for (name, target) in targets::ALL {
        let files = files_below(&format!("tests/fuzz/corpus/{name}"));
        assert!(!files.is_empty(), "{name} has no corpus");
        run(target, &files);
    }
}

#[test]
fn every_fixture_holds() {
    let files = [
        files_below("fixtures/logs"),
        files_below("fixtures/damaged"),
    ]
    .concat();
    for (name, target) in targets::ALL {
        if ["decode", "inflate", "objects"].contains(&name) {
            run(target, &files);
        }
    }
}
