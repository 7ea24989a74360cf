//! Programs whose id is the address of a document about them (Client ID Metadata Documents). Whoever asks names the
//! address, so it is read with tongs: from public places only, briefly, and little.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

use crate::core::error::quoted;
use crate::core::json;
use crate::core::outward;

use super::clients::RegisterClient;
use super::{Outcome, Refusal};

const BYTES: u64 = 5 << 10;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Is the id of that form at all?
pub fn is_address(client_id: &str) -> bool {
    client_id.starts_with("https://")
}

/// Reads the document; it takes its time, so not where others wait.
pub fn read(client_id: &str) -> Outcome<RegisterClient> {
    check(client_id)?;
    let refused = |why: &str| Refusal::new("invalid_client", format!("the document of the program {why}"));
    let mut answer = agent(PublicOnly(DefaultResolver::default()))
        .get(client_id)
        .header("Accept", "application/json")
        .call()
        .map_err(|_| refused("cannot be read"))?;
    if answer.status() != 200 {
        return Err(refused(&format!("answers {}", answer.status().as_u16())));
    }
    let bytes = answer.body_mut().with_config().limit(BYTES).read_to_vec();
    parse(client_id, &bytes.map_err(|_| refused("is too large or breaks off"))?)
}

fn check(client_id: &str) -> Outcome<()> {
    let address = Url::parse(client_id).ok().filter(|address| {
        let is_named = matches!(address.host(), Some(url::Host::Domain(name)) if name.contains('.'));
        address.scheme() == "https"
            && is_named
            && address.port().is_none()
            && address.path().len() > 1
            && address.fragment().is_none()
            && address.username().is_empty()
            && address.password().is_none()
            // As it stands there and not as a browser would tidy it up: it is an id.
            && address.as_str() == client_id
    });
    let why = || Refusal::new("invalid_client", "an address as client_id is plain https with a name and a path");
    address.map(|_| ()).ok_or_else(why)
}

fn parse(client_id: &str, bytes: &[u8]) -> Outcome<RegisterClient> {
    let metadata = json::read(bytes).map_err(|error| Refusal::new("invalid_client", error.detail()))?;
    let named = metadata.get("client_id").and_then(|id| id.as_str()).unwrap_or_default();
    if named != client_id {
        let why = format!("the document of the program is about another one, {}", quoted(named));
        return Err(Refusal::new("invalid_client", why));
    }
    RegisterClient::parse(&metadata)?.with_document(client_id)
}

fn agent(resolver: impl Resolver) -> ureq::Agent {
    let config = outward::agent()
        .https_only(true)
        // A proxy would look the name up again, by itself.
        .proxy(None)
        .timeout_global(Some(TIMEOUT))
        .max_idle_connections(0)
        .build();
    ureq::Agent::with_parts(config, DefaultConnector::default(), resolver)
}

/// Keeps what a name leads to, if that is on the public internet. The connection is made to exactly these addresses, so
/// it does not help to let the name lead somewhere else a moment later.
#[derive(Debug)]
struct PublicOnly<R>(R);

impl<R: Resolver> Resolver for PublicOnly<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(public) }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => {
                let [first, second, ..] = address.segments();
                // What is given out to the world, without the parts that carry other networks inside or are for books:
                // Teredo and its neighbours, 6to4, documentation.
                let is_inside = first == 0x2001 && second < 0x0200 || first == 0x2002;
                let is_for_books = first == 0x2001 && second == 0x0db8 || first == 0x3fff && second < 0x1000;
                (0x2000..0x4000).contains(&first) && !is_inside && !is_for_books
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_local = first == 0 || address.is_loopback() || address.is_private() || address.is_link_local();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_special = matches!((first, second, third), (192, 0, 0) | (192, 88, 99) | (198, 18 | 19, _));
    let is_no_host = first >= 224 || address.is_documentation();
    !is_local && !is_shared && !is_special && !is_no_host
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use serde_json::json;
    use ureq::unversioned::transport::time;

    use super::*;

    /// A name server that leads every name to the same addresses.
    #[derive(Debug)]
    struct LeadsTo(Vec<SocketAddr>);

    impl Resolver for LeadsTo {
        fn resolve(
            &self,
            _: &Uri,
            _: &ureq::config::Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut found = self.empty();
            self.0.iter().for_each(|address| found.push(*address));
            Ok(found)
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        for inward in [
            "0.0.0.0",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!is_public(inward.parse().unwrap()), "{inward}");
        }
        for outward in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "::ffff:1.1.1.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860::8888",
        ] {
            assert!(is_public(outward.parse().unwrap()), "{outward}");
        }
    }

    #[test]
    fn a_name_that_leads_inward_leads_nowhere() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inward = listener.local_addr().unwrap();
        let outward: SocketAddr = "1.1.1.1:443".parse().unwrap();
        let resolved = |addresses: &[SocketAddr]| {
            let timeout = NextTimeout {
                after: time::Duration::NotHappening,
                reason: ureq::Timeout::Global,
                ..NextTimeout::default()
            };
            let uri = Uri::from_static("https://app.example/client.json");
            PublicOnly(LeadsTo(addresses.to_vec())).resolve(&uri, &ureq::config::Config::default(), timeout)
        };
        assert_eq!(resolved(&[inward, outward]).unwrap().iter().copied().collect::<Vec<_>>(), [outward]);
        assert!(matches!(resolved(&[inward]), Err(ureq::Error::HostNotFound)));

        // Nobody knocks there, neither by name nor by number.
        let port = inward.port();
        assert!(agent(PublicOnly(LeadsTo(vec![inward]))).get("https://app.example/client.json").call().is_err());
        for address in [format!("https://localhost:{port}/x"), format!("https://127.0.0.1:{port}/x")] {
            assert!(agent(PublicOnly(DefaultResolver::default())).get(&address).call().is_err(), "{address}");
        }
        let plain = format!("http://127.0.0.1:{port}/x");
        assert!(agent(LeadsTo(vec![inward])).get(&plain).call().is_err(), "https only");
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "somebody knocked");
    }

    #[test]
    fn an_id_is_a_plain_address_and_the_document_is_about_it() {
        assert!(check("https://claude.ai/oauth/client.json").is_ok());
        for odd in [
            "https://claude.ai",
            "https://claude.ai/",
            "http://claude.ai/x",
            "https://claude.ai:8443/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://localhost/x",
            "https://me@claude.ai/x",
            "https://claude.ai/x#y",
            "https://claude.ai/a/../x",
            "https://CLAUDE.ai/x",
            "https://0x7f000001/x",
        ] {
            assert_eq!(check(odd).unwrap_err().error, "invalid_client", "{odd}");
        }
        let id = "https://claude.ai/oauth/client.json";
        let document = |client_id: &str, method: &str| json!({ "client_id": client_id, "client_name": "Claude", "redirect_uris": ["https://claude.ai/cb"], "token_endpoint_auth_method": method });
        assert!(parse(id, document(id, "none").to_string().as_bytes()).is_ok());
        assert!(parse(id, document("https://claude.ai/other", "none").to_string().as_bytes()).is_err());
        assert!(
            parse(id, document(id, "client_secret_post").to_string().as_bytes()).is_err(),
            "nobody gave it a secret"
        );
        assert!(parse(id, b"<html>").is_err());
    }
}
