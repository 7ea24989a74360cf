//! The API told from the list: an OpenAPI 3.1 document, a page to read, a text for language models.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes};
use askama::Template;
use serde_json::{Map, Value, json};

use crate::core::app::{App, Listed};
use crate::core::caller::Role;
use crate::core::operation::{Effect, Needs, Route, Toolset};

/// Each is made when it is asked for first, and the same bytes each time. Ten times as much passes through memory while one is
/// made, which most servers never need.
#[derive(Default)]
pub struct Document {
    json: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
    llms: OnceLock<Bytes>,
}

pub async fn json(made: web::Data<Document>, app: web::Data<App>) -> HttpResponse {
    let json = made.json.get_or_init(|| serde_json::to_vec(&document(&app)).expect("plain data").into());
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(json.clone())
}

pub async fn page(made: web::Data<Document>, app: web::Data<App>) -> HttpResponse {
    let page = made.page.get_or_init(|| {
        let page = DocsPage {
            base: super::assets::BASE.as_str(),
            origin: app.config().base_url(),
            version: env!("CARGO_PKG_VERSION"),
            groups: groups(&app),
        };
        page.render().expect("the template fits its struct").into()
    });
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(page.clone())
}

pub async fn llms(made: web::Data<Document>, app: web::Data<App>) -> HttpResponse {
    let llms = made.llms.get_or_init(|| for_models(&app).into());
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(llms.clone())
}

/// PUBLIC, AUTH, VIEWER, MEMBER, OWNER or ADMIN.
fn role(needs: Needs) -> &'static str {
    match needs {
        Needs::Public => "PUBLIC",
        Needs::Account => "AUTH",
        Needs::Workspace(Role::Viewer) | Needs::Project(Role::Viewer) => "VIEWER",
        Needs::Workspace(Role::Member) | Needs::Project(Role::Member) => "MEMBER",
        Needs::Workspace(Role::Owner) | Needs::Project(Role::Owner) => "OWNER",
        Needs::Platform | Needs::Superadmin => "ADMIN",
    }
}

/// The whole API as OpenAPI 3.1.
pub fn document(app: &App) -> Value {
    let mut paths = Map::new();
    for listed in app.operations() {
        let Some(route) = listed.entry.spec.route else { continue };
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.word().to_ascii_lowercase()] = operation(listed, route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sally",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Projects, tasks, time and a lightweight CRM for small teams and their agents.",
            "description": "JSON in camelCase. Send a key as `Authorization: Bearer …`. Where an account belongs to several workspaces, \
                say which one with `X-Workspace-Slug` or `X-Workspace-Id`. Wherever an id is taken, a name works too: a key such as `WEB-12`, an \
                e-mail, a domain, a title, `me`. Changes touch only the fields sent; null clears one. Lists leave out what is archived unless \
                `archived` is true. Errors are RFC 9457 problem objects.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": format!("{}/api", app.config().base_url()) }],
        "tags": tags(app),
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A personal API key (atpm_…), an MCP key (sallymcp_…) or a session token." },
            },
            "schemas": { "Problem": problem_schema() },
            "responses": {
                "Problem": {
                    "description": "What was wrong and what to do.",
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

fn tags(app: &App) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for listed in app.operations() {
        let name = listed.entry.spec.toolset.word();
        if listed.entry.spec.route.is_some() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn operation(listed: &Listed, route: Route) -> Value {
    let spec = &listed.entry.spec;
    let mut operation = json!({
        "operationId": spec.name,
        "summary": spec.title,
        "tags": [spec.toolset.word()],
        "x-role": role(spec.needs),
        "x-toolset": spec.toolset.word(),
        "x-effect": spec.effect.word(),
        "parameters": parameters(listed, route),
        "responses": responses(listed),
    });
    if let Some(description) = listed.shape.schema.get("description") {
        operation["description"] = description.clone();
    }
    if spec.needs == Needs::Public {
        operation["security"] = json!([]);
    }
    if let Some(body) = body_schema(listed, route) {
        let required = body.get("required").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty());
        let mut content = json!({ "application/json": { "schema": body } });
        if spec.more.takes_file {
            content["multipart/form-data"] = json!({ "schema": form_schema(body) });
        }
        operation["requestBody"] = json!({ "required": required, "content": content });
    }
    operation
}

fn in_path(route: Route, field: &str) -> bool {
    route.parameters().any(|name| name == field)
}

fn properties(listed: &Listed) -> &Map<String, Value> {
    listed.shape.schema["properties"].as_object().expect("a shape has properties")
}

fn required(listed: &Listed) -> impl Iterator<Item = &str> {
    listed.shape.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn parameters(listed: &Listed, route: Route) -> Vec<Value> {
    let spec = &listed.entry.spec;
    let mut parameters = Vec::new();
    for (name, schema) in properties(listed) {
        let place = match in_path(route, name) {
            true => "path",
            false if spec.effect == Effect::Read => "query",
            false => continue,
        };
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({ "name": name, "in": place, "required": place == "path" || required(listed).any(|field| field == name), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        if place == "query" && parameter["schema"]["type"] == "array" {
            parameter["explode"] = json!(false);
        }
        parameters.push(parameter);
    }
    if spec.needs.workspace_role().is_some() && !spec.is_selected_by_path() {
        parameters.push(json!({
            "name": "X-Workspace-Slug", "in": "header", "required": false, "schema": { "type": "string" },
            "description": "Which workspace, where the account belongs to several. X-Workspace-Id and the query parameters workspaceSlug, workspaceId do the same.",
        }));
    }
    parameters
}

/// What the body holds: the input without what stands in the path.
fn body_schema(listed: &Listed, route: Route) -> Option<Value> {
    if listed.entry.spec.effect == Effect::Read {
        return None;
    }
    let mut schema = listed.shape.schema.clone();
    let object = schema.as_object_mut().expect("a shape is an object");
    object.remove("description");
    object
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .expect("a shape has properties")
        .retain(|name, _| !in_path(route, name));
    if let Some(Value::Array(fields)) = object.get_mut("required") {
        fields.retain(|field| field.as_str().is_some_and(|field| !in_path(route, field)));
        if fields.is_empty() {
            object.remove("required");
        }
    }
    Some(schema)
}

/// The same body as a form: the file itself in place of what tells of it in JSON; see [`super::form`].
fn form_schema(mut body: Value) -> Value {
    const TOLD_BY_THE_FILE: [&str; 3] = ["base64", "fileName", "mimeType"];
    let fields = body["properties"].as_object_mut().expect("a body has properties");
    fields.retain(|name, _| !TOLD_BY_THE_FILE.contains(&name.as_str()));
    let file = json!({ "type": "string", "contentMediaType": "application/octet-stream", "description": "The file; any name of the field will do." });
    fields.insert("file".into(), file);
    let required = body["required"].as_array_mut().expect("a file is required");
    required.iter_mut().filter(|field| *field == "base64").for_each(|field| *field = json!("file"));
    body
}

fn responses(listed: &Listed) -> Value {
    let spec = &listed.entry.spec;
    let success = match listed.entry.output_schema() {
        None => ("204", json!({ "description": "Done." })),
        Some(schema) => {
            let status = if spec.creates() { "201" } else { "200" };
            let mut content = json!({ "application/json": { "schema": schema } });
            if let Some(file) = spec.more.file {
                content[file] = json!({});
            }
            (status, json!({ "description": "Done.", "content": content }))
        }
    };
    let problem = || json!({ "$ref": "#/components/responses/Problem" });
    let mut responses = Map::from_iter([(success.0.to_owned(), success.1)]);
    let mut statuses = vec!["400", "406", "422", "503"];
    if spec.needs != Needs::Public {
        statuses.extend(["401", "403"]);
    }
    if spec.needs.workspace_role().is_some() || spec.route.is_some_and(|route| route.parameters().next().is_some()) {
        statuses.extend(["404", "409"]);
    }
    if spec.effect != Effect::Read {
        statuses.extend(["408", "409", "413", "415", "429"]);
    }
    if spec.takes_version() {
        statuses.push("412");
    }
    for status in statuses {
        responses.insert(status.to_owned(), problem());
    }
    Value::Object(responses)
}

fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "requestId"],
        "properties": {
            "type": text, "title": text, "status": { "type": "integer" }, "detail": text, "requestId": text,
            "code": { "type": "string", "description": "Stable; for programs." },
            "errors": { "type": "array", "items": { "type": "object", "required": ["field", "message"], "properties": { "field": text, "message": text } } },
            "permission": {
                "type": "object",
                "properties": { "scope": text, "required": text, "current": { "type": ["string", "null"] }, "reason": text },
            },
            "candidates": { "type": "array", "items": { "type": "object", "properties": { "id": text, "name": text } } },
        },
    })
}

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage<'a> {
    base: &'a str,
    origin: String,
    version: &'a str,
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    name: &'a str,
    title: &'static str,
    operations: Vec<Line<'a>>,
}

/// An operation as the page shows it.
struct Line<'a> {
    name: &'a str,
    title: &'a str,
    method: &'a str,
    path: &'a str,
    role: &'a str,
    effect: &'a str,
    is_tool: bool,
    description: &'a str,
    fields: Vec<Field<'a>>,
    /// What every operation of its kind understands beside its own fields.
    common: Vec<&'a str>,
}

struct Field<'a> {
    name: &'a str,
    kind: String,
    is_required: bool,
    description: &'a str,
}

fn groups(app: &App) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for listed in app.operations() {
        let spec = &listed.entry.spec;
        let Some(route) = spec.route else { continue };
        let is_common = |name: &str| {
            use crate::core::input::common::{CURSOR, FIELDS, IDEMPOTENCY_KEY, IF_VERSION, INCLUDE, LIMIT, SORT};
            [LIMIT, CURSOR, SORT, INCLUDE, FIELDS, IF_VERSION, IDEMPOTENCY_KEY].contains(&name)
                && (name != LIMIT || spec.is_list())
        };
        let own = properties(listed).iter().filter(|(name, _)| !is_common(name));
        let mut fields: Vec<Field<'_>> = own
            .map(|(name, schema)| Field {
                name,
                kind: kind(schema),
                is_required: required(listed).any(|field| field == name),
                description: schema.get("description").and_then(Value::as_str).unwrap_or_default(),
            })
            .collect();
        fields.sort_by_key(|field| !field.is_required);
        let line = Line {
            name: spec.name,
            title: spec.title,
            method: route.method.word(),
            path: route.path,
            role: role(spec.needs),
            effect: spec.effect.word(),
            is_tool: spec.more.mcp,
            description: listed.shape.schema.get("description").and_then(Value::as_str).unwrap_or_default(),
            fields,
            common: properties(listed).keys().map(String::as_str).filter(|name| is_common(name)).collect(),
        };
        match groups.iter_mut().find(|group| group.name == spec.toolset.word()) {
            Some(group) => group.operations.push(line),
            None => {
                groups.push(Group { name: spec.toolset.word(), title: chapter(spec.toolset), operations: vec![line] })
            }
        }
    }
    groups
}

/// What people call an area.
fn chapter(toolset: Toolset) -> &'static str {
    match toolset {
        Toolset::Core => "Core",
        Toolset::Account => "Account",
        Toolset::Workspace => "Workspaces",
        Toolset::Projects => "Projects",
        Toolset::Tasks => "Tasks",
        Toolset::Time => "Time",
        Toolset::Crm => "CRM",
        Toolset::Agents => "Agents",
    }
}

fn kind(schema: &Value) -> String {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return choices.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("any");
    schema.get("format").and_then(Value::as_str).map_or(kind.to_owned(), |format| format!("{kind} ({format})"))
}

fn for_models(app: &App) -> String {
    let base = app.config().base_url();
    let mut text = format!(
        "# Sally\n\n> Projects, tasks, time and a lightweight CRM for small teams and their agents, over REST and MCP.\n\n\
         - MCP (Streamable HTTP): {base}/mcp, signed in by OAuth or with `Authorization: Bearer sallymcp_…`\n\
         - REST: {base}/api, with `Authorization: Bearer atpm_…`; OpenAPI: {base}/api/openapi.json\n\
         - Where an account belongs to several workspaces: `X-Workspace-Slug`\n\n## Operations\n\n"
    );
    for listed in app.operations() {
        let spec = &listed.entry.spec;
        if let Some(route) = spec.route {
            text.push_str(&format!("- {} ({} /api{}): {}\n", spec.name, route.method.word(), route.path, spec.title));
        }
    }
    text
}
