//! Search: one query over everything the caller may see, ranked within bounds.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, UpTo};
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{Ref, Referable};
use crate::core::store::{all, optional};
use crate::core::text::Line;
use crate::features::clients::ClientRecord;
use crate::features::comments::CommentRecord;
use crate::features::crm::activities::ActivityRecord;
use crate::features::crm::deals::DealRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
use crate::features::tasks::TaskRecord;
use crate::features::tasks::list::{DueFilter, ListTasks};

pub const OPERATIONS: &[Entry] = &[Entry::of::<Search>()];

choices! {
    /// What can be found.
    pub enum Found {
        Task = "TASK", Comment = "COMMENT", Project = "PROJECT", Client = "CLIENT",
        Organization = "ORGANIZATION", Person = "PERSON", Deal = "DEAL", Activity = "ACTIVITY"
    }
}

impl Found {
    /// The word that stands for the type inside the index.
    fn scope(self) -> &'static str {
        match self {
            Found::Task => "task",
            Found::Comment => "comment",
            Found::Project => "project",
            Found::Client => "client",
            Found::Organization => "organization",
            Found::Person => "person",
            Found::Deal => "deal",
            Found::Activity => "activity",
        }
    }

    /// Where such records are read otherwise: what a key may not read there is not found here either.
    fn toolset(self) -> Toolset {
        match self {
            Found::Task | Found::Project => Toolset::Core,
            Found::Comment => Toolset::Tasks,
            Found::Client => Toolset::Projects,
            Found::Organization | Found::Person | Found::Deal | Found::Activity => Toolset::Crm,
        }
    }

    fn is_in_a_project(self) -> bool {
        matches!(self, Found::Task | Found::Comment | Found::Project)
    }

    fn may_be_found_by(self, tx: &Tx) -> bool {
        let identity = &tx.caller().identity;
        let is_on = self.toolset() != Toolset::Crm || tx.config().crm;
        let is_reached = self.is_in_a_project() || identity.key().is_none_or(|key| key.projects.is_none());
        is_on && is_reached && identity.scope_allows(self.toolset(), Effect::Read)
    }
}

/// A query for the index: what people typed, in titles and texts, narrowed to the workspace and the types (none: all).
pub fn in_workspace(tx: &Tx, scopes: &[&str], text: &str) -> String {
    format!("{} AND {}", scope(tx, scopes), words("title body", text))
}

/// A query for titles that have one of these somewhere: words in their order, the last of them maybe a beginning.
pub fn titled(tx: &Tx, scopes: &[&str], phrases: &[String]) -> String {
    let means_something = |phrase: &&String| phrase.chars().any(char::is_alphanumeric);
    let phrases: Vec<String> =
        phrases.iter().filter(means_something).map(|phrase| format!("\"{}\" *", phrase.replace('"', " "))).collect();
    match phrases.as_slice() {
        [] => NOTHING.to_owned(),
        phrases => format!("{} AND title:({})", scope(tx, scopes), phrases.join(" OR ")),
    }
}

/// Nothing to look for finds nothing.
const NOTHING: &str = "scope:nothing";

fn scope(tx: &Tx, scopes: &[&str]) -> String {
    let workspace = tx.workspace_id().raw();
    match scopes {
        [] => format!("scope:w{workspace}"),
        scopes => format!("scope:w{workspace} AND scope:({})", scopes.join(" OR ")),
    }
}

/// Every word quoted, so that none is syntax; the last one may be unfinished.
fn words(columns: &str, text: &str) -> String {
    /// More words than anybody means; each costs a look-up.
    const WORDS: usize = 16;
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '"')
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(WORDS)
        .collect();
    let Some((last, others)) = words.split_last() else {
        return NOTHING.to_owned();
    };
    // A prefix of one letter would match nearly everything.
    let mark = if last.chars().count() > 1 { " *" } else { "" };
    let mut query: String = others.iter().map(|word| format!("{{{columns}}}:\"{word}\" AND ")).collect();
    query.push_str(&format!("{{{columns}}}:\"{last}\"{mark}"));
    query
}

/// What somebody wrote into a search: words, and among them what narrows it, such as `type:deal`, `project:WEB`, and for
/// tasks `is:open`, `assignee:me`, `due:week`. What is none of these is a word.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub words: String,
    /// Each as it was written: name and value.
    pub operators: Vec<(&'static str, String)>,
}

const OPERATORS: [&str; 5] = ["type", "project", "is", "assignee", "due"];

impl Asked {
    pub fn read(text: &str) -> Asked {
        let mut asked = Asked::default();
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let (name, value) = word.split_once(':').unwrap_or((word, ""));
            let known = OPERATORS.iter().find(|known| known.eq_ignore_ascii_case(name));
            match known.filter(|name| Asked::means_something(name, value)) {
                Some(name) => asked.operators.push((name, value.to_owned())),
                None => words.push(word),
            }
        }
        asked.words = words.join(" ");
        asked
    }

    fn means_something(name: &str, value: &str) -> bool {
        match name {
            "type" => value.parse::<Found>().is_ok(),
            "is" => ["open", "done"].iter().any(|known| known.eq_ignore_ascii_case(value)),
            "due" => Asked::due(value).is_some(),
            _ => !value.is_empty(),
        }
    }

    /// `week` is this one.
    fn due(value: &str) -> Option<DueFilter> {
        let word = if value.eq_ignore_ascii_case("week") { "this_week" } else { value };
        serde_json::from_value(word.into()).ok()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.operators.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn types(&self) -> Vec<Found> {
        let types = self.operators.iter().filter(|(name, _)| *name == "type");
        types.filter_map(|(_, value)| value.parse().ok()).collect()
    }

    /// Something that only tasks have.
    fn is_about_tasks(&self) -> bool {
        ["is", "assignee", "due"].iter().any(|name| self.get(name).is_some())
    }
}

/// Find anything by words: those with a fitting title first, the shortest leading; then fitting texts, newest first.
/// WEB-12 finds that task; type:deal, project:WEB, is:open, assignee:me, due:week narrow it.
/// By status, owner or day: `task.list`, `crm.deal.list`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// Words; the last may be a beginning.
    pub query: Line<200>,
    /// e.g. `["TASK","DEAL"]`.
    pub types: Option<Vec<Found>>,
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// How many at most, 1 to 50; 20 if left out.
    pub limit: Option<UpTo<50>>,
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

/// Of so many titles that fit, the newest, those that say little else come first. bm25 would rank better and counts every row
/// of the workspace for it, which takes longer than all the rest: 7 ms at 100,000 tasks.
const RANKED: i64 = 200;

static HITS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with titled as materialized (
          select rowid as id from search_index where search_index match :titled order by rowid desc limit :ranked
        ), anywhere as (
          select rowid as id from search_index where search_index match :query order by rowid desc limit :ranked
        ), best as materialized (
          select id, 0 as rank from titled
          union all
          select * from (select id, 1 from anywhere where id not in (select id from titled) limit :limit)
        )
        select kind, id, key, title, body from (
          select 'TASK' as kind, t.id as id, p.key || '-' || t.number as key, t.title as title, ifnull(t.description, '') as body, b.rank as rank
            from best b cross join task t on t.id = b.id cross join project p on p.id = t.project_id where p.workspace_id = :workspace and {VISIBLE}
          union all
          select 'COMMENT', c.id, p.key || '-' || t.number, t.title, c.body, b.rank
            from best b cross join comment c on c.id = b.id cross join task t on t.id = c.task_id cross join project p on p.id = t.project_id
           where p.workspace_id = :workspace and {VISIBLE}
          union all
          select 'PROJECT', p.id, p.key, p.name, ifnull(p.description, ''), b.rank
            from best b cross join project p on p.id = b.id where p.workspace_id = :workspace and {VISIBLE}
          union all
          select 'CLIENT', c.id, null, c.name, ifnull(c.notes, ''), b.rank
            from best b cross join client c on c.id = b.id where c.workspace_id = :workspace
          union all
          select 'ORGANIZATION', o.id, null, o.name, concat_ws(' · ', o.domain, o.industry, o.city, o.notes), b.rank
            from best b cross join crm_organization o on o.id = b.id where o.workspace_id = :workspace
          union all
          select 'PERSON', p.id, null, p.name, concat_ws(' · ', p.title, p.email, p.phone, p.notes), b.rank
            from best b cross join crm_person p on p.id = b.id where p.workspace_id = :workspace
          union all
          select 'DEAL', d.id, null, d.title, concat_ws(' · ', d.next_step, d.notes), b.rank
            from best b cross join crm_deal d on d.id = b.id where d.workspace_id = :workspace
          union all
          select 'ACTIVITY', v.id, null, v.type, v.body, b.rank
            from best b cross join crm_activity v on v.id = b.id where v.workspace_id = :workspace
        ) order by rank, iif(rank = 0, length(title), 0), id desc limit :limit"
    )
});

/// More projects than this are left out after the ranking instead of inside the index.
const HIDDEN: usize = 200;

static HIDDEN_PROJECTS: LazyLock<String> = LazyLock::new(|| {
    format!("select p.id from project p where p.workspace_id = :workspace and not ({VISIBLE}) limit :limit")
});

/// Takes the projects that the caller does not see out of the search itself (as the end of a query), so that what is ranked is what may be shown.
fn without_hidden(tx: &Tx) -> Result<String> {
    let Sight { all: sees_all, me, projects } = tx.sight();
    if sees_all && projects.is_none() {
        return Ok(String::new());
    }
    let parameters = named_params! {
        ":workspace": tx.workspace_id(), ":all": sees_all, ":me": me, ":projects": projects, ":limit": HIDDEN as i64 + 1,
    };
    let hidden = all(tx.conn(), &HIDDEN_PROJECTS, parameters, |row| row.take::<i64>())?;
    if hidden.is_empty() || hidden.len() > HIDDEN {
        return Ok(String::new());
    }
    let words: Vec<String> = hidden.iter().map(|id| format!("p{id}")).collect();
    Ok(format!(" NOT scope:({})", words.join(" OR ")))
}

impl Operation for Search {
    type Output = Results;
    const SPEC: Spec = Spec {
        name: "search",
        title: "Search",
        route: Route::get("/search"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["search_workspace"], synonyms: &[("q", "query")], ..More::NONE },
    };

    fn is_slow(&self) -> bool {
        true
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Results> {
        let asked = Asked::read(self.query.as_str());
        let project = match (self.project_id, asked.get("project")) {
            (Some(given), _) => Some(given.resolve_for("projectId", cx)?),
            (None, Some(written)) => Some(Ref::new(written).resolve_for("query", cx)?),
            (None, None) => None,
        };
        let limit = self.limit.map_or(20, UpTo::get);
        let types = self.types.unwrap_or_else(|| asked.types());
        let mut types = if types.is_empty() { Found::ALL.to_vec() } else { types };
        if asked.is_about_tasks() && types.contains(&Found::Task) {
            // Whatever it may refuse, it was written into the query.
            return tasks(cx, &asked, project, limit).map_err(|error| error.told_at("query"));
        }
        types.retain(|kind| kind.may_be_found_by(cx) && (project.is_none() || kind.is_in_a_project()));
        if types.is_empty() || asked.is_about_tasks() {
            return Ok(Results { items: Vec::new(), next_cursor: None });
        }
        let text = asked.words.as_str();
        let scopes: Vec<&str> = types.iter().map(|kind| kind.scope()).collect();
        let scope = scope(cx, if types.len() == Found::ALL.len() { &[] } else { &scopes });
        let projects_only = match project {
            Some(project) => format!(" AND scope:p{}", project.raw()),
            None => without_hidden(cx)?,
        };
        let query = |columns| format!("({scope} AND {}){projects_only}", words(columns, text));
        let Sight { all: sees_all, me, projects } = cx.sight();
        let parameters = named_params! {
            ":query": query("title body"), ":titled": query("title"), ":ranked": RANKED, ":limit": limit as i64, ":workspace": cx.workspace_id(),
            ":all": sees_all, ":me": me, ":projects": projects,
        };
        let mut items = all(cx.conn(), &HITS, parameters, |row| Hit::read(row, text))?;
        if types.contains(&Found::Task)
            && let Some(named) = by_key(cx, text, project)?
        {
            items.retain(|hit| hit.id != named.id);
            items.insert(0, named);
            items.truncate(limit);
        }
        Ok(Results { items, next_cursor: None })
    }
}

/// What only tasks have is found by the list of tasks, whose words are the same index.
fn tasks(cx: &Cx<'_, Search>, asked: &Asked, project: Option<Id<ProjectRecord>>, limit: usize) -> Result<Results> {
    let line = |text: &str| Line::parse(text).map_err(|message| Error::field("query", message));
    let wanted = ListTasks {
        project_id: project.map(Ref::from),
        status: asked
            .get("is")
            .map(|word| Line::parse(&word.to_ascii_uppercase()))
            .transpose()
            .map_err(Error::internal)?,
        assignee: asked.get("assignee").map(Ref::new),
        due: asked.get("due").and_then(Asked::due),
        search: Some(asked.words.as_str()).filter(|words| !words.is_empty()).map(line).transpose()?,
        ..ListTasks::default()
    };
    let found = cx.run(wanted)?.page.items.into_iter().take(limit);
    let items = found.map(|task| Hit {
        kind: Found::Task,
        id: task.id.to_string(),
        key: Some(task.key),
        title: task.title,
        snippet: snippet(&task.description.flatten().unwrap_or_default(), &asked.words),
        url: task.url,
    });
    Ok(Results { items: items.collect(), next_cursor: None })
}

/// The task that the whole query names.
fn by_key(tx: &Tx, words: &str, project: Option<Id<ProjectRecord>>) -> Result<Option<Hit>> {
    const TASK: &str = "
        select 'TASK', t.id, p.key || '-' || t.number, t.title, ifnull(t.description, '')
          from task t join project p on p.id = t.project_id
         where t.id = ?1 and (?2 is null or t.project_id = ?2)";
    let Some((id, _)) = TaskRecord::named(tx, words)?.pop() else { return Ok(None) };
    optional(tx.conn(), TASK, (id, project), |row| Hit::read(row, words))
}

impl Hit {
    /// Kind, id, key, title, text.
    fn read(row: &mut Columns<'_>, words: &str) -> rusqlite::Result<Hit> {
        let (kind, id, key) = (row.take::<Found>()?, row.take::<i64>()?, row.take::<Option<String>>()?);
        let (title, body) = (row.take::<String>()?, row.take::<String>()?);
        let shown = key.as_deref().unwrap_or_default();
        let (id, url) = match kind {
            Found::Task => (Id::<TaskRecord>::from_raw(id).to_string(), format!("/tasks/{shown}")),
            Found::Comment => {
                let id = Id::<CommentRecord>::from_raw(id).to_string();
                let url = format!("/tasks/{shown}#{id}");
                (id, url)
            }
            Found::Project => (Id::<ProjectRecord>::from_raw(id).to_string(), format!("/projects/{shown}")),
            Found::Client => at("/clients/", Id::<ClientRecord>::from_raw(id)),
            Found::Organization => at("/crm/organizations/", Id::<OrganizationRecord>::from_raw(id)),
            Found::Person => at("/crm/people/", Id::<PersonRecord>::from_raw(id)),
            Found::Deal => at("/crm/deals/", Id::<DealRecord>::from_raw(id)),
            Found::Activity => at("/crm/activities#", Id::<ActivityRecord>::from_raw(id)),
        };
        Ok(Hit { kind, id, key, title, snippet: snippet(&body, words), url })
    }
}

fn at<T: Record>(path: &str, id: Id<T>) -> (String, String) {
    (id.to_string(), format!("{path}{id}"))
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

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn what_narrows_a_search_is_told_from_words() {
        let asked = Asked::read(
            "type:deal  Relaunch PROJECT:web is:open due:week due:someday type:nonsense http://a.b assignee:",
        );
        assert_eq!(asked.words, "Relaunch due:someday type:nonsense http://a.b assignee:");
        let known = [("type", "deal"), ("project", "web"), ("is", "open"), ("due", "week")];
        assert_eq!(asked.operators, known.map(|(name, value)| (name, value.to_owned())));
    }
}
