//! From what arrived to files in their places.

use std::fs;

use futures::future;
use tempfile::NamedTempFile;

use crate::cpu;
use crate::pipeline::{Content, Fetched};
use crate::store::{
    Body, ErrorKind, LocalStore, ObjectMeta, Precondition, Store, StoreError, full_name,
};

use super::super::checksum::{self, Sum};
use super::super::transfer::{Fate, file_error};
use super::{Download, RANGE, UNFINISHED};

/// Most objects that are written before others are taken, and how many of them one thread writes. A disk
/// that is slow lets many gather, so that several threads wait for it.
pub(super) const WRITTEN: usize = 128;
const IN_ONE_GO: usize = 16;

/// An object that is still to be written, or one with its fate.
pub(super) enum Arrived {
    Whole(Fetched),
    Settled(ObjectMeta, Fate),
}

/// What came of writing a small object.
enum Placed {
    /// It is in its place.
    Done,
    /// It has another length or another sum than was listed, and is not.
    Another { differs: bool },
    /// It could not be written.
    Refused(StoreError),
}

impl Download<'_> {
    /// Takes what was fetched; an object that was too large for that is read and written here.
    pub(super) async fn arrive(&self, fetched: Fetched) -> Arrived {
        if let Content::Whole(_) = fetched.content {
            return Arrived::Whole(fetched);
        }
        let (object, content) = fetched.into_parts();
        let fate = match (content, &self.local) {
            (Content::Failed(error), _) => Fate::Failed("fetch", error),
            (_, None) => Fate::Stopped,
            (_, Some(local)) => tokio::select! {
                fate = self.in_ranges(local, &object) => fate,
                () = self.cancel.cancelled() => Fate::Stopped,
            },
        };
        Arrived::Settled(object, fate)
    }

    /// Checks and writes objects, all in one go.
    pub(super) async fn write(&self, arrived: Vec<Arrived>) -> Vec<(ObjectMeta, Fate)> {
        let (mut fates, mut small) = (Vec::new(), Vec::new());
        for one in arrived {
            match one {
                Arrived::Whole(fetched) => {
                    let below = self.below(&fetched.object).to_owned();
                    small.push((below, fetched));
                }
                Arrived::Settled(object, fate) => fates.push((object, fate)),
            }
        }
        for (fetched, placed) in self.place(small).await {
            let fate = self.fate_of(&fetched, placed).await;
            fates.push((fetched.into_parts().0, fate));
        }
        fates
    }

    /// Checks and writes objects under their names, several threads at it if there are many.
    async fn place(&self, mut small: Vec<(String, Fetched)>) -> Vec<(Fetched, Placed)> {
        let Some(local) = &self.local else {
            return Vec::new();
        };
        let sums = self.source.store.etag_is_content();
        let mut goes = Vec::new();
        while !small.is_empty() {
            let go = small.split_off(small.len().saturating_sub(IN_ONE_GO));
            goes.push(local.in_one_go(move |local| {
                let placed = go.into_iter().map(|(below, fetched)| {
                    let placed = place(local, &below, &fetched, sums);
                    (fetched, placed)
                });
                placed.collect::<Vec<_>>()
            }));
        }
        future::join_all(goes).await.into_iter().flatten().collect()
    }

    async fn fate_of(&self, fetched: &Fetched, placed: Placed) -> Fate {
        let object = &fetched.object;
        match placed {
            Placed::Done => Fate::Done(object.size),
            Placed::Refused(error) => refused(error),
            Placed::Another { differs } => {
                let (Content::Whole(bytes), Some(local)) = (&fetched.content, &self.local) else {
                    return Fate::Stopped;
                };
                match self.verify(object, bytes.len() as u64, differs).await {
                    Ok(()) => self.put(local, object, Body::Bytes(bytes.clone())).await,
                    Err(error) => Fate::Failed("fetch", error),
                }
            }
        }
    }

    fn sum_wanted(&self, object: &ObjectMeta) -> bool {
        self.source.store.etag_is_content() && checksum::is_plain_md5(&object.etag)
    }

    /// Whether what arrived is the object that was listed, by its length and, if it `differs`, its sum.
    async fn verify(
        &self,
        object: &ObjectMeta,
        length: u64,
        differs: bool,
    ) -> Result<(), StoreError> {
        let store = self.source.store.as_ref();
        let wrong = |cause: String| StoreError {
            kind: ErrorKind::Changed,
            action: "read",
            place: full_name(store.root(), &object.key),
            cause,
        };
        if length != object.size {
            let cause = format!("{length} bytes arrived, {} were listed", object.size);
            return Err(wrong(cause));
        }
        if differs && !checksum::is_no_md5(store, &object.key).await {
            return Err(wrong("checksum does not match".to_owned()));
        }
        Ok(())
    }

    async fn put(&self, local: &LocalStore, object: &ObjectMeta, body: Body) -> Fate {
        let put = local
            .put(self.below(object), body, Precondition::Always)
            .await;
        match put {
            Ok(_) => Fate::Done(object.size),
            Err(error) => refused(error),
        }
    }

    /// Fetches a large object range by range into a file beside its place.
    async fn in_ranges(&self, local: &LocalStore, object: &ObjectMeta) -> Fate {
        let Ok(_permit) = self.ranges.acquire().await else {
            return Fate::Stopped;
        };
        let below = self.below(object);
        let path = self.folder.join(below);
        let failed = |error: &std::io::Error| {
            Fate::Failed("write", file_error(error, "write", self.shown(below)))
        };
        let parent = path.parent().unwrap_or(&self.folder).to_owned();
        let temporary = cpu::run(move || {
            fs::create_dir_all(&parent)?;
            tempfile::Builder::new()
                .prefix(".")
                .suffix(UNFINISHED)
                .tempfile_in(&parent)
        });
        let mut file = match temporary.await {
            Ok(file) => file,
            Err(error) => return failed(&error),
        };
        let mut sum = self.sum_wanted(object).then(Sum::default);
        let mut at = 0;
        while at < object.size {
            let range = at..object.size.min(at + RANGE);
            let etag = Some(object.etag.as_str()).filter(|etag| !etag.is_empty());
            let got = self
                .source
                .store
                .get(&object.key, Some(range.clone()), etag);
            let bytes = match got.await {
                Ok(bytes) => bytes,
                Err(error) => return Fate::Failed("fetch", error),
            };
            if bytes.len() as u64 != range.end - range.start {
                let end = range.start + bytes.len() as u64;
                return match self.verify(object, end, false).await {
                    Err(error) => Fate::Failed("fetch", error),
                    Ok(()) => Fate::Stopped,
                };
            }
            at = range.end;
            (file, sum) = match append(file, sum, bytes).await {
                Ok(both) => both,
                Err(error) => return failed(&error),
            };
        }
        let differs = sum.is_some_and(|sum| !sum.is(&object.etag));
        if let Err(error) = self.verify(object, at, differs).await {
            return Fate::Failed("fetch", error);
        }
        self.put(local, object, Body::File(file.path().to_owned()))
            .await
    }
}

/// Appends to a file, off the async threads.
async fn append(
    mut file: NamedTempFile,
    mut sum: Option<Sum>,
    bytes: bytes::Bytes,
) -> std::io::Result<(NamedTempFile, Option<Sum>)> {
    use std::io::Write as _;
    cpu::run(move || {
        if let Some(sum) = &mut sum {
            sum.update(&bytes);
        }
        file.write_all(&bytes)?;
        Ok((file, sum))
    })
    .await
}

/// Writes an object's file, unless it is not what was listed.
fn place(local: &LocalStore, below: &str, fetched: &Fetched, sums: bool) -> Placed {
    let Content::Whole(bytes) = &fetched.content else {
        return Placed::Another { differs: false };
    };
    let etag = &fetched.object.etag;
    let differs = sums && checksum::is_plain_md5(etag) && {
        let mut sum = Sum::default();
        sum.update(bytes);
        !sum.is(etag)
    };
    if differs || bytes.len() as u64 != fetched.object.size {
        return Placed::Another { differs };
    }
    match local.put_here(below, bytes) {
        Ok(()) => Placed::Done,
        Err(error) => Placed::Refused(error),
    }
}

fn refused(mut error: StoreError) -> Fate {
    if error.kind == ErrorKind::Exists {
        error.kind = ErrorKind::BadName;
        error.cause = String::from("a file is where its folder should be");
    }
    Fate::Failed("write", error)
}
