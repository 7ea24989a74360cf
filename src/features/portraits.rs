//! Portraits: a picture of oneself, drawn anew from what was sent, so that nothing else of it stays.

use std::io::Cursor;

use image::ImageFormat;
use image::imageops::{self, FilterType};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::store::{Change, insert, optional, run};
use crate::core::text::Line;
use crate::features::accounts::AccountView;
use crate::features::tasks::images::{ImageFile, decoded, looked_at};

pub const OPERATIONS: &[Entry] = &[Entry::of::<UploadPortrait>(), Entry::of::<GetPortrait>()];

#[derive(Debug, Clone, Copy)]
pub struct PortraitRecord;
impl Record for PortraitRecord {
    const PREFIX: &'static str = "face";
    const NOUN: &'static str = "picture";
}

/// Pixels on each side: four times what pages show.
const SIDE: u32 = 256;

/// Show a picture of yourself: PNG, JPEG, WebP or GIF, cut to a square.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadPortrait {
    /// e.g. `me.jpg`.
    pub file_name: Option<Line<200>>,
    /// Not needed: the bytes say what it is.
    pub mime_type: Option<Line<100>>,
    /// The file.
    pub base64: String,
    #[serde(skip)]
    png: Vec<u8>,
}

impl Operation for UploadPortrait {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "profile.image_upload",
        title: "Show a picture of yourself",
        route: Route::post("/auth/profile/image-upload"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { takes_file: true, ..More::NONE },
    };

    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let bytes = decoded(&std::mem::take(&mut self.base64), before)?;
        let (image, _) = looked_at(&bytes)?;
        // Cut first: what is resized takes sixteen bytes for each of its pixels.
        let cut = image.width().min(image.height());
        let (left, top) = ((image.width() - cut) / 2, (image.height() - cut) / 2);
        let side = SIDE.min(cut);
        // For one kind of pixels, not for each there is.
        let cut = image.crop_imm(left, top, cut, cut).into_rgba8();
        let mut png = Cursor::new(Vec::new());
        imageops::resize(&cut, side, side, FilterType::Lanczos3)
            .write_to(&mut png, ImageFormat::Png)
            .map_err(Error::internal)?;
        self.png = png.into_inner();
        Ok(())
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let me = cx.signed_in()?.id;
        run(cx.conn(), "delete from account_image where account_id = ?1", [me])?;
        let mut row = Change::of("account_image");
        row.set("account_id", me)?.set("bytes", self.png)?;
        let id: Id<PortraitRecord> = insert(cx, row)?;
        let mut account = Change::of("account");
        account.set("avatar_url", format!("/files/{id}"))?;
        account.update(cx, me)?;
        AccountView::by_id(cx, me)
    }
}

/// Read somebody's picture: for its address, and for whoever shares a workspace with them.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetPortrait {
    /// The picture's id.
    pub image_id: String,
}

impl Operation for GetPortrait {
    type Output = ImageFile;
    const SPEC: Spec = Spec {
        name: "profile.image.get",
        title: "Read somebody's picture",
        route: None,
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ImageFile> {
        const SEEN: &str = "
            select i.bytes from account_image i
             where i.id = ?1 and (?3 or i.account_id = ?2 or exists (
               select 1 from workspace_membership mine join workspace_membership theirs using (workspace_id)
                where mine.account_id = ?2 and theirs.account_id = i.account_id))";
        let id = Id::<PortraitRecord>::parse(&self.image_id);
        let parameters = (id, cx.account_id(), cx.caller().identity.is_platform_admin());
        let found = optional(cx.conn(), SEEN, parameters, |row| {
            Ok(ImageFile { media_type: "image/png".to_owned(), bytes: row.take()? })
        })?;
        found.ok_or_else(|| Error::not_found(PortraitRecord::NOUN, &self.image_id))
    }
}
