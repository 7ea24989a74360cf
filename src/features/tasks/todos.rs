//! Todos: the checklist of a task.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::core::store::{Change, all, delete, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;

use super::{TaskRecord, seen};

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<CreateTodo>(), Entry::of::<UpdateTodo>(), Entry::of::<DeleteTodo>(), Entry::of::<ReorderTodos>()];

#[derive(Debug, Clone, Copy)]
pub struct TodoRecord;
impl Record for TodoRecord {
    const PREFIX: &'static str = "todo";
    const NOUN: &'static str = "todo";
}

/// A line of a task's checklist.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Todo {
    pub id: Id<TodoRecord>,
    pub task_id: Id<TaskRecord>,
    pub text: String,
    pub done: bool,
    /// 0 for the first.
    pub position: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Todo {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// All of a task's todos, in order.
#[derive(Serialize, JsonSchema)]
pub struct Todos {
    pub items: Vec<Todo>,
}
impl Answer for Todos {}

/// A checklist is for a person to tick off.
const MOST: usize = 200;

/// A line with whether it is done; a plain text is one that is not.
struct NewTodo {
    text: Line<500>,
    done: bool,
}

/// The todos of a new task.
#[derive(Default)]
pub struct NewTodos(Vec<NewTodo>);

impl NewTodos {
    /// What is to be done, none of it yet.
    pub fn of(texts: Vec<Line<500>>) -> Self {
        NewTodos(texts.into_iter().map(|text| NewTodo { text, done: false }).collect())
    }
}

impl<'de> Deserialize<'de> for NewTodo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            text: Line<500>,
            #[serde(default)]
            done: bool,
        }
        match serde_json::Value::deserialize(deserializer)? {
            text @ serde_json::Value::String(_) => {
                Line::deserialize(text).map(|text| NewTodo { text, done: false }).map_err(de::Error::custom)
            }
            other => Given::deserialize(other)
                .map(|Given { text, done }| NewTodo { text, done })
                .map_err(|error| de::Error::custom(format!("each is a text or {{\"text\": …, \"done\": …}}: {error}"))),
        }
    }
}

impl<'de> Deserialize<'de> for NewTodos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let todos: Vec<NewTodo> = Vec::deserialize(deserializer)?;
        match todos.len() {
            0..=MOST => Ok(NewTodos(todos)),
            many => Err(de::Error::custom(format!("has {many} todos; a task has at most {MOST}"))),
        }
    }
}

/// The fuller form: several MCP clients refuse unions.
impl JsonSchema for NewTodos {
    fn schema_name() -> Cow<'static, str> {
        "NewTodos".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let todo = json_schema!({
            "type": "object",
            "properties": { "text": { "type": "string", "maxLength": 500 }, "done": { "type": "boolean" } },
            "required": ["text"],
        });
        json_schema!({ "type": "array", "items": todo, "maxItems": MOST })
    }
}

fn read(row: &mut Columns<'_>) -> rusqlite::Result<Todo> {
    Ok(Todo {
        id: row.take()?,
        task_id: row.take()?,
        text: row.take()?,
        done: row.take()?,
        position: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        version: row.take()?,
    })
}

/// The task's todos, in order.
pub(super) fn of(tx: &Tx, task: Id<TaskRecord>) -> Result<Vec<Todo>> {
    const OF_TASK: &str = "
        select id, task_id, text, done, row_number() over (order by position, id) - 1, created_at, updated_at, version
          from task_todo where task_id = ?1 order by position, id";
    all(tx.conn(), OF_TASK, [task], read)
}

/// The todos of a new task.
pub(super) fn add(tx: &Tx, task: Id<TaskRecord>, todos: &NewTodos) -> Result<()> {
    for (position, todo) in (0..).zip(&todos.0) {
        put(tx, task, position, todo)?;
    }
    Ok(())
}

fn put(tx: &Tx, task: Id<TaskRecord>, position: i64, todo: &NewTodo) -> Result<Id<TodoRecord>> {
    let mut row = Change::of("task_todo");
    row.set("task_id", task)?.set("text", &todo.text)?.set("done", todo.done)?.set("position", position)?;
    insert(tx, row)
}

/// The todo, if it is one of the task's.
fn of_task(tx: &Tx, task: Id<TaskRecord>, todo: &Ref<TodoRecord>) -> Result<Id<TodoRecord>> {
    let nowhere = || Error::not_found("todo", todo.text());
    let id = Id::<TodoRecord>::parse(todo.text()).ok_or_else(nowhere)?;
    const OF_TASK: &str = "select id from task_todo where id = ?1 and task_id = ?2";
    optional(tx.conn(), OF_TASK, (id, task), |row| row.take())?.ok_or_else(nowhere)
}

/// With its place among the others, of which there are few.
fn by_id(tx: &Tx, task: Id<TaskRecord>, id: Id<TodoRecord>) -> Result<Todo> {
    let found = of(tx, task)?.into_iter().find(|todo| todo.id == id);
    found.ok_or_else(|| Error::internal("a todo just written is gone"))
}

/// Add a line to the end of a task's checklist.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTodo {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// What to tick off.
    pub text: Line<500>,
    /// Done already?
    pub done: Option<bool>,
}

impl Operation for CreateTodo {
    type Output = Todo;
    const SPEC: Spec = Spec {
        name: "task.todo.create",
        title: "Add a todo",
        route: Route::post("/tasks/{taskId}/todos"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.todos.create"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Todo> {
        const COUNT: &str = "select count(*), ifnull(max(position) + 1, 0) from task_todo where task_id = ?1";
        let task = seen(cx, &self.task_id)?;
        task.place.must_be_active()?;
        let (count, position) = one(cx.conn(), COUNT, [task.id], |row| Ok((row.take::<i64>()?, row.take()?)))?;
        if count >= MOST as i64 {
            return Err(Error::conflict(format!("The task has {count} todos already; make sub-tasks of some.")));
        }
        let id = put(cx, task.id, position, &NewTodo { text: self.text, done: self.done.unwrap_or(false) })?;
        by_id(cx, task.id, id)
    }
}

/// Tick off or reword a todo.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTodo {
    /// Key or id.
    #[schemars(required)]
    pub task_id: Ref<TaskRecord>,
    /// From `task.get`.
    #[schemars(required)]
    pub todo_id: Ref<TodoRecord>,
    /// What to tick off.
    pub text: Patch<Line<500>>,
    /// true ticks it off.
    pub done: Patch<bool>,
}

impl Operation for UpdateTodo {
    type Output = Todo;
    const SPEC: Spec = Spec {
        name: "task.todo.update",
        title: "Change a todo",
        route: Route::patch("/tasks/{taskId}/todos/{todoId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.todos.update"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Todo> {
        let task = seen(cx, &self.task_id)?.id;
        let id = of_task(cx, task, &self.todo_id)?;
        let mut row = Change::existing(cx, "task_todo", id)?;
        row.patch("text", &self.text.never_cleared("text")?.into())?
            .patch("done", &self.done.never_cleared("done")?.into())?;
        row.update(cx, id)?;
        by_id(cx, task, id)
    }
}

/// Remove a todo.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteTodo {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// The todo's id.
    pub todo_id: Ref<TodoRecord>,
}

impl Operation for DeleteTodo {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "task.todo.delete",
        title: "Remove a todo",
        route: Route::delete("/tasks/{taskId}/todos/{todoId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.todos.delete"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let id = of_task(cx, seen(cx, &self.task_id)?.id, &self.todo_id)?;
        delete(cx, "task_todo", id)
    }
}

/// Put a task's todos into another order.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReorderTodos {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// All its todos' ids in the new order.
    pub ordered_todo_ids: Vec<Ref<TodoRecord>>,
}

impl Operation for ReorderTodos {
    type Output = Todos;
    const SPEC: Spec = Spec {
        name: "task.todo.reorder",
        title: "Reorder todos",
        route: Route::post("/tasks/{taskId}/todos/reorder"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.todos.reorder"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Todos> {
        const MOVE: &str = "update task_todo set position = ?2 where id = ?1 and position <> ?2";
        let task = seen(cx, &self.task_id)?.id;
        let here: Vec<String> = of(cx, task)?.iter().map(|todo| todo.id.to_string()).collect();
        let wanted: Vec<&str> = self.ordered_todo_ids.iter().map(Ref::text).collect();
        super::order::exactly("orderedTodoIds", &wanted, &here)?;
        for (position, id) in (0_i64..).zip(wanted.iter().filter_map(|text| Id::<TodoRecord>::parse(text))) {
            run(cx.conn(), MOVE, (id, position))?;
        }
        Ok(Todos { items: of(cx, task)? })
    }
}
