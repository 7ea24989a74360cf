//! Files that people added: shown to those who may see what they belong to, and never run.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::core::app::App;
use crate::core::caller::Selector;
use crate::core::error::Result;
use crate::core::id::Id;
use crate::features::portraits::{GetPortrait, PortraitRecord};
use crate::features::tasks::images::{GetImage, ImageFile, LocateImage};

use super::{auth, rest};

/// `/files/{id}`: a picture of a task, or of somebody.
pub async fn serve(request: HttpRequest, id: web::Path<String>, app: web::Data<App>) -> HttpResponse {
    match picture(&request, &id, app).await {
        Ok(file) => show(&request, &id, file),
        Err(error) => rest::problem(&request, &error),
    }
}

async fn picture(request: &HttpRequest, id: &str, app: web::Data<App>) -> Result<ImageFile> {
    let app = app.into_inner();
    let mut call = auth::call(request, &app)?;
    if Id::<PortraitRecord>::parse(id).is_some() {
        return app.run(call, GetPortrait { image_id: id.to_owned() }).await;
    }
    let place = app.run(call.clone(), LocateImage { image_id: id.to_owned() }).await?;
    call.selector = Some(Selector::Id(place.workspace_id.to_string()));
    app.run(call, GetImage { image_id: id.to_owned() }).await
}

/// Exactly as what it is, without a guess and without a chance to act: an address belongs to one picture for ever.
fn show(request: &HttpRequest, id: &str, file: ImageFile) -> HttpResponse {
    let etag = format!("\"{id}\"");
    let is_known = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, "private, max-age=31536000, immutable"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"));
    if is_known {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, file.media_type)).body(file.bytes)
}
