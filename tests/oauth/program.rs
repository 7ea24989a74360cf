//! A program and a browser, as the standard has them talk.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::server::{Answer, Server};
use crate::support::{Person, World};

pub const CALLBACK: &str = "http://127.0.0.1:3334/callback";

pub const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-0123";

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A program that has registered.
pub struct Program<'a> {
    pub server: &'a Server,
    pub id: String,
    pub resource: String,
}

impl<'a> Program<'a> {
    pub fn register(server: &'a Server, name: &str) -> Self {
        let told = register(server, &json!({ "client_name": name, "redirect_uris": [CALLBACK] }));
        assert_eq!(told.status, 201, "{}", told.body);
        let id = told.json()["client_id"].as_str().expect("an id").to_owned();
        Program { server, id, resource: format!("{}/mcp", server.base) }
    }

    /// What it sends a browser with.
    pub fn wish(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".into()),
            ("client_id", self.id.clone()),
            ("redirect_uri", CALLBACK.into()),
            ("state", "a state & more".into()),
            ("scope", "mcp:tools:read mcp:tools:write mcp:resources:read".into()),
            ("code_challenge", challenge()),
            ("code_challenge_method", "S256".into()),
            ("resource", self.resource.clone()),
        ]
    }

    pub fn exchange(&self, code: &str) -> Answer {
        self.exchange_with(code, &[])
    }

    /// With some fields said differently.
    pub fn exchange_with(&self, code: &str, other: &[(&str, &str)]) -> Answer {
        let fields: [(&str, &str); 6] = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", &self.resource),
        ];
        let said = |name: &str| other.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, said(name).unwrap_or(value))).collect();
        post(self.server, "/oauth/token", &fields)
    }

    pub fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut fields =
            vec![("grant_type", "refresh_token"), ("client_id", self.id.as_str()), ("refresh_token", token)];
        fields.extend(more);
        post(self.server, "/oauth/token", &fields)
    }
}

pub fn register(server: &Server, metadata: &Value) -> Answer {
    server.send("POST", "/oauth/register", &[("Content-Type", "application/json")], metadata.to_string())
}

pub fn post(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    server.send("POST", path, &headers, form(fields))
}

/// A browser in which somebody is signed in; a key in the cookie's place spares the slow hash of a password.
pub struct Browser<'a> {
    pub server: &'a Server,
    pub cookie: String,
}

impl<'a> Browser<'a> {
    pub fn of(server: &'a Server, person: &Person) -> Self {
        Browser { server, cookie: format!("sally_session={}", person.token) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.server.send("GET", path, &[("Accept", "text/html"), ("Cookie", &self.cookie)], "")
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", path, fields)
    }

    pub fn post_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("Accept", "text/html"),
            ("Cookie", self.cookie.as_str()),
            ("Sec-Fetch-Site", site),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.server.send("POST", path, &headers, form(fields))
    }

    pub fn decide(&self, wish: &[(&str, String)], choices: &[(&str, &str)]) -> Answer {
        let mut fields: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(choices);
        self.post("/oauth/authorize", &fields)
    }

    /// Allows all that can be chosen; the code.
    pub fn allow(&self, program: &Program<'_>) -> String {
        self.allow_with(program, &EVERYWHERE)
    }

    pub fn allow_with(&self, program: &Program<'_>, choices: &[(&str, &str)]) -> String {
        let answer = self.decide(&program.wish(), choices);
        told(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// Connects a program; its tokens.
    pub fn connect(&self, program: &Program<'_>) -> (String, String) {
        tokens(&program.exchange(&self.allow(program)))
    }
}

pub const EVERYWHERE: [(&str, &str); 7] = [
    ("decision", "allow"),
    ("scopes", "*:read *:write"),
    ("workspaceId", ""),
    ("areas", "projects"),
    ("areas", "time"),
    ("areas", "crm"),
    ("areas", "team"),
];

/// Where a page sends the browser on to by itself: back to the program.
pub fn sent_to(answer: &Answer) -> Option<String> {
    let address = answer.body.split("content=\"0; url=").nth(1)?.split('"').next()?;
    Some(address.replace("&#38;", "&"))
}

/// What the browser is sent back to the program with.
pub fn told(answer: &Answer, name: &str) -> Option<String> {
    let address = url::Url::parse(&sent_to(answer)?).ok()?;
    address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = answer.json();
    let token = |name: &str| told[name].as_str().expect("a token").to_owned();
    (token("access_token"), token("refresh_token"))
}

pub fn refused(answer: &Answer) -> (u16, String) {
    let told = answer.json();
    assert!(told["error_description"].as_str().is_some_and(|text| text.len() > 10), "{}", answer.body);
    (answer.status, told["error"].as_str().expect("a word").to_owned())
}

pub const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

pub fn is(answer: &Answer, (status, error): (u16, &str)) {
    assert_eq!(refused(answer), (status, error.to_owned()), "{}", answer.body);
}

pub fn ask(server: &Server, token: &str, session: Option<&str>, method: &str, params: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    if let Some(session) = session {
        headers.extend([("Mcp-Session-Id", session), ("Accept", "application/json, text/event-stream")]);
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    server.send("POST", "/mcp", &headers, message.to_string())
}

pub fn call(server: &Server, token: &str, tool: &str, arguments: Value) -> Answer {
    ask(server, token, None, "tools/call", json!({ "name": tool, "arguments": arguments }))
}

pub fn is_let_in(server: &Server, token: &str) -> bool {
    match ask(server, token, None, "ping", json!({})).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

pub async fn later(world: &World, sql: &'static str) {
    world.app.store().write(move |conn| sally::core::store::run(conn, sql, [])).await.expect("SQL that fits");
}

pub fn count(world: &World, sql: &str) -> i64 {
    let counted = world.app.store().read(|reading| sally::core::store::one(reading.conn(), sql, [], |row| row.take()));
    counted.expect("a count")
}
