//! Organizations, people, deals and follow-ups.

use serde_json::{Value, json};

use crate::pair::{Act, Kind, Step, act, merged, pair, step};
use crate::stage::Stage;

/// CRM records are put away, never deleted.
fn kind(
    name: &'static str,
    create: &'static str,
    update: &'static str,
    get: &'static str,
    title: &'static str,
) -> Kind {
    let path = json!({ format!("{name}Id"): format!("${name}") });
    Kind {
        setup: vec![step(name, create, json!({ title: "New ~" }))],
        name,
        update,
        same: (title, json!("Mine ~"), json!("Theirs ~")),
        other: ("notes", json!("Another field")),
        delete: None,
        look: act(get, path.clone()),
        path,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_record() {
    let organization =
        kind("organization", "crm.organization.create", "crm.organization.update", "crm.organization.get", "name");
    let person = kind("person", "crm.person.create", "crm.person.update", "crm.person.get", "name");
    let deal = kind("deal", "crm.deal.create", "crm.deal.update", "crm.deal.get", "title");
    let follow_up = Kind {
        setup: vec![step("followUp", "crm.follow_up.add", json!({ "title": "Call ~" }))],
        name: "followUp",
        path: json!({ "followUpId": "$followUp" }),
        other: ("body", json!("Another field")),
        look: act("crm.follow_up.get", json!({ "followUpId": "$followUp" })),
        ..kind("followUp", "crm.follow_up.add", "crm.follow_up.update", "crm.follow_up.get", "title")
    };
    let mut pairs = Vec::new();
    for kind in [organization, person, deal, follow_up] {
        let put = |archived: bool| act(kind.update, merged(&kind.path, json!({ "archived": archived })));
        if kind.name != "followUp" {
            let look = std::slice::from_ref(&kind.look);
            let of = |what: &str, first: Act, second: Act| {
                pair(format!("{}: {what}", kind.name), &kind.setup, first, second, look).both()
            };
            pairs.push(of("away and back", put(true), put(false)));
            pairs.push(of("away twice", put(true), put(true)));
            pairs.push(of(
                "away and changed",
                put(true),
                act(kind.update, merged(&kind.path, json!({ "notes": "x" }))),
            ));
        }
        pairs.extend(kind.pairs());
    }
    Stage::new().await.try_all(pairs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_deal() {
    let deal = vec![
        step("organization", "crm.organization.create", json!({ "name": "Customer ~" })),
        step("deal", "crm.deal.create", json!({ "title": "Deal ~", "value": 100, "organizationId": "$organization" })),
    ];
    let looks = [
        act("crm.deal.get", json!({ "dealId": "$deal" })),
        act("crm.organization.get", json!({ "organizationId": "$organization" })),
    ];
    let update = |fields: Value| act("crm.deal.update", merged(&json!({ "dealId": "$deal" }), fields));
    let of = |what: &str, first: Act, second: Act| pair(what, &deal, first, second, &looks);
    let project = |name: &str| act("crm.deal.create_project", json!({ "dealId": "$deal", "name": name, "key": "~" }));
    let (won, lost) = (update(json!({ "status": "WON" })), update(json!({ "status": "LOST", "lostReason": "Price" })));
    let pairs = vec![
        of("won and lost", won.clone(), lost.clone()).both(),
        of("won twice", won.clone(), won.clone()).both(),
        of("won and open", won.clone(), update(json!({ "status": "OPEN" }))).both(),
        of("won and moved", won.clone(), update(json!({ "stage": "Proposal" }))),
        of("two stages", update(json!({ "stage": "Proposal" })), update(json!({ "stage": "Qualified" }))).both(),
        of("two values", update(json!({ "value": 200 })), update(json!({ "value": 300, "currency": "EUR" }))).both(),
        of("won and away", won, update(json!({ "archived": true }))),
        of("two projects", project("Mine ~"), project("Theirs ~")).once(),
        of("a project and lost", project("Mine ~"), lost),
        of("a project and another organization", project("Mine ~"), update(json!({ "organizationId": null }))).both(),
        of(
            "an organization away and a deal for it",
            act("crm.organization.update", json!({ "organizationId": "$organization", "archived": true })),
            act("crm.deal.create", json!({ "title": "More", "organizationId": "$organization" })),
        ),
        of(
            "two activities",
            act("crm.activity.add", json!({ "dealId": "$deal", "body": "One", "occurredAt": "2027-03-01T09:00:00Z" })),
            act("crm.activity.add", json!({ "dealId": "$deal", "body": "Two", "occurredAt": "2027-03-01T09:00:01Z" }))
                .by("ben"),
        )
        .both(),
    ];
    Stage::new().await.try_all(pairs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_follow_up() {
    let follow_up: Vec<Step> = vec![
        step("project", "project.create", json!({ "name": "Project ~", "key": "~" })),
        step("followUp", "crm.follow_up.add", json!({ "title": "Call ~" })),
    ];
    let look = act("crm.follow_up.get", json!({ "followUpId": "$followUp" }));
    let update = |fields: Value| act("crm.follow_up.update", merged(&json!({ "followUpId": "$followUp" }), fields));
    let task = || act("crm.follow_up.create_task", json!({ "followUpId": "$followUp", "projectId": "$project" }));
    let (done, cancelled) = (update(json!({ "status": "DONE" })), update(json!({ "status": "CANCELLED" })));
    let of = |what: &str, setup: &[Step], first: Act, second: Act| {
        pair(what, setup, first, second, std::slice::from_ref(&look))
    };
    let linked = [
        follow_up.clone(),
        vec![step("task", "crm.follow_up.create_task", json!({ "followUpId": "$followUp", "projectId": "$project" }))],
    ]
    .concat();
    let task_done = || act("task.move", json!({ "taskId": "$task", "targetStatus": "Done" }));
    let pairs = vec![
        of("done and cancelled", &follow_up, done.clone(), cancelled.clone()).both(),
        of("done twice", &follow_up, done.clone(), done.clone()).both(),
        of("done and taken up again", &follow_up, done.clone(), update(json!({ "status": "OPEN" }))).both(),
        of("two tasks", &follow_up, task(), task()).once(),
        of("a task and done", &follow_up, task(), done.clone()),
        of("its task done and itself", &linked, task_done(), done),
        of("its task done and itself cancelled", &linked, task_done(), cancelled),
        of("its task done twice", &linked, task_done(), task_done()).both(),
        of(
            "its task deleted and itself changed",
            &linked,
            act("task.delete", json!({ "taskId": "$task" })),
            update(json!({ "title": "Later" })),
        )
        .both(),
    ];
    Stage::new().await.try_all(pairs).await;
}
