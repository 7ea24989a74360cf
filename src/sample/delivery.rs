//! The people of the agency at their work: they deliver what was ordered, talk about it and write down their hours.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::data::Who;
use super::hours::HOURS;
use super::projects::{BECAME_TASKS, CLIENTS, NEWS, PROJECTS};
use super::team::{Team, with};
use super::work::{Begins, Project, Said, Spent, Task};
use crate::core::error::{Error, Result};
use crate::core::time::Day;

/// Working days of which Lena has not looked through the hours yet.
const NOT_YET_VALIDATED: usize = 10;

/// The ids of tasks by their titles, of which no two are alike.
type Tasks = HashMap<&'static str, String>;

impl Team {
    pub(super) async fn deliver(&self) -> Result<()> {
        for (name, notes) in CLIENTS {
            self.does(Who::Lena, "client.create", json!({ "name": name, "notes": notes })).await?;
        }
        // What does not need each other is written at once, and so shares commits.
        let tasks = try_join_all(PROJECTS.iter().map(|project| self.run(project))).await?;
        let tasks: Tasks = tasks.into_iter().flatten().collect();
        // Nobody works three days in one.
        let hours = HOURS.iter().filter(|(who, _)| self.is_many() || *who == Who::Lena);
        try_join_all(hours.map(|(who, days)| self.write_down(*who, days, &tasks))).await?;
        for project in PROJECTS.iter().filter(|project| project.archived) {
            self.does(Who::Lena, "project.archive", json!({ "projectId": project.key })).await?;
        }
        self.hear_the_news(&tasks).await
    }

    async fn run(&self, project: &Project) -> Result<Tasks> {
        let id = self.begin(project).await?;
        if let Some((name, kind)) = project.extra_column {
            self.add_column(project.owner, &id, name, kind).await?;
        }
        let mut tasks = Tasks::new();
        for task in project.tasks {
            tasks.insert(task.title, self.plan(project.owner, &id, task, None).await?);
            for part in task.parts {
                let planned = self.plan(project.owner, &id, part, Some(&tasks[task.title])).await?;
                tasks.insert(part.title, planned);
            }
        }
        for task in project.all_tasks() {
            self.work_through(project.owner, task, &tasks).await?;
        }
        Ok(tasks)
    }

    async fn begin(&self, project: &Project) -> Result<String> {
        let described = json!({
            "name": project.name,
            "key": project.key,
            "description": project.description,
            "visibility": if project.closed { "MEMBERS" } else { "WORKSPACE" },
        });
        let (operation, from) = match project.begins {
            Begins::Won(deal) => ("crm.deal.create_project", json!({ "dealId": deal })),
            Begins::For(client) => ("project.create", json!({ "clientId": client })),
            Begins::InHouse => ("project.create", json!({})),
        };
        let id = self.does(project.owner, operation, with(&from, described)).await?;
        for who in project.members.iter().filter(|_| self.is_many()) {
            let member = json!({ "projectId": id, "accountId": self.email(*who) });
            self.does(project.owner, "project.member.add", member).await?;
        }
        Ok(id)
    }

    /// Behind the backlog.
    async fn add_column(&self, who: Who, project: &str, name: &str, kind: &str) -> Result<()> {
        let known = self.asks(who, "project.status.list", json!({ "projectId": project })).await?;
        let known =
            known.get("items").and_then(Value::as_array).ok_or_else(|| Error::internal("a list of statuses"))?;
        let mut order: Vec<Value> = known.iter().map(|status| status["id"].clone()).collect();
        let column = json!({ "projectId": project, "name": name, "type": kind });
        order.insert(1, self.does(who, "project.status.create", column).await?.into());
        let order = json!({ "projectId": project, "orderedStatusIds": order });
        self.does(who, "project.status.reorder", order).await.map(drop)
    }

    /// Every task begins in the backlog.
    async fn plan(&self, who: Who, project: &str, task: &Task, whole: Option<&str>) -> Result<String> {
        let day = |days: Option<i64>| days.map(|days| self.today.plus_days(days));
        let todos: Vec<Value> = task.todos.iter().map(|todo| json!({ "text": todo.text, "done": todo.done })).collect();
        let others: Vec<&str> = task.with.iter().filter(|_| self.is_many()).map(|who| self.email(*who)).collect();
        let input = json!({
            "projectId": project,
            "title": task.title,
            "description": task.description,
            "priority": task.priority,
            "ownerId": task.owner.map(|who| self.email(who)),
            "participants": others,
            "dueDate": day(task.due),
            "startDate": day(task.start),
            "estimateMinutes": task.estimate_minutes,
            "labels": task.labels,
            "todos": todos,
            "parentId": whole,
        });
        self.does(who, "task.create", input).await
    }

    /// What it waits for, where it stands, what was said.
    async fn work_through(&self, lead: Who, task: &Task, tasks: &Tasks) -> Result<()> {
        let id = &tasks[task.title];
        for title in task.after {
            let waits = json!({ "taskId": id, "dependsOnId": tasks[title] });
            self.does(lead, "task.dependency.add", waits).await?;
        }
        if task.status != "Backlog" {
            let moved = json!({ "taskId": id, "targetStatus": task.status });
            self.does(task.owner.unwrap_or(lead), "task.move", moved).await?;
        }
        for said in task.said {
            self.comment(id, said).await?;
        }
        if task.archived {
            self.does(Who::Lena, "task.archive", json!({ "taskId": id })).await?;
        }
        Ok(())
    }

    async fn comment(&self, task: &str, said: &Said) -> Result<()> {
        self.does(said.who, "comment.add", json!({ "taskId": task, "body": said.text })).await.map(drop)
    }

    async fn write_down(&self, who: Who, days: &[&[Spent]], tasks: &Tasks) -> Result<()> {
        let dates = working_days(self.today, days.len());
        let entries = days.iter().zip(dates).enumerate().flat_map(|(index, (day, date))| {
            let looked_through = index + NOT_YET_VALIDATED < days.len();
            day.iter().map(move |spent| (spent, date, looked_through))
        });
        let written = entries.map(async |(spent, date, looked_through)| {
            let task = tasks.get(spent.on);
            let entry = json!({
                "taskId": task,
                "projectId": task.is_none().then_some(spent.on),
                "minutes": spent.minutes,
                "date": date,
                "description": spent.text,
                "billable": spent.billable,
            });
            let id = self.does(who, "timesheet.add", entry).await?;
            if looked_through {
                let validated = json!({ "timesheetId": id, "validated": true });
                self.does(Who::Lena, "timesheet.update", validated).await?;
            }
            Ok(())
        });
        try_join_all(written).await.map(drop)
    }

    /// Everybody has read what there was; this is new.
    async fn hear_the_news(&self, tasks: &Tasks) -> Result<()> {
        for who in Who::PEOPLE {
            self.does(who, "notification.read_all", json!({})).await?;
        }
        for (follow_up, project) in BECAME_TASKS {
            let task = json!({ "followUpId": follow_up, "projectId": project });
            self.does(Who::Lena, "crm.follow_up.create_task", task).await?;
        }
        for (title, said) in NEWS {
            self.comment(&tasks[title], said).await?;
        }
        Ok(())
    }
}

/// So many days without a weekend among them, the last one today or on the Friday before.
fn working_days(today: Day, count: usize) -> Vec<Day> {
    let backwards = (0..).map(|ago| today.plus_days(-ago)).filter(|day| !day.is_weekend());
    let mut days: Vec<Day> = backwards.take(count).collect();
    days.reverse();
    days
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::hours::HOURS;
    use super::super::projects::PROJECTS;

    #[test]
    fn no_two_tasks_are_alike_and_hours_are_on_something_that_exists() {
        let tasks = || PROJECTS.iter().flat_map(|project| project.all_tasks()).map(|task| task.title);
        let titles: HashSet<&str> = tasks().collect();
        assert_eq!(titles.len(), tasks().count());
        let keys: Vec<&str> = PROJECTS.iter().map(|project| project.key).collect();
        for spent in HOURS.iter().flat_map(|(_, days)| days.iter().copied().flatten()) {
            assert!(titles.contains(spent.on) || keys.contains(&spent.on), "{}", spent.on);
        }
    }
}
