//! A disk that misbehaves and a clock that leaps, under a real process: the C files beside this one say how.
#![allow(dead_code, reason = "each binary uses its own")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library to preload for a disk that misbehaves.
pub fn disk(folder: &Path) -> PathBuf {
    library(folder, "disk")
}

/// The library to preload for a clock that can be set.
pub fn clock(folder: &Path) -> PathBuf {
    library(folder, "clock")
}

/// Compiled into the folder when it is first needed.
fn library(folder: &Path, name: &str) -> PathBuf {
    let library = folder.join(name).with_extension("so");
    if !library.exists() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name).with_extension("c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
        assert!(made.is_ok_and(|status| status.success()), "cc is needed");
    }
    library
}
