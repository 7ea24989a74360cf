//! News: which parts of a workspace have changed for somebody since they looked, and nothing of what became of them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset};
use crate::core::place::{Sight, VISIBLE};
use crate::core::store::{ChangeSet, all, one};
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetNews>()];

choices! {
    /// Whose act it was: the caller's own, somebody else's, or an agent's. Of several the later one in this order.
    pub enum By { Me = "ME", Other = "OTHER", Agent = "AGENT" }
}

/// Which parts of the workspace have changed, as far as the caller sees them.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetNews {
    /// Changes from then on, at first.
    pub since: Moment,
    /// In its place: changes behind this place in the journal, where the answer before ended.
    pub after: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// `project:WEB`, `crm`, `clients` or `inbox`.
    pub topics: BTreeSet<String>,
    pub by: Option<By>,
    /// When the last of it happened.
    pub at: Option<Moment>,
    /// How far the journal was read.
    pub until: i64,
}
impl Answer for News {}

/// At first the journal is looked up by workspace and age of its change sets; one that was long in writing is this old at most.
const LONGEST_WRITE_MS: i64 = 60_000;

static SINCE: LazyLock<String> = LazyLock::new(|| {
    changed("change_set s cross join change c on c.change_set_id = s.id where s.id >= :from and s.at >= :since")
});
static AFTER: LazyLock<String> =
    LazyLock::new(|| changed("change c cross join change_set s on s.id = c.change_set_id where c.seq > :after"));

fn changed(from: &str) -> String {
    format!(
        "select distinct c.record_type,
                (select p.key from project p where p.id = c.project_id and p.workspace_id = :workspace and {VISIBLE}),
                c.record_type = 'notification'
                  and exists (select 1 from notification n where n.id = c.record_id and n.account_id = :me),
                s.account_id, s.key_id is not null, s.agent_id is not null, s.at
           from {from} and c.seq <= :until and s.workspace_id = :workspace"
    )
}

impl Operation for GetNews {
    type Output = News;
    const SPEC: Spec = Spec {
        name: "news.get",
        title: "See what has changed",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<News> {
        let until = one(cx.conn(), "select ifnull(max(seq), 0) from change", [], |row| row.take())?;
        let mut news = News { topics: BTreeSet::new(), by: None, at: None, until };
        let me = cx.account_id();
        let Sight { all: sees_all, projects, .. } = cx.sight();
        let oldest = Id::<ChangeSet>::floor(self.since.ms() - LONGEST_WRITE_MS);
        let workspace = cx.workspace_id();
        let mut parameters = named_params! {
            ":workspace": workspace, ":until": until, ":all": sees_all, ":me": me, ":projects": projects,
        }
        .to_vec();
        let sql = match &self.after {
            Some(after) => {
                parameters.push((":after", after));
                &AFTER
            }
            None => {
                parameters.extend_from_slice(named_params! { ":from": oldest, ":since": self.since });
                &SINCE
            }
        };
        let changed = all(cx.conn(), sql, parameters.as_slice(), |row| {
            let topic = topic(&row.take::<String>()?, row.take()?, row.take()?);
            let (account, by_key, by_agent) = (row.take::<Option<Id<Account>>>()?, row.take()?, row.take()?);
            let by = match (by_agent, by_key) {
                (true, _) => By::Agent,
                (false, false) if account == me => By::Me,
                _ => By::Other,
            };
            Ok((topic, by, row.take::<Moment>()?))
        })?;
        for (topic, by, at) in changed {
            let Some(topic) = topic else { continue };
            news.topics.insert(topic);
            news.at = news.at.max(Some(at));
            news.by = news.by.max(Some(by));
        }
        Ok(news)
    }
}

/// Where the caller meets a change; `None` for what is not theirs to see.
fn topic(table: &str, project: Option<String>, is_mine: bool) -> Option<String> {
    match table {
        "notification" => is_mine.then(|| "inbox".to_owned()),
        "client" => Some("clients".to_owned()),
        _ if table.starts_with("crm_") => Some("crm".to_owned()),
        // What goes with a task that is deleted stands in no project any more; the task itself does.
        _ => project.map(|key| format!("project:{key}")),
    }
}
