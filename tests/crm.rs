//! Stories of the CRM, told by named people through the door.

mod support;

use sally::core::operation::Operation;
use sally::features::crm::deals::ListDeals;
use sally::features::crm::pipeline::ShowBoard;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{World, put};

#[tokio::test]
async fn a_deal_is_opened_worked_on_won_and_put_away() {
    let world = World::new().await;
    let ben = world.person("ben").await;

    let acme = ben
        .ask("crm.organization.create", json!({ "name": "Nordlicht GmbH", "website": "www.nordlicht.example" }))
        .await
        .unwrap();
    assert_eq!(acme["domain"], "nordlicht.example");
    let mara = ben.ask("crm.person.create", json!({ "name": "Mara Lindqvist", "organizationId": "nordlicht.example", "email": "Mara@Nordlicht.example" })).await.unwrap();

    let deal = ben
        .ask(
            "crm.deal.create",
            json!({ "title": "Website relaunch", "organizationId": "nordlicht gmbh", "primaryPersonId": "mara@nordlicht.example",
                    "value": 12500.5, "currency": "eur", "expectedCloseAt": "2027-03-31", "labels": ["web", "Web"] }),
        )
        .await
        .unwrap();
    assert_eq!(deal["value"], 12500.5);
    assert_eq!(deal["currency"], "EUR");
    assert_eq!((&deal["stage"], &deal["probability"]), (&json!("Lead"), &json!(10)));
    assert_eq!(deal["organizationId"], acme["id"]);
    assert_eq!(deal["primaryPerson"]["name"], mara["name"]);
    assert_eq!(deal["owner"]["name"], "Ben");
    assert_eq!(deal["labels"], json!(["web"]));
    assert_eq!(deal["version"], 1);

    let moved = ben.ask("crm.deal.update", json!({ "dealId": deal["id"], "stage": "proposal" })).await.unwrap();
    assert_eq!(
        (&moved["stage"], &moved["probability"], &moved["version"]),
        (&json!("Proposal"), &json!(60), &json!(2))
    );
    ben.ask("crm.activity.add", json!({ "dealId": deal["id"], "type": "follow-up", "body": "Sent the offer." }))
        .await
        .unwrap();
    ben.ask(
        "crm.follow_up.add",
        json!({ "dealId": deal["id"], "title": "Call about the offer", "dueAt": "2027-03-01" }),
    )
    .await
    .unwrap();

    let seen = ben.ask("crm.deal.get", json!({ "dealId": "website relaunch" })).await.unwrap();
    assert_eq!(seen["activities"][0]["type"], "FOLLOW_UP");
    assert_eq!(seen["followUps"][0]["dueAt"], "2027-03-01T23:59:59.999Z");

    let won =
        ben.ask("crm.deal.update", json!({ "dealId": deal["id"], "status": "won", "nextStep": "" })).await.unwrap();
    assert!(won["closedAt"].is_string());
    let put_away = ben.ask("crm.deal.update", json!({ "dealId": deal["id"], "archived": true })).await.unwrap();
    assert!(put_away["archivedAt"].is_string());
    assert_eq!(ben.ask("crm.deal.list", json!({})).await.unwrap()["items"], json!([]));
    assert_eq!(
        ben.ask("crm.deal.list", json!({ "archived": true, "search": "relau" })).await.unwrap()["items"][0]["id"],
        deal["id"]
    );

    let found = ben.ask("search", json!({ "query": "mara" })).await.unwrap();
    assert_eq!(found["items"][0]["title"], "Mara Lindqvist");
}

#[tokio::test]
async fn days_in_a_stage_are_counted_from_the_move_and_from_nothing_else() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let deal = ben.ask("crm.deal.create", json!({ "title": "Website relaunch" })).await.unwrap();
    assert_eq!(deal["stageSince"], deal["createdAt"]);
    put(&world.app, "update crm_deal set stage_since = 1000").await;
    let long_ago = json!("1970-01-01T00:00:01.000Z");
    for change in [json!({ "title": "Relaunch" }), json!({ "stage": "Lead" }), json!({ "status": "WON" })] {
        let mut input = change;
        input["dealId"] = deal["id"].clone();
        assert_eq!(ben.ask("crm.deal.update", input).await.unwrap()["stageSince"], long_ago);
    }
    let moved = ben.ask("crm.deal.update", json!({ "dealId": deal["id"], "stage": "Qualified" })).await.unwrap();
    assert_ne!(moved["stageSince"], long_ago);
    // What an older export lacks began with the deal.
    put(&world.app, "update crm_deal set stage_since = null").await;
    let read = ben.ask("crm.deal.get", json!({ "dealId": deal["id"] })).await.unwrap();
    assert_eq!(read["stageSince"], deal["createdAt"]);
}

#[tokio::test]
async fn open_deals_without_a_next_step_or_gone_quiet_are_found() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let mut deals = Vec::new();
    for (title, next) in [("Planned", json!("Call")), ("Followed", json!(null)), ("Neglected", json!(null))] {
        let deal = json!({ "title": title, "nextStep": next, "labels": ["Web"], "value": 100, "currency": "EUR" });
        deals.push(ben.ask("crm.deal.create", deal).await.unwrap());
    }
    let lost = json!({ "title": "Lost", "status": "LOST", "lostReason": "Price", "value": 7, "currency": "USD" });
    ben.ask("crm.deal.create", lost).await.unwrap();
    ben.ask("crm.follow_up.add", json!({ "title": "Ask", "dealId": deals[1]["id"] })).await.unwrap();
    put(&world.app, "update crm_deal set updated_at = 1000").await;
    ben.ask("crm.activity.add", json!({ "dealId": deals[0]["id"], "body": "Called." })).await.unwrap();

    // What is planned for next year has not happened.
    let planned = json!({ "dealId": deals[2]["id"], "body": "A visit.", "occurredAt": "2099-01-01T09:00:00Z" });
    ben.ask("crm.activity.add", planned).await.unwrap();

    let titles = async |filter: Value| {
        let found = ben.ask("crm.deal.list", filter).await.unwrap();
        let items = found["items"].as_array().unwrap();
        let mut titles: Vec<String> = items.iter().map(|deal| deal["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        titles
    };
    assert_eq!(titles(json!({ "attention": "NO_NEXT_STEP" })).await, ["Neglected"]);
    assert_eq!(titles(json!({ "attention": "quiet" })).await, ["Followed", "Neglected"]);
    assert_eq!(titles(json!({ "label": "web" })).await.len(), 3);
    assert_eq!(titles(json!({ "lostReason": "PRICE" })).await, ["Lost"]);

    let sum = ben.ask("crm.deal.sum", json!({})).await.unwrap();
    let euros = json!({ "value": 300, "weighted": 30, "currency": "EUR" });
    let dollars = json!({ "value": 7, "weighted": 0, "currency": "USD" });
    assert_eq!(sum, json!({ "count": 4, "totals": [euros, dollars] }));
    let board = ben.ask("crm.pipeline.board", json!({})).await.unwrap();
    let lead = &board["columns"][0];
    assert_eq!((&lead["count"], &lead["totals"]), (&json!(3), &json!([euros])));
    let marks = |title: &str| {
        let card = lead["cards"].as_array().unwrap().iter().find(|card| card["title"] == title).unwrap();
        (card["needsNextStep"].as_bool().unwrap(), card["quietDays"].as_i64() > Some(10_000))
    };
    assert_eq!(
        (marks("Planned"), marks("Followed"), marks("Neglected")),
        ((false, false), (false, true), (true, true))
    );
    let quiet = ben.ask("crm.pipeline.board", json!({ "attention": "QUIET" })).await.unwrap();
    assert_eq!((&quiet["columns"][0]["count"], &quiet["columns"][5]["count"]), (&json!(2), &json!(0)));
}

/// A look-up that reads a table fails in the operation itself, in a build with checks.
#[tokio::test]
async fn among_five_thousand_organizations_one_that_looks_alike_is_found_by_an_index() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    ben.ask(
        "crm.organization.create",
        json!({ "name": "Nordlicht GmbH", "website": "nordlicht.example", "email": "office@north.example" }),
    )
    .await
    .unwrap();
    put(
        &world.app,
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
         insert into crm_organization (id, workspace_id, name, domain, email, created_at, updated_at)
         select i, (select id from workspace where slug = 'acme'), 'Company ' || i, 'c' || i || '.example', 'mail@c' || i || '.example', 1, 1 from n;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
         insert into crm_person (id, workspace_id, name, email, phone, mobile, created_at, updated_at)
         select i, (select id from workspace where slug = 'acme'), 'Person ' || i, 'p' || i || '@c.example', '+49 ' || i, '0' || i, 1, 1 from n",
    )
    .await;
    for (given, because) in [
        (json!({ "name": "X", "website": "www.nordlicht.example" }), json!("has the same domain")),
        (json!({ "name": "X", "email": "ann@north.example" }), json!("has an e-mail at the same domain")),
        (json!({ "name": "The Nordlicht, Inc." }), json!("has a similar name")),
        (json!({ "name": "Nobody like this", "email": "ann@gmail.com" }), json!(null)),
    ] {
        let found = ben.ask("crm.organization.find_similar", given.clone()).await.unwrap();
        assert_eq!(found["items"][0]["because"], because, "{given}");
    }
    for given in [
        json!({ "name": "X", "email": "P77@c.example" }),
        json!({ "name": "X", "mobile": "(+49) 77" }),
        json!({ "name": "X", "phone": "0-77" }),
        json!({ "name": "person 77" }),
    ] {
        let found = ben.ask("crm.person.find_similar", given.clone()).await.unwrap();
        assert_eq!(found["items"][0]["record"]["name"], "Person 77", "{given}");
    }
}

#[tokio::test]
async fn a_name_that_looks_alike_is_found_in_every_script_and_among_many_that_begin_like_it() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    put(
        &world.app,
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
         insert into crm_organization (id, workspace_id, name, created_at, updated_at)
         select i, (select id from workspace where slug = 'acme'), 'Hotel ' || printf('%03d', i), 1, 1 from n",
    )
    .await;
    for (known, typed) in [
        ("ÜBERSEE Handel GmbH", "Übersee Handel"),
        ("Яндекс ООО", "ЯНДЕКС"),
        ("L’Oréal S.A.", "L'ORÉAL"),
        ("A.C.M.E. Ltd", "ACME"),
        ("(Bolt)", "Bolt AG"),
        ("The \"Oat\" & Rye", "Oat and Rye"),
        ("Hotel Zur Post", "Hotel zur Post KG"),
        ("株式会社日立", "株式会社日立 Europe"),
    ] {
        ben.ask("crm.organization.create", json!({ "name": known })).await.unwrap();
        let found = ben.ask("crm.organization.find_similar", json!({ "name": typed })).await.unwrap();
        assert_eq!(found["items"][0]["record"]["name"], known, "{typed}: {found}");
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{typed}: {found}");
    }
    let none = ben.ask("crm.organization.find_similar", json!({ "name": "&" })).await.unwrap();
    assert_eq!(none["items"], json!([]));

    for name in ["Jürgen Öztürk", "Anne-Marie O’Neill"] {
        ben.ask("crm.person.create", json!({ "name": name })).await.unwrap();
    }
    for (typed, known) in [("JÜRGEN ÖZTÜRK", "Jürgen Öztürk"), ("anne marie o'neill", "Anne-Marie O’Neill")] {
        let found = ben.ask("crm.person.find_similar", json!({ "name": typed })).await.unwrap();
        assert_eq!(found["items"][0]["record"]["name"], known, "{found}");
    }
    // A number without digits is nobody's.
    put(&world.app, "update crm_person set phone = '-'").await;
    let found = ben.ask("crm.person.find_similar", json!({ "phone": "( )" })).await.unwrap();
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn facts_are_of_one_record() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let organization = ben.ask("crm.organization.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let deal = json!({ "title": "Relaunch", "organizationId": "Nordlicht", "value": 5, "currency": "EUR" });
    let deal = ben.ask("crm.deal.create", deal).await.unwrap();
    ben.ask("crm.activity.add", json!({ "type": "CALL", "body": "Called.", "dealId": "Relaunch" })).await.unwrap();
    for one in [json!({ "organizationId": organization["id"] }), json!({ "dealId": deal["id"] })] {
        let facts = ben.ask("crm.facts", one).await.unwrap();
        assert_eq!((&facts["open"]["count"], facts["lastContactAt"].is_string()), (&json!(1), true), "{facts}");
    }
    for wrong in [json!({}), json!({ "organizationId": organization["id"], "dealId": deal["id"] })] {
        let refused = ben.refused("crm.facts", wrong).await;
        assert_eq!((refused.status(), refused.field_errors().len()), (422, 3), "{refused}");
    }
}

/// They run beside the quick reads, with a deadline.
#[test]
fn what_no_index_has_is_looked_for_slowly() {
    fn is_slow<O: Operation + DeserializeOwned>(input: Value) -> bool {
        serde_json::from_value::<O>(input).unwrap().is_slow()
    }
    assert!(!is_slow::<ListDeals>(json!({ "ownerId": "me" })) && !is_slow::<ShowBoard>(json!({ "ownerId": "me" })));
    for filter in [json!({ "label": "web" }), json!({ "attention": "QUIET" }), json!({ "search": "web" })] {
        assert!(is_slow::<ListDeals>(filter.clone()) && is_slow::<ShowBoard>(filter.clone()), "{filter}");
    }
    assert!(is_slow::<ListDeals>(json!({ "lostReason": "Price" })));
}
