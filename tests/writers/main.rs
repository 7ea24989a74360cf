//! Two at the same thing, in every order: one after the other, the other way round, and at the same moment. What comes of the
//! last must be what came of one of the first two, answer by answer and row by row of the journal; and whoever says which
//! version they saw loses nothing to somebody they did not see.
//!
//! In short here; `ROUNDS=200 cargo test --release --test writers` tries more often what comes first by chance.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod crm;
mod pair;
mod people;
mod stage;
mod versions;
mod work;
