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

/// The one file as `base64`, `fileName` and `mimeType`, whatever its field is called; other fields by their names.
pub async fn read(request: &HttpRequest, bytes: web::BytesMut) -> Result<Map<String, Value>> {
    let broken = |error: MultipartError| Error::malformed(format!("The form cannot be read: {error}."));
    let body = stream::once(async move { Ok::<_, PayloadError>(bytes.freeze()) });
    let mut form = Multipart::new(request.headers(), Box::pin(body));
    let mut input = Map::new();
    while let Some(field) = form.next().await {
        let mut field = field.map_err(broken)?;
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.content_disposition().and_then(|said| said.get_filename()).map(str::to_owned);
        let mime_type = field.content_type().map(ToString::to_string);
        let mut content = Vec::new();
        while let Some(chunk) = field.next().await {
            content.extend_from_slice(&chunk.map_err(broken)?);
        }
        let values = match file_name {
            Some(file_name) => vec![
                ("base64".to_owned(), Value::from(STANDARD.encode(content))),
                ("fileName".to_owned(), Value::from(file_name)),
                ("mimeType".to_owned(), Value::from(mime_type)),
            ],
            None => {
                let text = String::from_utf8(content)
                    .map_err(|_| Error::malformed(format!("The field {} is not UTF-8.", quoted(&name))))?;
                vec![(name, Value::from(text))]
            }
        };
        for (name, value) in values {
            if input.insert(name.clone(), value).is_some() {
                return Err(Error::field(&name, "is given twice; send one file"));
            }
        }
    }
    Ok(input)
}
