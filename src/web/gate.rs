//! In and out: sign-in, sign-out, the first set-up, an invitation, a new password, and the choice of the workspace.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::core::app::Call;
use crate::core::error::{Error, Kind};
use crate::core::input;
use crate::core::operation::Operation;
use crate::features::accounts::{ResetPassword, UpdateProfile};
use crate::features::invites::{AcceptInvite, GetInvite, InviteInfo};
use crate::features::ownership::{GetLink, LinkInfo};
use crate::features::recovery::{ConfirmEmailChange, RequestPasswordReset};
use crate::features::sessions::{CHALLENGE_MINUTES, Login, LoginWithCode, Logout, SignIn, SignedIn};
use crate::features::setup::SetUp;
use crate::http::auth;

use super::form::{Form, Notice, first_upper};
use super::page::{Answer, Page, Query, Refused, Said, app_of, came_from, html, own_path, saying, see_other};
use super::sso;
use super::welcome;
use super::work::role_name;

/// Where one is after signing in: what there is to do.
pub const START: &str = "/";

/// After the first proof that the address is theirs.
pub const BEGUN_ANEW: &str = "You have shown that this account is yours. Password, sessions, keys, connections and second \
                              factor from before have ended.";

/// Who has shown the first factor in this browser and not yet the second.
const CHALLENGE_COOKIE: &str = "sally_challenge";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    form: &'a Form,
    next: &'a str,
    /// What the provider of single sign-on is called.
    sso: Option<&'a str>,
    /// Passwords are for administrators only.
    sso_only: bool,
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct CodePage<'a> {
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
    link: LinkInfo,
}

/// A card outside the frame: nobody is signed in.
fn card(request: &HttpRequest, form: &Form, template: &impl Template) -> Answer {
    html(form.status(), template).map_err(|error| Refused::bare(request, error))
}

fn show_login(request: &HttpRequest, form: &Form, next: &str) -> Answer {
    let (app, provider) = (app_of(request), sso::provider_of(request));
    let sso = provider.as_ref().map(|provider| provider.name());
    let response = card(request, form, &LoginPage { form, next, sso, sso_only: app.config().oidc_only })?;
    with_retry_after(form, response)
}

/// Why somebody is back at the sign-in; where there is no such page, that.
pub fn login_again(request: &HttpRequest, error: &Error, next: &str) -> Answer {
    match error.kind() {
        Kind::NotFound | Kind::Internal => Err(Refused::bare(request, error.clone())),
        _ => show_login(request, &Form::refused(error), next),
    }
}

/// The CRM begins with its pipeline.
pub async fn crm() -> Answer {
    Ok(see_other("/crm/deals"))
}

pub async fn login_page(request: HttpRequest, page: Option<Page>) -> Answer {
    let query = Query::of(&request);
    let next = own_path(query.get("next")).unwrap_or_default();
    match page {
        Some(_) => Ok(see_other(if next.is_empty() { START } else { next })),
        None => show_login(&request, &Form::default(), next),
    }
}

pub async fn login(request: HttpRequest, mut form: Form) -> Answer {
    let next = form.take("next");
    let next = own_path(&next).unwrap_or_default();
    match sign_in(&request, &mut form).await? {
        Some(sign_in) => go_on(&request, &sign_in, if next.is_empty() { START } else { next }),
        None => show_login(&request, &form, next),
    }
}

/// Runs an operation that needs no sign-in, for whoever asks from our own pages. `None`: the form says why not.
async fn run<O: Operation>(request: &HttpRequest, form: &mut Form) -> Result<Option<O::Output>, Refused> {
    let app = app_of(request);
    let call = auth::same_origin(request, &app).and_then(|()| auth::call(request, &app));
    let call = call.map_err(|error| Refused::bare(request, error))?;
    let Some(operation) = form.read::<O>(&app) else { return Ok(None) };
    match app.run(call, operation).await {
        Ok(output) => Ok(Some(output)),
        Err(error) if form.keeps(&error) => Ok(None),
        Err(error) => Err(Refused::bare(request, error)),
    }
}

async fn sign_in(request: &HttpRequest, form: &mut Form) -> Result<Option<SignIn>, Refused> {
    run::<Login>(request, form).await
}

/// On with what signing in led to: inside, or to the question for the second factor.
pub fn go_on(request: &HttpRequest, sign_in: &SignIn, to: &str) -> Answer {
    match sign_in {
        SignIn::Done(signed_in) => enter(request, signed_in, to),
        SignIn::Challenged(challenge) => {
            let next = url::form_urlencoded::byte_serialize(to.as_bytes()).collect::<String>();
            let cookie = challenge_cookie(request, &challenge.challenge_token);
            with_cookie(request, see_other(&format!("/login/code?next={next}")), &cookie)
        }
    }
}

fn enter(request: &HttpRequest, signed_in: &SignedIn, to: &str) -> Answer {
    let cookie = Cookie::build(auth::SESSION_COOKIE, signed_in.session_token.as_str())
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(auth::is_secure(request, &app_of(request)))
        .max_age(Duration::days(30))
        .finish();
    with_cookie(request, see_other(to), &cookie)
}

pub fn with_cookie(request: &HttpRequest, mut response: HttpResponse, cookie: &Cookie<'_>) -> Answer {
    response.add_cookie(cookie).map_err(|error| Refused::bare(request, Error::internal(error)))?;
    Ok(response)
}

fn challenge_cookie<'a>(request: &HttpRequest, token: &'a str) -> Cookie<'a> {
    Cookie::build(CHALLENGE_COOKIE, token)
        .path("/login")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app_of(request).config().is_behind_tls())
        .max_age(Duration::minutes(CHALLENGE_MINUTES))
        .finish()
}

pub async fn code_page(request: HttpRequest) -> Answer {
    if request.cookie(CHALLENGE_COOKIE).is_none() {
        return Ok(see_other("/login"));
    }
    let query = Query::of(&request);
    let form = Form::default();
    card(&request, &form, &CodePage { form: &form, next: own_path(query.get("next")).unwrap_or_default() })
}

pub async fn code(request: HttpRequest, mut form: Form) -> Answer {
    let next = form.take("next");
    let next = own_path(&next).unwrap_or_default();
    let challenge = request.cookie(CHALLENGE_COOKIE).map_or_else(String::new, |cookie| cookie.value().to_owned());
    form.set("challengeToken", challenge);
    let mut gone = challenge_cookie(&request, "");
    gone.make_removal();
    match run::<LoginWithCode>(&request, &mut form).await {
        Ok(Some(signed_in)) => {
            let response = enter(&request, &signed_in, if next.is_empty() { START } else { next })?;
            with_cookie(&request, response, &gone)
        }
        Ok(None) => with_retry_after(&form, card(&request, &form, &CodePage { form: &form, next })?),
        Err(refused) if refused.error().kind() == Kind::Unauthorized => {
            with_cookie(&request, login_again(&request, refused.error(), next)?, &gone)
        }
        Err(refused) => Err(refused),
    }
}

/// Whoever was too fast is told when to try again.
fn with_retry_after(form: &Form, mut response: HttpResponse) -> Answer {
    if let Some(seconds) = form.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

pub async fn logout(page: Page, form: Form) -> Answer {
    page.run(Logout {}).await?;
    let mut response = see_other(own_path(form.value("next")).unwrap_or("/login"));
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
        link_is_dead(&mut form, "Restart Sally: each start prints another link, and ends the one before.");
        return card(&request, &form, &SetUpPage { form: &form });
    }
    let (email, password) = (form.value("email").to_owned(), form.value("password").to_owned());
    let sign_in = first_time(&request, email, password, &zone).await?;
    go_on(&request, &sign_in, welcome::START)
}

/// Signs in with what was just made, and keeps the time zone that the browser told.
async fn first_time(request: &HttpRequest, email: String, password: String, zone: &str) -> Result<SignIn, Refused> {
    let mut form = Form::filled([("email", email), ("password", password)]);
    let sign_in = sign_in(request, &mut form).await?;
    let refused = || Refused::bare(request, Error::new(Kind::Unauthorized, "Sign in with the new password."));
    let sign_in = sign_in.ok_or_else(refused)?;
    let SignIn::Done(signed_in) = &sign_in else { return Ok(sign_in) };
    if zone.is_empty() {
        return Ok(sign_in);
    }
    let app = app_of(request);
    let input = input::of([("timeZone", zone.into())]);
    // A zone that this server does not know is no reason to stop anybody: it stays UTC.
    if let Ok(profile) = input::read::<UpdateProfile>(input, app.shape_of::<UpdateProfile>()) {
        let token = crate::core::secret::TokenHash::of(&signed_in.session_token);
        let call = Call::with(crate::core::caller::Credential::Token(token));
        match app.run(call, profile).await {
            // It waits for the second factor, too.
            Err(error) if error.kind() != Kind::SecondFactorRequired => return Err(Refused::bare(request, error)),
            _ => {}
        }
    }
    Ok(sign_in)
}

/// The token has no field of its own to stand at.
fn link_is_dead(form: &mut Form, way_out: &str) {
    let is_token = |field: &str| field == "token";
    if form.problems.iter().any(|problem| is_token(&problem.field)) {
        form.problems.retain(|problem| !is_token(&problem.field));
        let text = format!("It is used up, expired or incomplete. {way_out}");
        form.notice = Some(Notice { title: "This link does not work", text });
    }
}

/// What the link of a page will do.
async fn link_of(request: &HttpRequest, form: &Form) -> Result<LinkInfo, Refused> {
    let link = GetLink { token: form.value("token").to_owned() };
    app_of(request).run(Call::default(), link).await.map_err(|error| Refused::bare(request, error))
}

pub async fn reset_page(request: HttpRequest) -> Answer {
    let form = with_token(&request);
    let link = link_of(&request, &form).await?;
    card(&request, &form, &ResetPage { form: &form, link })
}

pub async fn reset(request: HttpRequest, mut form: Form) -> Answer {
    let link = link_of(&request, &form).await?;
    match run::<ResetPassword>(&request, &mut form).await? {
        Some(account) => {
            let mut form = Form::filled([("email", account.email), ("password", form.value("password").to_owned())]);
            let response = match sign_in(&request, &mut form).await? {
                Some(sign_in) => go_on(&request, &sign_in, START)?,
                None => see_other("/login"),
            };
            match link.proves && link.ends_something {
                true => with_cookie(&request, response, &saying(&request, &app_of(&request), &Said::plain(BEGUN_ANEW))),
                false => Ok(response),
            }
        }
        None => {
            link_is_dead(&mut form, "Ask for a new one.");
            card(&request, &form, &ResetPage { form: &form, link })
        }
    }
}

#[derive(Template)]
#[template(path = "forgot_password.html")]
struct ForgotPage<'a> {
    form: &'a Form,
    sends_mail: bool,
    is_sent: bool,
    /// Passwords are turned off: who has to ask for nothing but that.
    sso_only: Option<&'a str>,
}

fn show_forgot(request: &HttpRequest, form: &Form, is_sent: bool) -> Answer {
    let app = app_of(request);
    let config = app.config();
    let sso_only = config.oidc_only.then_some(config.oidc_name.as_str());
    let response = card(request, form, &ForgotPage { form, sends_mail: config.smtp_url.is_some(), is_sent, sso_only })?;
    with_retry_after(form, response)
}

pub async fn forgot_page(request: HttpRequest) -> Answer {
    show_forgot(&request, &Form::default(), false)
}

pub async fn forgot(request: HttpRequest, mut form: Form) -> Answer {
    let sends_mail = app_of(&request).config().smtp_url.is_some();
    let is_sent = run::<RequestPasswordReset>(&request, &mut form).await?.is_some() && sends_mail;
    show_forgot(&request, &form, is_sent)
}

#[derive(Template)]
#[template(path = "confirm_email.html")]
struct ConfirmEmailPage<'a> {
    form: &'a Form,
    link: LinkInfo,
    confirmed: Option<String>,
}

/// Opening the link changes nothing yet: some mail servers look at every link before anybody does.
pub async fn confirm_email_page(request: HttpRequest) -> Answer {
    let form = with_token(&request);
    let link = link_of(&request, &form).await?;
    card(&request, &form, &ConfirmEmailPage { form: &form, link, confirmed: None })
}

pub async fn confirm_email(request: HttpRequest, mut form: Form) -> Answer {
    let link = link_of(&request, &form).await?;
    let confirmed = run::<ConfirmEmailChange>(&request, &mut form).await?.map(|account| account.email);
    link_is_dead(&mut form, "Ask for a new one.");
    card(&request, &form, &ConfirmEmailPage { form: &form, link, confirmed })
}

#[derive(Template)]
#[template(path = "accept_invite.html")]
struct InvitePage<'a> {
    form: &'a Form,
    invite: Option<InviteInfo>,
    /// Why the link does not work.
    dead: String,
    role: String,
    is_signed_in: bool,
    /// Somebody else is.
    other: Option<String>,
    /// What the provider of single sign-on is called.
    sso: Option<String>,
    /// Nobody joins with a password.
    sso_only: bool,
}

/// What the link is for, or why it is for nothing, to whoever holds it.
async fn show_invite(request: &HttpRequest, page: Option<&Page>, mut form: Form) -> Answer {
    let app = app_of(request);
    let token = form.value("token").to_owned();
    let (invite, dead) = match app.run(Call::default(), GetInvite { token }).await {
        Ok(invite) => (Some(invite), String::new()),
        Err(error) if error.kind() == Kind::Invalid => {
            form.complain("token", "");
            let reason = error.field_errors().first().map_or("", |problem| problem.message.as_str());
            (None, format!("{}.", first_upper(reason)))
        }
        Err(error) => return Err(Refused::bare(request, error)),
    };
    let signed_in = page.map(|page| page.account.email.as_str());
    let is_other = |invite: &InviteInfo| signed_in.is_some_and(|email| email != invite.email);
    let template = InvitePage {
        form: &form,
        role: invite.as_ref().map(|invite| role_name(invite.role).to_lowercase()).unwrap_or_default(),
        is_signed_in: signed_in.is_some(),
        other: invite.as_ref().filter(|invite| is_other(invite)).and(signed_in).map(str::to_owned),
        invite,
        dead,
        sso: sso::provider_of(request).map(|provider| provider.name().to_owned()),
        sso_only: app.config().oidc_only,
    };
    card(request, &form, &template)
}

pub async fn invite_page(request: HttpRequest, page: Option<Page>) -> Answer {
    show_invite(&request, page.as_ref(), with_token(&request)).await
}

pub async fn accept_invite(request: HttpRequest, page: Option<Page>, mut form: Form) -> Answer {
    let zone = form.take("timeZone");
    let Some(joined) = run::<AcceptInvite>(&request, &mut form).await? else {
        form.set("timeZone", zone);
        return show_invite(&request, page.as_ref(), form).await;
    };
    let mut response = match page {
        Some(page) => page.go(START, &format!("You belong to {} now", joined.workspace))?,
        None => {
            let password = form.value("password").to_owned();
            let sign_in = first_time(&request, joined.account.email, password, &zone).await?;
            go_on(&request, &sign_in, START)?
        }
    };
    show_workspace(&request, &mut response, &joined.workspace_slug)?;
    Ok(response)
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
    show_workspace(page.request(), &mut response, &place.slug)?;
    Ok(response)
}

/// The pages of this browser show that workspace from now on.
fn show_workspace(request: &HttpRequest, response: &mut HttpResponse, slug: &str) -> Result<(), Refused> {
    let cookie = Cookie::build(auth::WORKSPACE_COOKIE, slug)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(auth::is_secure(request, &app_of(request)))
        .max_age(Duration::days(365))
        .finish();
    response.add_cookie(&cookie).map_err(|error| Refused::bare(request, Error::internal(error)))
}
