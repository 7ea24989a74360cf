//! MCP: the same operations as tools for agents.

pub mod clients;
pub mod http;
