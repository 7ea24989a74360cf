//! What a reader of the guides will try first, literally: each line of the acceptance list, in a test that names it.
//!
//! | lines | tested by |
//! |---|---|
//! | 1–9, 11–17, 19–22, 24–27, 29 | the tests below |
//! | 10 (local process), 18 (one line on stdin), 23 (error wording) | `stdio.rs` |
//! | 28 (resources as Markdown) | `resources.rs` |

use serde_json::{Value, json};

use crate::client::{BOTH, Client, initialize, mcp_key, narrowed_key};
use crate::sample::Sample;
use crate::streams::Listener;
use crate::support::World;
use crate::support::server::Server;

fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

#[tokio::test]
async fn line_1_initialize_opens_a_session_and_names_server_and_tools() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await).with("Accept", BOTH);
    let answer = client.post(&initialize("2025-03-26", "curl-test"));
    let result = answer.json()["result"].take();
    assert!(answer.status == 200 && answer.header("mcp-session-id").is_some());
    assert_eq!((&result["protocolVersion"], &result["serverInfo"]["name"]), (&json!("2025-03-26"), &json!("sally")));
    assert!(result["capabilities"]["tools"].is_object());
}

#[tokio::test]
async fn lines_2_and_8_the_session_header_is_known_in_any_case_and_the_minimal_flow_works() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await).with("Accept", BOTH);
    let answer = client.post(&initialize("2025-03-26", "curl-test"));
    let session = answer.header("Mcp-Session-Id").unwrap();
    for name in ["mcp-session-id", "Mcp-Session-Id", "MCP-SESSION-ID"] {
        let client = client.again().with(name, session);
        let initialized = client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!((initialized.status, initialized.body.as_str()), (202, ""));
        assert!(client.names().contains(&"task.create".to_owned()));
        assert_eq!(client.call("auth.me", json!({}))["account"]["name"], "Ben");
    }
}

#[tokio::test]
async fn lines_3_4_and_5_the_documented_gotchas_are_told_in_their_words() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    let no_stream = client.again().with("Accept", "application/json").post(&initialize("2025-03-26", "test"));
    assert!(no_stream.status == 406 && no_stream.body.contains("Not Acceptable"), "{}", no_stream.body);
    for (method, params) in [("tools/list", json!({})), ("tools/call", json!({ "name": "auth.me" }))] {
        let early = client.again().with("Accept", BOTH).post(&message(method, params));
        assert!(early.status == 400 && early.body.contains("Server not initialized"), "{}", early.body);
    }
    let lost =
        client.again().with("Accept", BOTH).with("mcp-session-id", "old").post(&message("tools/list", json!({})));
    assert!(lost.status == 404 && lost.body.contains("MCP session not found"), "{}", lost.body);
}

#[tokio::test]
async fn lines_6_7_and_9_a_key_has_its_accounts_rights_in_its_workspace_until_it_is_revoked() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let bad = Client::plain(&server, "sallymcp_nobodys").post(&message("ping", json!({})));
    assert!(bad.status == 401 && bad.json()["title"] == "Unauthorized");
    let pinned = Client::plain(&server, &narrowed_key(&ben, json!({ "workspaceId": "acme" })).await);
    let elsewhere = pinned.problem("task.list", json!({ "workspaceSlug": "bolt" }));
    assert_eq!(elsewhere["detail"], "Workspace access denied by MCP key restriction");

    let made = ben.ask("mcp_key.create", json!({ "label": "laptop" })).await.unwrap();
    let member = Client::hello(&server, made["token"].as_str().unwrap(), "2025-06-18");
    let refused = member.problem("client.create", json!({ "name": "X" }));
    assert_eq!((&refused["status"], &refused["permission"]["required"]), (&json!(403), &json!("OWNER")));
    let owner = Client::plain(&server, &mcp_key(&world, "ada").await);
    owner.call("client.create", json!({ "name": "X" }));
    drop(ada);
    ben.ask("mcp_key.revoke", json!({ "mcpKeyId": made["id"] })).await.unwrap();
    assert_eq!(member.request("tools/list", json!({})).status, 401);
}

#[tokio::test]
async fn lines_11_14_19_and_22_the_families_of_tools_prompts_and_resources_are_there() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    Sample::new(&world).await;
    let ada = Client::plain(&server, &mcp_key(&world, "ada").await);
    let names = ada.names();
    assert!(names.len() >= 67, "{}", names.len());
    for family in [
        "workspace.",
        "workspace.invite",
        "client.",
        "project.",
        "project.member.",
        "project.status.",
        "task.",
        "project.label.",
        "task.todo.",
        "comment.",
        "timesheet.",
    ] {
        assert!(names.iter().any(|name| name.starts_with(family)), "{family}");
    }
    let invited = ada.call("workspace.invite", json!({ "email": "nora@example.com", "role": "MEMBER" }));
    assert!(invited["inviteUrl"].as_str().unwrap().contains("/accept-invite?token="), "{invited}");
    let here = json!({ "workspaceId": "acme" });
    assert_eq!(ada.call("workspace.invite.list", here.clone())["items"][0]["email"], "nora@example.com");
    let nora = json!({ "workspaceId": "acme", "inviteId": "nora@example.com" });
    assert_ne!(ada.call("workspace.invite.resend", nora.clone())["inviteUrl"], invited["inviteUrl"]);
    ada.call("workspace.invite.cancel", nora);
    assert_eq!(ada.call("workspace.invite.list", here)["items"], json!([]));
    for record in ["organization", "person", "deal"] {
        for verb in ["list", "get", "create", "update"] {
            assert!(names.contains(&format!("crm.{record}.{verb}")), "crm.{record}.{verb}");
        }
    }
    for name in ["crm.activity.list", "crm.activity.add", "crm.addon.info", "system.ping", "auth.me"] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
    assert_eq!(ada.call("whoami", json!({}))["account"]["name"], "Ada");
    ada.call("ping", json!({}));
    let bearer = format!("Bearer {}", world.person("ada").await.token);
    let me = server.send("GET", "/api/v1/auth/me", &[("Authorization", &bearer)], "").json();
    let (account, membership) = (&me["account"], &me["memberships"][0]);
    assert!(account["id"].is_string() && membership["workspaceId"].is_string(), "{me}");
    assert_eq!((&account["email"], &membership["role"]), (&json!("ada@example.com"), &json!("OWNER")));
    assert!(ada.result("prompts/list", json!({}))["prompts"].as_array().unwrap().len() >= 15);
    let listed = ada.result("resources/list", json!({})).to_string();
    let templates = ada.result("resources/templates/list", json!({})).to_string();
    assert!(listed.contains("/projects/WEB") && listed.contains("/me/tasks"), "{listed}");
    assert!(templates.contains("/tasks/{key}"), "{templates}");
}

#[tokio::test]
async fn lines_12_and_14_the_crm_is_on_by_itself_on_every_surface_and_leaves_all_of_them_together() {
    let documented = [
        "crm.addon.info",
        "crm.organization.list",
        "crm.organization.get",
        "crm.organization.create",
        "crm.organization.update",
        "crm.person.list",
        "crm.person.get",
        "crm.person.create",
        "crm.person.update",
        "crm.deal.list",
        "crm.deal.get",
        "crm.deal.create",
        "crm.deal.update",
        "crm.activity.list",
        "crm.activity.add",
    ];
    let on = World::new().await;
    let off = World::with(|config| config.crm = false).await;
    for (world, is_on) in [(on, true), (off, false)] {
        let server = Server::start(&world.app);
        let edition = server.send("GET", "/api/edition", &[], "").json();
        assert_eq!(edition["features"].as_array().unwrap().contains(&json!("crm.core")), is_on, "{edition}");
        let names = Client::plain(&server, &mcp_key(&world, "ben").await).names();
        assert!(documented.iter().all(|name| names.iter().any(|known| known == name) == is_on), "{names:?}");
        let bearer = format!("Bearer {}", world.person("ben").await.token);
        let info = server.send("GET", "/crm", &[("Authorization", &bearer)], "");
        assert_eq!(info.status == 200, is_on, "{}", info.body);
    }
}

#[tokio::test]
async fn lines_13_and_15_the_crm_routes_work_in_the_selected_workspace_for_who_may() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
    let (organization, person, deal) = (id(&sample.organization), id(&sample.person), id(&sample.deal));
    let reads = ["", "/organizations", "/people", "/deals", "/activities"].map(str::to_owned).into_iter().chain([
        format!("/organizations/{organization}"),
        format!("/people/{person}"),
        format!("/deals/{deal}"),
    ]);
    let writes = [
        ("POST", "/organizations".to_owned(), json!({ "name": "Harbour Cafe" })),
        ("PATCH", format!("/organizations/{organization}"), json!({ "city": "Oslo" })),
        ("POST", "/people".to_owned(), json!({ "name": "Ole" })),
        ("PATCH", format!("/people/{person}"), json!({ "title": "CEO" })),
        ("POST", "/deals".to_owned(), json!({ "title": "Kiosk" })),
        ("PATCH", format!("/deals/{deal}"), json!({ "nextStep": "Sign" })),
        ("POST", "/activities".to_owned(), json!({ "body": "Met.", "dealId": deal })),
    ];
    let mut tries: Vec<(&str, String, String)> = reads.map(|path| ("GET", path, String::new())).collect();
    tries.extend(writes.into_iter().map(|(method, path, body)| (method, path, body.to_string())));
    for who in ["vera", "ben", "ada", "sam", "eve"] {
        let bearer = format!("Bearer {}", world.person(who).await.token);
        for (method, path, body) in &tries {
            let by_header = vec![("X-Workspace-Slug", "acme")];
            for (query, selector) in [("", by_header), ("?workspaceSlug=acme", vec![])] {
                let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
                headers.extend(selector);
                let status = server.send(method, &format!("/crm{path}{query}"), &headers, body).status;
                let expected = match (who, *method) {
                    ("eve", _) | ("vera", "POST" | "PATCH") => 403,
                    (_, "POST") => 201,
                    _ => 200,
                };
                assert_eq!(status, expected, "{who}: {method} /crm{path}{query}");
            }
        }
    }
}

#[tokio::test]
async fn line_16_activity_types_are_understood_as_people_write_them() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    for (written, meant) in [
        ("note", "NOTE"),
        ("Call", "CALL"),
        ("EMAIL", "EMAIL"),
        ("meeting", "MEETING"),
        ("follow-up", "FOLLOW_UP"),
        ("Follow_Up", "FOLLOW_UP"),
    ] {
        let activity = json!({ "type": written, "body": "Talked.", "dealId": sample.deal["id"] });
        assert_eq!(ben.call("crm.activity.add", activity)["type"], meant);
    }
}

#[tokio::test]
async fn line_17_a_deal_becomes_a_project_a_follow_up_a_task_and_the_deal_hears_of_the_work() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    let deal = &sample.deal["id"];
    let project = ben.call("crm.deal.create_project", json!({ "dealId": deal, "key": "HEAT" }));
    assert_eq!(&project["deal"]["id"], deal);
    let follow_up = ben.call("crm.follow_up.add", json!({ "title": "Kick-off", "dealId": deal }));
    let task = json!({ "followUpId": follow_up["id"], "projectId": "HEAT" });
    assert_eq!(ben.call("crm.follow_up.create_task", task)["key"], "HEAT-1");
    ben.call("task.move", json!({ "taskId": "HEAT-1", "targetStatus": "Done" }));
    let read = ben.call("crm.deal.get", json!({ "dealId": deal }));
    assert_eq!(read["project"]["key"], "HEAT");
    assert!(read["activities"].to_string().contains("HEAT-1 Kick-off"), "{read}");
    let organization = ben.call("crm.organization.get", json!({ "organizationId": "Nordlys Energi" }));
    assert_eq!(organization["projects"][0]["key"], "HEAT");
    assert_eq!(organization["tasks"][0]["key"], "HEAT-1");
    // A deal and a project that exist already are linked by hand.
    let other = ben.call("crm.deal.create", json!({ "title": "Relaunch", "projectId": "WEB" }));
    assert_eq!(other["project"]["key"], "WEB");
}

#[tokio::test]
async fn line_21_a_key_is_shown_once_with_what_it_may_do() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    Sample::new(&world).await;
    let bearer = format!("Bearer {}", world.person("ben").await.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let wish = json!({ "name": "CI", "scopes": "read", "projects": ["WEB"], "expiresAt": "2099-01-01T00:00:00Z" });
    let made = server.send("POST", "/api/v1/api-keys", &headers, wish.to_string());
    let key = made.json();
    assert_eq!((made.status, &key["label"]), (201, &json!("CI")), "{key}");
    assert_eq!(key["projects"][0]["name"], "Website relaunch");
    let token = key["token"].as_str().unwrap();
    assert!(token.starts_with(key["prefix"].as_str().unwrap()), "{key}");
    assert!(["scopes", "createdAt", "expiresAt"].iter().all(|field| key[field].is_string()), "{key}");
    let listed = server.send("GET", "/api/v1/auth/api-keys", &headers, "");
    assert!(listed.body.contains(key["id"].as_str().unwrap()) && !listed.body.contains(token));
    let own = format!("Bearer {token}");
    assert_eq!(server.send("GET", "/api/v1/projects", &[("Authorization", &own)], "").status, 200);
}

#[tokio::test]
async fn lines_20_and_25_each_request_may_stand_for_itself() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    Sample::new(&world).await;
    let curl = Client::plain(&server, &mcp_key(&world, "ben").await);
    for client in [curl.again(), curl.again().with("Accept", "*/*")] {
        assert_eq!(client.result("ping", json!({})), json!({}));
        assert!(!client.names().is_empty());
        let found = client.call("search_tasks", json!({ "query": "payment" }));
        assert_eq!(found["items"].as_array().unwrap().len(), 2);
    }
    // Whoever reads how to sign in reads, too, that a plain key does.
    let sign_in = server.send("GET", "/.well-known/oauth-authorization-server", &[], "").json();
    assert_eq!(sign_in["token_endpoint"], format!("{}/oauth/token", server.base));
    let manual = sign_in["service_documentation"].as_str().unwrap().strip_prefix(&server.base).unwrap();
    let page = server.send("GET", manual.split('#').next().unwrap(), &[], "").body;
    assert!(page.contains("Every other client takes a key") && page.contains("Bearer sallymcp_"), "{page}");
}

#[tokio::test]
async fn line_24_answers_are_json_streams_need_a_session_and_delete_ends_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let answer = ben.request("tools/list", json!({}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(ben.again().without("Mcp-Session-Id").send("GET", "").status, 400);
    let mut stream = Listener::get(&server, &ben);
    assert!(stream.head.contains("content-type: text/event-stream"), "{}", stream.head);
    stream.next().unwrap();
    assert_eq!(ben.send("DELETE", "").status, 204);
    assert_eq!(stream.next(), None);
    assert_eq!(ben.request("tools/list", json!({})).status, 404);
}

#[tokio::test]
async fn line_26_scopes_filter_the_list_and_are_checked_again_when_calling() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let reader = Client::plain(&server, &narrowed_key(&sample.ben, json!({ "scopes": "mcp:tools:read" })).await);
    assert!(reader.names().contains(&"task.get".to_owned()) && !reader.names().contains(&"task.create".to_owned()));
    let create = json!({ "name": "task.create", "arguments": { "projectId": "WEB", "title": "X" } });
    assert_eq!(reader.error("tools/call", create.clone()).1, -32_000);
    let writer = json!({ "scopes": "mcp:tools:read mcp:tools:write" });
    let writer = Client::plain(&server, &narrowed_key(&sample.ben, writer).await);
    assert!(writer.names().contains(&"task.create".to_owned()));
    assert!(!writer.names().contains(&"task.todo.delete".to_owned()), "that one is destructive");
    assert!(writer.result("tools/call", create)["isError"].is_null());
}

#[tokio::test]
async fn line_27_what_a_bound_key_writes_is_the_agents_and_binding_is_no_duty() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    sample.ada.ask("agent.create", json!({ "name": "Scout" })).await.unwrap();
    let bound = narrowed_key(&sample.ben, json!({ "agentId": "Scout", "workspaceId": "acme" })).await;
    for (key, agent) in [(bound, json!("Scout")), (mcp_key(&world, "ben").await, Value::Null)] {
        let client = Client::plain(&server, &key);
        let comment = client.call("comment.add", json!({ "taskId": "WEB-1", "body": "Seen." }));
        assert_eq!((&comment["author"]["name"], &comment["agent"]["name"]), (&json!("Ben"), &agent), "{comment}");
    }
    let read = Client::plain(&server, &mcp_key(&world, "ben").await);
    let task = read.result("resources/read", json!({ "uri": "sally://tasks/WEB-1" })).to_string();
    assert!(task.contains("Scout for Ben"), "{task}");
}

#[tokio::test]
async fn line_29_errors_have_the_codes_of_json_rpc_and_tools_that_fail_have_results() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    assert_eq!(ben.send("POST", "{").json()["error"]["code"], -32_700);
    assert_eq!(ben.error("no/such", json!({})).1, -32_601);
    assert_eq!(ben.error("tools/call", json!({ "name": "no_such_tool" })).1, -32_602);
    assert_eq!(ben.error("resources/read", json!({ "uri": "sally:/WEB-1" })).1, -32_602);
    let no_scope = Client::plain(&server, &narrowed_key(&sample.ben, json!({ "scopes": "crm:read" })).await);
    assert_eq!(
        no_scope.error("tools/call", json!({ "name": "task.get", "arguments": { "taskId": "WEB-1" } })).1,
        -32_000
    );
    assert_eq!(no_scope.error("resources/read", json!({ "uri": "sally://tasks/WEB-1" })).1, -32_000);
    assert_eq!(ben.problem("task.get", json!({ "taskId": "WEB-99" }))["status"], 404);
}
