//! MCP: the same operations as tools for agents.

pub mod address;
pub mod clients;
pub mod completion;
pub mod discovery;
pub mod excerpt;
pub mod guest;
pub mod guides;
pub mod http;
pub mod prompts;
pub mod protocol;
pub mod resources;
pub mod sessions;
pub mod stateless;
pub mod streams;
pub mod subscriptions;
pub mod tools;
