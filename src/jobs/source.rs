//! A place to read from: a store, a prefix in it, and what of it is wanted.

mod walk;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{self, Either};
use futures::stream::{StreamExt, TryStreamExt};

use crate::event::{Event, Observer};
use crate::ledger::ObjectId;
use crate::plan::{Horizons, Origin, Selection};
use crate::store::{
    AwsOptions, ErrorKind, LocalStore, Location, ObjectMeta, S3Store, Store, StoreError, full_name,
};
use crate::table::path::OWN;
use crate::units::Day;

use walk::Walk;

/// Objects under a prefix of a store.
#[derive(Clone, Debug)]
pub struct Source {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What the keys begin with.
    pub prefix: String,
    /// What of it is wanted.
    pub selection: Selection,
    /// Whether it is the one object whose key is the prefix.
    pub single: bool,
    /// Full name of a folder in it that is left out: the destination, where that lies inside.
    pub leave_out: Option<String>,
}

/// A place to write to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Empty, or ends in `/`.
    pub base: String,
    /// As the user wrote it, for messages.
    pub shown: String,
}

/// Why a source gave no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// There is no object below the prefix.
    Empty {
        /// The nearest prefix that has some.
        nearest: Option<String>,
    },
    /// There are objects, but none that the selection wants.
    Unselected {
        /// How many there are.
        objects: u64,
    },
}

/// What listing a source found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Objects listed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that the selection wants.
    pub wanted: u64,
    /// What keys begin with of which some were left out: those from before that day.
    pub left_out: BTreeMap<String, Day>,
}

impl Source {
    /// Opens a location for reading. A local file is a source of one object. In a bucket, a prefix
    /// without a slash at its end means the folder of that name, if there is one, else the object of
    /// that name, else all keys that begin with it.
    ///
    /// # Errors
    /// [`ErrorKind::NoRoot`] if a local path does not exist, and what a listing reports.
    pub async fn open(
        location: &Location,
        aws: &AwsOptions,
        selection: Selection,
    ) -> Result<Self, StoreError> {
        let (store, prefix, single): (Arc<dyn Store>, String, bool) = match location {
            Location::S3 { bucket, prefix } => {
                let store = S3Store::open(bucket, aws).await;
                let (prefix, single) = folder_or_object(&store, prefix).await?;
                (Arc::new(store), prefix, single)
            }
            Location::Local(path) => {
                let (folder, name) = folder_and_name(path);
                let single = !name.is_empty();
                (Arc::new(LocalStore::open(folder)?), name, single)
            }
            Location::Std => return Err(standard_stream("read")),
        };
        Ok(Self {
            store,
            prefix,
            selection,
            single,
            leave_out: None,
        })
    }

    /// An object's key without the part of the prefix that users think of as its folder.
    pub fn below<'a>(&self, key: &'a str) -> &'a str {
        let folder = self.prefix.rfind('/').map_or(0, |end| end + 1);
        // `s3://bucket/logs` means the folder `logs/` where there is one.
        match key
            .strip_prefix(self.prefix.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
        {
            Some(rest) if !self.prefix.is_empty() && !self.prefix.ends_with('/') => rest,
            _ => key.get(folder..).unwrap_or(key),
        }
    }

    /// Lists the source page by page and hands the wanted objects to `take`, which says whether to
    /// go on.
    ///
    /// Our own files and "folder" markers (empty objects ending in `/`) are left out.
    ///
    /// # Errors
    /// What the store reports, or what `take` returns.
    pub async fn each<E: From<StoreError>>(
        &self,
        observer: &dyn Observer,
        take: impl AsyncFnMut(ObjectMeta) -> Result<bool, E>,
    ) -> Result<Seen, E> {
        let horizons = Horizons::within(self.selection.range);
        self.each_young(&horizons, observer, take).await
    }

    /// As [`each`](Self::each), without most of the keys that are older than the horizons or later than
    /// they reach, where the store can list from a key on.
    ///
    /// While a page is worked on the next one is asked for. A listing that turns out to be in no order is
    /// begun anew, and nothing is left out.
    ///
    /// # Errors
    /// What the store reports, or what `take` returns.
    pub async fn each_young<E: From<StoreError>>(
        &self,
        horizons: &Horizons,
        observer: &dyn Observer,
        mut take: impl AsyncFnMut(ObjectMeta) -> Result<bool, E>,
    ) -> Result<Seen, E> {
        let mut seen = Seen::default();
        // Pages may overlap.
        let mut recent: [HashSet<String>; 2] = Default::default();
        let mut pages = Walk::new(self, horizons).pages();
        let mut ahead = pages.next().await;
        while let Some(page) = ahead {
            let page = page?;
            if page.anew {
                seen = Seen::default();
                recent = Default::default();
            }
            seen.left_out.extend(page.left_out);
            let work = async {
                let done = self.work(page.objects, &mut seen, &mut recent, &mut take);
                let on = done.await?;
                observer.on(&Event::Listed {
                    objects: seen.objects,
                    bytes: seen.bytes,
                });
                Ok::<bool, E>(on)
            };
            // First of all the next page, so that it is asked for before this one is worked on.
            let on;
            (on, ahead) = match future::select(pages.next(), pin!(work)).await {
                Either::Left((next, work)) => (work.await?, next),
                Either::Right((Ok(true), next)) => (true, next.await),
                Either::Right((done, _)) => (done?, None),
            };
            if !on {
                break;
            }
        }
        Ok(seen)
    }

    /// Hands the wanted objects of a page to `take`, unless they were on the page before.
    async fn work<E>(
        &self,
        page: Vec<ObjectMeta>,
        seen: &mut Seen,
        recent: &mut [HashSet<String>; 2],
        take: &mut impl AsyncFnMut(ObjectMeta) -> Result<bool, E>,
    ) -> Result<bool, E> {
        recent.swap(0, 1);
        recent[1].clear();
        for object in page {
            let new = !recent[0].contains(&object.key) && recent[1].insert(object.key.clone());
            if !new || !self.is_foreign(&object) {
                continue;
            }
            let below = self.below(&object.key);
            seen.objects += 1;
            seen.bytes += object.size;
            if self.selection.wants(&object, below) {
                seen.wanted += 1;
                if !take(object).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Why there is nothing to look at, if there is no object at all below the prefix.
    ///
    /// # Errors
    /// What the store reports: a missing bucket, a denial.
    pub async fn nothing(&self) -> Result<Option<Nothing>, StoreError> {
        let mut pages = self.store.list_in_no_order(&self.prefix);
        while let Some(page) = pages.try_next().await? {
            if page.iter().any(|object| self.is_foreign(object)) {
                return Ok(None);
            }
        }
        Ok(Some(Nothing::Empty {
            nearest: self.nearest().await,
        }))
    }

    /// What the ledger knows the object with this key by.
    pub fn id(&self, key: &str) -> ObjectId {
        ObjectId::of(self.store.root(), key)
    }

    /// What names of batches of this source depend on.
    pub fn origin(&self) -> Origin {
        Origin {
            root: self.store.root().to_owned(),
            strong: self.store.etag_is_content(),
        }
    }

    /// The same without what lies in a folder: an own output is no input.
    #[must_use]
    pub fn without(&self, folder: Option<String>) -> Self {
        Self {
            leave_out: folder,
            ..self.clone()
        }
    }

    /// Neither our own file nor a "folder" marker.
    fn is_foreign(&self, object: &ObjectMeta) -> bool {
        if self.single && object.key != self.prefix {
            return false;
        }
        if let Some(folder) = &self.leave_out
            && full_name(self.store.root(), &object.key).starts_with(folder)
        {
            return false;
        }
        let below = self.below(&object.key);
        let marker = object.size == 0 && object.key.ends_with('/');
        let folder = |part: &str| part == OWN;
        !marker && !below.split('/').any(folder)
    }

    /// The nearest prefix that has objects, for a source in which there are none: the longest
    /// "folder" on the way to it that exists, with what lies below it.
    pub async fn nearest(&self) -> Option<String> {
        let mut at = self.prefix.as_str();
        loop {
            at = at.trim_end_matches('/');
            at = at.rfind('/').map_or("", |end| &at[..=end]);
            let folders = self.store.folders(at).await.ok()?;
            let wanted = self.prefix.get(at.len()..).unwrap_or_default();
            let close = folders.iter().max_by_key(|folder| {
                common_start(folder.get(at.len()..).unwrap_or_default(), wanted)
            });
            if let Some(folder) = close {
                return Some(crate::store::full_name(self.store.root(), folder));
            }
            if at.is_empty() {
                return None;
            }
        }
    }
}

fn common_start(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

async fn folder_or_object(store: &dyn Store, prefix: &str) -> Result<(String, bool), StoreError> {
    if prefix.is_empty() || prefix.ends_with('/') {
        return Ok((prefix.to_owned(), false));
    }
    let folder = format!("{prefix}/");
    if first_page(store, &folder).await?.is_empty() {
        let page = first_page(store, prefix).await?;
        let exact = page.iter().any(|object| object.key == prefix);
        return Ok((prefix.to_owned(), exact));
    }
    Ok((folder, false))
}

async fn first_page(store: &dyn Store, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
    Ok(store
        .list_in_no_order(prefix)
        .try_next()
        .await?
        .unwrap_or_default())
}

/// A folder is a source of everything in it, a file one of itself.
fn folder_and_name(path: &Path) -> (&Path, String) {
    match (
        path.is_file(),
        path.parent(),
        path.file_name().and_then(|name| name.to_str()),
    ) {
        (true, Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            (parent, name.to_owned())
        }
        _ => (path, String::new()),
    }
}

fn standard_stream(action: &'static str) -> StoreError {
    StoreError {
        kind: ErrorKind::Other,
        action,
        place: "-".to_owned(),
        cause: "standard input and output are only for parse".to_owned(),
    }
}

impl Destination {
    /// Opens a location for writing a dataset; a local folder is made if it does not exist.
    ///
    /// # Errors
    /// What the file system reports. Buckets are not looked at yet.
    pub async fn open(location: &Location, aws: &AwsOptions) -> Result<Self, StoreError> {
        let shown = location.to_string();
        let store: Arc<dyn Store> = match location {
            Location::S3 { bucket, .. } => Arc::new(S3Store::open(bucket, aws).await),
            Location::Local(path) => Arc::new(LocalStore::create(path, &format!("{OWN}/tmp"))?),
            Location::Std => return Err(standard_stream("write")),
        };
        Ok(Self {
            store,
            base: base_of(location),
            shown,
        })
    }

    /// Opens a location for reading a dataset; a local folder must exist.
    ///
    /// # Errors
    /// [`ErrorKind::NoRoot`] if it does not.
    pub async fn open_existing(location: &Location, aws: &AwsOptions) -> Result<Self, StoreError> {
        match location {
            Location::Local(path) => Ok(Self {
                store: Arc::new(LocalStore::open(path)?),
                base: String::new(),
                shown: location.to_string(),
            }),
            _ => Self::open(location, aws).await,
        }
    }

    /// Keys of the Parquet files in the days' folders of our tables.
    ///
    /// Bound: about 100 bytes per file.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn table_files(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut found = BTreeSet::new();
        for format in crate::formats::ALL {
            let prefix = self.key(&format!("{}/dt=", format.table));
            let mut pages = self.store.list(&prefix, None);
            while let Some(page) = pages.try_next().await? {
                let keys = page.into_iter().map(|object| object.key);
                found.extend(keys.filter(|key| key.ends_with(".parquet")));
            }
        }
        Ok(found)
    }

    /// Sizes of all objects of the destination, by path.
    ///
    /// Bound: about 150 bytes per file.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn contents(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut there = BTreeMap::new();
        let mut pages = self.store.list(&self.base, None);
        while let Some(page) = pages.try_next().await? {
            for object in page {
                there.insert(self.path(&object.key).to_owned(), object.size);
            }
        }
        Ok(there)
    }

    /// The path of a key relative to the destination.
    pub fn path<'a>(&self, key: &'a str) -> &'a str {
        key.get(self.base.len()..).unwrap_or_default()
    }

    /// The full key of a path relative to the destination.
    pub fn key(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn base_of(location: &Location) -> String {
    match location {
        Location::S3 { prefix, .. } if !prefix.is_empty() => {
            format!("{}/", prefix.trim_end_matches('/'))
        }
        _ => String::new(),
    }
}
