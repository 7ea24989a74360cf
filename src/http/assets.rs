//! Static files, embedded in the executable. Their address holds a hash of all of them, so browsers keep them for a year.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

/// The stylesheets in one file: each rule stands in a layer, so only the statement of their order must come first.
static STYLESHEET: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Static::iter().filter(|name| name.starts_with("css/")).collect();
    names.sort_by_key(|name| (name != "css/tokens.css", name.clone()));
    let sheets =
        names.iter().filter_map(|name| Static::get(name)).map(|file| String::from_utf8_lossy(&file.data).into_owned());
    sheets.collect::<Vec<_>>().join("\n")
});

/// Where this build's files are: `/static/3f9c2a71`. One hash for all, because the scripts import each other by relative paths.
pub static BASE: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    let mut names: Vec<_> = Static::iter().collect();
    names.sort();
    for file in names.iter().filter_map(|name| Static::get(name)) {
        hash.update(file.metadata.sha256_hash());
    }
    let hex: String = hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/static/{hex}")
});

/// `/static/{hash}/{path}`: a file of another build is not found rather than wrong.
pub async fn serve(path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, path) = path.into_inner();
    if !BASE.ends_with(&hash) {
        return HttpResponse::NotFound().finish();
    }
    let mut found = HttpResponse::Ok();
    found.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    if path == "sally.css" {
        return found.insert_header((CONTENT_TYPE, "text/css; charset=utf-8")).body(STYLESHEET.as_str());
    }
    match Static::get(&path) {
        Some(file) => found.insert_header((CONTENT_TYPE, file.metadata.mimetype())).body(file.data),
        None => HttpResponse::NotFound().finish(),
    }
}
