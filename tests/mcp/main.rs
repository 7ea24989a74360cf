//! The hosted MCP endpoint over real HTTP.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod client;
mod completion;
mod prompts;
mod protocol;
mod resources;
mod sample;
mod sessions;
mod stateless;
mod stdio;
mod streams;
mod tools;
