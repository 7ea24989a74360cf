//! From a request to who is asking. Nothing else in the HTTP surface knows about tokens and selectors.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderName, IF_MATCH, ORIGIN, USER_AGENT};
use actix_web::http::uri::Authority;

use crate::core::app::{App, Call};
use crate::core::caller::{Credential, Selector};
use crate::core::error::{Error, Kind, Permission, Result};
use crate::core::network::Network;
use crate::core::secret::TokenHash;

pub const SESSION_COOKIE: &str = "sally_session";
/// Which workspace the pages of this browser show.
pub const WORKSPACE_COOKIE: &str = "sally_workspace";

/// The id of a request, given by the client or made by the middleware.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Who asks, for which workspace, under which conditions.
pub fn call(request: &HttpRequest, app: &App) -> Result<Call> {
    let (credential, is_cookie) = credential(request)?;
    if is_cookie && !is_safe(request.method()) {
        same_origin(request, app)?;
    }
    Ok(Call {
        credential: Some(credential),
        selector: selector(request)?,
        request_id: request_id(request),
        address: address(request, app),
        user_agent: header(request, &USER_AGENT)?.map(|agent| agent.chars().take(300).collect()),
        idempotency_key: idempotency_key(request)?,
        if_version: if_match(request)?,
        ..Call::default()
    })
}

pub fn request_id(request: &HttpRequest) -> String {
    use actix_web::HttpMessage;
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The token, if there is one, and whether the browser sent it by itself.
fn credential(request: &HttpRequest) -> Result<(Credential, bool)> {
    if let Some(text) = header(request, &AUTHORIZATION)? {
        let token = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| text[7..].trim());
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::new(Kind::Unauthorized, "The Authorization header must read “Bearer ” and a key or session token.")
        })?;
        return Ok((Credential::Token(TokenHash::of(token)), false));
    }
    for name in ["x-api-key", "x-session-token"] {
        if let Some(token) = header(request, &HeaderName::from_static(name))? {
            return Ok((Credential::Token(TokenHash::of(token.trim())), false));
        }
    }
    match request.cookie(SESSION_COOKIE) {
        Some(cookie) if !cookie.value().is_empty() => Ok((Credential::Token(TokenHash::of(cookie.value())), true)),
        _ => Ok((Credential::Nobody, false)),
    }
}

/// Another site must not act with a browser's cookie. Browsers say where a request comes from; what says nothing is no browser.
pub fn same_origin(request: &HttpRequest, app: &App) -> Result<()> {
    let refuse = || {
        Error::denied(Permission {
            scope: "platform",
            required: "a request from Sally's own pages".into(),
            current: None,
            reason: "The request came from another site. Open the page in Sally and try again.".into(),
        })
    };
    if let Some(site) = header(request, &HeaderName::from_static("sec-fetch-site"))? {
        return if matches!(site, "same-origin" | "none") { Ok(()) } else { Err(refuse()) };
    }
    let Some(origin) = header(request, &ORIGIN)? else { return Ok(()) };
    let host = host(request, app);
    let own = [app.config().base_url(), format!("http://{host}"), format!("https://{host}")];
    if own.iter().any(|own| own.eq_ignore_ascii_case(origin)) { Ok(()) } else { Err(refuse()) }
}

/// Where this server is: as configured, else as this very request reached it. Without a slash at the end.
pub fn own_address(request: &HttpRequest, app: &App) -> String {
    let scheme = if is_secure(request, app) { "https" } else { "http" };
    match url::Url::parse(&format!("{scheme}://{}", host(request, app))) {
        Ok(reached) if app.config().public_url.is_none() => reached.origin().ascii_serialization(),
        _ => app.config().base_url(),
    }
}

/// The name and port that were asked for; a trusted proxy may have been asked under another one.
pub fn host(request: &HttpRequest, app: &App) -> String {
    let asked = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    forwarded_word(request, app, "x-forwarded-host").unwrap_or(asked).to_owned()
}

/// Does the browser talk TLS, to us or to a trusted proxy?
pub fn is_secure(request: &HttpRequest, app: &App) -> bool {
    app.config().is_behind_tls()
        || forwarded_word(request, app, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// What a trusted proxy says of the request as it got it. From anybody else it is ignored.
fn forwarded_word<'a>(request: &'a HttpRequest, app: &App, name: &str) -> Option<&'a str> {
    request.peer_addr().filter(|peer| is_proxy(app, peer.ip()))?;
    let word = request.headers().get(name)?.to_str().ok()?.rsplit(',').next()?.trim();
    (!word.is_empty()).then_some(word)
}

/// What is told to whoever asks for another server than this one.
pub const NOT_MEANT: &str = "The Host of the request is no name of this server. If it should be, put it into hosts or public_url of sally.toml, or the proxy that passes it on into trusted_proxies.";

/// Is this server meant? A page of another site can give its own name our address, and would then be of one origin with
/// us for the browser; but it cannot make an address, or a name of ours, its own.
pub fn is_meant(request: &HttpRequest, app: &App) -> bool {
    let Some(asked) = request.headers().get(HOST).and_then(|host| host.to_str().ok()) else {
        // Without a Host it is no browser.
        return !request.headers().contains_key(HOST);
    };
    let Ok(asked) = asked.parse::<Authority>() else { return false };
    let name = asked.host();
    // A port behind it at most, and nothing in front.
    let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if !asked.as_str().strip_prefix(name).is_some_and(|rest| rest.is_empty() || is_port(rest)) {
        return false;
    }
    let config = app.config();
    let is_own = |own: &str| own.eq_ignore_ascii_case(name);
    let is_known = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
        || is_own("localhost")
        || name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
        || config.public_url.as_ref().and_then(|own| own.host_str()).is_some_and(is_own)
        || config.hosts.iter().any(|own| is_own(own));
    let must_be_known = config.public_url.is_some() || !config.hosts.is_empty() || is_from_here(request, app);
    is_known || !must_be_known
}

/// Sent on this machine, by whomever.
pub fn is_near(request: &HttpRequest) -> bool {
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// From this machine itself, and not by a proxy on it.
pub fn is_from_here(request: &HttpRequest, app: &App) -> bool {
    is_near(request) && request.peer_addr().is_none_or(|peer| !is_proxy(app, peer.ip()))
}

pub fn selector(request: &HttpRequest) -> Result<Option<Selector>> {
    let id = header(request, &HeaderName::from_static("x-workspace-id"))?.filter(|text| !text.trim().is_empty());
    let slug = header(request, &HeaderName::from_static("x-workspace-slug"))?.filter(|text| !text.trim().is_empty());
    Ok(id.map(|id| Selector::Id(id.to_owned())).or(slug.map(|slug| Selector::Slug(slug.to_owned()))))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>> {
    let Some(key) = header(request, &HeaderName::from_static("idempotency-key"))? else { return Ok(None) };
    if key.is_empty() || key.chars().count() > 200 {
        return Err(Error::malformed("Idempotency-Key must have 1 to 200 characters."));
    }
    Ok(Some(key.to_owned()))
}

/// `If-Match: "3"` is version 3; `*` is any.
fn if_match(request: &HttpRequest) -> Result<Option<i64>> {
    let Some(text) = header(request, &IF_MATCH)? else { return Ok(None) };
    let text = text.trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse().ok();
    version
        .map(Some)
        .ok_or_else(|| Error::malformed("If-Match must hold the ETag of the record as you saw it, e.g. \"3\"."))
}

/// The peer's address; behind a trusted proxy the one it forwards.
pub fn address(request: &HttpRequest, app: &App) -> Option<IpAddr> {
    Some(forwarded(request, request.peer_addr()?.ip(), &app.config().trusted_proxies))
}

/// May this peer say for whom it asks?
pub fn is_proxy(app: &App, peer: IpAddr) -> bool {
    Network::any_contains(&app.config().trusted_proxies, peer)
}

fn forwarded(request: &HttpRequest, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: &IpAddr| Network::any_contains(trusted, *address);
    if !is_trusted(&peer) {
        return peer;
    }
    // The last address that is not one of ours: what came before it may be made up. Some proxies add a line of their own.
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    let addresses: Vec<IpAddr> =
        lines.flat_map(|line| line.split(',')).filter_map(|part| part.trim().parse().ok()).collect();
    addresses.into_iter().rev().find(|address| !is_trusted(address)).unwrap_or(peer)
}

pub fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Result<Option<&'a str>> {
    request
        .headers()
        .get(name)
        .map(|value| value.to_str().map_err(|_| Error::malformed(format!("The header {name} must be plain ASCII."))))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn an_address_is_believed_from_a_trusted_proxy_only_and_only_its_last_word() {
        let [proxy, stranger, made_up]: [IpAddr; 3] =
            ["127.0.0.1", "203.0.113.7", "198.51.100.1"].map(|text| text.parse().unwrap());
        let header = |value: &'static str| ("x-forwarded-for", value);
        let one_line =
            TestRequest::get().append_header(header("198.51.100.1, 203.0.113.7, 127.0.0.1")).to_http_request();
        let two_lines = TestRequest::get()
            .append_header(header("198.51.100.1"))
            .append_header(header("203.0.113.7"))
            .to_http_request();
        let trusted = &[Network::parse("127.0.0.0/8").unwrap()];
        for request in [&one_line, &two_lines] {
            assert_eq!(forwarded(request, proxy, trusted), stranger);
            assert_eq!(forwarded(request, made_up, trusted), made_up);
        }
        assert_eq!(forwarded(&TestRequest::get().to_http_request(), proxy, trusted), proxy);
    }
}
