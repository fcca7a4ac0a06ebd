//! The files of a dataset against its ledger.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::ledger::{Intent, Output};
use crate::store::{ErrorKind, StoreError};
use crate::table::{path::OWN, rows_in};

use super::super::JobError;
use super::super::source::Destination;
use super::{Check, Problem};

/// End of a file that nearly always holds its metadata.
const END: u64 = 64 << 10;

/// Files that are looked at at the same time.
const FILES: usize = 16;

impl Check<'_> {
    /// Every live file is there with its size and rows, and no other lies in a table.
    pub(super) async fn files(
        &mut self,
        destination: &Destination,
        intents: &[Intent],
    ) -> Result<(), JobError> {
        let there = listed(destination).await?;
        let planned: BTreeSet<&str> = intents
            .iter()
            .flat_map(|intent| intent.outputs.iter().map(String::as_str))
            .collect();
        for path in there.keys() {
            let known = self.ledger.outputs().contains_key(path) || planned.contains(path.as_str());
            let own = path.starts_with(OWN);
            if !known && !own && path.ends_with(".parquet") {
                self.verified
                    .problems
                    .push(Problem::Orphan { path: path.clone() });
            }
        }
        for path in self.ledger.rejects().keys() {
            if !there.contains_key(path) {
                self.verified
                    .problems
                    .push(Problem::Missing { path: path.clone() });
            }
        }
        self.lines(&there);
        let outputs = self.ledger.outputs().values();
        let mut looked = stream::iter(outputs)
            .map(|output| look(destination, output, there.get(&output.path).copied()))
            .buffered(FILES);
        while let Some(found) = looked.try_next().await? {
            self.verified.files += 1;
            match found {
                Ok(rows) => self.verified.rows += rows,
                Err(problem) => self.verified.problems.push(problem),
            }
        }
        Ok(())
    }
}

/// Sizes of all objects of the destination, by path.
///
/// Bound: about 150 bytes per file.
async fn listed(destination: &Destination) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut there = BTreeMap::new();
    let mut pages = destination.store.list(&destination.base, None);
    while let Some(page) = pages.try_next().await? {
        for object in page {
            let path = object.key.get(destination.base.len()..).unwrap_or_default();
            there.insert(path.to_owned(), object.size);
        }
    }
    Ok(there)
}

/// The rows of a file that is as the ledger says, or what is wrong with it.
async fn look(
    destination: &Destination,
    output: &Output,
    size: Option<u64>,
) -> Result<Result<u64, Problem>, StoreError> {
    let path = output.path.clone();
    let Some(size) = size else {
        return Ok(Err(Problem::Missing { path }));
    };
    if size != output.bytes {
        return Ok(Err(Problem::Differs {
            path,
            what: "bytes",
            recorded: output.bytes,
            found: size,
        }));
    }
    match rows_of(destination, &output.path, size).await {
        Ok(Ok(rows)) if rows == output.rows => Ok(Ok(rows)),
        Ok(Ok(rows)) => Ok(Err(Problem::Differs {
            path,
            what: "rows",
            recorded: output.rows,
            found: rows,
        })),
        Ok(Err(error)) => Ok(Err(Problem::Damaged { path, error })),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Err(Problem::Missing { path })),
        Err(error) => Err(error),
    }
}

async fn rows_of(
    destination: &Destination,
    path: &str,
    size: u64,
) -> Result<Result<u64, String>, StoreError> {
    let key = destination.key(path);
    for end in [END.min(size), size] {
        let range = Some(size - end..size);
        let bytes = destination.store.get(&key, range, None).await?;
        match rows_in(&bytes) {
            Ok(Some(rows)) => return Ok(Ok(rows)),
            Ok(None) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Err("its metadata is longer than the file".to_owned()))
}
