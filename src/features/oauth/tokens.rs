//! Codes become tokens, old tokens become new ones, and all of them come to an end.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::audit::Audited;
use crate::core::caller::{AccessKey, Account, OauthClient};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::scopes::Scopes;
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, optional, run};
use crate::core::time::Moment;
use crate::features::keys::KeyKind;

use super::{Outcome, Refusal, Stop, asked_scopes, clients, outcome};

const ACCESS_SECONDS: i64 = 3_600;
/// A connection that is not used for so long has to be allowed again.
const REFRESH_DAYS: i64 = 30;
/// Several processes of one program refresh at the same time, and an answer may get lost. After so long it is a thief.
const GRACE_SECONDS: i64 = 120;

struct Token;
impl Record for Token {
    const PREFIX: &'static str = "token";
    const NOUN: &'static str = "token";
}

/// What a program gets (RFC 6749, 5.1).
#[derive(Serialize, JsonSchema)]
pub struct Tokens {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: i64,
    pub refresh_token: String,
    pub scope: String,
}

impl Answer for Tokens {
    const SECRET: bool = true;
}

/// A new pair of tokens. What the program asked to have less of is less in the access token only.
fn issue(tx: &Tx, key: Id<AccessKey>, scopes: &Scopes, is_less: bool) -> Result<Tokens> {
    const KEEP: &str = "
        insert into oauth_token (id, key_id, kind, token_hash, scopes, expires_at, created_at)
        values (:id, :key, :kind, :hash, :scopes, :expires, :now)";
    let access_token = secret::key_token(KeyKind::Oauth.prefix());
    let refresh_token = secret::key_token("sallyrt_");
    let less = is_less.then(|| scopes.to_string());
    for (kind, token, scopes, expires_at) in [
        ("ACCESS", &access_token, less, tx.now().plus_seconds(ACCESS_SECONDS)),
        ("REFRESH", &refresh_token, None, tx.now().plus_days(REFRESH_DAYS)),
    ] {
        tx.conn().prepare_cached(KEEP)?.execute(named_params! {
            ":id": Id::<Token>::new(tx.now().ms()), ":key": key, ":kind": kind, ":hash": TokenHash::of(token),
            ":scopes": scopes, ":expires": expires_at, ":now": tx.now(),
        })?;
    }
    let scope = scopes.in_words();
    Ok(Tokens { access_token, token_type: "Bearer", expires_in: ACCESS_SECONDS, refresh_token, scope })
}

/// Ends a connection: nothing that came of the consent is good any more. Its owner reads of it in the audit.
fn end(tx: &Tx, key: Id<AccessKey>, owner: Id<Account>) -> Result<()> {
    tx.act_for(owner)?;
    tx.audited(Audited::Connection)?;
    let mut row = Change::of("access_key");
    row.set("revoked_at", tx.now())?;
    row.update(tx, key)
}

/// The key behind a code or token, as it is now.
struct Granted {
    key: Id<AccessKey>,
    owner: Id<Account>,
    client: Id<OauthClient>,
    scopes: Scopes,
    /// Neither revoked nor expired, and of somebody who is here.
    is_good: bool,
}

const GRANTED: &str = "
    k.id, k.account_id, k.oauth_client_id, k.scopes,
    k.revoked_at is null and ifnull(k.expires_at > :now, true) and a.archived_at is null";

impl Granted {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Self> {
        let (key, owner, client, scopes) = (row.take()?, row.take()?, row.take()?, row.take::<String>()?);
        Ok(Granted { key, owner, client, scopes: Scopes::parse(&scopes).unwrap_or_default(), is_good: row.take()? })
    }
}

fn no_good() -> Refusal {
    Refusal::grant("The code or token is used up, expired or not this program's. Connect again.")
}

/// Change a code for tokens; a code that comes a second time ends the connection that it began.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExchangeCode {
    pub client_id: String,
    pub client_secret: Option<String>,
    pub code: String,
    pub redirect_uri: Option<String>,
    pub code_verifier: String,
    pub resource: String,
}

impl Operation for ExchangeCode {
    type Output = Outcome<Tokens>;
    const SPEC: Spec = Spec {
        name: "oauth.code.exchange",
        title: "Change a code for tokens",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Outcome<Tokens>> {
        outcome(self.exchange(cx))
    }
}

impl ExchangeCode {
    fn exchange(self, tx: &Tx) -> Result<Tokens, Stop> {
        let find = format!(
            "select {GRANTED}, c.redirect_uri, c.challenge, c.resource, c.expires_at, c.used_at is not null
               from oauth_code c join access_key k on k.id = c.key_id join account a on a.id = k.account_id
              where c.token_hash = :hash"
        );
        let client = clients::authenticated(tx, &self.client_id, self.client_secret.as_deref())??;
        let hash = TokenHash::of(&self.code);
        let found = optional(tx.conn(), &find, named_params! { ":hash": hash, ":now": tx.now() }, |row| {
            let granted = Granted::read(row)?;
            let (redirect_uri, challenge, resource) =
                (row.take::<String>()?, row.take::<String>()?, row.take::<String>()?);
            Ok((granted, redirect_uri, challenge, resource, row.take::<Moment>()?, row.take::<bool>()?))
        })?;
        let (granted, redirect_uri, challenge, resource, expires_at, is_used) =
            found.filter(|(granted, ..)| granted.client == client).ok_or_else(no_good)?;
        if is_used {
            if granted.is_good {
                end(tx, granted.key, granted.owner)?;
            }
            return Err(no_good().into());
        }
        let sent_here = self.redirect_uri.is_none_or(|given| given == redirect_uri);
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(self.code_verifier.as_bytes()));
        if !granted.is_good || expires_at <= tx.now() || !sent_here || proof != challenge {
            return Err(no_good().into());
        }
        if self.resource != resource {
            return Err(Refusal::new("invalid_target", "resource is not the one that the code is for").into());
        }
        run(tx.conn(), "update oauth_code set used_at = ?2 where token_hash = ?1", (hash, tx.now()))?;
        Ok(issue(tx, granted.key, &granted.scopes, false)?)
    }
}

/// Change a refresh token for new tokens; one that comes again much later was stolen, and ends the connection.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshTokens {
    pub client_id: String,
    pub client_secret: Option<String>,
    pub refresh_token: String,
    pub scope: Option<String>,
}

impl Operation for RefreshTokens {
    type Output = Outcome<Tokens>;
    const SPEC: Spec = Spec {
        name: "oauth.token.refresh",
        title: "Change a refresh token for new tokens",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Outcome<Tokens>> {
        outcome(self.refresh(cx))
    }
}

impl RefreshTokens {
    fn refresh(self, tx: &Tx) -> Result<Tokens, Stop> {
        const ROTATE: &str = "update oauth_token set rotated_at = ifnull(rotated_at, ?2) where token_hash = ?1";
        let find = format!(
            "select {GRANTED}, t.expires_at, t.rotated_at
               from oauth_token t join access_key k on k.id = t.key_id join account a on a.id = k.account_id
              where t.token_hash = :hash and t.kind = 'REFRESH'"
        );
        let client = clients::authenticated(tx, &self.client_id, self.client_secret.as_deref())??;
        let hash = TokenHash::of(&self.refresh_token);
        let found = optional(tx.conn(), &find, named_params! { ":hash": hash, ":now": tx.now() }, |row| {
            Ok((Granted::read(row)?, row.take::<Moment>()?, row.take::<Option<Moment>>()?))
        })?;
        let (granted, _, rotated_at) = found
            .filter(|(granted, expires_at, _)| granted.client == client && granted.is_good && *expires_at > tx.now())
            .ok_or_else(no_good)?;
        if rotated_at.is_some_and(|at| !tx.now().is_within(GRACE_SECONDS, at)) {
            end(tx, granted.key, granted.owner)?;
            return Err(no_good().into());
        }
        let scopes = match &self.scope {
            None => granted.scopes.clone(),
            Some(asked) => asked_scopes(asked)
                .filter(|asked| asked.are_within(&granted.scopes))
                .ok_or_else(|| Refusal::new("invalid_scope", "scope must be a part of what was allowed"))?,
        };
        run(tx.conn(), ROTATE, (hash, tx.now()))?;
        Ok(issue(tx, granted.key, &scopes, scopes != granted.scopes)?)
    }
}

/// End a connection by one of its tokens (RFC 7009). What is no token of the program's is no mistake.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeToken {
    pub client_id: String,
    pub client_secret: Option<String>,
    pub token: String,
}

impl Operation for RevokeToken {
    type Output = Outcome<()>;
    const SPEC: Spec = Spec {
        name: "oauth.token.revoke",
        title: "End a connection",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Outcome<()>> {
        outcome(self.revoke(cx))
    }
}

impl RevokeToken {
    fn revoke(self, tx: &Tx) -> Result<(), Stop> {
        const FIND: &str = "
            select k.id, k.account_id from oauth_token t join access_key k on k.id = t.key_id
             where t.token_hash = ?1 and k.oauth_client_id = ?2 and k.revoked_at is null";
        let client = clients::authenticated(tx, &self.client_id, self.client_secret.as_deref())??;
        let found =
            optional(tx.conn(), FIND, (TokenHash::of(&self.token), client), |row| Ok((row.take()?, row.take()?)))?;
        if let Some((key, owner)) = found {
            end(tx, key, owner)?;
        }
        Ok(())
    }
}
