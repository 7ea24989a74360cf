//! A client that sends exactly what it is told to, and takes its time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Whoever is not answered or let go of by then never is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two drops.
const DRIP: Duration = Duration::from_millis(100);

pub struct Client(TcpStream);

/// What came until the connection was closed.
pub struct Ended {
    pub text: String,
    pub after: Duration,
}

impl Ended {
    /// Of each answer; `0` where what came is none.
    pub fn statuses(&self) -> Vec<u16> {
        let answers = self.text.split("HTTP/1.1 ").skip(1);
        answers.map(|answer| answer.get(..3).and_then(|status| status.parse().ok()).unwrap_or(0)).collect()
    }
}

impl Client {
    pub fn open(address: SocketAddr) -> Client {
        let socket = TcpStream::connect(address).expect("a connection");
        socket.set_read_timeout(Some(DRIP)).expect("a socket");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Client(socket)
    }

    /// Whether somebody still takes it.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// It has said its last.
    pub fn close_its_side(&self) {
        self.0.shutdown(Shutdown::Write).expect("a connection");
    }

    /// What comes in a moment; `None` once the connection is closed.
    pub fn hear(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.0.read(buffer) {
            Ok(0) => None,
            Ok(read) => Some(read),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(0),
            Err(_) => None,
        }
    }

    /// Says the same again and again, if anything, until the connection is closed.
    pub fn drip(mut self, what: &str, drop: &[u8]) -> Ended {
        let (mut heard, begun) = (Vec::new(), Instant::now());
        let mut buffer = vec![0; 1 << 16];
        loop {
            assert!(begun.elapsed() < PATIENCE, "{what}: still open, after {:?}", String::from_utf8_lossy(&heard));
            match self.hear(&mut buffer) {
                None => break,
                Some(0) => drop_it(&mut self, drop),
                Some(read) => heard.extend_from_slice(&buffer[..read]),
            }
        }
        Ended { text: String::from_utf8_lossy(&heard).into_owned(), after: begun.elapsed() }
    }

    /// All that comes until the connection is closed.
    pub fn end(self, what: &str) -> Ended {
        self.drip(what, b"")
    }
}

/// That nobody takes it any more is seen by reading.
fn drop_it(client: &mut Client, drop: &[u8]) {
    if !drop.is_empty() {
        let _ = client.say(drop);
    }
}

/// A whole request, with a body if there is one; the connection is to be closed after it.
pub fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", body].concat()
}
