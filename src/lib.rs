//! Sally: a self-hosted work hub for small teams and their AI agents.
//!
//! One request, one way: a surface (`http`, `mcp`, `web`, `cli`) says who asks and for what; `core` is the door
//! with permission, transaction and journal; `features` hold the operations, each written once.

#![warn(clippy::unwrap_used)]

pub mod cli;
pub mod core;
pub mod features;
pub mod http;
pub mod jobs;
pub mod markdown;
pub mod mcp;
pub mod oidc;
pub mod sample;
pub mod tls;
pub mod web;
