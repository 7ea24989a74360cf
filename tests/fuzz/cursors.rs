//! Cursors: followed as they are, torn, of other lists, and such as no list has made but every list would take for its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ureq::http::Request;

use crate::Target;
use crate::values::{Chance, encoded, spoiled, word};

/// A list: its operation, its path, and what it can be sorted by.
struct List {
    operation: String,
    path: String,
    sorts: Vec<String>,
}

pub struct Cursors {
    lists: Vec<List>,
}

impl Cursors {
    pub fn of(document: &Value) -> Cursors {
        let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.contains('{'));
        let lists = paths.filter_map(|(path, methods)| {
            let list = &methods["get"];
            let parameters = list["parameters"].as_array()?;
            let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
            named("cursor")?;
            let sorts = named("sort")?["schema"]["enum"].as_array()?.iter();
            let sorts = sorts.map(|sort| sort.as_str().unwrap().to_owned()).collect();
            Some(List { operation: list["operationId"].as_str()?.to_owned(), path: path.clone(), sorts })
        });
        let lists: Vec<List> = lists.collect();
        assert!(lists.len() > 10, "{} lists", lists.len());
        Cursors { lists }
    }

    fn get(target: &Target, list: &List, sort: &str, cursor: &str) -> (u16, Value) {
        let uri = format!("{}/api{}?limit=2&sort={sort}&cursor={}", target.server.url, list.path, encoded(cursor));
        let request = Request::get(uri).header("Authorization", format!("Bearer {}", target.api_key));
        let (status, _, text) = target.send(request.body(Vec::new()).unwrap());
        assert!(matches!(status, 200 | 400 | 403 | 422 | 503), "{} {sort} {cursor}: {status} {text}", list.path);
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub fn send(&self, target: &Target, chance: &mut Chance) {
        let list = chance.choice(&self.lists).unwrap();
        let sort = chance.choice(&list.sorts).unwrap();
        let (status, page) = Cursors::get(target, list, sort, "");
        target.pool.answered("cursors", status, true);
        let Some(own) = page["nextCursor"].as_str() else { return };
        let (cursor, is_own) = match chance.u8(0..4) {
            0 => (own.to_owned(), true),
            1 => {
                let torn = (0..60).map(|_| spoiled(own.to_owned(), chance)).find(|torn| torn != own.as_bytes());
                (String::from_utf8_lossy(&torn.unwrap_or_default()).into_owned(), false)
            }
            2 => (target.pool.name(chance).unwrap_or_default(), false),
            _ => (made_up(list, sort, chance), false),
        };
        let (status, _) = Cursors::get(target, list, sort, &cursor);
        assert!(!is_own || status != 422, "{} {sort}: its own cursor {cursor} is refused", list.path);
        target.pool.answered("cursors", status, true);
    }
}

/// Sealed as the server seals its own: the seal is no secret.
fn made_up(list: &List, sort: &str, chance: &mut Chance) -> String {
    let number = |chance: &mut Chance| *chance.choice(&[0, 1, -1, i64::MAX, i64::MIN, 1 << 60]).unwrap();
    let key = match chance.u8(0..8) {
        0 => Value::Null,
        1 => json!(number(chance)),
        2 => json!(chance.f64() * 1e308),
        3 => json!([[word(chance)]]),
        4 => json!(true),
        5 => json!("\u{0}"),
        6 => json!(u64::MAX),
        _ => json!(word(chance)),
    };
    let payload = match chance.u8(0..8) {
        0 => json!([key]),
        1 => json!([key, key, 1]),
        2 => json!({ "key": key }),
        _ => json!([key, number(chance)]),
    };
    let payload = spoiled(payload.to_string(), chance);
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    let mut seal = Sha256::new();
    seal.update(&list.operation);
    seal.update(name);
    seal.update([u8::from(descending)]);
    seal.update(&payload);
    URL_SAFE_NO_PAD.encode([&seal.finalize()[..6], &payload].concat())
}
