//! Programs that connect: what they say of themselves, and where people may be sent back to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::caller::OauthClient;
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{one, optional, run};
use crate::core::time::Moment;

use super::{Outcome, Refusal};

/// Registrations that nobody has consented to yet: more at a time are a flood.
const UNUSED: i64 = 1_000;
/// Whoever registers is sent to the consent right away, so what is unused for so long can make room.
const MAKES_ROOM_SECONDS: i64 = 3_600;
const FRESH_SECONDS: i64 = 3_600;
/// Addresses that one program may name.
const ADDRESSES: usize = 10;

/// A program as it said it is. Nobody has checked it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Client {
    #[serde(skip)]
    pub id: Option<Id<OauthClient>>,
    pub client_id: String,
    pub name: String,
    pub redirect_uris: Vec<String>,
    /// When the document under its id was read, if it is one.
    #[serde(skip)]
    pub fetched_at: Option<Moment>,
}

impl Answer for Client {}

impl Client {
    /// A document may change, so it is read again after a while.
    pub fn is_fresh(&self) -> bool {
        self.fetched_at.is_none_or(|at| Moment::now().is_within(FRESH_SECONDS, at))
    }

    /// Exactly one of its own addresses; on this computer the port is the program's choice of the moment (RFC 8252).
    pub fn may_send_to(&self, redirect_uri: &str) -> bool {
        let given = without_port(redirect_uri);
        self.redirect_uris.iter().any(|own| own == redirect_uri || given.is_some() && given == without_port(own))
    }
}

/// An address on this computer without its port, letter by letter; `None` for every other one.
fn without_port(address: &str) -> Option<String> {
    let own = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let (host, rest) = own.iter().find_map(|host| Some((host, address.strip_prefix(host)?)))?;
    let path = match rest.strip_prefix(':') {
        Some(port) => port.trim_start_matches(|letter: char| letter.is_ascii_digit()),
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then(|| format!("{host}{path}"))
}

/// Schemes that a browser acts on by itself, or that lead to other programs than the one that asks.
const NO_SCHEMES: &[&str] = &[
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "resource",
    "sms",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// An address that people may be sent back to: https, this computer, or a scheme that belongs to one program.
fn check_address(text: &str) -> Outcome<()> {
    let wrong = |why: &str| Err(Refusal::new("invalid_redirect_uri", format!("a redirect URI {why}")));
    if text.len() > 500 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("has at most 500 plain characters");
    }
    let Ok(address) = url::Url::parse(text) else { return wrong("must be a whole address") };
    if text.contains('#') {
        return wrong("has no fragment");
    }
    if !address.username().is_empty() || address.password().is_some() {
        return wrong("has no user name");
    }
    match address.scheme() {
        "https" => Ok(()),
        "http" if without_port(text).is_some() => Ok(()),
        "http" => wrong("of http is only for this computer: 127.0.0.1, [::1] or localhost"),
        scheme if NO_SCHEMES.contains(&scheme) => wrong(&format!("must not be of {scheme}:")),
        _ => Ok(()),
    }
}

/// A name in one line that cannot turn around what stands beside it.
fn shown(name: &str) -> String {
    let turns = |letter: &char| matches!(*letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let plain: String = name.chars().filter(|letter| !letter.is_control() && !turns(letter)).take(100).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Register a program that connects by OAuth, as it says of itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterClient {
    name: String,
    redirect_uris: Vec<String>,
    /// It can keep a secret, and gets one.
    keeps_secret: bool,
    /// The address of the document that all this stands in, which is its id then.
    document: Option<String>,
}

impl RegisterClient {
    /// From the metadata of RFC 7591. Much may stand in it that means nothing here.
    pub fn parse(metadata: &Value) -> Outcome<Self> {
        let wrong = |why: &str| Refusal::new("invalid_client_metadata", why);
        let list = |name: &str| match metadata.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(words)) => words
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<Vec<String>>>()
                .map(Some)
                .ok_or_else(|| wrong(&format!("{name} must be a list of texts"))),
            Some(_) => Err(wrong(&format!("{name} must be a list of texts"))),
        };
        let text = |name: &str| match metadata.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(wrong(&format!("{name} must be a text"))),
        };
        if !metadata.is_object() {
            return Err(wrong("the metadata must be a JSON object"));
        }
        let redirect_uris = list("redirect_uris")?.unwrap_or_default();
        if !(1..=ADDRESSES).contains(&redirect_uris.len()) {
            let why = format!("redirect_uris must name 1 to {ADDRESSES} addresses");
            return Err(Refusal::new("invalid_redirect_uri", why));
        }
        redirect_uris.iter().try_for_each(|address| check_address(address))?;
        let has = |words: &Option<Vec<String>>, word: &str| {
            words.as_ref().is_none_or(|all| all.iter().any(|one| one == word))
        };
        if !has(&list("grant_types")?, "authorization_code") || !has(&list("response_types")?, "code") {
            return Err(wrong(
                "only the authorization code is given here: grant_types authorization_code, response_types code",
            ));
        }
        let keeps_secret = match text("token_endpoint_auth_method")? {
            None | Some("none") => false,
            Some("client_secret_basic" | "client_secret_post") => true,
            Some(_) => {
                return Err(wrong(
                    "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
                ));
            }
        };
        let name = match shown(text("client_name")?.unwrap_or_default()) {
            name if name.is_empty() => "A program without a name".to_owned(),
            name => name,
        };
        Ok(RegisterClient { name, redirect_uris, keeps_secret, document: None })
    }

    /// The same as read from a document, which is no place for secrets.
    pub(super) fn with_document(self, address: &str) -> Outcome<Self> {
        match self.keeps_secret {
            true => Err(Refusal::new("invalid_client", "a program with a document has no secret here")),
            false => Ok(RegisterClient { document: Some(address.to_owned()), ..self }),
        }
    }
}

/// What a program is told once.
#[derive(Serialize, JsonSchema)]
pub struct Registered {
    pub client: Client,
    pub secret: Option<String>,
    pub at: Moment,
}

impl Answer for Registered {
    const SECRET: bool = true;
}

impl Operation for RegisterClient {
    type Output = Registered;
    const SPEC: Spec = Spec {
        name: "oauth.client.register",
        title: "Register a program",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Registered> {
        make_room(cx)?;
        let secret = self.keeps_secret.then(secret::session_token);
        let fetched_at = self.document.as_ref().map(|_| cx.now());
        let client_id = self.document.unwrap_or_else(|| secret::key_token("client_"));
        let client = Client { id: None, client_id, name: self.name, redirect_uris: self.redirect_uris, fetched_at };
        keep(cx, &client, secret.as_deref().map(TokenHash::of))?;
        Ok(Registered { client, secret, at: cx.now() })
    }
}

/// A flood of registrations pushes out its own beginning, and nobody who is just about to consent.
fn make_room(tx: &Tx) -> Result<()> {
    const UNUSED_ONES: &str = "
        select count(*), min(created_at) from oauth_client c
         where not exists (select 1 from access_key k where k.oauth_client_id = c.id)";
    const FORGET: &str = "
        delete from oauth_client
         where created_at <= ?1 and not exists (select 1 from access_key k where k.oauth_client_id = oauth_client.id)";
    let (unused, oldest) =
        one(tx.conn(), UNUSED_ONES, [], |row| Ok((row.take::<i64>()?, row.take::<Option<Moment>>()?)))?;
    let Some(oldest) = oldest.filter(|_| unused >= UNUSED) else { return Ok(()) };
    if tx.now().is_within(MAKES_ROOM_SECONDS, oldest) {
        let wait = MAKES_ROOM_SECONDS as u32;
        return Err(Error::too_many("Too many programs have registered that nobody uses. Try again in an hour.", wait));
    }
    run(tx.conn(), FORGET, [oldest]).map(|_| ())
}

fn keep(tx: &Tx, client: &Client, secret: Option<TokenHash>) -> Result<()> {
    const KEEP: &str = "
        insert into oauth_client (id, client_id, name, redirect_uris, secret_hash, fetched_at, created_at)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            on conflict (client_id) do update set
               name = excluded.name, redirect_uris = excluded.redirect_uris, fetched_at = excluded.fetched_at";
    let addresses = serde_json::to_string(&client.redirect_uris).map_err(Error::internal)?;
    let id = Id::<OauthClient>::new(tx.now().ms());
    run(tx.conn(), KEEP, (id, &client.client_id, &client.name, addresses, secret, client.fetched_at, tx.now()))?;
    Ok(())
}

/// Look a program up by the id that it shows.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindClient {
    pub client_id: String,
}

impl Operation for FindClient {
    type Output = Client;
    const SPEC: Spec = Spec {
        name: "oauth.client.find",
        title: "Look a program up",
        route: None,
        needs: Needs::Public,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Client> {
        find(cx, &self.client_id)?.map(|(client, _)| client).ok_or_else(|| Error::not_found("program", self.client_id))
    }
}

/// A program and the hash of its secret, if it has one.
fn find(tx: &Tx, client_id: &str) -> Result<Option<(Client, Option<TokenHash>)>> {
    const FIND: &str = "
        select id, client_id, name, redirect_uris, fetched_at, secret_hash from oauth_client where client_id = ?1";
    optional(tx.conn(), FIND, [client_id], |row| {
        let (id, client_id, name, addresses) = (row.take()?, row.take()?, row.take()?, row.take::<String>()?);
        let redirect_uris = serde_json::from_str(&addresses).unwrap_or_default();
        Ok((Client { id: Some(id), client_id, name, redirect_uris, fetched_at: row.take()? }, row.take()?))
    })
}

/// The program that a consent is for.
pub(super) fn known(tx: &Tx, client_id: &str) -> Result<(Id<OauthClient>, Client)> {
    let found = find(tx, client_id)?.and_then(|(client, _)| Some((client.id?, client)));
    found.ok_or_else(|| Error::not_found("program", client_id))
}

/// The program that asks for tokens, once it has shown its secret, if it has one.
pub(super) fn authenticated(tx: &Tx, client_id: &str, secret: Option<&str>) -> Result<Outcome<Id<OauthClient>>> {
    let refused =
        || Refusal::new("invalid_client", "The program is not known here, or its secret is wrong. Register again.");
    let found = find(tx, client_id)?.and_then(|(client, hash)| Some((client.id?, hash)));
    Ok(match found {
        // Hashes of random tokens: how far they agree tells nothing.
        Some((id, hash)) if hash == secret.map(TokenHash::of) => Ok(id),
        _ => Err(refused()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn client(redirect_uris: &[&str]) -> Client {
        let redirect_uris = redirect_uris.iter().map(|address| (*address).to_owned()).collect();
        Client { id: None, client_id: "client_x".into(), name: "X".into(), redirect_uris, fetched_at: None }
    }

    #[test]
    fn people_are_sent_to_exactly_the_address_that_was_named_but_for_a_port_on_their_own_computer() {
        let web = client(&["https://app.example/callback"]);
        assert!(web.may_send_to("https://app.example/callback"));
        for other in [
            "https://app.example/callback/",
            "https://app.example/callbac",
            "https://app.example/callback?x=1",
            "https://app.example/Callback",
            "https://app.example:443/callback",
            "https://app.example:8443/callback",
            "http://app.example/callback",
            "https://app.example.evil.example/callback",
            "https://app.example@evil.example/callback",
            "https://app.example/x/../callback",
            "",
        ] {
            assert!(!web.may_send_to(other), "{other}");
        }
        let local = client(&["http://127.0.0.1:3334/callback", "http://[::1]/cb", "cursor://app/cb"]);
        for fine in [
            "http://127.0.0.1:3334/callback",
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:99/cb",
            "cursor://app/cb",
        ] {
            assert!(local.may_send_to(fine), "{fine}");
        }
        for other in [
            "http://localhost:3334/callback",
            "http://127.0.0.1:3334/callback2",
            "http://127.0.0.1:3334@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:3334.evil.example/callback",
            "https://127.0.0.1:3334/callback",
            "cursor://app/cb2",
            "cursor://app:1/cb",
        ] {
            assert!(!local.may_send_to(other), "{other}");
        }
    }

    #[test]
    fn an_address_is_https_this_computer_or_a_programs_own_scheme() {
        let named = |address: &str| RegisterClient::parse(&json!({ "redirect_uris": [address] }));
        for fine in [
            "https://app.example/cb",
            "http://127.0.0.1/cb",
            "http://localhost:1/cb",
            "http://[::1]:1/cb",
            "cursor://anysphere/cb",
            "com.example.app:/cb",
        ] {
            assert!(named(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://app.example/cb",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://app.example/cb#x",
            "https://me@app.example/cb",
            "https://app.example/a b",
            "https://app.example/\ncb",
            "/cb",
            "",
            "vbscript:x",
            "http://127.0.0.1.evil.example/",
        ] {
            assert_eq!(named(wrong).unwrap_err().error, "invalid_redirect_uri", "{wrong}");
        }
    }

    #[test]
    fn what_a_program_says_of_itself_is_read_as_the_standard_has_it() {
        let address = json!(["https://app.example/cb"]);
        let parsed = RegisterClient::parse(&json!({
            "redirect_uris": address, "client_name": " Tidy\u{202e}\n  client ", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"], "token_endpoint_auth_method": "client_secret_post", "logo_uri": "https://app.example/logo.png",
        }));
        let parsed = parsed.unwrap();
        assert_eq!((parsed.name.as_str(), parsed.keeps_secret), ("Tidy client", true));
        for (field, value) in [
            ("grant_types", json!(["client_credentials"])),
            ("response_types", json!(["token"])),
            ("grant_types", json!("code")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("client_name", json!(7)),
        ] {
            let mut metadata = json!({ "redirect_uris": address });
            metadata[field] = value;
            assert_eq!(RegisterClient::parse(&metadata).unwrap_err().error, "invalid_client_metadata", "{field}");
        }
        for addresses in [json!([]), json!(null), json!(vec!["https://app.example/cb"; 11])] {
            let metadata = json!({ "redirect_uris": addresses });
            assert_eq!(RegisterClient::parse(&metadata).unwrap_err().error, "invalid_redirect_uri");
        }
        assert!(RegisterClient::parse(&json!([])).is_err());
    }
}
