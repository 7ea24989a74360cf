//! Lists of tasks: of a project, of the workspace, of the caller.

use std::sync::LazyLock;

use rusqlite::named_params;
use rusqlite::types::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::choice::plain;
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Page, Select, Sort};
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{MaybeRef, Ref, Referable};
use crate::core::store::all;
use crate::core::text::{Labels, Line};
use crate::core::time::{Day, DayWord};
use crate::features::clients::ClientRecord;
use crate::features::projects::statuses::{self, Status, StatusRecord, StatusType};
use crate::features::search;

use super::task::{COLUMNS, FROM, Priority, Task};
use super::{TaskRecord, parse_key};

pub const OPERATIONS: &[Entry] = &[Entry::of::<ListTasks>(), Entry::of::<MyTasks>()];

pub const SORTS: &[Sort] = &[
    Sort::down("updatedAt", "t.updated_at"),
    Sort::down("createdAt", "t.id"),
    Sort::up("dueDate", "ifnull(t.due_on, '9999-12-31')"),
    Sort::up("priority", "t.priority"),
    Sort::up("position", "t.position"),
];

const BRIEF: &[&str] = &["key", "title", "status", "priority", "owner", "dueDate", "labels"];

/// List tasks, newest change first.
/// Your own: `task.mine`. Words in comments too: `search`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListTasks {
    /// Key, e.g. `WEB`.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// OPEN, ALL, or name, type or id, e.g. `Review`.
    pub status: Option<Line<320>>,
    /// E-mail, name, `me` or `none`.
    pub assignee: Option<Ref<Account>>,
    /// All of these, by name.
    pub label: Option<Labels>,
    /// P1 is urgent.
    pub priority: Option<Priority>,
    /// overdue, today, tomorrow, this_week, next_week, none or a day.
    pub due: Option<DueFilter>,
    /// e.g. `2027-03-31`, `friday`, `+7d`.
    pub due_before: Option<DayWord>,
    /// e.g. `today`.
    pub due_after: Option<DayWord>,
    /// Name or id.
    pub client_id: Option<Ref<ClientRecord>>,
    /// Words, or a key such as `WEB-12`.
    pub search: Option<Line<200>>,
    /// Its sub-tasks; `none`: no sub-tasks.
    pub parent_id: Option<Ref<TaskRecord>>,
    /// These too.
    pub archived: Option<bool>,
}

/// Tasks of a page, and which days a due word stood for.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    #[serde(flatten)]
    pub page: Page<Task>,
    /// The days that `due`, `dueBefore` and `dueAfter` mean, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Days>,
}
impl Answer for Tasks {}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Days {
    pub from: Option<Day>,
    pub to: Option<Day>,
}

choices! {
    /// When something is due, in a word.
    pub enum DueWord {
        Overdue = "OVERDUE", Today = "TODAY", Tomorrow = "TOMORROW", ThisWeek = "THIS_WEEK", NextWeek = "NEXT_WEEK", None = "NONE",
    }
}

/// A word, or a day.
#[derive(Debug, Clone, Copy)]
pub enum DueFilter {
    Word(DueWord),
    On(DayWord),
}

impl<'de> Deserialize<'de> for DueFilter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(word) = text.parse() {
            return Ok(DueFilter::Word(word));
        }
        DayWord::parse(&text).map(DueFilter::On).map_err(|_| {
            serde::de::Error::custom(format!(
                "{} is not overdue, today, tomorrow, this_week, next_week, none or a day such as 2027-03-01",
                crate::core::error::quoted(&text)
            ))
        })
    }
}

impl JsonSchema for DueFilter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DueFilter".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl DueFilter {
    /// The days it means; `None` for what has no day.
    fn days(self, today: Day) -> Option<Days> {
        let between = |from: Day, to: Day| Some(Days { from: Some(from), to: Some(to) });
        let sunday = today.end_of_week();
        match self {
            DueFilter::Word(DueWord::Overdue) => Some(Days { from: None, to: Some(today.plus_days(-1)) }),
            DueFilter::Word(DueWord::Today) => between(today, today),
            DueFilter::Word(DueWord::Tomorrow) => between(today.plus_days(1), today.plus_days(1)),
            DueFilter::Word(DueWord::ThisWeek) => between(sunday.plus_days(-6), sunday),
            DueFilter::Word(DueWord::NextWeek) => between(sunday.plus_days(1), sunday.plus_days(7)),
            DueFilter::Word(DueWord::None) => None,
            DueFilter::On(word) => between(word.day(today), word.day(today)),
        }
    }
}

/// Which tasks by how they stand.
pub(super) enum Standing {
    Open,
    All,
    In(Vec<Id<StatusRecord>>),
}

impl Standing {
    /// A status of the project; without one, all statuses of the workspace with that name or type.
    pub(super) fn of(tx: &Tx, text: Option<&Line<320>>, project: Option<Id<ProjectRecord>>) -> Result<Standing> {
        static EVERYWHERE: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select s.id from project p cross join task_status s on s.project_id = p.id
                  where p.workspace_id = :workspace and (s.id = :id or s.name = :text collate nocase or s.type = :type)
                    and {VISIBLE}"
            )
        });
        const HERE: &str = "
            select id from task_status where project_id = ?1 and (id = ?2 or name = ?3 collate nocase or type = ?4)";
        let Some(text) = text.map(Line::as_str) else { return Ok(Standing::All) };
        let word = plain(text);
        match word.as_str() {
            "OPEN" => return Ok(Standing::Open),
            "ALL" => return Ok(Standing::All),
            _ => {}
        }
        let id = Id::<StatusRecord>::parse(text);
        let found: Vec<Id<StatusRecord>> = match project {
            Some(project) => all(tx.conn(), HERE, (project, id, text, &word), |row| row.take())?,
            None => {
                let Sight { all: sees_all, me, projects } = tx.sight();
                let parameters = named_params! {
                    ":workspace": tx.workspace_id(), ":id": id, ":text": text, ":type": word,
                    ":all": sees_all, ":me": me, ":projects": projects,
                };
                all(tx.conn(), &EVERYWHERE, parameters, |row| row.take())?
            }
        };
        match (found.is_empty(), project) {
            (false, _) => Ok(Standing::In(found)),
            // Names the ones that there are.
            (true, Some(project)) => statuses::find_for("status", tx, project, text).map(|id| Standing::In(vec![id])),
            (true, None) => Err(Error::not_found("status", text).about("status")),
        }
    }

    /// May a task of that status be among them?
    pub(super) fn includes(&self, status: &Status) -> bool {
        match self {
            Standing::All => true,
            Standing::Open => status.kind != StatusType::Done,
            Standing::In(statuses) => statuses.contains(&status.id),
        }
    }

    fn filter(self, tasks: Select) -> Select {
        match self {
            Standing::All => tasks,
            Standing::Open => tasks.condition("t.completed_at is null"),
            Standing::In(statuses) => {
                tasks.filter("+t.status_id in (select value from json_each(?))", id::array(statuses))
            }
        }
    }
}

/// `none` names nothing; all else is a reference.
pub(super) fn or_none<T>(reference: Option<Ref<T>>) -> (Option<Ref<T>>, bool) {
    match reference {
        Some(reference) if reference.text().eq_ignore_ascii_case("none") => (None, true),
        reference => (reference, false),
    }
}

/// Few enough that sorting them costs less than walking through all tasks in order.
const FEW: usize = 1_000;

/// The tasks that a query names, if they are few.
fn few(tx: &Tx, sql: &str, parameters: impl rusqlite::Params) -> Result<Option<String>> {
    let found: Vec<Id<TaskRecord>> = all(tx.conn(), sql, parameters, |row| row.take())?;
    Ok((found.len() <= FEW).then(|| id::array(found)))
}

impl Operation for ListTasks {
    type Output = Tasks;
    const SPEC: Spec = Spec {
        name: "task.list",
        title: "List tasks",
        route: Route::get("/tasks"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More {
            aliases: &["search_tickets", "search_tasks"],
            synonyms: &[
                ("query", "search"),
                ("project_id", "projectId"),
                ("assignee_id", "assignee"),
                ("assigneeId", "assignee"),
                ("ownerId", "assignee"),
                ("owner", "assignee"),
                ("labels", "label"),
                ("client_id", "clientId"),
                ("parent_id", "parentId"),
                ("due_before", "dueBefore"),
                ("due_after", "dueAfter"),
            ],
            sorts: SORTS,
            open: Some(("status", "OPEN")),
            brief: BRIEF,
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Tasks> {
        let sort = cx.paging().sort_name().unwrap_or_default();
        if sort.ends_with("position") && self.project_id.is_none() {
            return Err(Error::field("sort", "position is an order within a project; give projectId too"));
        }
        let project = match &self.project_id {
            Some(reference) => Some(cx.project_for("projectId", reference)?.id),
            None => None,
        };
        let standing = Standing::of(cx, self.status.as_ref(), project)?;
        let client = self.client_id.resolve_for("clientId", cx)?;
        let is_by_due = sort.ends_with("dueDate");
        let (tasks, due) = self.select(cx, project, standing, is_by_due, TASKS)?;
        let mut page = tasks.visible(cx).filter_some("p.client_id = ?", client).page(cx, &Self::SPEC, Task::read)?;
        Task::complete(cx, &mut page.items)?;
        Ok(Tasks { page, due })
    }
}

/// What is read of the tasks `t` that fit, and from which tables.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub columns: &'static str,
    pub from: &'static str,
    /// The same for what is open in a project, where one index may hold it all.
    pub open: &'static str,
}

const TASKS: Shape = Shape { columns: COLUMNS, from: FROM, open: FROM };

impl ListTasks {
    /// What fits, for lists and boards alike, and the days that the due words mean. Who may see it, and its client, are the
    /// caller's to add.
    pub(super) fn select(
        self,
        tx: &Tx,
        project: Option<Id<ProjectRecord>>,
        standing: Standing,
        is_by_due: bool,
        shape: Shape,
    ) -> Result<(Select, Option<Days>)> {
        let (assignee, is_nobodys) = or_none(self.assignee);
        let assignee = assignee.resolve_for("assignee", tx)?;
        let (parent, has_no_parent) = or_none(self.parent_id);
        let parent = parent.resolve_for("parentId", tx)?;
        let days = due_days(tx.today(), self.due, self.due_before, self.due_after);
        let is_archived_too = self.archived.unwrap_or(false);

        // What somebody has to do stands in an index of its own, in the order it is due.
        let is_whose_todo = assignee.is_some()
            && project.is_none()
            && matches!(standing, Standing::Open)
            && !is_archived_too
            && is_by_due;
        // Filters that leave few tasks name them; all others are tried while walking through an index in order.
        let mut named = Vec::new();
        let mut tried: Vec<(&'static str, Value)> = Vec::new();
        let mut sort_out = |few: Option<String>, condition: &'static str, value: Value| match few {
            Some(few) => named.push(few),
            None => tried.push((condition, value)),
        };
        if let Some(assignee) = assignee.filter(|_| !is_whose_todo) {
            const OWNED: &str = "select id from task where owner_id = ?1 limit 1001";
            sort_out(few(tx, OWNED, [assignee])?, "+t.owner_id = ?", assignee.raw().into());
        }
        for label in self.label.iter().flat_map(Labels::iter) {
            let few = few(tx, LABELLED, (tx.workspace_id(), label))?;
            sort_out(few, HAS_LABEL, label.to_owned().into());
        }
        if let Some(text) = self.search {
            let text = text.as_str();
            let key = parse_key(text).map(|_| TaskRecord::named(tx, text)).transpose()?.unwrap_or_default();
            let words = search::in_workspace(tx, &["task"], text);
            let few = match key.first() {
                Some((task, _)) => Some(id::array([*task])),
                None => few(tx, FOUND, [&words])?,
            };
            sort_out(few, IS_FOUND, words.into());
        }

        let is_named = !named.is_empty() || parent.is_some() || is_whose_todo;
        let is_what_is_open = project.is_some() && !is_named && matches!(standing, Standing::Open) && !is_archived_too;
        let tasks = Select::new(shape.columns, if is_what_is_open { shape.open } else { shape.from }, "t.id");
        let mut tasks = match (project, is_named) {
            (Some(project), false) => tasks.filter("t.project_id = ?", project),
            (Some(project), true) => tasks.filter("+t.project_id = ?", project),
            (None, false) => tasks.filter("t.workspace_id = ?", tx.workspace_id()),
            (None, true) => tasks.filter("+t.workspace_id = ?", tx.workspace_id()),
        };
        for few in named {
            tasks = tasks.filter("t.id in (select value from json_each(?))", few);
        }
        for (condition, value) in tried {
            tasks = tasks.filter(condition, value);
        }
        tasks = standing
            .filter(tasks)
            .filter_some("t.owner_id = ?", assignee.filter(|_| is_whose_todo))
            .filter_some("+t.priority = ?", self.priority)
            .filter_some("t.parent_id = ?", parent);
        if is_nobodys {
            tasks = tasks.condition("t.owner_id is null");
        }
        if has_no_parent {
            tasks = tasks.condition("t.parent_id is null");
        }
        if !is_archived_too {
            tasks = tasks.condition("t.archived_at is null");
        }
        if matches!(self.due, Some(DueFilter::Word(DueWord::Overdue))) {
            tasks = tasks.condition("t.completed_at is null");
        }
        if matches!(self.due, Some(DueFilter::Word(DueWord::None))) {
            tasks = tasks.condition("t.due_on is null");
        }
        if let Some(Days { from, to }) = days {
            // What has no day is due on the last of all days, for the index; it is due before none.
            let to = to.unwrap_or(Day::parse("9999-12-30").expect("a day"));
            tasks = tasks
                .filter("ifnull(t.due_on, '9999-12-31') <= ?", to)
                .filter_some("ifnull(t.due_on, '9999-12-31') >= ?", from);
        }
        Ok((tasks, days))
    }
}

/// What all of the due filters leave; `None` if there are none.
fn due_days(today: Day, due: Option<DueFilter>, before: Option<DayWord>, after: Option<DayWord>) -> Option<Days> {
    let mut days = due.and_then(|due| due.days(today)).unwrap_or_default();
    if let Some(before) = before.map(|word| word.day(today)) {
        days.to = Some(days.to.map_or(before, |to| to.min(before)));
    }
    if let Some(after) = after.map(|word| word.day(today)) {
        days.from = Some(days.from.map_or(after, |from| from.max(after)));
    }
    (days != Days::default()).then_some(days)
}

const LABELLED: &str = "
    select o.task_id from project p cross join label l on l.project_id = p.id cross join task_label o on o.label_id = l.id
     where p.workspace_id = ?1 and l.name = ?2 collate nocase limit 1001";
const HAS_LABEL: &str = "
    exists (select 1 from task_label o cross join label l on l.id = o.label_id
             where o.task_id = t.id and l.name = ? collate nocase)";

const FOUND: &str = "select rowid from search_index where search_index match ?1 limit 1001";
const IS_FOUND: &str = "+t.id in (select rowid from search_index where search_index match ?)";

choices! {
    /// Which of one's tasks to list.
    pub enum Wanted { Open = "OPEN", Done = "DONE", All = "ALL" }
}

/// List the tasks that you own or take part in, the soonest due first.
/// Anybody's: `task.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MyTasks {
    /// What to show.
    pub status: Option<Wanted>,
}

const MINE: &[Sort] = &[
    Sort::up("dueDate", "ifnull(t.due_on, '9999-12-31')"),
    Sort::up("priority", "t.priority"),
    Sort::down("updatedAt", "t.updated_at"),
];

impl Operation for MyTasks {
    type Output = Page<Task>;
    const SPEC: Spec = Spec {
        name: "task.mine",
        title: "List my tasks",
        route: Route::get("/tasks/mine"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["get_my_tickets"], sorts: MINE, brief: BRIEF, ..More::NONE },
    };

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Task>> {
        /// From the person to their tasks: what others have to do costs nothing.
        const OPEN: &str = "t.id in (
            select id from task where owner_id = ?1 and completed_at is null and archived_at is null
            union select task_id from task_participant where account_id = ?1)";
        const ALL: &str = "t.id in (
            select id from task where owner_id = ?1 union select task_id from task_participant where account_id = ?1)";
        let wanted = self.status.unwrap_or(Wanted::Open);
        let me = cx.signed_in()?.id;
        // All that one has is put in order before a page of it is read.
        let tasks = Select::new("t.id", "task t cross join project p on p.id = t.project_id", "t.id");
        let tasks = match wanted {
            Wanted::Open => tasks.filter(OPEN, me).condition("t.completed_at is null"),
            Wanted::Done => tasks.filter(ALL, me).condition("t.completed_at is not null"),
            Wanted::All => tasks.filter(ALL, me),
        };
        let Page { items, next_cursor, total } = tasks
            .filter("+t.workspace_id = ?", cx.workspace_id())
            .condition("t.archived_at is null")
            .visible(cx)
            .page(cx, &Self::SPEC, |row| row.take())?;
        Ok(Page { items: Task::by_ids(cx, &items)?, next_cursor, total })
    }
}
