//! `sally backup`, `sally restore` and `sally verify`: copies of the file, the way back, and whether a file is whole.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::core::store;
use crate::core::text;
use crate::core::time::Moment;
use crate::features::backups;

#[derive(Args)]
pub(super) struct Backup {
    /// Where the copy goes; in a folder it gets a name with the time, and FOLDER/ is made if need be
    file: PathBuf,

    /// Replace a file of that name
    #[arg(long)]
    force: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Restore {
    /// A copy that “sally backup” made
    file: PathBuf,

    /// Replace the file that is there; it is kept under another name
    #[arg(long)]
    force: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Verify {
    /// Which file [default: the one that is served]
    file: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let is_folder = self.file.is_dir() || self.file.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder {
            store::private_folder(&self.file)?;
        }
        let to = match is_folder {
            true => self.file.join(backups::name_of_copy(&config, Moment::now())),
            false => self.file,
        };
        let backup = store::back_up(&config.db, &to, self.force, output::progress("Copying"))?;
        match self.json {
            true => output::json(&backup),
            false => output::say(&format!(
                "{} holds {} as it was at {}: {}, checked.",
                backup.file.display(),
                config.db.display(),
                backup.taken_at,
                text::bytes(backup.bytes),
            )),
        }
    }
}

impl Restore {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let restored = store::restore(&self.file, &config.db, self.force, output::progress("Restoring"))?;
        if self.json {
            return output::json(&restored);
        }
        let kept =
            restored.kept.map_or(String::new(), |kept| format!("\nWhat was there before is in {}.", kept.display()));
        output::say(&format!("{} is {} again.{kept}", restored.file.display(), self.file.display()))
    }
}

impl Verify {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let path = self.file.unwrap_or(config.db);
        let verified = store::verify(&path)?;
        if self.json {
            output::json(&verified)?;
        } else {
            output::say(&told(&verified))?;
        }
        match verified.faults.len() {
            0 => Ok(()),
            faults => Err(damaged(&path, faults)),
        }
    }
}

fn told(verified: &store::Verified) -> String {
    let mut lines = vec![format!("{}: schema {}, {}", verified.file, verified.schema, text::bytes(verified.bytes))];
    let filled = verified.records.iter().filter(|(_, count)| **count > 0);
    let rows: Vec<Vec<String>> = filled.map(|(table, count)| vec![table.clone(), count.to_string()]).collect();
    lines.push(output::table(&["TABLE", "ROWS"], &rows));
    lines.extend(verified.faults.iter().map(|fault| format!("FAULT: {fault}")));
    if verified.sound {
        lines.push("Pages, indexes, references, counts and the search index are as they should be.".into());
    }
    lines.join("\n")
}

fn damaged(path: &Path, faults: usize) -> Error {
    let faults = if faults == 1 { "one fault".to_owned() } else { format!("{faults} faults") };
    Error::conflict(format!("{} has {faults}; keep it, and put a backup back with “sally restore”", path.display()))
}
