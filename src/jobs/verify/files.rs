//! The files of a dataset against its ledger.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::ledger::{Intent, Output};
use crate::store::ErrorKind;
use crate::table::Footer;
use crate::table::path::{OWN, hash_in};

use super::super::JobError;
use super::super::content::{footer_of, hash_of};
use super::super::source::Destination;
use super::{Check, Problem};

/// Files that are looked at at the same time.
const FILES: usize = 16;

/// Files that are read whole at the same time, 8 MiB of each.
const HASHED: usize = 4;

impl Check<'_> {
    /// Every live file is there with its size and rows and, unless it is to be quick, its bytes, and
    /// no other lies in a table.
    pub(super) async fn files(
        &mut self,
        destination: &Destination,
        intents: &[Intent],
    ) -> Result<(), JobError> {
        let there = destination.contents().await?;
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
            let problem = match there.get(path) {
                None => Some(Problem::Missing { path: path.clone() }),
                Some(_) if self.options.quick => None,
                Some(size) => content(destination, path, *size).await?,
            };
            self.verified.problems.extend(problem);
        }
        self.lines(&there);
        let outputs = self.ledger.outputs().values();
        let mut looked = stream::iter(outputs)
            .map(|output| {
                let size = there.get(&output.path).copied();
                look(destination, output, size, self.options.quick)
            })
            .buffered(if self.options.quick { FILES } else { HASHED });
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

/// The rows of a file that is as the ledger says, or what is wrong with it.
async fn look(
    destination: &Destination,
    output: &Output,
    size: Option<u64>,
    quick: bool,
) -> Result<Result<u64, Problem>, JobError> {
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
    match footer_of(destination, &output.path, size).await {
        Ok(Ok(Footer { rows, .. })) if rows == output.rows && quick => Ok(Ok(rows)),
        Ok(Ok(Footer { rows, .. })) if rows == output.rows => {
            let problem = content(destination, &path, size).await?;
            Ok(problem.map_or(Ok(rows), Err))
        }
        Ok(Ok(Footer { rows, .. })) => Ok(Err(Problem::Differs {
            path,
            what: "rows",
            recorded: output.rows,
            found: rows,
        })),
        Ok(Err(error)) => Ok(Err(Problem::Damaged { path, error })),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Err(Problem::Missing { path })),
        Err(error) => Err(error.into()),
    }
}

/// Reads a file and compares it with the hash in its name.
async fn content(
    destination: &Destination,
    path: &str,
    size: u64,
) -> Result<Option<Problem>, JobError> {
    let path = path.to_owned();
    let hash = match hash_of(destination, &path, size).await {
        Ok(hash) => hash,
        Err(JobError::Store(error)) if error.kind == ErrorKind::NotFound => {
            return Ok(Some(Problem::Missing { path }));
        }
        Err(error) => return Err(error),
    };
    let same = hash_in(&path).is_none_or(|start| hash.starts_with(start));
    let error = "its bytes do not have the hash in its name".to_owned();
    Ok((!same).then_some(Problem::Damaged { path, error }))
}
