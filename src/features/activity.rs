//! Activity: what happened in a project or at a task, read from the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use rusqlite::{named_params, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::choices;
use crate::core::caller::{Account, Agent, Role};
use crate::core::error::{Result, quoted};
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{Named, Ref};
use crate::core::store::all;
use crate::core::time::Moment;
use crate::features::comments::CommentRecord;
use crate::features::projects::labels::LabelRecord;
use crate::features::projects::members::ProjectMembership;
use crate::features::projects::statuses::StatusRecord;
use crate::features::tasks::images::ImageRecord;
use crate::features::tasks::todos::TodoRecord;
use crate::features::tasks::{self, TaskRecord};
use crate::features::timesheets::TimesheetRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ListProjectActivity>(), Entry::of::<ListTaskActivity>()];

/// One changed row of the journal.
#[derive(Debug, Clone, Copy)]
pub struct ChangeRecord;
impl Record for ChangeRecord {
    const PREFIX: &'static str = "chg";
    const NOUN: &'static str = "change";
}

choices! {
    /// What became of a record.
    pub enum Action { Created = "CREATED", Updated = "UPDATED", Deleted = "DELETED" }
}

impl Action {
    /// As the journal has it.
    pub fn of_journal(word: &str) -> Action {
        match word {
            "INSERT" => Action::Created,
            "DELETE" => Action::Deleted,
            _ => Action::Updated,
        }
    }
}

/// One record that somebody made, changed or deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    pub id: Id<ChangeRecord>,
    pub at: Moment,
    /// Whose act it was; null for the machine itself.
    pub actor: Option<Named<Account>>,
    /// The agent that acted for them.
    pub agent: Option<Named<Agent>>,
    /// e.g. `task.move`
    pub operation: String,
    /// What kind of record, e.g. `task`, `comment`, `status`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub record_id: String,
    pub action: Action,
    /// The task it happened at, e.g. `WEB-12`, while there is one.
    pub key: Option<String>,
    /// The title or name of the record.
    pub title: Option<String>,
    /// Each field that changed; long texts are cut.
    pub changes: BTreeMap<String, FromTo>,
    /// e.g. `Ada moved WEB-12 to Review`
    pub summary: String,
}

/// What a field was and what it became.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FromTo {
    pub from: Value,
    pub to: Value,
}

/// A table of the journal that people hear of.
struct Told {
    table: &'static str,
    /// What its records are called.
    word: &'static str,
    /// What the ids of its records begin with.
    prefix: &'static str,
    /// For rows that only link two records: the column with the record that people know.
    links: Option<&'static str>,
}

impl Told {
    /// A table with records of its own.
    const fn of<T: Record>(table: &'static str, word: &'static str) -> Told {
        Told { table, word, prefix: T::PREFIX, links: None }
    }

    /// A table that links to other records.
    const fn link_to<T: Record>(table: &'static str, word: &'static str, column: &'static str) -> Told {
        Told { table, word, prefix: T::PREFIX, links: Some(column) }
    }
}

const TOLD: &[Told] = &[
    Told::of::<ProjectRecord>("project", "project"),
    Told::of::<ProjectMembership>("project_membership", "member"),
    Told::link_to::<ProjectRecord>("project_dependency", "dependency", "depends_on_id"),
    Told::of::<StatusRecord>("task_status", "status"),
    Told::of::<LabelRecord>("label", "label"),
    Told::of::<TaskRecord>("task", "task"),
    Told::link_to::<Account>("task_participant", "participant", "account_id"),
    Told::link_to::<LabelRecord>("task_label", "label", "label_id"),
    Told::of::<TodoRecord>("task_todo", "todo"),
    Told::link_to::<TaskRecord>("task_dependency", "dependency", "depends_on_id"),
    Told::of::<ImageRecord>("task_image", "image"),
    Told::of::<CommentRecord>("comment", "comment"),
    Told::of::<TimesheetRecord>("timesheet_entry", "time"),
];

const COLUMNS: &str = "
    c.seq, s.at, a.id, a.name, g.id, g.name, s.operation, c.record_type, c.record_id, c.action, c.fields, c.task_id";

const FROM: &str = "
    change c
    cross join change_set s on s.id = c.change_set_id
    left join account a on a.id = s.account_id
    left join agent g on g.id = s.agent_id";

/// What is told: the tables of [`TOLD`], without rows that were only counted or shifted, and without what a new project
/// begins with.
static IS_TOLD: LazyLock<String> = LazyLock::new(|| {
    let tables: Vec<String> = TOLD.iter().map(|told| format!("'{}'", told.table)).collect();
    format!(
        "c.record_type in ({})
         and (c.action <> 'UPDATE' or json_remove(c.fields, '$.version', '$.updated_at', '$.position') <> '{{}}')
         and (c.record_type = 'project' or s.operation not in ('project.create', 'crm.deal.create_project', 'workspace.import'))",
        tables.join(", ")
    )
});

/// A row of the journal as it is stored.
struct Entered {
    seq: i64,
    at: Moment,
    actor: Option<Named<Account>>,
    agent: Option<Named<Agent>>,
    operation: String,
    told: &'static Told,
    record_id: i64,
    action: Action,
    /// By column: what it was, what it became.
    fields: Vec<(String, Value, Value)>,
    task: Option<i64>,
}

impl Entered {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Entered> {
        let (seq, at, actor, agent) = (row.take()?, row.take()?, Named::read(row)?, Named::read(row)?);
        let (operation, table, record_id) = (row.take()?, row.take::<String>()?, row.take()?);
        let action = Action::of_journal(&row.take::<String>()?);
        let fields: Map<String, Value> = serde_json::from_str(&row.take::<String>()?).unwrap_or_default();
        let fields = fields.into_iter().map(|(column, value)| match action {
            Action::Created => (column, Value::Null, value),
            Action::Deleted => (column, value, Value::Null),
            Action::Updated => {
                let mut pair = match value {
                    Value::Array(pair) => pair.into_iter(),
                    _ => Vec::new().into_iter(),
                };
                (column, pair.next().unwrap_or_default(), pair.next().unwrap_or_default())
            }
        });
        Ok(Entered {
            seq,
            at,
            actor,
            agent,
            operation,
            told: TOLD.iter().find(|told| told.table == table).expect("the query asks for these tables only"),
            record_id,
            action,
            fields: fields.collect(),
            task: row.take()?,
        })
    }

    /// What a column became, or was for what is deleted.
    fn value(&self, column: &str) -> Option<&Value> {
        let (_, from, to) = self.fields.iter().find(|(name, ..)| name == column)?;
        Some(if self.action == Action::Deleted { from } else { to })
    }

    fn changed(&self, column: &str) -> bool {
        self.action == Action::Updated && self.fields.iter().any(|(name, ..)| name == column)
    }

    /// The record that people know: the row's own, or the one that it links.
    fn record(&self) -> i64 {
        self.told.links.and_then(|column| self.value(column)?.as_i64()).unwrap_or(self.record_id)
    }

    /// Columns that say nothing to people: what is kept for order and safety, and where the record stands.
    fn is_noise(&self, column: &str) -> bool {
        // What somebody took back from a comment is not told to everybody here.
        (self.told.table == "comment" && column == "body")
            || matches!(column, "version" | "created_at" | "updated_at" | "position" | "workspace_id")
            || (self.action != Action::Updated
                && matches!(column, "project_id" | "task_id" | "number" | "created_by_id" | "author_id" | "edited_at"))
    }
}

/// What ids are shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Account,
    Agent,
    Client,
    Status,
    Label,
    Task,
    Todo,
    Project,
}

impl Kind {
    /// What a column of a table points at.
    fn of(table: &str, column: &str) -> Option<Kind> {
        Some(match column {
            "owner_id" | "account_id" | "author_id" | "created_by_id" => Kind::Account,
            "agent_id" => Kind::Agent,
            "client_id" => Kind::Client,
            "status_id" => Kind::Status,
            "label_id" => Kind::Label,
            "project_id" => Kind::Project,
            "depends_on_id" if table == "project_dependency" => Kind::Project,
            "depends_on_id" | "parent_id" | "task_id" => Kind::Task,
            _ => return None,
        })
    }

    /// What the table's own records are.
    fn of_records(table: &str) -> Option<Kind> {
        Some(match table {
            "task_status" => Kind::Status,
            "label" => Kind::Label,
            "task_todo" => Kind::Todo,
            "project" => Kind::Project,
            _ => return None,
        })
    }
}

/// The names of everything that a page speaks of, read kind by kind.
struct Names {
    of: HashMap<(Kind, i64), String>,
    titles: HashMap<i64, String>,
}

impl Names {
    fn read(tx: &Tx, entered: &[Entered]) -> Result<Names> {
        let mut wanted: BTreeMap<Kind, BTreeSet<i64>> = BTreeMap::new();
        let mut want = |kind: Kind, id: i64| {
            wanted.entry(kind).or_default().insert(id);
        };
        for entry in entered {
            for (column, from, to) in &entry.fields {
                if let Some(kind) = Kind::of(entry.told.table, column) {
                    [from, to].into_iter().filter_map(Value::as_i64).for_each(|id| want(kind, id));
                }
            }
            if let Some(kind) = Kind::of_records(entry.told.table) {
                want(kind, entry.record_id);
            }
            entry.task.into_iter().for_each(|task| want(Kind::Task, task));
        }
        let mut names = Names { of: HashMap::new(), titles: HashMap::new() };
        for (kind, ids) in wanted {
            let ids = serde_json::to_string(&ids).expect("numbers are JSON");
            for (id, name, title) in Names::of_kind(tx, kind, &ids)? {
                names.of.insert((kind, id), name);
                if let Some(title) = title {
                    names.titles.insert(id, title);
                }
            }
        }
        Ok(names)
    }

    /// What is in a project that the caller does not see has no name here, nor has the project.
    fn of_kind(tx: &Tx, kind: Kind, ids: &str) -> Result<Vec<(i64, String, Option<String>)>> {
        static TASKS: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select t.id, p.key || '-' || t.number, t.title
                   from json_each(:ids) j cross join task t on t.id = j.value cross join project p on p.id = t.project_id
                  where p.workspace_id = :workspace and {VISIBLE}"
            )
        });
        static STATUSES: LazyLock<String> = LazyLock::new(|| in_project("task_status"));
        static LABELS: LazyLock<String> = LazyLock::new(|| in_project("label"));
        fn in_project(table: &str) -> String {
            format!(
                "select n.id, n.name, null from json_each(:ids) j cross join {table} n on n.id = j.value
                   cross join project p on p.id = n.project_id where p.workspace_id = :workspace and {VISIBLE}"
            )
        }
        static TODOS: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select n.id, n.text, null from json_each(:ids) j cross join task_todo n on n.id = j.value
                   cross join task t on t.id = n.task_id cross join project p on p.id = t.project_id
                  where p.workspace_id = :workspace and {VISIBLE}"
            )
        });
        static PROJECTS: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select p.id, p.name, p.key from json_each(:ids) j cross join project p on p.id = j.value
                  where p.workspace_id = :workspace and {VISIBLE}"
            )
        });
        let sql = match kind {
            Kind::Task => TASKS.as_str(),
            Kind::Project => PROJECTS.as_str(),
            Kind::Account => "select n.id, n.name, null from json_each(?1) j cross join account n on n.id = j.value",
            Kind::Agent => "select n.id, n.name, null from json_each(?1) j cross join agent n on n.id = j.value",
            Kind::Client => "select n.id, n.name, null from json_each(?1) j cross join client n on n.id = j.value",
            Kind::Status => STATUSES.as_str(),
            Kind::Label => LABELS.as_str(),
            Kind::Todo => TODOS.as_str(),
        };
        let map = |row: &mut Columns<'_>| Ok((row.take()?, row.take()?, row.take()?));
        if matches!(kind, Kind::Account | Kind::Agent | Kind::Client) {
            return all(tx.conn(), sql, params![ids], map);
        }
        let Sight { all: sees_all, me, projects } = tx.sight();
        let parameters = named_params! {
            ":ids": ids, ":workspace": tx.workspace_id(), ":all": sees_all, ":me": me, ":projects": projects,
        };
        all(tx.conn(), sql, parameters, map)
    }

    fn get(&self, kind: Kind, id: i64) -> Option<&str> {
        self.of.get(&(kind, id)).map(String::as_str)
    }

    /// A stored value as people read it: names for ids, times for milliseconds, yes and no for 1 and 0.
    fn shown(&self, table: &str, column: &str, value: &Value) -> Value {
        if let (Some(kind), Some(id)) = (Kind::of(table, column), value.as_i64()) {
            return self.get(kind, id).into();
        }
        match value {
            Value::Number(number) if column.ends_with("_at") => {
                number.as_i64().map(|ms| Moment::from_ms(ms).to_string()).into()
            }
            Value::Number(number) if matches!(column, "done" | "billable" | "validated") => {
                (number.as_i64() == Some(1)).into()
            }
            Value::String(text) => short(text).into(),
            other => other.clone(),
        }
    }
}

/// The beginning of a text, with a mark where it was cut.
fn short(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A column as the field that people know: `due_on` → `dueDate`, `status_id` → `status`.
fn field(column: &str) -> String {
    let plain = match column {
        "due_on" => "due_date",
        "start_on" => "start_date",
        "spent_on" => "date",
        "depends_on_id" => "depends_on",
        _ => column.strip_suffix("_id").unwrap_or(column),
    };
    let mut words = plain.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        name.push_str(&word[..1].to_ascii_uppercase());
        name.push_str(&word[1..]);
    }
    name
}

impl Happening {
    fn of(entered: Entered, names: &Names) -> Happening {
        let table = entered.told.table;
        let text = |column: &str| entered.value(column).and_then(Value::as_str).map(str::to_owned);
        let linked = entered.told.links.and_then(|column| names.get(Kind::of(table, column)?, entered.record()));
        let of_record = Kind::of_records(table).and_then(|kind| names.get(kind, entered.record_id));
        let title = match table {
            "task" => names.titles.get(&entered.record_id).cloned().or_else(|| text("title")),
            "project_membership" => entered
                .value("account_id")
                .and_then(Value::as_i64)
                .and_then(|id| names.get(Kind::Account, id))
                .map(str::to_owned),
            "comment" | "timesheet_entry" => None,
            _ => linked.or(of_record).map(str::to_owned).or_else(|| text("name")).or_else(|| text("text")),
        };
        let key = entered.task.and_then(|task| names.get(Kind::Task, task)).map(str::to_owned);
        let summary = summary(&entered, names, key.as_deref(), title.as_deref());
        let changes =
            entered.fields.iter().filter(|(column, ..)| !entered.is_noise(column)).map(|(column, from, to)| {
                let shown = |value| names.shown(table, column, value);
                (field(column), FromTo { from: shown(from), to: shown(to) })
            });
        Happening {
            id: Id::from_raw(entered.seq),
            at: entered.at,
            kind: entered.told.word,
            record_id: id::typed(entered.told.prefix, entered.record()),
            action: entered.action,
            key,
            title: title.map(|title| short(&title)),
            changes: changes.collect(),
            summary,
            actor: entered.actor,
            agent: entered.agent,
            operation: entered.operation,
        }
    }
}

/// One sentence: who did what.
fn summary(entered: &Entered, names: &Names, key: Option<&str>, title: Option<&str>) -> String {
    let actor = entered.actor.as_ref().map_or("Somebody", |actor| actor.name.as_str());
    let who = match &entered.agent {
        Some(agent) => format!("{} for {actor}", agent.name),
        None => actor.to_owned(),
    };
    let task = key.unwrap_or("a task");
    let name = title.map_or_else(|| "one".to_owned(), quoted);
    let person = |column: &str| {
        let id = entered.value(column).and_then(Value::as_i64)?;
        names.get(Kind::Account, id)
    };
    let did = match (entered.told.table, entered.action) {
        ("task", Action::Created) => format!("created {task} {name}"),
        ("task", Action::Deleted) => format!("deleted the task {name}"),
        ("task", Action::Updated) if entered.changed("status_id") => {
            let status = entered.value("status_id").and_then(Value::as_i64).and_then(|id| names.get(Kind::Status, id));
            format!("moved {task} to {}", status.unwrap_or("another status"))
        }
        ("task", Action::Updated) if entered.changed("owner_id") => match person("owner_id") {
            Some(owner) => format!("assigned {task} to {owner}"),
            None => format!("left {task} to nobody"),
        },
        ("task", Action::Updated) => changed(entered, task),
        ("task_participant", Action::Deleted) => format!("took {} off {task}", title.unwrap_or("somebody")),
        ("task_participant", _) => format!("added {} to {task}", title.unwrap_or("somebody")),
        ("task_label", Action::Deleted) => format!("took the label {name} off {task}"),
        ("task_label", _) => format!("labelled {task} {name}"),
        ("task_dependency", Action::Deleted) => format!("let {task} no longer depend on {}", title.unwrap_or("a task")),
        ("task_dependency", _) => format!("let {task} depend on {}", title.unwrap_or("a task")),
        ("task_todo", Action::Created) => format!("added the todo {name} to {task}"),
        ("task_todo", Action::Deleted) => format!("deleted the todo {name} of {task}"),
        ("task_todo", Action::Updated) => match entered.value("done").and_then(Value::as_i64) {
            Some(1) => format!("ticked the todo {name} of {task}"),
            Some(_) => format!("unticked the todo {name} of {task}"),
            None => format!("changed the todo {name} of {task}"),
        },
        ("task_image", Action::Deleted) => format!("deleted an image of {task}"),
        ("task_image", _) => format!("added an image to {task}"),
        ("comment", Action::Created) => format!("commented on {task}"),
        ("comment", Action::Updated) => format!("edited a comment on {task}"),
        ("comment", Action::Deleted) => format!("deleted a comment on {task}"),
        ("timesheet_entry", action) => {
            let place = key.map(|key| format!(" on {key}")).unwrap_or_default();
            match (action, entered.value("minutes").and_then(Value::as_i64)) {
                (Action::Created, Some(minutes)) => format!("logged {minutes} minutes{place}"),
                (Action::Deleted, Some(minutes)) => format!("deleted {minutes} minutes{place}"),
                _ => format!("changed logged time{place}"),
            }
        }
        ("project_membership", action) => {
            let person = title.unwrap_or("a member");
            let role = entered.value("role").and_then(Value::as_str).unwrap_or_default();
            match action {
                Action::Created => format!("added {person} to the project as {role}"),
                Action::Updated => format!("made {person} {role} of the project"),
                Action::Deleted => format!("removed {person} from the project"),
            }
        }
        ("project_dependency", Action::Deleted) => format!("let the project no longer depend on {name}"),
        ("project_dependency", _) => format!("let the project depend on {name}"),
        ("project", Action::Created) => format!("started the project {name}"),
        ("project", Action::Deleted) => format!("deleted the project {name}"),
        ("project", Action::Updated) => changed(entered, "the project"),
        (_, Action::Created) => format!("added the {} {name}", entered.told.word),
        (_, Action::Updated) => changed(entered, &format!("the {} {name}", entered.told.word)),
        (_, Action::Deleted) => format!("deleted the {} {name}", entered.told.word),
    };
    format!("{who} {did}")
}

/// `changed title and dueDate of WEB-12`, `archived WEB-12`.
fn changed(entered: &Entered, what: &str) -> String {
    if entered.changed("archived_at") {
        let is_away = entered.value("archived_at").is_some_and(Value::is_number);
        return if is_away { format!("archived {what}") } else { format!("brought {what} back") };
    }
    let columns = entered.fields.iter().map(|(column, ..)| column.as_str());
    let mut fields: Vec<String> = columns.filter(|column| !entered.is_noise(column)).map(field).collect();
    let last = fields.pop().unwrap_or_default();
    match fields.len() {
        0 => format!("changed {last} of {what}"),
        _ => format!("changed {} and {last} of {what}", fields.join(", ")),
    }
}

const SORTS: &[Sort] = &[Sort::down("at", "c.seq")];
const BRIEF: &[&str] = &["at", "operation", "summary"];

/// The page, newest first, of what the condition leaves. Logged time is told to owners and to who logged it.
fn page(tx: &Tx, spec: &Spec, condition: &'static str, id: i64, role: Role) -> Result<Page<Happening>> {
    let mut rows = Select::new(COLUMNS, FROM, "c.seq").filter(condition, id).condition(&IS_TOLD);
    if role < Role::Owner {
        rows = rows.filter("(c.record_type <> 'timesheet_entry' or s.account_id = ?)", tx.account_id());
    }
    let page = rows.page(tx, spec, Entered::read)?;
    let names = Names::read(tx, &page.items)?;
    Ok(Page {
        items: page.items.into_iter().map(|entered| Happening::of(entered, &names)).collect(),
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

/// See what happened in a project, newest first.
/// At one task: `task.activity`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListProjectActivity {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

impl Operation for ListProjectActivity {
    type Output = Page<Happening>;
    const SPEC: Spec = Spec {
        name: "project.activity",
        title: "What happened in a project",
        route: Route::get("/projects/{projectId}/activity"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More { sorts: SORTS, brief: BRIEF, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Happening>> {
        let place = cx.project(&self.project_id)?;
        page(cx, &Self::SPEC, "c.project_id = ?", place.id.raw(), place.role)
    }
}

/// See what happened at a task, newest first.
/// What people wrote: `comment.list`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListTaskActivity {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
}

impl Operation for ListTaskActivity {
    type Output = Page<Happening>;
    const SPEC: Spec = Spec {
        name: "task.activity",
        title: "What happened at a task",
        route: Route::get("/tasks/{taskId}/activity"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More { aliases: &["get_ticket_activity"], sorts: SORTS, brief: BRIEF, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Happening>> {
        let seen = tasks::seen(cx, &self.task_id)?;
        page(cx, &Self::SPEC, "c.task_id = ?", seen.id.raw(), seen.place.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_as_the_fields_that_people_know() {
        let told = ["due_on", "status_id", "depends_on_id", "estimate_minutes", "name"].map(field);
        assert_eq!(told, ["dueDate", "status", "dependsOn", "estimateMinutes", "name"]);
    }
}
