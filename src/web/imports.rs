//! Tables of spreadsheets: send one, say where its columns go, look at what would happen, let it happen.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::Value;

use crate::core::error::{Error, FieldError, Kind};
use crate::core::input;
use crate::core::reference::Ref;
use crate::core::text::Line;
use crate::features::projects::detail::GetProject;
use crate::features::table::{CSV, MOST_ROWS};
use crate::features::transfer::imports::{
    self, DiscardImport, FILE, GetImport, Import, ImportLine, ListImportLines, ListImports, RunImport, State,
    StopImport, UploadTable, column_field,
};
use crate::features::transfer::sheet::{Became, OnDuplicate, Records};
use crate::http::form::{self as multipart, File};
use crate::http::rest;

use super::form::{Form, first_upper, label};
use super::page::{Answer, Page, Query, Refused, see_other};
use super::show::{self, Choice, Pager};
use super::{at, get, post};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/imports").route(get().to(start)).route(post().to(upload)))
        .service(at("/imports/{id}").route(get().to(look)))
        .service(at("/imports/{id}/columns").route(get().to(columns)).route(post().to(check)))
        .service(at("/imports/{id}/run").route(post().to(import)))
        .service(at("/imports/{id}/stop").route(post().to(stop)))
        .service(at("/imports/{id}/discard").route(post().to(discard)))
        .service(at("/imports/{id}/failed").route(get().to(failed)));
}

/// What is said of a kind of record.
struct About {
    records: Records,
    one: &'static str,
    many: &'static str,
    known_by: &'static str,
    /// Where they are looked at.
    list: &'static str,
}

const KINDS: [About; 4] = [
    About {
        records: Records::Organizations,
        one: "organization",
        many: "organizations",
        known_by: "Known by their website, else by their name.",
        list: "/crm/organizations",
    },
    About {
        records: Records::People,
        one: "person",
        many: "people",
        known_by: "Known by their e-mail; without one, each line is a new person.",
        list: "/crm/people",
    },
    About {
        records: Records::Deals,
        one: "deal",
        many: "deals",
        known_by: "Known by their title.",
        list: "/crm/deals",
    },
    About {
        records: Records::Tasks,
        one: "task",
        many: "tasks",
        known_by: "Known by their key, such as WEB-12; without one, each line is a new task.",
        list: "/tasks",
    },
];

fn about(records: Records) -> &'static About {
    KINDS.iter().find(|about| about.records == records).expect("every kind stands in the table")
}

impl About {
    fn title(&self) -> String {
        first_upper(self.many)
    }
}

impl Import {
    fn about(&self) -> &'static About {
        about(self.records)
    }

    /// `12 people`
    fn counted(&self, count: i64) -> String {
        show::counted(count, self.about().one, self.about().many)
    }

    /// How many lines it has.
    fn size(&self) -> String {
        self.counted(self.lines)
    }

    fn base(&self) -> String {
        format!("/imports/{}", self.id)
    }

    /// How far it is, in a word.
    fn stands(&self) -> &'static str {
        match (self.state, self.rehearsal) {
            (State::Ready, _) => "Sent",
            (State::Running, true) => "Checking …",
            (State::Running, false) => "Importing …",
            (State::Stopped, _) => "Stopped",
            (State::Done, true) => "Checked",
            (State::Done, false) => "Imported",
        }
    }

    fn count(&self, became: Became) -> i64 {
        match became {
            Became::Made => self.made,
            Became::Updated => self.updated,
            Became::Skipped => self.skipped,
            Became::Failed => self.failed,
        }
    }
}

#[derive(Template)]
#[template(path = "imports/start.html")]
struct StartPage<'a> {
    page: &'a Page,
    form: &'a Form,
    kinds: Vec<&'static About>,
    projects: Vec<Choice>,
    imports: Vec<Import>,
    /// What the file has to be.
    help: String,
}

/// What the person may make.
fn open_kinds(page: &Page) -> Vec<&'static About> {
    let is_open = |about: &&About| about.records == Records::Tasks || (page.may_write && page.crm);
    KINDS.iter().filter(is_open).collect()
}

async fn show_start(page: &Page, form: &Form) -> Answer {
    let projects = page.own_projects().await?;
    if projects.is_empty() {
        page.must_write()?;
    }
    let template = StartPage {
        page,
        form,
        kinds: open_kinds(page),
        projects,
        imports: page.run(ListImports {}).await?.items,
        help: format!(
            "CSV, with the names of the columns in its first line; at most {} MiB and {MOST_ROWS} lines.",
            page.app().config().upload_limit_mib
        ),
    };
    page.show(form.status(), &template)
}

async fn start(page: Page) -> Answer {
    let query = page.query();
    let records = match open_kinds(&page)[..] {
        [only] => only.records.word(),
        _ => query.get("records"),
    };
    let mut form = Form::filled([("records", records.to_owned())]);
    if query.has_any(&["project"]) {
        let project = page.run(GetProject { project_id: Ref::new(query.get("project")) }).await?.project;
        form.set("projectId", project.id.to_string());
    }
    show_start(&page, &form).await
}

async fn upload(page: Page, payload: web::Payload) -> Answer {
    let (app, request) = (page.app(), page.request());
    let read = async {
        let body = rest::read(request, payload, app, app.config().upload_body_limit()).await?;
        match multipart::is_form(request) {
            true => multipart::parts(request, body).await,
            false => Err(Error::new(Kind::UnsupportedMediaType, "A table is sent as multipart/form-data.")),
        }
    };
    let (file, fields) = match read.await {
        Ok(sent) => sent,
        Err(error) if error.kind() == Kind::TooLarge => {
            // Nothing was read of it; but the page that it was sent from may have said.
            let mut form = Form::filled([("records", Query::before(request).get("records").to_owned())]);
            form.complain(FILE, format!("is larger than {} MiB", app.config().upload_limit_mib));
            return show_start(&page, &form).await;
        }
        Err(error) => return Err(page.refuse(error)),
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut form = Form::filled(["records", "projectId"].map(|name| (name, text(name))));
    let records: Option<Records> = form.value("records").parse().ok();
    if records.is_none() {
        form.complain("records", "Say what the lines are");
    }
    let file = file.filter(|file| !file.name.is_empty() || !file.bytes.is_empty());
    if file.is_none() {
        form.complain(FILE, "Choose a table");
    }
    let (Some(records), Some(File { name, bytes, .. })) = (records, file) else {
        return show_start(&page, &form).await;
    };
    let project = Some(form.value("projectId")).filter(|id| !id.is_empty()).map(Ref::new);
    match page.run(UploadTable::new(records, project, Line::parse(&name).ok(), bytes)).await {
        Ok(import) => Ok(see_other(&format!("{}/columns", import.base()))),
        Err(refused) if form.keeps(refused.error()) => show_start(&page, &form).await,
        Err(refused) => Err(refused),
    }
}

async fn find(page: &Page, id: &str) -> Result<Import, Refused> {
    page.run(GetImport { import_id: id.to_owned() }).await
}

#[derive(Template)]
#[template(path = "imports/columns.html")]
struct ColumnsPage<'a> {
    page: &'a Page,
    form: &'a Form,
    import: &'a Import,
    fields: Vec<Choice>,
}

/// What went wrong, with fields as pages call them: `E-mail: “x” is not …`.
fn in_words(problems: &[FieldError]) -> String {
    let part = |problem: &FieldError| match problem.field.as_str() {
        "" => first_upper(&problem.message),
        field => format!("{}: {}", label(field), problem.message),
    };
    problems.iter().map(part).collect::<Vec<_>>().join("; ")
}

/// As much of a cell as one needs to know it again.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn show_columns(page: &Page, form: &Form, import: &Import) -> Answer {
    let fields = import.records.fields(page.app()).map_err(|error| page.refuse(error))?;
    // Some are no field of an operation; those are named in brackets.
    let name = |field: &str| label(field.trim_matches(['(', ')']));
    let mut fields: Vec<Choice> = fields.into_iter().map(|field| Choice::new(field, name(field))).collect();
    fields.sort_by(|one, other| one.text.cmp(&other.text));
    page.show(form.status(), &ColumnsPage { page, form, import, fields })
}

async fn columns(page: Page, id: web::Path<String>) -> Answer {
    let import = find(&page, &id).await?;
    if import.state == State::Running || !import.rehearsal {
        return Ok(see_other(&import.base()));
    }
    let columns = import.columns.iter().enumerate();
    let mut form = Form::default();
    for (at, goes) in columns {
        form.set(&column_field(at), goes.field.clone().unwrap_or_default());
    }
    form.set("onDuplicate", import.on_duplicate.word());
    show_columns(&page, &form, &import)
}

async fn check(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let import = find(&page, &id).await?;
    let columns: Vec<String> = (0..import.columns.len()).map(|at| form.value(&column_field(at)).to_owned()).collect();
    let missing = import.records.missing(page.app(), &columns).map_err(|error| page.refuse(error))?;
    if let Some(field) = missing.filter(|_| import.rehearsal) {
        let message = format!("No column goes to {}, which every {} has", label(field), import.about().one);
        form.complain(&column_field(0), message);
        return show_columns(&page, &form, &import);
    }
    let on_duplicate: Option<OnDuplicate> = form.value("onDuplicate").parse().ok();
    let run = RunImport { import_id: id.to_string(), rehearsal: true, columns: Some(columns), on_duplicate };
    match imports::begin(page.app(), page.call(), run).await {
        Ok(()) => Ok(see_other(&import.base())),
        Err(error) if form.keeps(&error) => show_columns(&page, &form, &import),
        Err(error) => Err(page.refuse(error)),
    }
}

#[derive(Template)]
#[template(path = "imports/import.html")]
struct ImportPage<'a> {
    page: &'a Page,
    import: &'a Import,
    /// What became of lines, how many of them, and where they are shown; of those that there are.
    parts: Vec<(&'static str, i64, String, bool)>,
    shown: Became,
    lines: Vec<ImportLine>,
    pager: Pager,
    list: String,
}

fn word_for(became: Became, rehearsal: bool) -> &'static str {
    match became {
        Became::Failed => "Failed",
        Became::Made => "New",
        Became::Updated if rehearsal => "To change",
        Became::Updated => "Changed",
        Became::Skipped => "Here already",
    }
}

async fn look(page: Page, id: web::Path<String>) -> Answer {
    let import = find(&page, &id).await?;
    if import.state == State::Ready && import.problem.is_none() {
        return Ok(see_other(&format!("{}/columns", import.base())));
    }
    let query = page.query();
    let order = [Became::Failed, Became::Made, Became::Updated, Became::Skipped];
    let first = order.into_iter().find(|became| import.count(*became) > 0).unwrap_or(Became::Made);
    let shown = query.get("show").parse().unwrap_or(first);
    let mut input = query.input(&[("cursor", "cursor")]);
    input.insert("importId".to_owned(), id.as_str().into());
    input.insert("became".to_owned(), shown.word().into());
    let found = page.list::<ListImportLines>(input, 100).await?;
    let part = |became: Became| {
        (word_for(became, import.rehearsal), import.count(became), query.with("show", became.word()), became == shown)
    };
    page.ok(&ImportPage {
        page: &page,
        parts: order.into_iter().filter(|became| import.count(*became) > 0).map(part).collect(),
        shown,
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "line", "lines"),
        lines: found.items,
        list: import.project_id.as_ref().map_or_else(|| import.about().list.to_owned(), |id| format!("/projects/{id}")),
        import: &import,
    })
}

impl ImportPage<'_> {
    fn text(&self) -> String {
        match (self.import.state, self.import.rehearsal) {
            (State::Ready, _) => self.import.problem.clone().unwrap_or_default(),
            (State::Running, true) => "Nothing is written.".to_owned(),
            (State::Running, false) => {
                "You can leave this page: it goes on, after a restart of the server too, until you sign out.".to_owned()
            }
            (State::Stopped, _) => {
                let problem = self.import.problem.as_deref().unwrap_or_default();
                format!("{problem} What was imported stays, and it can go on where it stopped.")
            }
            (State::Done, true) if !self.would_change() => {
                "No line would make or change anything: change the columns, or mend the lines.".to_owned()
            }
            (State::Done, true) => "Nothing is written yet. This is what would become of the lines.".to_owned(),
            (State::Done, false) if self.import.failed > 0 => {
                "Mend the lines that failed, and import them again.".to_owned()
            }
            (State::Done, false) => String::new(),
        }
    }

    fn figures(&self) -> [(&'static str, i64); 4] {
        [Became::Made, Became::Updated, Became::Skipped, Became::Failed]
            .map(|became| (word_for(became, self.import.rehearsal), self.import.count(became)))
    }

    /// Is there anything to write, as far as all lines were looked at?
    fn would_change(&self) -> bool {
        self.import.state == State::Done && self.import.made + self.import.updated > 0
    }

    fn button(&self) -> String {
        match self.import.state {
            State::Stopped => "Go on".to_owned(),
            _ => format!("Import {}", self.import.counted(self.import.made + self.import.updated)),
        }
    }

    /// The page of a line's record.
    fn record(&self, line: &ImportLine) -> Option<String> {
        line.record.map(|raw| format!("{}/{}", self.import.about().list, self.import.records.id(raw)))
    }
}

async fn import(page: Page, id: web::Path<String>) -> Answer {
    let run = RunImport { import_id: id.to_string(), rehearsal: false, columns: None, on_duplicate: None };
    match imports::begin(page.app(), page.call(), run).await {
        Ok(()) => Ok(see_other(&format!("/imports/{id}"))),
        Err(error) => Err(page.refuse(error)),
    }
}

async fn stop(page: Page, id: web::Path<String>) -> Answer {
    page.run(StopImport { import_id: id.to_string() }).await?;
    Ok(see_other(&format!("/imports/{id}")))
}

async fn discard(page: Page, id: web::Path<String>) -> Answer {
    page.run(DiscardImport { import_id: id.to_string() }).await?;
    page.go("/imports", "The table is discarded")
}

/// The lines that failed, as they stood in the file, each behind what is wrong with it: to be mended and imported again, which
/// leaves the column of problems out by itself.
async fn failed(page: Page, id: web::Path<String>) -> Answer {
    let import = find(&page, &id).await?;
    let input = input::of([("importId", id.as_str().into()), ("became", Became::Failed.word().into())]);
    let lines = page.list::<ListImportLines>(input, MOST_ROWS).await?.items;
    // With the mark without which Excel takes letters for others, and would save them so.
    let mut table = format!("\u{feff}Problem{}{}\r\n", import.delimiter, import.heading);
    for line in lines {
        let problem = in_words(&line.problems).replace('"', "\"\"");
        table.push_str(&format!("\"{problem}\"{}{}\r\n", import.delimiter, line.raw.unwrap_or_default()));
    }
    let name = format!("{}-failed.csv", import.about().many);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, CSV))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(table))
}
