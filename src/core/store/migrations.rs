//! From any older file to today's: numbered steps, only ever appended, with a copy of the file first.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::core::error::{Error, Result};

const SCHEMA: &str = include_str!("../../../schema.sql");

/// Step `n` (from 0) leads from version `n` to `n + 1`. The first one is the schema as it was first released.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_crm.sql"),
    include_str!("migrations/0002_projects.sql"),
    include_str!("migrations/0003_oauth.sql"),
    include_str!("migrations/0004_joining.sql"),
    include_str!("migrations/0005_second_factor.sql"),
    include_str!("migrations/0006_audit.sql"),
    include_str!("migrations/0007_accounts.sql"),
    include_str!("migrations/0008_pipeline.sql"),
    include_str!("migrations/0009_board_groups.sql"),
    include_str!("migrations/0010_search_merges.sql"),
    include_str!("migrations/0011_imports.sql"),
];

/// "Sally" in the file's header, so that nobody opens something else by mistake.
const APPLICATION_ID: i32 = 0x5361_6c79;

/// The version of the schema that this program writes.
pub(super) fn newest() -> u32 {
    STEPS.len() as u32
}

/// Is the file empty or of an older shape? What is not ours, or newer than this program, is refused.
pub(super) fn is_due(conn: &Connection, path: &Path) -> Result<bool> {
    Ok(is_empty(conn)? || check(conn, path)? < newest())
}

/// The version of a file of ours that this program understands.
pub(super) fn check(conn: &Connection, path: &Path) -> Result<u32> {
    let newest = newest();
    let unreadable = |error: rusqlite::Error| Error::conflict(format!("{} cannot be read: {error}", path.display()));
    let read = |pragma: &str| conn.query_row(pragma, [], |row| row.get(0)).map_err(unreadable);
    let (version, application): (u32, u32) = (read("pragma user_version")?, read("pragma application_id")?);
    if application != APPLICATION_ID as u32 {
        return Err(Error::conflict(format!("{} is a SQLite file of another program", path.display())));
    }
    if version > newest {
        return Err(Error::conflict(format!(
            "{} was written by a newer Sally (schema {version}, this one knows {newest}); use that version",
            path.display()
        )));
    }
    Ok(version)
}

/// Brings the file to today's shape, where that [`is_due`].
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let newest = STEPS.len();
    if is_empty(conn)? {
        return apply(conn, &[SCHEMA], newest);
    }
    let version = version_of(conn)?;
    // `sally.db` at schema 3 is kept as `sally.schema-3.db`.
    let copy = super::copy::free_name(path, &format!("schema-{version}"));
    log::info!("bringing {} from schema {version} to {newest}; a copy is in {}", path.display(), copy.display());
    super::copy::back_up(path, &copy, false, None)?;
    // One that fails changes nothing. Its copies would fill the disk: whoever watches over a server starts it again and again.
    apply(conn, &STEPS[version..], newest).inspect_err(|_| drop(std::fs::remove_file(&copy)))
}

/// Litestream, where it runs already, makes its two tables in a new file before we get to ours.
fn is_empty(conn: &Connection) -> Result<bool> {
    const EMPTY: &str = r"select count(*) = 0 from sqlite_schema where tbl_name not like '\_litestream\_%' escape '\'";
    Ok(conn.query_row(EMPTY, [], |row| row.get(0))?)
}

fn version_of(conn: &Connection) -> Result<usize> {
    let version: u32 = conn.query_row("pragma user_version", [], |row| row.get(0))?;
    Ok(version as usize)
}

fn apply(conn: &mut Connection, steps: &[&str], version: usize) -> Result<()> {
    // Steps may rebuild tables that others refer to; what they leave behind is checked before it counts.
    conn.pragma_update(None, "foreign_keys", false)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited for the lock.
    if version_of(&tx)? < version {
        for step in steps {
            tx.execute_batch(step)?;
        }
        let broken: i64 = tx.query_row("select count(*) from pragma_foreign_key_check", [], |row| row.get(0))?;
        if broken > 0 {
            return Err(Error::internal(format!(
                "{broken} references point nowhere after the migration; nothing was changed"
            )));
        }
        tx.pragma_update(None, "user_version", version as u32)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    tx.commit()?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::core::store::Store;

    fn shape(conn: &Connection) -> Vec<(String, String, String)> {
        let plain = |sql: String| {
            let without_comments = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
            let words = without_comments.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
            // `alter table` puts its comma on a new line.
            words.replace(" ,", ",").replace(" )", ")")
        };
        let mut statement =
            conn.prepare("select type, name, coalesce(sql, '') from sqlite_schema order by type, name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, plain(row.get(2)?))));
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn the_steps_lead_to_schema_sql() {
        let today = Connection::open_in_memory().unwrap();
        today.execute_batch(SCHEMA).unwrap();
        let grown = Connection::open_in_memory().unwrap();
        for step in STEPS {
            grown.execute_batch(step).unwrap();
        }
        assert_eq!(shape(&grown), shape(&today));
    }

    /// Files out there have run these: a change to one reaches none of them, and belongs into a new step.
    #[test]
    fn no_step_changes_after_its_release() {
        const RELEASED: [&str; 6] = [
            "669df86395064bbba6dc1a4014b3f5f99acd1fed749856d2a70d126c5118898d",
            "7dee23595897b64e5e2e1b0322ee7a200368ea1d924e125155018696032573aa",
            "03c44454d4c257df53f37e473619df4930efc763ca34100d5d009e3ddb24996b",
            "4b6c0812e51a14204f86245a432f29f30072ba45224fef2b32ac39d1e73cfd72",
            "133dc715026d0dd628b0a3aa0ec0fcbbd1a7a47cad8f37aa541139c0e7951bc4",
            "befcbf4d9db1805cde2d50f55f103893c8c2f9e1c3d6b962ac4cb10a479f1a57",
        ];
        for (number, (step, released)) in (1..).zip(STEPS.iter().zip(RELEASED)) {
            let hash: String = Sha256::digest(step.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, released, "step {number} was changed");
        }
    }

    #[test]
    fn an_older_file_is_copied_first_and_a_newer_or_foreign_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sally.db");
        let mut conn = Connection::open(&path).unwrap();
        assert!(is_due(&conn, &path).unwrap());
        migrate(&mut conn, &path).unwrap();
        assert!(!is_due(&conn, &path).unwrap());
        conn.execute_batch("insert into workspace (id, name, slug, created_at, updated_at) values (1, 'W', 'w', 0, 0)")
            .unwrap();
        let newest = STEPS.len();

        // Take the first steps back to an empty version 0 of our own, as a file of an older release would be.
        let older = folder.path().join("older.db");
        let mut old = Connection::open(&older).unwrap();
        old.execute_batch("create table relic (id integer primary key) strict; insert into relic values (7)").unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        migrate(&mut old, &older).unwrap();
        assert_eq!(version_of(&old).unwrap(), newest);
        let copy = Connection::open(folder.path().join("older.schema-0.db")).unwrap();
        assert_eq!(copy.query_row("select id from relic", [], |row| row.get::<_, i64>(0)).unwrap(), 7);

        conn.pragma_update(None, "user_version", newest as u32 + 1).unwrap();
        assert!(is_due(&conn, &path).unwrap_err().to_string().contains("newer Sally"));
        conn.pragma_update(None, "application_id", 1).unwrap();
        assert!(is_due(&conn, &path).unwrap_err().to_string().contains("another program"));
    }

    #[test]
    fn a_file_that_only_litestream_has_been_at_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sally.db");
        let theirs = Connection::open(&path).unwrap();
        theirs
            .execute_batch(
                "create table _litestream_seq (id integer primary key, seq integer);
                 create table _litestream_lock (id integer);",
            )
            .unwrap();
        Store::beside(&path).unwrap().close();
        assert_eq!(version_of(&theirs).unwrap(), STEPS.len());
    }

    #[test]
    fn no_file_is_changed_under_a_server_that_knows_only_the_older_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sally.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();

        let server = crate::core::store::hold(&path).unwrap();
        let refused = Store::beside(&path).err().expect("a refusal").to_string();
        assert!(refused.contains("older Sally") && refused.contains("process"), "{refused}");
        assert_eq!(version_of(&old).unwrap(), 1);
        drop(server);
        Store::beside(&path).unwrap().close();
        assert_eq!(version_of(&old).unwrap(), STEPS.len());
        // Today's shape bothers no server, and is none of its business who else looks at it.
        let _server = crate::core::store::hold(&path).unwrap();
        Store::beside(&path).unwrap();
    }
}
