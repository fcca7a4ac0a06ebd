//! A file that is complete but not yet in its place.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::super::staging::locked_file;
use super::{Body, UNFINISHED};

/// What becomes an object when it is moved to its path.
pub(super) enum Staged {
    /// A copy; removed unless it is moved.
    Copy(NamedTempFile),
    /// The caller's own file, which lies where it can be moved from. It stays if the put fails.
    Given(PathBuf),
}

impl Staged {
    /// The body as a file in `folder`, with the permissions of any new file.
    pub(super) fn new(body: Body, folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut copy = empty(folder)?;
        match body {
            Body::Bytes(bytes) => copy.write_all(&bytes)?,
            Body::File(given) if given.starts_with(folder) => {
                fs::set_permissions(&given, copy.as_file().metadata()?.permissions())?;
                return Ok(Self::Given(given));
            }
            Body::File(given) => {
                io::copy(&mut File::open(given)?, copy.as_file_mut())?;
            }
        }
        Ok(Self::Copy(copy))
    }

    /// What the file system tells of it.
    pub(super) fn metadata(&self) -> io::Result<fs::Metadata> {
        match self {
            Self::Copy(copy) => copy.as_file().metadata(),
            Self::Given(given) => fs::metadata(given),
        }
    }

    /// Waits until the content is on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Self::Copy(copy) => copy.as_file().sync_all(),
            Self::Given(given) => File::open(given)?.sync_all(),
        }
    }

    /// Moves the file to its path, in place of whatever is there.
    pub(super) fn replace(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Copy(copy) => copy.persist(path).map(drop).map_err(|error| error.error),
            Self::Given(given) => fs::rename(given, path),
        }
    }

    /// Moves the file to its path unless something is there.
    pub(super) fn create(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Copy(copy) => fs::hard_link(copy.path(), path),
            Self::Given(given) => {
                fs::hard_link(&given, path)?;
                fs::remove_file(given)
            }
        }
    }
}

fn empty(folder: &Path) -> io::Result<NamedTempFile> {
    locked_file(&unfinished(), folder)
}

/// The same without a lock, which only those need whose folder is swept.
pub(super) fn unlocked(folder: &Path) -> io::Result<NamedTempFile> {
    unfinished().tempfile_in(folder)
}

fn unfinished() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".").suffix(UNFINISHED);
    #[cfg(unix)]
    {
        // A dataset is for everybody whom the umask lets read, not for its writer alone.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}
