//! Files that the user names, which appear when all of them is there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::store::Location;
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
        if path == Path::new("/dev/stdout") || path == Path::new("/dev/stderr") {
            // What standard output goes to goes on there, be it a file.
            let file = fs::OpenOptions::new().append(true).open(path);
            let to = To::Open(file.map_err(|error| failure(path, &error))?);
            let path = path.to_owned();
            return Ok(Self { to, path });
        }
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

/// Tells early what a file that is made later cannot be written for. A pipe is not opened: that would end it.
///
/// # Errors
/// Those of [`NewFile::create`].
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(meta) if !meta.is_file() => Ok(()),
        _ => NewFile::create(path).map(drop),
    }
}

/// Nothing of a dataset is written over by what is made of it.
///
/// # Errors
/// Where `path` lies in a folder of the dataset at `place`.
pub(super) fn outside(path: &Path, place: &Location) -> Result<(), Failure> {
    let Location::Local(dataset) = place else {
        return Ok(());
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let whole = |path: &Path| path.canonicalize().ok();
    // Of a file that is there, as a link can lead into the dataset.
    let folder = whole(path)
        .and_then(|path| path.parent().map(Path::to_owned))
        .or_else(|| whole(folder));
    let inside = folder
        .zip(whole(dataset))
        .is_some_and(|(folder, dataset)| folder != dataset && folder.starts_with(dataset));
    if !inside {
        return Ok(());
    }
    Err(Failure::usage(
        format!("{} lies in a folder of the dataset", path.display()),
        "name a place outside of it",
    ))
}

/// What a write to a file that the user named came to.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    let name = path.display().to_string();
    let mut failure = Failure::file("write", &name, error);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let (io::ErrorKind::NotFound, Some(folder)) = (error.kind(), folder) {
        failure
            .hints
            .push(format!("there is no folder {}", folder.display()));
    }
    failure
}
