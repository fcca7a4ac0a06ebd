//! Listings of a folder, in the byte order of keys.

use std::fs;
use std::io;

use super::super::{ObjectMeta, Result};
use super::{LocalStore, UNFINISHED, meta_of};

/// Objects on a page of a listing.
const PAGE: usize = 1000;

/// A walk through a folder in the byte order of keys.
pub(super) struct Walk {
    store: LocalStore,
    prefix: String,
    after: Option<String>,
    /// Entries still to visit, last first: key and whether it is a folder.
    pending: Vec<(String, bool)>,
    started: bool,
}

impl Walk {
    pub(super) fn new(store: LocalStore, prefix: &str, after: Option<&str>) -> Self {
        Self {
            store,
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            pending: Vec::new(),
            started: false,
        }
    }

    /// The next objects; none at the end.
    pub(super) fn next_page(&mut self) -> Result<Vec<ObjectMeta>> {
        if !std::mem::replace(&mut self.started, true) {
            let folder = self
                .prefix
                .rfind('/')
                .map_or("", |end| &self.prefix[..=end])
                .to_owned();
            self.enter(&folder)?;
        }
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some((key, is_folder)) = self.pending.pop() else {
                break;
            };
            if is_folder {
                if self.enter(&key).is_err() {
                    page.push(unreadable(key.trim_end_matches('/').to_owned()));
                }
                continue;
            }
            match fs::metadata(self.store.folder.join(&key)) {
                Ok(meta) if meta.is_file() => page.push(meta_of(key, &meta)),
                Ok(_) => {}
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_lossy(&key) => {}
                Err(_) => page.push(unreadable(key)),
            }
        }
        Ok(page)
    }

    fn enter(&mut self, folder: &str) -> Result<()> {
        let mut found = entries(&self.store, folder)?;
        found.retain(|(key, is_folder)| self.wanted(key, *is_folder));
        found.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        self.pending.append(&mut found);
        Ok(())
    }

    fn wanted(&self, key: &str, is_folder: bool) -> bool {
        let in_prefix =
            key.starts_with(&self.prefix) || (is_folder && self.prefix.starts_with(key));
        let after = self
            .after
            .as_deref()
            .is_none_or(|after| key > after || (is_folder && after.starts_with(key)));
        in_prefix && after
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

/// What lies right in a folder: keys, those of folders with `/` at the end. Not in any order.
///
/// Files that are not complete, and files that wait to be moved into place, are left out.
pub(super) fn entries(store: &LocalStore, folder: &str) -> Result<Vec<(String, bool)>> {
    let path = store.folder.join(folder);
    let failed = |error: &io::Error| store.error(error, "list", folder);
    let listed = match fs::read_dir(&path) {
        Ok(listed) => listed,
        Err(error) if is_no_folder(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|error| failed(&error))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let is_folder = is_folder && name.to_str().is_some();
        let name = name.to_string_lossy();
        let staging = is_folder && store.staging.as_ref() == Some(&entry.path());
        if !staging && !name.ends_with(UNFINISHED) {
            let end = if is_folder { "/" } else { "" };
            found.push((format!("{folder}{name}{end}"), is_folder));
        }
    }
    Ok(found)
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
