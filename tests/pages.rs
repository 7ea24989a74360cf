//! Pages as a browser meets them: over HTTP, with cookies, forms and nothing else.

#[path = "pages/board.rs"]
mod board;
#[path = "pages/budget.rs"]
mod budget;
#[path = "pages/crm.rs"]
mod crm;
#[path = "pages/days.rs"]
mod days;
#[path = "pages/forms.rs"]
mod forms;
#[path = "pages/imports.rs"]
mod imports;
#[path = "pages/joining.rs"]
mod joining;
#[path = "pages/live.rs"]
mod live;
#[path = "pages/security.rs"]
mod security;
#[path = "pages/sso.rs"]
mod sso;
mod support;
#[path = "pages/work.rs"]
mod work;
#[path = "pages/workshop.rs"]
mod workshop;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use sally::core::app::App;
use sally::core::config::Config;
use sally::core::store::{Store, Tuning};
use sally::features::setup::OfferSetUp;
use serde_json::{Value, json};
use support::server::Server;
use support::{PASSWORD, World, console};
use ureq::http::{HeaderValue, Request};

/// A browser without scripts: it keeps cookies, follows nothing by itself, and says where a form stood.
struct Browser {
    base: String,
    agent: ureq::Agent,
    cookies: RefCell<BTreeMap<String, String>>,
}

struct Shown {
    status: u16,
    location: String,
    cookies: Vec<String>,
    body: String,
}

impl Browser {
    fn new(base: &str) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).max_idle_connections(0).build();
        Browser { base: base.to_owned(), agent: config.into(), cookies: RefCell::default() }
    }

    /// Sam has a password; the others come in with a key in the cookie's place, which spares a slow hash for each.
    fn sign_in(&self, password: &str, next: &str) -> Shown {
        self.post("/login", &[("email", "sam@example.com"), ("password", password), ("next", next)])
    }

    fn get(&self, path: &str) -> Shown {
        self.send("GET", path, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], "")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.post_with(path, fields, &[("sec-fetch-site", "same-origin")])
    }

    fn post_with(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Shown {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut all = vec![("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", path, &all, &body)
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Shown {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let (head, mut body) = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap().into_parts();
        let location = head.headers.get("location").map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        let cookies: Vec<String> =
            head.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        for cookie in &cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.borrow_mut().remove(name),
                value => self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned()),
            };
        }
        Shown {
            status: head.status.as_u16(),
            location: location.unwrap_or_default(),
            cookies,
            body: body.read_to_string().unwrap(),
        }
    }
}

impl Shown {
    /// The text of the one `<h1>`.
    fn heading(&self) -> &str {
        let mut parts = self.body.split("<h1>");
        let after = parts.nth(1).unwrap_or_else(|| panic!("no h1: {}", self.body));
        assert!(parts.next().is_none(), "one h1 only");
        after.split("</h1>").next().unwrap()
    }

    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let after = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1);
        after.unwrap_or_else(|| panic!("no {name}: {}", self.body)).split('"').next().unwrap().to_owned()
    }

    fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// One organization, person, deal and follow-up of Acme's.
struct Office {
    world: World,
    server: Server,
    organization: String,
    person: String,
    deal: String,
    follow_up: String,
    stages: Vec<String>,
}

impl Office {
    async fn new() -> Office {
        let world = World::new().await;
        let ben = world.person("ben").await;
        let id = |record: Value| record["id"].as_str().unwrap().to_owned();
        let organization = json!({ "name": "Nordlicht GmbH", "website": "nordlicht.example" });
        let organization = id(ben.ask("crm.organization.create", organization).await.unwrap());
        let person =
            json!({ "name": "Mara Lindqvist", "organizationId": organization, "email": "mara@nordlicht.example" });
        let person = id(ben.ask("crm.person.create", person).await.unwrap());
        let deal = json!({ "title": "Website relaunch", "organizationId": organization, "primaryPersonId": person,
                           "value": 12500.5, "currency": "EUR" });
        let deal = id(ben.ask("crm.deal.create", deal).await.unwrap());
        let follow_up = json!({ "title": "Call about the offer", "dealId": deal, "dueAt": "2020-01-01" });
        let follow_up = id(ben.ask("crm.follow_up.add", follow_up).await.unwrap());
        let call = json!({ "body": "They want it by spring.", "dealId": deal, "type": "call" });
        ben.ask("crm.activity.add", call).await.unwrap();
        let info = ben.ask("crm.addon.info", json!({})).await.unwrap();
        let stages = info["stages"].as_array().unwrap().iter().map(|stage| stage["id"].as_str().unwrap().to_owned());
        let server = Server::start(&world.app);
        Office { organization, person, deal, follow_up, stages: stages.collect(), server, world }
    }

    async fn browser(&self, name: &str) -> Browser {
        let browser = Browser::new(&self.server.base);
        let token = self.world.person(name).await.token;
        browser.cookies.borrow_mut().insert("sally_session".into(), token);
        browser
    }

    async fn deal(&self) -> Value {
        self.world.person("ben").await.ask("crm.deal.get", json!({ "dealId": self.deal })).await.unwrap()
    }
}

#[tokio::test]
async fn signing_in_sets_the_cookie_and_a_wrong_password_does_not() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    assert_eq!(browser.get("/login").heading(), "Sign in");

    let wrong = browser.sign_in("Wrong-horse-7", "");
    assert_eq!((wrong.status, wrong.cookies.len()), (401, 0));
    assert!(wrong.has("E-mail or password is wrong.") && wrong.has("value=\"sam@example.com\""));
    assert!(!wrong.has("Wrong-horse-7"), "a password is never shown again");

    let right = browser.sign_in(PASSWORD, "/crm/people?q=x");
    assert_eq!((right.status, right.location.as_str()), (303, "/crm/people?q=x"));
    let cookie = right.cookies.iter().find(|cookie| cookie.starts_with("sally_session=")).unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http: the browser would not send it back");
    assert_eq!(browser.get("/login").location, "/");
    assert_eq!(browser.get("/").heading(), "My work");
    assert_eq!(browser.get("/settings").heading(), "Settings");

    let out = browser.post("/logout", &[]);
    assert_eq!((out.status, out.location.as_str()), (303, "/login"));
    assert_eq!(browser.get("/settings").location, "/login?next=%2Fsettings");
}

#[tokio::test]
async fn whoever_tries_too_often_has_to_wait() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 1).await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    assert_eq!(browser.sign_in("Wrong-horse-7", "").status, 401);
    let refused = browser.sign_in(PASSWORD, "");
    assert_eq!((refused.status, refused.cookies.len()), (429, 0));
    assert!(refused.has("Too many attempts to sign in. Try again in"));
}

#[tokio::test]
async fn a_next_that_leads_elsewhere_is_ignored() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
    {
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = Browser::new(&server.base).get(&format!("/login?next={encoded}"));
        assert!(!page.has("evil.example") && !page.has("javascript:"), "{next}");
    }
    // Signing in is slow and counted, so the worst of them stands for all.
    assert_eq!(Browser::new(&server.base).sign_in(PASSWORD, "//evil.example").location, "/");
}

#[tokio::test]
async fn every_page_shows_its_heading_to_owners_and_viewers() {
    let office = Office::new().await;
    let pages = [
        ("/", "My work"),
        ("/crm/deals", "Deals"),
        ("/crm/deals?view=table&sort=-value&status=OPEN", "Deals"),
        ("/crm/organizations?sort=name&q=nord", "Organizations"),
        ("/crm/people", "People"),
        ("/crm/follow-ups", "Follow-ups"),
        ("/crm/follow-ups?status=DONE", "Follow-ups"),
        ("/crm/activities?type=CALL", "Activities"),
        ("/search?q=relaunch", "Search"),
        ("/settings", "Settings"),
        ("/settings/keys", "Settings"),
    ];
    let records = [
        (format!("/crm/deals/{}", office.deal), "Website relaunch"),
        (format!("/crm/organizations/{}", office.organization), "Nordlicht GmbH"),
        (format!("/crm/people/{}", office.person), "Mara Lindqvist"),
    ];
    let writing = [
        ("/crm/deals/new".to_owned(), "New deal"),
        ("/crm/organizations/new".to_owned(), "New organization"),
        ("/crm/people/new".to_owned(), "New person"),
        ("/crm/follow-ups/new".to_owned(), "New follow-up"),
        ("/crm/activities/new".to_owned(), "Log activity"),
        (format!("/crm/deals/{}/edit", office.deal), "Edit Website relaunch"),
        (format!("/crm/organizations/{}/edit", office.organization), "Edit Nordlicht GmbH"),
        (format!("/crm/people/{}/edit", office.person), "Edit Mara Lindqvist"),
        (format!("/crm/follow-ups/{}/edit", office.follow_up), "Call about the offer"),
        (format!("/crm/deals/{}/lost", office.deal), "Mark “Website relaunch” as lost?"),
        (format!("/crm/people/{}/archive", office.person), "Archive “Mara Lindqvist”?"),
    ];
    for name in ["ada", "vera"] {
        let browser = office.browser(name).await;
        for (path, heading) in pages {
            let shown = browser.get(path);
            assert_eq!((shown.status, shown.heading()), (200, heading), "{name} {path}");
        }
        for (path, heading) in &records {
            let shown = browser.get(path);
            assert_eq!((shown.status, shown.heading()), (200, *heading), "{name} {path}");
            let may_write = name == "ada";
            assert_eq!(shown.has("data-composer"), may_write, "{name} {path}");
            assert_eq!(shown.has(&format!("{path}/edit\"")), may_write, "{name} {path}");
            let record: Value = serde_json::from_str(&browser.get(&format!("{path}.json")).body).unwrap();
            assert!(path.ends_with(record["id"].as_str().unwrap()));
            let text = browser.get(&format!("{path}.md")).body;
            assert!(text.starts_with(&format!("# {heading}\n")), "{name} {path}: {text}");
        }
        assert_eq!(browser.get("/crm/deals").has("class=\"move\""), name == "ada");
    }
    let ada = office.browser("ada").await;
    let vera = office.browser("vera").await;
    for (path, heading) in &writing {
        let may_look = path.contains("/follow-ups/fup_");
        assert_eq!(vera.get(path).status, if may_look { 200 } else { 403 }, "{path}");
        let shown = ada.get(path);
        assert_eq!((shown.status, shown.heading()), (200, *heading), "{path}");
    }
}

#[tokio::test]
async fn strangers_find_nothing_and_viewers_change_nothing() {
    let office = Office::new().await;
    let eve = office.browser("eve").await;
    let vera = office.browser("vera").await;
    let (deal, person) = (&office.deal, &office.person);
    for path in [
        format!("/crm/deals/{deal}"),
        format!("/crm/deals/{deal}.json"),
        format!("/crm/deals/{deal}.md"),
        format!("/crm/deals/{deal}/edit"),
        format!("/crm/people/{person}"),
        format!("/crm/organizations/{}", office.organization),
        format!("/crm/follow-ups/{}/edit", office.follow_up),
        format!("/crm/deals/new?organizationId={}", office.organization),
    ] {
        let shown = eve.get(&path);
        assert_eq!((shown.status, shown.heading()), (404, "There is nothing here"), "{path}");
    }
    let moving = format!("/crm/deals/{deal}/move");
    assert_eq!(eve.post(&moving, &[("to", "status:WON")]).status, 404);
    let refused = vera.post(&moving, &[("to", "status:WON")]);
    assert_eq!((refused.status, refused.heading()), (403, "You may not do this"));
    assert_eq!(vera.post(&format!("/crm/people/{person}/archive"), &[]).status, 403);
    assert_eq!(eve.get("/crm/deals?workspaceSlug=acme").status, 403);
    assert_eq!(office.deal().await["status"], "OPEN");

    let nobody = Browser::new(&office.server.base).get(&format!("/crm/deals/{deal}"));
    assert_eq!(nobody.location, format!("/login?next=%2Fcrm%2Fdeals%2F{deal}"));
    let program = Browser::new(&office.server.base).send("GET", "/settings", &[("accept", "application/json")], "");
    assert_eq!(program.status, 401);
    assert_eq!(serde_json::from_str::<Value>(&program.body).unwrap()["code"], "UNAUTHORIZED");
}

#[tokio::test]
async fn a_form_comes_back_with_what_was_typed_and_the_message_at_its_field() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let typed = [
        ("title", ""),
        ("value", "48.500,–"),
        ("currency", "CHF"),
        ("organizationId", "Nowhere Ltd"),
        ("notes", "a <b> c"),
    ];
    let shown = ben.post("/crm/deals/new", &typed);
    assert_eq!((shown.status, shown.heading()), (422, "New deal"));
    assert!(shown.has("2 things need your attention"));
    assert!(shown.has("id=\"title-error\"") && shown.has("id=\"value-error\""));
    assert!(shown.has("aria-describedby=\"title-error title-help\""));
    for kept in ["value=\"48.500,–\"", "<option value=\"CHF\" selected>", "value=\"Nowhere Ltd\"", "a &#60;b&#62; c"]
    {
        assert!(shown.has(kept), "{kept}");
    }
    let shown = ben.post("/crm/deals/new", &[("title", "Shop"), ("organizationId", "Nowhere Ltd")]);
    assert_eq!(shown.status, 422);
    assert!(shown.has("id=\"organizationId-error\"") && shown.has("There is no organization “Nowhere Ltd”."));

    let made = ben.post(
        "/crm/deals/new",
        &[("title", "Shop"), ("value", "1200"), ("currency", "CHF"), ("organizationId", "nordlicht.example")],
    );
    assert_eq!(made.status, 303, "{}", made.body);
    let page = ben.get(&made.location);
    assert!(page.has("Shop is in the pipeline") && page.has("1,200") && page.has("Nordlicht GmbH"));
    assert!(!ben.get(&made.location).has("Shop is in the pipeline"), "said once");

    let organization =
        ben.post("/crm/organizations/new", &[("name", "X"), ("website", "javascript:alert(1)"), ("email", "x@")]);
    assert_eq!(organization.status, 422);
    assert!(organization.has("id=\"website-error\"") && organization.has("id=\"email-error\""));
}

#[tokio::test]
async fn an_edit_sends_what_changed_and_notices_who_was_faster() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let path = format!("/crm/deals/{}/edit", office.deal);
    // A second one of that name: the untouched field must still mean the first.
    assert_eq!(ben.post("/crm/organizations/new", &[("name", "Nordlicht GmbH"), ("anyway", "yes")]).status, 303);
    let fields = |title, version| {
        [
            ("title", title),
            ("organizationId", "Nordlicht GmbH"),
            ("primaryPersonId", "Mara Lindqvist"),
            ("value", "12500.5"),
            ("currency", "EUR"),
            ("nextStep", "Send the scope"),
            ("labels", "web, 2027"),
            ("ifVersion", version),
        ]
    };
    assert_eq!(ben.post(&path, &fields("Relaunch", "1")).status, 303);
    let deal = office.deal().await;
    assert_eq!((&deal["title"], &deal["organizationId"]), (&json!("Relaunch"), &json!(office.organization)));
    assert_eq!((&deal["labels"], &deal["value"]), (&json!(["web", "2027"]), &json!(12500.5)));

    let late = ben.post(&path, &fields("Later", "1"));
    assert_eq!(late.status, 412);
    assert!(late.has("Someone else changed this meanwhile") && late.has("value=\"Later\""));
    assert!(late.has("name=\"ifVersion\" value=\"2\""), "saved again, it is");
    assert_eq!(ben.post(&path, &fields("Later", "2")).status, 303);
    assert_eq!(ben.post(&path, &fields("", "3")).status, 422);
    let ambiguous = ben.post(&path, &[("title", "Later"), ("organizationId", "nordlicht gmbh")]);
    assert_eq!(ambiguous.status, 422);
    assert!(ambiguous.has("fits several; write the id of one") && ambiguous.has(&office.organization));
}

#[tokio::test]
async fn posts_from_other_sites_are_refused() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let path = format!("/crm/deals/{}/move", office.deal);
    for headers in
        [[("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site")], [("origin", "https://evil.example")]]
    {
        assert_eq!(ben.post_with(&path, &[("to", "status:WON")], &headers).status, 403, "{headers:?}");
        let login = [("email", "sam@example.com"), ("password", PASSWORD)];
        assert_eq!(Browser::new(&office.server.base).post_with("/login", &login, &headers).status, 403, "{headers:?}");
    }
    assert_eq!(office.deal().await["status"], "OPEN");
    let host = office.server.base.clone();
    assert_eq!(ben.post_with(&path, &[("to", "status:WON")], &[("origin", &host)]).status, 303);
}

#[tokio::test]
async fn a_card_is_moved_by_a_plain_form_and_by_a_script() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let path = format!("/crm/deals/{}/move", office.deal);
    let proposal = format!("stage:{}", office.stages[2]);
    let here = format!("{}/crm/deals?owner=me", office.server.base);

    let moved = ben.post_with(&path, &[("to", &proposal)], &[("referer", &here)]);
    assert_eq!((moved.status, moved.location.as_str()), (303, "/crm/deals?owner=me"));
    assert!(ben.get("/crm/deals?owner=me").has("Website relaunch moved to Proposal"));
    assert_eq!(office.deal().await["stage"], "Proposal");

    let script = [("x-requested-with", "fetch"), ("sec-fetch-site", "same-origin"), ("referer", here.as_str())];
    let board = ben.post_with(&path, &[("to", "status:WON")], &script);
    assert_eq!(board.status, 200);
    assert!(board.body.trim_start().starts_with("<section class=\"board\" id=\"board\""), "the board and nothing else");
    let won = board.body.split("data-goal=\"status:WON\"").nth(1).unwrap();
    assert!(won.contains(&format!("data-card=\"{}\"", office.deal)));
    assert_eq!(office.deal().await["status"], "WON");
    // Dropped on a stage, a decided deal is open again.
    ben.post_with(&path, &[("to", &proposal)], &script);
    assert_eq!((&office.deal().await["status"], &office.deal().await["stage"]), (&json!("OPEN"), &json!("Proposal")));

    let wrong = ben.post_with(&path, &[("to", "stage:stage_0000000000000")], &script);
    assert!(wrong.status == 404 && wrong.has("<p data-reason>"), "the script shows the reason");
    let lost = ben.post(&path, &[("to", "status:LOST"), ("lostReason", "Price")]);
    assert_eq!(lost.status, 303);
    assert_eq!(office.deal().await["lostReason"], "Price");
}

#[tokio::test]
async fn the_composer_writes_down_and_plans() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let here = format!("/crm/deals/{}", office.deal);
    let referer = [("referer", format!("{}{here}", office.server.base))];
    let referer: Vec<(&str, &str)> = referer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let send = |fields: &[(&str, &str)]| {
        let mut all = vec![("dealId", office.deal.as_str())];
        all.extend(fields);
        ben.post_with("/crm/activities", &all, &referer)
    };
    let noted = send(&[
        ("type", "MEETING"),
        ("body", "Met in Kiel.\r\nThey agree."),
        ("occurredAt", "2026-03-01T09:30"),
        ("dueAt", ""),
    ]);
    assert_eq!((noted.status, noted.location), (303, format!("{here}?next=1")));
    let planned = send(&[
        ("type", "FOLLOW_UP"),
        ("body", "Send the contract\nwith both annexes"),
        ("occurredAt", ""),
        ("dueAt", "2027-01-15"),
    ]);
    assert_eq!((planned.status, planned.location), (303, here.clone()), "{}", planned.body);
    let deal = office.deal().await;
    assert_eq!(deal["activities"][1]["occurredAt"], "2026-03-01T09:30:00.000Z");
    assert_eq!(deal["followUps"][1]["title"], "Send the contract");
    assert_eq!(deal["followUps"][1]["body"], "with both annexes");
    assert_eq!(deal["followUps"][1]["dueAt"], "2027-01-15T23:59:59.999Z");

    let blank = send(&[("type", "CALL"), ("body", "  ")]);
    assert!(blank.status == 422 && blank.has("id=\"body-error\""));
    assert!(send(&[("type", "CALL"), ("body", "x"), ("occurredAt", "soon")]).has("id=\"occurredAt-error\""));
    let about_nothing = ben.post("/crm/activities", &[("type", "NOTE"), ("body", "x")]);
    assert!(about_nothing.status == 422 && about_nothing.has("id=\"dealId-error\""));
}

#[tokio::test]
async fn follow_ups_are_grouped_by_the_calendar_and_ticked_off() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let today = sally::core::time::Moment::now().day(&jiff::tz::TimeZone::UTC).to_string();
    for (title, due) in [("For today", today.as_str()), ("For much later", "2099-01-01"), ("For some time", "")] {
        assert_eq!(ben.post("/crm/follow-ups/new", &[("title", title), ("dueAt", due)]).status, 303);
    }
    let list = ben.get("/crm/follow-ups");
    let places: Vec<usize> = [
        "Overdue",
        "Call about the offer",
        "Today",
        "For today",
        "Later",
        "For much later",
        "No date",
        "For some time",
    ]
    .iter()
    .map(|text| list.body.find(&format!(">{text}<")).unwrap_or_else(|| panic!("{text}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(list.has("title=\"1 overdue\""));

    let done = ben.post(&format!("/crm/follow-ups/{}/done", office.follow_up), &[]);
    assert_eq!((done.status, done.location), (303, format!("/crm/follow-ups?next={}", office.follow_up)));
    let list = ben.get("/crm/follow-ups");
    assert!(list.has("Done: Call about the offer") && !list.has("overdue</span>"));
    assert!(ben.get("/crm/follow-ups?status=DONE").has("Call about the offer"));
    ben.post(&format!("/crm/follow-ups/{}/reopen", office.follow_up), &[]);
    assert!(ben.get("/crm/follow-ups").has("title=\"1 overdue\""));

    let edit = format!("/crm/follow-ups/{}/edit", office.follow_up);
    assert_eq!(ben.post(&edit, &[("title", "Call again"), ("dueAt", "2030-05-05"), ("dueTime", "14:30")]).status, 303);
    assert!(ben.get(&edit).has("value=\"14:30\""));
    assert!(ben.post(&edit, &[("title", "Call again"), ("dueAt", ""), ("dueTime", "14:30")]).has("id=\"dueAt-error\""));
}

#[tokio::test]
async fn the_set_up_link_works_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { db: folder.path().join("sally.db"), ..Config::default() };
    let store = Store::serve(&config.db, Tuning::default()).unwrap();
    let app = Arc::new(App::new(store, config, sally::features::ALL));
    let token = app.run(console(), OfferSetUp {}).await.unwrap().token;
    let server = Server::start(&app);
    let browser = Browser::new(&server.base);
    let before = browser.get("/crm/deals");
    assert_eq!((before.status, before.heading()), (503, "Not set up yet"));
    assert_eq!(browser.get(&format!("/setup?token={token}")).heading(), "Set up Sally");

    let fields = |token, password| {
        [
            ("token", token),
            ("name", "Ada Park"),
            ("email", "ada@example.com"),
            ("password", password),
            ("workspace", "Northlight"),
            ("timeZone", "Europe/Berlin"),
        ]
    };
    let dead = browser.post("/setup", &fields("nonsense", PASSWORD));
    assert!(dead.status == 422 && dead.has("This link does not work"));
    let weak = browser.post("/setup", &fields(&token, "secret"));
    assert!(weak.status == 422 && weak.has("id=\"password-error\"") && weak.has("value=\"Ada Park\""));
    assert!(!weak.has("value=\"secret\""));

    let made = browser.post("/setup", &fields(&token, PASSWORD));
    assert_eq!((made.status, made.location.as_str()), (303, "/welcome"), "{}", made.body);
    let home = browser.get("/");
    assert!(home.heading() == "My work" && home.has("Nothing is waiting for you") && home.has("Northlight"));
    let board = browser.get("/crm/deals");
    assert!(board.has("No deals yet") && board.has("Northlight") && board.has("Or ask your agent"));
    assert!(browser.get("/settings").has("value=\"Europe/Berlin\""));
    assert_eq!(browser.get(&format!("/setup?token={token}")).status, 404);
    assert_eq!(browser.post("/setup", &fields(&token, PASSWORD)).status, 404);
}

#[tokio::test]
async fn a_hostile_title_is_only_text() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let hostile = "<script>alert(1)</script>\" onmouseover=\"alert(2)";
    let made = ben.post("/crm/deals/new", &[("title", hostile), ("notes", hostile), ("labels", "<i>x</i>")]);
    let mut pages = vec!["/crm/deals".to_owned(), "/crm/deals?view=table".to_owned(), "/search?q=script".to_owned()];
    pages.push(format!("{}/edit", made.location));
    pages.push(made.location);
    let query: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
    pages.push(format!("/crm/people?q={query}&owner="));
    for path in pages {
        let shown = ben.get(&path);
        let unmarked = shown.body.replace("<mark>", "").replace("</mark>", "");
        assert!(shown.status == 200 && unmarked.contains("&#60;script&#62;"), "{path}");
        assert!(!shown.has("<script>alert") && !shown.has("\" onmouseover=\"") && !shown.has("<i>x"), "{path}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_with_ready_configurations_and_dies_at_once() {
    let office = Office::new().await;
    let sam = Browser::new(&office.server.base);
    sam.sign_in(PASSWORD, "");
    let made = sam.post(
        "/settings/keys",
        &[
            ("kind", "MCP"),
            ("label", "Claude"),
            ("workspaceId", "acme"),
            ("scopes", "read"),
            ("customScopes", "crm:write"),
            ("toolsets", "crm"),
            ("toolsets", "core"),
            ("toolNames", "UNDERSCORE"),
            ("expires", "30"),
        ],
    );
    assert_eq!(made.status, 200, "{}", made.body);
    let token = made.body.split("id=\"new-token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(token.starts_with("sallymcp_") && made.has("claude mcp add") && made.has("id=\"config-codex\""));
    let list = sam.get("/settings/keys");
    assert!(!list.has(&token) && list.has("crm:write") && list.has("Acme · crm core"));

    let bearer = format!("Bearer {token}");
    let ask =
        || Browser::new(&office.server.base).send("GET", "/api/crm/deals", &[("authorization", &bearer)], "").status;
    assert_eq!(ask(), 200);
    let id = list.body.split("/settings/keys/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let revoke = format!("/settings/keys/{id}/revoke");
    assert_eq!(sam.post(&revoke, &[("kind", "MCP"), ("ifVersion", "1")]).location, "/settings/keys");
    assert_eq!(ask(), 401);
    assert_eq!(
        sam.post(&revoke, &[("kind", "MCP"), ("ifVersion", "1")]).status,
        412,
        "a double click does not remove it"
    );
    assert!(sam.get("/settings/keys").has("Revoked"));

    let wrong = sam.post(
        "/settings/keys",
        &[("kind", "API"), ("label", ""), ("scopes", "nonsense"), ("expires", "90"), ("toolsets", "crm")],
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("id=\"label-error\"") && wrong.has("id=\"toolsets-error\"") && wrong.has("nonsense"));
}

#[tokio::test]
async fn the_workspace_is_chosen_and_kept() {
    let office = Office::new().await;
    let sam = Browser::new(&office.server.base);
    sam.sign_in(PASSWORD, "");
    let name_of_workspace =
        |shown: &Shown| shown.has("aria-current=\"true\"") && shown.has("value=\"bolt\" aria-current");
    let chosen = sam.post_with(
        "/workspace",
        &[("workspace", "bolt")],
        &[("referer", &format!("{}/crm/people/x?q=1", office.server.base))],
    );
    assert_eq!((chosen.status, chosen.location.as_str()), (303, "/crm/people"));
    assert!(name_of_workspace(&sam.get("/crm/people")));
    assert_eq!(sam.post("/workspace", &[("workspace", "nowhere")]).status, 404);
    assert!(!name_of_workspace(&sam.get("/crm/people?workspaceSlug=acme")));
}
