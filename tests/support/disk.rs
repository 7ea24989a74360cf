//! A disk that misbehaves, under a real process: `disk.c` beside this file says how.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library to preload, compiled into the folder when it is first needed.
pub fn disk(folder: &Path) -> PathBuf {
    let library = folder.join("disk.so");
    if !library.exists() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/disk.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
        assert!(made.is_ok_and(|status| status.success()), "cc is needed");
    }
    library
}
