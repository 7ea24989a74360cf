//! Static files, embedded in the executable. Their address holds a hash of all of them, so browsers keep them for a year.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{LazyLock, Mutex};

use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, Encoding, VARY,
};
use actix_web::web::{self, Bytes};
use brotli::CompressorReader;
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

/// Texts as small as they get, each compressed when it is asked for first and never again.
static PACKED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

fn packed(path: &str, text: &[u8]) -> std::io::Result<Bytes> {
    const THOROUGH: u32 = 9;
    const WINDOW: u32 = 22;
    if let Some(known) = PACKED.lock().expect("nothing panics while holding it").get(path) {
        return Ok(known.clone());
    }
    let mut packed = Vec::new();
    CompressorReader::new(text, text.len().max(1), THOROUGH, WINDOW).read_to_end(&mut packed)?;
    let packed = Bytes::from(packed);
    PACKED.lock().expect("nothing panics while holding it").insert(path.to_owned(), packed.clone());
    Ok(packed)
}

/// `/static/{hash}/{path}`: a file of another build is not found rather than wrong.
pub async fn serve(path: web::Path<(String, String)>, accepted: Option<web::Header<AcceptEncoding>>) -> HttpResponse {
    let (hash, path) = path.into_inner();
    if !BASE.ends_with(&hash) {
        return HttpResponse::NotFound().finish();
    }
    let (media_type, bytes) = match path.as_str() {
        "sally.css" => ("text/css; charset=utf-8".to_owned(), Cow::Borrowed(STYLESHEET.as_bytes())),
        path => match Static::get(path) {
            Some(file) => (file.metadata.mimetype().to_owned(), file.data),
            None => return HttpResponse::NotFound().finish(),
        },
    };
    let mut found = HttpResponse::Ok();
    found
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((CONTENT_TYPE, media_type));
    let takes_brotli =
        accepted.is_some_and(|accepted| accepted.negotiate([Encoding::brotli()].iter()) == Some(Encoding::brotli()));
    match takes_brotli.then(|| packed(&path, &bytes)) {
        Some(Ok(packed)) => {
            found.insert_header((CONTENT_ENCODING, "br")).insert_header((VARY, ACCEPT_ENCODING.as_str())).body(packed)
        }
        _ => found.body(bytes),
    }
}
