//! Is an ID token the provider's word about somebody, to us, now? (OpenID Connect Core 1.0, 3.1.3.7)

use std::fmt;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

/// Signatures that only the provider can make. What is shared (HS256) and what is none are no signatures here.
const TAKEN: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What is read of a token once all else is right.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// One text: the library takes a list that holds the right one, too.
    iss: String,
    pub sub: String,
    nonce: Option<String>,
    aud: Value,
    azp: Option<String>,
    #[serde(default)]
    amr: Value,
    #[serde(flatten)]
    pub person: Person,
}

/// What a provider tells of a person, in the token or beside it.
#[derive(Debug, Deserialize)]
pub struct Person {
    pub email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    pub name: Option<String>,
}

/// Why a token is not taken; for the log, never for the person.
#[derive(Debug)]
pub enum Wrong {
    /// A key that the set does not hold, which may be older than the token.
    UnknownKey,
    Algorithm,
    Token(jsonwebtoken::errors::Error),
    Issuer,
    Party,
    Subject,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::UnknownKey => f.write_str("the ID token is signed with a key that the provider does not name"),
            Wrong::Algorithm => f.write_str("the ID token is not signed by an algorithm that is taken"),
            Wrong::Token(error) => write!(f, "the ID token is not right: {error}"),
            Wrong::Issuer => f.write_str("the ID token is of another issuer"),
            Wrong::Party => f.write_str("the ID token was made out to another party"),
            Wrong::Subject => f.write_str("the ID token names nobody"),
        }
    }
}

impl From<jsonwebtoken::errors::Error> for Wrong {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        Wrong::Token(error)
    }
}

impl Claims {
    pub fn is_for(&self, nonce: &str) -> bool {
        self.nonce.as_deref() == Some(nonce)
    }

    /// Does the provider say that it asked for more than one factor? (RFC 8176)
    pub fn is_multi_factor(&self) -> bool {
        self.amr.as_array().is_some_and(|methods| methods.iter().any(|method| method == "mfa"))
    }
}

impl Person {
    /// Some providers write it as a text.
    pub fn email_is_verified(&self) -> bool {
        self.email_verified == Value::Bool(true) || self.email_verified == "true"
    }
}

/// Signature, issuer, audience and time. The nonce is for whoever knows which one was sent.
pub fn check(token: &str, keys: &JwkSet, issuer: &str, client_id: &str) -> Result<Claims, Wrong> {
    let header = decode_header(token)?;
    if !TAKEN.contains(&header.alg) {
        return Err(Wrong::Algorithm);
    }
    let key = DecodingKey::from_jwk(key_for(keys, header.kid.as_deref(), header.alg).ok_or(Wrong::UnknownKey)?)?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    let claims: Claims = decode(token, &key, &validation)?.claims;
    if claims.iss != issuer {
        return Err(Wrong::Issuer);
    }
    // A token for several parties says which of them it was made out to.
    let is_shared = claims.aud.as_array().is_some_and(|parties| parties.len() > 1);
    match claims.azp.as_deref() {
        Some(party) if party != client_id => return Err(Wrong::Party),
        None if is_shared => return Err(Wrong::Party),
        _ => {}
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(Wrong::Subject);
    }
    Ok(claims)
}

/// The key that the token names; one that names none means the only one that can have made it.
fn key_for<'a>(keys: &'a JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let signs = |key: &&Jwk| {
        let use_fits = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        let is_of_family = DecodingKey::from_jwk(key).is_ok_and(|made| made.family() == algorithm.family());
        use_fits && is_of_family
    };
    let mut fitting = keys.keys.iter().filter(|key| id.is_none() || key.common.key_id.as_deref() == id).filter(signs);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}
