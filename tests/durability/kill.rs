//! kill -9 in the middle of writing, again and again on the same file.

use std::time::Duration;

use crate::ledger::Ledger;
use crate::support::cli::{Server, number, wait_until};

#[test]
fn what_was_answered_outlives_kill_9_under_load() {
    let ledger = Ledger::new();
    let rounds = number("ROUNDS", 5);
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..rounds {
        let before = ledger.promises();
        let mut server = Server::start(ledger.folder(), &[]);
        ledger.write(&server, || {
            wait_until("a first promise", || ledger.promises() >= before + 20);
            std::thread::sleep(Duration::from_micros(random.u64(0..200_000)));
            server.signal("-KILL");
        });
        assert_eq!(server.wait(), None, "it did not end by itself");
        ledger.check(&ledger.file(), u64::MAX, &format!("round {round}"));
    }
    println!("{rounds} rounds, {} promises kept", ledger.promises());
}
