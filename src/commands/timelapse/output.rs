//! Where a film goes: a file or a folder that appears when all of it is there.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::timelapse::{self, Counts, Film, FrameFolder, Merge, MovingPicture, Page, Screen};
use crate::ui::Failure;

use super::super::new_file::{self, NewFile};

/// What a film is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Gif,
    Page,
    Frames,
}

impl Form {
    /// By the end of the name; a folder, or what ends in `/`, is for frames.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let name = path.to_string_lossy();
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            _ if name.ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir() => {
                Ok(Self::Frames)
            }
            Some("gif") => Ok(Self::Gif),
            Some("html" | "htm") => Ok(Self::Page),
            _ => Err(Failure::usage(
                format!("{name} does not say what is to be made"),
                "end it in .gif or .html, or in / for a folder of frames that ffmpeg makes a film of",
            )),
        }
    }
}

/// A film under way, gone if it is dropped before its end.
pub(super) struct Output {
    to: To,
    path: PathBuf,
    frames_per_second: u16,
}

enum To {
    Gif(NewFile),
    Page(NewFile),
    Frames(TempDir),
}

impl Output {
    /// Begins it beside where it is to appear.
    pub(super) fn create(path: &Path, form: Form, frames_per_second: u16) -> Result<Self, Failure> {
        let to = match form {
            Form::Gif => To::Gif(NewFile::create(path)?),
            Form::Page => To::Page(NewFile::create(path)?),
            Form::Frames => To::Frames(folder_beside(path)?),
        };
        Ok(Self {
            to,
            path: path.to_owned(),
            frames_per_second,
        })
    }

    /// Draws the film. Returns its bytes, or nothing if `each` stopped it.
    pub(super) fn draw(
        self,
        film: &Film,
        merge: &mut Merge,
        each: &mut dyn FnMut(u16, &Counts) -> bool,
    ) -> Result<Option<u64>, Failure> {
        let path = self.path.clone();
        let failed = |error: io::Error| new_file::failure(&path, &error);
        let (size, frames_per_second) = (film.layout.size(), self.frames_per_second);
        let mut draw = |screen: &mut dyn Screen, each: &mut dyn FnMut(u16, &Counts) -> bool| {
            timelapse::draw(film, merge, screen, each)
        };
        match self.to {
            To::Gif(mut gif) => {
                let to = BufWriter::new(&mut gif);
                let mut screen = MovingPicture::new(to, size, frames_per_second).map_err(failed)?;
                let ended = draw(&mut screen, each).map_err(failed)?;
                let flushed = screen.finish().and_then(|mut to| to.flush());
                flushed.map_err(failed)?;
                put(gif, ended)
            }
            To::Page(mut html) => {
                let to = BufWriter::new(&mut html);
                let page = Page::new(to, &film.title, size, frames_per_second);
                let mut page = page.map_err(failed)?;
                let mut all = Vec::new();
                let mut keep = |frame, counts: &Counts| {
                    all.push(*counts);
                    each(frame, counts)
                };
                let ended = draw(&mut page, &mut keep).map_err(failed)?;
                let finished = page.finish(film.timeline, &all);
                let flushed = finished.and_then(|mut to| to.flush());
                flushed.map_err(failed)?;
                put(html, ended)
            }
            To::Frames(folder) => {
                let mut screen = FrameFolder::new(folder.path(), size);
                if !draw(&mut screen, each).map_err(failed)? {
                    return Ok(None);
                }
                // An empty folder gives way.
                if path.is_dir() {
                    fs::remove_dir(&path).map_err(failed)?;
                }
                fs::rename(folder.path(), &path).map_err(failed)?;
                // It is not where it was made any more.
                let _ = folder.keep();
                Ok(Some(screen.bytes()))
            }
        }
    }
}

fn put(file: NewFile, ended: bool) -> Result<Option<u64>, Failure> {
    if !ended {
        return Ok(None);
    }
    let path = file.path().to_owned();
    file.put()?;
    let bytes = fs::metadata(&path).map(|meta| meta.len());
    Ok(Some(bytes.unwrap_or_default()))
}

fn folder_beside(path: &Path) -> Result<TempDir, Failure> {
    let failed = |error: io::Error| new_file::failure(path, &error);
    if path.is_dir() && fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(Failure::usage(
            format!("the folder {} is not empty", path.display()),
            "name one that is not there yet",
        ));
    }
    if path.exists() && !path.is_dir() {
        return Err(Failure::usage(
            format!("{} is a file", path.display()),
            "name a folder that is not there yet, or a file that ends in .gif or .html",
        ));
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // Whom the umask lets read may read it, as any folder that is made.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    let folder = builder.prefix(".s3logs-film-");
    let folder = folder.tempdir_in(parent.unwrap_or(Path::new(".")));
    folder.map_err(failed)
}
