//! The files that count, as readers need them: without anything about source objects.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::journal::{Journal, LedgerError};
use super::{IllegalMove, Output};

/// The Parquet files of a dataset as of a commit.
///
/// Memory: about 300 bytes per file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFiles {
    /// Number of the newest commit; 0 if there is none.
    pub head: u64,
    /// The files by path.
    pub files: BTreeMap<String, Output>,
}

impl Journal {
    /// Reads which files count. Files that no commit names are none of the dataset, whatever lies
    /// beside the others.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn live_files(&self) -> Result<LiveFiles, LedgerError> {
        let mut live = LiveFiles::default();
        self.history(0, |sequence, commit| {
            if sequence != live.head + 1 {
                let head = live.head;
                let what = format!("commit {sequence} cannot follow commit {head}");
                return Err(IllegalMove(what));
            }
            live.head = sequence;
            for file in &commit.removed {
                live.files.remove(&file.path);
            }
            let added = commit.outputs.into_iter();
            live.files
                .extend(added.map(|file| (file.path.clone(), file)));
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(live)
    }
}
