//! The audit: of all that is written down, what somebody asks for later who has to know who got in and who may do what.

use rusqlite::Connection;

use super::error::Result;
use super::store::run;
use super::time::Moment;
use crate::choices;

choices! {
    /// What kind of thing happened.
    pub enum Audited {
        SignIn = "SIGN_IN",
        SignInFailed = "SIGN_IN_FAILED",
        SignOut = "SIGN_OUT",
        Password = "PASSWORD",
        TwoFactor = "TWO_FACTOR",
        Key = "KEY",
        Connection = "CONNECTION",
        Account = "ACCOUNT",
        Role = "ROLE",
        Member = "MEMBER",
        Agent = "AGENT",
        Workspace = "WORKSPACE",
        Export = "EXPORT",
    }
}

/// Failed sign-ins that are kept at most: somebody who tries for days must not fill the disk.
const FAILED_KEPT: i64 = 10_000;
/// As many at a time are let go of, so that other writes come in between.
const AT_ONCE: i64 = 1_000;

/// Lets go of what is older than the setting `audit_days` says (0: nothing is). What changed no record, a sign-in or an
/// export, is deleted. What did leaves the audit and loses its address, and stays in the journal that activities are
/// read from.
pub(super) fn tidy(conn: &Connection, now: Moment, keep_days: u32) -> Result<()> {
    const TOO_MANY: &str = "
        delete from change_set
         where audit = 'SIGN_IN_FAILED'
           and id <= (select id from change_set where audit = 'SIGN_IN_FAILED' order by id desc limit 1 offset ?1)";
    const OLD: &str = "
        select id from (select id, at from change_set indexed by change_set_audited
                         where audit is not null order by id limit ?2) where at < ?1";
    run(conn, TOO_MANY, [FAILED_KEPT])?;
    if keep_days == 0 {
        return Ok(());
    }
    let before = now.plus_days(-i64::from(keep_days));
    let delete = format!(
        "delete from change_set where id in ({OLD}) and not exists (select 1 from change where change_set_id = change_set.id)"
    );
    let forget = format!("update change_set set audit = null, address = null where id in ({OLD})");
    for sql in [&delete, &forget] {
        run(conn, sql, (before, AT_ONCE))?;
    }
    Ok(())
}
