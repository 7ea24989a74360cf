//! A disk that takes no writes: they are refused with 503, reads go on, and when the disk is well so is everything else,
//! without a restart.

use crate::disk::disk;
use crate::ledger::Ledger;
use crate::support::cli::{Server, sally, wait_until};

#[test]
fn a_disk_that_takes_nothing_costs_503_and_nothing_else() {
    let ledger = Ledger::new();
    let fault = ledger.folder().join("fault");
    let mut command = sally(ledger.folder(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("LD_PRELOAD", disk(ledger.folder())).env("DISK_FAULT", &fault);
    command.env("DISK_FILE", ledger.file().canonicalize().unwrap());
    let mut server = Server::launch(command);
    ledger.write(&server, || {
        for kind in ["full", "read-only", "broken"] {
            let refusals = || ledger.statuses().get(&503).copied().unwrap_or_default();
            let before = refusals();
            std::fs::write(&fault, kind).unwrap();
            wait_until(&format!("a refusal while the disk is {kind}"), || refusals() > before + 20);
            wait_until("not being ready", || server.status("/ready") == 503);
            assert_eq!((server.status("/health"), server.status("/login")), (200, 200));
            std::fs::remove_file(&fault).unwrap();
            let before = ledger.promises();
            wait_until(&format!("a promise after the disk was {kind}"), || ledger.promises() > before + 20);
            wait_until("being ready", || server.status("/ready") == 200);
        }
    });
    let statuses = ledger.statuses();
    assert!(statuses.keys().all(|status| matches!(status, 200 | 201 | 503)), "{statuses:?}");
    ledger.check(&ledger.file(), u64::MAX, "beside the server");
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    ledger.check(&ledger.file(), u64::MAX, "after it");
    println!("{statuses:?}");
}
