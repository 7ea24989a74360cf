//! The application: the store, the configuration, the list of operations, and the way through the door.

use std::any::TypeId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::audit::{self, Audited};
use super::caller::{self, AccessKey, Caller, Credential, Identity, Means, Selector, Session};
use super::clock::{self, Clock};
use super::config::Config;
use super::error::{Error, Kind, Result};
use super::id::Id;
use super::input::{Shape, common};
use super::limits::Limits;
use super::news::News;
use super::operation::{Before, Effect, Entry, Needs, Operation, Outcome, Reply, Spec, Step, Tx, Typed};
use super::page::Paging;
use super::repeat;
use super::secret::TokenHash;
use super::store::{Acting, Reading, Store, act, acted, one, run};
use super::time::Moment;

pub struct App {
    store: Arc<Store>,
    config: Config,
    operations: Vec<Listed>,
    by_name: HashMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize>,
    pub limits: Limits,
    pub clock: Clock,
    /// What open streams wait for.
    pub news: News,
    /// Uses of keys and sessions not yet written down; see [`App::tidy`].
    last_uses: Mutex<Uses>,
    is_set_up: AtomicBool,
    started: Instant,
}

/// When each key and session was used last, and keys from where.
#[derive(Default, Clone)]
struct Uses {
    keys: HashMap<Id<AccessKey>, (Moment, Option<IpAddr>)>,
    sessions: HashMap<Id<Session>, Moment>,
}

/// An operation with the shape of its input.
pub struct Listed {
    pub entry: Entry,
    pub shape: Shape,
}

/// Everything about a request besides the operation's own input.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub credential: Option<Credential>,
    pub selector: Option<Selector>,
    pub request_id: String,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub idempotency_key: Option<String>,
    pub if_version: Option<i64>,
    pub paging: Paging,
    pub pace: Pace,
    /// A write that is taken back again: would it do?
    pub rehearsal: bool,
    /// Reads MCP resources: a right of its own, which a key has or has not.
    pub reads_resources: bool,
}

/// Where a read runs, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// Where the request is, unless the operation says that it is slow.
    #[default]
    AsSaid,
    /// There too, but it is stopped when it takes long.
    Quick,
    /// Among the slow ones.
    Slow,
}

impl Call {
    pub fn with(credential: Credential) -> Self {
        Call { credential: Some(credential), ..Call::default() }
    }

    fn credential(&self) -> Credential {
        self.credential.unwrap_or(Credential::Nobody)
    }
}

/// Reads the input once the caller may run the operation, so that a stranger learns nothing from its mistakes.
type Parse<'a> = Box<dyn FnOnce(&mut Call) -> Result<Box<dyn Step>> + Send + 'a>;

/// Callers that a reader has seen since the last commit.
type Known = HashMap<TokenHash, Arc<Identity>>;

impl App {
    pub fn new(store: Store, config: Config, lists: &[&[Entry]]) -> Self {
        let operations: Vec<Listed> = lists
            .iter()
            .flat_map(|list| list.iter())
            .map(|entry| Listed { entry: *entry, shape: Shape::new(&entry.spec, (entry.input_schema)()) })
            .collect();
        let by_type = operations.iter().enumerate().map(|(index, listed)| ((listed.entry.type_of)(), index)).collect();
        let mut by_name = HashMap::new();
        for (index, listed) in operations.iter().enumerate() {
            for name in std::iter::once(&listed.entry.spec.name).chain(listed.entry.spec.more.aliases) {
                by_name.insert(*name, index);
            }
        }
        App {
            clock: Clock::new(&store),
            store: Arc::new(store),
            limits: Limits::new(&config),
            config,
            operations,
            by_name,
            by_type,
            news: News::default(),
            last_uses: Mutex::default(),
            is_set_up: AtomicBool::new(false),
            started: Instant::now(),
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub fn started(&self) -> Instant {
        self.started
    }

    /// Everything Sally can do.
    pub fn operations(&self) -> &[Listed] {
        &self.operations
    }

    /// By name or alias.
    pub fn operation(&self, name: &str) -> Option<&Listed> {
        self.by_name.get(name).map(|index| &self.operations[*index])
    }

    /// The shape of a typed operation's input: for forms.
    pub fn shape_of<O: Operation>(&self) -> &Shape {
        let index =
            self.by_type.get(&TypeId::of::<O>()).expect("every operation stands in the list: tests/everything.rs");
        &self.operations[*index].shape
    }

    /// Is there an account yet? Until then only the set-up page is served.
    pub fn is_set_up(&self) -> bool {
        if self.is_set_up.load(Ordering::Relaxed) {
            return true;
        }
        let found = self
            .store
            .read(|reading| one(reading.conn(), "select exists (select 1 from account)", [], |row| row.take()));
        let is_set_up = found.unwrap_or(false);
        self.is_set_up.store(is_set_up, Ordering::Relaxed);
        is_set_up
    }

    /// Runs an operation whose input is at hand: pages, the command line, tests.
    pub async fn run<O: Operation>(self: &Arc<Self>, call: Call, input: O) -> Result<O::Output> {
        let outcome = self.pass(&O::SPEC, call, Box::new(move |_| Ok(Box::new(Typed(input))))).await?;
        Ok(*outcome.downcast().expect("a typed step gives the operation's output"))
    }

    /// The same where there is no runtime.
    pub fn run_now<O: Operation>(self: &Arc<Self>, call: Call, input: O) -> Result<O::Output> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Error::internal)?;
        runtime.block_on(self.run(call, input))
    }

    /// Runs an operation from JSON: REST and MCP.
    pub async fn answer(self: &Arc<Self>, listed: &Listed, call: Call, input: Map<String, Value>) -> Result<Reply> {
        if !listed.entry.spec.is_list() {
            return self.attempt(listed, call, input).await;
        }
        // Filters may let a list walk through all there is to find a few. That shows on the way: then it is begun anew where
        // it holds nobody up.
        let quick = Call { pace: Pace::Quick, ..call.clone() };
        match self.attempt(listed, quick, input.clone()).await {
            Err(error) if error.kind() == Kind::Overdue => {
                self.attempt(listed, Call { pace: Pace::Slow, ..call }, input).await
            }
            answer => answer,
        }
    }

    /// The arguments that the door understands are taken out of `input` here.
    async fn attempt(
        self: &Arc<Self>,
        listed: &Listed,
        mut call: Call,
        mut input: Map<String, Value>,
    ) -> Result<Reply> {
        let spec = &listed.entry.spec;
        if spec.is_selected_by_path() {
            call.selector = input
                .get("workspaceId")
                .and_then(Value::as_str)
                .map(|text| Selector::Path(text.to_owned()))
                .or(call.selector);
        }
        if spec.needs.workspace_role().is_some() && !listed.shape.has("workspaceId") {
            let named = selector_from(&mut input)?;
            call.selector = call.selector.or(named);
        }
        let parse = move |call: &mut Call| -> Result<Box<dyn Step>> {
            if spec.is_list() {
                call.paging = Paging::take(&mut input, spec)?.or_limit_of(&call.paging);
            }
            if spec.effect == Effect::Read {
                input.remove(common::FIELDS);
                return (listed.entry.parse)(input, &listed.shape);
            }
            take_idempotency_key(&mut input, call)?;
            let request = call.idempotency_key.as_ref().map(|_| repeat::fingerprint(spec, &input));
            take_version(&mut input, call, spec)?;
            let step = (listed.entry.parse)(input, &listed.shape)?;
            Ok(match request {
                Some(request) => Box::new(repeat::Once::new(step, request)),
                None => step,
            })
        };
        let exports = spec.more.file.map(|_| call.clone());
        let outcome = self.pass(spec, call, Box::new(parse)).await?;
        let reply: Reply = *outcome.downcast().expect("a step out of JSON gives a reply");
        match exports {
            Some(call) if reply.file.is_some() => self.note_export(spec, call).await?,
            _ => {}
        }
        Ok(reply)
    }

    /// Who a credential belongs to right now: for surfaces that show or filter by it.
    pub fn identity(&self, call: &Call) -> Result<Arc<Identity>> {
        self.store.read(|reading| self.recognise(reading, call))
    }

    /// The same, and refused for whoever says nothing.
    pub fn known(&self, call: &Call) -> Result<Arc<Identity>> {
        let identity = self.identity(call)?;
        if identity.is_nobody() { Err(caller::not_signed_in()) } else { Ok(identity) }
    }

    /// The door. Everything that anybody does comes through here, and who is turned away is logged.
    async fn pass(self: &Arc<Self>, spec: &Spec, call: Call, parse: Parse<'_>) -> Result<Outcome> {
        let (request_id, address) = (call.request_id.clone(), call.address);
        let outcome = self.pass_through(spec, call, parse).await;
        if let Err(error) = &outcome
            && matches!(error.kind(), Kind::PermissionDenied | Kind::WorkspaceDenied | Kind::TooManyRequests)
        {
            let from = address.map_or_else(|| "here".to_owned(), |address| address.to_string());
            log::info!(request_id = request_id.as_str(); "{} from {from} is refused: {}", spec.name, error.code());
        }
        outcome
    }

    /// Permission, then input, then the transaction.
    async fn pass_through(self: &Arc<Self>, spec: &Spec, mut call: Call, parse: Parse<'_>) -> Result<Outcome> {
        self.must_be_on(spec)?;
        if spec.is_for_nobody() {
            // Whose session has run out must be able to sign in, whatever their program still sends along.
            call.credential = None;
        }
        let spec = *spec;
        if spec.effect == Effect::Read {
            let step = self.store.read(|reading| {
                let caller = self.admit(reading, &call, &spec)?;
                let step = parse(&mut call)?;
                if step.is_slow() || call.paging.total || call.pace == Pace::Slow {
                    return Ok(Err(step));
                }
                if call.pace == Pace::Quick {
                    reading.keep_quick()?;
                }
                let tx = Tx::new(reading.conn(), &caller, &self.config, Moment::now(), &call);
                step.execute(&tx).map(Ok)
            })?;
            let step = match step {
                Ok(answer) => return Ok(answer),
                Err(slow) => slow,
            };
            let app = self.clone();
            return self
                .store
                .read_slowly(move |reading| {
                    let caller = app.admit(reading, &call, &spec)?;
                    let tx = Tx::new(reading.conn(), &caller, &app.config, Moment::now(), &call);
                    step.execute(&tx)
                })
                .await;
        }
        // Refused before it queues for the writer, and before the input is looked at.
        let caller = self.store.read(|reading| self.admit(reading, &call, &spec))?;
        self.limits.write(&caller.identity, call.address)?;
        let mut step = parse(&mut call)?;
        let app = self.clone();
        if step.prepares() {
            let permit = self.limits.slow_hashes.clone().acquire_owned().await.map_err(Error::internal)?;
            let prepared = tokio::task::spawn_blocking(move || {
                // Of the work, not of the caller, who may have gone away while it runs on.
                let _permit = permit;
                let outcome = step.prepare(&Before { app: &app, call: &call, caller: &caller });
                outcome.map(|()| (step, app, call))
            });
            let (step, app, call) = prepared.await.map_err(Error::internal)??;
            return self.store.write(move |conn| app.write(conn, &spec, &call, step)).await;
        }
        self.store.write(move |conn| app.write(conn, &spec, &call, step)).await
    }

    /// One write, inside the writer's transaction. The right is looked up again: it may have gone while the write waited.
    fn write(&self, conn: &Connection, spec: &Spec, call: &Call, step: Box<dyn Step>) -> Result<Outcome> {
        let caller = self.admit_to_write(conn, spec, call)?;
        self.perform(conn, spec, &caller, call, step)
    }

    /// Who writes, and that they may, looked up inside the writer's transaction: until its end nothing about it can change.
    pub fn admit_to_write(&self, conn: &Connection, spec: &Spec, call: &Call) -> Result<Caller> {
        let found = caller::identify(conn, call.credential()).map(Arc::new);
        let found = found.and_then(|identity| identity.check(Moment::now(), call.address).map(|()| identity));
        let identity = if spec.needs == Needs::Public { or_nobody(found)? } else { found? };
        caller::admit(conn, identity, call.selector.as_ref(), spec, self.config.require_two_factor)
    }

    /// Runs an operation from JSON as one of many in a write that is under way, for whoever was admitted to it. What fails is
    /// undone, and nothing else. Not for what prepares: here others would wait for it.
    pub fn answer_within(
        &self,
        conn: &Connection,
        listed: &Listed,
        caller: &Caller,
        call: &Call,
        input: Map<String, Value>,
    ) -> Result<Reply> {
        let spec = &listed.entry.spec;
        self.must_be_on(spec)?;
        caller::key_permits(&caller.identity, spec)?;
        caller::permits(caller, spec)?;
        let step = (listed.entry.parse)(input, &listed.shape)?;
        debug_assert!(!step.prepares(), "{} takes its time", spec.name);
        run(conn, "savepoint within", [])?;
        let answer = self.perform(conn, spec, caller, call, step);
        if conn.is_autocommit() {
            // A full disk has taken back everything, and what ran from here on would be kept alone.
            return Err(answer.err().unwrap_or_else(|| Error::busy("Nothing was changed. Try again.")));
        }
        if answer.is_err() {
            run(conn, "rollback to within", [])?;
        }
        run(conn, "release within", [])?;
        Ok(*answer?.downcast().expect("a step out of JSON gives a reply"))
    }

    fn perform(
        &self,
        conn: &Connection,
        spec: &Spec,
        caller: &Caller,
        call: &Call,
        step: Box<dyn Step>,
    ) -> Result<Outcome> {
        let now = Moment::now();
        if call.rehearsal {
            run(conn, "savepoint rehearsal", [])?;
        }
        act(conn, &Acting { at: now, ..acting(caller, call, spec.name, spec.more.audit) })?;
        let answer = step.execute(&Tx::new(conn, caller, &self.config, now, call))?;
        acted(conn)?;
        if call.rehearsal {
            run(conn, "rollback to rehearsal", [])?;
            run(conn, "release rehearsal", [])?;
        }
        Ok(answer)
    }

    /// 404 for what this server leaves out.
    fn must_be_on(&self, spec: &Spec) -> Result<()> {
        if spec.toolset == super::operation::Toolset::Crm && !self.config.crm {
            return Err(Error::new(Kind::NotFound, "The CRM is turned off on this server (feature key crm.core)."));
        }
        Ok(())
    }

    /// Who takes a file out of here is written down.
    pub async fn note_export(self: &Arc<Self>, spec: &Spec, call: Call) -> Result<()> {
        let (spec, demanded) = (*spec, self.config.require_two_factor);
        self.store
            .write(move |conn| {
                let identity = caller::identify(conn, call.credential())?;
                let caller = caller::admit(conn, Arc::new(identity), call.selector.as_ref(), &spec, demanded)?;
                act(conn, &acting(&caller, &call, spec.name, Some(Audited::Export)))?;
                acted(conn)
            })
            .await
    }

    fn admit(&self, reading: &mut Reading, call: &Call, spec: &Spec) -> Result<Caller> {
        let found = self.recognise(reading, call);
        let identity = if spec.needs == Needs::Public { or_nobody(found)? } else { found? };
        caller::admit(reading.conn(), identity, call.selector.as_ref(), spec, self.config.require_two_factor)
    }

    /// Whose credential it is, and that it is good. Looked up once for each commit of anybody: between commits nothing
    /// about it can change.
    fn recognise(&self, reading: &mut Reading, call: &Call) -> Result<Arc<Identity>> {
        let Credential::Token(hash) = call.credential() else {
            return caller::identify(reading.conn(), call.credential()).map(Arc::new);
        };
        let identity = match reading.memory::<Known>().get(&hash) {
            Some(known) => known.clone(),
            None => {
                let identity = Arc::new(caller::identify(reading.conn(), Credential::Token(hash))?);
                reading.memory::<Known>().insert(hash, identity.clone());
                identity
            }
        };
        let now = Moment::now();
        identity.check(now, call.address)?;
        let mut uses = self.last_uses.lock().expect("nothing panics while holding it");
        match &identity.means {
            Means::Key(key) => {
                let is_known = uses.keys.insert(key.id, (now, call.address)).is_some();
                if let Some(account) = identity.account.as_ref().filter(|_| !is_known) {
                    self.news.tell(account.id, format!("key:{}", key.id));
                }
            }
            Means::Session { id, .. } => drop(uses.sessions.insert(*id, now)),
            Means::None | Means::Console => {}
        }
        drop(uses);
        if call.reads_resources {
            return Identity::reading_resources(identity);
        }
        Ok(identity)
    }

    /// When a key was used last, as far as that is not written down yet.
    pub fn last_use(&self, key: Id<AccessKey>) -> Option<Moment> {
        self.last_uses.lock().expect("nothing panics while holding it").keys.get(&key).map(|(at, _)| *at)
    }

    /// What could not be written down, where nothing newer is known by now.
    fn remember(&self, unwritten: Uses) {
        let mut uses = self.last_uses.lock().expect("nothing panics while holding it");
        for (key, used) in unwritten.keys {
            uses.keys.entry(key).or_insert(used);
        }
        for (session, used) in unwritten.sessions {
            uses.sessions.entry(session).or_insert(used);
        }
    }

    /// Writes down when keys were used last, clears away what has expired. Called by the clock.
    pub async fn tidy(&self) -> Result<()> {
        const UNUSED_PROGRAMS: &str = "
            delete from oauth_client
             where created_at < ?1 and not exists (select 1 from access_key k where k.oauth_client_id = oauth_client.id)";
        // With up to 100,000 lines each.
        const OLD_IMPORTS: &str = "
            delete from import where id in (
              select id from import where updated_at < ?1 and state <> 'RUNNING' order by updated_at limit 2)";
        let uses = std::mem::take(&mut *self.last_uses.lock().expect("nothing panics while holding it"));
        let unwritten = uses.clone();
        let (now, keep_days) = (Moment::now(), self.config.audit_days);
        let is_believed = self.clock.is_believed();
        let is_to_be_set_right = is_believed && self.clock.is_to_be_set_right();
        self.store
            .write(move |conn| {
                // A use later than now was noted while the clock was ahead.
                const USED: &str = "
                    update access_key set last_used_at = ?2, last_address = ?3
                     where id = ?1 and (ifnull(last_used_at, 0) <= ?2 or last_used_at > ?4)";
                const SEEN: &str = "
                    update session set last_used_at = ?2 where id = ?1 and (last_used_at <= ?2 or last_used_at > ?3)";
                for (key, (at, address)) in uses.keys {
                    let address = address.map(|address| address.to_canonical().to_string());
                    run(conn, USED, (key, at, address, now))?;
                }
                for (session, at) in uses.sessions {
                    run(conn, SEEN, (session, at, now))?;
                }
                if !is_believed {
                    return Ok(());
                }
                if is_to_be_set_right {
                    clock::set_right(conn, now)?;
                }
                audit::tidy(conn, now, keep_days)?;
                run(conn, "delete from idempotent_answer where created_at < ?1", [now.plus_days(-1)])?;
                run(conn, "delete from session where expires_at < ?1", [now])?;
                run(conn, "delete from one_time_link where expires_at < ?1", [now])?;
                run(conn, "delete from sign_in_challenge where expires_at < ?1", [now])?;
                run(conn, "delete from mail where state <> 'QUEUED' and created_at < ?1", [now.plus_days(-30)])?;
                // A code that is used up is known for a day, so that a second use is told from nonsense.
                run(conn, "delete from oauth_code where expires_at < ?1", [now.plus_days(-1)])?;
                run(conn, "delete from oauth_token where expires_at < ?1", [now])?;
                run(conn, UNUSED_PROGRAMS, [now.plus_days(-3)])?;
                run(conn, OLD_IMPORTS, [now.plus_days(-1)])?;
                run(conn, "delete from mcp_session where last_used_at < ?1", [now.plus_days(-1)])?;
                Ok(())
            })
            .await
            .inspect_err(|_| self.remember(unwritten))?;
        if is_to_be_set_right {
            self.clock.is_set_right();
        }
        Ok(())
    }
}

/// Whoever shows what works no more is nobody, where nobody has to be anybody.
fn or_nobody(found: Result<Arc<Identity>>) -> Result<Arc<Identity>> {
    match found {
        Err(error) if matches!(error.status(), 401 | 403) => Ok(Arc::new(Identity::nobody())),
        found => found,
    }
}

/// Who is writing what, as the journal has it.
fn acting<'a>(caller: &Caller, call: &'a Call, operation: &'a str, audit: Option<Audited>) -> Acting<'a> {
    let identity = &caller.identity;
    Acting {
        at: Moment::now(),
        operation,
        account: identity.account.as_ref().map(|account| account.id),
        session: identity.session(),
        key: identity.key().map(|key| key.id),
        agent: identity.agent().map(|agent| agent.id),
        workspace: caller.workspace.as_ref().map(|workspace| workspace.id),
        request_id: (!call.request_id.is_empty()).then_some(call.request_id.as_str()),
        audit,
        address: call.address,
    }
}

/// `workspaceId` and `workspaceSlug` (and their snake_case forms) select the workspace where they are no field of the operation.
fn selector_from(input: &mut Map<String, Value>) -> Result<Option<Selector>> {
    let mut take = |name: &str| match input.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::field(name, "must be a text")),
    };
    let mut first = |names: [&str; 2]| -> Result<Option<String>> {
        let found = [take(names[0])?, take(names[1])?];
        Ok(found.into_iter().flatten().next())
    };
    let (id, slug) = (first(["workspaceId", "workspace_id"])?, first(["workspaceSlug", "workspace_slug"])?);
    Ok(id.map(Selector::Id).or(slug.map(Selector::Slug)))
}

fn take_idempotency_key(input: &mut Map<String, Value>, call: &mut Call) -> Result<()> {
    match input.remove(common::IDEMPOTENCY_KEY) {
        None | Some(Value::Null) => {}
        Some(Value::String(key)) if (1..=200).contains(&key.chars().count()) => call.idempotency_key = Some(key),
        Some(_) => return Err(Error::field(common::IDEMPOTENCY_KEY, "must be a text of 1 to 200 characters")),
    }
    Ok(())
}

fn take_version(input: &mut Map<String, Value>, call: &mut Call, spec: &Spec) -> Result<()> {
    if spec.takes_version() {
        match input.remove(common::IF_VERSION) {
            None | Some(Value::Null) => {}
            Some(value) => {
                let version = value
                    .as_i64()
                    .or_else(|| value.as_str().and_then(|text| text.trim().trim_matches('"').parse().ok()));
                call.if_version = Some(
                    version.ok_or_else(|| Error::field(common::IF_VERSION, "must be the version you saw, a number"))?,
                );
            }
        }
    } else if call.if_version.is_some() {
        return Err(Error::malformed("If-Match is understood only where an existing record is changed."));
    }
    Ok(())
}

impl Paging {
    /// The surface's own default length, where the caller named none.
    fn or_limit_of(self, surface: &Paging) -> Self {
        surface.limit_or_none().map_or(self.clone(), |limit| self.or_limit(limit))
    }
}
