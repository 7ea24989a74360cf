//! The CRM's pages: the board's marks and filters, tables and their columns, next steps, lost reasons, doubles.

use serde_json::json;

use crate::support::put;
use crate::{Browser, Office, Shown};

/// A third of a year ago, nobody has looked at it since.
async fn forget(office: &Office) {
    put(&office.world.app, "update crm_deal set updated_at = 1000, stage_since = 1000").await;
    put(&office.world.app, "update crm_activity set occurred_at = 1000").await;
    put(&office.world.app, "update crm_follow_up set status = 'CANCELLED'").await;
}

fn rows(shown: &Shown) -> usize {
    shown.body.matches("<tr id=\"deal_").count()
}

#[tokio::test]
async fn a_card_says_how_long_it_stands_there_and_what_it_lacks() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let fresh = ben.get("/crm/deals");
    assert!(!fresh.has("next missing"), "its follow-up is one");
    assert!(fresh.has("In stage since today") && !fresh.has("Quiet for"));
    assert!(fresh.has("weighted €\u{a0}1,250.05"), "a tenth of it, as a lead");
    assert!(fresh.has("1 open · €\u{a0}12,500.50 · weighted €\u{a0}1,250.05"));

    forget(&office).await;
    let forgotten = ben.get("/crm/deals");
    assert!(forgotten.has("next missing") && forgotten.has("Quiet for ") && !forgotten.has("In stage since today"));
    let card = format!("data-card=\"{}\"", office.deal);
    let of_organization = format!("organization={}", office.organization);
    for (query, is_there) in [
        ("attention=QUIET", true),
        ("attention=NO_NEXT_STEP&owner=me", true),
        ("label=web", false),
        (of_organization.as_str(), true),
        ("q=nothing", false),
    ] {
        let board = ben.get(&format!("/crm/deals?{query}"));
        assert_eq!((board.status, board.has(&card)), (200, is_there), "{query}");
        let other = format!("/crm/deals?{}&#38;view=table", query.replace('&', "&#38;"));
        assert!(board.has(&format!("href=\"{other}\"")), "the table is narrowed alike");
        let table = ben.get(&format!("/crm/deals?view=table&{query}"));
        assert_eq!(rows(&table), usize::from(is_there), "{query}");
    }
    assert_eq!(ben.get("/crm/deals?attention=SLEEPY").status, 422);
    assert_eq!(ben.get("/crm/deals?organization=org_0000000000001").status, 404);
}

#[tokio::test]
async fn a_table_shows_the_columns_that_were_chosen_and_is_a_file_of_the_same() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    for n in 0..60 {
        let deal = json!({ "title": format!("Deal {n:02}"), "value": 100, "currency": "EUR", "labels": ["many"] });
        office.world.person("ben").await.ask("crm.deal.create", deal).await.unwrap();
    }
    let usual = ben.get("/crm/deals?view=table&label=many");
    assert_eq!(rows(&usual), 50, "a page of them");
    assert!(usual.has("60 deals · €\u{a0}6,000 · weighted €\u{a0}600"), "all of them");
    assert!(usual.has(">Next step</th>") && !usual.has(">Probability</th>"));

    let address = "/crm/deals?view=table&label=many&columns=title&columns=value&columns=probability&sort=title";
    let chosen = ben.get(address);
    assert!(chosen.has(">Probability</th>") && !chosen.has(">Next step</th>"));
    assert!(chosen.has("name=\"columns\" value=\"probability\" checked"));
    let file = ben.get(&format!("{address}&format=csv"));
    let lines: Vec<&str> = file.body.lines().collect();
    assert_eq!((file.status, lines.len()), (200, 61));
    assert_eq!(lines[..2], ["Deal,Value,Currency,Probability in %", "Deal 00,100,EUR,10"]);

    let people = ben.get("/crm/people?columns=name,mobile");
    assert!(people.has(">Mobile</th>") && !people.has(">Title</th>") && people.has("1 person"));
    let file = ben.get("/crm/people?columns=name,organization&format=csv");
    assert_eq!(file.body, "Name,Organization\r\nMara Lindqvist,Nordlicht GmbH\r\n");
    let file = ben.get("/crm/organizations?format=csv&q=nord");
    assert!(
        file.body.starts_with(
            "Organization,Website,Industry,City,Owner,Changed\r\nNordlicht GmbH,https://nordlicht.example,"
        )
    );
}

#[tokio::test]
async fn after_something_was_done_the_page_asks_what_happens_next() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let here = format!("/crm/people/{}", office.person);
    let referer = format!("{}{here}", office.server.base);
    let called = ben.post_with(
        "/crm/activities",
        &[("personId", &office.person), ("type", "CALL"), ("body", "She calls back.")],
        &[("referer", &referer)],
    );
    assert_eq!(called.location, format!("{here}?next=1"));
    let asked = ben.get(&called.location);
    assert!(asked.has("What happens next?") && asked.has(">Skip</a>"));
    assert!(!ben.get(&here).has("What happens next?"));
    assert!(!office.browser("vera").await.get(&called.location).has("What happens next?"));

    let planned = [("personId", office.person.as_str()), ("back", here.as_str()), ("title", "Wait for her call")];
    let days = [("dueAt", "2027-01-15"), ("otherDay", "2027-02-01")];
    let planned = ben.post("/crm/follow-ups/new", &[planned.as_slice(), &days].concat());
    assert_eq!((planned.status, planned.location), (303, here.clone()));
    let ben_himself = office.world.person("ben").await;
    let person = ben_himself.ask("crm.person.get", json!({ "personId": office.person })).await.unwrap();
    assert_eq!(person["followUps"][0]["dueAt"], "2027-02-01T23:59:59.999Z", "the day that was written wins");

    let done = ben.post(&format!("/crm/follow-ups/{}/done", office.follow_up), &[]);
    assert!(ben.get(&done.location).has("What happens next with Website relaunch?"));
    let kinds = ben.get(&format!("{here}?type=CALL"));
    assert!(kinds.has("She calls back.") && !ben.get(&format!("{here}?type=NOTE")).has("She calls back."));
    assert!(ben.get(&here).has("<dt>Last contact</dt><dd>Today</dd>"));
}

#[tokio::test]
async fn a_deal_is_lost_for_a_reason_that_is_offered_again_and_counted() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let deal = format!("/crm/deals/{}", office.deal);
    let asked = ben.post(&format!("{deal}/move"), &[("to", "status:LOST")]);
    assert_eq!(asked.location, format!("{deal}/lost"), "a plain form is asked why");
    assert_eq!(office.deal().await["status"], "OPEN");
    ben.post(&format!("{deal}/move"), &[("to", "status:LOST"), ("lostReason", "Price")]);
    assert!(ben.get(&deal).has("<dt>Lost because</dt><dd>Price</dd>"));
    assert!(ben.get("/crm/deals").has("<span>Price</span>"));

    let another = ben.post("/crm/deals/new", &[("title", "Shop")]).location;
    assert!(ben.get(&format!("{another}/lost")).has("<option value=\"Price\">"));
    assert!(ben.get(&another).has("<option value=\"Price\">"), "in the dialog too");
    let table = ben.get("/crm/deals?view=table&lostReason=price&columns=lost");
    assert!(rows(&table) == 1 && table.has("Price (1)") && table.has("1 deal"));

    ben.post(&format!("{deal}/move"), &[("to", "status:OPEN")]);
    assert_eq!(office.deal().await["status"], "OPEN");
    ben.post(&format!("{deal}/move"), &[("to", "status:WON")]);
    assert!(ben.get(&deal).has("Make it a project"));
    assert_eq!(ben.get(&format!("{deal}/project")).heading(), "Make it a project");
    let wrong = ben.post(&format!("{deal}/project"), &[("name", "Relaunch"), ("key", "X1")]);
    assert!(wrong.status == 422 && wrong.has("id=\"key-error\"") && wrong.has("value=\"Relaunch\""));
    let made = ben.post(&format!("{deal}/project"), &[("name", "Relaunch"), ("key", "REL"), ("visibility", "MEMBERS")]);
    assert_eq!(made.location, "/projects/REL");
    assert!(ben.get(&deal).has("href=\"/projects/REL\""));
    assert_eq!(ben.get(&format!("{deal}/project")).location, "/projects/REL");
}

#[tokio::test]
async fn what_is_here_already_is_shown_before_it_is_added_again() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let organization = format!("href=\"/crm/organizations/{}\"", office.organization);
    for (name, field, value, because) in [
        ("Something else", "website", "https://www.nordlicht.example/about", "has the same domain"),
        ("Something else", "email", "info@nordlicht.example", "has the same domain"),
        ("NORDLICHT", "city", "Kiel", "has a similar name"),
    ] {
        let asked = ben.post("/crm/organizations/new", &[("name", name), (field, value)]);
        assert_eq!(asked.status, 409, "{name}");
        assert!(asked.has(&organization) && asked.has(because) && asked.has("Create anyway"), "{name}: {}", asked.body);
        assert!(asked.has(&format!("value=\"{value}\"")), "what was typed stays");
    }
    let anyway = ben.post("/crm/organizations/new", &[("name", "Nordlicht"), ("anyway", "yes")]);
    assert_eq!(anyway.status, 303);
    assert_eq!(ben.post("/crm/organizations/new", &[("name", "Halden Ferries")]).status, 303, "nobody is like it");
    assert_eq!(ben.post("/crm/organizations/new", &[("name", "")]).status, 422);

    assert_eq!(ben.post("/crm/people/new", &[("name", "Jonas"), ("phone", "+49 431 (55) 10-2")]).status, 303);
    let person = |fields: &[(&str, &str)]| ben.post("/crm/people/new", fields);
    let same_mail = person(&[("name", "M. L."), ("email", "MARA@nordlicht.example")]);
    assert!(same_mail.status == 409 && same_mail.has("has the same e-mail"));
    let same_phone = person(&[("name", "J."), ("mobile", "+49431 55102")]);
    assert!(same_phone.status == 409 && same_phone.has("has the same phone number"));
    let same_name = person(&[("name", "mara lindqvist"), ("organizationId", &office.organization)]);
    assert!(same_name.status == 409 && same_name.has("is at the same organization"));
    assert_eq!(person(&[("name", "Mara Lindqvist"), ("organizationId", "Halden Ferries")]).status, 303);
    assert_eq!(person(&[("name", "Mara Lindqvist"), ("organizationId", "Nowhere")]).status, 422);
}

#[tokio::test]
async fn one_thing_of_a_record_is_changed_on_its_page() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let deal = format!("/crm/deals/{}", office.deal);
    let set = |field: &str, value: &str| ben.post(&format!("{deal}/set"), &[(field, value)]);
    assert_eq!(set("stage", &office.stages[2]).location, deal);
    for (field, value) in [("expectedCloseAt", "2027-04-01"), ("nextStep", "Send it"), ("ownerId", "")] {
        assert_eq!(set(field, value).status, 303, "{field}");
    }
    ben.post(&format!("{deal}/set"), &[("value", "900"), ("currency", "USD")]);
    let now = office.deal().await;
    assert_eq!((&now["stage"], &now["value"], &now["currency"]), (&json!("Proposal"), &json!(900), &json!("USD")));
    assert_eq!(
        (&now["expectedCloseAt"], &now["nextStep"], &now["ownerId"]),
        (&json!("2027-04-01"), &json!("Send it"), &json!(null))
    );
    let wrong = ben.post(&format!("{deal}/set"), &[("value", "9.999"), ("currency", "USD")]);
    assert!(wrong.status == 422 && wrong.has("3 decimals") && wrong.has("value=\"9.999\""));
    assert_eq!(office.browser("vera").await.post(&format!("{deal}/set"), &[("nextStep", "x")]).status, 403);
    let owner = |browser: &Browser, path: String| {
        browser.post(&format!("{path}/set"), &[("ownerId", "ada@example.com")]).status
    };
    assert_eq!(owner(&ben, format!("/crm/people/{}", office.person)), 303);
    assert_eq!(owner(&ben, format!("/crm/organizations/{}", office.organization)), 303);
    let page = ben.get(&format!("/crm/organizations/{}", office.organization));
    assert!(page.has("<dt>Open</dt><dd><b class=\"num\">$\u{a0}900</b></dd>"), "{}", page.body);
}
