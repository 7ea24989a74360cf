//! What somebody allowed, for themselves to see and to end.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::audit::Audited;
use crate::core::error::Result;
use crate::core::operation::{Cx, Effect, More, Needs, Operation, Spec, Toolset};
use crate::core::page::Page;
use crate::core::store::{one, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::keys::{self, Key, KeyKind};

/// List the programs that are connected to your account by OAuth.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListConnections {}

impl Operation for ListConnections {
    type Output = Page<Key>;
    const SPEC: Spec = Spec {
        name: "oauth.connection.list",
        title: "List connected programs",
        route: None,
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: keys::SORTS, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Key>> {
        keys::list(cx, &Self::SPEC, KeyKind::Oauth)
    }
}

/// Disconnect a program; it is cut off at once. It stays listed; a second time removes it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndConnection {
    /// The connection's id.
    pub connection_id: Line<40>,
}

impl Operation for EndConnection {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "oauth.connection.end",
        title: "Disconnect a program",
        route: None,
        needs: Needs::Account,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Connection), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        keys::revoke(cx, Some(cx.signed_in()?.id), Some(KeyKind::Oauth), self.connection_id.as_str())
    }
}

/// Connections that ended long ago, and those whose tokens have all run out or were never fetched.
const DEAD: &str = "
    oauth_client_id is not null and (
      revoked_at < ?1
      or revoked_at is null and created_at < ?2 and not exists (select 1 from oauth_token t where t.key_id = access_key.id))";
/// The program has to fetch its tokens within a minute.
const FETCHED_SECONDS: i64 = 600;
const REMEMBERED_DAYS: i64 = 30;

/// Is there anything for [`ClearConnections`] to do?
pub fn is_any_dead(conn: &rusqlite::Connection) -> Result<bool> {
    let sql = format!("select exists (select 1 from access_key where {DEAD})");
    one(conn, &sql, times(Moment::now()), |row| row.take())
}

fn times(now: Moment) -> (Moment, Moment) {
    (now.plus_days(-REMEMBERED_DAYS), now.plus_seconds(-FETCHED_SECONDS))
}

/// Clear connections away that can never be used again: by the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearConnections {}

impl Operation for ClearConnections {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "oauth.connection.clear",
        title: "Clear dead connections away",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let sql = format!("delete from access_key where {DEAD}");
        run(cx.conn(), &sql, times(cx.now())).map(|_| ())
    }
}
