//! The hosted MCP endpoint over real HTTP.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod abuse;
mod acceptance;
mod access;
mod cancellation;
mod client;
mod completion;
mod discovery;
mod guest;
mod prompts;
mod protocol;
mod resources;
mod sample;
mod sessions;
mod stateless;
mod stdio;
mod streams;
mod subscriptions;
mod tools;
