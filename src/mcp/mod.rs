//! MCP: the same operations as tools for agents.

pub mod clients;
pub mod excerpt;
pub mod guest;
pub mod http;
pub mod protocol;
pub mod sessions;
pub mod stateless;
pub mod streams;
pub mod tools;
