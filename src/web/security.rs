//! Settings → Security: the second factor.

use actix_web::http::StatusCode;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;

use crate::core::error::Error;
use crate::features::two_factor::{
    ConfirmTwoFactor, DisableTwoFactor, RecoveryCodes, SetUpTwoFactor, TotpSecret, TwoFactor, TwoFactorStatus,
};

use super::form::Form;
use super::page::{Answer, Page, Refused, SECURITY};

#[derive(Template)]
#[template(path = "settings/security.html")]
struct SecurityPage<'a> {
    page: &'a Page,
    status: &'a TwoFactor,
    since: String,
    /// The only form that is open or was sent; the page shows which one it is by what is on.
    form: &'a Form,
    /// Which form was sent.
    sent: &'a str,
}

async fn show_form(page: &Page, form: &Form, sent: &str) -> Answer {
    let status = page.run(TwoFactorStatus {}).await?;
    let since = status.enabled_at.map_or_else(String::new, |at| page.day(&at));
    page.show(form.status(), &SecurityPage { page, status: &status, since, form, sent })
}

pub async fn show(page: Page) -> Answer {
    show_form(&page, &Form::default(), "").await
}

#[derive(Template)]
#[template(path = "settings/security_setup.html")]
struct SetUpPage<'a> {
    page: &'a Page,
    form: &'a Form,
    qr: String,
    secret: String,
}

fn show_secret(page: &Page, secret: &TotpSecret, form: &Form) -> Answer {
    let template = SetUpPage {
        page,
        form,
        qr: picture(&secret.otpauth_uri).map_err(|error| page.refuse(error))?,
        secret: in_groups(&secret.secret),
    };
    page.show(form.status(), &template)
}

/// As an address that an image can have: our policy lets pictures stand in the page, styles and scripts not.
fn picture(text: &str) -> Result<String, Error> {
    let code = QrCode::new(text).map_err(Error::internal)?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(208, 208).build();
    Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

/// Four by four, as people type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

pub async fn set_up(page: Page, mut form: Form) -> Answer {
    match form.run::<SetUpTwoFactor>(&page).await? {
        Some(secret) => {
            let fresh = Form::filled([("secret", secret.secret.clone())]);
            show_secret(&page, &secret, &fresh)
        }
        None => show_form(&page, &form, "setup").await,
    }
}

pub async fn confirm(page: Page, mut form: Form) -> Answer {
    // The page brings the secret along, so that a mistyped code shows the same picture again.
    let secret = form.take("secret");
    match form.run::<ConfirmTwoFactor>(&page).await? {
        Some(codes) => show_codes(&page, &codes, "Your second factor is on"),
        None => {
            let shown = TotpSecret::of(&secret, &page.account.email).map_err(|error| page.refuse(error))?;
            form.set("secret", secret);
            show_secret(&page, &shown, &form)
        }
    }
}

pub async fn renew(page: Page, mut form: Form) -> Answer {
    match form.run::<ConfirmTwoFactor>(&page).await? {
        Some(codes) => show_codes(&page, &codes, "Your new recovery codes"),
        None => show_form(&page, &form, "codes").await,
    }
}

pub async fn disable(page: Page, mut form: Form) -> Answer {
    match form.run::<DisableTwoFactor>(&page).await? {
        Some(()) => page.go(SECURITY, "Your second factor is off"),
        None => show_form(&page, &form, "disable").await,
    }
}

#[derive(Template)]
#[template(path = "settings/security_codes.html")]
struct CodesPage<'a> {
    page: &'a Page,
    title: &'static str,
    codes: &'a [String],
    /// The same as a text file.
    file: String,
}

fn show_codes(page: &Page, codes: &RecoveryCodes, title: &'static str) -> Result<actix_web::HttpResponse, Refused> {
    let codes = &codes.recovery_codes;
    let text = format!(
        "Recovery codes of {} at {}\nEach works once.\n\n{}\n",
        page.account.email,
        page.app().config().base_url(),
        codes.join("\n")
    );
    let file = format!("data:text/plain;charset=utf-8;base64,{}", STANDARD.encode(text));
    page.show(StatusCode::OK, &CodesPage { page, title, codes, file })
}
