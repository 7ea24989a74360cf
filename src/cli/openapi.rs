//! `sally openapi`: the document, without a server and without touching anybody's file.

use std::path::PathBuf;

use super::output;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::core::secret;
use crate::http::openapi;

pub(super) fn run(config: Config) -> Result<()> {
    let folder = Folder::new()?;
    let app = super::open(Config { db: folder.0.join("sally.db"), ..config })?;
    output::json(&openapi::document(&app))
}

/// A folder of our own that goes away with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("sally-{}", secret::session_token()));
        std::fs::create_dir(&path).map_err(|error| Error::conflict(format!("{}: {error}", path.display())))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::warn!("{} is left over: {error}", self.0.display());
        }
    }
}
