//! The check in front of every operation, and the workspace that it is for.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Caller, Identity, Membership, SecondFactorFor, Selected, Selector, Workspace, not_signed_in};
use crate::core::error::{Error, Kind, Permission, Result, quoted};
use crate::core::id::Id;
use crate::core::operation::{Needs, Spec, Toolset};
use crate::core::scopes::Level;

/// The check in front of every operation: signed in, second factor, scope, workspace, role; in this order. That the
/// credential is good, [`Identity::check`] has said by now.
pub fn admit(
    conn: &Connection,
    identity: Arc<Identity>,
    selector: Option<&Selector>,
    spec: &Spec,
    demanded: SecondFactorFor,
) -> Result<Caller> {
    if spec.needs == Needs::Public {
        return Ok(Caller { identity, workspace: None });
    }
    if identity.is_nobody() {
        return Err(not_signed_in());
    }
    if !spec.more.before_second_factor {
        identity.must_have_second_factor(demanded)?;
    }
    key_permits(&identity, spec)?;
    if spec.toolset == Toolset::Account && matches!(spec.needs, Needs::Platform | Needs::Superadmin) {
        identity.must_be_whole()?;
    }
    let workspace = match spec.needs.workspace_role() {
        Some(_) => Some(select(conn, &identity, selector)?),
        None => None,
    };
    let caller = Caller { identity, workspace };
    permits(&caller, spec)?;
    Ok(caller)
}

/// Does the key do, whatever the account's role?
pub(in crate::core) fn key_permits(identity: &Identity, spec: &Spec) -> Result<()> {
    if !identity.scope_allows(spec.toolset, spec.effect) {
        let required = format!("{}:{}", spec.toolset.word(), Level::from(spec.effect).word().to_ascii_lowercase());
        return Err(Error::denied(Permission {
            scope: "key",
            reason: format!("The key's scopes do not allow {}; it needs {required}.", spec.name),
            required,
            current: identity.key().map(|key| key.scopes.to_string()),
        }));
    }
    if !identity.stays_in_its_projects(spec) {
        return Err(Error::denied(Permission {
            scope: "key",
            required: "every project".into(),
            current: Some("some projects".into()),
            reason: format!("The key is for single projects, and {} reaches beyond them.", spec.name),
        }));
    }
    Ok(())
}

/// Does the caller's role do, where the workspace is already known?
pub(in crate::core) fn permits(caller: &Caller, spec: &Spec) -> Result<()> {
    let identity = &caller.identity;
    let platform = |required: &str| {
        Error::denied(Permission {
            scope: "platform",
            required: required.into(),
            current: identity.account.as_ref().map(|account| account.platform_role.word().to_owned()),
            reason: format!("This is for administrators of this server (platform role {required})."),
        })
    };
    match spec.needs {
        Needs::Public | Needs::Account => Ok(()),
        Needs::Platform if identity.is_platform_admin() => Ok(()),
        Needs::Platform => Err(platform("ADMIN")),
        Needs::Superadmin if identity.is_superadmin() => Ok(()),
        Needs::Superadmin => Err(platform("SUPERADMIN")),
        Needs::Workspace(_) | Needs::Project(_) => {
            let least = spec.needs.workspace_role().expect("both name a workspace role");
            let workspace = caller.workspace.as_ref();
            let role = match spec.more.or_in_a_project {
                true => workspace.and_then(|workspace| workspace.highest),
                false => workspace.and_then(|workspace| workspace.role),
            };
            if identity.is_platform_admin() || role.is_some_and(|role| role >= least) {
                return Ok(());
            }
            let current = role.map(|role| role.word().to_owned());
            Err(Error::denied(Permission {
                scope: "workspace",
                required: least.word().into(),
                reason: format!(
                    "“{}” needs the role {least} in this workspace; yours is {}.",
                    spec.title,
                    current.as_deref().unwrap_or("none")
                ),
                current,
            }))
        }
    }
}

const FIND_WORKSPACE: &str = "
    select id, slug, name, archived_at is not null
      from workspace
     where (id = :id or slug = :slug) and deleted_at is null
     order by id = :id desc limit 1";

/// Which workspace is meant: the key's, the one named, or the only one there is.
fn select(conn: &Connection, identity: &Identity, selector: Option<&Selector>) -> Result<Selected> {
    let (text, by_path) = match selector {
        Some(Selector::Id(text) | Selector::Slug(text)) => (Some(text.trim()), false),
        Some(Selector::Path(text)) => (Some(text.trim()), true),
        None => (None, false),
    };
    let id = text.and_then(Id::parse);
    let is_meant = |membership: &&Membership| {
        Some(membership.workspace) == id || text.is_some_and(|t| t.eq_ignore_ascii_case(&membership.slug))
    };

    if let Some(pin) = identity.pinned_to() {
        let pinned = identity.memberships.iter().find(|m| m.workspace == pin);
        let pinned = match pinned {
            Some(membership) => chosen(membership)?,
            None if identity.is_platform_admin() => foreign(conn, Some(pin), "")?.ok_or_else(pin_refusal)?,
            None => return Err(pin_refusal()),
        };
        let other = text.is_some_and(|text| id != Some(pin) && !text.eq_ignore_ascii_case(&pinned.slug));
        return if other { Err(pin_refusal()) } else { Ok(pinned) };
    }

    let Some(text) = text else {
        let mut active = identity.workspaces();
        return match (active.next(), active.next()) {
            (Some(only), None) => chosen(only),
            (None, _) if !identity.is_platform_admin() => match identity.memberships.first() {
                Some(archived) => chosen(archived),
                None => Err(Error::new(
                    Kind::WorkspaceDenied,
                    "Workspace access denied: the account belongs to no workspace yet. Ask an owner to add you.",
                )),
            },
            (None, _) => only_workspace(conn)?,
            _ => Err(selector_required(identity.workspaces().map(|m| m.slug.as_str()), identity.workspaces().count())),
        };
    };

    if let Some(membership) = identity.memberships.iter().find(is_meant) {
        return chosen(membership);
    }
    let absent = || match by_path {
        true => Error::not_found("workspace", text),
        false if identity.is_platform_admin() => {
            Error::new(Kind::NotFound, format!("Workspace not found: {}.", quoted(text)))
        }
        false => Error::new(
            Kind::WorkspaceDenied,
            format!("Workspace access denied: you are not a member of {}.", quoted(text)),
        ),
    };
    if !identity.is_platform_admin() {
        return Err(absent());
    }
    foreign(conn, id, text)?.ok_or_else(absent)
}

fn chosen(membership: &Membership) -> Result<Selected> {
    if membership.archived {
        return Err(archived(&membership.slug));
    }
    Ok(Selected {
        id: membership.workspace,
        slug: membership.slug.clone(),
        name: membership.name.clone(),
        role: Some(membership.role),
        highest: Some(membership.highest),
    })
}

fn archived(slug: &str) -> Error {
    Error::new(
        Kind::WorkspaceArchived,
        format!("The workspace {} is archived. An administrator can bring it back.", quoted(slug)),
    )
}

/// A pinned key reaches no other workspace.
pub fn pin_refusal() -> Error {
    Error::new(Kind::WorkspaceDenied, "Workspace access denied by MCP key restriction")
}

/// As many workspaces as an error names; who belongs to more is told how many there are.
const NAMED: usize = 10;

fn selector_required<'a>(slugs: impl Iterator<Item = &'a str>, total: usize) -> Error {
    let slugs: Vec<&str> = slugs.take(NAMED).collect();
    let more = match total.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", … and {more} more"),
    };
    Error::new(
        Kind::SelectorRequired,
        format!(
            "workspace selector required: send X-Workspace-Slug, or workspaceSlug as a query parameter or argument; one of {}{more}",
            slugs.join(", ")
        ),
    )
}

/// A workspace that the administrator is not a member of.
fn foreign(conn: &Connection, id: Option<Id<Workspace>>, slug: &str) -> Result<Option<Selected>> {
    let found = conn
        .prepare_cached(FIND_WORKSPACE)?
        .query_row(named_params! { ":id": id, ":slug": slug.to_lowercase() }, |row| {
            Ok((
                Selected { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, role: None, highest: None },
                row.get::<_, bool>(3)?,
            ))
        })
        .optional()?;
    match found {
        Some((workspace, true)) => Err(archived(&workspace.slug)),
        found => Ok(found.map(|(workspace, _)| workspace)),
    }
}

/// An administrator without memberships means the only workspace there is, if there is only one.
fn only_workspace(conn: &Connection) -> Result<Result<Selected>> {
    const ACTIVE: &str = "
        select id, slug, name, count(*) over () from workspace
         where archived_at is null and deleted_at is null order by id limit ?1";
    let mut total = 0;
    let active: Vec<Selected> = conn
        .prepare_cached(ACTIVE)?
        .query_map([NAMED as i64], |row| {
            total = row.get::<_, i64>(3)?;
            Ok(Selected { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, role: None, highest: None })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(match <[Selected; 1]>::try_from(active) {
        Ok([only]) => Ok(only),
        Err(several) => Err(selector_required(several.iter().map(|workspace| workspace.slug.as_str()), total as usize)),
    })
}
