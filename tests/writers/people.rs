//! Time, members, keys, agents, settings and notifications.

use serde_json::{Value, json};

use crate::pair::{Act, Kind, Step, act, merged, pair, step};
use crate::stage::Stage;

fn tasks() -> Vec<Step> {
    let task = |name, title: &str| step(name, "task.create", json!({ "projectId": "$project", "title": title }));
    vec![
        step("project", "project.create", json!({ "name": "Project ~", "key": "~" })),
        task("task", "One"),
        task("second", "Two"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_time() {
    let entry = json!({ "taskId": "$task", "minutes": 30, "date": "2027-03-01" });
    let setup = [tasks(), vec![step("timesheet", "timesheet.add", entry).by("ben")]].concat();
    let look = act("timesheet.get", json!({ "timesheetId": "$timesheet" }));
    let kind = Kind {
        name: "timesheet",
        update: "timesheet.update",
        path: json!({ "timesheetId": "$timesheet" }),
        same: ("minutes", json!(45), json!(60)),
        other: ("description", json!("Another field")),
        delete: Some("timesheet.delete"),
        look: look.clone(),
        setup: setup.clone(),
    };
    let mut pairs = kind.pairs();
    let update = |fields: Value| act("timesheet.update", merged(&json!({ "timesheetId": "$timesheet" }), fields));
    let delete = act("timesheet.delete", json!({ "timesheetId": "$timesheet" }));
    let validated = update(json!({ "validated": true }));
    let of = |what: &str, first: Act, second: Act| pair(what, &setup, first, second, std::slice::from_ref(&look));
    pairs.extend([
        of("validated and changed by its owner", validated.clone(), update(json!({ "minutes": 45 })).by("ben")),
        of("validated and deleted by its owner", validated.clone(), delete.by("ben")),
        of("validated and not", validated, update(json!({ "validated": false }))).both(),
        of("its task deleted", act("task.delete", json!({ "taskId": "$task" })), update(json!({ "minutes": 45 })))
            .both(),
    ]);

    // The clock of an earlier run does not run into this one.
    let stopped = step("clock", "timesheet.timer.start", json!({ "taskId": "$task" }));
    let none = [tasks(), vec![stopped.clone(), step("before", "timesheet.timer.stop", json!({}))]].concat();
    let running = [none.clone(), vec![stopped]].concat();
    let looks = [
        act("timesheet.timer.get", json!({})),
        act("timesheet.list", json!({ "projectId": "$project", "sort": "-createdAt" })),
    ];
    let start = |task: &str| act("timesheet.timer.start", json!({ "taskId": format!("${task}") }));
    let stop = || act("timesheet.timer.stop", json!({}));
    pairs.extend([
        pair("two clocks", &none, start("task"), start("second"), &looks).both(),
        pair("one clock twice", &none, start("task"), start("task"), &looks).both(),
        pair("a clock that runs, started and stopped", &running, start("second"), stop(), &looks),
        pair("stopped twice", &running, stop(), stop(), &looks).once(),
        pair(
            "a clock in a project that goes",
            &running,
            stop(),
            act("project.delete", json!({ "projectId": "$project" })),
            &looks[..1],
        ),
        pair("a clock on a task that goes", &running, stop(), act("task.delete", json!({ "taskId": "$task" })), &looks),
    ]);
    Stage::new().await.try_all(pairs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_members_and_settings() {
    let fresh = vec![
        step("workspace", "workspace.create", json!({ "name": "Space ~" })).by("sam"),
        step(
            "ada",
            "workspace.member.add",
            json!({ "workspaceId": "$workspace", "accountId": "ada@example.com", "role": "OWNER" }),
        )
        .by("sam"),
        step(
            "ben",
            "workspace.member.add",
            json!({ "workspaceId": "$workspace", "accountId": "ben@example.com", "role": "OWNER" }),
        )
        .by("sam"),
    ];
    let looks = [act("workspace.member.list", json!({ "workspaceId": "$workspace" })).by("sam")];
    let role = |who: &str, role: &str| {
        act("workspace.member.update", json!({ "workspaceId": "$workspace", "membershipId": who, "role": role }))
    };
    let leave = |who: &str| act("workspace.member.remove", json!({ "workspaceId": "$workspace", "membershipId": who }));
    let of = |what: &str, first: Act, second: Act| pair(what, &fresh, first, second, &looks);
    let (ada, ben) = ("ada@example.com", "ben@example.com");
    let invite = |email: &str| {
        act("workspace.invite", json!({ "workspaceId": "$workspace", "email": email, "role": "MEMBER" })).by("sam")
    };
    // An administrator of the server made it, and owned it until now.
    let gone = step(
        "gone",
        "workspace.member.remove",
        json!({ "workspaceId": "$workspace", "membershipId": "sam@example.com" }),
    );
    let theirs = [fresh.clone(), vec![gone]].concat();
    let of_theirs = |what: &str, first: Act, second: Act| pair(what, &theirs, first, second, &looks);
    let invited = [
        fresh.clone(),
        vec![
            step(
                "invite",
                "workspace.invite",
                json!({ "workspaceId": "$workspace", "email": "new-~@example.com", "role": "MEMBER" }),
            )
            .by("sam"),
        ],
    ]
    .concat();
    let cancel =
        || act("workspace.invite.cancel", json!({ "workspaceId": "$workspace", "inviteId": "$invite" })).by("sam");
    let archive = |archived: bool| {
        act("workspace.archive", json!({ "workspaceId": "$workspace", "archived": archived })).by("sam")
    };
    let mut pairs = vec![
        of_theirs(
            "each owner takes the other's place away",
            role(ben, "MEMBER").by("ada"),
            role(ada, "MEMBER").by("ben"),
        ),
        of_theirs("both leave", leave(ada).by("ada"), leave(ben).by("ben")).once(),
        of("two roles for one", role(ben, "MEMBER").by("sam"), role(ben, "VIEWER").by("sam")).both(),
        of("a role and the end", role(ben, "VIEWER").by("sam"), leave(ben).by("sam")),
        of(
            "added twice",
            act(
                "workspace.member.add",
                json!({ "workspaceId": "$workspace", "accountId": "vera@example.com", "role": "MEMBER" }),
            )
            .by("sam"),
            act(
                "workspace.member.add",
                json!({ "workspaceId": "$workspace", "accountId": "vera@example.com", "role": "VIEWER" }),
            )
            .by("sam"),
        ),
        of("invited twice", invite("once-~@example.com"), invite("once-~@example.com")),
        pair("an invitation cancelled twice", &invited, cancel(), cancel(), &looks).once(),
        of("archived and brought back", archive(true), archive(false)).both(),
        of(
            "archived and a project for it",
            archive(true),
            act("project.create", json!({ "workspaceId": "$workspace", "name": "Late" })),
        ),
        of(
            "deleted and a project for it",
            act("workspace.delete", json!({ "workspaceId": "$workspace" })).by("sam"),
            act("project.create", json!({ "workspaceId": "$workspace", "name": "Late" })),
        ),
        of(
            "one address for two workspaces",
            act("workspace.update", json!({ "workspaceId": "$workspace", "slug": "taken-~" })).by("sam"),
            act("workspace.create", json!({ "name": "Taken ~" })).by("sam"),
        ),
    ];
    let kind = Kind {
        name: "workspace",
        update: "workspace.update",
        path: json!({ "workspaceId": "$workspace" }),
        same: ("name", json!("Mine ~"), json!("Theirs ~")),
        other: ("slug", json!("other-~")),
        delete: None,
        look: act("workspace.get", json!({ "workspaceId": "$workspace" })),
        setup: fresh.clone(),
    };
    pairs.extend(kind.pairs());
    Stage::new().await.try_all(pairs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_what_is_ones_own() {
    let key = vec![step("key", "api_key.create", json!({ "label": "Key ~" }))];
    let revoke = || act("api_key.revoke", json!({ "apiKeyId": "$key" }));
    let profile = |fields: Value| act("profile.update", fields);
    let before = [step("profile", "profile.update", json!({ "name": "Ada", "timeZone": "UTC" }))];
    let task = [
        tasks(),
        vec![
            step("assigned", "task.assign", json!({ "taskId": "$task", "ownerId": "ben@example.com" })),
            step("notification", "notification.list", json!({})).by("ben").at("/items/0"),
        ],
    ]
    .concat();
    let read = || act("notification.read", json!({ "notificationId": "$notification" })).by("ben");
    let all_read = || act("notification.read_all", json!({})).by("ben");
    let preference = |email: bool| {
        act(
            "notification.preferences.update",
            json!({ "items": [{ "type": "task.assigned", "inApp": true, "email": email }] }),
        )
    };
    let wished = [Step { name: "wish", act: preference(true), at: "" }];
    let agent = Kind {
        name: "agent",
        update: "agent.update",
        path: json!({ "agentId": "$agent" }),
        same: ("name", json!("Mine ~"), json!("Theirs ~")),
        other: ("enabled", json!(false)),
        delete: None,
        look: act("agent.get", json!({ "agentId": "$agent" })),
        setup: vec![step("agent", "agent.create", json!({ "name": "Agent ~" }))],
    };
    let mut pairs = vec![
        // Once revokes, and once more takes it off the list.
        pair("a key revoked twice", &key, revoke(), revoke(), &[]).both(),
        pair(
            "two names",
            &before,
            profile(json!({ "name": "Ada L." })),
            profile(json!({ "name": "Ada B." })),
            &[act("profile.get", json!({}))],
        )
        .both()
        .lasting(),
        pair(
            "a name and a zone",
            &before,
            profile(json!({ "name": "Ada L." })),
            profile(json!({ "timeZone": "Europe/Berlin" })),
            &[act("profile.get", json!({}))],
        )
        .both()
        .lasting(),
        pair("read twice", &task, read(), read(), &[]).both(),
        pair("one read and all", &task, read(), all_read(), &[]).both(),
        pair("all read twice", &task, all_read(), all_read(), &[]).both(),
        pair(
            "two wishes",
            &wished,
            preference(true),
            preference(false),
            &[act("notification.preferences.get", json!({}))],
        )
        .both()
        .lasting(),
    ];
    pairs.extend(agent.pairs());
    Stage::new().await.try_all(pairs).await;
}
