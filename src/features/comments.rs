//! Comments: what is said at a task, and who is meant by it.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Agent, Role};
use crate::core::error::{Error, FieldError, Permission, Result};
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::{Named, Ref, Referable};
use crate::core::store::{Change, all, delete, insert, one, optional, run};
use crate::core::text::{Line, Prose};
use crate::core::time::Moment;
use crate::features::notifications;
use crate::features::projects::members;
use crate::features::tasks::{self, TaskRecord};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListComments>(),
    Entry::of::<AddComment>(),
    Entry::of::<UpdateComment>(),
    Entry::of::<DeleteComment>(),
    Entry::of::<ListMentionableUsers>(),
];

#[derive(Debug, Clone, Copy)]
pub struct CommentRecord;
impl Record for CommentRecord {
    const PREFIX: &'static str = "com";
    const NOUN: &'static str = "comment";
}

struct MentionRecord;

/// Something said at a task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    pub id: Id<CommentRecord>,
    pub task_id: Id<TaskRecord>,
    /// `WEB-12`
    pub task_key: String,
    /// Markdown.
    pub body: String,
    pub author_id: Option<Id<Account>>,
    pub author: Option<Named<Account>>,
    /// The agent that wrote it on behalf of the author.
    pub agent_id: Option<Id<Agent>>,
    pub agent: Option<Named<Agent>>,
    pub mentions: Vec<Named<Account>>,
    pub edited_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Comment {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const COLUMNS: &str = "
    c.id, t.id, p.key || '-' || t.number, c.body, a.id, a.name, g.id, g.name,
    c.edited_at, c.created_at, c.updated_at, c.version";

const FROM: &str = "
    comment c
    cross join task t on t.id = c.task_id
    cross join project p on p.id = t.project_id
    left join account a on a.id = c.author_id
    left join agent g on g.id = c.agent_id";

impl Comment {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Comment> {
        let mut comment = Comment {
            id: row.take()?,
            task_id: row.take()?,
            task_key: row.take()?,
            body: row.take()?,
            author_id: None,
            author: Named::read(row)?,
            agent_id: None,
            agent: Named::read(row)?,
            mentions: Vec::new(),
            edited_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        comment.author_id = comment.author.as_ref().map(|named| named.id);
        comment.agent_id = comment.agent.as_ref().map(|named| named.id);
        Ok(comment)
    }

    fn by_id(tx: &Tx, id: Id<CommentRecord>) -> Result<Comment> {
        let sql = format!("select {COLUMNS} from {FROM} where c.id = ?1");
        let mut comment = one(tx.conn(), &sql, [id], Comment::read)?;
        show_mentions(tx, std::slice::from_mut(&mut comment))?;
        Ok(comment)
    }
}

/// Fills in who each of them mentions.
fn show_mentions(tx: &Tx, comments: &mut [Comment]) -> Result<()> {
    const MENTIONS: &str = "
        select m.comment_id, a.id, a.name
          from json_each(?1) j
          cross join comment_mention m on m.comment_id = j.value
          cross join account a on a.id = m.account_id
         order by a.name collate nocase, a.id";
    if comments.is_empty() {
        return Ok(());
    }
    let ids = id::array(comments.iter().map(|comment| comment.id));
    let found = all(tx.conn(), MENTIONS, [ids], |row| {
        Ok((row.take::<Id<CommentRecord>>()?, Named { id: row.take()?, name: row.take()? }))
    })?;
    let mut of: HashMap<Id<CommentRecord>, Vec<Named<Account>>> = HashMap::new();
    for (comment, account) in found {
        of.entry(comment).or_default().push(account);
    }
    for comment in comments {
        comment.mentions = of.remove(&comment.id).unwrap_or_default();
    }
    Ok(())
}

const PROJECT_OF: &str = "
    select t.project_id, c.author_id, t.id from comment c join task t on t.id = c.task_id where c.id = ?1 and t.workspace_id = ?2";

/// Nobody calls a comment by anything but its id.
impl Referable for CommentRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        let project = optional(tx.conn(), PROJECT_OF, (id, tx.workspace_id()), |row| row.take())?;
        Ok(project.map(|project| tx.place(project)).transpose()?.flatten().is_some())
    }
    fn named(_: &Tx, _: &str) -> Result<Vec<(Id<Self>, String)>> {
        Ok(Vec::new())
    }
}

/// A comment that the caller sees, and where it stands.
struct Seen {
    id: Id<CommentRecord>,
    place: Place,
    author: Option<Id<Account>>,
    task: Id<TaskRecord>,
}

fn seen<O: Operation>(cx: &Cx<'_, O>, comment: &Ref<CommentRecord>) -> Result<Seen> {
    comment.find(cx, |id| {
        let found = optional(cx.conn(), PROJECT_OF, (id, cx.workspace_id()), |row| {
            Ok((row.take::<Id<ProjectRecord>>()?, row.take()?, row.take()?))
        })?;
        let Some((project, author, task)) = found else { return Ok(None) };
        Ok(cx.enter(project)?.map(|place| Seen { id, place, author, task }))
    })
}

impl Seen {
    fn must_be_own(&self, tx: &Tx, or_owner: bool) -> Result<()> {
        let is_own = self.author.is_some() && self.author == tx.account_id();
        if is_own || (or_owner && self.place.role == Role::Owner) {
            return Ok(());
        }
        let reason = match or_owner {
            true => "Only its author and owners of the project delete a comment.",
            false => "Only its author changes a comment.",
        };
        Err(Error::denied(Permission {
            scope: "project",
            required: if or_owner { "the author, or OWNER" } else { "the author" }.into(),
            current: Some(self.place.role.word().into()),
            reason: reason.into(),
        }))
    }
}

/// Somebody who sees the project, so that it makes sense to mention them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mentionable {
    pub id: Id<Account>,
    pub name: String,
    pub email: String,
    pub avatar_url: Option<String>,
}

const MENTIONABLE_COLUMNS: &str = "a.id, a.name, a.email, a.avatar_url";

impl Mentionable {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Mentionable> {
        Ok(Mentionable { id: row.take()?, name: row.take()?, email: row.take()?, avatar_url: row.take()? })
    }

    /// All who see the project.
    fn in_project(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<Mentionable>> {
        static IN_PROJECT: LazyLock<String> = LazyLock::new(|| {
            let (from, is_member) = (members::FROM, members::IS_MEMBER);
            format!("select {MENTIONABLE_COLUMNS} from {from} where {is_member} and a.archived_at is null limit 1000")
        });
        all(tx.conn(), &IN_PROJECT, [project], Mentionable::read)
    }
}

/// What somebody is called in lower case.
struct Called<'a> {
    id: Id<Account>,
    name: String,
    email: &'a str,
}

impl<'a> Called<'a> {
    fn of(person: &'a Mentionable) -> Self {
        Called { id: person.id, name: person.name.to_lowercase(), email: &person.email }
    }

    /// How many bytes of the lower-case text, right behind an `@`, are the name or the e-mail.
    fn begins(&self, text: &str) -> Option<usize> {
        let ends_there = |word: &str| {
            let rest = text.strip_prefix(word)?;
            (!word.is_empty() && !rest.starts_with(char::is_alphanumeric)).then_some(word.len())
        };
        ends_there(self.email).max(ends_there(&self.name))
    }
}

/// Who is meant by `@email` and `@name` in a text: the longest name that fits; of several with the same name all.
/// An address such as `ann@example.com` mentions nobody called example.
fn found_in(body: &str, people: &[Mentionable]) -> Vec<Id<Account>> {
    /// At each of them everybody is looked up, while other writes wait.
    const LOOKED_AT: usize = 200;
    let body = body.to_lowercase();
    let called: Vec<Called<'_>> = people.iter().map(Called::of).collect();
    let mut found = Vec::new();
    let begins_a_word = |at: &usize| !body[..*at].ends_with(char::is_alphanumeric);
    for at in body.match_indices('@').map(|(at, _)| at).filter(begins_a_word).take(LOOKED_AT) {
        let rest = &body[at + 1..];
        let fitting: Vec<(usize, Id<Account>)> =
            called.iter().filter_map(|person| Some((person.begins(rest)?, person.id))).collect();
        let longest = fitting.iter().map(|(length, _)| *length).max();
        for (_, id) in fitting.iter().filter(|(length, _)| Some(*length) == longest) {
            if !found.contains(id) {
                found.push(*id);
            }
        }
    }
    found
}

/// Nobody means more people than this one by one.
const MOST_MENTIONS: usize = 50;

/// Who is mentioned by reference: members who see the project.
fn named(tx: &Tx, mentions: &[Ref<Account>], people: &[Mentionable]) -> Result<Vec<Id<Account>>> {
    if mentions.len() > MOST_MENTIONS {
        return Err(Error::field("mentions", format!("takes at most {MOST_MENTIONS} people")));
    }
    let mut ids = Vec::with_capacity(mentions.len());
    for mention in mentions {
        let id = mention.resolve_for("mentions", tx)?;
        if !people.iter().any(|person| person.id == id) {
            let message = format!("{} does not see the project; add them to it first", mention.text());
            return Err(Error::field("mentions", message));
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn mention(tx: &Tx, comment: Id<CommentRecord>, accounts: &[Id<Account>]) -> Result<()> {
    for account in accounts {
        let mut row = Change::of("comment_mention");
        row.set("comment_id", comment)?.set("account_id", account)?;
        insert::<MentionRecord>(tx, row)?;
    }
    Ok(())
}

const SORTS: &[Sort] = &[Sort::up("createdAt", "c.id")];

/// List the comments of a task, oldest first.
/// What changed: `task.activity`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListComments {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
}

impl Operation for ListComments {
    type Output = Page<Comment>;
    const SPEC: Spec = Spec {
        name: "comment.list",
        title: "List comments",
        route: Route::get("/tasks/{taskId}/comments"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More {
            aliases: &["task.comments", "list_comments"],
            sorts: SORTS,
            brief: &["id", "body", "author", "agent", "createdAt", "editedAt"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Comment>> {
        let task = tasks::seen(cx, &self.task_id)?;
        let select = Select::new(COLUMNS, FROM, "c.id").filter("c.task_id = ?", task.id);
        let mut page = select.page(cx, &Self::SPEC, Comment::read)?;
        show_mentions(cx, &mut page.items)?;
        Ok(page)
    }
}

/// Comment on a task. `@name` and `@email` in the text mention people too.
/// On a deal or person: `crm.activity.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddComment {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// Markdown.
    pub body: Prose<50_000>,
    /// Who else is meant: e-mails, names or ids.
    pub mentions: Option<Vec<Ref<Account>>>,
}

impl Operation for AddComment {
    type Output = Comment;
    const SPEC: Spec = Spec {
        name: "comment.add",
        title: "Comment on a task",
        route: Route::post("/tasks/{taskId}/comments"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Core,
        more: More { aliases: &["add_comment"], synonyms: SYNONYMS, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Comment> {
        let task = tasks::seen(cx, &self.task_id)?;
        task.place.must_be_active()?;
        let people = Mentionable::in_project(cx, task.place.id)?;
        let mut mentions = named(cx, &self.mentions.unwrap_or_default(), &people)?;
        let in_body = found_in(self.body.as_str(), &people);
        mentions.extend(in_body.into_iter().filter(|id| !mentions.contains(id)).collect::<Vec<_>>());
        let mut row = Change::of("comment");
        row.set("task_id", task.id)?
            .set("author_id", cx.account_id())?
            .set("agent_id", cx.agent_id())?
            .set("body", &self.body)?;
        let id = insert(cx, row)?;
        mention(cx, id, &mentions)?;
        notifications::mentioned(cx, task.id, id, self.body.as_str(), &mentions)?;
        Comment::by_id(cx, id)
    }
}

/// What guides call the text of a comment.
const SYNONYMS: &[(&str, &str)] = &[("text", "body"), ("content", "body")];

/// Change one of your comments. Only people mentioned for the first time are told.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateComment {
    /// The comment's id.
    pub comment_id: Ref<CommentRecord>,
    /// Markdown.
    pub body: Option<Prose<50_000>>,
    /// Who else is meant, in place of those before.
    pub mentions: Option<Vec<Ref<Account>>>,
}

impl Operation for UpdateComment {
    type Output = Comment;
    const SPEC: Spec = Spec {
        name: "comment.update",
        title: "Change a comment",
        route: Route::patch("/comments/{commentId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { aliases: &["update_comment"], synonyms: SYNONYMS, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Comment> {
        const UNMENTION: &str = "
            delete from comment_mention where comment_id = ?1 and account_id not in (select value from json_each(?2))";
        let seen = seen(cx, &self.comment_id)?;
        seen.must_be_own(cx, false)?;
        let before = Comment::by_id(cx, seen.id)?;
        let body = self.body.as_ref().map_or(before.body.as_str(), Prose::as_str);

        let people = Mentionable::in_project(cx, seen.place.id)?;
        let known: Vec<Id<Account>> = before.mentions.iter().map(|named| named.id).collect();
        let mut mentions = match &self.mentions {
            Some(mentions) => named(cx, mentions, &people)?,
            // Those of before who did not stand in the text.
            None => {
                let in_body = found_in(&before.body, &people);
                known.iter().copied().filter(|id| !in_body.contains(id)).collect()
            }
        };
        let in_body = found_in(body, &people);
        mentions.extend(in_body.into_iter().filter(|id| !mentions.contains(id)).collect::<Vec<_>>());
        let fresh: Vec<Id<Account>> = mentions.iter().copied().filter(|id| !known.contains(id)).collect();

        let mut row = Change::existing(cx, "comment", seen.id)?;
        if body != before.body || mentions.len() != known.len() || !fresh.is_empty() {
            row.set("body", body)?.set("edited_at", cx.now())?;
        }
        row.update(cx, seen.id)?;
        run(cx.conn(), UNMENTION, (seen.id, id::array(mentions)))?;
        mention(cx, seen.id, &fresh)?;
        notifications::mentioned(cx, seen.task, seen.id, body, &fresh)?;
        Comment::by_id(cx, seen.id)
    }
}

/// Delete one of your comments, or any in a project you own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteComment {
    /// The comment's id.
    pub comment_id: Ref<CommentRecord>,
}

impl Operation for DeleteComment {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "comment.delete",
        title: "Delete a comment",
        route: Route::delete("/comments/{commentId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Tasks,
        more: More { aliases: &["delete_comment"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let seen = seen(cx, &self.comment_id)?;
        seen.must_be_own(cx, true)?;
        delete(cx, "comment", seen.id)
    }
}

/// List who can be mentioned in a project or at a task: those who see it.
/// All members: `workspace.member.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListMentionableUsers {
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// In place of the project, a task of it.
    pub task_id: Option<Ref<TaskRecord>>,
    /// A part of the name or e-mail.
    pub search: Option<Line<120>>,
}

impl Operation for ListMentionableUsers {
    type Output = Page<Mentionable>;
    const SPEC: Spec = Spec {
        name: "mentionable_users.list",
        title: "List who can be mentioned",
        route: Route::get("/mentionable-users"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More { sorts: &[Sort::up("name", "a.name collate nocase")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Mentionable>> {
        let project = self.project_id.map(|project| cx.project_for("projectId", &project)).transpose()?;
        let task = self.task_id.map(|task| tasks::seen_for(cx, "taskId", &task)).transpose()?;
        let place = match (project, task) {
            (None, None) => {
                let missing =
                    |field: &str| FieldError { field: field.into(), message: "say where: projectId or taskId".into() };
                return Err(Error::fields(vec![missing("projectId"), missing("taskId")]));
            }
            (Some(project), Some(task)) if project.id != task.place.id => {
                return Err(Error::field("taskId", format!("is in the project {}", task.place.key)));
            }
            (Some(place), _) => place,
            (None, Some(task)) => task.place,
        };
        let search = self.search.map(|text| text.as_str().to_lowercase());
        Select::new(MENTIONABLE_COLUMNS, members::FROM, "a.id")
            .parameter(place.id)
            .condition(members::IS_MEMBER)
            .condition("a.archived_at is null")
            .filter_some("instr(lower(a.name) || ' ' || a.email, ?) > 0", search)
            .page(cx, &Self::SPEC, Mentionable::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_the_longest_name_behind_an_at() {
        let person = |raw: i64, name: &str| Mentionable {
            id: Id::from_raw(raw),
            name: name.into(),
            email: format!("{}@example.com", name.to_lowercase().replace(' ', ".")),
            avatar_url: None,
        };
        let people = [person(1, "Ann"), person(2, "Ann Lee"), person(3, "Özil"), person(4, "Ben"), person(5, "Ben")];
        let found = |body: &str| found_in(body, &people).into_iter().map(Id::raw).collect::<Vec<_>>();
        assert_eq!(found("@ann, look"), [1]);
        assert_eq!(found("(@Ann Lee) and @ÖZIL!"), [2, 3]);
        assert_eq!(found("@ann.lee@example.com @ann"), [2, 1]);
        assert_eq!(found("@ben"), [4, 5]);
        assert_eq!(found("@annabel, x@ann, @ ann, @nobody, @"), [0; 0]);
    }
}
