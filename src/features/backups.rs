//! Backups: copies of the whole file in the folder of the settings, taken by the clock or on request; the newest few are
//! kept. Nobody downloads one: it holds every workspace and all hashes, so it stays where the administrator put it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::app::App;
use crate::core::audit::Audited;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::store::{self, Backup};
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] = &[Entry::of::<CreateBackup>(), Entry::of::<ListBackups>()];

/// One backup.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupView {
    /// The file's name in the folder of the settings.
    pub name: String,
    pub bytes: u64,
    pub taken_at: Moment,
}
impl Answer for BackupView {}

/// The backups there are, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backups {
    pub items: Vec<BackupView>,
    /// Taken by the clock every so many hours; null where no folder is set.
    pub every_hours: Option<u32>,
    /// How many are kept.
    pub keep: usize,
}
impl Answer for Backups {}

/// Take a backup now. It is checked before it counts; the oldest beyond those to keep are deleted.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBackup {
    #[serde(skip)]
    taken: Option<BackupView>,
}

impl Operation for CreateBackup {
    type Output = BackupView;
    const SPEC: Spec = Spec {
        name: "system.backup.create",
        title: "Take a backup",
        route: Route::post("/system/backups"),
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Export), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        self.taken = Some(take(before.app)?);
        Ok(())
    }
    fn execute(self, _: &Cx<'_, Self>) -> Result<BackupView> {
        self.taken.ok_or_else(|| Error::internal("no backup was prepared"))
    }
}

/// List the backups, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListBackups {}

impl Operation for ListBackups {
    type Output = Backups;
    const SPEC: Spec = Spec {
        name: "system.backup.list",
        title: "List backups",
        route: Route::get("/system/backups"),
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Backups> {
        let config = cx.config();
        let folder = folder(config);
        Ok(Backups {
            items: folder.map_or(Vec::new(), |folder| found(&file(config), folder, cx.now())),
            every_hours: folder.map(|_| config.backup_every_hours),
            keep: config.backup_keep,
        })
    }
}

fn folder(config: &Config) -> Option<&Path> {
    Some(config.backup_dir.as_path()).filter(|folder| !folder.as_os_str().is_empty())
}

/// After the file it is of, as several servers may have one folder: `sally-20270301T093005Z.db` is a copy of `sally.db`.
fn name(file: &str, at: Moment) -> String {
    format!("{file}-{}.db", store::stamp(at))
}

/// What a copy of the file of the settings is called.
pub fn name_of_copy(config: &Config, at: Moment) -> String {
    name(&file(config), at)
}

fn file(config: &Config) -> Cow<'_, str> {
    config.db.file_stem().unwrap_or_default().to_string_lossy()
}

/// The time in a name that [`name`] made; what is called otherwise is none of ours and is left alone.
fn time_in(file: &str, name: &str) -> Option<Moment> {
    let stamp = name.strip_prefix(file)?.strip_prefix('-')?.strip_suffix(".db")?;
    let parts: Vec<&str> =
        [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].into_iter().map(|at| stamp.get(at)).collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second] = parts[..] else { return None };
    let at = Moment::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()?;
    (self::name(file, at) == name).then_some(at)
}

/// The backups of a file in a folder, newest first. Whatever was taken tomorrow or later was taken while the clock was ahead,
/// so it is older than all that are dated as they should be.
fn found(file: &str, folder: &Path, now: Moment) -> Vec<BackupView> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut backups: Vec<BackupView> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(BackupView { taken_at: time_in(file, &name)?, bytes: entry.metadata().ok()?.len(), name })
        })
        .collect();
    backups.sort_by_key(|backup| (is_ahead(backup.taken_at, now), std::cmp::Reverse(backup.taken_at)));
    backups
}

fn is_ahead(taken_at: Moment, now: Moment) -> bool {
    taken_at > now.plus_days(1)
}

/// When the newest backup in the folder of the settings was taken, where there is such a folder.
pub fn newest(config: &Config, now: Moment) -> Option<Option<Moment>> {
    let newest = |folder: &Path| found(&file(config), folder, now).first().map(|backup| backup.taken_at);
    folder(config).map(|folder| newest(folder).filter(|taken_at| !is_ahead(*taken_at, now)))
}

/// Is it time for the clock to take one? It is also when the clock stands still, or has gone back.
fn is_due(app: &App, newest: Option<Option<Moment>>, now: Moment) -> bool {
    let every = Duration::from_secs(u64::from(app.config().backup_every_hours) * 3_600);
    // While one is being taken, no other is due.
    let is_long_ago = || app.limits.backups.try_lock().is_ok_and(|last| last.elapsed() >= every);
    newest.is_some_and(|newest| newest.is_none_or(|at| at.plus_seconds(every.as_secs() as i64) <= now) || is_long_ago())
}

/// Takes one, and deletes the oldest beyond those to keep. Takes as long as it takes: never on a thread that others need.
pub fn take(app: &App) -> Result<BackupView> {
    let folder = folder(app.config()).ok_or_else(|| {
        Error::conflict(
            "No folder for backups is set; name one as backup_dir in the settings, or use “sally backup FILE”.",
        )
    })?;
    let only = app.limits.backups.try_lock();
    let mut last = only.map_err(|_| Error::conflict("A backup is being taken already."))?;
    store::private_folder(folder)?;
    store::clear_unfinished(folder);
    let now = Moment::now();
    // A second has room for one; where the clock stands still, or has gone back, it may be taken.
    let of = file(app.config());
    let free = (0..).map(|seconds| name(&of, now.plus_seconds(seconds))).find(|name| !folder.join(name).exists());
    let name = free.expect("a folder has an end, and time has none");
    let Backup { file, bytes, taken_at, .. } = app.store().back_up(&folder.join(&name))?;
    // The one just taken stays, though others be dated later: the clock may have gone back.
    let others = found(&of, folder, now).into_iter().filter(|old| old.name != name);
    for old in others.skip(app.config().backup_keep.saturating_sub(1)) {
        if let Err(error) = std::fs::remove_file(folder.join(&old.name)) {
            log::warn!("the old backup {} cannot be deleted: {error}", old.name);
        }
    }
    *last = Instant::now();
    log::info!("took the backup {}", file.display());
    let taken_at = time_in(&of, &name).unwrap_or(taken_at);
    app.limits.newest_backup.store(taken_at.ms(), Ordering::Relaxed);
    Ok(BackupView { taken_at, name, bytes })
}

/// Looks whether it is time, and takes one then: on a thread of its own, as a disk of the network may not answer at all.
pub async fn take_if_due(app: &Arc<App>) -> Result<()> {
    let app = app.clone();
    let look = move || {
        let now = Moment::now();
        let newest = newest(app.config(), now);
        app.limits.newest_backup.store(newest.flatten().map_or(0, Moment::ms), Ordering::Relaxed);
        match is_due(&app, newest, now) {
            true => take(&app).map(drop),
            false => Ok(()),
        }
    };
    tokio::task::spawn_blocking(look).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_backups() {
        let at = Moment::parse("2027-03-01T09:30:05Z").unwrap();
        assert_eq!(name("sally", at), "sally-20270301T093005Z.db");
        assert_eq!(time_in("sally", &name("sally", at)), Some(at));
        assert_eq!(time_in("demo", &name("sally", at)), None);
        for other in [
            "sally-20270301.db",
            "sally-20270301T093005Z.db-wal",
            "sally-20271301T093005Z.db",
            "sally-ä.db",
            "sally.db",
        ] {
            assert_eq!(time_in("sally", other), None, "{other}");
        }
    }
}
