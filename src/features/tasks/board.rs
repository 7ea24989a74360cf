//! The board of a project: its tasks as cards, in columns by status, owner, label or priority.

use std::collections::HashMap;
use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, UpTo};
use crate::core::place::ProjectRecord;
use crate::core::reference::Ref;
use crate::core::store::all;
use crate::core::text::{Labels, Line};
use crate::features::projects::statuses::{self, StatusType};
use crate::features::projects::{labels, members};

use super::TaskRecord;
use super::list::{DueFilter, ListTasks, Shape, Standing};
use super::task::{COLUMNS, FROM, Priority, Task};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetBoard>()];

choices! {
    /// What the columns of a board are.
    pub enum Grouping { Status = "STATUS", Assignee = "ASSIGNEE" | "OWNER", Label = "LABEL", Priority = "PRIORITY" }
}

/// Show a project's board: each status with its cards from top to bottom.
/// With more filters, as a list: `task.list`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetBoard {
    /// Key, e.g. `WEB`.
    pub project_id: Ref<ProjectRecord>,
    /// Columns; by others than status only open tasks, in the order of their statuses.
    pub group_by: Option<Grouping>,
    /// As in task.list.
    pub status: Option<Line<320>>,
    /// E-mail, name, `me` or `none`.
    pub assignee: Option<Ref<Account>>,
    /// All of these, by name.
    pub label: Option<Labels>,
    /// P1 is urgent.
    pub priority: Option<Priority>,
    /// As in task.list.
    pub due: Option<DueFilter>,
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// These too.
    pub archived: Option<bool>,
    /// Cards of each column at most, 1 to 200; 50 if left out.
    pub limit: Option<UpTo<200>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    pub project: BoardOf,
    /// From the left.
    pub columns: Vec<Column>,
}
impl Answer for Board {}

/// The project whose board it is.
#[derive(Serialize, JsonSchema)]
pub struct BoardOf {
    pub id: Id<ProjectRecord>,
    pub key: String,
    pub name: String,
}

/// A status, owner, label or priority with its cards.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Of the status, account or label, or the priority; null: of the tasks without one.
    pub id: Option<String>,
    pub name: String,
    /// Of a status.
    #[serde(rename = "type")]
    pub kind: Option<StatusType>,
    /// `#rrggbb`, of a status or label.
    pub color: Option<String>,
    /// Of all that fit, also those beyond the limit.
    pub count: i64,
    pub cards: Vec<Task>,
}

impl Column {
    fn new(id: Option<String>, name: impl Into<String>) -> Self {
        Column { id, name: name.into(), kind: None, color: None, count: 0, cards: Vec::new() }
    }

    fn of<T: Record>(id: Id<T>, name: impl Into<String>) -> (Option<i64>, Self) {
        (Some(id.raw()), Column::new(Some(id.to_string()), name))
    }
}

/// The tasks of a column: how many fit, and the first of them.
#[derive(Default)]
struct Stack {
    count: i64,
    first: Vec<Id<TaskRecord>>,
}

impl Grouping {
    /// Of each task its column, how many are in it, its place there and its id. What is open is found in an index alone.
    /// Positions say only how the cards of one status follow each other, so by all else the statuses come first.
    fn shape(self) -> Shape {
        static TEXTS: LazyLock<HashMap<Grouping, [String; 3]>> = LazyLock::new(|| {
            let text = |grouping: Grouping| {
                let (column, order, joined) = match grouping {
                    Grouping::Status => ("t.status_id", "t.position", ""),
                    Grouping::Assignee => ("t.owner_id", "s.position, t.position", ""),
                    Grouping::Priority => ("t.priority", "s.position, t.position", ""),
                    Grouping::Label => {
                        ("g.label_id", "s.position, t.position", " left join task_label g on g.task_id = t.id")
                    }
                };
                let columns = format!(
                    "{column} as pile, count(*) over (partition by {column}),
                     row_number() over (partition by {column} order by {order}, t.id) as place, t.id"
                );
                let from = |tasks: &str| format!("{tasks} cross join task_status s on s.id = t.status_id{joined}");
                [columns, from("task t"), from("task t indexed by task_open_in_project_by_due")]
            };
            Grouping::ALL.iter().map(|grouping| (*grouping, text(*grouping))).collect()
        });
        let [columns, from, open] = &TEXTS[&self];
        Shape { columns, from, open }
    }

    /// The column of a row: an id, or the place of a priority.
    fn column_of(self, row: &mut Columns<'_>) -> rusqlite::Result<Option<i64>> {
        match self {
            Grouping::Priority => Ok(Some(row.take::<Priority>()? as i64)),
            _ => row.take(),
        }
    }
}

impl Operation for GetBoard {
    type Output = Board;
    const SPEC: Spec = Spec {
        name: "board.get",
        title: "Show a board",
        route: Route::get("/board"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More {
            synonyms: &[
                ("project_id", "projectId"),
                ("assigneeId", "assignee"),
                ("ownerId", "assignee"),
                ("labels", "label"),
                ("query", "search"),
                ("group_by", "groupBy"),
            ],
            ..More::NONE
        },
    };

    /// Without a filter each status is read from its index; all else walks through the tasks of the project.
    fn is_slow(&self) -> bool {
        self.is_filtered() || self.grouping() != Grouping::Status
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Board> {
        let place = cx.project_for("projectId", &self.project_id)?;
        let (grouping, is_filtered) = (self.grouping(), self.is_filtered());
        let limit = self.limit.map_or(50, UpTo::get);
        let standing = match (&self.status, grouping) {
            (None, Grouping::Assignee | Grouping::Label | Grouping::Priority) => Standing::Open,
            (status, _) => Standing::of(cx, status.as_ref(), Some(place.id))?,
        };
        let mut columns = Vec::new();
        let mut stacks = HashMap::new();
        if grouping == Grouping::Status {
            for status in statuses::of_project(cx, place.id)?.into_iter().filter(|status| standing.includes(status)) {
                if !is_filtered {
                    const FIRST: &str = "
                        select id from task where status_id = :status and archived_at is null order by position limit :limit";
                    let first = named_params! { ":status": status.id, ":limit": limit as i64 };
                    let first = all(cx.conn(), FIRST, first, |row| row.take())?;
                    stacks.insert(Some(status.id.raw()), Stack { count: status.task_count, first });
                }
                let (key, column) = Column::of(status.id, status.name);
                columns.push((key, Column { kind: Some(status.kind), color: Some(status.color), ..column }));
            }
            if is_filtered {
                stacks = self.fitting(cx, place.id, standing, grouping, limit)?;
            }
        } else {
            stacks = self.fitting(cx, place.id, standing, grouping, limit)?;
            columns = known(cx, place.id, grouping, &stacks)?;
        }
        let mut cards: HashMap<Id<TaskRecord>, Task> = HashMap::new();
        for card in read(cx, stacks.values().flat_map(|stack| stack.first.iter().copied()).collect())? {
            cards.insert(card.id, card);
        }
        // By label, a card may stand in several columns.
        let mut take = |id: &Id<TaskRecord>| match grouping {
            Grouping::Label => cards.get(id).cloned(),
            _ => cards.remove(id),
        };
        let columns = columns.into_iter().map(|(key, column)| {
            let Stack { count, first } = stacks.remove(&key).unwrap_or_default();
            Column { count, cards: first.iter().filter_map(&mut take).collect(), ..column }
        });
        Ok(Board { columns: columns.collect(), project: BoardOf { id: place.id, key: place.key, name: place.name } })
    }
}

impl GetBoard {
    fn grouping(&self) -> Grouping {
        self.group_by.unwrap_or(Grouping::Status)
    }

    fn is_filtered(&self) -> bool {
        self.assignee.is_some()
            || self.label.is_some()
            || self.priority.is_some()
            || self.due.is_some()
            || self.search.is_some()
            || self.archived == Some(true)
    }

    /// What fits, in one walk, by column.
    fn fitting(
        self,
        tx: &Tx,
        project: Id<ProjectRecord>,
        standing: Standing,
        grouping: Grouping,
        limit: usize,
    ) -> Result<HashMap<Option<i64>, Stack>> {
        let wanted = ListTasks {
            assignee: self.assignee,
            label: self.label,
            priority: self.priority,
            due: self.due,
            search: self.search,
            archived: self.archived,
            ..ListTasks::default()
        };
        let (tasks, _) = wanted.select(tx, Some(project), standing, false, grouping.shape())?;
        let cards = tasks.first_of_each(tx, limit, |row| {
            let (column, count, _place) = (grouping.column_of(row)?, row.take::<i64>()?, row.take::<i64>()?);
            Ok((column, count, row.take()?))
        })?;
        let mut stacks: HashMap<Option<i64>, Stack> = HashMap::new();
        for (column, count, id) in cards {
            let stack = stacks.entry(column).or_default();
            stack.count = count;
            stack.first.push(id);
        }
        Ok(stacks)
    }
}

/// More columns than this, and those without a card are left out.
const MANY: usize = 30;

/// The columns by owner, label or priority, with what the stacks know them by: first those without one.
fn known(
    tx: &Tx,
    project: Id<ProjectRecord>,
    grouping: Grouping,
    stacks: &HashMap<Option<i64>, Stack>,
) -> Result<Vec<(Option<i64>, Column)>> {
    let mut columns: Vec<(Option<i64>, Column)> = match grouping {
        Grouping::Priority => {
            let named = |priority: &Priority| {
                let word = priority.word();
                (Some(*priority as i64), Column::new(Some(word.to_owned()), word))
            };
            return Ok(Priority::ALL.iter().map(named).collect());
        }
        Grouping::Label => {
            let labels = labels::of_project(tx, project)?.into_iter().map(|label| {
                let (key, column) = Column::of(label.id, label.name);
                (key, Column { color: Some(label.color), ..column })
            });
            std::iter::once((None, Column::new(None, "No label"))).chain(labels).collect()
        }
        Grouping::Status | Grouping::Assignee => {
            let members = members::of_project(tx, project)?.into_iter();
            let members = members.map(|member| Column::of(member.account_id, member.name));
            std::iter::once((None, Column::new(None, "Nobody"))).chain(members).collect()
        }
    };
    if grouping == Grouping::Assignee {
        const NAMES: &str = "
            select a.id, a.name from json_each(?1) w cross join account a on a.id = w.value order by a.name collate nocase";
        let left = stacks.keys().filter(|key| !columns.iter().any(|(known, _)| known == *key));
        let left = id::array(left.flatten().map(|raw| Id::<Account>::from_raw(*raw)));
        columns.extend(all(tx.conn(), NAMES, [left], |row| {
            Ok(Column::of::<Account>(row.take()?, row.take::<String>()?))
        })?);
    }
    if columns.len() > MANY {
        columns.retain(|(key, _)| stacks.contains_key(key));
    }
    Ok(columns)
}

/// The cards, each once. A board shows a hundred descriptions to nobody.
fn read(tx: &Tx, mut ids: Vec<Id<TaskRecord>>) -> Result<Vec<Task>> {
    static CARDS: LazyLock<String> = LazyLock::new(|| {
        let columns = COLUMNS.replacen("t.description", "null", 1);
        format!("select {columns} from json_each(?1) w cross join {FROM} where t.id = w.value")
    });
    ids.sort_unstable_by_key(|id| id.raw());
    ids.dedup();
    let mut cards = all(tx.conn(), &CARDS, [id::array(ids)], Task::read)?;
    Task::complete(tx, &mut cards)?;
    Ok(cards.into_iter().map(|card| Task { description: None, ..card }).collect())
}
