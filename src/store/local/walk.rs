//! Listings of a folder.

use std::fs;
use std::io;

use super::super::{ObjectMeta, Result};
use super::{LocalStore, UNFINISHED, meta_of};

/// Objects on a page of a listing.
const PAGE: usize = 1000;

/// Names of one folder that are sorted at a time, at most twice as many; a folder that has more is read
/// once for each band of them.
const BAND: usize = 100_000;

/// A walk through a folder in the byte order of keys.
///
/// Memory: of each folder on the way to where it is, the names of one band, about 70 bytes each: 14 MB.
pub(super) struct Walk {
    store: LocalStore,
    prefix: String,
    after: Option<String>,
    /// Folders on the way to where it is.
    way: Vec<Folder>,
    started: bool,
    band: usize,
}

/// What is still to visit of a folder.
struct Folder {
    /// Empty, or ends in `/`.
    key: String,
    /// Last first; those of folders end in `/`.
    names: Vec<Box<str>>,
    /// Whether there are names behind these.
    more: bool,
}

impl Walk {
    pub(super) fn new(store: LocalStore, prefix: &str, after: Option<&str>) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            way: Vec::new(),
            started: false,
            band: BAND,
        }
    }

    /// The next objects; none at the end.
    pub(super) fn next_page(&mut self) -> Result<Vec<ObjectMeta>> {
        if !std::mem::replace(&mut self.started, true) {
            self.enter(folder_of(&self.prefix).to_owned())?;
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(key) = self.next_key()? else { break };
            if key.ends_with('/') {
                if self.enter(key.clone()).is_err() {
                    page.push(unreadable(key.trim_end_matches('/').to_owned()));
                }
                continue;
            }
            page.extend(self.store.meta_if_file(key));
        }
        Ok(page)
    }

    fn next_key(&mut self) -> Result<Option<String>> {
        loop {
            let Some(mut folder) = self.way.pop() else {
                return Ok(None);
            };
            let Some(name) = folder.names.pop() else {
                continue;
            };
            let key = format!("{}{name}", folder.key);
            if folder.names.is_empty() && folder.more {
                folder = self.band_of(folder.key, Some(&name))?;
            }
            self.way.push(folder);
            return Ok(Some(key));
        }
    }

    fn enter(&mut self, key: String) -> Result<()> {
        let folder = self.band_of(key, None)?;
        self.way.push(folder);
        Ok(())
    }

    /// The first names of a folder that come behind one.
    fn band_of(&self, key: String, behind: Option<&str>) -> Result<Folder> {
        let mut names: Vec<Box<str>> = Vec::new();
        let mut until: Option<Box<str>> = None;
        for name in Names::of(&self.store, &key)? {
            let name = name?;
            let is_earlier = behind.is_some_and(|behind| name.as_str() <= behind);
            let is_later = until.as_deref().is_some_and(|until| name.as_str() > until);
            if is_earlier || is_later || !self.wanted(&key, &name) {
                continue;
            }
            names.push(name.into_boxed_str());
            if names.len() > 2 * self.band {
                let (_, last, _) = names.select_nth_unstable(self.band - 1);
                until = Some(last.clone());
                names.truncate(self.band);
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Folder {
            key,
            names,
            more: until.is_some(),
        })
    }

    fn wanted(&self, folder: &str, name: &str) -> bool {
        let is_folder = name.ends_with('/');
        let after = self.after.as_deref().is_none_or(|after| {
            let key = Key { folder, name };
            key.is_after(after) || (is_folder && key.starts(after))
        });
        is_within(folder, name, &self.prefix) && after
    }
}

/// A key in two parts.
#[derive(Clone, Copy)]
struct Key<'a> {
    folder: &'a str,
    name: &'a str,
}

impl Key<'_> {
    fn is_after(self, other: &str) -> bool {
        let bytes = self.folder.bytes().chain(self.name.bytes());
        bytes.cmp(other.bytes()).is_gt()
    }

    /// Whether it is what `other` begins with.
    fn starts(self, other: &str) -> bool {
        let rest = other.strip_prefix(self.folder);
        rest.is_some_and(|rest| rest.starts_with(self.name))
    }
}

/// Whether a key begins with the prefix, or is a folder on the way to it.
fn is_within(folder: &str, name: &str, prefix: &str) -> bool {
    let Some(rest) = prefix.strip_prefix(folder) else {
        return folder.starts_with(prefix);
    };
    name.starts_with(rest) || (name.ends_with('/') && rest.starts_with(name))
}

/// The folder in which all keys that begin with a prefix are.
fn folder_of(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |end| &prefix[..=end])
}

/// A walk through a folder in no order, which begins at once however many files there are.
pub(super) struct Ramble {
    store: LocalStore,
    prefix: String,
    way: Vec<Names>,
    /// Folders that have not been entered.
    folders: Vec<String>,
}

impl Ramble {
    pub(super) fn new(store: LocalStore, prefix: &str) -> Self {
        Self {
            store,
            folders: vec![folder_of(prefix).to_owned()],
            prefix: prefix.to_owned(),
            way: Vec::new(),
        }
    }

    /// The next objects; none at the end.
    pub(super) fn next_page(&mut self) -> Result<Vec<ObjectMeta>> {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(names) = self.way.last_mut() else {
                let Some(folder) = self.folders.pop() else {
                    break;
                };
                match Names::of(&self.store, &folder) {
                    Ok(names) => self.way.push(names),
                    Err(error) if folder == folder_of(&self.prefix) => return Err(error),
                    Err(_) => page.push(unreadable(folder.trim_end_matches('/').to_owned())),
                }
                continue;
            };
            let folder = names.folder.clone();
            match names.next() {
                None => drop(self.way.pop()),
                Some(name) => {
                    let name = name?;
                    let key = format!("{folder}{name}");
                    if !is_within(&folder, &name, &self.prefix) {
                    } else if name.ends_with('/') {
                        self.folders.push(key);
                    } else {
                        page.extend(self.store.meta_if_file(key));
                    }
                }
            }
        }
        Ok(page)
    }
}

impl LocalStore {
    /// What a listing tells of a file; nothing if it is none.
    fn meta_if_file(&self, key: String) -> Option<ObjectMeta> {
        match fs::metadata(self.folder.join(&key)) {
            Ok(meta) if meta.is_file() => Some(meta_of(key, &meta)),
            Ok(_) => None,
            // It was there a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_lossy(&key) => None,
            Err(_) => Some(unreadable(key)),
        }
    }
}

/// An entry that cannot be looked at is listed all the same: reading it fails, which costs this
/// object and not the whole listing.
fn unreadable(key: String) -> ObjectMeta {
    ObjectMeta {
        key,
        size: 1,
        etag: String::new(),
        modified: 0,
        archived: false,
    }
}

/// Whether a name was not UTF-8 and so no key leads to it.
fn is_lossy(key: &str) -> bool {
    key.contains(char::REPLACEMENT_CHARACTER)
}

/// Names of what lies right in a folder, those of folders with `/` at the end, in no order. A folder
/// that does not exist has none.
///
/// Files that are not complete, and files that wait to be moved into place, are left out.
pub(super) struct Names {
    store: LocalStore,
    folder: String,
    listed: Option<fs::ReadDir>,
}

impl Names {
    pub(super) fn of(store: &LocalStore, folder: &str) -> Result<Self> {
        let listed = match fs::read_dir(store.folder.join(folder)) {
            Ok(listed) => Some(listed),
            Err(error) if is_no_folder(&error) => None,
            Err(error) => return Err(store.error(&error, "list", folder)),
        };
        Ok(Self {
            store: store.clone(),
            folder: folder.to_owned(),
            listed,
        })
    }

    fn name_of(&self, entry: &fs::DirEntry) -> Option<String> {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let is_folder = is_folder && name.to_str().is_some();
        let staging = is_folder && self.store.staging.as_ref() == Some(&entry.path());
        let mut name = name.to_string_lossy().into_owned();
        if staging || name.ends_with(UNFINISHED) {
            return None;
        }
        if is_folder {
            name.push('/');
        }
        Some(name)
    }
}

impl Iterator for Names {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.listed.as_mut()?.next()? {
                Ok(entry) => {
                    if let Some(name) = self.name_of(&entry) {
                        return Some(Ok(name));
                    }
                }
                Err(error) => return Some(Err(self.store.error(&error, "list", &self.folder))),
            }
        }
    }
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_listed_in_order_whatever_of_it_is_held_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keys: Vec<String> = (0..40).map(|n| format!("{}", (n * 7) % 40)).collect();
        keys.extend((0..9).map(|n| format!("sub{}/{n}", n % 4)));
        for key in &keys {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().expect("a folder")).expect("room");
            fs::write(path, "x").expect("room");
        }
        keys.sort_unstable();
        let store = LocalStore::open(folder.path()).expect("a folder");
        for band in 1..45 {
            for after in [None, Some("25"), Some("sub1/")] {
                let mut walk = Walk::new(store.clone(), "", after);
                walk.band = band;
                let page = walk.next_page().expect("readable");
                let listed: Vec<_> = page.into_iter().map(|object| object.key).collect();
                let behind = |key: &&String| after.is_none_or(|after| key.as_str() > after);
                let all: Vec<_> = keys.iter().filter(behind).cloned().collect();
                assert_eq!(listed, all, "{band} {after:?}");
            }
        }
    }
}
