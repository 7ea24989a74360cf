//! The audit: what an administrator and an owner find of who got in and who may do what.

mod support;

use sally::core::app::Call;
use sally::core::caller::Credential;
use sally::core::operation::{Effect, Toolset};
use sally::core::secret::TokenHash;
use sally::core::store::one;
use sally::features::accounts::AddUser;
use serde_json::{Value, json};
use support::server::Server;
use support::{PASSWORD, Person, World, console};

async fn una(world: &World) {
    let (email, name) = (support::email("una@example.com"), support::line("Una"));
    let reference = sally::core::reference::Ref::new("acme");
    let user = AddUser::new(email, name, reference, sally::core::caller::Role::Owner, Some(PASSWORD.into()));
    world.app.run(console(), user).await.unwrap();
}

/// Event, operation, e-mail and summary of each entry, oldest first.
fn told(list: &Value) -> Vec<(&str, &str, &str, &str)> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .rev()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default();
            (text("event"), text("operation"), text("email"), text("summary"))
        })
        .collect()
}

async fn audit(person: &Person, filter: Value) -> Value {
    person.ask("audit.list", filter).await.unwrap()
}

#[tokio::test]
async fn an_administrator_reads_who_came_and_went_and_who_tried() {
    let world = World::new().await;
    una(&world).await;
    let sam = world.person("sam").await;
    let server = Server::start(&world.app);
    let login = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password }).to_string();
        server.send("POST", "/api/auth/login", &[("Content-Type", "application/json")], body)
    };
    assert_eq!(login("una@example.com", "Wrong-horse-7").status, 401);
    assert_eq!(login("nobody@example.com", "Wrong-horse-7").status, 401);
    let token = login("una@example.com", PASSWORD).json()["sessionToken"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(server.send("POST", "/api/auth/logout", &[("Authorization", &bearer)], "").status, 204);

    let list = audit(&sam, json!({ "limit": 4 })).await;
    assert_eq!(
        told(&list),
        [
            ("SIGN_IN_FAILED", "auth.login", "una@example.com", ""),
            // What was typed is not kept where it is nobody's: it may be a password in the wrong field.
            ("SIGN_IN_FAILED", "auth.login", "", ""),
            ("SIGN_IN", "auth.login", "una@example.com", ""),
            ("SIGN_OUT", "auth.logout", "una@example.com", ""),
        ]
    );
    for entry in list["items"].as_array().unwrap() {
        assert_eq!((&entry["address"], entry["requestId"].is_string()), (&json!("127.0.0.1"), true), "{entry}");
    }
    let of = async |filter: Value| audit(&sam, filter).await["items"].as_array().unwrap().len();
    assert_eq!(of(json!({ "event": "sign-in-failed" })).await, 2);
    assert_eq!(of(json!({ "who": "una@example.com", "event": "SIGN_OUT" })).await, 1);
    assert_eq!(of(json!({ "who": "stranger@example.com" })).await, 0);
    assert_eq!(of(json!({ "from": "tomorrow" })).await, 0);
    assert_eq!(of(json!({ "from": "today", "to": "today", "event": "SIGN_IN" })).await, 1);
    for wrong in [json!({ "event": "PARTY" }), json!({ "from": "soon" }), json!({ "nonsense": 1 })] {
        assert!(matches!(sam.refused("audit.list", wrong).await.status(), 400 | 422));
    }
    assert_eq!(world.person("ada").await.refused("audit.list", json!({})).await.status(), 403);
}

#[tokio::test]
async fn who_tries_passwords_and_codes_in_a_session_is_seen_and_slowed_down() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 5).await;
    una(&world).await;
    let sam = world.person("sam").await;
    let nobody = Person { app: world.app.clone(), token: String::new(), email: String::new() };
    let login = json!({ "email": "una@example.com", "password": PASSWORD });
    let made = nobody.ask_with(Call::default(), "auth.login", login).await.unwrap();
    let token = support::json_of(&made)["sessionToken"].as_str().unwrap().to_owned();
    let found = Person { app: world.app.clone(), token, email: "una@example.com".into() };

    let wrong = "Wrong-horse-77";
    let tries = [
        ("auth.change_password", json!({ "currentPassword": wrong, "newPassword": "Another-horse-8" })),
        ("profile.update", json!({ "email": "eve2@example.com", "currentPassword": wrong })),
        ("auth.two_factor.setup", json!({ "password": wrong })),
        ("auth.two_factor.disable", json!({ "password": wrong, "code": "123456" })),
    ];
    for (operation, input) in &tries {
        assert_eq!(found.refused(operation, input.clone()).await.status(), 422, "{operation}");
    }
    let list = audit(&sam, json!({ "event": "SIGN_IN_FAILED" })).await;
    let expected: Vec<_> =
        tries.iter().map(|(operation, _)| ("SIGN_IN_FAILED", *operation, "una@example.com", "")).collect();
    assert_eq!(told(&list), expected);
    // The sign-in and these four are all that a minute has.
    assert_eq!(found.refused(tries[0].0, tries[0].1.clone()).await.status(), 429);

    // Past the password, codes are what is tried next.
    let other = World::new().await;
    una(&other).await;
    let (una, sam) = (other.person("una").await, other.person("sam").await);
    support::put(
        &other.app,
        "insert into second_factor (id, account_id, totp_secret, confirmed_at, created_at, updated_at)
         select 1, id, randomblob(20), 1, 1, 1 from account where email = 'una@example.com'",
    )
    .await;
    let guess = json!({ "password": PASSWORD, "code": "abcdef-ghijkl" });
    assert_eq!(una.refused("auth.two_factor.disable", guess).await.field_errors()[0].field, "code");
    let list = audit(&sam, json!({ "event": "SIGN_IN_FAILED" })).await;
    assert_eq!(told(&list), [("SIGN_IN_FAILED", "auth.two_factor.disable", "una@example.com", "")]);
}

#[tokio::test]
async fn an_owner_reads_of_their_workspace_and_of_no_other() {
    let world = World::new().await;
    let (ada, eve, ben) = (world.person("ada").await, world.person("eve").await, world.person("ben").await);
    let key = json!({ "label": "Claude", "workspaceId": "acme", "scopes": "read" });
    let key = ada.ask("mcp_key.create", key).await.unwrap();
    ben.ask("api_key.create", json!({ "label": "everywhere" })).await.unwrap();
    let promoted = json!({ "workspaceId": "acme", "membershipId": "vera@example.com", "role": "MEMBER" });
    ada.ask("workspace.member.update", promoted).await.unwrap();
    ada.ask("mcp_key.revoke", json!({ "mcpKeyId": key["id"] })).await.unwrap();
    ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    ada.ask("crm.deal.create", json!({ "title": "Everyday work" })).await.unwrap();
    eve.ask("agent.create", json!({ "name": "Elsewhere" })).await.unwrap();

    let list = ada.ask("workspace.audit.list", json!({ "workspaceId": "acme" })).await.unwrap();
    let told: Vec<_> =
        told(&list).into_iter().map(|(event, operation, _, summary)| (event, operation, summary)).collect();
    let (_, after) = told.split_at(told.iter().position(|(event, ..)| *event == "KEY").unwrap());
    assert_eq!(after[0], ("KEY", "mcp_key.create", "Claude"));
    assert_eq!(after[1], ("ROLE", "workspace.member.update", "vera@example.com: role VIEWER → MEMBER"));
    assert_eq!((after[2].0, after[2].1), ("KEY", "mcp_key.revoke"));
    assert_eq!(after[2].2, "Claude: revoked");
    assert_eq!(after[3..], [("AGENT", "agent.create", "Robin")]);
    let of_key = json!({ "workspaceId": "acme", "record": key["id"] });
    assert_eq!(ada.ask("workspace.audit.list", of_key).await.unwrap()["items"].as_array().unwrap().len(), 2);

    // No filter opens a window to elsewhere, or tells who has an account.
    for who in ["eve@example.com", "nobody@example.com"] {
        let input = json!({ "workspaceId": "acme", "who": who });
        assert_eq!(ada.ask("workspace.audit.list", input).await.unwrap()["items"], json!([]), "{who}");
    }
    let absent = ada.refused("workspace.audit.list", json!({ "workspaceId": "bolt" })).await;
    assert_eq!(absent.status(), 404);
    assert_eq!(ben.refused("workspace.audit.list", json!({ "workspaceId": "acme" })).await.status(), 403);
}

#[tokio::test]
async fn a_table_of_the_audit_is_an_export_and_holds_no_formula() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("agent.create", json!({ "name": "=HYPERLINK(\"http://evil.example\")" })).await.unwrap();
    let server = Server::start(&world.app);
    let bearer = format!("Bearer {}", ada.token);
    let get = |path: &str| server.send("GET", path, &[("Authorization", &bearer)], "");
    let table = get("/api/workspaces/acme/audit?format=csv&event=AGENT");
    assert_eq!((table.status, table.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert!(table.body.starts_with("At,Event,Operation,Person,"), "{}", table.body);
    assert!(table.body.contains("'=HYPERLINK") && table.body.matches("\r\n").count() == 2, "{}", table.body);
    assert_eq!(get("/api/timesheets/report?format=csv").status, 200);
    // Tables of pages, too.
    let cookie = format!("sally_session={}", ada.token);
    assert_eq!(server.send("GET", "/crm/deals?view=table&format=csv", &[("Cookie", &cookie)], "").status, 200);
    assert_eq!(get("/api/timesheets/report").status, 200);
    let exports = json!({ "workspaceId": "acme", "event": "EXPORT" });
    let exports = ada.ask("workspace.audit.list", exports).await.unwrap();
    assert_eq!(
        told(&exports).iter().map(|(_, operation, ..)| *operation).collect::<Vec<_>>(),
        ["workspace.audit.list", "timesheet.report", "crm.deal.list"]
    );
}

#[tokio::test]
async fn what_is_old_is_let_go_of_and_activities_keep_what_they_show() {
    let world = World::with(|config| config.audit_days = 30).await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let member = json!({ "projectId": "WEB", "accountId": "ben@example.com", "role": "OWNER" });
    ada.ask("project.member.add", member).await.unwrap();
    let activity = async || ada.ask("project.activity", json!({ "projectId": "WEB" })).await.unwrap()["items"].clone();
    let before = activity().await;
    let server = Server::start(&world.app);
    let login = json!({ "email": "ada@example.com", "password": "Wrong-horse-7" }).to_string();
    server.send("POST", "/api/auth/login", &[("Content-Type", "application/json")], login);
    let count = async |filter: Value| audit(&sam, filter).await["items"].as_array().unwrap().len();
    world.app.tidy().await.unwrap();
    assert_eq!(
        (count(json!({ "event": "SIGN_IN_FAILED" })).await, count(json!({ "event": "MEMBER" })).await > 0),
        (1, true)
    );
    // A month and a day go by.
    support::put(&world.app, "update change_set set at = at - 31 * 86400000 where audit is not null").await;
    world.app.tidy().await.unwrap();
    assert_eq!(count(json!({})).await, 0);
    assert_eq!(activity().await.as_array().unwrap().len(), before.as_array().unwrap().len());
    const LEFT: &str = "select count(*) from change_set where operation = 'auth.login' or address is not null";
    let left = world.app.store().read(|reading| one(reading.conn(), LEFT, [], |row| row.take::<i64>()));
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn whoever_tries_for_days_fills_no_disk() {
    let world = World::new().await;
    let failed = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10500)
        insert into change_set (id, at, operation, audit, address) select i, i, 'auth.login', 'SIGN_IN_FAILED', '192.0.2.1' from n";
    support::put(&world.app, failed).await;
    world.app.tidy().await.unwrap();
    const KEPT: &str = "select count(*), min(id) from change_set where audit = 'SIGN_IN_FAILED'";
    let kept = world
        .app
        .store()
        .read(|reading| one(reading.conn(), KEPT, [], |row| Ok((row.take::<i64>()?, row.take::<i64>()?))));
    assert_eq!(kept.unwrap(), (10_000, 501));
}

/// What changes rights, secrets or people and is not written down for the audit, with the reason.
const NOT_AUDITED: &[(&str, &str)] = &[
    ("setup.offer", "the console makes the link; the set-up itself is"),
    ("workspace.clear_away", "the clock's part of a deletion that is"),
    ("profile.update", "a name and a time zone"),
    ("profile.image_upload", "a picture of oneself"),
    ("auth.request_password_reset", "anybody may ask; the new password is"),
    ("oauth.client.register", "a program that may nothing before somebody consents, which is"),
    ("oauth.code.exchange", "the second half of a consent that is"),
    ("oauth.token.refresh", "each hour, for a connection that is"),
    ("oauth.token.revoke", "anybody may ask; what ends a connection is, however it comes to an end"),
    ("oauth.connection.clear", "the clock"),
    ("mail.settle", "the clock"),
    ("import.upload", "everyday work"),
    ("import.run", "everyday work: each line is as if it had been typed"),
    ("import.stop", "everyday work"),
    ("import.discard", "everyday work"),
    ("notification.read", "one's own"),
    ("notification.read_all", "one's own"),
    ("notification.mark", "one's own"),
    ("notification.preferences.update", "one's own"),
    ("notification.tell_due", "the clock"),
];

#[tokio::test]
async fn every_change_of_rights_is_audited() {
    let world = World::new().await;
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let is_about_rights = matches!(spec.toolset, Toolset::Account | Toolset::Workspace | Toolset::Agents)
            || spec.name.starts_with("project.member.");
        let is_excused = NOT_AUDITED.iter().any(|(name, _)| *name == spec.name);
        let must_be = is_about_rights && spec.effect != Effect::Read && !is_excused;
        let what = "needs `audit: Some(…)` in its spec, or a line in NOT_AUDITED; everyday work needs neither";
        assert_eq!(spec.more.audit.is_some(), must_be, "{} {what}", spec.name);
    }
}

#[tokio::test]
async fn the_page_shows_owners_what_the_operation_lists() {
    let world = World::new().await;
    una(&world).await;
    let server = Server::start(&world.app);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let entered = server.send("POST", "/login", &form, format!("email=una%40example.com&password={PASSWORD}"));
    let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let get = |path: &str| server.send("GET", path, &[("Cookie", &cookie), ("Accept", "text/html")], "");
    let session = Call::with(Credential::Token(TokenHash::of(cookie.split_once('=').unwrap().1)));
    world
        .app
        .run(
            session,
            sally::features::agents::CreateAgent {
                name: support::line("Robin"),
                role: None,
                description: None,
                enabled: None,
            },
        )
        .await
        .unwrap();
    let page = get("/settings/audit");
    assert!(
        page.status == 200
            && page.body.contains("Robin")
            && page.body.contains("/api/workspaces/acme/audit?format=CSV")
    );
    assert!(get("/settings/audit?event=KEY").body.contains("No entries fit the filter"));
    assert_eq!(get("/admin/audit").status, 403);
}
