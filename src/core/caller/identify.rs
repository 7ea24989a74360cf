//! From a credential to whose it is.

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{AgentFacts, Credential, Identity, KeyFacts, Means, Membership, Person, Role};
use crate::core::error::{Error, Kind, Result};
use crate::core::id::Id;
use crate::core::network::Network;
use crate::core::scopes::Scopes;

const FIND_SESSION: &str = "
    select s.id, s.expires_at, s.second_factor, a.id, a.email, a.name, a.platform_role, a.time_zone, a.archived_at is not null
      from session s join account a on a.id = s.account_id
     where s.token_hash = :hash";

const FIND_KEY: &str = "
    select k.id, k.label, ifnull(t.scopes, k.scopes), k.toolsets, k.underscore_names, k.workspace_id, k.expires_at, k.revoked_at is not null,
           g.id, g.name, g.enabled, k.projects, t.expires_at, k.addresses,
           a.id, a.email, a.name, a.platform_role, a.time_zone, a.archived_at is not null
      from access_key k join account a on a.id = k.account_id left join agent g on g.id = k.agent_id
      left join oauth_token t on t.token_hash = :hash
     where k.id = ifnull((select id from access_key where token_hash = :hash),
                         (select key_id from oauth_token where token_hash = :hash and kind = 'ACCESS'))";

const MEMBERSHIPS: &str = "
    select w.id, w.slug, w.name, m.role, w.archived_at is not null,
           (select group_concat(distinct o.role) from project_membership o join project p on p.id = o.project_id
             where o.account_id = :account and p.workspace_id = w.id)
      from workspace_membership m join workspace w on w.id = m.workspace_id
     where m.account_id = :account
     order by w.name, w.id";

/// Who the credential belongs to: 401 when it is nobody's any more.
pub fn identify(conn: &Connection, credential: Credential) -> Result<Identity> {
    let hash = match credential {
        Credential::Nobody => return Ok(Identity::nobody()),
        Credential::ConsoleOfThisMachine => return Ok(Identity::empty(Means::Console)),
        Credential::Token(hash) => hash,
    };
    let person = |row: &rusqlite::Row<'_>, at: usize| -> rusqlite::Result<Person> {
        Ok(Person {
            id: row.get(at)?,
            email: row.get(at + 1)?,
            name: row.get(at + 2)?,
            platform_role: row.get(at + 3)?,
            time_zone: TimeZone::get(row.get_ref(at + 4)?.as_str()?).unwrap_or(TimeZone::UTC),
            archived: row.get(at + 5)?,
        })
    };
    let key = conn
        .prepare_cached(FIND_KEY)?
        .query_row(named_params! { ":hash": hash }, |row| {
            let scopes: String = row.get(2)?;
            let facts = KeyFacts {
                id: row.get(0)?,
                label: row.get(1)?,
                scopes: Scopes::parse(&scopes).unwrap_or_default(),
                toolsets: row.get(3)?,
                underscore_names: row.get(4)?,
                pinned_to: row.get(5)?,
                expires_at: row.get(6)?,
                agent: match row.get(8)? {
                    Some(id) => Some(AgentFacts { id, name: row.get(9)?, enabled: row.get(10)? }),
                    None => None,
                },
                projects: row.get::<_, Option<String>>(11)?.map(|json| {
                    let ids: Vec<i64> = serde_json::from_str(&json).unwrap_or_default();
                    ids.into_iter().map(Id::from_raw).collect()
                }),
                token_expires_at: row.get(12)?,
                addresses: networks(row.get(13)?),
            };
            Ok((facts, row.get::<_, bool>(7)?, person(row, 14)?))
        })
        .optional()?;
    let (account, means) = match key {
        Some((facts, true, _)) if facts.token_expires_at.is_some() => {
            return Err(unauthorized(
                "The connection was ended in Sally, under Settings → Connections. Connect again.",
            ));
        }
        Some((_, true, _)) => return Err(unauthorized("The key was revoked. Make a new one under Settings → Keys.")),
        Some((facts, false, account)) => (account, Means::Key(Box::new(facts))),
        None => conn
            .prepare_cached(FIND_SESSION)?
            .query_row(named_params! { ":hash": hash }, |row| {
                let (id, expires_at, second_factor) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((person(row, 3)?, Means::Session { id, expires_at, second_factor }))
            })
            .optional()?
            .ok_or_else(|| {
                unauthorized(
                    "The key or session is not known here. Sign in again, or make a new key under Settings → Keys.",
                )
            })?,
    };
    let memberships = conn
        .prepare_cached(MEMBERSHIPS)?
        .query_map(named_params! { ":account": account.id }, |row| {
            let (role, projects): (Role, Option<String>) = (row.get(3)?, row.get(5)?);
            Ok(Membership {
                workspace: row.get(0)?,
                slug: row.get(1)?,
                name: row.get(2)?,
                role,
                highest: projects
                    .as_deref()
                    .unwrap_or_default()
                    .split(',')
                    .filter_map(|word| word.parse().ok())
                    .fold(role, Role::max),
                archived: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Identity { account: Some(account), means, memberships })
}

/// As they are stored: separated by blanks.
pub fn networks(stored: Option<String>) -> Vec<Network> {
    stored.iter().flat_map(|stored| stored.split(' ')).filter_map(|text| Network::parse(text).ok()).collect()
}

fn unauthorized(detail: &str) -> Error {
    Error::new(Kind::Unauthorized, detail)
}

pub fn not_signed_in() -> Error {
    unauthorized("Sign in, or send a key as “Authorization: Bearer …”.")
}
