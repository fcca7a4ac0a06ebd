//! Files that the user names, which appear when all of them is there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::ui::Failure;

/// A file under way, beside where it is to appear; gone if it is dropped before [`put`](Self::put).
#[derive(Debug)]
pub(super) struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = Builder::new();
        #[cfg(unix)]
        {
            // Whom the umask lets read may read it, as any file that is written.
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|error| failure(path, &error))?;
        let path = path.to_owned();
        Ok(Self { file, path })
    }

    /// Moves it to where it is to be.
    pub(super) fn put(self) -> Result<(), Failure> {
        let put = self.file.persist(&self.path);
        put.map_err(|error| failure(&self.path, &error.error))?;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a write to a file that the user named came to.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::file("write", &path.display().to_string(), error)
}
