//! What everything stands on. Knows neither HTTP nor any feature.

pub mod app;
pub mod audit;
pub mod caller;
pub mod choice;
pub mod clock;
pub mod config;
pub mod error;
pub mod id;
pub mod input;
pub mod json;
pub mod limits;
pub mod metrics;
pub mod money;
pub mod network;
pub mod news;
pub mod operation;
pub mod outward;
pub mod page;
pub mod patch;
pub mod place;
pub mod reference;
mod repeat;
pub mod scopes;
pub mod secret;
pub mod store;
pub mod text;
pub mod time;
