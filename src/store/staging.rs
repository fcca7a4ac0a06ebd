//! Folders for files that are not complete, and what killed runs left in them.
//!
//! Whoever is at work holds a lock on a file; the system lets go of it when the process ends, however
//! it ends. So what is not locked is left over.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Names of what lies here begin with this.
const PREFIX: &str = "s3logs-";

/// Ends the name of a folder; without it, it is the name of the folder's lock.
const FOLDER: &str = ".d";

/// A folder of a running process. It goes away with the value.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    _lock: NamedTempFile,
}

impl Staging {
    /// Makes a folder inside `parent`, which is made if it does not exist.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let lock = locked_file(Builder::new().prefix(PREFIX), parent)?;
        let mut name = lock.path().as_os_str().to_owned();
        name.push(FOLDER);
        let folder = PathBuf::from(name);
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what no running process holds, in `parent`: with `all`, every file, otherwise only
    /// those of this program. What cannot be removed stays: it is clutter that no reader looks at.
    pub fn sweep(parent: &Path, all: bool) {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX));
            if all || ours {
                drop(sweep_one(&entry.path()));
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Before the lock goes: a folder without one is taken for left over.
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn sweep_one(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return remove_unless_held(path);
    }
    let Some(lock) = path.to_str().and_then(|path| path.strip_suffix(FOLDER)) else {
        return Ok(());
    };
    match File::open(lock) {
        Ok(lock) if lock.try_lock().is_ok() => fs::remove_dir_all(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(path),
        _ => Ok(()),
    }
}

fn remove_unless_held(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    match file.try_lock() {
        Ok(()) => fs::remove_file(path),
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A new file that this process holds.
pub(super) fn locked_file(builder: &Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = builder.tempfile_in(folder)?;
        match file.as_file().try_lock() {
            Ok(()) if file.path().exists() => return Ok(file),
            // It is being swept, or was in the moment before it was locked.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // Where the file system knows no locks there is nothing to hold, and nothing is swept.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let parent = tempfile::tempdir().expect("a folder");
        let alive = Staging::open(parent.path()).expect("a folder in it");
        fs::write(alive.folder().join("part"), "x").expect("a file");
        // As a process leaves them that is killed.
        let dead = parent.path().join("s3logs-dead.d");
        fs::create_dir(&dead).expect("a folder");
        fs::write(dead.join("part"), "x").expect("a file");
        fs::write(parent.path().join("s3logs-dead"), "").expect("a file");
        fs::write(parent.path().join("other"), "").expect("a file");
        Staging::sweep(parent.path(), false);
        assert!(!dead.exists() && !parent.path().join("s3logs-dead").exists());
        assert!(alive.folder().join("part").exists());
        assert!(parent.path().join("other").exists());
        Staging::sweep(parent.path(), true);
        assert!(!parent.path().join("other").exists());
        assert!(alive.folder().join("part").exists());
        drop(alive);
        assert_eq!(fs::read_dir(parent.path()).expect("a folder").count(), 0);
    }
}
