//! Sally with what the official conformance scenarios ask for besides: `tests/clients/conformance.sh` runs them against it.
//!
//! Serves a new workspace at a free port of this machine and prints its address and a key, until it is interrupted.

mod content;
mod fixtures;
mod questions;
mod rounds;

use std::net::TcpListener;
use std::sync::Arc;

use sally::core::app::{App, Call};
use sally::core::caller::{Credential, Role};
use sally::core::config::Config;
use sally::core::error::{Error, Result};
use sally::core::reference::Ref;
use sally::core::store::{Store, Tuning};
use sally::core::text::{Email, Line};
use sally::features::accounts::AddUser;
use sally::features::keys::{CreateKeyFor, KeyKind};
use sally::features::setup::Init;
use sally::http::server::serve_endpoint;
use sally::mcp::http::Endpoint;

use fixtures::Fixtures;

const MEMBER: &str = "member@example.com";

fn main() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let config = Config { db: folder.path().join("sally.db"), listen: listener.local_addr()?, ..Config::default() };
    actix_web::rt::System::new().block_on(async {
        let app = new_server(config).await.map_err(std::io::Error::other)?;
        let key = new_key(&app).await.map_err(std::io::Error::other)?;
        let guest = Fixtures::new(app.clone(), MEMBER);
        let endpoint = Endpoint { guest: Some(Box::new(guest)), ..Endpoint::new(&app).map_err(std::io::Error::other)? };
        println!("{} {key}", app.config().base_url());
        let interrupted = async {
            let _ = tokio::signal::ctrl_c().await;
        };
        serve_endpoint(endpoint, listener, interrupted).await
    })
}

fn console() -> Call {
    Call::with(Credential::ConsoleOfThisMachine)
}

async fn new_server(config: Config) -> Result<Arc<App>> {
    let store = Store::serve(&config.db, Tuning::default())?;
    let app = Arc::new(App::new(store, config, sally::features::ALL));
    let password = "Conformance-is-served-1".into();
    let init = Init::new(line("Owner")?, email("owner@example.com")?, password, line("Acme")?);
    app.run(console(), init).await?;
    let member = AddUser::new(email(MEMBER)?, line("Member")?, Ref::new("acme"), Role::Member, None);
    app.run(console(), member).await?;
    Ok(app)
}

async fn new_key(app: &Arc<App>) -> Result<String> {
    let key = CreateKeyFor::whole(line(MEMBER)?, KeyKind::Mcp, line("conformance")?);
    Ok(app.run(console(), key).await?.token)
}

fn line<const MAX: usize>(text: &str) -> Result<Line<MAX>> {
    Line::parse(text).map_err(Error::internal)
}

fn email(text: &str) -> Result<Email> {
    Email::parse(text).map_err(Error::internal)
}
