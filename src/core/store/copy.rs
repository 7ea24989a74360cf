//! Copies of the file while it is in use, and the way back from one.
//!
//! `vacuum into` reads one snapshot, so writers go on meanwhile; SQLite's backup API would begin anew whenever another
//! process writes. What comes out is one compact file without a write-ahead log. A copy gets its name only when it is
//! whole, checked and on the disk.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use tempfile::TempPath;

use crate::core::error::{Error, Result};
use crate::core::time::Moment;

use super::files::{keep, must_be_free, unfinished, unwritable};
use super::{harden, hold, migrations, verify};

/// Asked now and then whether to go on, with how many bytes are done, of about how many.
pub type Progress = Box<dyn FnMut(u64, u64) -> ControlFlow<()> + Send>;

/// A copy that was taken.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    pub file: PathBuf,
    pub bytes: u64,
    /// The version of the schema that the copy has.
    pub schema: u32,
    pub taken_at: Moment,
}

/// What came of putting a copy back.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    pub file: PathBuf,
    /// Where the file is now that was there before.
    pub kept: Option<PathBuf>,
    pub bytes: u64,
    pub schema: u32,
}

/// Takes a copy of `file` as it is now. A file that stands where the copy is to go stays, unless it may be replaced.
pub fn back_up(file: &Path, to: &Path, replace: bool, progress: Option<Progress>) -> Result<Backup> {
    if same_file(file, to) {
        return Err(Error::conflict(format!("{} is the file itself; name another one for the copy", to.display())));
    }
    must_be_free(to, replace)?;
    if let Some(log) = logs_of(to).into_iter().find(|log| log.exists()) {
        return Err(Error::conflict(format!(
            "{} is there, of a file that is in use or was when its program ended; choose another name",
            log.display()
        )));
    }
    let taken_at = Moment::now();
    let (copy, schema) = copy_beside(file, to, progress)?;
    let bytes = size(&copy)?;
    keep(copy, to, replace)?;
    Ok(Backup { file: to.to_owned(), bytes, schema, taken_at })
}

/// Puts a copy back in the place of `file`, which is kept under another name. Refused while a server holds the file.
pub fn restore(backup: &Path, file: &Path, replace: bool, progress: Option<Progress>) -> Result<Restored> {
    // What a link leads to is replaced, not the link.
    let file = &file.canonicalize().unwrap_or_else(|_| file.to_owned());
    if same_file(backup, file) {
        return Err(Error::conflict(format!("{} is the file itself, not a copy of it", backup.display())));
    }
    let _held = hold(file)?;
    if file.exists() && !replace {
        return Err(Error::conflict(format!(
            "{} exists; with --force it is put aside and replaced by {}",
            file.display(),
            backup.display()
        )));
    }
    let (copy, schema) = copy_beside(backup, file, progress)?;
    let bytes = size(&copy)?;
    let kept = put_aside(file)?;
    keep(copy, file, true)?;
    Ok(Restored { file: file.to_owned(), kept, bytes, schema })
}

/// A whole and checked copy, on the disk, under a name of its own in the folder of `to`; with its schema's version.
fn copy_beside(from: &Path, to: &Path, progress: Option<Progress>) -> Result<(TempPath, u32)> {
    let source = open_existing(from)?;
    let schema = migrations::check(&source, from)?;
    // Made before SQLite writes to it, so that nobody else can read it for a moment either.
    let copy = unfinished(to)?.into_temp_path();
    let target = copy.to_str().ok_or_else(|| Error::conflict(format!("{} is not UTF-8", to.display())))?;
    let all = bytes_of(&source)?;
    let progress = progress.map(|progress| Arc::new(Mutex::new(progress)));
    let watch = |conn: &Connection| match progress.clone() {
        Some(progress) => {
            let written = copy.to_path_buf();
            let look = move || {
                let bytes = std::fs::metadata(&written).map_or(0, |facts| facts.len());
                progress.lock().is_ok_and(|mut go_on| go_on(bytes, all).is_break())
            };
            conn.progress_handler(200_000, Some(look))
        }
        None => Ok(()),
    };
    watch(&source)?;
    source.execute("vacuum into ?1", [target]).map_err(|error| named(from, error))?;
    drop(source);
    let checked = open_existing(&copy)?;
    watch(&checked)?;
    verify::must_be_sound(&checked, from)?;
    drop(checked);
    File::open(&copy).and_then(|file| file.sync_all()).map_err(|error| unwritable(to, &error))?;
    Ok((copy, schema))
}

/// Opens a file of ours that exists, without changing its shape. A log that belongs to it is read along.
pub(super) fn open_existing(path: &Path) -> Result<Connection> {
    if !path.is_file() {
        return Err(Error::conflict(format!("there is no file {}", path.display())));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| named(path, error))?;
    harden(&conn)?;
    Ok(conn)
}

/// As large as the file is with everything that its log still holds.
pub(super) fn bytes_of(conn: &Connection) -> Result<u64> {
    const BYTES: &str = "select page_count * page_size from pragma_page_count, pragma_page_size";
    Ok(conn.query_row(BYTES, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn named(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DiskFull) => error.into(),
        Some(rusqlite::ErrorCode::OperationInterrupted) => Error::busy("The server is stopping."),
        _ => Error::conflict(format!("{} cannot be read: {error}", path.display())),
    }
}

/// Gives the file another name, if there is one, and its logs, which would spoil any other file that came to stand there,
/// even where they are all that is left of it. The file is linked first and taken away by what replaces it, so that there is
/// no moment without one.
fn put_aside(file: &Path) -> Result<Option<PathBuf>> {
    let is_there = file.exists();
    // A sound file takes its log in and does without one; a damaged one keeps it. SQLite allows it only to whoever has the
    // file alone: Litestream would go on with the file that it has open, under whatever name, and spoil its copy.
    if let Ok(conn) = open_existing(file) {
        let alone = conn.query_row("pragma journal_mode = delete", [], |_| Ok(()));
        if alone.is_err_and(|error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)) {
            return Err(Error::conflict(format!(
                "{} is in use by another program, Litestream or a command; stop it, or try again when it is done",
                file.display()
            )));
        }
    }
    let aside = free_name(file, &format!("before-restore-{}", stamp(Moment::now())));
    if is_there {
        std::fs::hard_link(file, &aside)
            .or_else(|_| std::fs::rename(file, &aside))
            .map_err(|error| unwritable(&aside, &error))?;
    }
    for (log, aside) in logs_of(file).into_iter().zip(logs_of(&aside)) {
        if log.exists() {
            std::fs::rename(log, &aside).map_err(|error| unwritable(&aside, &error))?;
        }
    }
    Ok(is_there.then_some(aside))
}

/// What SQLite keeps beside a file, and reads into whatever stands there.
fn logs_of(file: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|log| PathBuf::from(format!("{}{log}", file.display())))
}

/// `sally.db` with a word: `sally.WORD.db`, or `sally.WORD-2.db` if that is taken.
pub(super) fn free_name(path: &Path, word: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = |suffix: String| path.with_file_name(format!("{stem}.{word}{suffix}.db"));
    let mut free = name(String::new());
    let mut number = 2;
    while free.exists() {
        free = name(format!("-{number}"));
        number += 1;
    }
    free
}

/// `20270301T093000Z`: sorts by time and is fit for any file system.
pub fn stamp(at: Moment) -> String {
    let text = at.to_string();
    text.split('.').next().unwrap_or_default().replace(['-', ':'], "") + "Z"
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn size(path: &Path) -> Result<u64> {
    std::fs::metadata(path).map(|facts| facts.len()).map_err(|error| unwritable(path, &error))
}
