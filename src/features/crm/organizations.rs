//! Organizations: companies, customers, vendors.

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
use super::bridges::{self, Work};
use super::deals::{self, Deal};
use super::follow_ups::{self, FollowUp};
use super::people::{self, Person};
use super::{Whose, owner};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<CreateOrganization>(),
    Entry::of::<GetOrganization>(),
    Entry::of::<ListOrganizations>(),
    Entry::of::<UpdateOrganization>(),
];

#[derive(Debug, Clone, Copy)]
pub struct OrganizationRecord;
impl Record for OrganizationRecord {
    const PREFIX: &'static str = "org";
    const NOUN: &'static str = "organization";
}

/// A company, customer, vendor.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    pub id: Id<OrganizationRecord>,
    pub name: String,
    pub website: Option<String>,
    /// From the website: `example.com`.
    pub domain: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub industry: Option<String>,
    pub size: Option<String>,
    pub source: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub notes: Option<String>,
    pub labels: Labels,
    pub owner_id: Option<Id<Account>>,
    pub owner: Option<Named<Account>>,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Organization {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/crm/organizations/{}", self.id))
    }
}

const COLUMNS: &str = "
    o.id, o.name, o.website, o.domain, o.email, o.phone, o.industry, o.size, o.source,
    o.address, o.city, o.region, o.postal_code, o.country, o.notes, o.labels,
    a.id, a.name, o.archived_at, o.created_at, o.updated_at, o.version";

const FROM: &str = "
    crm_organization o
    left join account a on a.id = o.owner_id";

impl Organization {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Organization> {
        let mut organization = Organization {
            id: row.take()?,
            name: row.take()?,
            website: row.take()?,
            domain: row.take()?,
            email: row.take()?,
            phone: row.take()?,
            industry: row.take()?,
            size: row.take()?,
            source: row.take()?,
            address: row.take()?,
            city: row.take()?,
            region: row.take()?,
            postal_code: row.take()?,
            country: row.take()?,
            notes: row.take()?,
            labels: row.take()?,
            owner_id: None,
            owner: Named::read(row)?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        organization.owner_id = organization.owner.as_ref().map(|owner| owner.id);
        Ok(organization)
    }

    fn find(tx: &Tx, id: Id<OrganizationRecord>) -> Result<Option<Organization>> {
        static FIND: LazyLock<String> =
            LazyLock::new(|| format!("select {COLUMNS} from {FROM} where o.id = ?1 and o.workspace_id = ?2"));
        optional(tx.conn(), &FIND, (id, tx.workspace_id()), Organization::read)
    }

    fn by_id(tx: &Tx, id: Id<OrganizationRecord>) -> Result<Organization> {
        Organization::find(tx, id)?.ok_or_else(|| Error::internal("a record just written is gone"))
    }
}

impl Referable for OrganizationRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from crm_organization where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    /// By name or domain.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and name = ?2 collate nocase and archived_at is null
            union
            select id, name from crm_organization
             where workspace_id = ?1 and domain = lower(?2) and archived_at is null
             limit 6";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// Add a company, customer or vendor.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOrganization {
    /// e.g. `Acme GmbH`.
    pub name: Line<200>,
    /// e.g. `https://acme.com`.
    pub website: Option<Website>,
    /// One address.
    pub email: Option<Email>,
    /// In any form.
    pub phone: Option<Line<60>>,
    /// e.g. `Logistics`.
    pub industry: Option<Line<120>>,
    /// How many people.
    pub size: Option<Line<60>>,
    /// e.g. `Referral`.
    pub source: Option<Line<120>>,
    /// Street and number.
    pub address: Option<Line<300>>,
    /// e.g. `Berlin`.
    pub city: Option<Line<120>>,
    /// State or province.
    pub region: Option<Line<120>>,
    /// Postal code.
    pub postal_code: Option<Line<30>>,
    /// e.g. `Germany`.
    pub country: Option<Line<120>>,
    /// Free text.
    pub notes: Option<Prose<20_000>>,
    /// Any names.
    pub labels: Option<Labels>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
}

impl Operation for CreateOrganization {
    type Output = Organization;
    const SPEC: Spec = Spec {
        name: "crm.organization.create",
        title: "Add an organization",
        route: Route::post("/crm/organizations"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Organization> {
        let owner = owner(cx, self.owner_id)?;
        let mut row = Change::of("crm_organization");
        row.set("workspace_id", cx.workspace_id())?
            .set("name", self.name)?
            .set("domain", self.website.as_ref().map(Website::domain))?
            .set("website", self.website)?
            .set("email", self.email)?
            .set("phone", self.phone)?
            .set("industry", self.industry)?
            .set("size", self.size)?
            .set("source", self.source)?
            .set("address", self.address)?
            .set("city", self.city)?
            .set("region", self.region)?
            .set("postal_code", self.postal_code)?
            .set("country", self.country)?
            .set("notes", self.notes)?
            .set("labels", self.labels.unwrap_or_default())?
            .set("owner_id", owner)?;
        Organization::by_id(cx, insert(cx, row)?)
    }
}

/// Read an organization with people, deals, follow-ups, activities, projects, tasks and hours.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetOrganization {
    /// Name, domain or id.
    pub organization_id: Ref<OrganizationRecord>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationDetail {
    #[serde(flatten)]
    pub organization: Organization,
    /// The first 100 by name.
    pub people: Vec<Person>,
    /// The newest 100.
    pub deals: Vec<Deal>,
    /// What is still to do, soonest first.
    pub follow_ups: Vec<FollowUp>,
    /// The newest 25.
    pub activities: Vec<Activity>,
    #[serde(flatten)]
    pub work: Work,
}

impl Answer for OrganizationDetail {
    fn version(&self) -> Option<i64> {
        Some(self.organization.version)
    }
}

impl Operation for GetOrganization {
    type Output = OrganizationDetail;
    const SPEC: Spec = Spec {
        name: "crm.organization.get",
        title: "Read an organization",
        route: Route::get("/crm/organizations/{organizationId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<OrganizationDetail> {
        let organization = self.organization_id.find(cx, |id| Organization::find(cx, id))?;
        let id = organization.id;
        Ok(OrganizationDetail {
            organization,
            people: people::of_organization(cx, id)?,
            deals: deals::newest_for(cx, deals::For::Organization(id))?,
            follow_ups: follow_ups::open_for(cx, Whose::Organization(id))?,
            activities: activities::newest_for(cx, Whose::Organization(id))?,
            work: bridges::work_for(cx, id)?,
        })
    }
}

pub const SORTS: &[Sort] = &[
    Sort::down("updatedAt", "o.updated_at"),
    Sort::down("createdAt", "o.id"),
    Sort::up("name", "o.name collate nocase"),
];

/// List organizations, newest change first.
/// For whom projects are: `client.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListOrganizations {
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// These too.
    pub archived: Option<bool>,
}

impl Operation for ListOrganizations {
    type Output = Page<Organization>;
    const SPEC: Spec = Spec {
        name: "crm.organization.list",
        title: "List organizations",
        route: Route::get("/crm/organizations"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More {
            sorts: SORTS,
            brief: &["id", "name", "domain", "email", "phone", "industry", "city", "owner"],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Organization>> {
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        let words = self.search.map(|text| search::in_workspace(cx, &["organization"], text.as_str()));
        let mut organizations = Select::new(COLUMNS, FROM, "o.id")
            .filter("o.workspace_id = ?", cx.workspace_id())
            .filter_some("o.owner_id = ?", owner)
            .filter_some("o.id in (select rowid from search_index where search_index match ?)", words);
        if !self.archived.unwrap_or(false) {
            organizations = organizations.condition("o.archived_at is null");
        }
        organizations.page(cx, &Self::SPEC, Organization::read)
    }
}

/// Change an organization.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateOrganization {
    /// Name, domain or id.
    #[schemars(required)]
    pub organization_id: Ref<OrganizationRecord>,
    /// What people call it.
    pub name: Patch<Line<200>>,
    /// e.g. `https://acme.com`.
    pub website: Patch<Website>,
    /// One address.
    pub email: Patch<Email>,
    /// In any form.
    pub phone: Patch<Line<60>>,
    /// e.g. `Logistics`.
    pub industry: Patch<Line<120>>,
    /// How many people.
    pub size: Patch<Line<60>>,
    /// e.g. `Referral`.
    pub source: Patch<Line<120>>,
    /// Street and number.
    pub address: Patch<Line<300>>,
    /// e.g. `Berlin`.
    pub city: Patch<Line<120>>,
    /// State or province.
    pub region: Patch<Line<120>>,
    /// Postal code.
    pub postal_code: Patch<Line<30>>,
    /// e.g. `Germany`.
    pub country: Patch<Line<120>>,
    /// Free text.
    pub notes: Patch<Prose<20_000>>,
    /// All it will have.
    pub labels: Patch<Labels>,
    /// E-mail, name or `me`.
    pub owner_id: Patch<Ref<Account>>,
    /// false brings it back.
    pub archived: Patch<bool>,
}

impl Operation for UpdateOrganization {
    type Output = Organization;
    const SPEC: Spec = Spec {
        name: "crm.organization.update",
        title: "Change an organization",
        route: Route::patch("/crm/organizations/{organizationId}"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Organization> {
        let id = self.organization_id.resolve(cx)?;
        let mut row = Change::existing(cx, "crm_organization", id)?;
        row.patch("name", &self.name.never_cleared("name")?.into())?
            .patch("email", &self.email)?
            .patch("phone", &self.phone)?
            .patch("industry", &self.industry)?
            .patch("size", &self.size)?
            .patch("source", &self.source)?
            .patch("address", &self.address)?
            .patch("city", &self.city)?
            .patch("region", &self.region)?
            .patch("postal_code", &self.postal_code)?
            .patch("country", &self.country)?
            .patch("notes", &self.notes)?
            .patch("labels", &self.labels.or_empty())?
            .patch("owner_id", &self.owner_id.resolve_for("ownerId", cx)?)?
            .archive(cx, self.archived.never_cleared("archived")?)?;
        if !self.website.is_keep() {
            let website = self.website.or(None);
            row.set("domain", website.as_ref().map(Website::domain))?.set("website", website)?;
        }
        row.update(cx, id)?;
        Organization::by_id(cx, id)
    }
}
