//! Agents: programs that work for somebody. A key bound to one writes as it, on behalf of the key's account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Agent, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::reference::{Ref, Referable};
use crate::core::store::{Change, all, insert, one, optional};
use crate::core::text::{Line, Prose};
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<ListAgents>(), Entry::of::<GetAgent>(), Entry::of::<CreateAgent>(), Entry::of::<UpdateAgent>()];

/// An agent of the workspace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    pub id: Id<Agent>,
    pub name: String,
    pub role: Option<String>,
    pub description: Option<String>,
    /// false: the keys bound to it are refused.
    pub enabled: bool,
    /// Its keys that are not revoked.
    pub key_count: i64,
    /// When one of its keys was used last.
    pub last_used_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for AgentView {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/agents/{}", self.id))
    }
}

const COLUMNS: &str = "
    g.id, g.name, g.role, g.description, g.enabled,
    (select count(*) from access_key k where k.agent_id = g.id and k.revoked_at is null),
    (select max(k.last_used_at) from access_key k where k.agent_id = g.id),
    g.created_at, g.updated_at, g.version";

impl AgentView {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<AgentView> {
        Ok(AgentView {
            id: row.take()?,
            name: row.take()?,
            role: row.take()?,
            description: row.take()?,
            enabled: row.take()?,
            key_count: row.take()?,
            last_used_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn by_id(tx: &Tx, id: Id<Agent>) -> Result<AgentView> {
        one(tx.conn(), &format!("select {COLUMNS} from agent g where g.id = ?1"), [id], AgentView::read)
    }
}

impl Referable for Agent {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from agent where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "select id, name from agent where workspace_id = ?1 and name = ?2 collate nocase";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// 409 while another agent of the workspace goes by the name.
fn must_be_free(tx: &Tx, name: &Line<80>, own: Option<Id<Agent>>) -> Result<()> {
    match Agent::named(tx, name.as_str())?.iter().any(|(id, _)| Some(*id) != own) {
        true => {
            Err(Error::conflict(format!("An agent named “{}” exists already; choose another name.", name.as_str())))
        }
        false => Ok(()),
    }
}

const SORTS: &[Sort] = &[Sort::up("name", "g.name collate nocase")];

/// List the workspace's agents by name.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListAgents {
    /// e.g. `Triage`.
    pub role: Option<Line<120>>,
    /// Only those enabled, or not.
    pub enabled: Option<bool>,
}

impl Operation for ListAgents {
    type Output = Page<AgentView>;
    const SPEC: Spec = Spec {
        name: "agent.list",
        title: "List agents",
        route: Route::get("/agents"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Read,
        toolset: Toolset::Agents,
        more: More { sorts: SORTS, brief: &["id", "name", "role", "enabled", "lastUsedAt"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<AgentView>> {
        Select::new(COLUMNS, "agent g", "g.id")
            .filter("g.workspace_id = ?", cx.workspace_id())
            .filter_some("g.role = ? collate nocase", self.role)
            .filter_some("g.enabled = ?", self.enabled)
            .page(cx, &Self::SPEC, AgentView::read)
    }
}

/// Read one agent.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetAgent {
    /// Name or id.
    pub agent_id: Ref<Agent>,
}

impl Operation for GetAgent {
    type Output = AgentView;
    const SPEC: Spec = Spec {
        name: "agent.get",
        title: "Read an agent",
        route: Route::get("/agents/{agentId}"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Read,
        toolset: Toolset::Agents,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AgentView> {
        AgentView::by_id(cx, self.agent_id.resolve(cx)?)
    }
}

/// Add an agent. It writes once a key is bound to it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAgent {
    /// e.g. `Robin`.
    pub name: Line<80>,
    /// e.g. `Triage`.
    pub role: Option<Line<120>>,
    /// How it works.
    pub description: Option<Prose<20_000>>,
    /// true if left out; false refuses its keys.
    pub enabled: Option<bool>,
}

impl Operation for CreateAgent {
    type Output = AgentView;
    const SPEC: Spec = Spec {
        name: "agent.create",
        title: "Add an agent",
        route: Route::post("/agents"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Agents,
        more: More { audit: Some(Audited::Agent), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AgentView> {
        must_be_free(cx, &self.name, None)?;
        let mut row = Change::of("agent");
        row.set("workspace_id", cx.workspace_id())?
            .set("name", self.name)?
            .set("role", self.role)?
            .set("description", self.description)?
            .set("enabled", self.enabled.unwrap_or(true))?;
        AgentView::by_id(cx, insert(cx, row)?)
    }
}

/// Change an agent; `enabled: false` cuts off its keys at once.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateAgent {
    /// Name or id.
    #[schemars(required)]
    pub agent_id: Ref<Agent>,
    /// What people call it.
    pub name: Patch<Line<80>>,
    /// What it is there for.
    pub role: Patch<Line<120>>,
    /// How it works.
    pub description: Patch<Prose<20_000>>,
    /// false refuses its keys.
    pub enabled: Patch<bool>,
}

impl Operation for UpdateAgent {
    type Output = AgentView;
    const SPEC: Spec = Spec {
        name: "agent.update",
        title: "Change an agent",
        route: Route::patch("/agents/{agentId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Agents,
        more: More { audit: Some(Audited::Agent), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AgentView> {
        let id = self.agent_id.resolve(cx)?;
        let mut row = Change::existing(cx, "agent", id)?;
        let name = self.name.never_cleared("name")?;
        if let Some(name) = &name {
            must_be_free(cx, name, Some(id))?;
        }
        row.patch("name", &name.into())?
            .patch("role", &self.role)?
            .patch("description", &self.description)?
            .patch("enabled", &self.enabled.never_cleared("enabled")?.into())?;
        row.update(cx, id)?;
        AgentView::by_id(cx, id)
    }
}
