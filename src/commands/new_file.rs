//! Files that the user names, which appear when all of them is there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::ui::Failure;

/// A file under way, beside where it is to appear; gone if it is dropped before [`put`](Self::put). What is
/// no file, such as a pipe or a device, is written to as it is.
#[derive(Debug)]
pub(super) struct NewFile {
    to: To,
    path: PathBuf,
}

#[derive(Debug)]
enum To {
    Beside(NamedTempFile),
    Open(fs::File),
}

impl NewFile {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        // A link stays one.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            let file = fs::OpenOptions::new().write(true).open(path);
            let to = To::Open(file.map_err(|error| failure(path, &error))?);
            let path = path.clone();
            return Ok(Self { to, path });
        }
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
        let (to, path) = (To::Beside(file), path.clone());
        Ok(Self { to, path })
    }

    /// Moves it to where it is to be.
    pub(super) fn put(self) -> Result<(), Failure> {
        if let To::Beside(file) = self.to {
            let put = file.persist(&self.path);
            put.map_err(|error| failure(&self.path, &error.error))?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Beside(file) => file.write(bytes),
            To::Open(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Beside(file) => file.flush(),
            To::Open(file) => file.flush(),
        }
    }
}

/// What a write to a file that the user named came to.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::file("write", &path.display().to_string(), error)
}
