//! Completion: what is offered while somebody types, and to whom.

use serde_json::{Value, json};

use crate::client::{Client, mcp_key, narrowed_key};
use crate::sample::Sample;
use crate::streams::join_bolt;
use crate::support::World;
use crate::support::server::Server;

fn completed(client: &Client<'_>, reference: Value, argument: &str, typed: &str, given: Value) -> Value {
    let params = json!({ "ref": reference, "argument": { "name": argument, "value": typed }, "context": { "arguments": given } });
    client.result("completion/complete", params)["completion"].take()
}

fn for_prompt(client: &Client<'_>, prompt: &str, argument: &str, typed: &str) -> Value {
    completed(client, json!({ "type": "ref/prompt", "name": prompt }), argument, typed, json!({}))["values"].take()
}

fn for_template(client: &Client<'_>, path: &str, argument: &str, typed: &str) -> Value {
    let uri = format!("sally://workspaces/{{slug}}{path}");
    completed(client, json!({ "type": "ref/resource", "uri": uri }), argument, typed, json!({ "slug": "acme" }))["values"].take()
}

#[tokio::test]
async fn keys_names_and_slugs_are_completed_for_prompts_and_templates() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    for typed in ["", "W", "web", "relaunch"] {
        assert_eq!(for_prompt(&ben, "triage", "project", typed), json!(["WEB"]), "{typed}");
        assert_eq!(for_template(&ben, "/projects/{key}", "key", typed), json!(["WEB"]), "{typed}");
    }
    assert_eq!(for_prompt(&ben, "task-summary", "task", ""), json!(["WEB-1", "WEB-2"]), "his own first");
    assert_eq!(for_prompt(&ben, "task-summary", "task", "web-"), json!(["WEB-3", "WEB-2", "WEB-1"]));
    assert_eq!(for_prompt(&ben, "task-summary", "task", "WEB-2"), json!(["WEB-2"]));
    assert_eq!(for_prompt(&ben, "task-summary", "task", "receip"), json!(["WEB-3"]));
    assert_eq!(for_prompt(&ben, "task-summary", "task", "NOPE-"), json!([]));
    assert_eq!(for_prompt(&ben, "deal-brief", "deal", "heat"), json!(["Heat pump portal"]));
    assert_eq!(for_prompt(&ben, "meeting-prep", "organization", "n"), json!(["Nordlys Energi"]));
    assert_eq!(for_prompt(&ben, "meeting-prep", "organization", "x"), json!([]));
    assert_eq!(for_template(&ben, "/people/{id}", "id", "lind"), json!(["Mara Lindqvist"]));
    assert_eq!(for_template(&ben, "/clients/{id}", "id", ""), json!(["Halden Ferries"]));
    assert_eq!(for_template(&ben, "/tasks/{key}", "slug", "a"), json!(["acme"]));
    assert_eq!(for_prompt(&ben, "handover", "from", "a"), json!(["Ada"]));
    assert_eq!(for_prompt(&ben, "handover", "to", "m"), json!(["me"]));
    assert_eq!(for_prompt(&ben, "time-review", "from", "to"), json!(["today", "tomorrow"]));
    assert_eq!(for_prompt(&ben, "project-status", "for", "the c"), json!(["the client"]));
    assert_eq!(for_prompt(&ben, "my-work", "hours", "3"), json!([]));
    let status = |typed: &str, given: Value| {
        let reference = json!({ "type": "ref/prompt", "name": "groom-backlog" });
        completed(&ben, reference, "status", typed, given)["values"].take()
    };
    assert_eq!(status("b", json!({ "project": "web" })), json!(["Backlog", "Blocked"]));
    assert_eq!(status("b", json!({ "project": "NOPE" })), json!([]));
    assert_eq!(status("in", json!({})), json!(["IN_PROGRESS"]));
    // What is completed can be used as it is.
    sample.ben.ask("crm.deal.create", json!({ "title": "heat pump portal" })).await.unwrap();
    let twins = for_prompt(&ben, "deal-brief", "deal", "heat");
    assert_eq!(twins.as_array().unwrap().len(), 2);
    assert!(twins[0].as_str().unwrap().starts_with("deal_"), "a name of two says nothing: {twins}");
}

#[tokio::test]
async fn at_most_a_hundred_values_come_and_the_total_is_told() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    let template = json!({ "type": "ref/resource", "uri": "sally://workspaces/{slug}/organizations/{id}" });
    let few = completed(&ben, template.clone(), "id", "", json!({}));
    assert_eq!(few, json!({ "values": ["Nordlys Energi"], "total": 1, "hasMore": false }));
    for number in 0..149 {
        sample.ben.ask("crm.organization.create", json!({ "name": format!("Org {number}") })).await.unwrap();
    }
    let many = completed(&ben, template.clone(), "id", "org", json!({}));
    assert_eq!(
        (many["values"].as_array().unwrap().len(), &many["total"], &many["hasMore"]),
        (100, &json!(149), &json!(true))
    );
    for number in 149..220 {
        sample.ben.ask("crm.organization.create", json!({ "name": format!("Org {number}") })).await.unwrap();
    }
    let uncounted = completed(&ben, template, "id", "", json!({}));
    assert_eq!(
        (uncounted["values"].as_array().unwrap().len(), uncounted.get("total"), &uncounted["hasMore"]),
        (100, None, &json!(true))
    );
}

#[tokio::test]
async fn completion_names_only_what_the_key_may_see() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let hidden = json!({ "name": "Web of lies", "key": "QUIET", "visibility": "MEMBERS" });
    sample.ada.ask("project.create", hidden).await.unwrap();
    sample.ada.ask("task.create", json!({ "projectId": "QUIET", "title": "Receipt shredder" })).await.unwrap();
    let (ada, ben) = (mcp_key(&world, "ada").await, mcp_key(&world, "ben").await);
    let (ada, ben) = (Client::plain(&server, &ada), Client::plain(&server, &ben));
    assert_eq!(for_prompt(&ada, "triage", "project", "web"), json!(["WEB", "QUIET"]));
    assert_eq!(for_prompt(&ben, "triage", "project", "web"), json!(["WEB"]));
    assert_eq!(for_prompt(&ben, "task-summary", "task", "receipt"), json!(["WEB-3"]));
    assert_eq!(for_prompt(&ben, "task-summary", "task", "QUIET-"), json!([]));
    let eve = Client::plain(&server, &mcp_key(&world, "eve").await);
    assert_eq!(for_prompt(&eve, "triage", "project", "web"), json!([]));
    assert_eq!(for_template(&eve, "/organizations/{id}", "id", ""), json!([]), "Acme is not hers");

    let no_crm = Client::plain(&server, &narrowed_key(&sample.ben, json!({ "toolsets": "core" })).await);
    let template = json!({ "ref": { "type": "ref/resource", "uri": "sally://workspaces/{slug}/deals/{id}" }, "argument": { "name": "id", "value": "" } });
    assert_eq!(no_crm.error("completion/complete", template.clone()).1, -32_602);
    let no_resources = Client::plain(&server, &narrowed_key(&sample.ben, json!({ "scopes": "crm:write" })).await);
    assert_eq!(no_resources.error("completion/complete", template).1, -32_000);
    assert_eq!(for_prompt(&no_resources, "deal-brief", "deal", "heat"), json!(["Heat pump portal"]));
    // With a second workspace the one that was chosen counts.
    join_bolt(&world).await;
    let chosen = |slug: &str| {
        let reference = json!({ "type": "ref/prompt", "name": "my-work" });
        assert_eq!(completed(&ben, reference, "workspace", "", json!({}))["values"], json!(["acme", "bolt"]));
        let reference = json!({ "type": "ref/prompt", "name": "deal-brief" });
        completed(&ben, reference, "deal", "", json!({ "workspace": slug }))["values"].take()
    };
    assert_eq!(chosen("acme"), json!(["Heat pump portal"]));
    assert_eq!(chosen("bolt"), json!([]));
}

#[tokio::test]
async fn what_cannot_be_completed_is_told_as_such() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    let argument = json!({ "name": "project", "value": "" });
    for params in [
        json!({}),
        json!({ "ref": { "type": "ref/prompt", "name": "no-such" }, "argument": argument }),
        json!({ "ref": { "type": "ref/prompt", "name": "triage" }, "argument": { "name": "other", "value": "" } }),
        json!({ "ref": { "type": "ref/prompt", "name": "triage" }, "argument": { "name": "project" } }),
        json!({ "ref": { "type": "ref/other", "name": "triage" }, "argument": argument }),
        json!({ "ref": { "type": "ref/resource", "uri": "sally://x/{y}" }, "argument": argument }),
        json!({ "ref": { "type": "ref/resource", "uri": "sally://workspaces/{slug}" }, "argument": argument }),
    ] {
        assert_eq!(ben.error("completion/complete", params.clone()).1, -32_602, "{params}");
    }
}
