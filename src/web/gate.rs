//! In and out: sign-in, sign-out, the first set-up, a new password, and the choice of the workspace.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Map, Value};

use crate::core::app::Call;
use crate::core::error::{Error, Kind};
use crate::core::input;
use crate::core::operation::Operation;
use crate::features::accounts::{ResetPassword, UpdateProfile};
use crate::features::sessions::{Login, Logout, SignedIn};
use crate::features::setup::SetUp;
use crate::http::auth;

use super::form::{Form, Notice};
use super::page::{Answer, Page, Query, Refused, app_of, came_from, html, own_path, see_other};

/// Where one is after signing in: what there is to do.
pub const START: &str = "/";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    form: &'a Form,
    next: &'a str,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetUpPage<'a> {
    form: &'a Form,
}

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPage<'a> {
    form: &'a Form,
}

/// A card outside the frame: nobody is signed in.
fn card(request: &HttpRequest, form: &Form, template: &impl Template) -> Answer {
    html(form.status(), template).map_err(|error| Refused::bare(request, error))
}

/// The CRM begins with its pipeline.
pub async fn crm() -> HttpResponse {
    see_other("/crm/deals")
}

pub async fn login_page(request: HttpRequest, page: Option<Page>) -> Answer {
    let query = Query::of(&request);
    let next = own_path(query.get("next")).unwrap_or_default();
    match page {
        Some(_) => Ok(see_other(if next.is_empty() { START } else { next })),
        None => {
            let form = Form::default();
            card(&request, &form, &LoginPage { form: &form, next })
        }
    }
}

pub async fn login(request: HttpRequest, mut form: Form) -> Answer {
    let next = form.take("next");
    let next = own_path(&next).unwrap_or_default();
    match sign_in(&request, &mut form).await? {
        Some(signed_in) => enter(&request, &signed_in, if next.is_empty() { START } else { next }),
        None => {
            let mut response = card(&request, &form, &LoginPage { form: &form, next })?;
            if let Some(seconds) = form.retry_after_seconds {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
    }
}

/// A request of somebody who may not be signed in: from our own pages, and as nobody, whatever cookie is left over.
fn as_nobody(request: &HttpRequest) -> Result<Call, Refused> {
    let app = app_of(request);
    let call = auth::same_origin(request, &app).and_then(|()| auth::call(request, &app));
    call.map(|call| Call { credential: None, ..call }).map_err(|error| Refused::bare(request, error))
}

/// Runs an operation that needs no sign-in. `None`: the form says why not.
async fn run<O: Operation>(request: &HttpRequest, form: &mut Form) -> Result<Option<O::Output>, Refused> {
    let app = app_of(request);
    let call = as_nobody(request)?;
    let Some(operation) = form.read::<O>(&app) else { return Ok(None) };
    match app.run(call, operation).await {
        Ok(output) => Ok(Some(output)),
        Err(error) if form.keeps(&error) => Ok(None),
        Err(error) => Err(Refused::bare(request, error)),
    }
}

async fn sign_in(request: &HttpRequest, form: &mut Form) -> Result<Option<SignedIn>, Refused> {
    run::<Login>(request, form).await
}

/// Sets the cookie and goes on.
fn enter(request: &HttpRequest, signed_in: &SignedIn, to: &str) -> Answer {
    let app = app_of(request);
    let cookie = Cookie::build(auth::SESSION_COOKIE, signed_in.session_token.as_str())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config().is_behind_tls())
        .max_age(Duration::days(30))
        .finish();
    let mut response = see_other(to);
    response.add_cookie(&cookie).map_err(|error| Refused::bare(request, Error::internal(error)))?;
    Ok(response)
}

pub async fn logout(page: Page) -> Answer {
    page.run(Logout {}).await?;
    let mut response = see_other("/login");
    let mut gone = Cookie::build(auth::SESSION_COOKIE, "").path("/").finish();
    gone.make_removal();
    response.add_cookie(&gone).map_err(|error| page.refuse(Error::internal(error)))?;
    Ok(response)
}

/// Once there is an account, the set-up page is gone for good.
fn unless_set_up(request: &HttpRequest) -> Result<(), Refused> {
    match app_of(request).is_set_up() {
        true => Err(Refused::bare(request, Error::new(Kind::NotFound, "Sally is set up already. Sign in instead."))),
        false => Ok(()),
    }
}

fn with_token(request: &HttpRequest) -> Form {
    Form::filled([("token", Query::of(request).get("token").to_owned())])
}

pub async fn setup_page(request: HttpRequest) -> Answer {
    unless_set_up(&request)?;
    let form = with_token(&request);
    card(&request, &form, &SetUpPage { form: &form })
}

pub async fn setup(request: HttpRequest, mut form: Form) -> Answer {
    unless_set_up(&request)?;
    let zone = form.take("timeZone");
    if run::<SetUp>(&request, &mut form).await?.is_none() {
        form.set("timeZone", zone);
        link_is_dead(&mut form);
        return card(&request, &form, &SetUpPage { form: &form });
    }
    let (email, password) = (form.value("email").to_owned(), form.value("password").to_owned());
    let signed_in = first_time(&request, email, password, &zone).await?;
    enter(&request, &signed_in, START)
}

/// Signs in with what was just made, and keeps the time zone that the browser told.
async fn first_time(request: &HttpRequest, email: String, password: String, zone: &str) -> Result<SignedIn, Refused> {
    let mut form = Form::filled([("email", email), ("password", password)]);
    let signed_in = sign_in(request, &mut form).await?;
    let refused = || Refused::bare(request, Error::new(Kind::Unauthorized, "Sign in with the new password."));
    let signed_in = signed_in.ok_or_else(refused)?;
    let app = app_of(request);
    let input = Map::from_iter([("timeZone".to_owned(), Value::from(zone))]);
    // A zone that this server does not know is no reason to stop anybody: it stays UTC.
    if let Ok(profile) = input::read::<UpdateProfile>(input, app.shape_of::<UpdateProfile>()) {
        let token = crate::core::secret::TokenHash::of(&signed_in.session_token);
        let call = Call::with(crate::core::caller::Credential::Token(token));
        app.run(call, profile).await.map_err(|error| Refused::bare(request, error))?;
    }
    Ok(signed_in)
}

/// The token has no field of its own to stand at.
fn link_is_dead(form: &mut Form) {
    let is_token = |field: &str| field == "token";
    if form.problems.iter().any(|problem| is_token(&problem.field)) {
        form.problems.retain(|problem| !is_token(&problem.field));
        let text = "It is used up, expired or incomplete. Ask for a new one.".to_owned();
        form.notice = Some(Notice { title: "This link does not work", text });
    }
}

pub async fn reset_page(request: HttpRequest) -> Answer {
    let form = with_token(&request);
    card(&request, &form, &ResetPage { form: &form })
}

pub async fn reset(request: HttpRequest, mut form: Form) -> Answer {
    match run::<ResetPassword>(&request, &mut form).await? {
        Some(account) => {
            let mut form = Form::filled([("email", account.email), ("password", form.value("password").to_owned())]);
            match sign_in(&request, &mut form).await? {
                Some(signed_in) => enter(&request, &signed_in, START),
                None => Ok(see_other("/login")),
            }
        }
        None => {
            link_is_dead(&mut form);
            card(&request, &form, &ResetPage { form: &form })
        }
    }
}

/// Another workspace from now on. What stood on the page belongs to the one before, so only its list is gone back to.
pub async fn choose_workspace(page: Page, mut form: Form) -> Answer {
    let slug = form.take("workspace");
    let place = page.workspaces.iter().find(|place| place.slug.eq_ignore_ascii_case(&slug));
    let place = place.ok_or_else(|| page.refuse(Error::not_found("workspace", &slug)))?;
    let here = came_from(page.request()).unwrap_or_default();
    let here = here.split('?').next().unwrap_or_default();
    let list = match here.split('/').collect::<Vec<_>>().as_slice() {
        ["", "crm", list, ..] => format!("/crm/{list}"),
        ["", "settings", ..] => here.to_owned(),
        ["", "tasks", ..] => "/projects".to_owned(),
        ["", list @ ("inbox" | "projects" | "clients" | "time"), ..] => format!("/{list}"),
        _ => START.to_owned(),
    };
    let mut response = page.go(&list, &format!("You are in {} now", place.name))?;
    let cookie = Cookie::build(auth::WORKSPACE_COOKIE, place.slug.as_str())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(page.app().config().is_behind_tls())
        .max_age(Duration::days(365))
        .finish();
    response.add_cookie(&cookie).map_err(|error| page.refuse(Error::internal(error)))?;
    Ok(response)
}
