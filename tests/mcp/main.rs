//! The hosted MCP endpoint over real HTTP.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod client;
mod protocol;
mod sessions;
mod stateless;
mod stdio;
mod streams;
mod tools;
