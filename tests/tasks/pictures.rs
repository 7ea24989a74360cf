//! Pictures: what is one, and who gets to see it.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use serde_json::json;

use crate::support::server::Server;
use crate::support::{Person, World};
use crate::{next, project, task};

/// A picture that does not compress.
fn picture(format: ImageFormat, side: u32) -> Vec<u8> {
    let mut seed = 7;
    let picture = RgbImage::from_fn(side, side, |_, _| image::Rgb([next(&mut seed) as u8, next(&mut seed) as u8, 0]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

#[tokio::test]
async fn a_picture_is_kept_for_those_who_see_its_task() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hidden" })).await.unwrap();
    let server = Server::start(&world.app);
    let bearer = |person: &Person| format!("Bearer {}", person.token);
    // Larger than other bodies may be.
    let bytes = picture(ImageFormat::Png, 900);
    assert!(bytes.len() > 1 << 20);
    let body = json!({ "base64": STANDARD.encode(&bytes), "fileName": "a [b].png" }).to_string();
    let headers = [("Authorization", &*bearer(&ada)), ("Content-Type", "application/json")];
    let answer = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let added = answer.json();
    let url = added["url"].as_str().unwrap();
    assert_eq!(
        (&added["mediaType"], &added["width"], &added["size"]),
        (&json!("image/png"), &json!(900), &json!(bytes.len()))
    );
    assert_eq!(added["markdown"], format!("![a b.png]({url})"));

    // By a form.
    let gif = picture(ImageFormat::Gif, 4);
    let mut form = b"--limit\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"x.gif\"\r\nContent-Type: image/gif\r\n\r\n".to_vec();
    form.extend(&gif);
    form.extend(b"\r\n--limit--\r\n");
    let headers = [("Authorization", &*bearer(&ada)), ("Content-Type", "multipart/form-data; boundary=limit")];
    let answer = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, &form);
    assert_eq!((answer.status, &answer.json()["mediaType"]), (201, &json!("image/gif")), "{}", answer.body);
    let small = answer.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, b"--limit\r\nnonsense").status, 400);
    let unread = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers[1..], b"--limit\r\nnonsense");
    assert_eq!(unread.status, 401, "a stranger's file is not even read");
    assert_eq!(server.send("POST", "/api/tasks", &headers, &form).status, 415, "no other route takes a form");

    let address = format!("{}{url}", server.base);
    let shown = ureq::get(&address).header("Authorization", bearer(&ada)).call().unwrap();
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=31536000, immutable"),
    ] {
        assert_eq!(shown.headers()[name], value);
    }
    let etag = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.into_body().read_to_vec().unwrap(), bytes);
    let again = server.send("GET", url, &[("Authorization", &bearer(&ada)), ("If-None-Match", &etag)], "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    for outsider in [&ben, &eve] {
        for picture in [url, &small, "/files/img_0000000000001"] {
            assert_eq!(server.send("GET", picture, &[("Authorization", &bearer(outsider))], "").status, 404);
        }
    }
    assert_eq!(server.send("GET", url, &[], "").status, 401);
}

#[tokio::test]
async fn what_is_no_picture_or_too_much_of_one_is_refused() {
    let world = World::with(|config| config.upload_limit_mib = 1).await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let key = task(&ben, "With pictures").await;
    let upload = async |bytes: &[u8]| {
        let input =
            json!({ "taskId": key, "base64": STANDARD.encode(bytes), "fileName": "x.png", "mimeType": "image/png" });
        ben.ask("task.image_upload", input).await
    };
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        upload(&picture(format, 16)).await.unwrap_or_else(|error| panic!("{format:?}: {error}"));
    }
    // A header that promises 60000 × 60000 pixels, with the check sum that goes with it.
    let mut bomb = picture(ImageFormat::Png, 16);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let check = crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&check);
    // Real, and small as a file.
    let mut plain = Cursor::new(Vec::new());
    image::GrayImage::new(8_000, 6_000).write_to(&mut plain, ImageFormat::Png).unwrap();
    assert!(plain.get_ref().len() < 1 << 20);
    let whole = picture(ImageFormat::Png, 16);
    for (name, bytes, status) in [
        ("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(), 422),
        ("HTML", b"<!doctype html><script>alert(1)</script>".to_vec(), 422),
        ("HTML behind a signature", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>".to_vec(), 422),
        ("nothing", Vec::new(), 422),
        ("a bitmap", b"BM\x3a\0\0\0\0\0\0\0".to_vec(), 422),
        ("half a picture", whole[..whole.len() / 2].to_vec(), 422),
        ("a promise of too many pixels", bomb, 422),
        ("too many pixels", plain.into_inner(), 422),
        ("too many bytes", picture(ImageFormat::Png, 900), 413),
    ] {
        let error = upload(&bytes).await.expect_err(name);
        assert_eq!(error.status(), status, "{name}: {error}");
    }
    let error = ben.refused("task.image_upload", json!({ "taskId": key, "base64": "no!" })).await;
    assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, "base64"));
}

/// The check sum of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
