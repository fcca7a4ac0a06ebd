//! How `sync` and `convert` go about their work.

use std::path::PathBuf;
use std::sync::Arc;

use crate::pipeline::{Budget, Reading, Rules, Work};
use crate::table::WriteOptions;

use super::source::Source;

/// Settings of the work on objects.
#[derive(Clone, Debug)]
pub struct WorkOptions {
    /// Fetches at the same time; by default what suits the store.
    pub jobs: Option<usize>,
    /// Memory to stay within, bytes.
    pub memory: u64,
    /// Most bytes of text in an object.
    pub max_object: u64,
    /// Whether the complete lines before a damage are taken.
    pub keep_partial: bool,
    /// zstd level of the Parquet files, 1 to 22.
    pub zstd_level: i32,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self {
            jobs: None,
            memory: 256 << 20,
            max_object: 8 << 30,
            keep_partial: false,
            zstd_level: 1,
        }
    }
}

impl WorkOptions {
    /// How a batch of this source is worked on, with temporary files in `folder`.
    pub(super) fn work(&self, source: &Source, folder: PathBuf) -> Work {
        Work {
            reading: self.reading(source),
            options: WriteOptions {
                zstd_level: self.zstd_level,
                ..WriteOptions::default()
            },
            folder,
            history: None,
        }
    }

    /// How the objects of this source are read.
    pub(super) fn reading(&self, source: &Source) -> Reading {
        let jobs = self.jobs.unwrap_or(source.store.parallel_fetches());
        Reading {
            store: Arc::clone(&source.store),
            rules: Rules {
                format: source.selection.format,
                max_object: self.max_object,
                keep_partial: self.keep_partial,
                fingerprints: false,
            },
            budget: Budget::of(self.memory, jobs),
        }
    }
}
