//! Listings of a folder.

use std::fs;
use std::io;

use super::super::{ObjectMeta, Result};
use super::{LocalStore, UNFINISHED, meta_of};

/// Objects on a page of a listing.
const PAGE: usize = 1000;

/// A walk through a folder in the byte order of keys.
///
/// Memory: the names in the folders on the way to where it is, about 70 bytes each.
pub(super) struct Walk {
    store: LocalStore,
    prefix: String,
    after: Option<String>,
    /// Folders on the way to where it is.
    way: Vec<Folder>,
    started: bool,
}

/// What is still to visit of a folder.
struct Folder {
    /// Empty, or ends in `/`.
    key: String,
    /// Last first; those of folders end in `/`.
    names: Vec<Box<str>>,
}

impl Walk {
    pub(super) fn new(store: LocalStore, prefix: &str, after: Option<&str>) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            way: Vec::new(),
            started: false,
        }
    }

    /// The next objects; none at the end.
    pub(super) fn next_page(&mut self) -> Result<Vec<ObjectMeta>> {
        if !std::mem::replace(&mut self.started, true) {
            self.enter(folder_of(&self.prefix).to_owned())?;
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(key) = self.next_key() else { break };
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

    fn next_key(&mut self) -> Option<String> {
        loop {
            let folder = self.way.last_mut()?;
            if let Some(name) = folder.names.pop() {
                return Some(format!("{}{name}", folder.key));
            }
            self.way.pop();
        }
    }

    fn enter(&mut self, key: String) -> Result<()> {
        let mut names = Vec::new();
        for name in Names::of(&self.store, &key)? {
            let name = name?;
            if self.wanted(&key, &name) {
                names.push(name.into_boxed_str());
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.way.push(Folder { key, names });
        Ok(())
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
