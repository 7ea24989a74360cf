//! Connections: how many there may be, and how long one is waited for on which nothing moves.
//!
//! actix times the first head of a connection and a pause between two requests. By itself it would wait for ever for a second
//! head that does not end, for the rest of a body that nobody wants, and for somebody to read an answer.

use std::cell::Cell;
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::core::error::Error;

/// At most, where the system would allow more: an idle connection takes about 20 KiB.
const MOST: usize = 16_384;
/// Open files that are not connections: the database for each worker, its log, a backup, mail.
const OTHER_FILES: usize = 128;
const FILES_OF_A_WORKER: usize = 8;
/// Connections beyond the limit that are being told so at a time; later ones wait in the system's queue.
const REFUSED_AT_ONCE: usize = 64;
/// Connections that the system takes before we do: with its default of 128, the next client of a crowd waits for a second.
const WAITING: i32 = 4_096;
/// A client that begins a handshake and falls silent has its place for this long.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// For the first head of a connection, if it is not given less.
const FIRST_HEAD: Duration = Duration::from_secs(5);
/// Beyond this a peer that has gone without a word is given up: an open stream says something every 15 seconds.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(60);

/// What a connection and the requests on it know of each other.
#[derive(Clone)]
pub struct Line(Rc<State>);

struct State {
    is_over_tls: bool,
    /// Requests that are being answered.
    running: Cell<usize>,
    /// When something was written last; `None`: nothing yet.
    moved: Cell<Option<Instant>>,
}

impl Line {
    fn new(is_over_tls: bool) -> Self {
        Line(Rc::new(State { is_over_tls, running: Cell::new(0), moved: Cell::new(None) }))
    }

    /// Whether nobody on the way to us can read along. What a proxy has done before is another question.
    pub fn is_over_tls(&self) -> bool {
        self.0.is_over_tls
    }

    /// Something is being answered for as long as this is kept.
    pub fn busy(&self) -> Busy {
        self.0.running.set(self.0.running.get() + 1);
        Busy(self.clone())
    }
}

pub struct Busy(Line);

impl Drop for Busy {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.running.set(state.running.get() - 1);
        state.moved.set(Some(Instant::now()));
    }
}

impl Busy {
    /// An answer that is made while it is sent is being answered until it ends.
    pub fn until_sent(self, body: BoxBody) -> BoxBody {
        match body.size() {
            BodySize::Stream => BoxBody::new(Sending { body, _busy: self }),
            BodySize::None | BodySize::Sized(_) => body,
        }
    }
}

struct Sending {
    body: BoxBody,
    _busy: Busy,
}

impl MessageBody for Sending {
    type Error = Box<dyn std::error::Error>;
    fn size(&self) -> BodySize {
        self.body.size()
    }
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(cx)
    }
}

/// A client's connection.
struct Connection {
    io: TcpStream,
    line: Line,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    fn new(io: TcpStream, is_over_tls: bool, patience: Duration, seat: OwnedSemaphorePermit) -> Self {
        // With Nagle's algorithm an answer of two chunks waits 40 ms for the client's delayed ACK.
        let settled = io.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let settled =
            settled.and_then(|()| Ok(rustix::net::sockopt::set_tcp_user_timeout(&io, UNHEARD.as_millis() as u32)?));
        if let Err(error) = settled {
            log::debug!("a connection stays as the system makes it: {error}");
        }
        Connection { io, line: Line::new(is_over_tls), patience, timer: Box::pin(sleep(patience)), _seat: seat }
    }

    /// Has nothing moved for too long? If not, the task is woken when it has. actix itself looks after the first head.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(moved) = self.line.0.moved.get() else { return false };
        while self.timer.as_mut().poll(cx).is_ready() {
            let until = moved + self.patience;
            if until <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.line.0.running.get() == 0 && self.is_overdue(cx) {
            // As if the client had said its last: what is written is still sent.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, data);
        if written.is_ready() {
            self.line.0.moved.set(Some(Instant::now()));
        }
        // Asked after each part, so that the task is woken though nobody reads or writes any more.
        match self.is_overdue(cx) {
            true => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            false => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// What HTTP is spoken over.
enum Wire {
    Plain(Connection),
    Tls(Box<TlsStream<Connection>>),
}

impl Wire {
    async fn new(connection: Connection, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Wire::Plain(connection)) };
        let secured = tokio::time::timeout(HANDSHAKE, tls.accept(connection)).await?;
        Ok(Wire::Tls(Box::new(secured?)))
    }

    fn line(&self) -> &Line {
        match self {
            Wire::Plain(connection) => &connection.line,
            Wire::Tls(secured) => &secured.get_ref().0.line,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_read(cx, buffer),
            Wire::Tls(secured) => match Pin::new(secured).poll_read(cx, buffer) {
                // Many close without a word of TLS. Whether something is missing, HTTP knows by itself.
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => read,
            },
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_write(cx, data),
            Wire::Tls(secured) => Pin::new(secured).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_flush(cx),
            Wire::Tls(secured) => Pin::new(secured).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_shutdown(cx),
            Wire::Tls(secured) => Pin::new(secured).poll_shutdown(cx),
        }
    }
}

/// Says so and closes, reading what comes meanwhile: else the system would take the answer back.
async fn refuse(mut io: TcpStream) {
    let error = Error::busy("Too many connections are open. Try again in a moment.");
    let body = serde_json::to_string(&error.problem("")).expect("plain data");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let told = async {
        io.write_all(answer.as_bytes()).await?;
        io.shutdown().await?;
        while io.read(&mut [0; 4_096]).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
}

/// How many connections there may be. Shells and services often allow a process 1,024 open files, for old programs' sake,
/// and more to whoever asks.
fn most(workers: usize) -> usize {
    let others = OTHER_FILES + FILES_OF_A_WORKER * workers;
    #[cfg(unix)]
    let files = {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let enough = limit.maximum.unwrap_or(u64::MAX).min((MOST + REFUSED_AT_ONCE + others) as u64);
        if limit.current.is_some_and(|current| current < enough) {
            let asked = Rlimit { current: Some(enough), maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, asked) {
                log::warn!("the limit of open files stays as it is: {error}");
            }
        }
        getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    };
    #[cfg(not(unix))]
    let files = usize::MAX;
    let most = files.saturating_sub(others + REFUSED_AT_ONCE).clamp(16, MOST);
    if most < 1_024 {
        log::warn!("{files} open files are allowed, so that {most} connections may be open; see “sally doctor”");
    }
    most
}

/// The server on these listeners, with TLS or without; `factory` makes what answers, for each worker.
pub(super) fn server<F, I, S, B>(
    listeners: impl Iterator<Item = (TcpListener, Option<Arc<ServerConfig>>)>,
    workers: usize,
    patience: Duration,
    shutdown: Duration,
    factory: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Error = actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let most = most(workers);
    let seats = Arc::new(Semaphore::new(most));
    let mut builder = Server::build()
        .workers(workers)
        .max_concurrent_connections((most + REFUSED_AT_ONCE).div_ceil(workers))
        .shutdown_timeout(shutdown.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    for (listener, tls) in listeners {
        #[cfg(unix)]
        rustix::net::listen(&listener, WAITING)?;
        let (tls, seats, stopping, factory) =
            (tls.map(TlsAcceptor::from), seats.clone(), stopping.clone(), factory.clone());
        let serve = move || {
            let (tls, seats, stopping) = (tls.clone(), seats.clone(), stopping.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .client_request_timeout(patience.min(FIRST_HEAD))
                // Also the time for the last of an answer: to actix the pause begins when it has written that down.
                .keep_alive(patience)
                .client_disconnect_timeout(Duration::from_secs(1))
                .on_connect_ext(|wire: &Wire, known| drop(known.insert(wire.line().clone())))
                .finish(map_config(factory().into_factory(), |()| AppConfig::default()));
            fn_service(move |io: TcpStream| {
                let (tls, seat) = (tls.clone(), seats.clone().try_acquire_owned());
                async move {
                    match seat {
                        Ok(seat) => {
                            let peer: Option<SocketAddr> = io.peer_addr().ok();
                            let connection = Connection::new(io, tls.is_some(), patience, seat);
                            let wire = Wire::new(connection, tls).await.map_err(|error| {
                                log::debug!("a TLS handshake failed: {error}");
                                DispatchError::Io(error)
                            })?;
                            Ok((wire, Protocol::Http1, peer))
                        }
                        Err(_) => {
                            // Over TLS it would not be understood.
                            if tls.is_none() {
                                refuse(io).await;
                            }
                            Err(DispatchError::Io(ErrorKind::ConnectionRefused.into()))
                        }
                    }
                }
            })
            .and_then(http)
        };
        builder = builder.listen("sally", listener, serve)?;
    }
    Ok(builder.run())
}
