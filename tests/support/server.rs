//! The real server on a port of its own, and plain HTTP against it.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use sally::core::app::App;
use sally::mcp::guest::Guest;
use sally::mcp::http::Endpoint;
use serde_json::Value;
use tokio::sync::oneshot;
use ureq::http::HeaderMap;

/// Ready when the server is to stop.
type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves until it is dropped, which waits until the server has stopped.
pub struct Server {
    /// `http://127.0.0.1:39215`
    pub base: String,
    pub address: SocketAddr,
    agent: ureq::Agent,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Server {
    pub fn start(app: &Arc<App>) -> Server {
        Server::start_on(app, TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    pub fn start_on(app: &Arc<App>, listener: TcpListener) -> Server {
        let app = app.clone();
        Server::serving(listener, move |listener, stop| sally::http::server::serve_until(app, listener, stop))
    }

    /// With a guest at the MCP endpoint.
    pub fn start_with(app: &Arc<App>, guest: impl Guest + 'static) -> Server {
        let endpoint = Endpoint { guest: Some(Box::new(guest)), ..Endpoint::new(app).expect("an endpoint") };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Server::serving(listener, move |listener, stop| sally::http::server::serve_endpoint(endpoint, listener, stop))
    }

    fn serving<F: Future<Output = std::io::Result<()>>>(
        listener: TcpListener,
        serve: impl FnOnce(TcpListener, Stop) -> F + Send + 'static,
    ) -> Server {
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped: Stop = Box::pin(async {
            let _ = stopped.await;
        });
        let thread = std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(listener, stopped)));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept("")
            .allow_non_standard_methods(true)
            // A connection kept open would be waited for at the end.
            .max_idle_connections(0)
            .build();
        Server {
            base: format!("http://{address}"),
            address,
            agent: config.into(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Sends exactly these headers; an empty body is none.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = match body.as_ref() {
            [] => self.agent.run(request.body(()).expect("a request")),
            body => self.agent.run(request.body(body).expect("a request")),
        };
        let (head, mut body) = answered.expect("an answer").into_parts();
        let body = body.read_to_string().expect("a text");
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("plain ASCII"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "the server ended badly: {ended:?}");
        }
    }
}
