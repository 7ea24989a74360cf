//! The list itself: what there is, under which names, and how it is described.

use std::collections::BTreeSet;
use std::fmt::Write;

use sally::core::operation::Needs;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn the_list_is_as_reviewed() {
    let world = World::new().await;
    let mut table = String::new();
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let route = spec.route.map_or("-".to_owned(), |route| format!("{} {}", route.method.word(), route.path));
        let tool = if spec.more.mcp { spec.toolset.word() } else { "-" };
        writeln!(
            table,
            "{}\t{route}\t{:?}\t{}\t{tool}\t{}",
            spec.name,
            spec.needs,
            spec.effect.word(),
            spec.more.aliases.join(" ")
        )
        .unwrap();
    }
    insta::assert_snapshot!("operations", table);
}

#[test]
fn every_operation_that_is_written_is_listed() {
    let mut written = 0;
    let mut folders = vec![std::path::PathBuf::from("src/features")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                written += std::fs::read_to_string(&path).expect("a file").matches("\nimpl Operation for ").count();
            }
        }
    }
    let listed: usize = sally::features::ALL.iter().map(|list| list.len()).sum();
    assert_eq!(written, listed, "an operation is written but not in its file's OPERATIONS, or listed twice");
}

#[tokio::test]
async fn names_routes_and_aliases_are_unique() {
    let world = World::new().await;
    let mut seen = BTreeSet::new();
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        for name in std::iter::once(&spec.name).chain(spec.more.aliases) {
            assert!(seen.insert((*name).to_owned()), "{name} twice");
        }
        if let Some(route) = spec.route {
            assert!(
                seen.insert(format!("{} {}", route.method.word(), route.path)),
                "{} {} twice",
                route.method.word(),
                route.path
            );
            for parameter in route.parameters() {
                assert!(
                    listed.shape.has(parameter),
                    "{}: {parameter} stands in the path but not in the input",
                    spec.name
                );
            }
        }
    }
}

#[tokio::test]
async fn every_input_is_documented_and_plain() {
    let world = World::new().await;
    for listed in world.app.operations() {
        let name = listed.entry.spec.name;
        let schema = &listed.shape.schema;
        let spec = &listed.entry.spec;
        // What needs no sign-in has no caller, and /mcp leaves the caller to the door.
        assert!(spec.needs != Needs::Public || !spec.more.mcp, "{name} is public and a tool");
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(schema["additionalProperties"], json!(false), "{name}");
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 10), "{name} has no description");
        for keyword in ["anyOf", "oneOf", "allOf", "$ref", "$defs"] {
            assert!(
                !schema.to_string().contains(&format!("\"{keyword}\"")),
                "{name} has {keyword}: several clients refuse it"
            );
        }
        for (field, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["type"].is_string(), "{name}.{field} has no single type: {property}");
        }
    }
}
