//! The hosted endpoint `/mcp`.

use actix_web::web;

pub fn routes(_: &mut web::ServiceConfig) {}
