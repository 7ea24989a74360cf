//! The audit: who signed in or failed to, made keys, changed roles, took data out; read from the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::audit::Audited;
use crate::core::caller::{AccessKey, Account, Agent, Role, Session, Workspace};
use crate::core::error::Result;
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, File, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::Named;
use crate::core::store::{ChangeSet, all};
use crate::core::text::Line;
use crate::core::time::{DayWord, Moment};
use crate::features::activity::{Action, FromTo};
use crate::features::invites::InviteRecord;
use crate::features::projects::members::ProjectMembership;
use crate::features::table;
use crate::features::timesheets::report::Format;
use crate::features::workspaces::Membership;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ListAudit>(), Entry::of::<ListWorkspaceAudit>()];

/// One thing that somebody did, or tried to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: Id<ChangeSet>,
    pub at: Moment,
    /// What kind of thing it was.
    pub event: Audited,
    /// e.g. `api_key.create`
    pub operation: String,
    /// Who did it; for a failed sign-in, who somebody tried to be. Null for the machine itself, and where there is none.
    pub account: Option<Named<Account>>,
    pub email: Option<String>,
    /// The agent that acted for them.
    pub agent: Option<Named<Agent>>,
    /// The key that it was done with; null: a session, or nothing.
    pub key: Option<Named<AccessKey>>,
    pub workspace: Option<Named<Workspace>>,
    /// From where.
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// What was made, changed or deleted; the first five.
    pub records: Vec<AuditRecord>,
    /// e.g. `role of Ben: MEMBER → OWNER`; empty where the event says it all.
    pub summary: String,
}

/// A record that changed by it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    pub action: Action,
    /// What it is called, while there is somebody to ask.
    pub name: Option<String>,
    /// Each field that changed; of what was made or deleted, the fields that say who may do what.
    pub changes: BTreeMap<String, FromTo>,
}

const COLUMNS: &str = "
    s.id, s.at, s.audit, s.operation, a.id, a.name, a.email, g.id, g.name, k.id, k.label, w.id, w.name, s.address,
    s.request_id";

/// Each by an index of its own: of a million rows of everyday work, the audit looks at none.
static OF_SERVER: LazyLock<String> = LazyLock::new(|| from("change_set_audited"));
static OF_WORKSPACE: LazyLock<String> = LazyLock::new(|| from("change_set_audited_in"));

fn from(index: &str) -> String {
    format!(
        "change_set s indexed by {index} left join account a on a.id = s.account_id left join agent g on g.id = s.agent_id
           left join access_key k on k.id = s.key_id left join workspace w on w.id = s.workspace_id"
    )
}

impl AuditEntry {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<AuditEntry> {
        let (id, at, event, operation, account) =
            (row.take()?, row.take()?, row.take()?, row.take()?, Named::read(row)?);
        Ok(AuditEntry {
            id,
            at,
            event,
            operation,
            account,
            email: row.take()?,
            agent: Named::read(row)?,
            key: Named::read(row)?,
            workspace: Named::read(row)?,
            address: row.take()?,
            request_id: row.take()?,
            records: Vec::new(),
            summary: String::new(),
        })
    }
}

/// Tables whose records have a name, what their ids begin with, and where the names of those in `?1` are.
const NAMED: &[(&str, &str, &str)] = &[
    ("account", Account::PREFIX, "select n.id, n.email from json_each(?1) j cross join account n on n.id = j.value"),
    (
        "workspace",
        Workspace::PREFIX,
        "select n.id, n.name from json_each(?1) j cross join workspace n on n.id = j.value",
    ),
    (
        "project",
        ProjectRecord::PREFIX,
        "select n.id, n.name from json_each(?1) j cross join project n on n.id = j.value",
    ),
    ("agent", Agent::PREFIX, "select n.id, n.name from json_each(?1) j cross join agent n on n.id = j.value"),
    (
        "access_key",
        AccessKey::PREFIX,
        "select n.id, n.label from json_each(?1) j cross join access_key n on n.id = j.value",
    ),
    (
        "workspace_membership",
        Membership::PREFIX,
        "select n.id, a.email from json_each(?1) j cross join workspace_membership n on n.id = j.value
           join account a on a.id = n.account_id",
    ),
    (
        "project_membership",
        ProjectMembership::PREFIX,
        "select n.id, a.email from json_each(?1) j cross join project_membership n on n.id = j.value
           join account a on a.id = n.account_id",
    ),
    ("invite", InviteRecord::PREFIX, "select n.id, n.email from json_each(?1) j cross join invite n on n.id = j.value"),
];

/// Fields that say who may do what, and until when; the rest of a new record is not for the audit.
const TELLING: &[&str] = &[
    "role",
    "platform_role",
    "scopes",
    "toolsets",
    "addresses",
    "expires_at",
    "revoked_at",
    "archived_at",
    "deleted_at",
    "email_proved_at",
    "enabled",
    "email",
    "name",
    "slug",
    "kind",
    "label",
];

/// A row of the journal that an entry is about.
struct Changed {
    entry: Id<ChangeSet>,
    kind: String,
    raw: i64,
    action: Action,
    fields: Map<String, Value>,
}

/// What records are called, by table and id.
type Names = HashMap<(String, i64), String>;

/// Adds to each entry the first records that changed by it, in the order in which they did; what a new workspace or project
/// begins with is no news. However many entries there are, it asks once for the changes and twice for the names of a table.
fn add_records(tx: &Tx, entries: &mut [AuditEntry]) -> Result<()> {
    const CHANGED: &str = "
        select c.change_set_id, c.record_type, c.record_id, c.action, c.fields
          from json_each(?1) j cross join change c
            on c.seq in (select seq from change
                          where change_set_id = j.value and record_type not in ('crm_stage', 'task_status')
                          order by seq limit 5)
         order by c.seq";
    let changed = all(tx.conn(), CHANGED, [id::array(entries.iter().map(|entry| entry.id))], |row| {
        let (entry, kind, raw) = (row.take()?, row.take()?, row.take()?);
        let action = Action::of_journal(&row.take::<String>()?);
        let fields = serde_json::from_str(&row.take::<String>()?).unwrap_or_default();
        Ok(Changed { entry, kind, raw, action, fields })
    })?;
    let names = names(tx, &changed)?;
    let mut records: HashMap<Id<ChangeSet>, Vec<AuditRecord>> = HashMap::new();
    for change in changed {
        records.entry(change.entry).or_default().push(record(change, &names));
    }
    for entry in entries {
        entry.records = records.remove(&entry.id).unwrap_or_default();
        entry.summary = summary(&entry.records);
    }
    Ok(())
}

fn names(tx: &Tx, changed: &[Changed]) -> Result<Names> {
    // What is gone by now was called something when it was made.
    const CALLED: &str = "
        select j.value, (
          select coalesce(c.fields ->> 'label', c.fields ->> 'email', c.fields ->> 'name', a.email)
            from change c left join account a on a.id = c.fields ->> 'account_id'
           where c.record_type = ?2 and c.record_id = j.value and c.action <> 'UPDATE' order by c.seq desc limit 1)
          from json_each(?1) j";
    let mut wanted: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for change in changed {
        wanted.entry(&change.kind).or_default().insert(change.raw);
    }
    let mut names = Names::new();
    let array = |ids: &BTreeSet<i64>| serde_json::to_string(ids).expect("numbers are JSON");
    let pair = |row: &mut Columns<'_>| Ok((row.take::<i64>()?, row.take::<Option<String>>()?));
    for (kind, mut ids) in wanted {
        let mut found = match NAMED.iter().find(|(table, ..)| *table == kind) {
            Some((.., find)) => all(tx.conn(), find, [array(&ids)], pair)?,
            None => Vec::new(),
        };
        for (id, _) in &found {
            ids.remove(id);
        }
        found.extend(all(tx.conn(), CALLED, (array(&ids), kind), pair)?);
        names.extend(found.into_iter().filter_map(|(id, name)| Some(((kind.to_owned(), id), name?))));
    }
    Ok(names)
}

fn record(change: Changed, names: &Names) -> AuditRecord {
    let Changed { kind, raw, action, fields, .. } = change;
    let changes = fields.into_iter().filter(|(field, _)| TELLING.contains(&field.as_str()));
    let changes = changes.map(|(field, value)| {
        let (from, to) = match (action, value) {
            (Action::Created, value) => (Value::Null, value),
            (Action::Deleted, value) => (value, Value::Null),
            (Action::Updated, Value::Array(pair)) => {
                let mut pair = pair.into_iter();
                (pair.next().unwrap_or_default(), pair.next().unwrap_or_default())
            }
            (Action::Updated, other) => (Value::Null, other),
        };
        (camel(&field), FromTo { from: at(&field, from), to: at(&field, to) })
    });
    let prefix = match NAMED.iter().find(|(table, ..)| *table == kind) {
        Some((_, prefix, _)) => Some(*prefix),
        None => (kind == "session").then_some(Session::PREFIX),
    };
    AuditRecord {
        id: prefix.map_or_else(|| raw.to_string(), |prefix| id::typed(prefix, raw)),
        action,
        name: names.get(&(kind.clone(), raw)).cloned(),
        changes: changes.collect(),
        kind,
    }
}

/// Moments as everywhere else.
fn at(field: &str, value: Value) -> Value {
    match value.as_i64().filter(|_| field.ends_with("_at")) {
        Some(ms) => Value::from(Moment::from_ms(ms).to_string()),
        None => value,
    }
}

fn camel(field: &str) -> String {
    let mut parts = field.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

/// In one line what the records say.
fn summary(records: &[AuditRecord]) -> String {
    let text = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let told = records.iter().map(|record| {
        let name = record.name.clone().unwrap_or_else(|| record.id.clone());
        let changed = record.changes.iter().filter(|_| record.action == Action::Updated);
        // What happened at a moment is told by the word; the moment is the entry's own.
        let changed: Vec<String> = changed
            .map(|(field, change)| match (field.strip_suffix("At").filter(|word| *word != "expires"), &change.to) {
                (Some(word), Value::Null) => format!("no longer {word}"),
                (Some(word), _) => word.to_owned(),
                (None, _) => format!("{field} {} → {}", text(&change.from), text(&change.to)),
            })
            .collect();
        let is_membership = record.action == Action::Created && record.kind.ends_with("_membership");
        let role = record.changes.get("role").filter(|_| is_membership);
        match (changed.is_empty(), role) {
            (false, _) => format!("{name}: {}", changed.join(", ")),
            (true, Some(role)) => format!("{name} as {}", text(&role.to)),
            (true, None) => name,
        }
    });
    let mut told: Vec<String> = told.collect();
    told.dedup();
    told.join("; ")
}

const SORTS: &[Sort] = &[Sort::down("at", "s.id")];

/// Entries of a table whose records are read together: all of them would be a second copy of the audit in memory.
const AT_ONCE: usize = 1_000;

/// What of the audit is wanted.
struct Wanted {
    event: Option<Audited>,
    who: Option<Line<320>>,
    from: Option<DayWord>,
    to: Option<DayWord>,
    record: Option<Line<40>>,
    format: Option<Format>,
}

/// The audit, page by page, or as a table of all of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    #[serde(flatten)]
    pub page: Page<AuditEntry>,
    /// Asked for as a table, it is this file.
    #[serde(skip)]
    pub table: Option<File>,
}

impl Answer for Audit {
    fn take_file(&mut self) -> Option<File> {
        self.table.take()
    }
}

impl Wanted {
    /// No filter tells whether there is such an account or record: what fits nothing lists nothing.
    fn choose(self, tx: &Tx, spec: &Spec, select: Select) -> Result<Audit> {
        let zone = tx.time_zone();
        let who = self.who.as_ref().map(|who| who.as_str().trim().to_lowercase());
        let who = who.map(|text| if text == "me" { tx.account_id().map_or(text, |id| id.to_string()) } else { text });
        let account = who.as_deref().map(|text| Id::<Account>::parse(text).map_or(0, Id::raw));
        let agent = who.as_deref().map(|text| Id::<Agent>::parse(text).map_or(0, Id::raw));
        let record = self.record.as_ref().map(|text| id::any(text.as_str().trim()).unwrap_or(0));
        let mut select = select.condition("s.audit is not null").filter_some("s.audit = ?", self.event);
        if let Some(who) = who {
            select = select
                .parameter(account)
                .parameter(agent)
                .parameter(who.clone())
                .filter("(s.account_id = ? or s.agent_id = ? or a.email = ? or g.name = ? collate nocase)", who);
        }
        let select = select
            .filter_some("s.at > ?", self.from.map(|word| word.day(tx.today()).plus_days(-1).end(&zone)))
            .filter_some("s.at <= ?", self.to.map(|word| word.day(tx.today()).end(&zone)))
            .filter_some("exists (select 1 from change c where c.change_set_id = s.id and c.record_id = ?)", record);
        if self.format == Some(Format::Csv) {
            let newest = format!("order by s.id desc limit {}", table::MOST_ROWS);
            let mut entries = select.all(tx, &newest, AuditEntry::read)?;
            entries.chunks_mut(AT_ONCE).try_for_each(|entries| add_records(tx, entries))?;
            let page = Page { items: Vec::new(), next_cursor: None, total: None };
            return Ok(Audit { page, table: Some(as_table(tx, entries)?) });
        }
        let mut page = select.page(tx, spec, AuditEntry::read)?;
        add_records(tx, &mut page.items)?;
        Ok(Audit { page, table: None })
    }
}

fn as_table(tx: &Tx, entries: Vec<AuditEntry>) -> Result<File> {
    let header = [
        "At",
        "Event",
        "Operation",
        "Person",
        "E-mail",
        "Agent",
        "Key",
        "Workspace",
        "Address",
        "What",
        "Request",
        "Id",
    ];
    let rows = entries.into_iter().map(|entry| {
        [
            entry.at.to_string(),
            entry.event.word().to_owned(),
            entry.operation,
            entry.account.map(|account| account.name).unwrap_or_default(),
            entry.email.unwrap_or_default(),
            entry.agent.map(|agent| agent.name).unwrap_or_default(),
            entry.key.map(|key| key.name).unwrap_or_default(),
            entry.workspace.map(|workspace| workspace.name).unwrap_or_default(),
            entry.address.unwrap_or_default(),
            entry.summary,
            entry.request_id.unwrap_or_default(),
            entry.id.to_string(),
        ]
    });
    table::csv(format!("audit-{}.csv", tx.today()), header, rows)
}

/// List what happened on this server that administrators have to know: sign-ins and failed ones, keys, roles, exports.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListAudit {
    /// Only of this kind.
    pub event: Option<Audited>,
    /// Only what this account or agent did: e-mail, name or id, or `me`.
    pub who: Option<Line<320>>,
    /// Only of this workspace: its id.
    pub in_workspace: Option<Line<120>>,
    /// First day, e.g. `-7d`.
    pub from: Option<DayWord>,
    /// Last day.
    pub to: Option<DayWord>,
    /// Only what changed the record of this id.
    pub record: Option<Line<40>>,
    /// CSV: all that fits, the newest 100,000 of it.
    pub format: Option<Format>,
}

impl Operation for ListAudit {
    type Output = Audit;
    const SPEC: Spec = Spec {
        name: "audit.list",
        title: "List the audit of the server",
        route: Route::get("/audit"),
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: SORTS, file: Some(table::CSV), ..More::NO_TOOL },
    };
    fn is_slow(&self) -> bool {
        self.format == Some(Format::Csv)
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Audit> {
        let workspace = self.in_workspace.as_ref().map(|text| Id::<Workspace>::parse(text.as_str().trim()));
        let workspace = workspace.map(|id| id.map_or(0, Id::raw));
        // A filter walks through the audit alone, which its index has; everyday work is not looked at.
        let select = Select::new(COLUMNS, &OF_SERVER, "s.id").of_few().filter_some("s.workspace_id = ?", workspace);
        let ListAudit { event, who, from, to, record, format, .. } = self;
        Wanted { event, who, from, to, record, format }.choose(cx, &Self::SPEC, select)
    }
}

/// List what happened in a workspace that its owners have to know: members, roles, keys, agents, exports.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListWorkspaceAudit {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// Only of this kind.
    pub event: Option<Audited>,
    /// Only what this account or agent did: e-mail, name or id, or `me`.
    pub who: Option<Line<320>>,
    /// First day, e.g. `-7d`.
    pub from: Option<DayWord>,
    /// Last day.
    pub to: Option<DayWord>,
    /// Only what changed the record of this id.
    pub record: Option<Line<40>>,
    /// CSV: all that fits, the newest 100,000 of it.
    pub format: Option<Format>,
}

impl Operation for ListWorkspaceAudit {
    type Output = Audit;
    const SPEC: Spec = Spec {
        name: "workspace.audit.list",
        title: "List the audit of a workspace",
        route: Route::get("/workspaces/{workspaceId}/audit"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More { sorts: SORTS, file: Some(table::CSV), ..More::NO_TOOL },
    };
    fn is_slow(&self) -> bool {
        self.format == Some(Format::Csv)
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Audit> {
        cx.caller().identity.must_be_whole()?;
        let select = Select::new(COLUMNS, &OF_WORKSPACE, "s.id").filter("s.workspace_id = ?", cx.workspace_id());
        let ListWorkspaceAudit { event, who, from, to, record, format, .. } = self;
        Wanted { event, who, from, to, record, format }.choose(cx, &Self::SPEC, select)
    }
}
