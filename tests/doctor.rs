//! `sally doctor` on installations that have something wrong with them.

mod support;

use std::path::Path;

use serde_json::Value;
use support::cli::{Server, adas_file, run};

/// The level and text of each finding by its check.
fn examined(folder: &Path, arguments: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let output = run(folder, &[&["doctor", "--json"], arguments].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let findings = told["findings"].as_array().unwrap().iter();
    let findings =
        findings.map(|one| (text(one, "check"), text(one, "level"), text(one, "found") + " → " + &text(one, "advice")));
    (output.status.code().unwrap(), findings.collect())
}

#[track_caller]
fn assert_found(findings: &[(String, String, String)], check: &str, level: &str, text: &str) {
    let found = findings.iter().any(|(c, l, t)| c == check && l == level && t.contains(text));
    assert!(found, "no {level} {check} with “{text}” in {findings:#?}");
}

#[cfg(unix)]
#[test]
fn a_sound_installation_has_no_bad_finding_and_each_fault_is_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = adas_file();
    let at = folder.path();
    let (code, findings) = examined(at, &[]);
    assert_eq!(code, 0, "{findings:#?}");
    for check in ["file", "server", "disk", "data", "clock", "address", "network", "version", "administrators"] {
        assert_found(&findings, check, "ok", "");
    }
    assert_found(&findings, "backups", "note", "backup_dir");

    let mode =
        |name: &str, mode| std::fs::set_permissions(at.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    mode("sally.db", 0o644);
    std::fs::create_dir(at.join("copies")).unwrap();
    std::fs::write(at.join("copies/sally-20260101T000000Z.db"), "").unwrap();
    std::fs::write(
        at.join("sally.toml"),
        "public_url = 'http://sally.example.com'\nlisten = '0.0.0.0:4000'\nbackup_dir = 'copies'\nmetrics_token = 'x'",
    )
    .unwrap();
    mode("sally.toml", 0o644);
    let conn = rusqlite::Connection::open(at.join("sally.db")).unwrap();
    conn.execute("update change_set set at = 4102444800000", []).unwrap();
    drop(conn);
    let (code, findings) = examined(at, &[]);
    assert_eq!(code, 1);
    for (check, level, text) in [
        ("file", "bad", "chmod 600"),
        ("address", "bad", "plain HTTP"),
        ("network", "note", "0.0.0.0:4000"),
        ("backups", "bad", "hours old"),
        ("backups", "note", "another disk"),
        ("settings", "bad", "chmod 640"),
        ("clock", "bad", "NTP"),
    ] {
        assert_found(&findings, check, level, text);
    }
    let told = run(at, &["doctor"]);
    assert!(String::from_utf8(told.stdout).unwrap().contains("BAD   file: others may read"));
    assert!(String::from_utf8(told.stderr).unwrap().contains("findings need attention"));

    let (code, findings) = examined(at, &["--db", "none.db"]);
    assert_eq!(code, 1);
    assert_found(&findings, "file", "bad", "none.db");
}

#[test]
fn a_running_server_is_named_and_not_disturbed() {
    let (folder, made) = adas_file();
    let server = Server::start(folder.path(), &[]);
    let (code, findings) = examined(folder.path(), &[]);
    assert_eq!(code, 0, "{findings:#?}");
    assert_found(&findings, "server", "ok", &format!("process {}", server.child.id()));
    assert_eq!(server.get("/api/crm/deals", made["apiKey"].as_str().unwrap()).0, 200);
}

#[test]
fn a_certificate_that_is_not_there_or_of_no_use_is_told() {
    let (folder, _) = adas_file();
    let at = folder.path();
    std::fs::write(at.join("sally.toml"), "public_url = 'https://sally.example.com'\ntls = 'acme'").unwrap();
    let (code, findings) = examined(at, &[]);
    assert_eq!(code, 0, "{findings:#?}");
    assert_found(&findings, "network", "ok", "[::]:443, over TLS");
    assert_found(&findings, "certificate", "note", "sally.example.com has none yet");

    let kept = at.join("sally.db.tls/acme-v02.api.letsencrypt.org-directory");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("sally.example.com.pem"), "nonsense").unwrap();
    let (code, findings) = examined(at, &[]);
    assert_eq!(code, 1);
    assert_found(&findings, "certificate", "bad", "sally.example.com.pem: there is no certificate in it");

    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(["www.example.com".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(at.join("cert.pem"), other.pem()).unwrap();
    std::fs::write(at.join("key.pem"), key.serialize_pem()).unwrap();
    let settings =
        "public_url = 'https://sally.example.com'\ntls = 'files'\ntls_cert = 'cert.pem'\ntls_key = 'key.pem'";
    std::fs::write(at.join("sally.toml"), settings).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(at.join("key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (code, findings) = examined(at, &[]);
    assert_eq!(code, 1);
    assert_found(&findings, "certificate", "bad", "it is not for sally.example.com, so browsers refuse it");
    #[cfg(unix)]
    assert_found(&findings, "settings", "bad", "everybody may read key.pem, which has secrets");
}
