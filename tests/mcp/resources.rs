//! Resources: what is listed, what each one says, and for whom it exists.

use serde_json::{Value, json};

use crate::client::{Client, mcp_key, narrowed_key};
use crate::sample::Sample;
use crate::stateless::Stateless;
use crate::streams::join_bolt;
use crate::support::World;
use crate::support::server::Server;

fn read(client: &Client<'_>, uri: &str) -> String {
    let mut result = client.result("resources/read", json!({ "uri": uri }));
    let content = result["contents"][0].take();
    assert_eq!((&content["uri"], &content["mimeType"]), (&json!(uri), &json!("text/markdown")));
    content["text"].as_str().expect("a text").to_owned()
}

fn read_json(client: &Client<'_>, uri: &str) -> Value {
    let mut result = client.result("resources/read", json!({ "uri": uri }));
    let content = result["contents"][0].take();
    assert_eq!(content["mimeType"], "application/json");
    serde_json::from_str(content["text"].as_str().expect("a text")).expect("JSON")
}

fn is_missing(client: &Client<'_>, uri: &str) {
    let answer = client.request("resources/read", json!({ "uri": uri }));
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"], &error["data"]["uri"]), (200, &json!(-32_002), &json!(uri)), "{error}");
}

/// The addresses of a whole list, page by page.
fn listed(client: &Client<'_>) -> Vec<String> {
    let mut uris = Vec::new();
    let mut cursor = json!(null);
    loop {
        let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
        let mut page = client.result("resources/list", params);
        let resources = page["resources"].as_array().expect("a list");
        assert!(resources.len() <= 50);
        for resource in resources {
            for field in ["uri", "name", "title", "mimeType"] {
                assert!(resource[field].is_string(), "{field} of {resource}");
            }
            uris.push(resource["uri"].as_str().unwrap().to_owned());
        }
        cursor = page["nextCursor"].take();
        if cursor.is_null() {
            return uris;
        }
    }
}

#[tokio::test]
async fn line_28_resources_list_and_read_return_markdown_and_what_is_not_seen_is_not_found() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let uris = listed(&ben);
    let here = "sally://workspaces/acme";
    let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
    assert_eq!(
        uris,
        [
            here.to_owned(),
            format!("{here}/me/tasks"),
            format!("{here}/tasks/WEB-1"),
            format!("{here}/tasks/WEB-2"),
            format!("{here}/projects/WEB"),
            format!("{here}/clients/{}", id(&sample.client)),
            format!("{here}/deals/{}", id(&sample.deal)),
            format!("{here}/organizations/{}", id(&sample.organization)),
            format!("{here}/people/{}", id(&sample.person)),
        ]
    );
    for uri in &uris {
        let text = read(&ben, uri);
        assert!(text.starts_with("# ") && text.len() < 2_000, "{uri}: {text}");
        let json = read_json(&ben, &format!("{uri}.json"));
        assert!(json["id"].is_string() || json["items"].is_array(), "{json}");
    }

    // Who is not in the workspace, or not in the project, cannot tell it from what does not exist.
    let hidden = json!({ "name": "Quiet", "key": "QUIET", "visibility": "MEMBERS" });
    sample.ada.ask("project.create", hidden).await.unwrap();
    sample.ada.ask("task.create", json!({ "projectId": "QUIET", "title": "Secret" })).await.unwrap();
    let eve = Client::hello(&server, &mcp_key(&world, "eve").await, "2025-11-25");
    for uri in &uris {
        is_missing(&eve, uri);
    }
    assert_eq!(listed(&eve), ["sally://workspaces/bolt", "sally://workspaces/bolt/me/tasks"]);
    for uri in ["projects/QUIET", "tasks/QUIET-1", "tasks/WEB-99", "deals/deal_0000000000000", "people/Nobody"] {
        is_missing(&ben, &format!("{here}/{uri}"));
        is_missing(&ben, &format!("{here}/{uri}.json"));
    }
    is_missing(&ben, "sally://workspaces/bolt");
    is_missing(&ben, "sally://workspaces/nowhere/tasks/WEB-1");
    assert!(!listed(&ben).iter().any(|uri| uri.contains("QUIET")));
    let ada = Client::hello(&server, &mcp_key(&world, "ada").await, "2025-11-25");
    assert!(read(&ada, "sally://tasks/QUIET-1").contains("Secret"));
}

#[tokio::test]
async fn a_resource_says_all_that_matters_and_quotes_what_people_wrote() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-06-18");
    let task = read(&ben, "sally://workspaces/acme/tasks/web-2");
    for line in [
        "# WEB-2 Accept card payments",
        "Status: In Progress · Priority: P1 · Owner: Ben",
        "Project: Website relaunch · Labels: shop · Estimate: 8 h · Logged: 1 h 30 min",
        "> # Not a heading of ours\n> It must work on Sundays.",
        "## Todos, 1 of 2 done\n- [ ] Ask the bank\n- [x] Test card",
        "## Waits for\n- WEB-1 Choose a payment provider (Review)",
        "## Comments, newest first, 1 of 1\nAda, ",
        "> The bank says yes.",
    ] {
        assert!(task.contains(line), "{line} is not in\n{task}");
    }
    let deal = read(&ben, "sally://workspaces/acme/deals/Heat%20pump%20portal");
    for line in [
        "Status: OPEN · Stage: Proposal (",
        "Value: 12500.50 EUR",
        "Organization: Nordlys Energi · Contact: Mara Lindqvist",
        "- Send the date · about Heat pump portal · due 2026-02-0",
        "CALL by Ben about Heat pump portal:\n> She wants a date.",
    ] {
        assert!(deal.contains(line), "{line} is not in\n{deal}");
    }
    let mine = read(&ben, "sally://workspaces/acme/me/tasks");
    let overdue = "## Overdue\n- WEB-1 Choose a payment provider · Review · P2 · Ben · due 2026-01-02";
    assert!(mine.contains(overdue) && mine.contains("## Without a day\n- WEB-2 "), "{mine}");
    let project = read(&ben, "sally://workspaces/acme/projects/WEB");
    assert!(project.contains("Client: Halden Ferries") && project.contains("- Blocked: 1 tasks"), "{project}");
    assert!(read(&ben, "sally://workspaces/acme").contains("- WEB Website relaunch · for Halden Ferries"));
    assert!(read(&ben, "sally://organizations/nordlys.example").contains("- Mara Lindqvist · mara@nordlys.example"));

    let long = json!({ "taskId": "WEB-3", "description": "word ".repeat(2_000) });
    sample.ben.ask("task.update", long).await.unwrap();
    let cut = read(&ben, "sally://tasks/WEB-3");
    assert!(cut.len() < 5_000 && cut.contains("more characters; the JSON form has them]"), "{cut}");
    assert_eq!(read_json(&ben, "sally://tasks/WEB-3.json")["description"].as_str().unwrap().len(), 9_999);
}

#[tokio::test]
async fn a_narrowed_key_or_connection_finds_only_what_it_is_for() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let (task, deal, project) = ("sally://tasks/WEB-1", "sally://deals/Heat pump portal", "sally://projects/WEB");
    let with = async |narrowing: Value| Client::plain(&server, &narrowed_key(&sample.ben, narrowing).await);

    // Reading resources is a scope of its own: with it all of them, without it none.
    let resources_only = with(json!({ "scopes": "mcp:resources:read" })).await;
    assert_eq!(resources_only.names(), [""; 0]);
    read(&resources_only, task);
    read(&resources_only, deal);
    assert!(listed(&resources_only).len() == 9);
    let none = with(json!({ "scopes": "tasks:write core:write" })).await;
    for (method, params) in [
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({ "uri": task })),
    ] {
        let error = none.request(method, params).json()["error"].take();
        assert_eq!(
            (&error["code"], &error["data"]["permission"]["required"]),
            (&json!(-32_000), &json!("mcp:resources:read"))
        );
    }
    assert!(!none.names().is_empty());

    let no_crm = with(json!({ "toolsets": "core" })).await;
    read(&no_crm, task);
    is_missing(&no_crm, deal);
    assert!(!listed(&no_crm).iter().any(|uri| uri.contains("/deals/") || uri.contains("/clients/")));
    let by_address = with(json!({})).await.at("toolsets=crm");
    read(&by_address, deal);
    is_missing(&by_address, task);
    let templates = by_address.result("resources/templates/list", json!({}))["resourceTemplates"].take();
    let templates: Vec<&str> = templates.as_array().unwrap().iter().filter_map(|t| t["uriTemplate"].as_str()).collect();
    assert_eq!(
        templates,
        ["organizations", "people", "deals"].map(|kind| format!("sally://workspaces/{{slug}}/{kind}/{{id}}"))
    );

    sample.ben.ask("project.create", json!({ "name": "Other", "key": "OTHER" })).await.unwrap();
    sample.ben.ask("task.create", json!({ "projectId": "OTHER", "title": "Elsewhere" })).await.unwrap();
    let one_project = with(json!({ "projects": ["OTHER"], "workspaceId": "acme" })).await;
    read(&one_project, "sally://tasks/OTHER-1");
    for uri in [task, project, deal] {
        is_missing(&one_project, uri);
    }
    assert!(listed(&one_project).iter().all(|uri| !uri.contains("WEB") && !uri.contains("/deals/")));
}

#[tokio::test]
async fn without_the_crm_its_resources_do_not_exist() {
    let world = World::with(|config| config.crm = false).await;
    let server = Server::start(&world.app);
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    let templates = ben.result("resources/templates/list", json!({}));
    assert_eq!(templates["resourceTemplates"].as_array().unwrap().len(), 5);
    assert_eq!(listed(&ben).len(), 2);
    for uri in ["sally://organizations/x", "sally://people/x", "sally://deals/x"] {
        is_missing(&ben, uri);
    }
}

#[tokio::test]
async fn with_several_workspaces_the_address_says_which_and_a_pinned_key_knows_one() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    join_bolt(&world).await;
    let key = mcp_key(&world, "ben").await;
    let ben = Client::plain(&server, &key);
    read(&ben, "sally://workspaces/acme/tasks/WEB-1");
    let (_, code, why) = ben.error("resources/read", json!({ "uri": "sally://tasks/WEB-1" }));
    assert!(code == -32_602 && why.contains("acme, bolt"), "{why}");
    read(&ben.again().at("workspaceSlug=acme"), "sally://tasks/WEB-1");
    assert_eq!(listed(&ben).iter().filter(|uri| uri.ends_with("/me/tasks")).count(), 2);
    assert!(listed(&ben.again().at("workspaceSlug=bolt")).iter().all(|uri| uri.starts_with("sally://workspaces/bolt")));
    let pinned = Client::plain(&server, &narrowed_key(&sample.ben, json!({ "workspaceId": "bolt" })).await);
    assert_eq!(listed(&pinned), ["sally://workspaces/bolt", "sally://workspaces/bolt/me/tasks"]);
    is_missing(&pinned, "sally://workspaces/acme/tasks/WEB-1");
    is_missing(&pinned, "sally://workspaces/acme");
    read(&pinned, "sally://workspaces/bolt");
}

#[tokio::test]
async fn a_long_list_has_pages_and_a_cursor_is_checked() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    for number in 0..120 {
        sample.ben.ask("crm.organization.create", json!({ "name": format!("Org {number}") })).await.unwrap();
    }
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    let uris = listed(&ben);
    let mut unique = uris.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((uris.len(), unique.len()), (129, 129));
    for cursor in [json!("x"), json!(7), json!("W10"), json!("WyJib2x0IiwwLG51bGxd")] {
        let (_, code, why) = ben.error("resources/list", json!({ "cursor": cursor }));
        assert!(code == -32_602 && why.starts_with("cursor"), "{why}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_told_as_each_revision_says() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let key = mcp_key(&world, "ben").await;
    let (ben, stateless) = (Client::plain(&server, &key), Stateless::new(&server, &key));
    for uri in ["", "sally://nope", "file:///etc/passwd", "sally://workspaces/acme/tasks/%zz"] {
        assert_eq!(ben.error("resources/read", json!({ "uri": uri })).1, -32_602, "{uri}");
    }
    for params in [json!({}), json!({ "uri": 7 })] {
        assert_eq!(ben.error("resources/read", params).1, -32_602);
    }
    for uri in ["sally://nope", "sally://tasks/WEB-99"] {
        let answer = stateless.send("resources/read", json!({ "uri": uri }));
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"], &error["data"]["uri"]), (400, &json!(-32_602), &json!(uri)));
    }
    let result = stateless.result("resources/read", json!({ "uri": "sally://tasks/WEB-1" }));
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    for method in ["resources/list", "resources/templates/list"] {
        assert_eq!(stateless.result(method, json!({}))["cacheScope"], "private");
    }
    // Two of one name: which ones there are.
    sample.ben.ask("crm.deal.create", json!({ "title": "Heat pump portal" })).await.unwrap();
    let (_, code, why) = ben.error("resources/read", json!({ "uri": "sally://deals/Heat%20pump%20portal" }));
    assert!(code == -32_602 && why.matches("(deal_").count() == 2, "{why}");
}
