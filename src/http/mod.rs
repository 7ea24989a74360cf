//! HTTP: who asks (auth), what for (rest, pages, MCP), and the server around it.

pub mod assets;
pub mod auth;
mod connection;
pub mod events;
pub mod files;
pub mod form;
pub mod oauth;
pub mod observe;
pub mod openapi;
pub mod projection;
pub mod rest;
pub mod server;
