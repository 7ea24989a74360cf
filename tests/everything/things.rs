//! One of everything to aim operations at, and the input that each of them needs.

use sally::core::app::Listed;
use sally::core::time::Moment;
use sally::features::notifications::TellDue;
use serde_json::{Value, json};

use crate::support::{self, Person, World, console};

/// Records of one workspace to aim operations at.
pub struct Things {
    pub workspace: String,
    pub organization: String,
    pub person: String,
    pub deal: String,
    pub follow_up: String,
    pub stage: String,
    pub account: String,
    /// Somebody without a role of their own in the scene's project.
    pub newcomer: String,
    pub membership: String,
    pub invite: String,
    pub api_key: String,
    pub mcp_key: String,
    pub client: String,
    /// A project that everybody in the workspace sees and the one of the scene waits for, and one that it does not wait for.
    pub awaited: String,
    pub independent: String,
    pub agent: String,
    pub notification: String,
    pub scene: Scene,
}

/// A project with one of everything in it. What belongs to projects gets its line here, in [`Scene::of`] and in
/// [`Things::reference`].
#[derive(Clone)]
pub struct Scene {
    pub project: String,
    pub membership: String,
    pub status: String,
    pub other_status: String,
    pub statuses: Vec<String>,
    pub label: String,
    /// It waits for the second one, stands beside the third, and has a todo and a picture.
    pub task: String,
    /// Its owner's.
    pub comment: String,
    /// The time of whoever is cast, else of Vera, else of the owner.
    pub time_entry: String,
    pub awaited_task: String,
    pub other_task: String,
    pub todo: String,
    pub image: String,
}

pub fn id(value: &Value, field: &str) -> String {
    value[field].as_str().expect("an id").to_owned()
}

impl Scene {
    /// Closed to the workspace when somebody is cast; then they alone are in it, besides its owner.
    pub async fn of(owner: &Person, awaited: &str, cast: Option<(&str, &str)>) -> Scene {
        let ask = async |operation: &str, input: Value| owner.ask(operation, input).await.expect(operation);
        let visibility = if cast.is_some() { "MEMBERS" } else { "WORKSPACE" };
        let project = ask("project.create", json!({ "name": "Scene", "visibility": visibility })).await;
        let project = id(&project, "id");
        let depends = json!({ "projectId": project, "dependsOnId": awaited });
        ask("project.dependency.add", depends).await;
        if let Some((account, role)) = cast {
            let member = json!({ "projectId": project, "accountId": account, "role": role });
            ask("project.member.add", member).await;
        }
        // Somebody to change: Mia where there is one, else the owner.
        let mia = json!({ "projectId": project, "accountId": "mia@example.com" });
        let membership = match owner.ask("project.member.add", mia).await {
            Ok(member) => id(&member, "id"),
            Err(_) => {
                let members = ask("project.member.list", json!({ "projectId": project })).await;
                id(&members["items"][0], "id")
            }
        };
        let label = ask("project.label.create", json!({ "projectId": project, "name": "bug" })).await;
        let task = support::put_task(&owner.app, &project, "Backlog", "Sample").await;
        let comment = ask("comment.add", json!({ "taskId": task, "body": "Sample" })).await;
        let spent = json!({ "projectId": project, "minutes": 5 });
        let mut of_another = spent.clone();
        of_another["accountId"] = json!(cast.map_or("vera@example.com", |(account, _)| account));
        let time_entry = match owner.ask("timesheet.add", of_another).await {
            Ok(entry) => entry,
            Err(_) => ask("timesheet.add", spent).await,
        };
        let awaited_task = support::put_task(&owner.app, &project, "Review", "Sample").await;
        let other_task = support::put_task(&owner.app, &project, "Backlog", "Sample").await;
        ask("task.dependency.add", json!({ "taskId": task, "dependsOnId": awaited_task })).await;
        let todo = ask("task.todo.create", json!({ "taskId": task, "text": "Sample" })).await;
        let image = ask("task.image_upload", json!({ "taskId": task, "base64": PICTURE })).await;
        let statuses = ask("project.status.list", json!({ "projectId": project })).await;
        let statuses: Vec<String> =
            statuses["items"].as_array().expect("statuses").iter().map(|status| id(status, "id")).collect();
        Scene {
            membership,
            status: statuses[2].clone(),
            other_status: statuses[1].clone(),
            statuses,
            label: id(&label, "id"),
            task,
            comment: id(&comment, "id"),
            time_entry: id(&time_entry, "id"),
            awaited_task,
            other_task,
            todo: id(&todo, "id"),
            image: id(&image, "id"),
            project,
        }
    }
}

impl Things {
    pub async fn of(owner: &Person, workspace: &str) -> Things {
        let made = async |operation: &str, input: Value| id(&owner.ask(operation, input).await.expect(operation), "id");
        let organization = made("crm.organization.create", json!({ "name": format!("Org of {workspace}") })).await;
        let person = made("crm.person.create", json!({ "name": format!("Person of {workspace}") })).await;
        let deal = made("crm.deal.create", json!({ "title": format!("Deal of {workspace}") })).await;
        let an_hour_ago = Moment::now().plus_seconds(-3_600);
        let follow_up = json!({ "title": format!("Follow-up of {workspace}"), "dueAt": an_hour_ago });
        let follow_up = made("crm.follow_up.add", follow_up).await;
        owner.app.run(console(), TellDue {}).await.expect("a notification");
        let told = owner.ask("notification.list", json!({})).await.expect("notifications");
        let client = made("client.create", json!({ "name": format!("Client of {workspace}") })).await;
        let awaited = made("project.create", json!({ "name": format!("Awaited by {workspace}") })).await;
        let independent = made("project.create", json!({ "name": format!("Independent of {workspace}") })).await;
        let members = owner.ask("workspace.member.list", json!({ "workspaceId": workspace })).await.expect("members");
        let info = owner.ask("crm.addon.info", json!({})).await.expect("stages");
        Things {
            workspace: id(
                &owner.ask("workspace.get", json!({ "workspaceId": workspace })).await.expect("workspace"),
                "id",
            ),
            organization,
            person,
            deal,
            follow_up,
            stage: id(&info["stages"][0], "id"),
            account: id(&members["items"][0], "accountId"),
            newcomer: id(members["items"].as_array().and_then(|all| all.last()).expect("members"), "accountId"),
            membership: id(&members["items"][0], "id"),
            invite: made("workspace.invite", json!({ "email": "guest@example.com", "role": "VIEWER" })).await,
            api_key: made("api_key.create", json!({ "label": "k" })).await,
            mcp_key: made("mcp_key.create", json!({ "label": "k" })).await,
            client,
            scene: Scene::of(owner, &awaited, None).await,
            awaited,
            independent,
            agent: made("agent.create", json!({ "name": format!("Agent of {workspace}") })).await,
            notification: id(&told["items"][0], "id"),
        }
    }

    /// Every field that names a record, by the field's name; some names mean another record in another operation.
    pub fn reference(&self, operation: &str, field: &str) -> Option<&str> {
        let scene = &self.scene;
        Some(match field {
            "workspaceId" => &self.workspace,
            "organizationId" => &self.organization,
            "personId" | "primaryPersonId" => &self.person,
            "dealId" => &self.deal,
            "followUpId" => &self.follow_up,
            "stage" => &self.stage,
            "ownerId" => &self.account,
            "accountId" if operation == "project.member.add" => &self.newcomer,
            "membershipId" if operation.starts_with("project.") => &scene.membership,
            "membershipId" => &self.membership,
            "inviteId" => &self.invite,
            "apiKeyId" => &self.api_key,
            "mcpKeyId" => &self.mcp_key,
            "clientId" => &self.client,
            "projectId" => &scene.project,
            "dependsOnId" if operation == "project.dependency.add" => &self.independent,
            "dependsOnId" if operation == "project.dependency.remove" => &self.awaited,
            "statusId" => &scene.status,
            "targetStatusId" => &scene.other_status,
            "labelId" => &scene.label,
            "taskId" => &scene.task,
            "commentId" => &scene.comment,
            "timesheetId" => &scene.time_entry,
            "agentId" => &self.agent,
            "notificationId" => &self.notification,
            "beforeId" | "afterId" | "parentId" => &scene.other_task,
            "dependsOnId" if operation == "task.dependency.add" => &scene.other_task,
            "dependsOnId" if operation == "task.dependency.remove" => &scene.awaited_task,
            "todoId" => &scene.todo,
            "imageId" => &scene.image,
            "assignee" => &self.account,
            _ => return None,
        })
    }

    /// The fields that a call needs: the plain ones, and the records it has to name.
    pub fn input(&self, listed: &Listed) -> Value {
        let name = listed.entry.spec.name;
        let mut input = sample(name);
        // These take a project or a task, so neither is required by itself.
        if matches!(name, "timesheet.add" | "timesheet.timer.start" | "timesheet.week.set" | "mentionable_users.list") {
            input["projectId"] = json!(self.scene.project);
        }
        if name == "task.reorder" {
            input["taskId"] = json!(self.scene.task);
        }
        let in_path = listed.entry.spec.route.iter().flat_map(|route| route.parameters()).map(str::to_owned);
        for field in required(listed).into_iter().chain(in_path) {
            match field.as_str() {
                "orderedStatusIds" => input[&field] = json!(self.scene.statuses),
                "orderedTodoIds" => input[&field] = json!([self.scene.todo]),
                "taskIds" => input[&field] = json!([self.scene.task, self.scene.other_task]),
                _ if input.get(&field).is_some() => {}
                _ => {
                    if let Some(reference) = self.reference(name, &field) {
                        input[&field] = json!(reference);
                    }
                }
            }
        }
        input
    }
}

/// The smallest GIF there is.
pub const PICTURE: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// The plain fields an operation needs besides references.
pub fn sample(operation: &str) -> Value {
    match operation {
        "crm.organization.create" | "crm.person.create" => json!({ "name": "Sample" }),
        "crm.deal.create" | "crm.follow_up.add" => json!({ "title": "Sample" }),
        "news.get" => json!({ "since": "2020-01-01T00:00:00Z", "after": 0 }),
        "crm.activity.add" => json!({ "body": "Sample" }),
        "workspace.create" => json!({ "name": "Sample" }),
        "workspace.member.add" => json!({ "accountId": "sam@example.com", "role": "VIEWER" }),
        "workspace.invite" => json!({ "email": "friend@example.com", "role": "VIEWER" }),
        "workspace.member.update" => json!({ "role": "VIEWER" }),
        "client.create" | "project.create" | "project.label.create" => json!({ "name": "Sample" }),
        "project.update" | "project.label.update" => json!({ "name": "Another" }),
        "project.member.update" => json!({ "role": "VIEWER" }),
        "project.status.create" => json!({ "name": "Sample", "type": "TODO" }),
        "project.status.update" => json!({ "name": "Another" }),
        "task.create" => json!({ "title": "Sample" }),
        "task.move" | "task.batch_move" => json!({ "targetStatus": "Review" }),
        "task.assign" => json!({ "ownerId": null }),
        "task.labels.update" => json!({ "labels": ["Sample"] }),
        "task.todo.create" => json!({ "text": "Sample" }),
        "task.image_upload" | "profile.image_upload" => json!({ "base64": PICTURE }),
        "api_key.create" | "mcp_key.create" => json!({ "label": "Sample" }),
        "agent.create" => json!({ "name": "Sample" }),
        "agent.update" => json!({ "role": "Sample" }),
        "comment.add" | "comment.update" => json!({ "body": "Sample" }),
        "timesheet.add" | "timesheet.update" => json!({ "minutes": 15 }),
        "timesheet.week.set" => json!({ "minutes": 15, "date": "2026-03-02" }),
        "notification.mark" => json!({ "ids": [], "read": true }),
        "notification.preferences.update" => json!({ "items": [] }),
        "search" => json!({ "query": "Sample" }),
        "auth.session.revoke" => json!({ "sessionId": "sess_0000000000001" }),
        "account.archive" => json!({ "accountId": "vera@example.com" }),
        "account.update_platform_role" => json!({ "accountId": "vera@example.com", "platformRole": "NONE" }),
        "account.create" => json!({ "email": "new@example.com", "name": "New" }),
        "auth.change_password" => json!({ "currentPassword": "x", "newPassword": "Another-horse-8" }),
        "auth.login" => json!({ "email": "nobody@example.com", "password": "x" }),
        "auth.link.info" => json!({ "token": "x" }),
        "auth.reset_password" => json!({ "token": "x", "password": "Another-horse-8" }),
        _ => json!({}),
    }
}

pub fn fields(listed: &Listed) -> Vec<String> {
    listed.shape.schema["properties"].as_object().expect("properties").keys().cloned().collect()
}

pub fn required(listed: &Listed) -> Vec<String> {
    let fields = listed.shape.schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().map(|field| field.as_str().expect("a name").to_owned()).collect()
}

/// How much the journal holds: nothing is changed without it.
pub fn changes(world: &World) -> i64 {
    let store = world.app.store();
    store
        .read(|reading| sally::core::store::one(reading.conn(), "select count(*) from change", [], |row| row.take()))
        .expect("a count")
}
