//! Stories of the CRM, told by named people through the door.

mod support;

use serde_json::json;
use support::World;

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
