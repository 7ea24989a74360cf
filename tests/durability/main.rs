//! What was answered stays: through kill -9 under load, a power failure, and a disk that is full, read-only or broken. Real
//! processes and real files, and a ledger of what their answers promised.
//!
//! In short here; `ROUNDS=300 POINTS=400 cargo test --release --test durability -- --nocapture` is the long run.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/mod.rs"]
mod support;

mod faults;
mod kill;
mod ledger;
mod power;
