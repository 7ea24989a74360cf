//! Where the CRM and projects meet: a deal becomes a project, a follow-up becomes a task, and what happens there is told here.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id};
use crate::core::money::{Currency, Money};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{Named, Ref, Referable};
use crate::core::store::{Change, all, insert, one, optional, run};
use crate::core::text::{Line, Prose};
use crate::core::time::{Day, DayWord, Moment};
use crate::features::clients::ClientRecord;
use crate::features::projects::statuses::StatusRecord;
use crate::features::projects::{CreateProject, Key, OPEN_TASKS, Project, Visibility};
use crate::features::tasks::TaskRecord;
use crate::features::tasks::create::CreateTask;
use crate::features::tasks::task::{Priority, Task, TaskLine};

use super::activities::{ActivityRecord, ActivityType};
use super::deals::{DealRecord, DealStatus, ListDeals};
use super::follow_ups::{FollowUpRecord, FollowUpStatus};
use super::organizations::OrganizationRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<CreateProjectFromDeal>(), Entry::of::<CreateTaskFromFollowUp>()];

/// Make a project from a deal and link the two. Its organization becomes the client.
/// For a project that exists, set projectId: `crm.deal.update`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProjectFromDeal {
    /// Title or id. It must not have a project yet.
    pub deal_id: Ref<DealRecord>,
    /// Else the deal's title.
    pub name: Option<Line<200>>,
    /// 2 to 6 letters; else made from the name.
    pub key: Option<Key>,
    /// Markdown.
    pub description: Option<Prose<50_000>>,
    /// WORKSPACE if left out.
    pub visibility: Option<Visibility>,
}

impl CreateProjectFromDeal {
    /// Everything as the deal has it.
    pub fn of(deal_id: Ref<DealRecord>) -> Self {
        CreateProjectFromDeal { deal_id, name: None, key: None, description: None, visibility: None }
    }
}

/// The project, with the deal it delivers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectOfDeal {
    #[serde(flatten)]
    pub project: Project,
    pub deal_id: Id<DealRecord>,
    pub deal: Named<DealRecord>,
}

impl Answer for ProjectOfDeal {
    fn version(&self) -> Option<i64> {
        self.project.version()
    }
    fn location(&self) -> Option<String> {
        self.project.location()
    }
}

impl Operation for CreateProjectFromDeal {
    type Output = ProjectOfDeal;
    const SPEC: Spec = Spec {
        name: "crm.deal.create_project",
        title: "Make a project from a deal",
        route: Route::post("/crm/deals/{dealId}/project"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ProjectOfDeal> {
        const DEAL: &str = "
            select d.title, d.project_id, d.owner_id, o.name
              from crm_deal d left join crm_organization o on o.id = d.organization_id
             where d.id = ?1";
        let id = self.deal_id.resolve(cx)?;
        let (title, project, owner, organization) = one(cx.conn(), DEAL, [id], |row| {
            let (title, project) = (row.take::<String>()?, row.take::<Option<Id<ProjectRecord>>>()?);
            Ok((title, project, row.take::<Option<Id<Account>>>()?, row.take::<Option<String>>()?))
        })?;
        if project.is_some() {
            return Err(Error::conflict(
                "The deal has a project already. To link another one, update the deal's projectId.",
            ));
        }
        let client = organization.map(|name| client_named(cx, &name)).transpose()?;
        let project = cx.run(CreateProject {
            name: match self.name {
                Some(name) => name,
                None => Line::parse(&title).map_err(Error::internal)?,
            },
            key: self.key,
            slug: None,
            description: self.description,
            client_id: client.map(Ref::from),
            visibility: self.visibility,
            members: Some(still_here(cx, owner)?.into_iter().collect()),
        })?;
        let mut link = Change::of("crm_deal");
        link.set("project_id", project.id)?;
        link.update(cx, id)?;
        Ok(ProjectOfDeal { project, deal_id: id, deal: Named { id, name: title } })
    }
}

/// The owner, unless they have left the workspace.
fn still_here(tx: &Tx, owner: Option<Id<Account>>) -> Result<Option<Ref<Account>>> {
    Ok(match owner {
        Some(owner) if Account::exists(tx, owner)? => Some(owner.into()),
        _ => None,
    })
}

/// Whoever may open the project may also say for whom, so a client that is missing is made.
fn client_named(tx: &Tx, name: &str) -> Result<Id<ClientRecord>> {
    if let Some((id, _)) = ClientRecord::named(tx, name)?.pop() {
        return Ok(id);
    }
    let mut client = Change::of("client");
    client.set("workspace_id", tx.workspace_id())?.set("name", name)?;
    insert(tx, client)
}

/// Make a task from a follow-up and link the two: when the task is done, so is the follow-up.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTaskFromFollowUp {
    /// Id, or title of an open one, without a task yet.
    pub follow_up_id: Ref<FollowUpRecord>,
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// Else the follow-up's.
    pub title: Option<Line<300>>,
    /// Name, type or id; else the backlog.
    pub status: Option<Line<320>>,
    /// P2 if left out.
    pub priority: Option<Priority>,
    /// Else the follow-up's.
    pub owner_id: Option<Ref<Account>>,
    /// e.g. `friday`; else the follow-up's.
    pub due_date: Option<DayWord>,
}

/// The task, with the follow-up it settles.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOfFollowUp {
    #[serde(flatten)]
    pub task: Task,
    pub follow_up_id: Id<FollowUpRecord>,
}

impl Answer for TaskOfFollowUp {
    fn version(&self) -> Option<i64> {
        self.task.version()
    }
    fn location(&self) -> Option<String> {
        self.task.location()
    }
}

impl Operation for CreateTaskFromFollowUp {
    type Output = TaskOfFollowUp;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.create_task",
        title: "Make a task from a follow-up",
        route: Route::post("/crm/follow-ups/{followUpId}/task"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<TaskOfFollowUp> {
        const FOLLOW_UP: &str = "select title, body, due_at, owner_id, task_id from crm_follow_up where id = ?1";
        let id = self.follow_up_id.resolve(cx)?;
        let (title, body, due, owner, task) = one(cx.conn(), FOLLOW_UP, [id], |row| {
            let (title, body) = (row.take::<String>()?, row.take::<Option<String>>()?);
            let (due, owner) = (row.take::<Option<Moment>>()?, row.take::<Option<Id<Account>>>()?);
            Ok((title, body, due, owner, row.take::<Option<Id<TaskRecord>>>()?))
        })?;
        if task.is_some() {
            return Err(Error::conflict("The follow-up has a task already."));
        }
        let due: Option<Day> = due.map(|moment| moment.day(&cx.time_zone()));
        let title = match self.title {
            Some(title) => title,
            None => Line::parse(&title).map_err(Error::internal)?,
        };
        let task = cx.run(CreateTask {
            description: body.map(|text| Prose::parse(&text)).transpose().map_err(Error::internal)?,
            status: self.status,
            priority: self.priority,
            owner_id: match self.owner_id {
                Some(owner) => Some(owner),
                None => still_here(cx, owner)?,
            },
            due_date: self.due_date.or(due.map(DayWord::On)),
            ..CreateTask::new(self.project_id, title)
        })?;
        let mut link = Change::of("crm_follow_up");
        link.set("task_id", task.id)?;
        link.update(cx, id)?;
        if task.completed_at.is_some() {
            follow_ups_done(cx, task.id)?;
        }
        Ok(TaskOfFollowUp { task, follow_up_id: id })
    }
}

/// A deal that a project came from or belongs to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedDeal {
    pub id: Id<DealRecord>,
    pub title: String,
    pub status: DealStatus,
    /// In whole units of `currency`.
    #[schemars(with = "Option<f64>")]
    pub value: Option<Money>,
    pub currency: Option<Currency>,
}

/// The newest deals that are linked with a project; none for who may not read the CRM.
pub fn deals_of(tx: &Tx, project: Id<ProjectRecord>, most: i64) -> Result<Vec<LinkedDeal>> {
    const NEWEST: &str = "
        select id, title, status, value_minor, currency from crm_deal
         where project_id = ?1 and archived_at is null order by id desc limit ?2";
    if !reads_crm(tx) {
        return Ok(Vec::new());
    }
    all(tx.conn(), NEWEST, (project, most), |row| {
        let (id, title, status) = (row.take()?, row.take()?, row.take()?);
        let (minor, currency) = (row.take::<Option<i64>>()?, row.take::<Option<Currency>>()?);
        let value = minor.zip(currency).map(|(minor, currency)| Money { minor, currency });
        Ok(LinkedDeal { id, title, status, value, currency })
    })
}

/// The follow-up that a task was made from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LinkedFollowUp {
    pub id: Id<FollowUpRecord>,
    pub title: String,
    pub status: FollowUpStatus,
}

/// The newest follow-up that is linked with a task; none for who may not read the CRM.
pub fn follow_up_of(tx: &Tx, task: Id<TaskRecord>) -> Result<Option<LinkedFollowUp>> {
    const NEWEST: &str = "select id, title, status from crm_follow_up where task_id = ?1 order by id desc limit 1";
    if !reads_crm(tx) {
        return Ok(None);
    }
    optional(tx.conn(), NEWEST, [task], |row| {
        Ok(LinkedFollowUp { id: row.take()?, title: row.take()?, status: row.take()? })
    })
}

fn reads_crm(tx: &Tx) -> bool {
    tx.config().crm && tx.caller().identity.allows(&ListDeals::SPEC)
}

/// What follows from a task that was just done: its follow-up is done too, and the deal of its project hears of the first
/// task and of the last.
pub fn task_done(tx: &Tx, task: Id<TaskRecord>) -> Result<()> {
    const MILESTONES: &str = "
        select p.id, iif(p.visibility = 'WORKSPACE', p.name, null), p.key || '-' || t.number || ' ' || t.title,
               (select count(*) from (select 1 from task_status s cross join task o on o.status_id = s.id
                                       where s.project_id = p.id and s.type = 'DONE' limit 2)),
               exists (select 1 from task_status s cross join task o indexed by task_on_board on o.status_id = s.id
                        where s.project_id = p.id and s.type <> 'DONE' and o.archived_at is null)
          from task t join project p on p.id = t.project_id
         where t.id = ?1 and exists (select 1 from crm_deal d where d.project_id = p.id)";
    follow_ups_done(tx, task)?;
    let found = optional(tx.conn(), MILESTONES, [task], |row| {
        let (project, name, title) = (row.take()?, row.take::<Option<String>>()?, row.take::<String>()?);
        Ok((project, name, title, row.take::<i64>()?, row.take::<bool>()?))
    })?;
    let Some((project, name, title, done, any_open)) = found else { return Ok(()) };
    // Everybody in the workspace reads the deal, but not what is inside a project of a few.
    let (project_name, title) = match name {
        Some(name) => (format!("project {name}"), format!(": {title}")),
        None => ("linked project".to_owned(), ".".to_owned()),
    };
    if done == 1 {
        tell_deals(tx, project, Some(task), &format!("The first task of the {project_name} is done{title}"))?;
    }
    if !any_open {
        tell_deals(tx, project, Some(task), &format!("The last open task of the {project_name} is done{title}"))?;
    }
    Ok(())
}

fn follow_ups_done(tx: &Tx, task: Id<TaskRecord>) -> Result<()> {
    const FOLLOW_UPS: &str = "
        update crm_follow_up set status = 'DONE', completed_at = ?2, updated_at = ?2, version = version + 1
         where task_id = ?1 and status = 'OPEN'";
    run(tx.conn(), FOLLOW_UPS, (task, tx.now())).map(drop)
}

/// Every follow-up whose task stands in this status is done too: the status becomes one of done tasks.
pub fn follow_ups_done_in(tx: &Tx, status: Id<StatusRecord>) -> Result<()> {
    const FOLLOW_UPS: &str = "
        update crm_follow_up set status = 'DONE', completed_at = ?2, updated_at = ?2, version = version + 1
         where status = 'OPEN' and task_id in (select id from task where status_id = ?1)";
    run(tx.conn(), FOLLOW_UPS, (status, tx.now())).map(drop)
}

/// A linked deal hears that its project was put away.
pub fn project_archived(tx: &Tx, project: &Project) -> Result<()> {
    let text = match project.visibility {
        Visibility::Workspace => format!("The project {} was archived.", project.name),
        Visibility::Members => "The linked project was archived.".to_owned(),
    };
    tell_deals(tx, project.id, None, &text)
}

/// What is being worked on for an organization: the projects of its deals, as far as the caller sees them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The newest 100.
    pub projects: Vec<WorkedOn>,
    /// The 25 of their tasks that changed last.
    pub tasks: Vec<TaskLine>,
    /// Time logged in these projects, by everybody.
    pub total_minutes: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkedOn {
    pub id: Id<ProjectRecord>,
    pub key: String,
    pub name: String,
    /// Tasks that are neither done nor archived.
    pub open_tasks: i64,
    pub total_minutes: i64,
    pub archived_at: Option<Moment>,
}

pub(super) fn work_for(tx: &Tx, organization: Id<OrganizationRecord>) -> Result<Work> {
    static PROJECTS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "select p.id, p.key, p.name, p.archived_at,
                    {OPEN_TASKS},
                    (select ifnull(sum(minutes), 0) from timesheet_entry where project_id = p.id)
               from project p
              where p.id in (select project_id from crm_deal where organization_id = :organization and project_id is not null) and {VISIBLE}
              order by p.id desc limit 100"
        )
    });
    static TASKS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "select {} from json_each(:projects) w
              cross join task t on t.id in (select id from task where project_id = w.value and archived_at is null order by updated_at desc, id desc limit 25)
              cross join project p on p.id = t.project_id cross join task_status s on s.id = t.status_id
              order by t.updated_at desc, t.id desc limit 25",
            TaskLine::COLUMNS
        )
    });
    let Sight { all: sees_all, me, projects: only } = tx.sight();
    let parameters = named_params! { ":organization": organization, ":all": sees_all, ":me": me, ":projects": only };
    let projects = all(tx.conn(), &PROJECTS, parameters, |row| {
        let (id, key, name, archived_at) = (row.take()?, row.take()?, row.take()?, row.take()?);
        Ok(WorkedOn { id, key, name, archived_at, open_tasks: row.take()?, total_minutes: row.take()? })
    })?;
    let ids = id::array(projects.iter().map(|project| project.id));
    let tasks = all(tx.conn(), &TASKS, named_params! { ":projects": ids }, TaskLine::read)?;
    let total_minutes = projects.iter().map(|project| project.total_minutes).sum();
    Ok(Work { projects, tasks, total_minutes })
}

/// Adds an activity to each deal of the project, as a note by whoever caused it.
fn tell_deals(tx: &Tx, project: Id<ProjectRecord>, task: Option<Id<TaskRecord>>, text: &str) -> Result<()> {
    const DEALS: &str = "select id, organization_id from crm_deal where project_id = ?1 order by id limit 100";
    if !tx.config().crm {
        return Ok(());
    }
    let deals = all(tx.conn(), DEALS, [project], |row| {
        Ok((row.take::<Id<DealRecord>>()?, row.take::<Option<Id<OrganizationRecord>>>()?))
    })?;
    for (deal, organization) in deals {
        let mut row = Change::of("crm_activity");
        row.set("workspace_id", tx.workspace_id())?
            .set("type", ActivityType::Note)?
            .set("body", text)?
            .set("deal_id", deal)?
            .set("organization_id", organization)?
            .set("task_id", task)?
            .set("actor_id", tx.account_id())?
            .set("agent_id", tx.agent_id())?
            .set("occurred_at", tx.now())?;
        insert::<ActivityRecord>(tx, row)?;
    }
    Ok(())
}
