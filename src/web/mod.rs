//! Pages, written by hand over the same operations.

use actix_web::{HttpRequest, HttpResponse, web};

pub fn routes(_: &mut web::ServiceConfig) {}

/// Where no route leads.
pub async fn nowhere(request: HttpRequest) -> HttpResponse {
    let error = crate::core::error::Error::not_found("page", request.path());
    crate::http::rest::problem(&request, &error)
}
