//! Tables of which one chooses the columns, and which are files for spreadsheets as well.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::core::error::{Error, Kind};
use crate::core::operation::Operation;
use crate::core::page::{self, Sort};
use crate::features::table::{MOST_ROWS, csv};
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, Column};

/// What can be a column. The first one of a table names the record and is always shown.
pub struct Field<T: 'static> {
    pub key: &'static str,
    pub label: &'static str,
    /// The sort's name; empty where it cannot be sorted by.
    pub sort: &'static str,
    pub class: &'static str,
    /// Is it shown unless somebody chose?
    pub is_usual: bool,
    /// In a spreadsheet: a heading, and what stands below it.
    pub sheet: Sheet<T>,
}

/// Headings of a spreadsheet, and what stands below each.
type Sheet<T> = &'static [(&'static str, fn(&Page, &T) -> String)];

/// A table's columns, as the address says.
pub struct Fields<T: 'static> {
    pub all: Vec<(&'static Field<T>, bool)>,
    pub shown: Vec<&'static Field<T>>,
    pub headings: Vec<Column>,
}

impl<T> Fields<T> {
    pub fn new(query: &Query, sorts: &[Sort], fields: &'static [Field<T>]) -> Self {
        let chosen: Vec<&str> = query.every("columns").flat_map(|names| names.split(',')).collect();
        let is_shown = |at: usize, field: &Field<T>| match chosen.as_slice() {
            [] => field.is_usual,
            chosen => at == 0 || chosen.contains(&field.key),
        };
        let all: Vec<_> = fields.iter().enumerate().map(|(at, field)| (field, is_shown(at, field))).collect();
        let shown: Vec<_> = all.iter().filter(|(_, is_shown)| *is_shown).map(|(field, _)| *field).collect();
        let headings: Vec<_> = shown.iter().map(|field| (field.label, field.sort, field.class)).collect();
        Fields { headings: show::columns(query, sorts, &headings), all, shown }
    }

    /// All that fits the filter, in the columns that are shown, as a file.
    pub async fn sheet<O: Operation<Output = page::Page<T>>>(
        &self,
        page: &Page,
        query: &Query,
        names: &[(&str, &str)],
        what: &str,
    ) -> Answer {
        let mut input = query.input(names);
        input.remove("cursor");
        let found = page.list::<O>(input, MOST_ROWS).await?;
        if found.next_cursor.is_some() {
            let text =
                format!("There are more than the {MOST_ROWS} {what} that a table holds. Narrow them by a filter.");
            return Err(page.refuse(Error::new(Kind::Conflict, text)));
        }
        let noted = page.app().note_export(&O::SPEC, page.call().clone()).await;
        noted.map_err(|error| page.refuse(error))?;
        let columns: Vec<_> = self.shown.iter().flat_map(|field| field.sheet).collect();
        let rows = found.items.iter().map(|row| columns.iter().map(move |(_, cell)| cell(page, row)));
        let file = csv(format!("{what}-{}.csv", page.today), columns.iter().map(|(heading, _)| *heading), rows);
        let file = file.map_err(|error| page.refuse(error))?;
        Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, file.media_type))
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)))
            .body(file.bytes))
    }
}

/// What a record may lack: nothing in a spreadsheet.
pub fn text(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}
