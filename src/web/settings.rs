//! Settings: one's profile, password and sessions.

use actix_web::web;
use askama::Template;

use crate::features::accounts::{ChangePassword, UpdateProfile};
use crate::features::sessions::{ListSessions, RevokeSession, SessionView};

use super::form::Form;
use super::page::{Answer, Page, Query};
use super::{agents, at, audit, connections, get, keys, members, security};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/settings").route(get().to(show)))
        .service(at("/settings/profile").route(get().to(show)).route(web::post().to(save_profile)))
        .service(at("/settings/password").route(get().to(show)).route(web::post().to(change_password)))
        .service(at("/settings/security").route(get().to(security::show)))
        .service(at("/settings/security/setup").route(get().to(security::show)).route(web::post().to(security::set_up)))
        .service(
            at("/settings/security/confirm").route(get().to(security::show)).route(web::post().to(security::confirm)),
        )
        .service(at("/settings/security/codes").route(get().to(security::show)).route(web::post().to(security::renew)))
        .service(
            at("/settings/security/disable").route(get().to(security::show)).route(web::post().to(security::disable)),
        )
        .service(at("/settings/sessions/{id}/end").route(web::post().to(end_session)))
        .service(at("/settings/members").route(get().to(members::list)))
        .service(at("/settings/members/{id}").route(web::post().to(members::update)))
        .service(
            at("/settings/members/{id}/remove")
                .route(get().to(members::ask_remove))
                .route(web::post().to(members::remove)),
        )
        .service(at("/settings/invites").route(web::post().to(members::invite)))
        .service(at("/settings/invites/{id}/resend").route(web::post().to(members::resend)))
        .service(at("/settings/invites/{id}/cancel").route(web::post().to(members::cancel)))
        .service(at("/settings/keys").route(get().to(keys::list)).route(web::post().to(keys::create)))
        .service(at("/settings/keys/{id}/revoke").route(web::post().to(keys::revoke)))
        .service(at("/settings/audit").route(get().to(audit::of_workspace)))
        .service(at("/admin/audit").route(get().to(audit::of_server)))
        .service(at("/settings/connections").route(get().to(connections::list)))
        .service(at("/settings/connections/{id}/end").route(web::post().to(connections::end)))
        .service(at("/settings/agents").route(get().to(agents::list)).route(web::post().to(agents::create)))
        .service(at("/settings/agents/{id}").route(get().to(agents::show)).route(web::post().to(agents::edit)))
        .service(at("/settings/agents/{id}/switch").route(web::post().to(agents::switch)));
}

#[derive(Template)]
#[template(path = "settings/profile.html")]
struct ProfilePage<'a> {
    page: &'a Page,
    profile: &'a Form,
    password: &'a Form,
    zones: Vec<String>,
    sessions: Vec<Session>,
}

/// Where one is signed in.
struct Session {
    id: String,
    device: String,
    address: String,
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

async fn show_forms(page: &Page, profile: Option<&Form>, password: Option<&Form>) -> Answer {
    let mut sessions = page.list::<ListSessions>(Query::default().input(&[]), 50).await?.items;
    sessions.sort_by_key(|session| !session.current);
    let fresh = Form::filled([("name", page.account.name.clone()), ("timeZone", page.account.time_zone.clone())]);
    let blank = Form::default();
    let status = profile.or(password).map_or(actix_web::http::StatusCode::OK, Form::status);
    let template = ProfilePage {
        page,
        profile: profile.unwrap_or(&fresh),
        password: password.unwrap_or(&blank),
        zones: jiff::tz::db().available().map(|name| name.to_string()).collect(),
        sessions: sessions.iter().map(|session| Session::new(page, session)).collect(),
    };
    page.show(status, &template)
}

async fn show(page: Page) -> Answer {
    show_forms(&page, None, None).await
}

async fn save_profile(page: Page, mut form: Form) -> Answer {
    form.demand("name");
    form.demand("timeZone");
    match form.run::<UpdateProfile>(&page).await? {
        Some(_) => page.go("/settings", "Profile saved"),
        None => show_forms(&page, Some(&form), None).await,
    }
}

async fn change_password(page: Page, mut form: Form) -> Answer {
    match form.run::<ChangePassword>(&page).await? {
        Some(()) => page.go("/settings", "Password changed. Your other sessions have ended."),
        None => show_forms(&page, None, Some(&form)).await,
    }
}

async fn end_session(page: Page, id: web::Path<String>) -> Answer {
    page.run(RevokeSession { session_id: page.id(&id)? }).await?;
    page.go("/settings", "Session ended")
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
