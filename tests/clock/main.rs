//! A machine whose clock goes back an hour, ahead a year, or stands still, while the real executable serves and between two
//! of its runs: what was promised of order and of time holds, nobody is locked out, and nothing is lost.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, dead_code, reason = "one binary of several files")]

#[path = "../support/disk.rs"]
mod preload;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod jobs;
mod machine;
mod order;
mod set_right;
