//! The same with TLS between, by a certificate of the server's own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::request;
use crate::support::cli::{PATIENCE, Server, adas_file, has_nothing_to_complain_of, sally, wait_until};
use crate::target::connections;

const NAME: &str = "sally.example.com";

struct Secured {
    _server: Server,
    address: SocketAddr,
    trusting: Arc<ClientConfig>,
    bearer: String,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

impl Secured {
    fn start() -> Secured {
        let (folder, made) = adas_file();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = sally(folder.path(), &["serve", "--listen", &address.to_string()]);
        let public_url = format!("https://{NAME}");
        command.envs([("SALLY_TLS", "files"), ("SALLY_TLS_CERT", "cert.pem"), ("SALLY_TLS_KEY", "key.pem")]);
        command.envs([("SALLY_PUBLIC_URL", public_url.as_str()), ("SALLY_BODY_TIMEOUT_SECONDS", "2")]);
        let log = folder.path().join("log");
        let server = Server::launch_logging(command, File::create(&log).unwrap());
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate.der().clone()).unwrap();
        let trusting = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let bearer = format!("Bearer {}", made["apiKey"].as_str().unwrap());
        Secured { _server: server, address, trusting: trusting.into(), bearer, log, _folder: folder }
    }

    fn plain(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn stream(&self) -> Stream {
        let name = ServerName::try_from(NAME).unwrap();
        StreamOwned::new(ClientConnection::new(self.trusting.clone(), name).unwrap(), self.plain())
    }

    fn request(&self, line: &str, more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let own = [("Authorization", self.bearer.as_str()), ("Content-Type", "application/json")];
        request(self.address, line, &[&own, more].concat(), body)
    }

    /// All that comes back until the server says that it was all.
    fn answer(&self, line: &str, more: &[(&str, &str)], body: &[u8]) -> String {
        let mut stream = self.stream();
        stream.write_all(&self.request(line, more, body)).unwrap();
        rest(&mut stream)
    }
}

/// With TLS, an end without a word would be an error.
fn rest(stream: &mut Stream) -> String {
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap_or_else(|error| panic!("{error} after {heard}"));
    heard
}

#[test]
fn what_is_sent_over_tls_arrives_and_is_answered_to_its_end() {
    let secured = Secured::start();
    let document = secured.answer("GET /api/openapi.json", &[], b"");
    let (head, body) = document.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("strict-transport-security"), "{head}");
    serde_json::from_str::<serde_json::Value>(body).expect("all of it");

    let made = secured.answer("POST /api/crm/deals", &[], br#"{"title":"Relaunch"}"#);
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let id = made.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let stale =
        secured.answer(&format!("PATCH /api/crm/deals/{id}"), &[("If-Match", "\"99\"")], br#"{"title":"Other"}"#);
    assert!(stale.starts_with("HTTP/1.1 412"), "{stale}");
    let long = format!(r#"{{"title":"{}"}}"#, "x".repeat(600_000));
    let refused = secured.answer("POST /api/crm/deals", &[], long.as_bytes());
    assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");

    // Many close their side as soon as they have asked, and without a word of TLS.
    let mut stream = secured.stream();
    stream.write_all(&secured.request(&format!("GET /api/crm/deals/{id}"), &[], b"")).unwrap();
    stream.sock.shutdown(Shutdown::Write).unwrap();
    let answered = rest(&mut stream);
    assert!(answered.starts_with("HTTP/1.1 200") && answered.contains("Relaunch"), "{answered}");
    has_nothing_to_complain_of(&secured.log);
}

#[test]
fn whoever_does_not_get_on_with_tls_is_let_go_of() {
    let secured = Secured::start();
    let mut waiting: Vec<TcpStream> = Vec::new();
    for said in [b"".as_slice(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = secured.plain();
        client.write_all(said).unwrap();
        waiting.push(client);
    }
    let mut slow = secured.stream();
    let head = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", secured.address);
    slow.write_all(format!("{head}GET /hea").as_bytes()).unwrap();
    for mut client in waiting {
        let mut heard = Vec::new();
        // Closed, in whatever way.
        let _ = client.read_to_end(&mut heard);
        assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
    }
    assert_eq!(rest(&mut slow).matches("HTTP/1.1 200").count(), 1);
    wait_until("the end of all connections", || connections(secured.address) == 0);
    assert!(secured.answer("GET /health", &[], b"").starts_with("HTTP/1.1 200"));
    has_nothing_to_complain_of(&secured.log);
}
