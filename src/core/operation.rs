//! The door. An operation is written once: what it needs, what it does. REST, MCP, pages, the OpenAPI
//! document and the permission tests are projections of [`Spec`] and [`Entry`].

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::tz::TimeZone;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::app::{App, Call};
use super::audit::Audited;
use super::caller::{self, Account, Agent, Caller, Person, Role, Selected, Workspace};
use super::config::Config;
use super::error::{Error, Kind, Result};
use super::id::Id;
use super::input::{self, Shape};
use super::page::Paging;
use super::store::{self, Acting, act, acted};
use super::time::{Day, Moment};

/// Everything that Sally can do is one of these: the struct is the input, its doc comments are the user's documentation.
pub trait Operation: DeserializeOwned + JsonSchema + Send + 'static {
    type Output: Answer;
    const SPEC: Spec;

    /// For writes: slow work that must not hold up the writer, such as hashing a password. Runs before the transaction.
    const PREPARES: bool = false;
    fn prepare(&mut self, _: &Before<'_>) -> Result<()> {
        Ok(())
    }

    /// Reads whose cost grows with the data run on their own threads with a deadline: searches, and every list that
    /// counts all it has, which the door sees by itself.
    fn is_slow(&self) -> bool {
        false
    }

    /// Rules and SQL, top to bottom, inside the transaction and behind the permission.
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Self::Output>;
}

/// What is known before the transaction of a write begins.
pub struct Before<'a> {
    pub app: &'a App,
    pub call: &'a Call,
    pub caller: &'a Caller,
}

impl Before<'_> {
    /// Writes down that somebody tried and was refused: the account they tried to be, if there is one. What was typed is
    /// not kept; it may be a password in the wrong field.
    pub fn failed(&self, operation: &'static str, account: Option<Id<Account>>) -> Result<()> {
        let (address, request_id) = (self.call.address, self.call.request_id.clone());
        self.app.store().write_and_wait(move |conn| {
            let failed = Acting {
                account,
                request_id: Some(&request_id),
                audit: Some(Audited::SignInFailed),
                address,
                ..Acting::alone(Moment::now(), operation)
            };
            act(conn, &failed)?;
            acted(conn)
        })
    }
}

/// What an operation answers with.
pub trait Answer: Serialize + JsonSchema + Send + 'static {
    /// A success without content (204).
    const EMPTY: bool = false;
    /// Shows a secret once, so the answer is never kept for a repeated request.
    const SECRET: bool = false;
    /// The record's version, for `ETag`.
    fn version(&self) -> Option<i64> {
        None
    }
    /// The path of what was made, below `/api`, for `Location`.
    fn location(&self) -> Option<String> {
        None
    }
    /// The answer as a file, where the caller asked for one; else it becomes JSON.
    fn take_file(&mut self) -> Option<File> {
        None
    }
}

/// An answer that is no JSON: to be saved, not to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// `time-2027-03-01.csv`
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl Answer for () {
    const EMPTY: bool = true;
}

/// What is known of an operation without running it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// `crm.deal.create`: the tool's name and the operation's id.
    pub name: &'static str,
    /// `Open a deal`: for people.
    pub title: &'static str,
    /// Where it stands below `/api`; `None` for what only pages use.
    pub route: Option<Route>,
    pub needs: Needs,
    pub effect: Effect,
    /// The area that scopes speak of.
    pub toolset: Toolset,
    pub more: More,
}

/// The rarer facts, so that most specs are six lines.
#[derive(Debug, Clone, Copy)]
pub struct More {
    /// Listed and callable over MCP.
    pub mcp: bool,
    /// Other names under which `tools/call` accepts it.
    pub aliases: &'static [&'static str],
    /// Other words for fields, as guides that people follow write them: theirs and ours.
    pub synonyms: &'static [(&'static str, &'static str)],
    /// Other fields can name what the path names, so a tool does not require the path's.
    pub path_is_optional: bool,
    /// The role will do that somebody has in a project of the workspace: for what they began there.
    pub or_in_a_project: bool,
    /// Of those that are asked for later: what kind of thing it is. The door writes it down with the address.
    pub audit: Option<Audited>,
    /// Takes a file as `base64`, `fileName` and `mimeType`: over REST also as a form with a file, and larger than other bodies.
    pub takes_file: bool,
    /// Runs in a session that still lacks the second factor which the server demands: what one needs to set it up.
    pub before_second_factor: bool,
    /// For lists: what they can be sorted by; the first is the default.
    pub sorts: &'static [super::page::Sort],
    /// For lists over MCP: the argument that leaves out what is done with, unless it is given.
    pub open: Option<(&'static str, &'static str)>,
    /// For lists over MCP: the fields that matter unless more are asked for.
    pub brief: &'static [&'static str],
    /// The media type of the file that it can answer with instead of JSON.
    pub file: Option<&'static str>,
    /// For what is public: it is told who asks, where somebody does.
    pub sees_caller: bool,
}

impl More {
    pub const NONE: More = More {
        mcp: true,
        aliases: &[],
        synonyms: &[],
        path_is_optional: false,
        or_in_a_project: false,
        audit: None,
        takes_file: false,
        before_second_factor: false,
        sorts: &[],
        open: None,
        brief: &[],
        file: None,
        sees_caller: false,
    };
    /// REST and pages only.
    pub const NO_TOOL: More = More { mcp: false, ..More::NONE };
}

/// The least right to run an operation. There is no default: whoever writes one has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody, signed in or not.
    Public,
    /// Any account that is signed in.
    Account,
    /// A role in the selected workspace.
    Workspace(Role),
    /// A role in the project that the input names or that what it names belongs to; see [`super::place`].
    Project(Role),
    /// An administrator of the server.
    Platform,
    /// The administrator who may change platform roles.
    Superadmin,
}

impl Needs {
    /// The least role in the selected workspace; `None` where no workspace is meant.
    pub const fn workspace_role(self) -> Option<Role> {
        match self {
            Needs::Workspace(least) => Some(least),
            // Who is only looking on in the workspace may have been given more in a project.
            Needs::Project(_) => Some(Role::Viewer),
            Needs::Public | Needs::Account | Needs::Platform | Needs::Superadmin => None,
        }
    }
}

/// What an operation does to the data: picks the connection, the status code, the tool's hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Read,
    Write,
    /// Deletes, or cannot be taken back.
    Destructive,
}

impl Effect {
    pub const fn word(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Destructive => "destructive",
        }
    }
}

/// The areas of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolset {
    Core,
    Account,
    Workspace,
    Projects,
    Tasks,
    Time,
    Crm,
    Agents,
}

impl Toolset {
    pub const ALL: &[Toolset] = &[
        Toolset::Core,
        Toolset::Account,
        Toolset::Workspace,
        Toolset::Projects,
        Toolset::Tasks,
        Toolset::Time,
        Toolset::Crm,
        Toolset::Agents,
    ];

    /// The area of that word.
    pub fn named(word: &str) -> Option<Toolset> {
        Toolset::ALL.iter().copied().find(|toolset| toolset.word() == word)
    }

    pub const fn word(self) -> &'static str {
        match self {
            Toolset::Core => "core",
            Toolset::Account => "account",
            Toolset::Workspace => "workspace",
            Toolset::Projects => "projects",
            Toolset::Tasks => "tasks",
            Toolset::Time => "time",
            Toolset::Crm => "crm",
            Toolset::Agents => "agents",
        }
    }
}

/// Method and path below `/api`; names in braces are fields of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

impl Method {
    pub const fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

impl Route {
    pub const fn get(path: &'static str) -> Option<Self> {
        Some(Route { method: Method::Get, path })
    }
    pub const fn post(path: &'static str) -> Option<Self> {
        Some(Route { method: Method::Post, path })
    }
    pub const fn patch(path: &'static str) -> Option<Self> {
        Some(Route { method: Method::Patch, path })
    }
    pub const fn put(path: &'static str) -> Option<Self> {
        Some(Route { method: Method::Put, path })
    }
    pub const fn delete(path: &'static str) -> Option<Self> {
        Some(Route { method: Method::Delete, path })
    }

    /// The names in braces, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

impl Spec {
    /// Is it nobody who asks, whatever they show?
    pub fn is_for_nobody(&self) -> bool {
        self.needs == Needs::Public && !self.more.sees_caller
    }

    /// Does the path itself say which workspace is meant?
    pub fn is_selected_by_path(&self) -> bool {
        self.needs.workspace_role().is_some()
            && self.route.is_some_and(|route| route.parameters().any(|name| name == "workspaceId"))
    }

    /// Makes a record, so that success is 201.
    pub fn creates(&self) -> bool {
        let verb = self.name.rsplit('.').next().unwrap_or_default();
        matches!(verb, "create" | "add" | "create_project" | "create_task" | "image_upload" | "invite")
    }

    pub fn is_list(&self) -> bool {
        !self.more.sorts.is_empty()
    }

    /// Changes one existing record, so that a version can be demanded.
    pub fn takes_version(&self) -> bool {
        self.effect != Effect::Read
            && self.route.is_some_and(|route| matches!(route.method, Method::Patch | Method::Delete))
    }
}

/// The transaction of one operation: its connection, its caller, its clock.
pub struct Tx<'a> {
    conn: &'a Connection,
    caller: &'a Caller,
    config: &'a Config,
    now: Moment,
    call: &'a Call,
    version_checked: Cell<bool>,
    project_checked: Cell<bool>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        conn: &'a Connection,
        caller: &'a Caller,
        config: &'a Config,
        now: Moment,
        call: &'a Call,
    ) -> Self {
        Tx { conn, caller, config, now, call, version_checked: Cell::new(false), project_checked: Cell::new(false) }
    }

    pub fn conn(&self) -> &'a Connection {
        self.conn
    }

    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    pub fn config(&self) -> &'a Config {
        self.config
    }

    pub fn now(&self) -> Moment {
        self.now
    }

    pub fn paging(&self) -> &'a Paging {
        &self.call.paging
    }

    /// The request around the operation: where it came from, under which conditions.
    pub fn call(&self) -> &'a Call {
        self.call
    }

    /// The selected workspace. Only for operations that need one.
    pub fn workspace(&self) -> &'a Selected {
        self.caller.workspace.as_ref().expect("an operation that needs a workspace role has a workspace")
    }

    pub fn workspace_id(&self) -> Id<Workspace> {
        self.workspace().id
    }

    /// The person who asks; the console of the machine is nobody in particular.
    pub fn person(&self) -> Option<&'a Person> {
        self.caller.identity.account.as_ref()
    }

    pub fn account_id(&self) -> Option<Id<Account>> {
        self.person().map(|person| person.id)
    }

    /// Whose act this is, where only the operation finds it out: for the journal.
    pub fn act_for(&self, account: Id<Account>) -> Result<()> {
        store::act_for(self.conn, Some(account), None)
    }

    /// It is for the audit after all: for what is not always worth an entry.
    pub fn audited(&self, audit: Audited) -> Result<()> {
        store::audited(self.conn, audit, self.call.address)
    }

    /// The workspace that it is about, where none is selected.
    pub fn act_in(&self, workspace: Option<Id<Workspace>>) -> Result<()> {
        store::act_for(self.conn, None, workspace)
    }

    /// The agent that writes for the person, through a key bound to it.
    pub fn agent_id(&self) -> Option<Id<Agent>> {
        self.caller.identity.agent().map(|agent| agent.id)
    }

    /// For operations on one's own things.
    pub fn signed_in(&self) -> Result<&'a Person> {
        self.person().ok_or_else(|| Error::new(Kind::Unauthorized, "This is for a signed-in account."))
    }

    pub fn time_zone(&self) -> TimeZone {
        self.person().map_or(TimeZone::UTC, |person| person.time_zone.clone())
    }

    /// The day it is where the caller lives.
    pub fn today(&self) -> Day {
        self.now.day(&self.time_zone())
    }

    /// 412 unless the caller saw the version that is stored. A deletion or change calls it once.
    pub fn check_version(&self, current: i64) -> Result<()> {
        self.version_checked.set(true);
        match self.call.if_version {
            Some(expected) if expected != current => Err(Error::stale(expected, current)),
            _ => Ok(()),
        }
    }

    /// Notes that the caller's role in a project was looked at: [`super::place`] does.
    pub(super) fn project_was_checked(&self) {
        self.project_checked.set(true);
    }

    /// A demanded version that nothing compared would be a promise not kept.
    fn version_was_honoured(&self) -> Result<()> {
        if self.call.if_version.is_some() && !self.version_checked.get() {
            return Err(Error::malformed("If-Match (or ifVersion) is not understood here."));
        }
        Ok(())
    }
}

/// The receipt that an operation runs behind its own permission. Only the door makes one, so nobody can call
/// another operation's `execute` around its check; the way to run one inside another is [`Cx::run`].
pub struct Cx<'a, O> {
    tx: &'a Tx<'a>,
    of: PhantomData<fn() -> O>,
}

impl<'a, O> Deref for Cx<'a, O> {
    type Target = Tx<'a>;
    fn deref(&self) -> &Tx<'a> {
        self.tx
    }
}

impl<O: Operation> Cx<'_, O> {
    /// 403 unless the caller, by this key, might run another operation too: for a field that does what it does.
    pub fn must_permit<P: Operation>(&self) -> Result<()> {
        caller::key_permits(&self.caller().identity, &P::SPEC)?;
        caller::permits(self.caller(), &P::SPEC)
    }

    /// Another operation in the same transaction and workspace, behind its own permission.
    pub fn run<P: Operation>(&self, input: P) -> Result<P::Output> {
        caller::permits(self.caller(), &P::SPEC)?;
        P::execute(input, &Cx { tx: self.tx, of: PhantomData })
    }
}

/// A parsed input on its way through the door.
pub(crate) trait Step: Send {
    fn prepares(&self) -> bool;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()>;
    fn is_slow(&self) -> bool;
    fn execute(self: Box<Self>, tx: &Tx<'_>) -> Result<Outcome>;
}

/// What comes out of a step, its type left out, so that the door is compiled once and not once for each operation.
pub(crate) type Outcome = Box<dyn Any + Send>;

/// An operation whose output stays a struct: for pages and tests.
pub(crate) struct Typed<O>(pub(crate) O);
/// An operation whose output becomes JSON: for REST and MCP.
struct AsJson<O>(O);

fn enter<O: Operation>(input: O, tx: &Tx<'_>) -> Result<O::Output> {
    let output = input.execute(&Cx { tx, of: PhantomData })?;
    if matches!(O::SPEC.needs, Needs::Project(_)) && !tx.project_checked.get() {
        return Err(Error::internal(format!("{} never asked for the caller's role in a project", O::SPEC.name)));
    }
    tx.version_was_honoured()?;
    Ok(output)
}

impl<O: Operation> Step for Typed<O> {
    fn prepares(&self) -> bool {
        O::PREPARES
    }
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        self.0.prepare(before)
    }
    fn is_slow(&self) -> bool {
        self.0.is_slow()
    }
    fn execute(self: Box<Self>, tx: &Tx<'_>) -> Result<Outcome> {
        Ok(Box::new(enter(self.0, tx)?))
    }
}

impl<O: Operation> Step for AsJson<O> {
    fn prepares(&self) -> bool {
        O::PREPARES
    }
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        self.0.prepare(before)
    }
    fn is_slow(&self) -> bool {
        self.0.is_slow()
    }
    fn execute(self: Box<Self>, tx: &Tx<'_>) -> Result<Outcome> {
        let mut output = enter(self.0, tx)?;
        if let Some(File { name, media_type, bytes }) = output.take_file() {
            return Ok(Box::new(Reply { body: bytes, file: Some((name, media_type)), ..Reply::default() }));
        }
        Ok(Box::new(Reply {
            body: if O::Output::EMPTY { Vec::new() } else { serde_json::to_vec(&output).map_err(Error::internal)? },
            version: output.version(),
            location: output.location(),
            secret: O::Output::SECRET,
            file: None,
        }))
    }
}

/// An output as JSON, with what the HTTP surface says beside it.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Empty for a success without content.
    pub body: Vec<u8>,
    pub version: Option<i64>,
    pub location: Option<String>,
    /// The body is a file of this name and media type, no JSON.
    pub file: Option<(String, &'static str)>,
    pub(crate) secret: bool,
}

/// Reads an operation's input, ready to be executed; a [`Reply`] comes out.
type Parse = fn(Map<String, Value>, &Shape) -> Result<Box<dyn Step>>;

/// One line of the list of operations: the spec, and plain functions for what needs the type.
#[derive(Clone, Copy)]
pub struct Entry {
    pub spec: Spec,
    pub(super) input_schema: fn() -> Value,
    output_schema: fn() -> Option<Value>,
    pub(super) parse: Parse,
    /// Which type this is the entry of, so that a typed call finds its shape.
    pub(crate) type_of: fn() -> TypeId,
}

impl Entry {
    pub const fn of<O: Operation>() -> Self {
        Entry {
            spec: O::SPEC,
            input_schema: input::schema_of::<O>,
            output_schema: || (!O::Output::EMPTY).then(input::schema_of::<O::Output>),
            parse: |map, shape| Ok(Box::new(AsJson(input::read::<O>(map, shape)?))),
            type_of: TypeId::of::<O>,
        }
    }

    /// What comes out, as JSON Schema; `None` for a success without content. Made anew on each call.
    pub fn output_schema(&self) -> Option<Value> {
        (self.output_schema)()
    }
}
