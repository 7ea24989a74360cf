//! Where a resource is: `sally://workspaces/acme/tasks/WEB-12`, as Markdown; with `.json` behind it, as JSON.
//! Without its workspace, `sally://tasks/WEB-12`, it is looked for in the only one there is, or in the one the connection selects.

/// What can be read as a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Workspace,
    MyTasks,
    Project,
    Task,
    Client,
    Organization,
    Person,
    Deal,
}

/// How it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Markdown,
    Json,
}

impl Form {
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Markdown => "text/markdown",
            Form::Json => "application/json",
        }
    }
}

impl Kind {
    pub const ALL: &[Kind] = &[
        Kind::Workspace,
        Kind::MyTasks,
        Kind::Project,
        Kind::Task,
        Kind::Client,
        Kind::Organization,
        Kind::Person,
        Kind::Deal,
    ];

    /// Behind the workspace, with the record's name in braces.
    fn path(self) -> &'static str {
        match self {
            Kind::Workspace => "",
            Kind::MyTasks => "/me/tasks",
            Kind::Project => "/projects/{key}",
            Kind::Task => "/tasks/{key}",
            Kind::Client => "/clients/{id}",
            Kind::Organization => "/organizations/{id}",
            Kind::Person => "/people/{id}",
            Kind::Deal => "/deals/{id}",
        }
    }

    /// For clients that fill in what is in braces (RFC 6570).
    pub fn template(self) -> String {
        format!("{SCHEME}workspaces/{{slug}}{}", self.path())
    }

    /// The kind of a template, with or without `.json` behind it.
    pub fn of_template(template: &str) -> Option<Kind> {
        let template = template.strip_suffix(".json").unwrap_or(template);
        Kind::ALL.iter().copied().find(|kind| kind.template() == template)
    }

    /// The operation that lists or reads such records over tools: whoever may not use it does not see them here either.
    pub fn operation(self) -> &'static str {
        match self {
            Kind::Workspace => "workspace.list",
            Kind::MyTasks => "task.mine",
            Kind::Project => "project.get",
            Kind::Task => "task.get",
            Kind::Client => "client.get",
            Kind::Organization => "crm.organization.get",
            Kind::Person => "crm.person.get",
            Kind::Deal => "crm.deal.get",
        }
    }

    /// The address of one, by its slug, key or id.
    pub fn address(self, workspace: &str, reference: &str) -> String {
        let path = self.path().replace("{key}", reference).replace("{id}", reference);
        format!("{SCHEME}workspaces/{workspace}{path}")
    }
}

const SCHEME: &str = "sally://";
/// No name of a record makes a longer one. What is watched is kept as it was written, so it must not be of any length.
const LONGEST: usize = 4_000;

/// One resource, as its address names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its slug or id.
    pub workspace: Option<String>,
    pub kind: Kind,
    /// Whatever names the record; empty where the kind says it all.
    pub reference: String,
    pub form: Form,
}

impl Address {
    pub fn parse(uri: &str) -> Option<Self> {
        let scheme = uri.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME))?;
        let path = &uri[scheme.len()..];
        if uri.len() > LONGEST || path.contains(['?', '#']) {
            return None;
        }
        let (path, form) = match path.strip_suffix(".json") {
            Some(path) => (path, Form::Json),
            None => (path.strip_suffix(".md").unwrap_or(path), Form::Markdown),
        };
        let segments: Vec<String> = path.split('/').map(decoded).collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (workspace, rest) = match segments.as_slice() {
            ["workspaces", slug, rest @ ..] => (Some((*slug).to_owned()), rest),
            rest => (None, rest),
        };
        let (kind, reference) = match rest {
            [] if workspace.is_some() => (Kind::Workspace, ""),
            ["me", "tasks"] => (Kind::MyTasks, ""),
            ["projects", key] => (Kind::Project, *key),
            ["tasks", key] => (Kind::Task, *key),
            ["clients", id] => (Kind::Client, *id),
            ["organizations", id] => (Kind::Organization, *id),
            ["people", id] => (Kind::Person, *id),
            ["deals", id] => (Kind::Deal, *id),
            _ => return None,
        };
        Some(Address { workspace, kind, reference: reference.to_owned(), form })
    }
}

/// A segment with its `%20` taken for what they are; none may be empty.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_and_where_and_in_which_form() {
        let address = |uri: &str| Address::parse(uri).unwrap_or_else(|| panic!("{uri}"));
        let task = address("sally://workspaces/acme/tasks/WEB-12");
        assert_eq!((task.workspace.as_deref(), task.kind, task.form), (Some("acme"), Kind::Task, Form::Markdown));
        assert_eq!(task.reference, "WEB-12");
        assert_eq!(address("SALLY://workspaces/acme/tasks/WEB-12.json"), Address { form: Form::Json, ..task.clone() });
        assert_eq!(address("sally://tasks/WEB-12.md"), Address { workspace: None, ..task });
        assert_eq!(address("sally://workspaces/acme").kind, Kind::Workspace);
        assert_eq!(address("sally://me/tasks").kind, Kind::MyTasks);
        assert_eq!(address("sally://organizations/Caf%C3%A9%20%2F%20Bar").reference, "Café / Bar");
    }

    #[test]
    fn what_is_no_address_is_none() {
        for uri in [
            "",
            "sally://",
            "sally://workspaces",
            "sally://workspaces/",
            "sally://workspaces/acme/",
            "sally://workspaces/acme/tasks",
            "sally://workspaces/acme/tasks/",
            "sally://workspaces/acme/tasks/WEB-1/x",
            "sally://tasks/%zz",
            "sally://tasks/%f0",
            "sally://tasks/%2",
            "sally://tasks/%20",
            "sally://tasks/WEB-1?x=1",
            "sally://me/projects",
            "sally:tasks/WEB-1",
            "https://workspaces/acme",
            "é",
        ] {
            assert_eq!(Address::parse(uri), None, "{uri}");
        }
        assert_eq!(Address::parse(&format!("sally://tasks/{}WEB-1", "%20".repeat(2_000))), None);
    }

    #[test]
    fn every_kind_has_a_template_that_leads_back_to_it() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_template(&kind.template()), Some(*kind));
            assert_eq!(Address::parse(&kind.address("acme", "x-1")).map(|address| address.kind), Some(*kind));
        }
        assert_eq!(Kind::of_template("sally://workspaces/{slug}/tasks/{key}.json"), Some(Kind::Task));
        assert_eq!(Kind::of_template("sally://workspaces/{slug}/me"), None);
    }
}
