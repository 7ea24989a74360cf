//! Who may be here already: asked by a form before it adds another one. REST and MCP add what they are told to.

use rusqlite::types::ToSql;
use rusqlite::{Params, StatementStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::id::Record;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::reference::{MaybeRef, Named, Ref};
use crate::core::text::{Email, Line, Website};

use super::organizations::OrganizationRecord;
use super::people::PersonRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<FindSimilarOrganizations>(), Entry::of::<FindSimilarPeople>()];

/// Find organizations that a new one may be: of the same domain, by website or e-mail, or of a similar name.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindSimilarOrganizations {
    /// As it is typed.
    pub name: Option<Line<200>>,
    /// e.g. `https://acme.com`.
    pub website: Option<Website>,
    /// One address.
    pub email: Option<Email>,
}

/// Find people that a new one may be: of the same e-mail or phone, or of the same name at the same organization.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindSimilarPeople {
    /// As it is typed.
    pub name: Option<Line<200>>,
    /// Where they work: name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// One address.
    pub email: Option<Email>,
    /// In any form.
    pub phone: Option<Line<60>>,
    /// In any form.
    pub mobile: Option<Line<60>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", bound = "")]
#[schemars(bound = "")]
pub struct Similar<T: Record> {
    /// The surest first, five at most.
    pub items: Vec<Lookalike<T>>,
}
impl<T: Record + Send> Answer for Similar<T> {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", bound = "")]
#[schemars(bound = "")]
pub struct Lookalike<T: Record> {
    pub record: Named<T>,
    /// `has the same e-mail`
    pub because: &'static str,
}

const MOST: usize = 5;

impl<T: Record> Similar<T> {
    const NONE: Self = Similar { items: Vec::new() };

    /// Adds what a look-up finds. Each is by an index: a form must not wait for a table to be read.
    fn look_up(&mut self, tx: &Tx, because: &'static str, sql: &str, parameters: impl Params) -> Result<()> {
        self.look_up_like(tx, because, sql, parameters, |_| true)
    }

    fn look_up_like(
        &mut self,
        tx: &Tx,
        because: &'static str,
        sql: &str,
        parameters: impl Params,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let mut statement = tx.conn().prepare_cached(sql)?;
        statement.reset_status(StatementStatus::FullscanStep);
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let mut columns = Columns::new(row);
            let record = Named { id: columns.take()?, name: columns.take()? };
            let is_known = self.items.iter().any(|known| known.record.id == record.id);
            if self.items.len() < MOST && !is_known && is_meant(&record.name) {
                self.items.push(Lookalike { record, because });
            }
        }
        drop(rows);
        debug_assert_eq!(statement.get_status(StatementStatus::FullscanStep), 0, "no index for {sql}");
        Ok(())
    }
}

/// Addresses there say nothing about where somebody works.
const PUBLIC_MAIL: &[&str] = &[
    "aol.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.com",
    "me.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
];

impl Operation for FindSimilarOrganizations {
    type Output = Similar<OrganizationRecord>;
    const SPEC: Spec = Spec {
        name: "crm.organization.find_similar",
        title: "Find similar organizations",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Similar<OrganizationRecord>> {
        const BY_DOMAIN: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and domain = ?2 and archived_at is null limit 5";
        const BY_MAIL: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and substr(email, instr(email, '@') + 1) = ?2 and email is not null
               and archived_at is null limit 5";
        const BY_NAME: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and name >= ?2 collate nocase and name < ?3 collate nocase and archived_at is null
             order by name collate nocase limit 50";
        let mut similar = Similar::NONE;
        let website = self.website.as_ref().map(Website::domain);
        let mail =
            self.email.as_ref().and_then(|email| email.as_str().split_once('@')).map(|(_, host)| host.to_owned());
        for domain in website.into_iter().chain(mail).filter(|domain| !PUBLIC_MAIL.contains(&domain.as_str())) {
            similar.look_up(cx, "has the same domain", BY_DOMAIN, (cx.workspace_id(), &domain))?;
            similar.look_up(cx, "has an e-mail at the same domain", BY_MAIL, (cx.workspace_id(), &domain))?;
        }
        let wanted = self.name.map(|name| core_of(name.as_str())).unwrap_or_default();
        if let Some(first) = wanted.split(' ').next().filter(|word| !word.is_empty()) {
            for prefix in [wanted.clone(), first.to_owned(), format!("the {first}")] {
                let beyond = format!("{prefix}\u{10ffff}");
                let parameters: [&dyn ToSql; 3] = [&cx.workspace_id(), &prefix, &beyond];
                similar.look_up_like(cx, "has a similar name", BY_NAME, parameters, |name| {
                    are_similar(&core_of(name), &wanted)
                })?;
            }
        }
        Ok(similar)
    }
}

/// A name as people remember it: without the form of the company, in lower case, words alone.
fn core_of(name: &str) -> String {
    const FORMS: &[&str] = &[
        "the",
        "ab",
        "ag",
        "as",
        "asa",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "eg",
        "ev",
        "gbr",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "mbh",
        "nv",
        "ohg",
        "oy",
        "plc",
        "pty",
        "sa",
        "sarl",
        "sas",
        "se",
        "spa",
        "srl",
        "ug",
    ];
    let lower = name.to_lowercase().replace(['.', '\'', '’'], "");
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let core: Vec<&str> = words.iter().copied().filter(|word| !FORMS.contains(word)).collect();
    // A company that is called nothing else keeps it.
    if core.is_empty() { words.join(" ") } else { core.join(" ") }
}

/// The same, or one begins with the other, which is long enough to say something.
fn are_similar(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short == long || (short.chars().count() >= 5 && long.starts_with(short))
}

impl Operation for FindSimilarPeople {
    type Output = Similar<PersonRecord>;
    const SPEC: Spec = Spec {
        name: "crm.person.find_similar",
        title: "Find similar people",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Similar<PersonRecord>> {
        const BY_EMAIL: &str = "
            select id, name from crm_person where workspace_id = ?1 and email = ?2 and archived_at is null limit 5";
        const BY_PHONE: &str = "
            select id, name from crm_person
             where workspace_id = ?1 and phone is not null and archived_at is null
               and replace(replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '') = ?2
             limit 5";
        const BY_MOBILE: &str = "
            select id, name from crm_person
             where workspace_id = ?1 and mobile is not null and archived_at is null
               and replace(replace(replace(replace(replace(replace(mobile, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '') = ?2
             limit 5";
        const BY_NAME: &str = "
            select id, name from crm_person
             where workspace_id = ?1 and name = ?2 collate nocase and organization_id is ?3 and archived_at is null limit 5";
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let mut similar = Similar::NONE;
        if let Some(email) = &self.email {
            similar.look_up(cx, "has the same e-mail", BY_EMAIL, (cx.workspace_id(), email))?;
        }
        for number in [&self.phone, &self.mobile].into_iter().flatten() {
            let digits = number.as_str().replace([' ', '-', '/', '.', '(', ')'], "");
            for sql in [BY_PHONE, BY_MOBILE] {
                similar.look_up(cx, "has the same phone number", sql, (cx.workspace_id(), &digits))?;
            }
        }
        if let Some(name) = &self.name {
            let because = if organization.is_some() { "is at the same organization" } else { "has the same name" };
            similar.look_up(cx, because, BY_NAME, (cx.workspace_id(), name, organization))?;
        }
        Ok(similar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_similar_as_people_say_them() {
        let similar = |one, other| are_similar(&core_of(one), &core_of(other));
        assert!(similar("Nordlicht GmbH", "nordlicht"));
        assert!(
            similar("The Oat & Rye Bakery, Inc.", "Oat and Rye Bakery") || similar("Oat & Rye", "The Oat-Rye Ltd.")
        );
        assert!(similar("Nordlicht Systems", "Nordlicht"));
        assert!(!similar("Nord", "Nordlicht"), "too short to say so");
        assert!(!similar("Halden Ferries", "Halden Harbour"));
        assert_eq!(core_of("Limited"), "limited");
    }
}
