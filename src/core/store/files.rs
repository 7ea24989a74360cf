//! Files that are written for somebody: each under a name of its own until it is whole, then under the one it was asked
//! for. Nobody finds half of one, and what stood there before stays until then.

use std::fs::File;
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::core::error::{Error, Result};

/// What a file is called until it is whole; one that a killed process left behind can be deleted.
const UNFINISHED: &str = ".sally-unfinished-";

/// A file that stands where the new one is to go stays, unless it may be replaced.
pub fn must_be_free(to: &Path, replace: bool) -> Result<()> {
    if !replace && to.exists() { Err(exists(to)) } else { Ok(()) }
}

/// A folder for nobody but the user that Sally runs as.
pub fn private_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Error::conflict(format!("{} cannot be made: {error}", path.display())))
}

/// A file in the folder of `to` that goes away again unless it is kept.
pub fn unfinished(to: &Path) -> Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder(to));
    file.map_err(|error| unwritable(to, &error))
}

/// Gives a file that is whole and on the disk its name.
pub fn keep(file: TempPath, to: &Path, replace: bool) -> Result<()> {
    let kept = match replace {
        true => file.persist(to),
        false => file.persist_noclobber(to),
    };
    kept.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(to),
        _ => unwritable(to, &error.error),
    })?;
    sync_folder(to)
}

/// Takes away what killed processes left half done in a folder, once nobody can be at it any more.
pub fn clear_unfinished(folder: &Path) {
    const OLD: std::time::Duration = std::time::Duration::from_secs(86_400);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_old = || {
            entry.metadata().and_then(|facts| facts.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
        };
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) && is_old() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new name is on the disk only when its folder is. Where folders cannot be synced, the system does it by itself.
fn sync_folder(path: &Path) -> Result<()> {
    match cfg!(unix) {
        true => File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(|error| unwritable(path, &error)),
        false => Ok(()),
    }
}

fn exists(to: &Path) -> Error {
    Error::conflict(format!("{} exists already; choose another name, or say --force to replace it", to.display()))
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::conflict(format!("{} cannot be written: {error}", path.display()))
}
