//! Named people in two workspaces, on a real file of their own.
//!
//! Acme: Ada owns it, Ben is a member, Vera may only look. Bolt: Eve owns it. Sam administers the server and belongs to neither.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the support")]

pub mod cli;
pub mod server;

use std::sync::Arc;

use sally::core::app::{App, Call};
use sally::core::caller::{Credential, Role, Selector};
use sally::core::config::Config;
use sally::core::error::{Error, Result};
use sally::core::id::Id;
use sally::core::operation::{Operation, Reply};
use sally::core::place::ProjectRecord;
use sally::core::reference::Ref;
use sally::core::secret::TokenHash;
use sally::core::store::{Store, Tuning};
use sally::core::text::{Email, Line};
use sally::core::time::Moment;
use sally::features::accounts::AddUser;
use sally::features::keys::{CreateKeyFor, KeyKind};
use sally::features::setup::Init;
use sally::features::tasks::TaskRecord;
use sally::features::workspaces::CreateWorkspace;
use serde_json::{Map, Value};

pub const PASSWORD: &str = "Correct-horse-7";

pub struct World {
    pub app: Arc<App>,
    pub folder: tempfile::TempDir,
}

/// Somebody with an API key.
#[derive(Clone)]
pub struct Person {
    pub app: Arc<App>,
    pub token: String,
    pub email: String,
}

pub fn line<const MAX: usize>(text: &str) -> Line<MAX> {
    Line::parse(text).expect("a line")
}

pub fn email(text: &str) -> Email {
    Email::parse(text).expect("an e-mail")
}

pub fn console() -> Call {
    Call::with(Credential::ConsoleOfThisMachine)
}

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name| folder.path().join(name);
        let mut config = Config { db: file("sally.db"), backup_dir: file("backups"), ..Config::default() };
        adjust(&mut config);
        let store = Store::serve(&config.db, Tuning::default()).expect("a file");
        let app = Arc::new(App::new(store, config, sally::features::ALL));
        let world = World { app, folder };
        let init = Init::new(line("Sam Setup"), email("sam@example.com"), PASSWORD.into(), line("Acme"));
        world.app.run(console(), init).await.expect("a server");
        world.app.run(console(), CreateWorkspace { name: line("Bolt") }).await.expect("a second workspace");
        for (name, workspace, role) in [
            ("Ada", "acme", Role::Owner),
            ("Ben", "acme", Role::Member),
            ("Vera", "acme", Role::Viewer),
            ("Eve", "bolt", Role::Owner),
        ] {
            let user = AddUser::new(email(&format!("{name}@example.com")), line(name), Ref::new(workspace), role, None);
            world.app.run(console(), user).await.expect("a user");
        }
        world
    }

    /// The same file in a new process, as it were. What still runs in the old one lets go of the file first.
    pub fn restarted(self) -> World {
        let World { app, folder } = self;
        let config = app.config().clone();
        drop(app);
        let open = || {
            let store = Store::serve(&config.db, Tuning::default());
            std::thread::sleep(std::time::Duration::from_millis(if store.is_ok() { 0 } else { 50 }));
            store.ok()
        };
        let store = (0..200).find_map(|_| open()).expect("the file is free within ten seconds");
        World { app: Arc::new(App::new(store, config, sally::features::ALL)), folder }
    }

    /// `ada`, `ben`, `vera`, `eve` or `sam`, with a fresh key.
    pub async fn person(&self, name: &str) -> Person {
        self.keyed(name, KeyKind::Api, None, None).await
    }

    pub async fn keyed(&self, name: &str, kind: KeyKind, scopes: Option<&str>, workspace: Option<&str>) -> Person {
        let email = format!("{name}@example.com");
        let key = CreateKeyFor {
            scopes: scopes.map(|text| sally::features::keys::ScopesGiven::parse(text).expect("scopes")),
            workspace: workspace.map(Ref::new),
            ..CreateKeyFor::whole(line(&email), kind, line("test"))
        };
        let made = self.app.run(console(), key).await.expect("a key");
        Person { app: self.app.clone(), token: made.token, email }
    }
}

impl Person {
    pub fn call(&self) -> Call {
        Call::with(Credential::Token(TokenHash::of(&self.token)))
    }

    pub fn call_in(&self, workspace: &str) -> Call {
        Call { selector: Some(Selector::Slug(workspace.into())), ..self.call() }
    }

    pub async fn run<O: Operation>(&self, input: O) -> Result<O::Output> {
        self.app.run(self.call(), input).await
    }

    /// By name, with JSON in and out: as REST and MCP do.
    pub async fn ask(&self, operation: &str, input: Value) -> Result<Value> {
        self.ask_with(self.call(), operation, input).await.map(|reply| json_of(&reply))
    }

    pub async fn ask_with(&self, call: Call, operation: &str, input: Value) -> Result<Reply> {
        let listed = self.app.operation(operation).unwrap_or_else(|| panic!("there is no operation {operation}"));
        let input = match input {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => panic!("not an object: {other}"),
        };
        self.app.answer(listed, call, input).await
    }

    pub async fn refused(&self, operation: &str, input: Value) -> Error {
        self.ask(operation, input).await.expect_err("a refusal")
    }
}

pub fn json_of(reply: &Reply) -> Value {
    if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(&reply.body).expect("JSON") }
}

/// Writes SQL as the machine itself would, journaled: for what no operation makes in the state that a test wants.
pub async fn put(app: &Arc<App>, sql: &str) {
    const ACT: &str = "
        insert into change_set (id, at, operation) select ifnull(max(id), 0) + 1, 0, 'test.put' from change_set;
        update temp.acting set change_set_id = (select max(id) from change_set);";
    let sql = format!("{ACT} {sql}; update temp.acting set change_set_id = null;");
    let done = app.store().write(move |conn| conn.execute_batch(&sql).map_err(Error::from));
    done.await.expect("SQL that fits the schema");
}

/// A task in the project's status of that name; its id.
pub async fn put_task(app: &Arc<App>, project: &str, status: &str, title: &str) -> String {
    let project = Id::<ProjectRecord>::parse(project).expect("an id").raw();
    let id = Id::<TaskRecord>::new(Moment::now().ms());
    let sql = format!(
        "update project set task_count = task_count + 1 where id = {project};
         insert into task (id, workspace_id, project_id, number, status_id, title, position, completed_at, created_at, updated_at)
         select {}, p.workspace_id, p.id, p.task_count, s.id, '{title}', p.task_count << 20, iif(s.type = 'DONE', 1, null), 1, 1
           from project p join task_status s on s.project_id = p.id where p.id = {project} and s.name = '{status}'",
        id.raw()
    );
    put(app, &sql).await;
    id.to_string()
}
