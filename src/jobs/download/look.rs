//! What of an object is in the folder already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::stream::{self, StreamExt};

use crate::store::{ErrorKind, ObjectMeta, StoreError, full_name};

use super::super::checksum::{self, Sum};
use super::super::transfer::{Fate, file_error, modified_micros};
use super::{Download, UNFINISHED};

/// Files up to this size are read where they are looked at; larger ones each by themselves.
const SMALL: u64 = 1 << 20;

/// What stands where an object's file goes.
enum There {
    /// Nothing that could be it.
    Nothing,
    /// The object, by its sum.
    Same,
    /// A file of its size, which is not older if `young`.
    Alike { young: bool, sum: Alike },
}

/// What its sum says of a file that has the object's size.
enum Alike {
    /// There is none to compare.
    Unknown,
    /// It is another one.
    Differs,
    /// The file is too large to find out beside others.
    Unread,
}

impl Download<'_> {
    /// Tells of each object whether it needs fetching: if not, its fate.
    pub(super) async fn look(&self, objects: Vec<ObjectMeta>) -> Vec<(ObjectMeta, Option<Fate>)> {
        let places = objects.iter().map(|object| {
            self.tally.listed();
            let below = self.below(object);
            can_be_a_path(below).then(|| self.folder.join(below))
        });
        let places: Vec<Option<PathBuf>> = places.collect();
        let (here, sums) = (self.local.is_some(), self.source.store.etag_is_content());
        let stands = move |(object, place): (ObjectMeta, Option<PathBuf>)| {
            let there = place.filter(|_| here).map(|path| {
                let there = stand(&path, &object, sums);
                (path, there)
            });
            (object, there)
        };
        let both = objects.into_iter().zip(places);
        let looked: Vec<_> = match &self.local {
            Some(local) => local.in_one_go(move |_| both.map(stands).collect()).await,
            None => both.map(stands).collect(),
        };
        stream::iter(looked)
            .map(|(object, there)| async move {
                let fate = self.fate(&object, there).await;
                (object, fate)
            })
            .buffered(self.jobs)
            .collect()
            .await
    }

    async fn fate(
        &self,
        object: &ObjectMeta,
        there: Option<(PathBuf, io::Result<There>)>,
    ) -> Option<Fate> {
        let below = self.below(object);
        if !can_be_a_path(below) {
            let error = StoreError {
                kind: ErrorKind::BadName,
                action: "write",
                place: full_name(self.source.store.root(), &object.key),
                cause: "the key cannot be a file name (an empty or dotted segment)".to_owned(),
            };
            return Some(Fate::Failed("write", error));
        }
        let (path, there) = there?;
        let is_there = match there {
            Ok(there) => self.is_there(object, path, there).await,
            Err(error) => Err(error),
        };
        match is_there {
            Ok(true) => Some(Fate::Present),
            Ok(false) => None,
            Err(error) => {
                let error = file_error(&error, "read", self.shown(below));
                Some(Fate::Failed("read", error))
            }
        }
    }

    async fn is_there(&self, object: &ObjectMeta, path: PathBuf, there: There) -> io::Result<bool> {
        let store = self.source.store.as_ref();
        let (young, sum) = match there {
            There::Nothing => return Ok(false),
            There::Same => return Ok(true),
            There::Alike { young, sum } => (young, sum),
        };
        let same = match sum {
            Alike::Unknown => None,
            Alike::Differs if checksum::is_no_md5(store, &object.key).await => None,
            Alike::Differs => Some(false),
            Alike::Unread => {
                checksum::object_matches(store, &object.key, &object.etag, path).await?
            }
        };
        Ok(same.unwrap_or(young))
    }
}

/// Looks at a file; with `sums`, an `ETag` that looks like a sum is one.
fn stand(path: &Path, object: &ObjectMeta, sums: bool) -> io::Result<There> {
    // Whatever is in the way of a path is told when it is written.
    let Ok(meta) = fs::metadata(path) else {
        return Ok(There::Nothing);
    };
    if !meta.is_file() || meta.len() != object.size {
        return Ok(There::Nothing);
    }
    let young = modified_micros(&meta) >= object.modified;
    let sum = if !sums || !checksum::is_plain_md5(&object.etag) {
        Alike::Unknown
    } else if meta.len() > SMALL {
        Alike::Unread
    } else {
        let mut sum = Sum::default();
        sum.update(&fs::read(path)?);
        if sum.is(&object.etag) {
            return Ok(There::Same);
        }
        Alike::Differs
    };
    Ok(There::Alike { young, sum })
}

/// Whether a key leads to a file inside the folder.
fn can_be_a_path(key: &str) -> bool {
    !key.ends_with(UNFINISHED)
        && key
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'))
}
