//! Listings of a folder, in the byte order of keys.

use std::fs;
use std::io;

use super::super::{ErrorKind, ObjectMeta, Result, StoreError, full_name};
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
                self.enter(&key)?;
                continue;
            }
            match fs::metadata(self.store.folder.join(&key)) {
                Ok(meta) if meta.is_file() => page.push(meta_of(key, &meta)),
                Ok(_) => {}
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.store.error(&error, "list", &key)),
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
        let Some(name) = name.to_str() else {
            let shown = format!("{folder}{}", name.to_string_lossy());
            return Err(StoreError {
                kind: ErrorKind::BadName,
                action: "list",
                place: full_name(&store.root, &shown),
                cause: "the file name is not UTF-8".to_owned(),
            });
        };
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
