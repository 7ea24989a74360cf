//! Settings: one's profile, picture, e-mail, password and sessions.

use actix_web::web;
use askama::Template;
use serde_json::Value;

use crate::core::error::{Error, Kind};
use crate::core::patch::Patch;
use crate::features::accounts::{ChangePassword, GetProfile, UpdateProfile};
use crate::features::portraits::UploadPortrait;
use crate::features::sessions::{ListSessions, RevokeSession, SessionView};

use crate::http::{form as multipart, rest};

use super::form::Form;
use super::page::{Answer, Page};
use super::show::Pager;
use super::{agents, at, audit, connections, get, keys, members, post, preferences, security};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/settings").route(get().to(show)))
        .service(at("/settings/profile").route(get().to(show)).route(post().to(save_profile)))
        .service(at("/settings/picture").route(get().to(show)).route(post().to(save_picture)))
        .service(at("/settings/picture/remove").route(post().to(remove_picture)))
        .service(at("/settings/email").route(get().to(show)).route(post().to(change_email)))
        .service(at("/settings/password").route(get().to(show)).route(post().to(change_password)))
        .service(at("/settings/security").route(get().to(security::show)))
        .service(at("/settings/security/setup").route(get().to(security::show)).route(post().to(security::set_up)))
        .service(at("/settings/security/confirm").route(get().to(security::show)).route(post().to(security::confirm)))
        .service(at("/settings/security/codes").route(get().to(security::show)).route(post().to(security::renew)))
        .service(at("/settings/security/disable").route(get().to(security::show)).route(post().to(security::disable)))
        .service(at("/settings/notifications").route(get().to(preferences::show)).route(post().to(preferences::save)))
        .service(at("/settings/sessions").route(get().to(sessions)))
        .service(at("/settings/sessions/{id}/end").route(post().to(end_session)))
        .service(at("/settings/members").route(get().to(members::list)))
        .service(at("/settings/members/{id}").route(post().to(members::update)))
        .service(
            at("/settings/members/{id}/remove").route(get().to(members::ask_remove)).route(post().to(members::remove)),
        )
        .service(at("/settings/invites").route(post().to(members::invite)))
        .service(at("/settings/invites/{id}/resend").route(post().to(members::resend)))
        .service(at("/settings/invites/{id}/cancel").route(post().to(members::cancel)))
        .service(at("/settings/keys").route(get().to(keys::list)).route(post().to(keys::create)))
        .service(at("/settings/keys/{id}/connection").route(get().to(keys::connection)))
        .service(at("/settings/keys/{id}/revoke").route(post().to(keys::revoke)))
        .service(at("/settings/audit").route(get().to(audit::of_workspace)))
        .service(at("/admin/audit").route(get().to(audit::of_server)))
        .service(at("/settings/connections").route(get().to(connections::list)))
        .service(at("/settings/connections/{id}/end").route(post().to(connections::end)))
        .service(at("/settings/agents").route(get().to(agents::list)).route(post().to(agents::create)))
        .service(at("/settings/agents/{id}").route(get().to(agents::show)).route(post().to(agents::edit)))
        .service(at("/settings/agents/{id}/switch").route(post().to(agents::switch)));
}

#[derive(Template)]
#[template(path = "settings/profile.html")]
struct ProfilePage<'a> {
    page: &'a Page,
    profile: &'a Form,
    password: &'a Form,
    zones: Vec<String>,
    picture: &'a Form,
    email: &'a Form,
    /// Can a new address be asked whether it is the person's?
    sends_mail: bool,
}

#[derive(Template)]
#[template(path = "settings/sessions.html")]
struct SessionsPage<'a> {
    page: &'a Page,
    sessions: Vec<Session>,
    pager: Pager,
}

/// Where one is signed in.
struct Session {
    id: String,
    device: String,
    address: String,
    used: String,
    since: String,
    until: String,
    is_this: bool,
}

impl Session {
    fn new(page: &Page, session: &SessionView) -> Self {
        Session {
            id: session.id.to_string(),
            device: session.user_agent.as_deref().map_or_else(|| "Unknown device".to_owned(), device),
            address: session.address.clone().unwrap_or_default(),
            used: page.ago(&session.last_used_at),
            since: page.ago(&session.created_at),
            until: page.day(&session.expires_at),
            is_this: session.current,
        }
    }
}

/// `Firefox on Linux`: as much as one needs to know one's own devices.
fn device(agent: &str) -> String {
    const BROWSERS: &[(&str, &str)] =
        &[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    const SYSTEMS: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |names: &[(&str, &'static str)]| names.iter().find(|(part, _)| agent.contains(part)).map(|found| found.1);
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => agent.chars().take(60).collect(),
    }
}

/// The forms of the profile; the one that was refused says why.
#[derive(Default)]
struct Forms {
    picture: Option<Form>,
    profile: Option<Form>,
    email: Option<Form>,
    password: Option<Form>,
}

fn show_forms(page: &Page, forms: Forms) -> Answer {
    let Forms { picture, profile, email, password } = forms;
    let refused = [&picture, &profile, &email, &password].into_iter().flatten().next();
    let status = refused.map_or(actix_web::http::StatusCode::OK, Form::status);
    let fresh = || Form::filled([("name", page.account.name.clone()), ("timeZone", page.account.time_zone.clone())]);
    let template = ProfilePage {
        page,
        profile: &profile.unwrap_or_else(fresh),
        picture: &picture.unwrap_or_default(),
        email: &email.unwrap_or_default(),
        password: &password.unwrap_or_default(),
        sends_mail: page.app().config().smtp_url.is_some(),
        zones: jiff::tz::db().available().map(|name| name.to_string()).collect(),
    };
    page.show(status, &template)
}

async fn show(page: Page) -> Answer {
    // What is shown is known from the frame; whether it may be shown, the door says.
    page.run(GetProfile {}).await?;
    show_forms(&page, Forms::default())
}

async fn save_profile(page: Page, mut form: Form) -> Answer {
    form.demand("name");
    form.demand("timeZone");
    match form.run::<UpdateProfile>(&page).await? {
        Some(_) => page.go("/settings", "Profile saved"),
        None => show_forms(&page, Forms { profile: Some(form), ..Forms::default() }),
    }
}

/// The picture comes as a form with a file.
async fn save_picture(page: Page, payload: web::Payload) -> Answer {
    let (app, request) = (page.app(), page.request());
    let read = async {
        let body = rest::read(request, payload, app, app.config().upload_body_limit()).await?;
        match multipart::is_form(request) {
            true => multipart::read(request, body).await,
            false => Err(Error::new(Kind::UnsupportedMediaType, "A picture is sent as multipart/form-data.")),
        }
    };
    let input = read.await.map_err(|error| page.refuse(error))?;
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut form = Form::filled([("base64", text("base64"))]);
    match form.run::<UploadPortrait>(&page).await? {
        Some(_) => page.go("/settings", "Picture saved"),
        None => show_forms(&page, Forms { picture: Some(form), ..Forms::default() }),
    }
}

async fn remove_picture(page: Page) -> Answer {
    page.run(UpdateProfile { avatar_url: Patch::Clear, ..UpdateProfile::default() }).await?;
    page.go("/settings", "Picture removed")
}

async fn change_email(page: Page, mut form: Form) -> Answer {
    form.demand("email");
    form.demand("currentPassword");
    match form.run::<UpdateProfile>(&page).await? {
        Some(_) => {
            let said = format!("We asked {}. Your e-mail changes once the link there is opened.", form.value("email"));
            page.go("/settings", &said)
        }
        None => show_forms(&page, Forms { email: Some(form), ..Forms::default() }),
    }
}

async fn change_password(page: Page, mut form: Form) -> Answer {
    match form.run::<ChangePassword>(&page).await? {
        Some(()) => page.go("/settings", "Password changed. Your other sessions have ended."),
        None => show_forms(&page, Forms { password: Some(form), ..Forms::default() }),
    }
}

async fn sessions(page: Page) -> Answer {
    let query = page.query();
    let found = page.list::<ListSessions>(query.input(&[("cursor", "cursor")]), 50).await?;
    let mut sessions = found.items;
    sessions.sort_by_key(|session| !session.current);
    page.ok(&SessionsPage {
        page: &page,
        pager: Pager::new(&query, sessions.len(), found.next_cursor.as_deref(), "session", "sessions"),
        sessions: sessions.iter().map(|session| Session::new(&page, session)).collect(),
    })
}

/// `others` ends all but this one.
async fn end_session(page: Page, id: web::Path<String>) -> Answer {
    page.run(RevokeSession { session_id: page.id(&id)? }).await?;
    page.go("/settings/sessions", if *id == "others" { "All other sessions ended" } else { "Session ended" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_by_its_browser_and_system() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        assert_eq!(device(chrome), "Chrome on Linux");
        assert_eq!(device("curl/8.5.0"), "curl/8.5.0");
    }
}
