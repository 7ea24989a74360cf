//! Clients that take their time, come by the thousand, or send more than anybody should, against the real executable: each
//! gets a clear end, others are answered meanwhile, and afterwards the server is as it was.
//!
//! In short here; `CROWD=12000 cargo test --release --test hostile -- --nocapture` sends a larger crowd.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod client;
mod crowd;
mod slow;
mod target;
mod tls;
