//! Who may be here already: asked by a form before it adds another one. REST and MCP add what they are told to.

use std::sync::LazyLock;

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
use crate::features::search;

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
    fn is_slow(&self) -> bool {
        self.name.is_some()
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Similar<OrganizationRecord>> {
        const BY_DOMAIN: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and domain = ?2 and archived_at is null limit 5";
        const BY_MAIL: &str = "
            select id, name from crm_organization
             where workspace_id = ?1 and substr(email, instr(email, '@') + 1) = ?2 and email is not null
               and archived_at is null limit 5";
        // By the words of the name, as the index for searches has them: in any script and without accents. The shortest says the
        // least beyond what was typed.
        const BY_NAME: &str = "
            select o.id, o.name from search_index cross join crm_organization o on o.id = search_index.rowid
             where search_index match ?1 and o.archived_at is null order by length(o.name), o.id";
        let mut similar = Similar::NONE;
        let website = self.website.as_ref().map(Website::domain);
        let mail =
            self.email.as_ref().and_then(|email| email.as_str().split_once('@')).map(|(_, host)| host.to_owned());
        for domain in website.into_iter().chain(mail).filter(|domain| !PUBLIC_MAIL.contains(&domain.as_str())) {
            similar.look_up(cx, "has the same domain", BY_DOMAIN, (cx.workspace_id(), &domain))?;
            similar.look_up(cx, "has an e-mail at the same domain", BY_MAIL, (cx.workspace_id(), &domain))?;
        }
        if let Some(name) = &self.name {
            let wanted = core_of(name.as_str());
            let query = search::titled(cx, &["organization"], &beginnings(name.as_str(), &wanted));
            similar.look_up_like(cx, "has a similar name", BY_NAME, [query], |name| {
                are_similar(&core_of(name), &wanted)
            })?;
        }
        Ok(similar)
    }
}

/// How names that are like it may have its first word: as it was typed (`L’Oréal`), in one (`loréal`), and letter by letter (`a c m e`
/// for `ACME`, as the index has `A.C.M.E.`).
fn beginnings(name: &str, core: &str) -> Vec<String> {
    const LONGEST_ABBREVIATION: usize = 6;
    let first = core.split(' ').next().unwrap_or_default();
    let typed = name.split_whitespace().find(|word| core_of(word).starts_with(first));
    let mut beginnings = vec![first.to_owned(), typed.unwrap_or_default().to_owned()];
    if (2..=LONGEST_ABBREVIATION).contains(&first.chars().count()) {
        beginnings.push(first.chars().map(String::from).collect::<Vec<_>>().join(" "));
    }
    beginnings
}

/// A name as people remember it: without the form of the company, in lower case, the words that count.
fn core_of(name: &str) -> String {
    const FORMS: &[&str] = &[
        "the",
        "and",
        "et",
        "und",
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
    let words = words_of(name);
    let core: Vec<&str> = words.split(' ').filter(|word| !FORMS.contains(word)).collect();
    // A company that is called nothing else keeps it.
    if core.is_empty() { words } else { core.join(" ") }
}

/// In lower case, with one blank between each and nothing else.
fn words_of(name: &str) -> String {
    let lower = name.to_lowercase().replace(['.', '\'', '’'], "");
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The same, or one begins with the other, which is long enough to say something.
fn are_similar(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short == long || (short.chars().count() >= 5 && long.starts_with(short))
}

/// What people write between the digits of a phone number.
const BETWEEN_DIGITS: [char; 6] = [' ', '-', '/', '.', '(', ')'];

/// Whose number in the column is the same without these, as the columns' indexes have it (schema.sql).
fn by_number(column: &str) -> String {
    let bare = BETWEEN_DIGITS.iter().fold(column.to_owned(), |number, c| format!("replace({number}, '{c}', '')"));
    format!(
        "select id, name from crm_person
          where workspace_id = ?1 and {column} is not null and archived_at is null and {bare} = ?2 limit 5"
    )
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
    fn is_slow(&self) -> bool {
        self.name.is_some()
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Similar<PersonRecord>> {
        const BY_EMAIL: &str = "
            select id, name from crm_person where workspace_id = ?1 and email = ?2 and archived_at is null limit 5";
        const BY_NAME: &str = "
            select p.id, p.name from search_index cross join crm_person p on p.id = search_index.rowid
             where search_index match ?1 and p.organization_id is ?2 and p.archived_at is null order by p.id";
        static BY_PHONE: LazyLock<String> = LazyLock::new(|| by_number("phone"));
        static BY_MOBILE: LazyLock<String> = LazyLock::new(|| by_number("mobile"));
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let mut similar = Similar::NONE;
        if let Some(email) = &self.email {
            similar.look_up(cx, "has the same e-mail", BY_EMAIL, (cx.workspace_id(), email))?;
        }
        for number in [&self.phone, &self.mobile].into_iter().flatten() {
            let bare = number.as_str().replace(BETWEEN_DIGITS, "");
            for sql in [&BY_PHONE, &BY_MOBILE] {
                if bare.chars().any(|c| c.is_ascii_digit()) {
                    similar.look_up(cx, "has the same phone number", sql, (cx.workspace_id(), &bare))?;
                }
            }
        }
        if let Some(name) = &self.name {
            let because = if organization.is_some() { "is at the same organization" } else { "has the same name" };
            let wanted = words_of(name.as_str());
            let query = search::titled(cx, &["person"], &[name.as_str().to_owned()]);
            similar.look_up_like(cx, because, BY_NAME, (query, organization), |name| words_of(name) == wanted)?;
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
        assert!(similar("The Oat & Rye Bakery, Inc.", "Oat and Rye Bakery"));
        assert!(similar("Oat & Rye", "The Oat-Rye Ltd."));
        assert!(similar("Nordlicht Systems", "Nordlicht"));
        assert!(!similar("Nord", "Nordlicht"), "too short to say so");
        assert!(!similar("Halden Ferries", "Halden Harbour"));
        assert_eq!(core_of("Limited"), "limited");
    }
}
