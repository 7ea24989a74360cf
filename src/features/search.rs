//! Search: one query over everything the caller may see, ranked within bounds.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::store::all;
use crate::core::text::Line;
use crate::features::crm::activities::ActivityRecord;
use crate::features::crm::deals::DealRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<Search>()];

choices! {
    /// What can be found.
    pub enum Found { Organization = "ORGANIZATION", Person = "PERSON", Deal = "DEAL", Activity = "ACTIVITY" }
}

impl Found {
    /// The word that stands for the type inside the index.
    fn scope(self) -> &'static str {
        match self {
            Found::Organization => "organization",
            Found::Person => "person",
            Found::Deal => "deal",
            Found::Activity => "activity",
        }
    }
}

/// A query for the index out of what people type: every word quoted, so that none is syntax; the last one may be unfinished.
/// Narrowed to the workspace and the types inside the index.
pub fn in_workspace(tx: &Tx, scopes: &[&str], text: &str) -> String {
    /// More words than anybody means; each costs a look-up.
    const WORDS: usize = 16;
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '"')
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(WORDS)
        .collect();
    let workspace = tx.workspace_id().raw();
    let types = scopes.join(" OR ");
    let mut query = format!("scope:w{workspace} AND scope:({types})");
    for (index, word) in words.iter().enumerate() {
        // A prefix of one letter would match nearly everything.
        let is_prefix = index + 1 == words.len() && word.chars().count() > 1;
        query.push_str(&format!(" AND {{title body}}:\"{word}\"{}", if is_prefix { " *" } else { "" }));
    }
    if words.is_empty() {
        // Nothing to look for finds nothing.
        query.push_str(" AND scope:nothing");
    }
    query
}

/// Find organizations, people, deals and activities by words. Best matches first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// The words to look for; the last one may be the beginning of a word.
    pub query: Line<200>,
    /// Only these types, e.g. `["DEAL","PERSON"]`.
    pub types: Option<Vec<Found>>,
    /// How many at most, 1 to 50; 20 if left out.
    #[schemars(range(min = 1, max = 50))]
    pub limit: Option<Hits>,
}

/// 1 to 50.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(inline)]
pub struct Hits(u8);

impl TryFrom<i64> for Hits {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        u8::try_from(number)
            .ok()
            .filter(|hits| (1..=50).contains(hits))
            .map(Hits)
            .ok_or_else(|| format!("must be from 1 to 50, not {number}"))
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    pub items: Vec<Hit>,
    /// Always null: narrow the words instead of turning pages.
    pub next_cursor: Option<String>,
}
impl Answer for Results {}

/// One thing that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    #[serde(rename = "type")]
    pub kind: Found,
    pub id: String,
    /// A short name such as `WEB-12`, for records that have one.
    pub key: Option<String>,
    pub title: String,
    /// The passage that fits.
    pub snippet: String,
    /// The page that shows it.
    pub url: String,
}

/// bm25 costs 1.5 µs a hit, so only the newest this many are ranked: a very common word stays as cheap as a rare one.
const RANKED: i64 = 500;

const HITS: &str = "
    with newest as (
      select rowid as id, rank from (select rowid, bm25(search_index, 0, 10, 1) as rank from search_index where search_index match :query order by rowid desc limit :ranked)
    ), best as (select id, rank from newest order by rank limit :limit)
    select kind, id, title, body from (
      select 'ORGANIZATION' as kind, o.id as id, o.name as title, concat_ws(' · ', o.domain, o.industry, o.city, o.notes) as body, b.rank as rank
        from best b join crm_organization o on o.id = b.id where o.workspace_id = :workspace
      union all
      select 'PERSON', p.id, p.name, concat_ws(' · ', p.title, p.email, p.phone, p.notes), b.rank
        from best b join crm_person p on p.id = b.id where p.workspace_id = :workspace
      union all
      select 'DEAL', d.id, d.title, concat_ws(' · ', d.next_step, d.notes), b.rank
        from best b join crm_deal d on d.id = b.id where d.workspace_id = :workspace
      union all
      select 'ACTIVITY', v.id, v.type, v.body, b.rank
        from best b join crm_activity v on v.id = b.id where v.workspace_id = :workspace
    ) order by rank";

impl Operation for Search {
    type Output = Results;
    const SPEC: Spec = Spec {
        name: "search",
        title: "Search",
        route: Route::get("/search"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["search_workspace"], ..More::NONE },
    };

    fn is_slow(&self) -> bool {
        true
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Results> {
        let mut types = self.types.filter(|types| !types.is_empty()).unwrap_or_else(|| Found::ALL.to_vec());
        // What the key may not read in its own place is not found here either.
        let may_read = |area| cx.caller().identity.scope_allows(area, Effect::Read);
        types.retain(|_| cx.config().crm && may_read(Toolset::Crm));
        if types.is_empty() {
            return Ok(Results { items: Vec::new(), next_cursor: None });
        }
        let scopes: Vec<&str> = types.iter().map(|kind| kind.scope()).collect();
        let query = in_workspace(cx, &scopes, self.query.as_str());
        let limit = self.limit.map_or(20, |hits| i64::from(hits.0));
        let parameters =
            named_params! { ":query": query, ":ranked": RANKED, ":limit": limit, ":workspace": cx.workspace_id() };
        let items = all(cx.conn(), HITS, parameters, |row| {
            let (kind, id, title, body) =
                (row.take::<Found>()?, row.take::<i64>()?, row.take::<String>()?, row.take::<String>()?);
            let (id, path) = match kind {
                Found::Organization => (Id::<OrganizationRecord>::from_raw(id).to_string(), "/crm/organizations/"),
                Found::Person => (Id::<PersonRecord>::from_raw(id).to_string(), "/crm/people/"),
                Found::Deal => (Id::<DealRecord>::from_raw(id).to_string(), "/crm/deals/"),
                Found::Activity => (Id::<ActivityRecord>::from_raw(id).to_string(), "/crm/activities#"),
            };
            let url = format!("{path}{id}");
            Ok(Hit { kind, url, id, key: None, title, snippet: snippet(&body, self.query.as_str()) })
        })?;
        Ok(Results { items, next_cursor: None })
    }
}

/// The words around the first one that fits. Made from the record itself: the index holds no text.
fn snippet(body: &str, query: &str) -> String {
    const BEFORE: usize = 40;
    const SHOWN: usize = 160;
    let lower = body.to_lowercase();
    let found = query.split_whitespace().filter_map(|word| lower.find(&word.to_lowercase())).min().unwrap_or(0);
    // Positions in the lower-case text can differ from the original's by a few bytes; whole characters are what counts.
    let before = lower[..found].chars().count().saturating_sub(BEFORE);
    let mut text: String = body.chars().skip(before).take(SHOWN).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if before > 0 {
        text.insert(0, '…');
    }
    if body.chars().count() > before + SHOWN {
        text.push('…');
    }
    text
}
