//! Every tool that the product promises is listed, works, and its effect is read back over REST.

mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;

use sally::features::keys::KeyKind;
use serde_json::{Value, json};
use support::World;
use support::server::Server;

/// What is promised for these areas.
const PROMISED: &[&str] = &[
    // core
    "auth.me",
    "comment.add",
    "project.get",
    "project.list",
    "search",
    "system.ping",
    "task.create",
    "task.get",
    "task.list",
    "task.mine",
    "task.move",
    "task.update",
    "workspace.list",
    // account
    "api_key.create",
    "api_key.list",
    "api_key.revoke",
    "notification.list",
    "notification.preferences.get",
    "notification.preferences.update",
    "notification.read",
    "notification.read_all",
    "profile.get",
    "profile.image_upload",
    "profile.update",
    // workspace
    "workspace.archive",
    "workspace.create",
    "workspace.get",
    "workspace.invite",
    "workspace.invite.cancel",
    "workspace.invite.list",
    "workspace.invite.resend",
    "workspace.member.add",
    "workspace.member.list",
    "workspace.member.remove",
    "workspace.member.update",
    "workspace.update",
    // projects
    "board.get",
    "client.create",
    "client.delete",
    "client.get",
    "client.list",
    "client.update",
    "project.activity",
    "project.archive",
    "project.create",
    "project.delete",
    "project.dependency.add",
    "project.dependency.remove",
    "project.label.create",
    "project.label.delete",
    "project.label.list",
    "project.label.update",
    "project.member.add",
    "project.member.list",
    "project.member.remove",
    "project.member.update",
    "project.status.create",
    "project.status.delete",
    "project.status.list",
    "project.status.reorder",
    "project.status.update",
    "project.summary",
    "project.update",
    // tasks
    "comment.delete",
    "comment.list",
    "comment.update",
    "mentionable_users.list",
    "task.activity",
    "task.archive",
    "task.assign",
    "task.batch_move",
    "task.batch_update",
    "task.delete",
    "task.dependency.add",
    "task.dependency.remove",
    "task.image_upload",
    "task.labels.update",
    "task.reorder",
    "task.todo.create",
    "task.todo.delete",
    "task.todo.reorder",
    "task.todo.update",
    // time
    "timesheet.add",
    "timesheet.delete",
    "timesheet.get",
    "timesheet.list",
    "timesheet.report",
    "timesheet.timer.start",
    "timesheet.timer.stop",
    "timesheet.update",
    "timesheet.users",
    // crm
    "crm.activity.add",
    "crm.activity.list",
    "crm.addon.info",
    "crm.deal.create",
    "crm.deal.create_project",
    "crm.deal.get",
    "crm.deal.list",
    "crm.deal.update",
    "crm.follow_up.add",
    "crm.follow_up.create_task",
    "crm.follow_up.list",
    "crm.follow_up.update",
    "crm.organization.create",
    "crm.organization.get",
    "crm.organization.list",
    "crm.organization.update",
    "crm.person.create",
    "crm.person.get",
    "crm.person.list",
    "crm.person.update",
    // agents
    "agent.create",
    "agent.get",
    "agent.list",
    "agent.update",
];

/// Somebody with a session at the MCP endpoint and the same rights over REST.
struct Hand<'a> {
    server: &'a Server,
    key: String,
    session: String,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Hand<'a> {
    fn new(server: &'a Server, key: &str) -> Self {
        let mut hand = Hand { server, key: key.to_owned(), session: String::new(), used: RefCell::default() };
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
        let answer = hand.post("initialize", hello);
        hand.session = answer.header("mcp-session-id").expect("a session").to_owned();
        hand
    }

    fn post(&self, method: &str, params: Value) -> support::server::Answer {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        if !self.session.is_empty() {
            headers.push(("Mcp-Session-Id", &self.session));
        }
        self.server.send("POST", "/mcp", &headers, message.to_string())
    }

    /// Calls a tool that must succeed.
    fn tool(&self, name: &str, arguments: Value) -> Value {
        let mut answer = self.post("tools/call", json!({ "name": name, "arguments": arguments })).json();
        assert!(answer["error"].is_null() && answer["result"]["isError"].is_null(), "{name} {arguments}: {answer}");
        self.used.borrow_mut().insert(name.to_owned());
        answer["result"]["structuredContent"].take()
    }

    fn listed(&self) -> BTreeSet<String> {
        let list = self.post("tools/list", json!({})).json();
        let names = list["result"]["tools"].as_array().expect("tools").iter();
        names.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }

    fn rest(&self, method: &str, path: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.key);
        let answer = self.server.send(method, path, &[("Authorization", &bearer), ("Accept", "application/json")], "");
        let json = if answer.body.is_empty() { Value::Null } else { answer.json() };
        (answer.status, json)
    }

    /// What REST shows.
    fn get(&self, path: &str) -> Value {
        let (status, json) = self.rest("GET", &format!("/api{path}"));
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    fn is_gone(&self, path: &str) {
        assert_eq!(self.rest("GET", &format!("/api{path}")).0, 404, "{path}");
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no items in {list}"));
    items.iter().map(|item| text(item, field).to_owned()).collect()
}

#[tokio::test]
async fn every_promised_tool_is_listed_and_does_what_rest_shows() {
    let world = World::new().await;
    // Sam owns Acme and administers the server.
    let sam = world.keyed("sam", KeyKind::Mcp, None, None).await;
    let server = Server::start(&world.app);
    let hand = Hand::new(&server, &sam.token);
    let promised: BTreeSet<String> = PROMISED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(hand.listed(), promised);
    let acme = |mut arguments: Value| {
        arguments["workspaceSlug"] = json!("acme");
        arguments
    };
    let tool = |name: &str, arguments: Value| hand.tool(name, acme(arguments));
    let plain = |name: &str, arguments: Value| hand.tool(name, arguments);
    let get = |path: &str| {
        let separator = if path.contains('?') { '&' } else { '?' };
        hand.get(&format!("{path}{separator}workspaceSlug=acme"))
    };
    let gone = |path: &str| hand.is_gone(&format!("{path}?workspaceSlug=acme"));

    // One red pixel.
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

    // Who am I, and where.
    assert_eq!(plain("system.ping", json!({}))["ok"], true);
    let me = plain("auth.me", json!({}));
    assert_eq!(text(&me["account"], "email"), "sam@example.com");
    assert!(names(&plain("workspace.list", json!({})), "slug").contains(&"acme".to_owned()));
    plain("profile.update", json!({ "timeZone": "Europe/Berlin" }));
    assert_eq!(hand.get("/auth/profile")["timeZone"], "Europe/Berlin");
    assert_eq!(plain("profile.get", json!({}))["timeZone"], "Europe/Berlin");
    let pictured = plain("profile.image_upload", json!({ "base64": png }));
    assert_eq!(hand.get("/auth/profile")["avatarUrl"], pictured["avatarUrl"]);
    assert!(pictured["avatarUrl"].is_string());
    let key = plain("api_key.create", json!({ "label": "By a tool" }));
    assert!(names(&plain("api_key.list", json!({ "detail": "full" })), "label").contains(&"By a tool".to_owned()));
    plain("api_key.revoke", json!({ "apiKeyId": key["id"] }));
    let keys = hand.get("/auth/api-keys");
    let revoked = keys["items"].as_array().unwrap().iter().find(|known| known["id"] == key["id"]).unwrap();
    assert!(revoked["revokedAt"].is_string());

    // Workspaces and members.
    let other = plain("workspace.create", json!({ "name": "Other" }));
    plain("workspace.update", json!({ "workspaceId": other["id"], "name": "Another" }));
    assert_eq!(hand.get(&format!("/workspaces/{}", text(&other, "id")))["name"], "Another");
    assert_eq!(plain("workspace.get", json!({ "workspaceId": other["id"] }))["name"], "Another");
    let member = plain(
        "workspace.member.add",
        json!({ "workspaceId": other["id"], "accountId": "eve@example.com", "role": "MEMBER" }),
    );
    plain(
        "workspace.member.update",
        json!({ "workspaceId": other["id"], "membershipId": member["id"], "role": "VIEWER" }),
    );
    let members = hand.get(&format!("/workspaces/{}/members", text(&other, "id")));
    assert!(members["items"].as_array().unwrap().iter().any(|m| m["id"] == member["id"] && m["role"] == "VIEWER"));
    plain("workspace.member.remove", json!({ "workspaceId": other["id"], "membershipId": member["id"] }));
    let members = plain("workspace.member.list", json!({ "workspaceId": other["id"] }));
    assert!(!members.to_string().contains(text(&member, "id")));
    let invite =
        plain("workspace.invite", json!({ "workspaceId": other["id"], "email": "nils@example.com", "role": "MEMBER" }));
    assert!(text(&invite, "inviteUrl").contains("/accept-invite?token="));
    let invites = hand.get(&format!("/workspaces/{}/invites", text(&other, "id")));
    assert_eq!(names(&invites, "email"), ["nils@example.com"]);
    let again = plain("workspace.invite.resend", json!({ "workspaceId": other["id"], "inviteId": invite["id"] }));
    assert_ne!(again["inviteUrl"], invite["inviteUrl"], "the earlier link is good no more");
    plain("workspace.invite.cancel", json!({ "workspaceId": other["id"], "inviteId": invite["id"] }));
    assert!(names(&plain("workspace.invite.list", json!({ "workspaceId": other["id"] })), "email").is_empty());
    plain("workspace.archive", json!({ "workspaceId": other["id"] }));
    let workspaces = hand.get("/workspaces?archived=true");
    assert!(
        workspaces["items"].as_array().unwrap().iter().any(|w| w["id"] == other["id"] && w["archivedAt"].is_string())
    );

    // Clients and projects.
    let client = tool("client.create", json!({ "name": "Halden" }));
    tool("client.update", json!({ "clientId": client["id"], "notes": "Ferries" }));
    assert_eq!(get(&format!("/clients/{}", text(&client, "id")))["notes"], "Ferries");
    assert_eq!(tool("client.get", json!({ "clientId": "halden" }))["id"], client["id"]);
    let doomed = tool("client.create", json!({ "name": "Doomed" }));
    assert_eq!(names(&tool("client.list", json!({})), "name"), ["Doomed", "Halden"]);
    tool("client.delete", json!({ "clientId": doomed["id"] }));
    gone(&format!("/clients/{}", text(&doomed, "id")));

    let web = tool("project.create", json!({ "name": "Website", "key": "WEB", "clientId": "Halden" }));
    let ops = tool("project.create", json!({ "name": "Operations", "key": "OPS" }));
    assert_eq!(get("/projects/WEB")["client"]["name"], "Halden");
    tool("project.update", json!({ "projectId": "WEB", "description": "The ticket shop." }));
    assert_eq!(tool("project.get", json!({ "projectId": "web" }))["description"], "The ticket shop.");
    assert_eq!(names(&tool("project.list", json!({})), "key"), ["OPS", "WEB"]);
    assert_eq!(tool("project.summary", json!({}))["activeProjects"], 2);
    tool("project.dependency.add", json!({ "projectId": "WEB", "dependsOnId": "OPS" }));
    assert_eq!(get("/projects/WEB")["dependsOn"][0]["id"], ops["id"]);
    tool("project.dependency.remove", json!({ "projectId": "WEB", "dependsOnId": ops["id"] }));
    assert_eq!(get("/projects/WEB")["dependsOn"], json!([]));
    tool("project.archive", json!({ "projectId": "OPS" }));
    assert!(get("/projects/OPS")["archivedAt"].is_string());
    tool("project.delete", json!({ "projectId": "OPS" }));
    gone("/projects/OPS");

    let membership =
        tool("project.member.add", json!({ "projectId": "WEB", "accountId": "vera@example.com", "role": "VIEWER" }));
    tool("project.member.update", json!({ "projectId": "WEB", "membershipId": membership["id"], "role": "MEMBER" }));
    let role = |members: &Value| {
        let items = members["items"].as_array().expect("items");
        let vera = items.iter().find(|member| member.to_string().contains("vera@example.com")).expect("Vera");
        text(vera, "role").to_owned()
    };
    assert_eq!(role(&get("/projects/WEB/members")), "MEMBER");
    tool("project.member.remove", json!({ "projectId": "WEB", "membershipId": membership["id"] }));
    assert_eq!(role(&tool("project.member.list", json!({ "projectId": "WEB", "detail": "full" }))), "VIEWER");

    let testing = tool("project.status.create", json!({ "projectId": "WEB", "name": "Testing", "type": "REVIEW" }));
    let dropped = tool("project.status.create", json!({ "projectId": "WEB", "name": "Dropped", "type": "DONE" }));
    tool("project.status.update", json!({ "projectId": "WEB", "statusId": testing["id"], "name": "In test" }));
    let statuses = tool("project.status.list", json!({ "projectId": "WEB" }));
    let mut order: Vec<Value> =
        statuses["items"].as_array().unwrap().iter().map(|status| status["id"].clone()).collect();
    order.reverse();
    tool("project.status.reorder", json!({ "projectId": "WEB", "orderedStatusIds": order }));
    assert_eq!(names(&get("/projects/WEB/statuses"), "name")[..2], ["Dropped", "In test"]);
    tool("project.status.delete", json!({ "projectId": "WEB", "statusId": dropped["id"] }));
    assert!(!names(&get("/projects/WEB/statuses"), "name").contains(&"Dropped".to_owned()));
    let label = tool("project.label.create", json!({ "projectId": "WEB", "name": "bugs" }));
    tool("project.label.update", json!({ "projectId": "WEB", "labelId": label["id"], "name": "bug" }));
    assert_eq!(names(&get("/projects/WEB/labels"), "name"), ["bug"]);
    let spare = tool("project.label.create", json!({ "projectId": "WEB", "name": "spare" }));
    tool("project.label.delete", json!({ "projectId": "WEB", "labelId": spare["id"] }));
    assert_eq!(names(&tool("project.label.list", json!({ "projectId": "WEB" })), "name"), ["bug"]);

    // Tasks.
    let first = tool(
        "task.create",
        json!({
            "projectId": "WEB", "title": "Car length step", "labels": ["bug", "ux"], "todos": [{ "text": "Sketch" }, { "text": "Try" }],
            "assignee": "me", "dueDate": "tomorrow", "priority": "high",
        }),
    );
    assert_eq!((text(&first, "key"), text(&first, "priority")), ("WEB-1", "P1"));
    let second = tool("task.create", json!({ "projectId": "WEB", "title": "Harbour staff training" }));
    let third = tool("task.create", json!({ "projectId": "WEB", "title": "Fonts", "parentId": "WEB-2" }));
    tool("task.update", json!({ "taskId": "WEB-2", "description": "In **Bergen**." }));
    assert_eq!(get("/tasks/WEB-2")["description"], "In **Bergen**.");
    let read = tool("task.get", json!({ "taskId": "WEB-1" }));
    assert_eq!((read["todos"].as_array().unwrap().len(), &read["labels"]), (2, &json!(["bug", "ux"])));
    tool("task.move", json!({ "taskId": "WEB-1", "targetStatus": "In Progress" }));
    assert_eq!(get("/tasks/WEB-1")["status"], "In Progress");
    tool("task.assign", json!({ "taskId": "WEB-2", "ownerId": "ben@example.com" }));
    assert_eq!(get("/tasks/WEB-2")["owner"]["name"], "Ben");
    assert_eq!(
        names(&tool("task.list", json!({ "projectId": "WEB", "assignee": "ben@example.com" })), "key"),
        ["WEB-2"]
    );
    assert_eq!(names(&tool("task.mine", json!({})), "key"), ["WEB-1"]);
    tool("task.labels.update", json!({ "taskId": "WEB-2", "labels": ["training"] }));
    assert_eq!(get("/tasks/WEB-2")["labels"], json!(["training"]));
    tool("task.dependency.add", json!({ "taskId": "WEB-1", "dependsOnId": "WEB-2" }));
    assert_eq!(get("/tasks/WEB-1")["dependsOn"][0]["key"], "WEB-2");
    tool("task.dependency.remove", json!({ "taskId": "WEB-1", "dependsOnId": "WEB-2" }));
    assert_eq!(get("/tasks/WEB-1")["dependsOn"], json!([]));
    tool("task.reorder", json!({ "taskId": "WEB-3", "beforeId": "WEB-2" }));
    let board = tool("board.get", json!({ "projectId": "WEB" }));
    let backlog = board["columns"].as_array().unwrap().iter().find(|column| column["name"] == "Backlog").unwrap();
    assert_eq!(names(&json!({ "items": backlog["cards"] }), "key"), ["WEB-3", "WEB-2"]);
    tool("task.batch_update", json!({ "taskIds": ["WEB-2", "WEB-3"], "priority": "P3" }));
    tool("task.batch_move", json!({ "taskIds": [second["id"], third["id"]], "targetStatus": "Review" }));
    let moved = get("/tasks/WEB-3");
    assert_eq!((text(&moved, "priority"), text(&moved, "status")), ("P3", "Review"));
    let todo = tool("task.todo.create", json!({ "taskId": "WEB-2", "text": "Book a room" }));
    let other_todo = tool("task.todo.create", json!({ "taskId": "WEB-2", "text": "Invite" }));
    tool("task.todo.update", json!({ "taskId": "WEB-2", "todoId": todo["id"], "done": true }));
    tool("task.todo.reorder", json!({ "taskId": "WEB-2", "orderedTodoIds": [other_todo["id"], todo["id"]] }));
    let todos = get("/tasks/WEB-2")["todos"].clone();
    assert_eq!((text(&todos[0], "text"), &todos[1]["done"]), ("Invite", &json!(true)));
    tool("task.todo.delete", json!({ "taskId": "WEB-2", "todoId": other_todo["id"] }));
    assert_eq!(get("/tasks/WEB-2")["todoProgress"], json!({ "done": 1, "total": 1 }));
    let image = tool(
        "task.image_upload",
        json!({ "taskId": "WEB-1", "fileName": "dot.png", "mimeType": "image/png", "base64": png }),
    );
    assert_eq!((&image["width"], &image["mediaType"]), (&json!(1), &json!("image/png")));
    let bearer = format!("Bearer {}", sam.token);
    assert_eq!(server.send("HEAD", text(&image, "url"), &[("Authorization", &bearer)], "").status, 200);
    assert!(!tool("task.activity", json!({ "taskId": "WEB-1" }))["items"].as_array().unwrap().is_empty());
    assert!(!tool("project.activity", json!({ "projectId": "WEB" }))["items"].as_array().unwrap().is_empty());
    tool("task.archive", json!({ "taskId": "WEB-3" }));
    assert!(get("/tasks/WEB-3")["archivedAt"].is_string());
    tool("task.delete", json!({ "taskId": "WEB-3" }));
    gone("/tasks/WEB-3");

    // Comments and notifications.
    let comment = tool("comment.add", json!({ "taskId": "WEB-1", "body": "Ready for you, @ben@example.com" }));
    tool("comment.update", json!({ "commentId": comment["id"], "body": "Ready." }));
    assert_eq!(names(&get("/tasks/WEB-1/comments"), "body"), ["Ready."]);
    assert_eq!(names(&tool("comment.list", json!({ "taskId": "WEB-1" })), "id"), [text(&comment, "id")]);
    tool("comment.delete", json!({ "commentId": comment["id"] }));
    assert_eq!(get("/tasks/WEB-1/comments")["items"], json!([]));
    assert!(tool("mentionable_users.list", json!({ "projectId": "WEB" })).to_string().contains("ben@example.com"));
    let ada = world.person("ada").await;
    ada.ask("task.assign", json!({ "taskId": "WEB-2", "ownerId": "sam@example.com" })).await.unwrap();
    ada.ask("comment.add", json!({ "taskId": "WEB-2", "body": "@sam@example.com have a look" })).await.unwrap();
    let told = plain("notification.list", json!({ "detail": "full" }));
    assert_eq!(names(&told, "type"), ["comment.mentioned", "task.assigned"]);
    plain("notification.read", json!({ "notificationId": told["items"][1]["id"] }));
    let unread = hand.get("/notifications?unread=true");
    assert_eq!(names(&unread, "type"), ["comment.mentioned"]);
    plain("notification.read_all", json!({}));
    assert_eq!(hand.get("/notifications?unread=true")["items"], json!([]));
    plain(
        "notification.preferences.update",
        json!({ "items": [{ "type": "task.assigned", "inApp": false, "email": false }] }),
    );
    let preferences = plain("notification.preferences.get", json!({}));
    let assigned =
        preferences["items"].as_array().unwrap().iter().find(|item| item["type"] == "task.assigned").unwrap();
    assert_eq!(assigned["inApp"], false);

    // Time.
    let entry = tool("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 90, "description": "Sketches" }));
    tool("timesheet.update", json!({ "timesheetId": entry["id"], "minutes": 120 }));
    assert_eq!(get(&format!("/timesheets/{}", text(&entry, "id")))["minutes"], 120);
    assert_eq!(tool("timesheet.get", json!({ "timesheetId": entry["id"] }))["minutes"], 120);
    let spare = tool("timesheet.add", json!({ "projectId": "WEB", "minutes": 5, "billable": false }));
    tool("timesheet.delete", json!({ "timesheetId": spare["id"] }));
    gone(&format!("/timesheets/{}", text(&spare, "id")));
    tool("timesheet.timer.start", json!({ "taskId": "WEB-2" }));
    let stopped = tool("timesheet.timer.stop", json!({}));
    assert_eq!(names(&get("/timesheets"), "id").len(), 2);
    assert_eq!(names(&tool("timesheet.list", json!({ "taskId": "WEB-2" })), "id"), [text(&stopped, "id")]);
    let report = tool("timesheet.report", json!({ "projectId": "WEB", "groupBy": "task" }));
    assert_eq!(report["summary"]["totalMinutes"], 121);
    assert!(tool("timesheet.users", json!({})).to_string().contains("Sam Setup"));

    // The CRM and its bridges.
    let organization = tool("crm.organization.create", json!({ "name": "Halden Ferries" }));
    tool("crm.organization.update", json!({ "organizationId": organization["id"], "city": "Bergen" }));
    assert_eq!(get(&format!("/crm/organizations/{}", text(&organization, "id")))["city"], "Bergen");
    assert_eq!(tool("crm.organization.get", json!({ "organizationId": "Halden Ferries" }))["city"], "Bergen");
    assert_eq!(names(&tool("crm.organization.list", json!({})), "name"), ["Halden Ferries"]);
    let person = tool("crm.person.create", json!({ "name": "Ingrid", "organizationId": "Halden Ferries" }));
    tool("crm.person.update", json!({ "personId": person["id"], "title": "Head of Digital" }));
    assert_eq!(get(&format!("/crm/people/{}", text(&person, "id")))["title"], "Head of Digital");
    assert_eq!(tool("crm.person.get", json!({ "personId": "Ingrid" }))["id"], person["id"]);
    assert_eq!(names(&tool("crm.person.list", json!({})), "name"), ["Ingrid"]);
    let deal =
        tool("crm.deal.create", json!({ "title": "Ticket shop", "organizationId": "Halden Ferries", "value": 86000 }));
    tool("crm.deal.update", json!({ "dealId": deal["id"], "status": "WON" }));
    assert_eq!(tool("crm.deal.get", json!({ "dealId": "Ticket shop" }))["status"], "WON");
    assert_eq!(names(&tool("crm.deal.list", json!({ "status": "WON" })), "title"), ["Ticket shop"]);
    let delivered = tool("crm.deal.create_project", json!({ "dealId": deal["id"], "key": "SHOP" }));
    assert_eq!(get(&format!("/crm/deals/{}", text(&deal, "id")))["projectId"], delivered["id"]);
    tool("crm.activity.add", json!({ "dealId": deal["id"], "body": "Signed." }));
    assert!(get("/crm/activities").to_string().contains("Signed."));
    assert!(tool("crm.activity.list", json!({ "dealId": deal["id"] })).to_string().contains("Signed."));
    let follow_up = tool("crm.follow_up.add", json!({ "title": "Kick-off", "dealId": deal["id"] }));
    tool("crm.follow_up.update", json!({ "followUpId": follow_up["id"], "dueAt": "2027-03-01" }));
    let task = tool("crm.follow_up.create_task", json!({ "followUpId": follow_up["id"], "projectId": "SHOP" }));
    let follow_ups = tool("crm.follow_up.list", json!({ "detail": "full" }));
    assert_eq!(follow_ups["items"][0]["taskId"], task["id"]);
    assert!(tool("crm.addon.info", json!({}))["ok"].as_bool().unwrap());

    // Agents, and all of it found again.
    let agent = tool("agent.create", json!({ "name": "Scribe", "role": "Meeting notes" }));
    tool("agent.update", json!({ "agentId": agent["id"], "enabled": false }));
    assert_eq!(get(&format!("/agents/{}", text(&agent, "id")))["enabled"], false);
    assert_eq!(tool("agent.get", json!({ "agentId": "Scribe" }))["id"], agent["id"]);
    assert_eq!(names(&tool("agent.list", json!({})), "name"), ["Scribe"]);
    let found = tool("search", json!({ "query": "WEB-1" }));
    assert_eq!(text(&found["items"][0], "id"), text(&first, "id"));
    assert_eq!(text(&web, "key"), "WEB");

    let unused: Vec<&String> = promised.iter().filter(|name| !hand.used.borrow().contains(*name)).collect();
    assert!(unused.is_empty(), "never called: {unused:?}");
}

/// The checklist that the MCP guide recommends, with the names it writes.
#[tokio::test]
async fn the_recommended_checklist_runs_end_to_end() {
    let world = World::new().await;
    let ada = world.keyed("ada", KeyKind::Mcp, None, None).await;
    let server = Server::start(&world.app);
    let hand = Hand::new(&server, &ada.token);
    assert!(hand.listed().contains("task.create"));
    assert_eq!(names(&hand.tool("workspace.list", json!({})), "slug"), ["acme"]);
    hand.tool("project.create", json!({ "name": "Website relaunch", "workspaceSlug": "acme" }));
    let project = hand.get("/projects?workspaceSlug=acme")["items"][0].clone();
    let todos = json!([{ "text": "Draft" }, { "text": "Review" }]);
    let task = hand.tool(
        "task.create",
        json!({ "projectId": project["id"], "title": "Landing page", "todos": todos, "labels": ["copy"] }),
    );
    hand.tool(
        "project_members_add",
        json!({ "projectId": project["id"], "accountId": "vera@example.com", "role": "MEMBER" }),
    );
    hand.tool("transition_ticket", json!({ "taskId": task["id"], "targetStatus": "Done" }));
    let status = hand
        .tool("project_statuses_create", json!({ "projectId": project["id"], "name": "Testing", "type": "REVIEW" }));
    hand.tool("log_time", json!({ "taskId": task["id"], "minutes": 45 }));
    let report = hand.tool("get_time_report", json!({ "projectId": project["id"] }));
    assert_eq!(report["summary"]["totalMinutes"], 45);
    let read = hand.get(&format!("/tasks/{}", text(&task, "id")));
    assert_eq!((text(&read, "status"), &read["timeSummary"]["totalMinutes"]), ("Done", &json!(45)));
    assert_eq!((&read["todoProgress"]["total"], &read["labels"]), (&json!(2), &json!(["copy"])));
    let statuses = hand.get(&format!("/projects/{}/statuses", text(&project, "id")));
    assert!(statuses.to_string().contains(text(&status, "id")));
}
