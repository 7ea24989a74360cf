//! Clients: whom projects are for.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place::{Sight, VISIBLE};
use crate::core::reference::{Ref, Referable};
use crate::core::store::{Change, all, delete, insert, optional};
use crate::core::text::{Line, Prose};
use crate::core::time::Moment;
use crate::features::projects::{self, ProjectLine};
use crate::features::search;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListClients>(),
    Entry::of::<GetClient>(),
    Entry::of::<CreateClient>(),
    Entry::of::<UpdateClient>(),
    Entry::of::<DeleteClient>(),
];

#[derive(Debug, Clone, Copy)]
pub struct ClientRecord;
impl Record for ClientRecord {
    const PREFIX: &'static str = "cli";
    const NOUN: &'static str = "client";
}

/// Somebody whom projects are for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub id: Id<ClientRecord>,
    pub name: String,
    pub notes: Option<String>,
    /// Projects you see that are not archived.
    pub project_count: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Client {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/clients/{}", self.id))
    }
}

const COLUMNS: &str = "c.id, c.name, c.notes, c.created_at, c.updated_at, c.version";

impl Client {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Client> {
        Ok(Client {
            id: row.take()?,
            name: row.take()?,
            notes: row.take()?,
            project_count: 0,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn find(tx: &Tx, id: Id<ClientRecord>) -> Result<Option<Client>> {
        static FIND: LazyLock<String> =
            LazyLock::new(|| format!("select {COLUMNS} from client c where c.id = ?1 and c.workspace_id = ?2"));
        let mut found = optional(tx.conn(), &FIND, (id, tx.workspace_id()), Client::read)?;
        count_projects(tx, found.as_mut_slice())?;
        Ok(found)
    }

    fn by_id(tx: &Tx, id: Id<ClientRecord>) -> Result<Client> {
        Client::find(tx, id)?.ok_or_else(|| Error::internal("a record just written is gone"))
    }
}

/// Fills in how many projects each has.
fn count_projects(tx: &Tx, clients: &mut [Client]) -> Result<()> {
    static COUNTS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "select p.client_id, count(*) from json_each(:clients) j cross join project p on p.client_id = j.value
              where p.archived_at is null and {VISIBLE} group by p.client_id"
        )
    });
    if clients.is_empty() {
        return Ok(());
    }
    let ids = id::array(clients.iter().map(|client| client.id));
    let Sight { all: sees_all, me, projects } = tx.sight();
    let parameters = named_params! { ":clients": ids, ":all": sees_all, ":me": me, ":projects": projects };
    let counts = all(tx.conn(), &COUNTS, parameters, |row| Ok((row.take::<Id<ClientRecord>>()?, row.take()?)))?;
    for (id, count) in counts {
        for client in clients.iter_mut().filter(|client| client.id == id) {
            client.project_count = count;
        }
    }
    Ok(())
}

impl Referable for ClientRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from client where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "select id, name from client where workspace_id = ?1 and name = ?2 collate nocase";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// 409 when another client has the name.
fn must_be_free(tx: &Tx, name: &Line<200>, itself: Option<Id<ClientRecord>>) -> Result<()> {
    match ClientRecord::named(tx, name.as_str())?.pop().filter(|(id, _)| Some(*id) != itself) {
        None => Ok(()),
        Some((id, known)) => {
            Err(Error::conflict(format!("There is a client “{known}” already; use that one, or choose another name."))
                .or_rather(id, known))
        }
    }
}

/// List clients by name.
/// Companies of the CRM: `crm.organization.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListClients {
    /// Words in any text.
    pub search: Option<Line<200>>,
}

impl Operation for ListClients {
    type Output = Page<Client>;
    const SPEC: Spec = Spec {
        name: "client.list",
        title: "List clients",
        route: Route::get("/clients"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More {
            sorts: &[
                Sort::up("name", "c.name collate nocase"),
                Sort::down("updatedAt", "c.updated_at"),
                Sort::down("createdAt", "c.id"),
            ],
            brief: &["id", "name", "projectCount"],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Client>> {
        let words = self.search.map(|text| search::in_workspace(cx, &["client"], text.as_str()));
        let mut page = Select::new(COLUMNS, "client c", "c.id")
            .filter("c.workspace_id = ?", cx.workspace_id())
            .filter_some("c.id in (select rowid from search_index where search_index match ?)", words)
            .page(cx, &Self::SPEC, Client::read)?;
        count_projects(cx, &mut page.items)?;
        Ok(page)
    }
}

/// Read one client with its projects.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetClient {
    /// Name or id.
    pub client_id: Ref<ClientRecord>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientDetail {
    #[serde(flatten)]
    pub client: Client,
    /// The newest 100 that you see, archived ones too.
    pub projects: Vec<ProjectLine>,
}

impl Answer for ClientDetail {
    fn version(&self) -> Option<i64> {
        Some(self.client.version)
    }
}

impl Operation for GetClient {
    type Output = ClientDetail;
    const SPEC: Spec = Spec {
        name: "client.get",
        title: "Read a client",
        route: Route::get("/clients/{clientId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ClientDetail> {
        let client = self.client_id.find(cx, |id| Client::find(cx, id))?;
        let projects = projects::newest_for(cx, client.id)?;
        Ok(ClientDetail { client, projects })
    }
}

/// Add a client.
/// In the CRM: `crm.organization.create`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateClient {
    /// e.g. `Nordlicht GmbH`; unique.
    pub name: Line<200>,
    /// Free text.
    pub notes: Option<Prose<20_000>>,
}

impl Operation for CreateClient {
    type Output = Client;
    const SPEC: Spec = Spec {
        name: "client.create",
        title: "Add a client",
        route: Route::post("/clients"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Client> {
        must_be_free(cx, &self.name, None)?;
        let mut row = Change::of("client");
        row.set("workspace_id", cx.workspace_id())?.set("name", self.name)?.set("notes", self.notes)?;
        Client::by_id(cx, insert(cx, row)?)
    }
}

/// Change a client.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateClient {
    /// Name or id.
    #[schemars(required)]
    pub client_id: Ref<ClientRecord>,
    /// What people call it.
    pub name: Patch<Line<200>>,
    /// Free text.
    pub notes: Patch<Prose<20_000>>,
}

impl Operation for UpdateClient {
    type Output = Client;
    const SPEC: Spec = Spec {
        name: "client.update",
        title: "Change a client",
        route: Route::patch("/clients/{clientId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Client> {
        let id = self.client_id.resolve(cx)?;
        let name = self.name.never_cleared("name")?;
        if let Some(name) = &name {
            must_be_free(cx, name, Some(id))?;
        }
        let mut row = Change::existing(cx, "client", id)?;
        row.patch("name", &name.into())?.patch("notes", &self.notes)?;
        row.update(cx, id)?;
        Client::by_id(cx, id)
    }
}

/// Delete a client. Its projects stay and are nobody's.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteClient {
    /// Name or id.
    pub client_id: Ref<ClientRecord>,
}

impl Operation for DeleteClient {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "client.delete",
        title: "Delete a client",
        route: Route::delete("/clients/{clientId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        delete(cx, "client", self.client_id.resolve(cx)?)
    }
}
