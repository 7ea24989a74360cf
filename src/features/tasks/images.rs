//! Pictures in descriptions and comments: looked at when they come in, shown only to those who may see the task.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Role, Workspace};
use crate::core::error::{Error, Kind, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::place::ProjectRecord;
use crate::core::reference::Ref;
use crate::core::store::{Change, insert, one, optional};
use crate::core::text::Line;

use super::{TaskRecord, seen};

pub const OPERATIONS: &[Entry] = &[Entry::of::<UploadImage>(), Entry::of::<LocateImage>(), Entry::of::<GetImage>()];

#[derive(Debug, Clone, Copy)]
pub struct ImageRecord;
impl Record for ImageRecord {
    const PREFIX: &'static str = "img";
    const NOUN: &'static str = "picture";
}

/// Add a picture to a task: PNG, JPEG, WebP or GIF. Put the answer's `markdown` into a text.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadImage {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// e.g. `screenshot.png`.
    pub file_name: Option<Line<200>>,
    /// Not needed: the bytes say what it is.
    pub mime_type: Option<Line<100>>,
    /// The file.
    pub base64: String,
    /// What the file turned out to be, once somebody looked.
    #[serde(skip)]
    picture: Option<Picture>,
}

/// Bytes that are a picture.
struct Picture {
    bytes: Vec<u8>,
    media_type: &'static str,
    width: u32,
    height: u32,
}

/// A picture that was added.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    pub id: Id<ImageRecord>,
    pub url: String,
    /// Shows it, in a description or a comment.
    pub markdown: String,
    pub media_type: &'static str,
    pub width: u32,
    pub height: u32,
    /// Bytes.
    pub size: usize,
}
impl Answer for Image {}

impl Operation for UploadImage {
    type Output = Image;
    const SPEC: Spec = Spec {
        name: "task.image_upload",
        title: "Add a picture",
        route: Route::post("/tasks/{taskId}/image-upload"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { takes_file: true, ..More::NONE },
    };

    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let bytes = decoded(&std::mem::take(&mut self.base64), before)?;
        let (image, media_type) = looked_at(&bytes)?;
        self.picture = Some(Picture { media_type, width: image.width(), height: image.height(), bytes });
        Ok(())
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Image> {
        let task = seen(cx, &self.task_id)?;
        task.place.must_be_active()?;
        let Picture { bytes, media_type, width, height } = self.picture.expect("it was looked at before");
        let name = self.file_name.as_ref().map_or("picture", Line::as_str);
        let size = bytes.len();
        let mut row = Change::of("task_image");
        row.set("task_id", task.id)?
            .set("account_id", cx.account_id())?
            .set("name", name)?
            .set("media_type", media_type)?
            .set("width", width)?
            .set("height", height)?
            .set("size", size as i64)?
            .set("bytes", bytes)?;
        let id: Id<ImageRecord> = insert(cx, row)?;
        let url = format!("/files/{id}");
        let shown: String = name.chars().filter(|c| !matches!(c, '[' | ']' | '\\' | '`' | '<' | '>')).collect();
        Ok(Image { id, markdown: format!("![{shown}]({url})"), url, media_type, width, height, size })
    }
}

/// Plain base64, or a `data:` address; no larger than files may be.
pub fn decoded(text: &str, before: &Before<'_>) -> Result<Vec<u8>> {
    let text = match text.trim().strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,").map_or("", |(_, data)| data),
        None => text.trim(),
    };
    let bytes = if text.contains(['\n', '\r']) {
        STANDARD.decode(text.replace(['\n', '\r'], ""))
    } else {
        STANDARD.decode(text)
    };
    let bytes = bytes.map_err(|error| Error::field("base64", format!("is not the base64 of a file: {error}")))?;
    let limit = before.app.config().upload_limit_mib;
    if bytes.len() > limit << 20 {
        return Err(Error::new(Kind::TooLarge, format!("The picture is larger than {limit} MiB.")));
    }
    Ok(bytes)
}

/// Decodes the picture (of a moving one the first frame), within bounds: what claims to be one and is not is refused, and so
/// is what would unpack into more than anybody looks at. Turned the way the camera was held.
pub fn looked_at(bytes: &[u8]) -> Result<(DynamicImage, &'static str)> {
    const MOST_PIXELS: u64 = 40_000_000;
    /// Four bytes a pixel, and what decoding takes besides.
    const MEMORY: u64 = 256 << 20;
    let no_picture = || Error::field("base64", "is no picture that can be shown: only PNG, JPEG, WebP and GIF are");
    let format = image::guess_format(bytes).map_err(|_| no_picture())?;
    let media_type = match format {
        ImageFormat::Png => "image/png",
        ImageFormat::Jpeg => "image/jpeg",
        ImageFormat::WebP => "image/webp",
        ImageFormat::Gif => "image/gif",
        _ => return Err(no_picture()),
    };
    let damaged = |error: image::ImageError| Error::field("base64", format!("is a damaged {media_type}: {error}"));
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > MEMORY {
        let message = format!("has {width} × {height} pixels; at most {} million are taken", MOST_PIXELS / 1_000_000);
        return Err(Error::field("base64", message));
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    image.apply_orientation(orientation);
    Ok((image, media_type))
}

const WHERE: &str =
    "select t.workspace_id, t.project_id from task_image i join task t on t.id = i.task_id where i.id = ?1";

/// Find out in which workspace a picture is: its address does not say.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocateImage {
    /// The picture's id.
    pub image_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Located {
    pub workspace_id: Id<Workspace>,
}
impl Answer for Located {}

impl Operation for LocateImage {
    type Output = Located;
    const SPEC: Spec = Spec {
        name: "task.image.locate",
        title: "Find a picture's workspace",
        route: None,
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Located> {
        let nowhere = || Error::not_found("picture", &self.image_id);
        let id = Id::<ImageRecord>::parse(&self.image_id).ok_or_else(nowhere)?;
        let workspace_id: Id<Workspace> = optional(cx.conn(), WHERE, [id], |row| row.take())?.ok_or_else(nowhere)?;
        let identity = &cx.caller().identity;
        let is_member = identity.memberships.iter().any(|membership| membership.workspace == workspace_id);
        let is_pinned_elsewhere = identity.pinned_to().is_some_and(|pin| pin != workspace_id);
        match (is_member || identity.is_platform_admin()) && !is_pinned_elsewhere {
            true => Ok(Located { workspace_id }),
            false => Err(nowhere()),
        }
    }
}

/// Read a picture: for its address.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetImage {
    /// The picture's id.
    pub image_id: String,
}

/// A picture as browsers take it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageFile {
    pub media_type: String,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}
impl Answer for ImageFile {}

impl Operation for GetImage {
    type Output = ImageFile;
    const SPEC: Spec = Spec {
        name: "task.image.get",
        title: "Read a picture",
        route: None,
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ImageFile> {
        let nowhere = || Error::not_found("picture", &self.image_id);
        let id = Id::<ImageRecord>::parse(&self.image_id).ok_or_else(nowhere)?;
        let project = optional(cx.conn(), WHERE, [id], |row| {
            Ok((row.take::<Id<Workspace>>()?, row.take::<Id<ProjectRecord>>()?))
        })?;
        let (_, project) = project.filter(|(workspace, _)| *workspace == cx.workspace_id()).ok_or_else(nowhere)?;
        cx.enter(project)?.ok_or_else(nowhere)?;
        one(cx.conn(), "select media_type, bytes from task_image where id = ?1", [id], |row| {
            Ok(ImageFile { media_type: row.take()?, bytes: row.take()? })
        })
    }
}
