//! The folder for what does not fit into memory.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "s3logs-query-";

/// In each folder: locked as long as the process lives that made it.
const LOCK: &str = "lock";

/// A folder that is removed with this. One that a killed process has left is removed by the next.
#[derive(Debug)]
pub(super) struct Spill {
    folder: TempDir,
    _lock: File,
}

impl Spill {
    pub(super) fn new_in(place: &Path) -> io::Result<Self> {
        remove_abandoned(place);
        let folder = TempDir::with_prefix_in(PREFIX, place)?;
        // Locked before it has its name, so that nobody can think it abandoned.
        let unnamed = folder.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        // A file system without locks has folders that nobody else removes.
        if lock.try_lock().is_ok() {
            fs::rename(&unnamed, folder.path().join(LOCK))?;
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Whatever cannot be looked at or removed stays.
fn remove_abandoned(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_uses_is_removed() {
        let place = TempDir::new().expect("a folder");
        let used = Spill::new_in(place.path()).expect("a folder");
        let abandoned = place.path().join("s3logs-query-1");
        let begun = place.path().join("s3logs-query-2");
        let other = place.path().join("other");
        for folder in [&abandoned, &begun, &other] {
            fs::create_dir(folder).expect("a folder");
        }
        for folder in [&abandoned, &other] {
            fs::write(folder.join(LOCK), "").expect("a file");
        }
        let new = Spill::new_in(place.path()).expect("a folder");
        assert!(!abandoned.exists());
        for folder in [used.path(), new.path(), &begun, &other] {
            assert!(folder.exists(), "{}", folder.display());
        }
    }
}
