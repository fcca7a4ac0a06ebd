//! A fuzz target under libFuzzer, by its name in `S3LOGS_FUZZ`.

#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let wanted = std::env::var("S3LOGS_FUZZ").unwrap_or_default();
    let found = targets::ALL.iter().find(|(name, _)| *name == wanted);
    found.expect("S3LOGS_FUZZ names a target").1
});

fuzz_target!(|data: &[u8]| TARGET(data));
