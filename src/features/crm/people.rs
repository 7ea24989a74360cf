//! People: the contacts at organizations.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::reference::{MaybeRef, Named, Ref, Referable};
use crate::core::store::{Change, all, insert, optional};
use crate::core::text::{Email, Labels, Line, Prose, Website};
use crate::core::time::Moment;
use crate::features::search;

use super::activities::{self, Activity};
use super::deals::{self, Deal};
use super::follow_ups::{self, FollowUp};
use super::organizations::OrganizationRecord;
use super::{Whose, owner};

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<CreatePerson>(), Entry::of::<GetPerson>(), Entry::of::<ListPeople>(), Entry::of::<UpdatePerson>()];

#[derive(Debug, Clone, Copy)]
pub struct PersonRecord;
impl Record for PersonRecord {
    const PREFIX: &'static str = "person";
    const NOUN: &'static str = "person";
}

/// A contact, usually at an organization.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub id: Id<PersonRecord>,
    pub name: String,
    pub organization_id: Option<Id<OrganizationRecord>>,
    pub organization: Option<Named<OrganizationRecord>>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub mobile: Option<String>,
    /// Their position.
    pub title: Option<String>,
    pub linkedin_url: Option<String>,
    pub source: Option<String>,
    pub notes: Option<String>,
    pub labels: Labels,
    pub owner_id: Option<Id<Account>>,
    pub owner: Option<Named<Account>>,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Person {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/crm/people/{}", self.id))
    }
}

const COLUMNS: &str = "
    p.id, p.name, o.id, o.name, p.email, p.phone, p.mobile, p.title, p.linkedin_url, p.source, p.notes, p.labels,
    a.id, a.name, p.archived_at, p.created_at, p.updated_at, p.version";

const FROM: &str = "
    crm_person p
    left join crm_organization o on o.id = p.organization_id
    left join account a on a.id = p.owner_id";

impl Person {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Person> {
        let mut person = Person {
            id: row.take()?,
            name: row.take()?,
            organization_id: None,
            organization: Named::read(row)?,
            email: row.take()?,
            phone: row.take()?,
            mobile: row.take()?,
            title: row.take()?,
            linkedin_url: row.take()?,
            source: row.take()?,
            notes: row.take()?,
            labels: row.take()?,
            owner_id: None,
            owner: Named::read(row)?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        person.organization_id = person.organization.as_ref().map(|organization| organization.id);
        person.owner_id = person.owner.as_ref().map(|owner| owner.id);
        Ok(person)
    }

    fn find(tx: &Tx, id: Id<PersonRecord>) -> Result<Option<Person>> {
        static FIND: LazyLock<String> =
            LazyLock::new(|| format!("select {COLUMNS} from {FROM} where p.id = ?1 and p.workspace_id = ?2"));
        optional(tx.conn(), &FIND, (id, tx.workspace_id()), Person::read)
    }

    fn by_id(tx: &Tx, id: Id<PersonRecord>) -> Result<Person> {
        Person::find(tx, id)?.ok_or_else(|| Error::internal("a record just written is gone"))
    }
}

/// The first hundred by name that are not archived.
pub(super) fn of_organization(tx: &Tx, id: Id<OrganizationRecord>) -> Result<Vec<Person>> {
    let sql = format!(
        "select {COLUMNS} from {FROM} where p.organization_id = ?1 and p.archived_at is null order by p.name collate nocase limit 100"
    );
    all(tx.conn(), &sql, [id], Person::read)
}

impl Referable for PersonRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from crm_person where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    /// By name or e-mail.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "
            select id, name from crm_person
             where workspace_id = ?1 and name = ?2 collate nocase and archived_at is null
            union
            select id, name from crm_person
             where workspace_id = ?1 and email = lower(?2) and archived_at is null
             limit 6";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// Add a contact.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePerson {
    /// e.g. `Mara Lindqvist`.
    pub name: Line<200>,
    /// Where they work: name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// One address.
    pub email: Option<Email>,
    /// In any form.
    pub phone: Option<Line<60>>,
    /// In any form.
    pub mobile: Option<Line<60>>,
    /// Their position.
    pub title: Option<Line<120>>,
    /// Profile address.
    pub linkedin_url: Option<Website>,
    /// e.g. `Conference`.
    pub source: Option<Line<120>>,
    /// Free text.
    pub notes: Option<Prose<20_000>>,
    /// Any names.
    pub labels: Option<Labels>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
}

impl Operation for CreatePerson {
    type Output = Person;
    const SPEC: Spec = Spec {
        name: "crm.person.create",
        title: "Add a person",
        route: Route::post("/crm/people"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Person> {
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let owner = owner(cx, self.owner_id)?;
        let mut row = Change::of("crm_person");
        row.set("workspace_id", cx.workspace_id())?
            .set("name", self.name)?
            .set("organization_id", organization)?
            .set("email", self.email)?
            .set("phone", self.phone)?
            .set("mobile", self.mobile)?
            .set("title", self.title)?
            .set("linkedin_url", self.linkedin_url)?
            .set("source", self.source)?
            .set("notes", self.notes)?
            .set("labels", self.labels.unwrap_or_default())?
            .set("owner_id", owner)?;
        Person::by_id(cx, insert(cx, row)?)
    }
}

/// Read one person with their deals, open follow-ups and newest activities.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetPerson {
    /// Name, e-mail or id.
    pub person_id: Ref<PersonRecord>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonDetail {
    #[serde(flatten)]
    pub person: Person,
    /// The newest 100.
    pub deals: Vec<Deal>,
    /// What is still to do, soonest first.
    pub follow_ups: Vec<FollowUp>,
    /// The newest 25.
    pub activities: Vec<Activity>,
}

impl Answer for PersonDetail {
    fn version(&self) -> Option<i64> {
        Some(self.person.version)
    }
}

impl Operation for GetPerson {
    type Output = PersonDetail;
    const SPEC: Spec = Spec {
        name: "crm.person.get",
        title: "Read a person",
        route: Route::get("/crm/people/{personId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<PersonDetail> {
        let person = self.person_id.find(cx, |id| Person::find(cx, id))?;
        let id = person.id;
        Ok(PersonDetail {
            person,
            deals: deals::newest_for(cx, deals::For::Person(id))?,
            follow_ups: follow_ups::open_for(cx, Whose::Person(id))?,
            activities: activities::newest_for(cx, Whose::Person(id))?,
        })
    }
}

pub const SORTS: &[Sort] = &[
    Sort::down("updatedAt", "p.updated_at"),
    Sort::down("createdAt", "p.id"),
    Sort::up("name", "p.name collate nocase"),
];

/// List contacts, newest change first.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListPeople {
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// These too.
    pub archived: Option<bool>,
}

impl Operation for ListPeople {
    type Output = Page<Person>;
    const SPEC: Spec = Spec {
        name: "crm.person.list",
        title: "List people",
        route: Route::get("/crm/people"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More {
            sorts: SORTS,
            brief: &["id", "name", "title", "organization", "email", "phone", "mobile"],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Person>> {
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        let words = self.search.map(|text| search::in_workspace(cx, &["person"], text.as_str()));
        let mut people = Select::new(COLUMNS, FROM, "p.id")
            .filter("p.workspace_id = ?", cx.workspace_id())
            .filter_some("p.organization_id = ?", organization)
            .filter_some("p.owner_id = ?", owner)
            .filter_some("p.id in (select rowid from search_index where search_index match ?)", words);
        if !self.archived.unwrap_or(false) {
            people = people.condition("p.archived_at is null");
        }
        people.page(cx, &Self::SPEC, Person::read)
    }
}

/// Change a contact.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdatePerson {
    /// Name, e-mail or id.
    #[schemars(required)]
    pub person_id: Ref<PersonRecord>,
    /// Full name.
    pub name: Patch<Line<200>>,
    /// Where they work: name, domain or id.
    pub organization_id: Patch<Ref<OrganizationRecord>>,
    /// One address.
    pub email: Patch<Email>,
    /// In any form.
    pub phone: Patch<Line<60>>,
    /// In any form.
    pub mobile: Patch<Line<60>>,
    /// Their position.
    pub title: Patch<Line<120>>,
    /// Profile address.
    pub linkedin_url: Patch<Website>,
    /// e.g. `Conference`.
    pub source: Patch<Line<120>>,
    /// Free text.
    pub notes: Patch<Prose<20_000>>,
    /// All they will have.
    pub labels: Patch<Labels>,
    /// E-mail, name or `me`.
    pub owner_id: Patch<Ref<Account>>,
    /// false brings it back.
    pub archived: Patch<bool>,
}

impl Operation for UpdatePerson {
    type Output = Person;
    const SPEC: Spec = Spec {
        name: "crm.person.update",
        title: "Change a person",
        route: Route::patch("/crm/people/{personId}"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Person> {
        let id = self.person_id.resolve(cx)?;
        let mut row = Change::existing(cx, "crm_person", id)?;
        row.patch("name", &self.name.never_cleared("name")?.into())?
            .patch("organization_id", &self.organization_id.resolve_for("organizationId", cx)?)?
            .patch("email", &self.email)?
            .patch("phone", &self.phone)?
            .patch("mobile", &self.mobile)?
            .patch("title", &self.title)?
            .patch("linkedin_url", &self.linkedin_url)?
            .patch("source", &self.source)?
            .patch("notes", &self.notes)?
            .patch("labels", &self.labels.or_empty())?
            .patch("owner_id", &self.owner_id.resolve_for("ownerId", cx)?)?
            .archive(cx, self.archived.never_cleared("archived")?)?;
        row.update(cx, id)?;
        Person::by_id(cx, id)
    }
}
