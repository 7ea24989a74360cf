//! What a key may do.

use super::error::quoted;
use super::operation::{Effect, Toolset};
use crate::choices;

choices! {
    /// What a key may do in an area; each level includes the ones before it.
    pub enum Level { Read = "READ", Write = "WRITE", Destructive = "DESTRUCTIVE" }
}

impl From<Effect> for Level {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Read => Level::Read,
            Effect::Write => Level::Write,
            Effect::Destructive => Level::Destructive,
        }
    }
}

/// What a key may do: `AREA:LEVEL`, separated by blanks or commas. AREA is a toolset or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes {
    grants: Vec<Grant>,
    /// `mcp:resources:read` or anything that grants reading everywhere.
    resources: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    area: Option<Toolset>,
    level: Level,
}

impl Scopes {
    pub fn all() -> Self {
        Scopes { grants: vec![Grant { area: None, level: Level::Destructive }], resources: true }
    }

    pub fn reading() -> Self {
        Scopes { grants: vec![Grant { area: None, level: Level::Read }], resources: true }
    }

    pub fn is_all(&self) -> bool {
        *self == Scopes::all()
    }

    /// Reading everything there is?
    pub fn allow_reading(&self) -> bool {
        self.grants.iter().any(|grant| grant.area.is_none())
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scopes = Scopes::default();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let word = word.to_ascii_lowercase();
            let level = |name: &str| match name {
                "read" => Some(Level::Read),
                "write" => Some(Level::Write),
                "destructive" => Some(Level::Destructive),
                _ => None,
            };
            let everywhere = |level| Some(Grant { area: None, level });
            let grant = match word.split(':').collect::<Vec<_>>().as_slice() {
                ["*"] => everywhere(Level::Destructive),
                ["mcp", "resources", "read"] => {
                    scopes.resources = true;
                    continue;
                }
                [name] => level(name).filter(|level| *level != Level::Destructive).and_then(everywhere),
                ["mcp", "tools", name] | ["*", name] => level(name).and_then(everywhere),
                [area, name] => {
                    Toolset::named(area).zip(level(name)).map(|(area, level)| Grant { area: Some(area), level })
                }
                _ => None,
            };
            let grant = grant.ok_or_else(|| {
                format!("{} is not a scope. Use *, read, write, or AREA:LEVEL such as crm:write, with LEVEL read, write or destructive", quoted(&word))
            })?;
            if grant.area.is_none() {
                scopes.resources = true;
            }
            if !scopes.grants.contains(&grant) {
                scopes.grants.push(grant);
            }
        }
        if scopes.grants.iter().any(|grant| *grant == Scopes::all().grants[0]) {
            return Ok(Scopes::all());
        }
        if scopes == Scopes::default() {
            return Err("must name at least one scope; * means everything".into());
        }
        Ok(scopes)
    }

    pub fn allow(&self, area: Toolset, effect: Effect) -> bool {
        let needed = Level::from(effect);
        self.grants.iter().any(|grant| grant.area.is_none_or(|own| own == area) && grant.level >= needed)
    }

    /// Nothing that the other does not allow?
    pub fn are_within(&self, other: &Scopes) -> bool {
        let covers =
            |wide: &Grant, own: &Grant| (wide.area.is_none() || wide.area == own.area) && wide.level >= own.level;
        self.grants.iter().all(|own| other.grants.iter().any(|wide| covers(wide, own)))
            && (other.resources || !self.resources)
    }

    /// The same in the words that MCP clients know, each level beside the ones it includes.
    pub fn in_words(&self) -> String {
        let everywhere = self.grants.iter().filter(|grant| grant.area.is_none()).map(|grant| grant.level).max();
        let levels = Level::ALL.iter().filter(|level| everywhere.is_some_and(|most| **level <= most));
        let mut words: Vec<String> =
            levels.map(|level| format!("mcp:tools:{}", level.word().to_ascii_lowercase())).collect();
        if self.resources {
            words.push("mcp:resources:read".into());
        }
        words.extend(
            self.grants.iter().filter_map(|grant| {
                Some(format!("{}:{}", grant.area?.word(), grant.level.word().to_ascii_lowercase()))
            }),
        );
        words.join(" ")
    }

    pub fn allow_resources(&self) -> bool {
        self.resources
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_all() {
            return f.write_str("*");
        }
        let mut words: Vec<String> = self
            .grants
            .iter()
            .map(|grant| {
                format!("{}:{}", grant.area.map_or("*", Toolset::word), grant.level.word().to_ascii_lowercase())
            })
            .collect();
        if self.resources && self.grants.iter().all(|grant| grant.area.is_some()) {
            words.push("mcp:resources:read".into());
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_the_documents_write_them() {
        let shown = |text: &str| Scopes::parse(text).map(|scopes| scopes.to_string());
        assert_eq!(shown("*").unwrap(), "*");
        assert_eq!(shown("read").unwrap(), "*:read");
        assert_eq!(shown("read, write").unwrap(), "*:read *:write");
        assert_eq!(shown("mcp:tools:destructive").unwrap(), "*");
        assert_eq!(shown("crm:write mcp:resources:read").unwrap(), "crm:write mcp:resources:read");
        for wrong in ["", "crm", "crm:all", "nowhere:read", "destructive", "crm:read:x:y"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_is_known_as_one_and_programs_read_the_words_they_know() {
        let scopes = |text: &str| Scopes::parse(text).unwrap();
        for (part, whole) in
            [("read", "*"), ("crm:write", "write"), ("time:read", "time:write"), ("read write", "write")]
        {
            assert!(scopes(part).are_within(&scopes(whole)), "{part} {whole}");
        }
        for (more, whole) in
            [("*", "write"), ("crm:write", "read"), ("read", "crm:read"), ("mcp:resources:read", "time:write")]
        {
            assert!(!scopes(more).are_within(&scopes(whole)), "{more} {whole}");
        }
        assert_eq!(scopes("*").in_words(), "mcp:tools:read mcp:tools:write mcp:tools:destructive mcp:resources:read");
        assert_eq!(scopes("read time:write").in_words(), "mcp:tools:read mcp:resources:read time:write");
        for text in ["*", "read write", "crm:read mcp:resources:read"] {
            assert_eq!(scopes(&scopes(text).in_words()).to_string(), scopes(text).to_string(), "{text}");
        }
    }

    #[test]
    fn a_level_includes_the_lower_ones_and_an_area_stays_its_own() {
        let scopes = Scopes::parse("crm:write core:read").unwrap();
        assert!(scopes.allow(Toolset::Crm, Effect::Read) && scopes.allow(Toolset::Crm, Effect::Write));
        assert!(!scopes.allow(Toolset::Crm, Effect::Destructive));
        assert!(scopes.allow(Toolset::Core, Effect::Read) && !scopes.allow(Toolset::Core, Effect::Write));
        assert!(!scopes.allow(Toolset::Account, Effect::Read) && !scopes.allow_resources());
    }
}
