//! Files sent by a form (`multipart/form-data`): read as if they had come as JSON.

use actix_multipart::{Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use crate::core::error::{Error, Result, quoted};

pub fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

/// A file as it was sent.
pub struct File {
    pub name: String,
    pub mime_type: Option<String>,
    pub bytes: Vec<u8>,
}

/// The one file as `base64`, `fileName` and `mimeType`, whatever its field is called; other fields by their names.
pub async fn read(request: &HttpRequest, bytes: web::BytesMut) -> Result<Map<String, Value>> {
    let (file, mut input) = parts(request, bytes).await?;
    if let Some(File { name, mime_type, bytes }) = file {
        put(&mut input, "base64", STANDARD.encode(bytes).into())?;
        put(&mut input, "fileName", name.into())?;
        put(&mut input, "mimeType", mime_type.into())?;
    }
    Ok(input)
}

/// The one file, whatever its field is called, and the other fields by their names.
pub async fn parts(request: &HttpRequest, bytes: web::BytesMut) -> Result<(Option<File>, Map<String, Value>)> {
    let broken = |error: MultipartError| Error::malformed(format!("The form cannot be read: {error}."));
    let body = stream::once(async move { Ok::<_, PayloadError>(bytes.freeze()) });
    let mut form = Multipart::new(request.headers(), Box::pin(body));
    let (mut file, mut input) = (None, Map::new());
    while let Some(field) = form.next().await {
        let mut field = field.map_err(broken)?;
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.content_disposition().and_then(|said| said.get_filename()).map(str::to_owned);
        let mime_type = field.content_type().map(ToString::to_string);
        let mut content = Vec::new();
        while let Some(chunk) = field.next().await {
            content.extend_from_slice(&chunk.map_err(broken)?);
        }
        match file_name {
            Some(_) if file.is_some() => return Err(twice(&name)),
            Some(name) => file = Some(File { name, mime_type, bytes: content }),
            None => {
                let text = String::from_utf8(content)
                    .map_err(|_| Error::malformed(format!("The field {} is not UTF-8.", quoted(&name))))?;
                put(&mut input, &name, text.into())?;
            }
        }
    }
    Ok((file, input))
}

fn put(input: &mut Map<String, Value>, name: &str, value: Value) -> Result<()> {
    if input.insert(name.to_owned(), value).is_some() { Err(twice(name)) } else { Ok(()) }
}

fn twice(name: &str) -> Error {
    Error::field(name, "is given twice; send one file")
}
