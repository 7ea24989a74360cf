//! What a client finds out that has nothing but the address.

use serde_json::json;

use crate::client::{Client, mcp_key};
use crate::support::World;
use crate::support::server::Server;

fn challenged(answer: &crate::support::server::Answer) -> String {
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    let rest = challenge.strip_prefix("Bearer error=\"invalid_token\", resource_metadata=\"");
    let (address, scope) = rest.and_then(|rest| rest.split_once("\", ")).unwrap_or_else(|| panic!("{challenge}"));
    assert_eq!(scope, "scope=\"mcp:tools:read mcp:tools:write mcp:resources:read\"");
    address.to_owned()
}

#[tokio::test]
async fn who_is_not_let_in_is_led_to_the_metadata_of_this_very_address() {
    let world = World::with(|config| config.hosts = vec!["sally.local".into()]).await;
    let server = Server::start(&world.app);
    let stranger = Client::plain(&server, "sallymcp_nobodys");
    for (method, body) in [("POST", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), ("GET", ""), ("DELETE", "")] {
        let address = challenged(&stranger.send(method, body));
        assert_eq!(address, format!("{}/.well-known/oauth-protected-resource/mcp", server.base));
    }
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let answer = server.send("GET", path, &[], "");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let told = answer.json();
        assert_eq!(told["resource"], format!("{}/mcp", server.base));
        assert_eq!((&told["resource_name"], &told["bearer_methods_supported"]), (&json!("Sally"), &json!(["header"])));
        assert_eq!(told["authorization_servers"], json!([server.base]));
        for scope in told["scopes_supported"].as_array().unwrap() {
            let key = json!({ "label": "narrow", "scopes": scope });
            world.person("ben").await.ask("mcp_key.create", key).await.unwrap();
        }
        let manual = told["resource_documentation"].as_str().unwrap().strip_prefix(&server.base).unwrap();
        let (page, place) = manual.split_once('#').unwrap();
        let page = server.send("GET", page, &[], "").body;
        assert!(page.contains(&format!("id=\"{place}\"")) && page.contains("Bearer sallymcp_"));
    }
    // Another name of the same server is answered by that name; what is no name is not repeated.
    let headers = [("Host", "sally.local:4000")];
    let told = server.send("GET", "/.well-known/oauth-protected-resource", &headers, "").json();
    assert_eq!(told["resource"], "http://sally.local:4000/mcp");
    let odd = server.send("GET", "/.well-known/oauth-protected-resource", &[("Host", "a\" b")], "");
    assert!(!odd.body.contains("a\\\""), "{}", odd.body);
    assert_eq!(Client::plain(&server, &mcp_key(&world, "ben").await).result("ping", json!({})), json!({}));
}

#[tokio::test]
async fn the_address_that_people_use_is_the_one_in_the_metadata() {
    let world = World::with(|config| config.public_url = Some("https://sally.example.com".parse().unwrap())).await;
    let server = Server::start(&world.app);
    let address = challenged(&Client::plain(&server, "x").send("GET", ""));
    assert_eq!(address, "https://sally.example.com/.well-known/oauth-protected-resource/mcp");
    for own in ["sally.example.com", "127.0.0.1"] {
        let told = server.send("GET", "/.well-known/oauth-protected-resource/mcp", &[("Host", own)], "").json();
        assert_eq!(told["resource"], "https://sally.example.com/mcp");
    }
}

#[tokio::test]
async fn who_looks_for_openid_is_told_what_there_is_instead() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    for path in ["openid-configuration", "openid-configuration/mcp"] {
        let answer = server.send("GET", &format!("/.well-known/{path}"), &[], "");
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")));
        let detail = answer.json()["detail"].take();
        assert!(detail.as_str().is_some_and(|text| text.contains("/settings/keys")), "{}", answer.body);
    }
    for path in ["oauth-authorization-server", "oauth-authorization-server/mcp"] {
        let told = server.send("GET", &format!("/.well-known/{path}"), &[], "").json();
        assert_eq!(told["issuer"], server.base);
        for endpoint in ["authorization", "token", "registration", "revocation"] {
            let address = told[format!("{endpoint}_endpoint")].as_str().unwrap();
            assert_eq!(
                server.send("PUT", address.strip_prefix(&server.base).unwrap(), &[], "").status,
                405,
                "{address}"
            );
        }
    }
}
