//! Who looks at a page and where: every handler of a signed-in page begins with a [`Page`].

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, LOCATION, REFERER, RETRY_AFTER};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use askama::Template;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::app::{App, Call};
use crate::core::caller::{PlatformRole, Role, Selector};
use crate::core::error::{Error, Kind, Permission};
use crate::core::input;
use crate::core::operation::Operation;
use crate::core::page::Paging;
use crate::core::text::Line;
use crate::core::time::{Day, Moment};
use crate::features::accounts::AccountView;
use crate::features::crm::follow_ups::CountOverdue;
use crate::features::notifications::ListNotifications;
use crate::features::sessions::Me;
use crate::features::timesheets::timer::{GetTimer, Timer};
use crate::features::workspaces::ListWorkspaces;
use crate::http::{auth, rest};

/// Where one sets up a second factor.
pub const SECURITY: &str = "/settings/security";

/// What was done, told on the next page.
const SAID_COOKIE: &str = "sally_said";

/// A signed-in person in a workspace, with what the frame around every page shows. Cheap to clone.
#[derive(Clone)]
pub struct Page(Rc<Frame>);

pub struct Frame {
    app: Arc<App>,
    call: Call,
    request: HttpRequest,
    pub account: AccountView,
    pub workspaces: Vec<Place>,
    /// `None` for an account that belongs nowhere yet.
    pub workspace: Option<Place>,
    /// May the person change what the workspace holds? Operations refuse anyway; this spares useless buttons.
    pub may_write: bool,
    /// Owners of the workspace, and who administers the server.
    pub is_owner: bool,
    pub is_admin: bool,
    /// Is there a CRM here?
    pub crm: bool,
    /// How many of the person's follow-ups are late.
    pub overdue: i64,
    /// How many notifications nobody has looked at.
    pub unread: usize,
    /// The clock that the person has running.
    pub clock: Option<Clock>,
    pub zone: TimeZone,
    pub now: Moment,
    pub today: Day,
    /// What was done on the page before.
    pub said: Option<Said>,
}

/// What was done, with something to do about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    pub text: String,
    pub offer: Option<Offer>,
    /// Only some of what was asked for was done.
    pub is_partial: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Offer {
    Link {
        href: String,
        text: String,
    },
    /// What a form sends to take it back.
    Undo {
        action: String,
        fields: Vec<(String, String)>,
    },
}

impl Offer {
    pub fn undo(action: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Offer::Undo { action: action.into(), fields }
    }
}

impl Said {
    pub fn plain(text: &str) -> Self {
        Said { text: text.to_owned(), offer: None, is_partial: false }
    }

    /// From a cookie, which anybody may have written: it leads nowhere but here.
    fn read(cookie: &str) -> Option<Self> {
        let mut said: Said = serde_json::from_str(&decoded(cookie)).ok()?;
        said.offer = said.offer.filter(|offer| match offer {
            Offer::Link { href: path, .. } | Offer::Undo { action: path, .. } => own_path(path).is_some(),
        });
        Some(said)
    }
}

/// A workspace one can work in.
#[derive(Debug, Clone)]
pub struct Place {
    pub slug: String,
    pub name: String,
    pub raw_id: i64,
    role: Option<Role>,
}

impl Place {
    pub fn is_owned(&self) -> bool {
        self.role == Some(Role::Owner)
    }
}

/// The running clock, as the frame shows it.
#[derive(Debug, Clone)]
pub struct Clock {
    /// What it runs for: `WEB-12 Write the offer`, or the project.
    pub name: String,
    pub href: String,
    pub since: String,
    /// `0:42`
    pub elapsed: String,
}

impl Clock {
    fn new(timer: &Timer, now: Moment) -> Self {
        let (name, href) = match (&timer.task_key, &timer.task) {
            (Some(key), Some(task)) => (format!("{key} {}", task.name), format!("/tasks/{key}")),
            _ => (timer.project.name.clone(), format!("/projects/{}", timer.project_id)),
        };
        let minutes = now.minutes_since(timer.started_at).max(0);
        Clock { name, href, since: timer.started_at.to_string(), elapsed: super::show::hours(&minutes) }
    }
}

impl Deref for Page {
    type Target = Frame;
    fn deref(&self) -> &Frame {
        &self.0
    }
}

impl FromRequest for Page {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Page::open(&request).await.map_err(|error| Refused::bare(&request, error)) })
    }
}

/// The application behind a request.
pub fn app_of(request: &HttpRequest) -> Arc<App> {
    let data = request.app_data::<web::Data<App>>().expect("the server hands the application to every worker");
    data.clone().into_inner()
}

impl Page {
    async fn open(request: &HttpRequest) -> Result<Page, Error> {
        let app = app_of(request);
        let mut call = auth::call(request, &app)?;
        let me = app.run(call.clone(), Me {}).await?;
        let mut workspaces: Vec<Place> = me
            .memberships
            .into_iter()
            .map(|m| Place { slug: m.slug, name: m.name, raw_id: m.workspace_id.raw(), role: Some(m.role) })
            .collect();
        let is_admin = me.account.platform_role != PlatformRole::None;
        if is_admin {
            // An administrator may enter every workspace; their own come first.
            let paged = Call { paging: Paging::first(200), ..call.clone() };
            let all = match app.run(paged, ListWorkspaces::default()).await {
                // The frame around the set-up of a second factor that the server demands.
                Err(error) if error.kind() == Kind::SecondFactorRequired => Vec::new(),
                listed => listed?.items,
            };
            let all = all.into_iter();
            let others = all.filter(|other| workspaces.iter().all(|own| own.slug != other.slug)).collect::<Vec<_>>();
            workspaces.extend(others.into_iter().map(|other| Place {
                slug: other.slug,
                name: other.name,
                raw_id: other.id.raw(),
                role: other.role,
            }));
        }
        let query = Query::of(request);
        let asked = Some(query.get("workspaceSlug")).filter(|slug| !slug.is_empty()).map(str::to_owned);
        let remembered = request.cookie(auth::WORKSPACE_COOKIE).map(|cookie| cookie.value().to_owned());
        let find = |slug: &str| workspaces.iter().find(|place| place.slug.eq_ignore_ascii_case(slug)).cloned();
        let workspace = match &asked {
            Some(slug) => find(slug),
            None => remembered.and_then(|slug| find(&slug)).or_else(|| workspaces.first().cloned()),
        };
        call.selector = asked.or(workspace.as_ref().map(|place| place.slug.clone())).map(Selector::Slug);
        // The frame must stand even where the page's own operation is refused, so a refusal here counts nothing.
        let overdue = app.run(call.clone(), CountOverdue {}).await.map_or(0, |overdue| overdue.count);
        let one = Call { paging: Paging::first(1), ..call.clone() };
        let told = app.run(one, ListNotifications { unread: Some(true) }).await;
        let unread = told.map_or(0, |told| told.unread_count);
        let timer = app.run(call.clone(), GetTimer {}).await.ok().and_then(|running| running.timer);
        let role = workspace.as_ref().and_then(|place| place.role);
        let zone = TimeZone::get(&me.account.time_zone).unwrap_or(TimeZone::UTC);
        let now = Moment::now();
        let frame = Frame {
            crm: app.config().crm,
            app,
            call,
            request: request.clone(),
            account: me.account,
            workspaces,
            workspace,
            may_write: is_admin || role.is_some_and(|role| role >= Role::Member),
            is_owner: is_admin || role == Some(Role::Owner),
            is_admin,
            overdue,
            unread,
            clock: timer.map(|timer| Clock::new(&timer, now)),
            today: now.day(&zone),
            zone,
            now,
            said: request.cookie(SAID_COOKIE).and_then(|cookie| Said::read(cookie.value())),
        };
        Ok(Page(Rc::new(frame)))
    }

    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Who asks, and for which workspace.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Is this page the one at that address, or below it?
    pub fn is_at(&self, href: &str) -> bool {
        let below = self.request.path().strip_prefix(href);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The query of this request.
    pub fn query(&self) -> Query {
        Query::of(&self.request)
    }

    /// Runs an operation as this person in this workspace.
    pub async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Refused> {
        self.run_with(operation, None).await
    }

    /// The same, refused when the record is not at the version that was seen.
    pub async fn run_with<O: Operation>(&self, operation: O, seen: Option<i64>) -> Result<O::Output, Refused> {
        let call = Call { if_version: seen, ..self.call.clone() };
        self.app.run(call, operation).await.map_err(|error| self.refuse(error))
    }

    /// Runs an operation from what the address says.
    pub async fn ask<O: Operation>(&self, input: Map<String, Value>) -> Result<O::Output, Refused> {
        let operation = input::read::<O>(input, self.app.shape_of::<O>()).map_err(|error| self.refuse(error))?;
        self.run(operation).await
    }

    /// Runs an operation from a form without fields to correct: a button, or a value that was chosen.
    pub async fn act<O: Operation>(&self, given: &[(&str, &str)]) -> Result<O::Output, Refused> {
        let input = given.iter().map(|(field, value)| ((*field).to_owned(), Value::from(*value)));
        self.ask::<O>(input.collect()).await
    }

    /// The id in an address, for operations that look it up themselves.
    pub fn id<const MAX: usize>(&self, text: &str) -> Result<Line<MAX>, Refused> {
        Line::parse(text).map_err(|message| self.refuse(Error::field("id", message)))
    }

    /// One page of a list: filters, order and cursor from what the address says.
    pub async fn list<O: Operation>(&self, mut input: Map<String, Value>, limit: usize) -> Result<O::Output, Refused> {
        const { assert!(!O::SPEC.more.sorts.is_empty(), "only lists have pages: the operation names no sorts") };
        let paging = Paging::take(&mut input, &O::SPEC).map_err(|error| self.refuse(error))?.or_limit(limit);
        let operation = input::read::<O>(input, self.app.shape_of::<O>()).map_err(|error| self.refuse(error))?;
        let call = Call { paging, ..self.call.clone() };
        self.app.run(call, operation).await.map_err(|error| self.refuse(error))
    }

    /// A record as the JSON that REST gives.
    pub async fn json(&self, operation: &str, field: &str, id: &str) -> Answer {
        let listed = self.app.operation(operation).expect("pages name operations of the list");
        let input = input::of([(field, id.into())]);
        let reply = self.app.answer(listed, self.call.clone(), input).await.map_err(|error| self.refuse(error))?;
        Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(reply.body))
    }

    /// A record as agents read it.
    pub fn markdown(&self, text: String) -> Answer {
        Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/markdown; charset=utf-8")).body(text))
    }

    /// The error page, inside this frame.
    pub fn refuse(&self, error: Error) -> Refused {
        Refused { error, request: self.request.clone(), page: Some(self.clone()) }
    }

    /// A form that nobody here may send is not shown; the operation would refuse it anyway.
    pub fn must_write(&self) -> Result<(), Refused> {
        let reason = "You may look at this workspace, but not change it. Ask an owner to make you a member.";
        if self.may_write { Ok(()) } else { Err(self.denied("workspace", Role::Member, self.role(), reason)) }
    }

    /// The same for what only owners of the workspace send.
    pub fn must_own(&self) -> Result<(), Refused> {
        let reason = "This is for owners of the workspace. Ask one of them.";
        if self.is_owner { Ok(()) } else { Err(self.denied("workspace", Role::Owner, self.role(), reason)) }
    }

    /// The person's role in the workspace.
    fn role(&self) -> Option<Role> {
        self.workspace.as_ref().and_then(|place| place.role)
    }

    pub fn denied(&self, scope: &'static str, required: Role, current: Option<Role>, reason: &str) -> Refused {
        self.refuse(Error::denied(Permission {
            scope,
            required: required.word().into(),
            current: current.map(|role| role.word().to_owned()),
            reason: reason.into(),
        }))
    }

    pub fn show(&self, status: StatusCode, template: &impl Template) -> Answer {
        let mut response = html(status, template).map_err(|error| self.refuse(error))?;
        if self.said.is_some() {
            let mut gone = Cookie::build(SAID_COOKIE, "").path("/").finish();
            gone.make_removal();
            response.add_cookie(&gone).map_err(|error| self.refuse(Error::internal(error)))?;
        }
        Ok(response)
    }

    pub fn ok(&self, template: &impl Template) -> Answer {
        self.show(StatusCode::OK, template)
    }

    /// On to another page, which tells what was done here.
    pub fn go(&self, to: &str, said: &str) -> Answer {
        self.tell(to, Said::plain(said))
    }

    /// The same, with something to do about it.
    pub fn go_with(&self, to: &str, said: &str, offer: Offer) -> Answer {
        self.tell(to, Said { offer: Some(offer), ..Said::plain(said) })
    }

    fn tell(&self, to: &str, said: Said) -> Answer {
        let mut response = see_other(to);
        if !said.text.is_empty() {
            let cookie = saying(&self.request, &self.app, &said);
            response.add_cookie(&cookie).map_err(|error| self.refuse(Error::internal(error)))?;
        }
        Ok(response)
    }

    /// Back to the page that the form stood on, if it was one of ours.
    pub fn back(&self, or_else: &str, said: &str) -> Answer {
        self.go(&self.before(or_else), said)
    }

    /// The same, with something to do about it.
    pub fn back_with(&self, or_else: &str, said: &str, offer: Offer) -> Answer {
        self.go_with(&self.before(or_else), said, offer)
    }

    /// The same where only some of it was done.
    pub fn back_partly(&self, or_else: &str, said: &str) -> Answer {
        self.tell(&self.before(or_else), Said { is_partial: true, ..Said::plain(said) })
    }

    fn before(&self, or_else: &str) -> String {
        came_from(&self.request).unwrap_or_else(|| or_else.to_owned())
    }
}

/// What the next page tells, whichever it is.
pub fn saying(request: &HttpRequest, app: &App, said: &Said) -> Cookie<'static> {
    let said = serde_json::to_string(said).expect("texts and addresses are JSON");
    let said: String = url::form_urlencoded::byte_serialize(said.as_bytes()).collect();
    Cookie::build(SAID_COOKIE, said)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(auth::is_secure(request, app))
        .max_age(Duration::minutes(1))
        .finish()
}

/// What handlers of pages answer with.
pub type Answer = Result<HttpResponse, Refused>;

/// What an address in a header cannot hold, such as the line end behind a key that was pasted, is left out.
pub fn see_other(to: &str) -> HttpResponse {
    let to: String = to.chars().filter(|letter| !letter.is_control()).collect();
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}

pub fn html(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    let body = template.render().map_err(Error::internal)?;
    Ok(HttpResponse::build(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(body))
}

fn decoded(text: &str) -> String {
    let said = format!("v={text}");
    url::form_urlencoded::parse(said.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Only a path of ours may be gone to after signing in: anything a browser could read as another host is not one.
pub fn own_path(text: &str) -> Option<&str> {
    let is_plain = !text.chars().any(|c| c.is_control() || c == '\\');
    (is_plain && text.starts_with('/') && !text.starts_with("//")).then_some(text)
}

/// Path and query of the page that a form stood on.
pub fn came_from(request: &HttpRequest) -> Option<String> {
    let referer = request.headers().get(REFERER)?.to_str().ok()?;
    let url = url::Url::parse(referer).ok()?;
    let host = auth::host(request, &app_of(request));
    let own = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    if !own.eq_ignore_ascii_case(&host) {
        return None;
    }
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    own_path(&path).map(str::to_owned)
}

/// Does a script of ours ask, which wants what it asked for and no other page?
pub fn by_script(request: &HttpRequest) -> bool {
    request.headers().get("x-requested-with").is_some_and(|name| name.as_bytes() == b"fetch")
}

/// The names and values behind the question mark.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn of(request: &HttpRequest) -> Self {
        Query::parse(request.query_string())
    }

    pub fn parse(text: &str) -> Self {
        Query(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The query of the page that the form stood on: its filters.
    pub fn before(request: &HttpRequest) -> Self {
        let path = came_from(request).unwrap_or_default();
        Query::parse(path.split_once('?').map_or("", |(_, query)| query))
    }

    /// The first value of that name, trimmed; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// The input of an operation out of what is not blank: field and name here.
    pub fn input(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let given = names.iter().map(|(field, name)| (*field, self.get(name)));
        given.filter(|(_, value)| !value.is_empty()).map(|(field, value)| (field.to_owned(), value.into())).collect()
    }

    /// All values of that name.
    pub fn every(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// What a form has to carry along: all but its own fields.
    pub fn without(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let kept = self.0.iter().filter(|(name, value)| !names.contains(&name.as_str()) && !value.trim().is_empty());
        kept.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Is any of these given?
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| !self.get(name).is_empty())
    }

    /// The same page with another value; an empty one leaves the name out. Another choice begins at the first page.
    pub fn with(&self, name: &str, value: &str) -> String {
        self.with_all(&[(name, value)])
    }

    /// The same with several other values.
    pub fn with_all(&self, changes: &[(&str, &str)]) -> String {
        let mut link = url::form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        for (known, given) in &self.0 {
            let is_changed = changes.iter().any(|(name, _)| name == known);
            if !is_changed && known != "cursor" && !given.trim().is_empty() {
                link.append_pair(known, given);
            }
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            link.append_pair(name, value);
        }
        link.finish()
    }
}

/// An error on its way to the person: as a page, as the way to the sign-in, or as JSON for who takes nothing else.
pub struct Refused {
    error: Error,
    request: HttpRequest,
    page: Option<Page>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Option<&'a Page>,
    status: u16,
    title: &'a str,
    reason: &'a str,
    request_id: Option<String>,
    home: &'static str,
}

impl Refused {
    /// Without a frame: nobody is signed in, or the page was never found.
    pub fn bare(request: &HttpRequest, error: Error) -> Self {
        Refused { error, request: request.clone(), page: None }
    }

    pub fn error(&self) -> &Error {
        &self.error
    }

    fn wants_json(&self) -> bool {
        let accept = self.request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accept.contains("json") && !accept.contains("text/html")
    }

    fn respond(&self) -> Result<HttpResponse, Error> {
        let error = &self.error;
        if self.wants_json() {
            return Ok(rest::problem(&self.request, error));
        }
        if error.status() == 401 && !by_script(&self.request) {
            return Ok(see_other(&self.sign_in()));
        }
        if error.kind() == Kind::SecondFactorRequired && !by_script(&self.request) {
            return Ok(see_other(SECURITY));
        }
        let request_id = auth::request_id(&self.request);
        if error.kind() == Kind::Internal {
            log::error!(request_id = request_id.as_str(); "{} {}: {}", self.request.method(), self.request.path(), error.cause());
        }
        let template = ErrorPage {
            page: self.page.as_ref(),
            status: error.status(),
            title: title(error.kind()),
            reason: error.detail(),
            request_id: (error.kind() == Kind::Internal).then_some(request_id),
            home: if self.page.is_some() { "Back to my work" } else { "To the start" },
        };
        let mut response = html(self.status_code(), &template)?;
        if let Some(seconds) = error.retry_after_seconds() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }

    /// The sign-in, and from there to where the person was.
    fn sign_in(&self) -> String {
        let here = if self.request.method().is_safe() {
            self.request.uri().path_and_query().map(|path| path.as_str().to_owned())
        } else {
            came_from(&self.request)
        };
        match here.as_deref().and_then(own_path).filter(|path| *path != "/") {
            Some(path) => {
                let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
                format!("/login?next={next}")
            }
            None => "/login".to_owned(),
        }
    }
}

/// The heading of the error page.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "There is nothing here",
        Kind::PermissionDenied => "You may not do this",
        Kind::WorkspaceDenied => "This is not your workspace",
        Kind::Unauthorized => "You are not signed in",
        Kind::Invalid => "That could not be understood",
        kind => kind.facts().2,
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.respond().unwrap_or_else(|_| HttpResponseBuilder::new(self.status_code()).finish())
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_gone_to() {
        for ours in ["/", "/crm/deals?view=table", "/crm/deals/new#title"] {
            assert_eq!(own_path(ours), Some(ours));
        }
        for foreign in ["", "crm", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "/a\tb"] {
            assert_eq!(own_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_link_keeps_the_filters_and_begins_at_the_first_page() {
        let query = Query::parse("q=a+b&owner=me&cursor=xyz&empty=");
        assert_eq!(query.with("sort", "-value"), "?q=a+b&owner=me&sort=-value");
        assert_eq!(query.with("q", ""), "?owner=me");
        assert_eq!(query.get("q"), "a b");
    }
}
