//! The consent: a program wants to work for somebody, who says how far.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, RETRY_AFTER};
use askama::Template;

use crate::core::app::{App, Call};
use crate::core::caller::not_signed_in;
use crate::core::error::{Error, Kind};
use crate::core::scopes::Scopes;
use crate::features::oauth::authorize::{Consent, Wish};
use crate::features::oauth::clients::{Client, FindClient};
use crate::features::oauth::{Outcome, Parameters, Refusal, documents};
use crate::http::auth;

use super::form::Form;
use super::page::{Answer, Page, Refused, app_of, html};
use super::show::Choice;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    page: &'a Page,
    form: &'a Form,
    asks: &'a Asks,
    /// Whom the answer goes to: `claude.ai`, or this computer.
    goes_to: String,
    /// What it sent, to be sent along.
    sent: Vec<(&'static str, String)>,
    workspaces: Vec<Choice>,
    /// A scope of its own making, if it asked for one.
    own_scopes: Option<String>,
    areas: Vec<&'static Area>,
}

/// What a program could be kept to.
struct Area {
    word: &'static str,
    title: &'static str,
    help: &'static str,
    toolsets: &'static str,
}

const AREAS: &[Area] = &[
    Area { word: "projects", title: "Projects and tasks", help: "Boards, tasks, comments", toolsets: "projects tasks" },
    Area { word: "time", title: "Time", help: "Hours and reports", toolsets: "time" },
    Area { word: "crm", title: "CRM", help: "Organizations, people, deals", toolsets: "crm" },
    Area {
        word: "team",
        title: "Workspace and team",
        help: "Members, agents, accounts",
        toolsets: "workspace agents account",
    },
];

fn areas(page: &Page) -> Vec<&'static Area> {
    AREAS.iter().filter(|area| page.crm || area.word != "crm").collect()
}

/// What a program sent cannot be read, or is not enough to send anybody back to it.
fn mistaken(refusal: Refusal) -> Error {
    Error::malformed(format!("The program asks wrongly: {}.", refusal.description))
}

/// A program that is known, with an address that is its own: from here on it may be told what is wrong.
struct Asks {
    client: Client,
    redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

impl Asks {
    /// Why nobody may be sent anywhere is told to the person.
    async fn find(request: &HttpRequest, parameters: &Parameters, is_signed_in: bool) -> Result<Asks, Error> {
        let app = app_of(request);
        let client_id = parameters.demand("client_id").map_err(mistaken)?;
        let redirect_uri = parameters.demand("redirect_uri").map_err(mistaken)?;
        let client = find(&app, client_id, is_signed_in).await?;
        if !client.may_send_to(redirect_uri) {
            return Err(Error::malformed(format!(
                "“{}” wants you to be sent to an address that it did not register. Nothing was allowed.",
                client.name
            )));
        }
        Ok(Asks {
            client,
            redirect_uri: redirect_uri.to_owned(),
            state: parameters.owned("state"),
            issuer: auth::own_address(request, &app),
        })
    }

    /// Back to the program, with what it is told.
    fn address(&self, told: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(told);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        // Which server it was (RFC 9207): a program that knows several cannot be made to mix them up.
        query.append_pair("iss", &self.issuer);
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }

    fn refused(&self, refusal: &Refusal) -> String {
        self.address(&[("error", refusal.error), ("error_description", &refusal.description)])
    }

    /// Whom the answer goes to, for people.
    fn goes_to(&self) -> String {
        let address = url::Url::parse(&self.redirect_uri).ok();
        match address.as_ref().map(|address| (address.scheme(), address.host_str())) {
            Some(("https", Some(host))) => host.to_owned(),
            Some(("http", _)) => "a program on this computer".to_owned(),
            Some((scheme, _)) => format!("the program for {scheme}: on this computer"),
            None => String::new(),
        }
    }
}

/// A program that registered, or that has a document at an address which is its id, where such are read.
async fn find(app: &Arc<App>, client_id: &str, is_signed_in: bool) -> Result<Client, Error> {
    let known = app.run(Call::default(), FindClient { client_id: client_id.to_owned() }).await;
    match known {
        Ok(client) if client.is_fresh() => return Ok(client),
        Err(error) if error.kind() != Kind::NotFound => return Err(error),
        _ => {}
    }
    if !app.config().oauth_client_metadata || !documents::is_address(client_id) {
        return Err(Error::malformed(
            "This server does not know the program, or not any more. Remove the connection in the program and add it again.",
        ));
    }
    if !is_signed_in {
        // Nothing is fetched because a stranger names it.
        return Err(not_signed_in());
    }
    let permit = app.limits.fetches.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Error::busy("Too many programs are looked up just now. Try again in a moment."))?;
    let address = client_id.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        documents::read(&address)
    });
    let document = read.await.map_err(Error::internal)?.map_err(mistaken)?;
    app.run(Call::default(), document).await.map(|registered| registered.client)
}

#[derive(Template)]
#[template(path = "consent_answer.html")]
struct AnswerPage<'a> {
    title: &'static str,
    name: &'a str,
    address: String,
}

/// Sends the person back to the program, with its answer: by a page that goes on at once. Chromium would hold a redirect,
/// and every further one by the program, to what the page with the form may send forms to.
fn send_back(request: &HttpRequest, asks: &Asks, title: &'static str, address: String) -> Answer {
    let template = AnswerPage { title, name: &asks.client.name, address };
    html(StatusCode::OK, &template).map_err(|error| Refused::bare(request, error))
}

#[derive(Template)]
#[template(path = "consent_refused.html")]
struct RefusedPage<'a> {
    reason: &'a str,
    /// The program and the way back to it, if it is known.
    back: Option<(&'a str, String)>,
}

/// What cannot be asked of anybody: told to the person who got here.
fn refuse(request: &HttpRequest, error: &Error, back: Option<(&Asks, &Refusal)>) -> Answer {
    if error.kind() == Kind::Internal {
        return Err(Refused::bare(request, error.clone()));
    }
    let back = back.map(|(asks, refusal)| (asks.client.name.as_str(), asks.refused(refusal)));
    let status = StatusCode::from_u16(error.status()).expect("errors have statuses");
    let template = RefusedPage { reason: error.detail(), back };
    let mut response = html(status, &template).map_err(|error| Refused::bare(request, error))?;
    if let Some(seconds) = error.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// Who asks and what for; what is wrong with the wish alone can be told to the program.
async fn asked<'a>(
    request: &HttpRequest,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    is_signed_in: bool,
) -> Result<(Asks, Outcome<Wish>, Parameters), Error> {
    let app = app_of(request);
    app.limits.authorization(auth::address(request, &app))?;
    let parameters = Parameters::read(pairs).map_err(mistaken)?;
    let asks = Asks::find(request, &parameters, is_signed_in).await?;
    let wish = Wish::read(&parameters, &asks.issuer);
    Ok((asks, wish, parameters))
}

pub async fn show(request: HttpRequest, page: Result<Page, Refused>) -> Answer {
    let pairs: Vec<_> = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let given = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let (asks, wish, parameters) = match asked(&request, given, page.is_ok()).await {
        Ok(asked) => asked,
        Err(error) => {
            return match page {
                Err(refused) if error.kind() == Kind::Unauthorized => Err(refused),
                _ => refuse(&request, &error, None),
            };
        }
    };
    match (wish, page) {
        (Ok(wish), Ok(page)) => {
            let place = page.workspace.as_ref().map(|place| place.slug.clone()).unwrap_or_default();
            let chosen = [("scopes", preset(&wish)), ("workspaceId", place)];
            let everywhere = AREAS.iter().map(|area| ("areas", area.word.to_owned()));
            let form = Form::filled(chosen.into_iter().chain(everywhere));
            consent(&page, &form, &asks, &wish, &parameters)
        }
        // Nobody is sent anywhere without having pressed anything: anybody can register an address.
        (Err(refusal), _) => {
            let reason = Error::malformed(format!("“{}” asks wrongly: {}.", asks.client.name, refusal.description));
            refuse(&request, &reason, Some((&asks, &refusal)))
        }
        (Ok(_), Err(refused)) => Err(refused),
    }
}

/// What is chosen unless the person chooses something else: what was asked for; nothing that removes, unless it was.
fn preset(wish: &Wish) -> String {
    wish.scopes.as_ref().map_or_else(|| "*:read *:write".to_owned(), Scopes::to_string)
}

/// The three that everybody understands.
const PLAIN: &[&str] = &["*", "*:read *:write", "*:read"];

fn consent(page: &Page, form: &Form, asks: &Asks, wish: &Wish, parameters: &Parameters) -> Answer {
    const SENT: &[&str] = &[
        "client_id",
        "redirect_uri",
        "response_type",
        "state",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "resource",
    ];
    let mut workspaces: Vec<Choice> =
        page.workspaces.iter().map(|place| Choice::new(&place.slug, place.name.clone())).collect();
    if workspaces.len() != 1 {
        workspaces.push(Choice::new("", "All my workspaces"));
    }
    let template = ConsentPage {
        page,
        form,
        asks,
        goes_to: asks.goes_to(),
        sent: SENT.iter().filter_map(|name| Some((*name, parameters.owned(name)?))).collect(),
        workspaces,
        own_scopes: Some(preset(wish)).filter(|scopes| !PLAIN.contains(&scopes.as_str())),
        areas: areas(page),
    };
    let mut response = page.show(form.status(), &template)?;
    // Not even a page of ours may put this one where somebody presses its button unknowingly.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'"));
    Ok(response)
}

pub async fn decide(page: Page, mut form: Form) -> Answer {
    let request = page.request().clone();
    let (asks, wish, parameters) = match asked(&request, form.pairs(), true).await {
        Ok(asked) => asked,
        Err(error) => return refuse(&request, &error, None),
    };
    let wish = match wish {
        Ok(wish) => wish,
        Err(refusal) => return send_back(&request, &asks, "Not connected", asks.refused(&refusal)),
    };
    if form.value("decision") != "allow" {
        let refusal = Refusal::new("access_denied", "The person said no.");
        return send_back(&request, &asks, "Not connected", asks.refused(&refusal));
    }
    let all = areas(&page);
    let chosen: Vec<&str> = all.iter().filter(|area| form.has("areas", area.word)).map(|area| area.toolsets).collect();
    if chosen.is_empty() {
        form.complain("areas", "choose at least one");
        return consent(&page, &form, &asks, &wish, &parameters);
    }
    let mut given = Form::filled([
        ("clientId", asks.client.client_id.clone()),
        ("redirectUri", asks.redirect_uri.clone()),
        ("codeChallenge", wish.challenge.clone()),
        ("resource", wish.resource.clone()),
        ("scopes", form.value("scopes").to_owned()),
        ("workspaceId", form.value("workspaceId").to_owned()),
    ]);
    if chosen.len() < all.len() {
        given.set("toolsets", format!("core {}", chosen.join(" ")));
    }
    match given.run::<Consent>(&page).await? {
        Some(consented) => send_back(&request, &asks, "Connected", asks.address(&[("code", &consented.code)])),
        None => {
            form.problems = given.problems;
            form.notice = given.notice;
            consent(&page, &form, &asks, &wish, &parameters)
        }
    }
}
