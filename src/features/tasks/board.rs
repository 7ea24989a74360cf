//! The board of a project: its statuses as columns, its tasks as cards.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::place::ProjectRecord;
use crate::core::reference::{MaybeRef, Ref};
use crate::core::store::{all, one};
use crate::core::text::{Labels, Line};
use crate::features::projects::statuses::{self, StatusRecord, StatusType};
use crate::features::search;

use super::list::or_none;
use super::task::{COLUMNS, FROM, Priority, Task};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetBoard>()];

/// Show a project's board: each status with its cards from top to bottom.
/// With more filters, as a list: `task.list`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetBoard {
    /// Key, e.g. `WEB`.
    pub project_id: Ref<ProjectRecord>,
    /// E-mail, name, `me` or `none`.
    pub assignee: Option<Ref<Account>>,
    /// All of these, by name.
    pub label: Option<Labels>,
    /// P1 is urgent.
    pub priority: Option<Priority>,
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// Cards of each column at most, 1 to 200; 50 if left out.
    pub limit: Option<Cards>,
}

/// 1 to 200.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(inline)]
pub struct Cards(#[schemars(range(min = 1, max = 200))] i64);

impl TryFrom<i64> for Cards {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        match number {
            1..=200 => Ok(Cards(number)),
            _ => Err(format!("must be from 1 to 200, not {number}")),
        }
    }
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

/// A status with its cards.
#[derive(Serialize, JsonSchema)]
pub struct Column {
    pub id: Id<StatusRecord>,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: StatusType,
    /// `#rrggbb`
    pub color: String,
    /// Of all that fit, also those beyond the limit.
    pub count: i64,
    pub cards: Vec<Task>,
}

const FILTER: &str = "
    and (:owner is null or t.owner_id = :owner) and (:unowned = 0 or t.owner_id is null)
    and (:priority is null or t.priority = :priority)
    and not exists (
      select 1 from json_each(:labels) w
       where not exists (select 1 from task_label o cross join label l on l.id = o.label_id
                          where o.task_id = t.id and l.name = w.value collate nocase))
    and (:words is null or t.id in (select rowid from search_index where search_index match :words))";

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
            ],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Board> {
        // A board shows a hundred descriptions to nobody.
        static CARDS: LazyLock<String> = LazyLock::new(|| {
            let columns = COLUMNS.replacen("t.description", "null", 1);
            format!("select {columns} from {FROM} where t.status_id = :status and t.archived_at is null")
        });
        static FIRST: LazyLock<String> = LazyLock::new(|| format!("{} order by t.position limit :limit", *CARDS));
        static FIRST_THAT_FIT: LazyLock<String> =
            LazyLock::new(|| format!("{} {FILTER} order by t.position limit :limit", *CARDS));
        static COUNT: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select count(*) from task t indexed by task_on_board where t.status_id = :status and t.archived_at is null {FILTER}"
            )
        });
        let place = cx.project_for("projectId", &self.project_id)?;
        let (assignee, unowned) = or_none(self.assignee);
        let owner = assignee.resolve_for("assignee", cx)?;
        let labels: Vec<&str> = self.label.iter().flat_map(Labels::iter).collect();
        let words = self.search.as_ref().map(|text| search::in_workspace(cx, &["task"], text.as_str()));
        let limit = self.limit.map_or(50, |cards| cards.0);
        let is_filtered =
            owner.is_some() || unowned || !labels.is_empty() || self.priority.is_some() || words.is_some();
        let labels = serde_json::to_string(&labels).expect("texts are JSON");

        let mut columns = Vec::new();
        let mut cards = Vec::new();
        for status in statuses::of_project(cx, place.id)? {
            let mut count = status.task_count;
            let before = cards.len();
            if is_filtered {
                let fitting = named_params! {
                    ":status": status.id, ":owner": owner, ":unowned": unowned, ":priority": self.priority,
                    ":labels": labels, ":words": words, ":limit": limit,
                };
                cards.extend(all(cx.conn(), &FIRST_THAT_FIT, fitting, Task::read)?);
                count = (cards.len() - before) as i64;
                if count == limit {
                    count = one(cx.conn(), &COUNT, &fitting[..fitting.len() - 1], |row| row.take())?;
                }
            } else {
                cards.extend(all(
                    cx.conn(),
                    &FIRST,
                    named_params! { ":status": status.id, ":limit": limit },
                    Task::read,
                )?);
            }
            columns.push((status, count, cards.len() - before));
        }
        Task::complete(cx, &mut cards)?;
        let mut cards = cards.into_iter().map(|card| Task { description: None, ..card });
        let columns = columns.into_iter().map(|(status, count, shown)| Column {
            id: status.id,
            name: status.name,
            kind: status.kind,
            color: status.color,
            count,
            cards: cards.by_ref().take(shown).collect(),
        });
        Ok(Board { columns: columns.collect(), project: BoardOf { id: place.id, key: place.key, name: place.name } })
    }
}
