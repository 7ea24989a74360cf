//! Records as resources: which there are, and what each one says. They are read by running operations, so rights,
//! visibility and limits are the same as everywhere.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::core::app::{App, Call};
use crate::core::caller::{Identity, Membership, Selector, Workspace};
use crate::core::error::{Error, Kind as ErrorKind, Result, quoted};
use crate::core::id::Id;
use crate::core::operation::{Operation, Toolset};
use crate::core::page::{Page, Paging};
use crate::core::reference::Ref;
use crate::core::time::Moment;
use crate::features::clients::GetClient;
use crate::features::crm::deals::GetDeal;
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::GetPerson;
use crate::features::projects::detail::GetProject;
use crate::features::projects::{ListProjects, ListedProject};
use crate::features::tasks::get::GetTask;
use crate::features::tasks::list::MyTasks;
use crate::features::tasks::task::Task;
use crate::features::workspaces::{ListWorkspaces, WorkspaceView};
use crate::markdown::{crm, work};

use super::address::{Address, Form, Kind};
use super::guides::Input;
use super::protocol::{Failure, INVALID_PARAMS, Peer, REFUSED, RpcError};

/// Resources of one page of the list.
const PAGE: usize = 50;
/// Tasks of `me/tasks`, projects of a workspace, workspaces that are looked through for one.
const MOST: usize = 200;

const NOT_FOUND: i32 = -32_002;

/// Records of one kind in the list of resources.
struct Section {
    kind: Kind,
    operation: &'static str,
    input: Input,
}

/// What is listed of a workspace, in this order, after the workspace itself and one's tasks as a whole.
const SECTIONS: &[Section] = &[
    Section { kind: Kind::Task, operation: "task.mine", input: &[] },
    Section { kind: Kind::Project, operation: "project.list", input: &[] },
    Section { kind: Kind::Client, operation: "client.list", input: &[] },
    Section { kind: Kind::Deal, operation: "crm.deal.list", input: &[("status", "OPEN")] },
    Section { kind: Kind::Organization, operation: "crm.organization.list", input: &[] },
    Section { kind: Kind::Person, operation: "crm.person.list", input: &[] },
];

/// Where a peer reads resources.
pub struct Shelf<'a> {
    app: &'a Arc<App>,
    peer: &'a Peer,
    call: Call,
    identity: Arc<Identity>,
}

/// A resource as the list names it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    uri: String,
    name: String,
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    mime_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Value>,
}

/// Where in the list the next page begins: a workspace by its slug, a section there, a cursor of the section's own list.
#[derive(Serialize, Deserialize)]
struct Bookmark(String, usize, Option<String>);

impl Bookmark {
    fn write(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("plain data"))
    }

    fn read(text: &str) -> Option<Bookmark> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

impl<'a> Shelf<'a> {
    /// Refused for a key that may read no resources.
    pub fn of(app: &'a Arc<App>, peer: &'a Peer) -> Result<Self, Failure> {
        let call = Call { reads_resources: true, ..peer.call.clone() };
        match app.identity(&call) {
            Ok(identity) => Ok(Shelf { app, peer, call, identity }),
            Err(error) => Err(refused(error)),
        }
    }

    /// Is there anything of the kind for this key and connection?
    pub fn offers(&self, kind: Kind) -> bool {
        let spec = &self.app.operation(kind.operation()).expect("kinds name operations that there are").entry.spec;
        let is_on = spec.toolset != Toolset::Crm || self.app.config().crm;
        is_on && self.peer.wishes.allow(spec) && self.identity.allows(spec)
    }

    /// The result of `resources/templates/list`.
    pub fn templates(&self) -> Value {
        let describe = |kind: Kind| match kind {
            Kind::Workspace => ("Workspace", "A workspace and its projects."),
            Kind::MyTasks => ("My tasks", "Your open tasks in a workspace, by when they are due."),
            Kind::Project => {
                ("Project", "A project: counts, statuses, members, newest tasks, time. The key is e.g. WEB.")
            }
            Kind::Task => ("Task", "A task with its todos, dependencies, comments and time. The key is e.g. WEB-12."),
            Kind::Client => ("Client", "A client and its projects, by id or name."),
            Kind::Organization => {
                ("Organization", "An organization with people, deals, work and history, by id or name.")
            }
            Kind::Person => ("Person", "A contact with deals and history, by id, name or e-mail."),
            Kind::Deal => ("Deal", "A deal with follow-ups and history, by id or title."),
        };
        let offered = Kind::ALL.iter().copied().filter(|kind| self.offers(*kind));
        let templates: Vec<Value> = offered
            .map(|kind| {
                let (title, description) = describe(kind);
                let name = title.to_lowercase().replace(' ', "-");
                let description = format!("{description} Markdown; with .json behind the address, JSON.");
                json!({
                    "uriTemplate": kind.template(), "name": name, "title": title, "description": description,
                    "mimeType": Form::Markdown.media_type(),
                })
            })
            .collect();
        json!({ "resourceTemplates": templates })
    }

    /// The result of `resources/list`.
    pub async fn list(&self, cursor: Option<&Value>) -> Result<Value, Failure> {
        let wrong = || RpcError::invalid_params("cursor: not one of resources/list; leave it out to begin anew");
        let chosen: Vec<&Membership> = self.identity.workspaces().filter(|known| self.means(known)).collect();
        let (mut at, mut section, mut inner) = match cursor {
            None | Some(Value::Null) => (0, 0, None),
            Some(cursor) => {
                let bookmark = cursor.as_str().and_then(Bookmark::read).ok_or_else(wrong)?;
                let at = chosen.iter().position(|membership| membership.slug == bookmark.0).ok_or_else(wrong)?;
                (at, bookmark.1, bookmark.2)
            }
        };
        let mut entries = Vec::new();
        while let Some(membership) = chosen.get(at) {
            let slug = &membership.slug;
            // A workspace begins with two.
            if entries.len() + if section == 0 { 2 } else { 1 } > PAGE {
                let next = Bookmark(slug.clone(), section, inner).write();
                return Ok(json!({ "resources": entries, "nextCursor": next }));
            }
            if section == 0 {
                entries.extend(self.fixed(membership));
                section = 1;
                continue;
            }
            let Some(records) = SECTIONS.get(section - 1) else {
                (at, section) = (at + 1, 0);
                continue;
            };
            inner = match self.offers(records.kind) {
                true => self.records(slug, records, inner.take(), &mut entries).await?,
                false => None,
            };
            if inner.is_none() {
                section += 1;
            }
        }
        Ok(json!({ "resources": entries }))
    }

    /// What a workspace has without looking.
    fn fixed(&self, membership: &Membership) -> Vec<Entry> {
        let entry = |kind: Kind, name: &str, title: String, description: &str| Entry {
            uri: kind.address(&membership.slug, ""),
            name: name.to_owned(),
            title,
            description: description.to_owned(),
            mime_type: Form::Markdown.media_type(),
            annotations: None,
        };
        let (slug, name) = (&membership.slug, &membership.name);
        let mut entries = Vec::new();
        if self.offers(Kind::Workspace) {
            entries.push(entry(Kind::Workspace, slug, name.clone(), "The workspace and its projects"));
        }
        if self.offers(Kind::MyTasks) {
            let title = format!("My tasks in {name}");
            entries.push(entry(Kind::MyTasks, "my-tasks", title, "Your open tasks, by when they are due"));
        }
        entries
    }

    /// Adds some of a section to a page; answers where it goes on.
    async fn records(
        &self,
        slug: &str,
        section: &Section,
        cursor: Option<String>,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<String>, Failure> {
        let input = section.input.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let mut input: Map<String, Value> = input.collect();
        input.insert("limit".into(), (PAGE - entries.len()).into());
        if let Some(cursor) = cursor {
            input.insert("cursor".into(), cursor.into());
        }
        let call = Call { selector: Some(Selector::Slug(slug.to_owned())), ..self.call.clone() };
        let listed = self.app.operation(section.operation).expect("sections name operations that there are");
        let reply = match self.app.answer(listed, call, input).await {
            Ok(reply) => reply,
            // Not for this role.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut page: Value = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
        for item in page["items"].as_array().into_iter().flatten() {
            entries.push(listed_item(slug, section.kind, item));
        }
        Ok(page["nextCursor"].take().as_str().map(str::to_owned))
    }

    /// Does the connection mean this workspace, or does it not say?
    fn means(&self, membership: &Membership) -> bool {
        match &self.call.selector {
            None => true,
            Some(Selector::Id(text) | Selector::Slug(text) | Selector::Path(text)) => {
                text.eq_ignore_ascii_case(&membership.slug) || *text == membership.workspace.to_string()
            }
        }
    }

    /// The result of `resources/read`.
    pub async fn read(&self, uri: &str) -> Result<Value, Failure> {
        let address = self.find(uri)?;
        match self.text(&address).await {
            Ok(text) => {
                Ok(json!({ "contents": [{ "uri": uri, "mimeType": address.form.media_type(), "text": text }] }))
            }
            Err(error) => Err(self.unread(uri, error)),
        }
    }

    /// What an address names, as far as it alone tells.
    pub fn find(&self, uri: &str) -> Result<Address, Failure> {
        let address = Address::parse(uri).ok_or_else(|| {
            let why = format!(
                "{} is not the address of a resource such as sally://workspaces/acme/tasks/WEB-12",
                quoted(uri)
            );
            let status = if self.peer.terms.is_stateless() { 400 } else { 200 };
            RpcError { data: Some(json!({ "uri": uri })), ..RpcError::with_status(status, INVALID_PARAMS, why) }
        })?;
        if self.offers(address.kind) { Ok(address) } else { Err(self.missing(uri)) }
    }

    pub async fn text(&self, address: &Address) -> Result<String> {
        text(self.app, &self.identity, self.call.clone(), address).await
    }

    /// The workspace that an address is in, as far as it is one of the caller's own.
    pub fn workspace_of(&self, address: &Address) -> Option<Id<Workspace>> {
        let mut own = self.identity.memberships.iter();
        match &address.workspace {
            Some(text) => {
                own.find(|known| text.eq_ignore_ascii_case(&known.slug) || Id::parse(text) == Some(known.workspace))
            }
            None => own.find(|known| self.means(known)).filter(|_| self.identity.workspaces().nth(1).is_none()),
        }
        .map(|membership| membership.workspace)
    }

    /// What may not be seen is absent: the two cannot be told apart.
    pub fn missing(&self, uri: &str) -> Failure {
        let (status, code) = if self.peer.terms.is_stateless() { (400, INVALID_PARAMS) } else { (200, NOT_FOUND) };
        let why = format!("Resource not found: {}", quoted(uri));
        Failure::Rpc(RpcError { data: Some(json!({ "uri": uri })), ..RpcError::with_status(status, code, why) })
    }

    pub fn unread(&self, uri: &str, error: Error) -> Failure {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::WorkspaceDenied => self.missing(uri),
            _ => failed(error),
        }
    }
}

/// What a resource says, to whom the call's credential belongs.
pub async fn text(app: &Arc<App>, identity: &Identity, mut call: Call, address: &Address) -> Result<String> {
    let form = address.form;
    if let Some(slug) = &address.workspace {
        call.selector = Some(Selector::Path(slug.clone()));
    }
    let name = address.reference.as_str();
    match address.kind {
        Kind::Workspace => workspace(app, call, address.workspace.as_deref().unwrap_or_default(), form).await,
        Kind::MyTasks => {
            let zone = &identity.account.as_ref().expect("a key has an account").time_zone;
            let today = Moment::now().day(zone);
            let show = |page: &Page<Task>| work::my_tasks(&page.items, page.next_cursor.is_some(), today);
            call.paging = Paging::first(MOST);
            shown(app, call, MyTasks::default(), form, show).await
        }
        Kind::Project => shown(app, call, GetProject { project_id: Ref::new(name) }, form, work::project).await,
        Kind::Task => {
            let input = GetTask { task_id: Some(Ref::new(name)), project_id: None, number: None };
            shown(app, call, input, form, work::task).await
        }
        Kind::Client => shown(app, call, GetClient { client_id: Ref::new(name) }, form, work::client).await,
        Kind::Organization => {
            let input = GetOrganization { organization_id: Ref::new(name) };
            shown(app, call, input, form, crm::organization).await
        }
        Kind::Person => shown(app, call, GetPerson { person_id: Ref::new(name) }, form, crm::person).await,
        Kind::Deal => shown(app, call, GetDeal { deal_id: Ref::new(name) }, form, crm::deal).await,
    }
}

async fn shown<O: Operation>(
    app: &Arc<App>,
    call: Call,
    input: O,
    form: Form,
    markdown: impl Fn(&O::Output) -> String,
) -> Result<String> {
    let output = app.run(call, input).await?;
    match form {
        Form::Markdown => Ok(markdown(&output)),
        Form::Json => serde_json::to_string(&output).map_err(Error::internal),
    }
}

async fn workspace(app: &Arc<App>, call: Call, reference: &str, form: Form) -> Result<String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        workspace: &'a WorkspaceView,
        projects: &'a [ListedProject],
    }
    let call = Call { paging: Paging::first(MOST), ..call };
    let known = app.run(Call { selector: None, ..call.clone() }, ListWorkspaces::default()).await?;
    let is_meant = |workspace: &&WorkspaceView| {
        workspace.slug.eq_ignore_ascii_case(reference) || workspace.id.to_string() == reference
    };
    let workspace = known.items.iter().find(is_meant);
    let workspace = workspace.ok_or_else(|| Error::not_found("workspace", quoted(reference)))?;
    let projects = app.run(call, ListProjects::default()).await?.items;
    match form {
        Form::Markdown => Ok(work::workspace(workspace, &projects)),
        Form::Json => serde_json::to_string(&Whole { workspace, projects: &projects }).map_err(Error::internal),
    }
}

/// An item of an operation's list, as a resource.
fn listed_item(slug: &str, kind: Kind, item: &Value) -> Entry {
    let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let named = |field: &str| item[field]["name"].as_str().map(str::to_owned);
    let given = |field: &str| item[field].as_str().map(str::to_owned);
    let joined = |parts: Vec<Option<String>>| parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let (reference, name, title, description) = match kind {
        Kind::Project => {
            let client = named("client").map(|client| format!("for {client}"));
            (text("key"), text("key"), format!("{} {}", text("key"), text("name")), joined(vec![client]))
        }
        Kind::Task => {
            let due = given("dueDate").map(|day| format!("due {day}"));
            let standing = joined(vec![given("status"), given("priority"), named("owner"), due]);
            (text("key"), text("key"), format!("{} {}", text("key"), text("title")), standing)
        }
        Kind::Deal => {
            let standing = joined(vec![given("stage"), named("organization"), named("owner")]);
            (text("id"), text("title"), text("title"), standing)
        }
        Kind::Person => {
            let role = joined(vec![given("title"), named("organization")]);
            (text("id"), text("name"), text("name"), role)
        }
        Kind::Organization => {
            let about = joined(vec![given("domain"), given("industry"), given("city")]);
            (text("id"), text("name"), text("name"), about)
        }
        Kind::Client | Kind::Workspace | Kind::MyTasks => (text("id"), text("name"), text("name"), String::new()),
    };
    Entry {
        uri: kind.address(slug, &reference),
        name,
        title,
        description,
        mime_type: Form::Markdown.media_type(),
        annotations: given("updatedAt").map(|at| json!({ "lastModified": at })),
    }
}

/// Why resources cannot be read at all.
fn refused(error: Error) -> Failure {
    match error.permission() {
        Some(missing) => {
            let data = json!({ "permission": missing });
            RpcError { data: Some(data), ..RpcError::new(REFUSED, error.detail()) }.into()
        }
        None => error.into(),
    }
}

/// What went wrong for a reason that the client may know.
pub fn failed(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::KeyExpired | ErrorKind::Busy | ErrorKind::Internal => error.into(),
        ErrorKind::WorkspaceArchived => RpcError::new(REFUSED, error.detail()).into(),
        _ => RpcError::invalid_params(told(&error)).into(),
    }
}

/// The error in a line: what is wrong, field by field, and whom else it may mean.
fn told(error: &Error) -> String {
    let problem = error.problem_json("");
    let fields = error.field_errors().iter().map(|field| format!("{}: {}", field.field, field.message));
    let fields = fields.filter(|field| !error.detail().contains(field));
    let candidates = problem["candidates"].as_array().into_iter().flatten();
    let candidates = candidates.filter_map(|one| Some(format!("{} ({})", one["name"].as_str()?, one["id"].as_str()?)));
    let more: Vec<String> = fields.chain(candidates).collect();
    match more.is_empty() {
        true => error.detail().to_owned(),
        false => format!("{} {}", error.detail(), more.join("; ")),
    }
}
