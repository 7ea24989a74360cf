//! From a program's wish to somebody's consent.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::Workspace;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, More, Needs, Operation, Spec, Toolset};
use crate::core::reference::Ref;
use crate::core::scopes::Scopes;
use crate::core::secret::{self, TokenHash};
use crate::core::text::Line;
use crate::features::keys::{self, Narrowing, ScopesGiven, ToolNames, ToolsetsGiven};

use super::{Outcome, Parameters, Refusal, asked_scopes, clients, resource};

/// A code is on its way through a browser for so long at most.
const CODE_SECONDS: i64 = 60;

struct Code;
impl Record for Code {
    const PREFIX: &'static str = "code";
    const NOUN: &'static str = "code";
}

/// What a program asks for, once it is known which one it is and where its answer goes.
#[derive(Debug)]
pub struct Wish {
    pub challenge: String,
    pub resource: String,
    /// `None`: it does not say.
    pub scopes: Option<Scopes>,
}

impl Wish {
    pub fn read(parameters: &Parameters, base: &str) -> Outcome<Self> {
        if parameters.demand("response_type")? != "code" {
            return Err(Refusal::new("unsupported_response_type", "response_type must be code"));
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Refusal::request("response_mode must be query"));
        }
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(Refusal::request("PKCE is needed: code_challenge_method must be S256"));
        }
        let challenge = parameters.demand("code_challenge")?;
        let is_hash = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
        if challenge.len() != 43 || !challenge.bytes().all(is_hash) {
            return Err(Refusal::request("code_challenge must be a SHA-256 hash in base64url: 43 characters"));
        }
        Ok(Wish {
            challenge: challenge.to_owned(),
            resource: resource(base, parameters.get("resource"))?,
            scopes: parameters.get("scope").and_then(asked_scopes),
        })
    }
}

/// Allow a program to work for you, as far as you say; it gets a code for it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Consent {
    client_id: String,
    redirect_uri: String,
    code_challenge: String,
    resource: String,
    scopes: ScopesGiven,
    /// The only toolsets it lists; all if left out.
    toolsets: Option<ToolsetsGiven>,
    /// The only workspace it works in; all if left out.
    workspace_id: Option<Ref<Workspace>>,
}

#[derive(Serialize, JsonSchema)]
pub struct Consented {
    pub code: String,
}

impl Answer for Consented {
    const SECRET: bool = true;
}

impl Operation for Consent {
    type Output = Consented;
    const SPEC: Spec = Spec {
        name: "oauth.consent",
        title: "Allow a program to connect",
        route: None,
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Connection), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Consented> {
        const KEEP: &str = "
            insert into oauth_code (id, key_id, token_hash, redirect_uri, challenge, resource, expires_at, created_at)
            values (:id, :key, :hash, :redirect_uri, :challenge, :resource, :expires, :now)";
        let account = cx.signed_in()?.id;
        let (id, client) = clients::known(cx, &self.client_id)?;
        if !client.may_send_to(&self.redirect_uri) {
            return Err(Error::field("redirectUri", "is none of the program's own"));
        }
        let narrowing = Narrowing {
            scopes: Some(self.scopes),
            toolsets: self.toolsets,
            workspace: self.workspace_id,
            // The model interfaces behind hosted clients refuse dots.
            tool_names: Some(ToolNames::Underscore),
            ..Narrowing::default()
        };
        let label: Line<120> = Line::parse(&client.name).map_err(Error::internal)?;
        let key = keys::allow(cx, account, id, &label, narrowing)?;
        let code = secret::session_token();
        cx.conn().prepare_cached(KEEP)?.execute(named_params! {
            ":id": Id::<Code>::new(cx.now().ms()), ":key": key, ":hash": TokenHash::of(&code),
            ":redirect_uri": self.redirect_uri, ":challenge": self.code_challenge, ":resource": self.resource,
            ":expires": cx.now().plus_seconds(CODE_SECONDS), ":now": cx.now(),
        })?;
        Ok(Consented { code })
    }
}
