//! The server itself: alive, reachable, and what it offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::error::Result;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::store::one;
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<Health>(), Entry::of::<Ping>(), Entry::of::<GetEdition>(), Entry::of::<GetServerFacts>()];

/// Is the server up and its file readable? Needs no sign-in.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Health {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    ok: bool,
    status: &'static str,
    version: &'static str,
}
impl Answer for HealthReport {}

impl Operation for Health {
    type Output = HealthReport;
    const SPEC: Spec = Spec {
        name: "system.health",
        title: "Health",
        route: Route::get("/health"),
        needs: Needs::Public,
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<HealthReport> {
        let _: i64 = one(cx.conn(), "select count(*) from (select 1 from workspace limit 1)", [], |row| row.take())?;
        Ok(HealthReport { ok: true, status: "ok", version: env!("CARGO_PKG_VERSION") })
    }
}

/// Check that the connection and the key work.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ping {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    ok: bool,
    message: &'static str,
    time: Moment,
}
impl Answer for Pong {}

impl Operation for Ping {
    type Output = Pong;
    const SPEC: Spec = Spec {
        name: "system.ping",
        title: "Ping",
        route: Route::get("/ping"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["ping"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Pong> {
        Ok(Pong { ok: true, message: "pong", time: cx.now() })
    }
}

/// Which edition this is and which features are on. Everything is free; there is one edition.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetEdition {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edition {
    edition: &'static str,
    version: &'static str,
    /// The keys of the features that are on, e.g. `crm.core`.
    features: Vec<&'static str>,
}
impl Answer for Edition {}

impl Operation for GetEdition {
    type Output = Edition;
    const SPEC: Spec = Spec {
        name: "edition.get",
        title: "Edition and features",
        route: Route::get("/edition"),
        needs: Needs::Public,
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Edition> {
        let features = [("crm.core", cx.config().crm)];
        Ok(Edition {
            edition: "COMMUNITY",
            version: env!("CARGO_PKG_VERSION"),
            features: features.into_iter().filter(|(_, on)| *on).map(|(key, _)| key).collect(),
        })
    }
}

/// See what the server runs on: for administrators.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetServerFacts {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerFacts {
    pub version: &'static str,
    /// Of the file's shape.
    pub schema: i64,
    /// Where the file is.
    pub file: String,
    pub bytes: i64,
    /// Of those, what deletions have left.
    pub free_bytes: i64,
    pub accounts: i64,
    pub workspaces: i64,
    /// Where links lead.
    pub url: String,
    /// Who delivers mail; null: nobody.
    pub mail_host: Option<String>,
    pub mail_queued: i64,
    pub mail_failed: i64,
}
impl Answer for ServerFacts {}

impl Operation for GetServerFacts {
    type Output = ServerFacts;
    const SPEC: Spec = Spec {
        name: "system.facts",
        title: "See what the server runs on",
        route: None,
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ServerFacts> {
        let number = |sql: &str| one(cx.conn(), sql, [], |row| row.take::<i64>());
        let page_size = number("pragma page_size")?;
        Ok(ServerFacts {
            version: env!("CARGO_PKG_VERSION"),
            schema: number("pragma user_version")?,
            file: cx.config().db.display().to_string(),
            bytes: number("pragma page_count")? * page_size,
            free_bytes: number("pragma freelist_count")? * page_size,
            accounts: number("select count(*) from account where archived_at is null")?,
            workspaces: number("select count(*) from workspace where archived_at is null and deleted_at is null")?,
            url: cx.config().base_url(),
            mail_host: cx.config().smtp_url.as_ref().map(|url| url.host().to_owned()),
            mail_queued: number("select count(*) from mail where state = 'QUEUED'")?,
            mail_failed: number("select count(*) from mail where state = 'FAILED'")?,
        })
    }
}
