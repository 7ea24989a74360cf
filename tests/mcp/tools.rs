//! Tools: which are listed, how they are described, what a call answers.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::client::{Client, mcp_key, narrowed_key, told};
use crate::support::server::Server;
use crate::support::{World, put};

#[tokio::test]
async fn a_list_holds_what_the_caller_may_do_and_nothing_else() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let names = |key: &str| Client::plain(&server, key).names();
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);

    let ben = names(&mcp_key(&world, "ben").await);
    assert!(has(&ben, "crm.deal.create") && has(&ben, "auth.me") && has(&ben, "search"), "{ben:?}");
    assert!(!has(&ben, "workspace.member.add") && !has(&ben, "workspace.create") && !has(&ben, "auth.login"));
    let ada = names(&mcp_key(&world, "ada").await);
    assert!(has(&ada, "workspace.member.add") && !has(&ada, "workspace.create"));
    let vera = names(&mcp_key(&world, "vera").await);
    assert!(has(&vera, "crm.deal.get") && !has(&vera, "crm.deal.create"), "{vera:?}");
    let sam = names(&mcp_key(&world, "sam").await);
    assert!(has(&sam, "workspace.create") && has(&sam, "workspace.member.add"));
    assert!(ada.iter().all(|name| has(&sam, name)));

    let ben = world.person("ben").await;
    let reader = narrowed_key(&ben, json!({ "scopes": "crm:read" })).await;
    assert!(names(&reader).iter().all(|name| name.starts_with("crm.") && !name.ends_with("create")));
    let client = Client::plain(&server, &reader);
    let refused = client.request("tools/call", json!({ "name": "crm_deal_create", "arguments": { "title": "x" } }));
    let (status, code, message) = told(&refused);
    assert_eq!((status, code), (200, -32_000));
    assert_eq!(message, "The key's scopes do not allow crm.deal.create; it needs crm:write.");
    assert_eq!(refused.json()["error"]["data"]["permission"]["required"], "crm:write");
    client.call("crm.deal.list", json!({}));

    let core = narrowed_key(&ben, json!({ "toolsets": "core", "toolNames": "UNDERSCORE" })).await;
    assert!(has(&names(&core), "auth_me") && !has(&names(&core), "crm_deal_get"));
    assert_eq!(Client::plain(&server, &core).at("names=dotted").names()[0], "system.ping");
    assert_eq!(
        Client::plain(&server, &core).error("tools/call", json!({ "name": "crm.deal.list" })).1,
        -32_000,
        "what is not listed is not callable"
    );
}

#[tokio::test]
async fn the_address_of_a_connection_narrows_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);

    let core = client.again().at("toolsets=core").names();
    assert!(core.contains(&"auth.me".into()) && !core.iter().any(|name| name.starts_with("crm.")));
    let both = client.again().at("toolsets=core,crm").names();
    assert!(both.contains(&"crm.deal.create".into()) && both.len() > core.len());
    let reading = client.again().at("readonly=1");
    assert!(reading.names().contains(&"crm.deal.get".into()) && !reading.names().contains(&"crm.deal.create".into()));
    let (_, code, message) =
        reading.error("tools/call", json!({ "name": "crm.deal.create", "arguments": { "title": "x" } }));
    assert_eq!(code, -32_602);
    assert!(message.contains("readonly"), "{message}");

    let underscored = client.again().at("names=underscore");
    assert!(underscored.names().iter().all(|name| !name.contains('.')));
    for wrong in ["toolsets=crmm", "toolsets=", "names=camel", "readonly=maybe", "toolset=crm", "access_token=x"] {
        assert_eq!(client.again().at(wrong).request("ping", json!({})).status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn clients_that_refuse_dots_get_none_and_every_spelling_is_called() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let codex = Client::hello_as(&server, &key, "2025-06-18", "codex-mcp-client");
    assert!(codex.names().contains(&"crm_follow_up_list".into()));
    assert!(codex.again().at("names=dotted").names().contains(&"crm.follow_up.list".into()));
    let other = Client::hello_as(&server, &key, "2025-06-18", "claude-code");
    assert!(other.names().contains(&"crm.follow_up.list".into()));
    for spelling in ["crm.follow_up.list", "crm_follow_up_list"] {
        codex.call(spelling, json!({}));
        other.call(spelling, json!({}));
    }
    for alias in ["whoami", "ping", "search_workspace"] {
        let arguments = if alias == "search_workspace" { json!({ "query": "x" }) } else { json!({}) };
        other.call(alias, arguments);
    }
}

#[tokio::test]
async fn every_name_and_alias_means_one_tool() {
    let world = World::new().await;
    let mut seen: HashMap<String, &str> = HashMap::new();
    for listed in world.app.operations().iter().filter(|listed| listed.entry.spec.more.mcp) {
        let spec = listed.entry.spec;
        for name in std::iter::once(&spec.name).chain(spec.more.aliases) {
            for spelling in [(*name).to_owned(), name.replace('.', "_")] {
                let other = seen.insert(spelling, spec.name);
                assert!(other.is_none_or(|other| other == spec.name), "{name}: {other:?} and {}", spec.name);
            }
        }
    }
}

#[tokio::test]
async fn without_the_crm_its_tools_do_not_exist() {
    let world = World::with(|config| config.crm = false).await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    assert!(!client.names().iter().any(|name| name.starts_with("crm.")));
    let (_, code, message) = client.error("tools/call", json!({ "name": "crm.deal.list" }));
    assert_eq!(code, -32_602);
    assert!(message.contains("crm.core"), "{message}");
}

#[tokio::test]
async fn every_schema_is_plain_and_every_hint_is_true() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sam = Client::plain(&server, &mcp_key(&world, "sam").await);
    let first = sam.request("tools/list", json!({}));
    assert_eq!(first.body, sam.request("tools/list", json!({})).body, "the same bytes each time");

    for tool in first.json()["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let spec = world.app.operation(name).unwrap().entry.spec;
        let schema = &tool["inputSchema"];
        assert_eq!(schema["type"], "object", "{name}");
        // The instructions name arguments that stand in no schema; a client that checks must let them pass.
        assert!(schema.get("additionalProperties").is_none(), "{name}");
        let text = schema.to_string();
        for union in ["anyOf", "oneOf", "allOf", "$ref", "$schema", "\"type\":[", "nullable"] {
            assert!(!text.contains(union), "{name}: {union} in {text}");
        }
        for (field, property) in schema["properties"].as_object().unwrap() {
            assert!(property["type"].is_string(), "{name}.{field} has one type: {property}");
            assert!(property["description"].is_string(), "{name}.{field} says what it is: {property}");
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for parameter in spec.route.iter().flat_map(|route| route.parameters()) {
            assert!(required.contains(&json!(parameter)) != spec.more.path_is_optional, "{name} needs {parameter}");
        }
        assert!(tool["title"].is_string() && tool["description"].as_str().unwrap().len() > 10, "{name}");
        assert!(schema.get("description").is_none() && tool.get("outputSchema").is_none());
        let effect = spec.effect.word();
        let hints = &tool["annotations"];
        assert_eq!(hints["readOnlyHint"], effect == "read", "{name}");
        let is_destructive = (effect != "read").then_some(effect == "destructive");
        assert_eq!(hints["destructiveHint"].as_bool(), is_destructive, "{name}");
        assert_eq!(hints["openWorldHint"], false);
    }
    let list = sam.tool("crm.deal.list");
    let properties = &list["inputSchema"]["properties"];
    assert_eq!(properties["status"]["default"], "OPEN");
    assert!(properties["fields"].is_object());
    assert_eq!(sam.tool("crm.deal.update")["annotations"]["idempotentHint"], true);
    assert!(sam.tool("crm.deal.create")["annotations"].get("idempotentHint").is_none());
}

/// A model that holds the wrong one of two tools is told of the other, by a name that it can call.
#[tokio::test]
async fn a_tool_names_its_near_neighbours_as_this_connection_calls_them() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sam = Client::plain(&server, &mcp_key(&world, "sam").await);
    let described = |client: &Client<'_>| -> HashMap<String, String> {
        let listed = client.result("tools/list", json!({}));
        let text = |tool: &Value, field: &str| tool[field].as_str().expect("a text").to_owned();
        listed["tools"].as_array().unwrap().iter().map(|tool| (text(tool, "name"), text(tool, "description"))).collect()
    };
    // Whatever looks like a tool is one that is listed, in the spelling of the list.
    let names_only_listed = |tools: &HashMap<String, String>, is_name: fn(&str) -> bool| {
        for (tool, description) in tools {
            assert!(!description.contains('`'), "{tool}: {description}");
            let words = description.split([' ', ',', ':', '\n']).map(|word| word.trim_end_matches('.'));
            for word in words.filter(|word| is_name(word)) {
                assert!(tools.contains_key(word) && word != tool, "{tool} names {word}");
            }
        }
    };
    let tools = described(&sam);
    let is_dotted = |word: &str| word.split_once('.').is_some_and(|(area, rest)| area.len() > 3 && rest.len() > 2);
    names_only_listed(&tools, is_dotted);
    let neighbours = tools.keys().flat_map(|tool| {
        let (of, verb) = tool.rsplit_once('.').unwrap_or(("", tool));
        let sibling = |verb: &str| format!("{of}.{verb}");
        match verb {
            "batch_update" | "batch_move" => vec![sibling(&verb["batch_".len()..])],
            "update" | "move" => vec![sibling(&format!("batch_{verb}"))],
            "archive" => vec![sibling("delete")],
            "delete" => vec![sibling("archive")],
            "read" => vec![sibling("read_all")],
            "read_all" => vec![sibling("read")],
            _ => vec![],
        }
        .into_iter()
        .filter(|neighbour| tools.contains_key(neighbour))
        .map(|neighbour| (tool.clone(), neighbour))
        .collect::<Vec<_>>()
    });
    let more = [
        ("task.list", "task.mine"),
        ("task.list", "search"),
        ("search", "task.list"),
        ("task.move", "task.reorder"),
        ("task.reorder", "task.move"),
        ("task.activity", "comment.list"),
        ("comment.add", "crm.activity.add"),
        ("timesheet.add", "timesheet.timer.start"),
        ("timesheet.list", "timesheet.report"),
        ("crm.activity.add", "crm.follow_up.add"),
        ("crm.follow_up.add", "crm.activity.add"),
        ("client.list", "crm.organization.list"),
        ("project.member.add", "workspace.member.add"),
        ("workspace.member.add", "workspace.invite"),
        ("workspace.invite", "workspace.member.add"),
        ("project.get", "board.get"),
    ];
    let neighbours: Vec<(String, String)> =
        neighbours.chain(more.map(|(tool, neighbour)| (tool.to_owned(), neighbour.to_owned()))).collect();
    assert!(neighbours.len() >= 24, "{neighbours:?}");
    for (tool, neighbour) in &neighbours {
        assert!(tools[tool].contains(neighbour.as_str()), "{tool} does not name {neighbour}: {}", tools[tool]);
    }

    let underscored = described(&sam.again().at("names=underscore"));
    names_only_listed(&underscored, |word| word.contains('_') && !word.contains('…'));
    assert!(underscored["task_move"].contains("task_batch_move"), "{}", underscored["task_move"]);
    // Who does not have the neighbour is not sent to it.
    let core = described(&sam.again().at("toolsets=core"));
    names_only_listed(&core, is_dotted);
    assert_eq!(core["task.move"], "Move a task to the end of another column.");
}

/// What a model pays before it has done anything.
#[tokio::test]
async fn the_lists_stay_within_their_budget_of_tokens() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sam = Client::plain(&server, &mcp_key(&world, "sam").await);
    let encoding = tiktoken_rs::cl100k_base_singleton();
    let tokens =
        |client: &Client<'_>| encoding.encode_ordinary(&client.result("tools/list", json!({})).to_string()).len();
    let (all, core) = (tokens(&sam), tokens(&sam.again().at("toolsets=core")));
    println!("tools/list: {all} tokens, core: {core}");
    assert!(all <= 16_000, "the whole list takes {all} tokens");
    assert!(core <= 2_500, "the core list takes {core} tokens");
}

/// What a model pays to look over the work: titles, owners and dates as teams have them.
#[tokio::test]
async fn fifty_tasks_cost_at_most_2000_tokens_and_fifty_deals_3400() {
    const WORK: [&str; 5] = [
        "Accept card payments at checkout",
        "Receipts by e-mail in three languages",
        "Fix the date picker on small screens",
        "Write the migration guide for partners",
        "Measure page load before and after",
    ];
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = world.person("ben").await;
    put(&world.app, "update account set name = name || ' Lindqvist' where name in ('Ada', 'Ben')").await;
    ben.ask("project.create", json!({ "name": "Website relaunch", "key": "WEB" })).await.unwrap();
    ben.ask("crm.organization.create", json!({ "name": "Nordlys Energi" })).await.unwrap();
    for number in 0..50 {
        let (title, owner) = (WORK[number % 5], ["ada@example.com", "ben@example.com"][number % 2]);
        let day = format!("2026-12-{:02}", number % 28 + 1);
        let status = ["Backlog", "In Progress", "Review"][number % 3];
        let due = (status != "Backlog").then_some(&day);
        let task = json!({ "projectId": "WEB", "title": title, "ownerId": owner, "dueDate": due, "status": status });
        ben.ask("task.create", task).await.unwrap();
        let deal = json!({ "title": format!("Charging points {number}"), "organizationId": "Nordlys Energi", "ownerId": owner,
                           "value": 12_500 + number, "currency": "EUR", "expectedCloseAt": day });
        ben.ask("crm.deal.create", deal).await.unwrap();
    }
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    let encoding = tiktoken_rs::cl100k_base_singleton();
    // A task has its key, a deal nothing shorter than its id.
    for (tool, budget) in [("task.list", 2_000), ("crm.deal.list", 3_400)] {
        let answer = client.call(tool, json!({ "limit": 50 }));
        let tokens = encoding.encode_ordinary(&answer.to_string()).len();
        println!("{tool}: {tokens} tokens, {} each", answer["items"][0]);
        assert_eq!(answer["items"].as_array().unwrap().len(), 50);
        assert!(tokens <= budget, "{tool} takes {tokens} tokens");
    }
}

#[tokio::test]
async fn the_workspace_is_asked_for_where_there_are_several() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let asks =
        |client: &Client<'_>| client.tool("crm.deal.list")["inputSchema"]["properties"].get("workspaceSlug").is_some();
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    assert!(!asks(&ben));
    ben.call("crm.deal.list", json!({ "workspaceSlug": "acme" }));
    let denied = ben.problem("crm.deal.list", json!({ "workspaceSlug": "bolt" }));
    assert_eq!((&denied["status"], &denied["title"]), (&json!(403), &json!("Workspace access denied")));

    // Ben joins Bolt, too.
    let eve = world.person("eve").await;
    eve.ask("workspace.member.add", json!({ "workspaceId": "bolt", "accountId": "ben@example.com", "role": "VIEWER" }))
        .await
        .unwrap();
    assert!(asks(&ben));
    let which = ben.problem("crm.deal.list", json!({}));
    assert_eq!((&which["status"], &which["code"]), (&json!(400), &json!("WORKSPACE_REQUIRED")));
    ben.call("crm.deal.create", json!({ "title": "Heat pump", "workspaceSlug": "acme" }));
    assert_eq!(ben.call("crm.deal.list", json!({ "workspaceSlug": "bolt" }))["items"], json!([]));
    let viewer = ben.problem("crm.deal.create", json!({ "title": "x", "workspaceSlug": "bolt" }));
    assert_eq!(
        (&viewer["permission"]["required"], &viewer["permission"]["current"]),
        (&json!("MEMBER"), &json!("VIEWER"))
    );

    // The address may say it for the whole connection; an argument says it better.
    let acme = ben.again().at("workspaceSlug=acme");
    assert_eq!(acme.call("crm.deal.list", json!({}))["items"][0]["title"], "Heat pump");
    assert_eq!(acme.call("crm.deal.list", json!({ "workspaceSlug": "bolt" }))["items"], json!([]));
    assert!(!ben.again().at("workspaceSlug=bolt").names().contains(&"crm.deal.create".into()));

    // A pinned key works in its workspace only.
    let pinned = narrowed_key(&world.person("ben").await, json!({ "workspaceId": "acme" })).await;
    let pinned = Client::plain(&server, &pinned);
    assert!(!asks(&pinned));
    assert_eq!(pinned.call("crm.deal.list", json!({}))["items"][0]["title"], "Heat pump");
    let refused = pinned.problem("crm.deal.list", json!({ "workspaceSlug": "bolt" }));
    assert_eq!(refused["detail"], "Workspace access denied by MCP key restriction");
}

#[tokio::test]
async fn lists_are_short_and_open_unless_asked() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    for number in 1..=25 {
        let status = if number == 25 { "WON" } else { "OPEN" };
        ben.call(
            "crm.deal.create",
            json!({ "title": format!("Deal {number:02}"), "status": status, "notes": "é".repeat(2_500) }),
        );
    }
    let page = ben.call("crm.deal.list", json!({ "sort": "title" }));
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let first = page["items"][0].as_object().unwrap();
    assert!(first.contains_key("title") && !first.contains_key("notes") && !first.contains_key("version"));
    let rest = ben.call("crm.deal.list", json!({ "sort": "title", "cursor": page["nextCursor"] }));
    assert_eq!(rest["items"].as_array().unwrap().len(), 4, "the one that is won is left out");
    assert!(rest["nextCursor"].is_null());
    assert_eq!(
        ben.call("crm.deal.list", json!({ "status": "all", "limit": 200 }))["items"].as_array().unwrap().len(),
        25
    );

    for everything in [json!({ "detail": "full", "limit": 1 }), json!({ "fields": "*", "limit": "1" })] {
        let notes = ben.call("crm.deal.list", everything)["items"][0]["notes"].take();
        let notes = notes.as_str().unwrap();
        assert!(notes.starts_with(&"é".repeat(2_000)));
        assert!(notes.ends_with("é… [500 more characters: read it whole with crm.deal.get]"), "{notes}");
    }
    let named = ben.call("crm.deal.list", json!({ "fields": "id,notes", "limit": 1 }))["items"][0].take();
    assert_eq!(named.as_object().unwrap().len(), 2);
    assert_eq!(named["notes"].as_str().unwrap().chars().count(), 2_500, "what is asked for by name comes whole");

    let deal = ben.call("crm.deal.get", json!({ "dealId": "Deal 01" }));
    assert_eq!(deal["notes"].as_str().unwrap().chars().count(), 2_500);
    let title = ben.call("crm.deal.get", json!({ "dealId": "Deal 01", "fields": "title" }));
    assert_eq!(title, json!({ "title": "Deal 01" }));
    let wrong = ben.problem("crm.deal.list", json!({ "fields": "titel" }));
    assert_eq!((&wrong["status"], &wrong["errors"][0]["field"]), (&json!(422), &json!("fields")));
    assert_eq!(ben.problem("crm.deal.list", json!({ "detail": "some" }))["errors"][0]["field"], "detail");
    assert_eq!(ben.problem("crm.deal.get", json!({ "dealId": "Deal 01", "detail": "full" }))["status"], 422);
}

#[tokio::test]
async fn a_tool_that_fails_says_what_rest_says() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let ben = Client::plain(&server, &key);
    let missing = ben.again().with("X-Request-Id", "r-1").problem("crm.deal.get", json!({ "dealId": "no such deal" }));
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("X-Request-Id", "r-1")];
    let rest = server.send("GET", "/api/crm/deals/no%20such%20deal", &headers, "");
    assert_eq!((rest.status, rest.json()), (404, missing));

    let invalid = ben.problem("crm.deal.create", json!({ "titel": "x", "probability": 200 }));
    let fields: Vec<&str> =
        invalid["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert!(["titel", "title", "probability"].iter().all(|field| fields.contains(field)), "{invalid}");
    assert!(invalid["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    let vera = Client::plain(&server, &mcp_key(&world, "vera").await);
    let denied = vera.problem("crm.deal.create", json!({ "title": "x" }));
    assert_eq!((&denied["code"], &denied["permission"]["scope"]), (&json!("PERMISSION_DENIED"), &json!("workspace")));

    let deal = ben.call("crm.deal.create", json!({ "title": "Solar roof", "idempotencyKey": "once" }));
    assert_eq!(ben.call("crm.deal.create", json!({ "title": "Solar roof", "idempotencyKey": "once" })), deal);
    let stale = ben.problem("crm.deal.update", json!({ "dealId": deal["id"], "nextStep": "Call", "ifVersion": 9 }));
    assert_eq!(stale["status"], 412);
}

#[tokio::test]
async fn success_without_content_says_ok() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Client::plain(&server, &mcp_key(&world, "ada").await);
    let key = ada.call("api_key.create", json!({ "label": "import" }));
    assert!(key["token"].as_str().unwrap().starts_with("atpm_"));
    assert_eq!(ada.call("api_key.revoke", json!({ "apiKeyId": key["id"] })), json!({ "ok": true }));
}
