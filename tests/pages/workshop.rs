//! An office at work, and what its pages are looked through for.

use serde_json::{Value, json};

use super::{Browser, Office};

/// An office whose deal is won and being delivered: a client, a project with tasks, comments and time, and an agent.
pub struct Workshop {
    pub office: Office,
    pub client: String,
    pub comment: String,
    pub entry: String,
    pub agent: String,
}

/// What stands in every text that people can write.
pub struct Words {
    pub name: &'static str,
    pub prose: &'static str,
}

pub const PLAIN: Words = Words { name: "Relaunch", prose: "With **everything** that belongs to it." };

pub const HOSTILE: Words = Words {
    name: "<script>alert(1)</script>\" onmouseover=\"alert(2)",
    prose: "<img src=x onerror=alert(1)>\n\n[here](javascript:alert(1)) <script>alert(1)</script>\" onmouseover=\"alert(2) <i>x</i>",
};

impl Workshop {
    pub async fn new() -> Workshop {
        Workshop::with(PLAIN).await
    }

    pub async fn with(words: Words) -> Workshop {
        let Words { name, prose } = words;
        let office = Office::new().await;
        let ada = office.world.person("ada").await;
        let ben = office.world.person("ben").await;
        let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
        let client = id(&ada.ask("client.create", json!({ "name": name, "notes": prose })).await.unwrap());
        let project = json!({ "name": name, "key": "WEB", "description": prose, "clientId": client });
        ada.ask("project.create", project).await.unwrap();
        ada.ask("project.create", json!({ "name": "Office move", "key": "MOVE" })).await.unwrap();
        ada.ask("project.dependency.add", json!({ "projectId": "MOVE", "dependsOnId": "WEB" })).await.unwrap();
        let status = &name[..name.len().min(60)];
        ada.ask("project.status.create", json!({ "projectId": "WEB", "name": status, "type": "REVIEW" }))
            .await
            .unwrap();
        let label = &name[..name.len().min(40)];
        ben.ask("project.label.create", json!({ "projectId": "WEB", "name": label })).await.unwrap();
        let task = json!({ "projectId": "WEB", "title": name, "description": prose, "labels": [label], "ownerId": "vera",
                           "dueDate": "2020-01-01", "priority": "P1", "todos": [{ "text": name }], "estimateMinutes": 90 });
        ben.ask("task.create", task).await.unwrap();
        let part = json!({ "projectId": "WEB", "title": name, "parentId": "WEB-1", "ownerId": "ben" });
        ben.ask("task.create", part).await.unwrap();
        ben.ask("task.dependency.add", json!({ "taskId": "WEB-1", "dependsOnId": "WEB-2" })).await.unwrap();
        let comment = json!({ "taskId": "WEB-1", "body": format!("@vera {prose}") });
        let comment = id(&ben.ask("comment.add", comment).await.unwrap());
        let entry = json!({ "taskId": "WEB-1", "minutes": 75, "description": name });
        let entry = id(&ben.ask("timesheet.add", entry).await.unwrap());
        let agent = json!({ "name": &name[..name.len().min(80)], "role": name, "description": prose });
        let agent = id(&ada.ask("agent.create", agent).await.unwrap());
        Workshop { office, client, comment, entry, agent }
    }

    pub async fn browser(&self, name: &str) -> Browser {
        self.office.browser(name).await
    }

    pub async fn task(&self, key: &str) -> Value {
        self.office.world.person("ben").await.ask("task.get", json!({ "taskId": key })).await.unwrap()
    }
}

/// The values of an attribute, as a browser reads them.
pub fn values<'a>(body: &'a str, attribute: &str) -> Vec<String> {
    let begin = format!("{attribute}=\"");
    let after = body.split(begin.as_str()).skip(1);
    after.map(|rest: &'a str| rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// Where the forms of a page lead that change something.
pub fn posts(body: &str) -> Vec<String> {
    let forms = body.split("<form").skip(1).map(|rest| rest.split('>').next().unwrap());
    let posts = forms.filter(|form| form.contains("method=\"post\""));
    posts.flat_map(|form| values(form, "action")).collect()
}
