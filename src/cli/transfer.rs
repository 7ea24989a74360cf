//! `sally export` and `sally import`: a workspace as one file, and back; and tables of spreadsheets in.

use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::features::transfer::export::export;
use crate::features::transfer::import::{self, Imported};
use crate::features::transfer::sheet::{self, Asked, OnDuplicate, Outcome, Records};

#[derive(Args)]
pub(super) struct Export {
    /// Where it goes
    file: PathBuf,

    /// Which workspace, by its slug [default: the only one]
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,

    /// Replace a file of that name
    #[arg(long)]
    force: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Import {
    /// A file that “sally export” wrote; with --as, a table (CSV with the names of the columns in its first line)
    file: PathBuf,

    /// What the lines of a table are: organizations, people, deals or tasks
    #[arg(long = "as", value_name = "RECORDS", requires = "workspace")]
    records: Option<Records>,

    /// Where they go: a workspace's slug
    #[arg(long, value_name = "SLUG", requires = "records")]
    workspace: Option<String>,

    /// Columns that are not known by their names: "E-Mail 2=email,Notes="; without a field, a column is left out
    #[arg(long, value_name = "COLUMN=FIELD", value_delimiter = ',', value_parser = pair, requires = "records")]
    map: Vec<(String, String)>,

    /// A field that every line gets: projectId=WEB
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair, requires = "records")]
    set: Vec<(String, String)>,

    /// What becomes of a line that is here already: skip, update or fail. Organizations are known by their website, else by
    /// their name, people by their e-mail, deals by their title, tasks by their key; without it, each line is a new one
    #[arg(long, value_name = "WHAT", default_value = "skip", requires = "records")]
    on_duplicate: OnDuplicate,

    /// Tell what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let exported = export(app.store(), self.workspace.as_deref(), &self.file, self.force)?;
        if self.json {
            return output::json(&exported);
        }
        let records: u64 = exported.records.values().sum();
        output::say(&format!(
            "{} holds {}: {records} records, no passwords and no keys.",
            self.file.display(),
            exported.workspace
        ))
    }
}

impl Import {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Error::internal)?;
        if let (Some(records), Some(workspace)) = (self.records, self.workspace) {
            let Import { map, set, on_duplicate, dry_run, .. } = self;
            let asked = Asked { records, workspace, map, set, on_duplicate, dry_run };
            let outcome = runtime.block_on(sheet::import(&app, &self.file, asked, output::progress("Importing")))?;
            match self.json {
                true => output::json(&outcome)?,
                false => output::say(&table_told(&outcome))?,
            }
            return match outcome.failed {
                0 => Ok(()),
                1 => Err(Error::conflict("one line was not imported")),
                failed => Err(Error::conflict(format!("{failed} lines were not imported"))),
            };
        }
        let checked =
            app.store().read(|reading| import::check(reading.conn(), &self.file, output::progress("Checking")))?;
        let (dry_run, progress) = (self.dry_run, output::progress("Importing"));
        let write = app.store().write(move |conn| import::write(conn, checked, dry_run, progress));
        let imported = runtime.block_on(write)?;
        if self.json {
            return output::json(&imported);
        }
        output::say(&told(&imported))
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (left, right) = text.split_once('=').ok_or_else(|| format!("{text} has no ="))?;
    Ok((left.trim().to_owned(), right.trim().to_owned()))
}

fn table_told(outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    let went: Vec<String> = outcome.columns.iter().map(|(column, field)| format!("{column} → {field}")).collect();
    lines.push(format!("Columns: {}", went.join(", ")));
    if !outcome.ignored_columns.is_empty() {
        lines.push(format!(
            "Left out: {} (--map \"{}=FIELD\" takes one in)",
            outcome.ignored_columns.join(", "),
            outcome.ignored_columns[0]
        ));
    }
    lines.extend(outcome.errors.iter().map(|error| format!("Line {}: {}", error.line, error.message)));
    let verb = if outcome.dry_run { "Nothing was written. There would be" } else { "There are" };
    let Outcome { made, updated, skipped, failed, .. } = outcome;
    lines.push(format!("{verb} {made} new, {updated} updated, {skipped} here already, {failed} failed."));
    lines.join("\n")
}

fn told(imported: &Imported) -> String {
    let mut lines = vec![match imported.dry_run {
        true => format!("Nothing was written. An import into {} would do this:", imported.workspace),
        false => format!("Imported into {}:", imported.workspace),
    }];
    let mut tables: Vec<&str> = imported.made.keys().chain(imported.kept.keys()).copied().collect();
    tables.sort_unstable();
    tables.dedup();
    let count =
        |counts: &crate::features::transfer::Counts, table: &str| counts.get(table).copied().unwrap_or(0).to_string();
    let rows: Vec<Vec<String>> = tables
        .into_iter()
        .map(|table| vec![table.to_owned(), count(&imported.made, table), count(&imported.kept, table)])
        .collect();
    lines.push(output::table(&["RECORDS", "NEW", "HERE ALREADY"], &rows));
    lines.extend(imported.renamed.iter().map(|one| format!("{} {} becomes {}", one.record, one.from, one.to)));
    if imported.renamed_count > imported.renamed.len() {
        lines.push(format!("… and {} more", imported.renamed_count - imported.renamed.len()));
    }
    if !imported.new_accounts.is_empty() {
        let people = imported.new_accounts.join(", ");
        lines.push(format!(
            "New people, who have no password yet (“sally user reset --email …” gives them a link): {people}"
        ));
    }
    lines.join("\n")
}
