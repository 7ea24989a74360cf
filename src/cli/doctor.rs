//! `sally doctor`: looks an installation over and says what to do about each finding. It changes nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output;
use crate::core::config::{Config, Tls};
use crate::core::error::{Error, Result};
use crate::core::store;
use crate::core::text;
use crate::core::time::Moment;
use crate::features::backups;
use crate::tls;

#[derive(Args)]
pub(super) struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Note,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// The findings so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Ok, found: found.into(), advice: None });
    }
    fn note(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Note, found: found.into(), advice: Some(advice.into()) });
    }
    fn bad(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Bad, found: found.into(), advice: Some(advice.into()) });
    }
}

impl Doctor {
    pub(super) fn run(self, config: Config, settings: &Path) -> Result<()> {
        let mut findings = Findings::default();
        file(&config, &mut findings);
        disk(&config, &mut findings);
        data(&config, &mut findings);
        backup(&config, &mut findings);
        network(&config, &mut findings);
        certificates(&config, &mut findings);
        secrets(&config, settings, &mut findings);
        limits(&mut findings);
        let findings = findings.0;
        match self.json {
            true => output::json(&serde_json::json!({ "findings": findings }))?,
            false => output::say(&told(&findings))?,
        }
        match findings.iter().filter(|finding| finding.level == Level::Bad).count() {
            0 => Ok(()),
            1 => Err(Error::conflict("one finding needs attention")),
            bad => Err(Error::conflict(format!("{bad} findings need attention"))),
        }
    }
}

fn told(findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for Finding { check, level, found, advice } in findings {
        let mark = match level {
            Level::Ok => "ok  ",
            Level::Note => "NOTE",
            Level::Bad => "BAD ",
        };
        lines.push(format!("{mark}  {check}: {found}"));
        lines.extend(advice.as_ref().map(|advice| format!("      → {advice}")));
    }
    lines.join("\n")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn folder(path: &Path) -> PathBuf {
    absolute(path).parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// Who may read and write it.
fn file(config: &Config, findings: &mut Findings) {
    let path = absolute(&config.db);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => {
            return findings.bad(
                "file",
                format!("there is no {}", path.display()),
                "Name yours with --db or in the settings, or begin one with “sally serve”.",
            );
        }
        // What is said of the data tells who may see it.
        Err(_) => return,
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = |path: &Path| std::fs::metadata(path).map_or(0, |facts| facts.mode() & 0o777);
        match mode(&path) & 0o077 {
            0 => findings.ok("file", format!("{} is for its owner only", path.display())),
            _ => findings.bad(
                "file",
                format!("others may read or write {} (mode {:o})", path.display(), mode(&path)),
                format!("chmod 600 {}", path.display()),
            ),
        }
        let folder = folder(&path);
        if mode(&folder) & 0o002 != 0 {
            let found = format!("everybody may write into {} (mode {:o})", folder.display(), mode(&folder));
            findings.bad(
                "folder",
                found,
                format!("chmod o-w {}, or put the file into a folder of its own", folder.display()),
            );
        }
    }
    match store::holder(&config.db) {
        Some(holder) => findings.ok("server", format!("{holder} serves the file")),
        None => findings.ok("server", "none runs on the file now"),
    }
}

/// File systems on which SQLite's locks and shared memory do not work, or cannot be relied on.
const SHARED: &[&str] =
    &["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "ceph", "glusterfs"];

fn disk(config: &Config, findings: &mut Findings) {
    let folder = folder(&config.db);
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    match kind_of(&mounts, &folder.canonicalize().unwrap_or(folder.clone())) {
        Some(kind) if SHARED.contains(&kind.as_str()) => findings.bad(
            "file system",
            format!("{} is on {kind}, which is shared over a network", folder.display()),
            "Put the file on a local disk; on a shared one it can be damaged.",
        ),
        Some(kind) => findings.ok("file system", kind),
        None => {}
    }
    #[cfg(unix)]
    if let Ok(facts) = rustix::fs::statvfs(&folder) {
        let free = facts.f_bavail * facts.f_frsize;
        let size = std::fs::metadata(&config.db).map_or(0, |facts| facts.len());
        let told = format!("{} free in {}", text::bytes(free), folder.display());
        if free < 100_000_000 {
            findings.bad("disk", told, "Make room: writes are refused when the disk is full.");
        } else if free < size.saturating_mul(2) {
            let advice = format!(
                "The file has {}; an upgrade or a restore needs as much again for its copy.",
                text::bytes(size)
            );
            findings.note("disk", told, advice);
        } else {
            findings.ok("disk", told);
        }
    }
}

/// The kind of the file system that a folder is on: of the innermost mount around it.
fn kind_of(mounts: &str, folder: &Path) -> Option<String> {
    let around = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?.replace("\\040", " "), words.next()?);
        folder.starts_with(&at).then(|| (at.len(), kind.to_owned()))
    });
    // The last of two on the same place is the one that shows.
    around.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

fn may_read(path: &Path) -> bool {
    std::fs::File::open(path).is_ok()
}

/// What the file itself tells.
fn data(config: &Config, findings: &mut Findings) {
    if matches!(config.db.try_exists(), Ok(false)) {
        return;
    }
    let look = match store::examine(&config.db) {
        Ok(look) => look,
        Err(error) if !may_read(&config.db) => {
            return findings.bad(
                "data",
                error.to_string(),
                "This user may not read it; ask as the one that Sally runs as: sudo -u sally sally doctor --config FILE",
            );
        }
        Err(error) => {
            return findings.bad(
                "data",
                error.to_string(),
                "Keep the file, and put a backup back with “sally restore”.",
            );
        }
    };
    findings
        .ok("version", format!("Sally {}, schema {}, SQLite {}", env!("CARGO_PKG_VERSION"), look.schema, look.sqlite));
    match look.damage {
        None => findings.ok("data", "the quick check found nothing; “sally verify” looks closer"),
        Some(damage) => findings.bad("data", damage, "Keep the file, and put a backup back with “sally restore”."),
    }
    let wal = text::bytes(look.wal_bytes);
    match look.wal_bytes > 128 << 20 {
        true => findings.note(
            "log",
            format!("the write-ahead log has {wal}"),
            "A reader or another program keeps it from being taken over; see who has the file open.",
        ),
        false => findings.ok("log", wal),
    }
    let now = Moment::now();
    match look.last_change_at {
        Some(at) if at > now.plus_seconds(300) => findings.bad(
            "clock",
            format!("it is {now} here, but the last change was made at {at}"),
            "Set the clock (NTP): times and sessions are wrong until then.",
        ),
        _ => findings.ok("clock", now.to_string()),
    }
    match look.administrators {
        0 => findings.note(
            "administrators",
            "nobody administers the server",
            "“sally init” or the set-up link makes the first account.",
        ),
        some => findings.ok("administrators", some.to_string()),
    }
}

fn backup(config: &Config, findings: &mut Findings) {
    const CHECK: &str = "backups";
    let now = Moment::now();
    let Some(newest) = backups::newest(config, now) else {
        return findings.note(
            CHECK,
            "the server takes none",
            "Set backup_dir in the settings, or run “sally backup” from a timer.",
        );
    };
    let place = config.backup_dir.display();
    let Some(taken) = newest else {
        return findings.note(
            CHECK,
            format!("{place} has none yet"),
            "The server takes the first within a minute of its start; look into its log if it does not.",
        );
    };
    let hours = (now.ms() - taken.ms()) / 3_600_000;
    match hours > i64::from(config.backup_every_hours) * 2 {
        true => findings.bad(
            CHECK,
            format!("the newest in {place} is {hours} hours old"),
            "Look into the server's log for why it takes none.",
        ),
        false => findings.ok(CHECK, format!("the newest in {place} is {hours} hours old")),
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| std::fs::metadata(path).map(|facts| facts.dev()).ok();
        if device(&config.backup_dir) == device(&config.db) {
            findings.note(
                CHECK,
                format!("{place} is on the disk of the file itself"),
                "Keep copies on another disk or machine too.",
            );
        }
    }
}

fn network(config: &Config, findings: &mut Findings) {
    let is_near = config.listen.ip().is_loopback();
    match &config.public_url {
        None if is_near => findings.ok("address", config.base_url()),
        None => findings.note(
            "address",
            "public_url is not set",
            "Set it to the address that people use: links and client configurations have it.",
        ),
        Some(url) => {
            let host = url.host_str().unwrap_or_default();
            match url.scheme() == "https" || matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
                true => findings.ok("address", url.as_str()),
                false => findings.bad("address", format!("{url} is plain HTTP"), "Switch tls on or put a proxy with it in front, and set public_url to https://…: passwords and keys can be read on the way."),
            }
        }
    }
    if config.tls != Tls::Off {
        findings.ok("network", format!("{}, over TLS", config.listen));
    } else if !is_near && config.trusted_proxies.is_empty() {
        findings.note(
            "network",
            format!("{} takes plain HTTP from everywhere", config.listen),
            "Switch tls on, listen on 127.0.0.1 behind a proxy that ends TLS, or close the port to all but the proxy.",
        );
    } else if config.is_behind_tls() && config.trusted_proxies.is_empty() {
        findings.note(
            "proxy",
            "trusted_proxies is empty",
            "Name the proxy's address, or all visitors count as one when sign-ins are limited.",
        );
    } else {
        findings.ok("network", format!("{}, {} trusted proxies", config.listen, config.trusted_proxies.len()));
    }
}

/// Those of the server itself: a proxy has its own.
fn certificates(config: &Config, findings: &mut Findings) {
    const CHECK: &str = "certificate";
    let advice = match config.tls {
        Tls::Files => "Put a new one into the files of tls_cert and tls_key; the server reads them anew by itself.",
        Tls::Acme | Tls::Off => "The server orders it by itself; its log says why it did not come.",
    };
    let now = Moment::now();
    for (name, kept) in tls::all(config) {
        match kept {
            Err(error) => findings.bad(CHECK, error, advice),
            Ok(None) => findings.note(CHECK, format!("{name} has none yet"), advice),
            Ok(Some(kept)) if kept.until < now => {
                findings.bad(CHECK, format!("the one for {name} ran out at {}", kept.until), advice);
            }
            Ok(Some(kept)) if !kept.is_for(&name) => {
                findings.bad(CHECK, format!("it is not for {name}, so browsers refuse it"), advice);
            }
            Ok(Some(kept)) if kept.is_overdue(now) => {
                findings.note(CHECK, format!("the one for {name} runs out at {}", kept.until), advice);
            }
            Ok(Some(kept)) => findings.ok(CHECK, format!("{name}, until {}", kept.until)),
        }
    }
}

/// Files with a secret are for nobody else's eyes.
fn secrets(config: &Config, settings: &Path, findings: &mut Findings) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let have_secrets = !config.metrics_token.is_empty()
            || !config.oidc_client_secret.reveal().is_empty()
            || config.smtp_url.is_some();
        let has_key = config.tls == Tls::Files;
        for (path, is_secret) in [(settings, have_secrets), (config.tls_key.as_path(), has_key)] {
            let Ok(facts) = std::fs::metadata(path) else { continue };
            match is_secret && facts.mode() & 0o004 != 0 {
                true => findings.bad(
                    "settings",
                    format!("everybody may read {}, which has secrets", path.display()),
                    format!(
                        "Leave it to the group that Sally runs as: chgrp sally {0} && chmod 640 {0}",
                        path.display()
                    ),
                ),
                false => findings.ok("settings", path.display().to_string()),
            }
        }
    }
    #[cfg(not(unix))]
    let _ = (config, settings, findings);
}

fn limits(findings: &mut Findings) {
    #[cfg(unix)]
    {
        // The server asks for as many as there may be.
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        match files {
            Some(files) if files < 4_096 => findings.note(
                "open files",
                format!("no more than {files} may be open here"),
                "Each connection and stream needs one; systemd: LimitNOFILE=65536.",
            ),
            Some(files) => findings.ok("open files", files.to_string()),
            None => findings.ok("open files", "unlimited"),
        }
    }
    #[cfg(not(unix))]
    let _ = findings;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/vdb /home/my\\040disk xfs rw 0 0\n";
        let kind = |folder: &str| kind_of(mounts, Path::new(folder));
        assert_eq!(kind("/var/lib/sally").as_deref(), Some("ext4"));
        assert_eq!(kind("/home/ada").as_deref(), Some("nfs4"));
        assert_eq!(kind("/home/my disk/sally").as_deref(), Some("xfs"));
        assert_eq!(kind("/homestead").as_deref(), Some("ext4"));
    }
}
