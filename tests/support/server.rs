//! The real server on a port of its own, in a thread; it stops when it goes out of scope.

use std::net::TcpListener;
use std::sync::Arc;

use sally::core::app::App;

pub struct Server {
    /// `http://127.0.0.1:39215`
    pub base: String,
}

impl Server {
    pub fn start(app: &Arc<App>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let app = app.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(sally::http::server::serve(app, listener)).expect("a server");
        });
        Server { base }
    }
}
