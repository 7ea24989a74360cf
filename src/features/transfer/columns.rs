//! What the columns of other programs are called, and which fields they go into.

use std::collections::HashSet;

use serde_json::Value;

use super::sheet::Records;
use crate::core::app::{App, Listed};
use crate::core::error::{Error, Result};
use crate::core::id::{self, Record};
use crate::core::input::{Shape, common};
use crate::features::crm::deals::DealRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
use crate::features::tasks::TaskRecord;

/// What is known of a kind of record: its operations, and other words for its fields, in small letters without blanks.
pub struct Kind {
    pub create: &'static str,
    pub update: &'static str,
    pub id_field: &'static str,
    prefix: &'static str,
    words: &'static [(&'static str, &'static str)],
    /// Fields that no operation has, and lines do.
    also: &'static [&'static str],
}

pub const FIRST_NAME: &str = "(first name)";
pub const LAST_NAME: &str = "(last name)";
/// A task's key, such as WEB-12: it finds the task, and is no field that could be set.
pub const KEY: &str = "(key)";

impl Records {
    pub fn kind(self) -> Kind {
        match self {
            Records::Organizations => Kind {
                create: "crm.organization.create",
                update: "crm.organization.update",
                id_field: "organizationId",
                prefix: OrganizationRecord::PREFIX,
                also: &[],
                words: &[
                    ("company", "name"),
                    ("companyname", "name"),
                    ("organization", "name"),
                    ("firma", "name"),
                    ("url", "website"),
                    ("web", "website"),
                    ("domain", "website"),
                    ("companydomainname", "website"),
                    ("zip", "postalCode"),
                    ("zipcode", "postalCode"),
                    ("plz", "postalCode"),
                    ("state", "region"),
                    ("street", "address"),
                    ("employees", "size"),
                ],
            },
            Records::People => Kind {
                create: "crm.person.create",
                update: "crm.person.update",
                id_field: "personId",
                prefix: PersonRecord::PREFIX,
                also: &[FIRST_NAME, LAST_NAME],
                words: &[
                    ("fullname", "name"),
                    ("contact", "name"),
                    ("firstname", FIRST_NAME),
                    ("givenname", FIRST_NAME),
                    ("vorname", FIRST_NAME),
                    ("lastname", LAST_NAME),
                    ("surname", LAST_NAME),
                    ("familyname", LAST_NAME),
                    ("nachname", LAST_NAME),
                    ("company", "organizationId"),
                    ("organization", "organizationId"),
                    ("companyname", "organizationId"),
                    ("firma", "organizationId"),
                    ("mobilephone", "mobile"),
                    ("cell", "mobile"),
                    ("jobtitle", "title"),
                    ("position", "title"),
                    ("role", "title"),
                    ("linkedin", "linkedinUrl"),
                ],
            },
            Records::Deals => Kind {
                create: "crm.deal.create",
                update: "crm.deal.update",
                id_field: "dealId",
                prefix: DealRecord::PREFIX,
                also: &[],
                words: &[
                    ("deal", "title"),
                    ("dealname", "title"),
                    ("name", "title"),
                    ("amount", "value"),
                    ("company", "organizationId"),
                    ("organization", "organizationId"),
                    ("person", "primaryPersonId"),
                    ("contact", "primaryPersonId"),
                    ("dealstage", "stage"),
                    ("closedate", "expectedCloseAt"),
                    ("expectedclose", "expectedCloseAt"),
                    ("expectedclosedate", "expectedCloseAt"),
                    ("project", "projectId"),
                ],
            },
            Records::Tasks => Kind {
                create: "task.create",
                update: "task.update",
                id_field: "taskId",
                prefix: TaskRecord::PREFIX,
                also: &[KEY],
                words: &[
                    ("key", KEY),
                    ("issuekey", KEY),
                    ("name", "title"),
                    ("summary", "title"),
                    ("task", "title"),
                    ("project", "projectId"),
                    ("assignee", "ownerId"),
                    ("due", "dueDate"),
                    ("duedate", "dueDate"),
                    ("start", "startDate"),
                    ("parent", "parentId"),
                    ("estimate", "estimateMinutes"),
                    ("notes", "description"),
                ],
            },
        }
    }

    pub fn operation(self, app: &App, which: fn(&Kind) -> &'static str) -> Result<&Listed> {
        let name = which(&self.kind());
        app.operation(name).ok_or_else(|| Error::internal(name))
    }

    /// What a column can go into.
    pub fn fields(self, app: &App) -> Result<Vec<&str>> {
        Ok(fields(&self.operation(app, |kind| kind.create)?.shape, &self.kind()))
    }

    /// Where each column goes by its name; of two that would go to the same place, the first.
    pub fn guess(self, app: &App, head: &[String]) -> Result<Vec<Option<String>>> {
        let (kind, create) = (self.kind(), self.operation(app, |kind| kind.create)?);
        let mut taken = HashSet::new();
        let mut free = |column| field_of(column, &create.shape, &kind).filter(|field| taken.insert(field.clone()));
        Ok(head.iter().map(|column| free(column)).collect())
    }

    /// A field that no record goes without, and none of the columns into.
    pub fn missing<'a>(self, app: &'a App, goes: &[String]) -> Result<Option<&'a str>> {
        let required = self.operation(app, |kind| kind.create)?.shape.schema["required"].as_array();
        let is_said = |field: &str| match field {
            // Where the tasks go was said with the table.
            "projectId" => true,
            "name" => goes.iter().any(|goes| [field, FIRST_NAME, LAST_NAME].contains(&goes.as_str())),
            _ => goes.iter().any(|goes| goes == field),
        };
        Ok(required.into_iter().flatten().filter_map(Value::as_str).find(|field| !is_said(field)))
    }

    /// The id of a record, as people see it.
    pub fn id(self, raw: i64) -> String {
        id::typed(self.kind().prefix, raw)
    }
}

/// Words that mean the same everywhere.
const WORDS: &[(&str, &str)] = &[
    ("emailaddress", "email"),
    ("mail", "email"),
    ("phonenumber", "phone"),
    ("telephone", "phone"),
    ("telefon", "phone"),
    ("owner", "ownerId"),
    ("tags", "labels"),
    ("tag", "labels"),
    ("label", "labels"),
    ("note", "notes"),
    ("comments", "notes"),
];

/// `E-Mail Address` → `emailaddress`.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Which field a column goes into by its name.
pub fn field_of(column: &str, shape: &Shape, kind: &Kind) -> Option<String> {
    let name = plain(column);
    let own = fields(shape, kind).into_iter().find(|field| plain(field) == name);
    let other = || kind.words.iter().chain(WORDS).find(|(word, field)| *word == name && is_field(field, shape, kind));
    own.or_else(|| other().map(|(_, field)| *field)).map(str::to_owned)
}

/// What a column can go into.
fn fields<'a>(shape: &'a Shape, kind: &Kind) -> Vec<&'a str> {
    // A checklist is more than a cell can say, and the door's own is none of the record's.
    let is_plain = |field: &&str| ![common::IDEMPOTENCY_KEY, "todos"].contains(field);
    let properties = shape.schema["properties"].as_object();
    let own = properties.into_iter().flat_map(|fields| fields.keys()).map(String::as_str).filter(is_plain);
    own.chain(kind.also.iter().copied()).collect()
}

pub fn is_field(field: &str, shape: &Shape, kind: &Kind) -> bool {
    fields(shape, kind).contains(&field)
}
