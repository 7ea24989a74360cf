//! A little of everything in Acme, made by Ben: what resources, prompts and completion tell of.

use serde_json::{Value, json};

use crate::support::{Person, World};

pub struct Sample {
    pub ada: Person,
    pub ben: Person,
    pub client: Value,
    pub organization: Value,
    pub person: Value,
    pub deal: Value,
}

impl Sample {
    pub async fn new(world: &World) -> Sample {
        let (ada, ben) = (world.person("ada").await, world.person("ben").await);
        let client =
            ada.ask("client.create", json!({ "name": "Halden Ferries", "notes": "Pays late." })).await.unwrap();
        let project = json!({ "name": "Website relaunch", "key": "WEB", "clientId": "Halden Ferries", "description": "A new face." });
        ben.ask("project.create", project).await.unwrap();
        for task in [
            json!({ "title": "Choose a payment provider", "status": "Review", "dueDate": "2026-01-02", "assignee": "me" }),
            json!({ "title": "Accept card payments", "status": "In Progress", "priority": "P1", "assignee": "me",
                    "description": "# Not a heading of ours\nIt must work on Sundays.", "labels": ["shop"], "estimateMinutes": 480,
                    "todos": ["Ask the bank", { "text": "Test card", "done": true }], "dependsOn": ["WEB-1"] }),
            json!({ "title": "Receipts by mail", "status": "Blocked" }),
        ] {
            let mut task = task;
            task["projectId"] = "WEB".into();
            ben.ask("task.create", task).await.unwrap();
        }
        ada.ask("comment.add", json!({ "taskId": "WEB-2", "body": "The bank says yes." })).await.unwrap();
        ben.ask("timesheet.add", json!({ "taskId": "WEB-2", "minutes": 90, "description": "Contract" })).await.unwrap();

        let organization = json!({ "name": "Nordlys Energi", "website": "https://nordlys.example", "city": "Bergen" });
        let organization = ben.ask("crm.organization.create", organization).await.unwrap();
        let person =
            json!({ "name": "Mara Lindqvist", "organizationId": "Nordlys Energi", "email": "mara@nordlys.example" });
        let person = ben.ask("crm.person.create", person).await.unwrap();
        let deal = json!({ "title": "Heat pump portal", "organizationId": "Nordlys Energi", "primaryPersonId": "Mara Lindqvist",
                           "value": 12500.5, "currency": "EUR", "stage": "Proposal", "nextStep": "Call Mara" });
        let deal = ben.ask("crm.deal.create", deal).await.unwrap();
        let activity = json!({ "type": "call", "body": "She wants a date.", "dealId": deal["id"] });
        ben.ask("crm.activity.add", activity).await.unwrap();
        let follow_up = json!({ "title": "Send the date", "dealId": deal["id"], "dueAt": "2026-02-03" });
        ben.ask("crm.follow_up.add", follow_up).await.unwrap();
        Sample { ada, ben, client, organization, person, deal }
    }
}
