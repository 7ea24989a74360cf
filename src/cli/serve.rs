//! `sally serve`: opens or makes the file, says where it can be reached, and serves until it is told to stop.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use clap::Args;

use super::{console, demo, output};
use crate::core::app::App;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::core::store::{Store, Tuning};
use crate::features::setup::OfferSetUp;
use crate::http::server::{self, Listeners};
use crate::tls::Certificates;

#[derive(Args, Default)]
pub(super) struct Serve {
    /// Address and port [default: 127.0.0.1:4000; with TLS [::]:443]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Fill an empty file with a sample workspace first
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(super) fn run(self, mut config: Config) -> Result<()> {
        super::log::start(&config.log, config.log_format);
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        // The file before the port: whoever serves this file already is the better answer to "why not".
        let tuning = Tuning {
            workers: config.worker_threads(),
            mmap_bytes: config.mmap_mib << 20,
            slow_query_ms: config.slow_query_ms,
            ..Tuning::default()
        };
        let store = Store::serve(&config.db, tuning)?;
        let certificates = Certificates::new(&config)?;
        let main = bind(config.listen)?;
        config.listen = main.local_addr().map_err(Error::internal)?;
        store.announce(config.listen)?;
        let redirect = config.redirect_listen.map(bind).transpose()?;
        let listeners = Listeners { main, certificates, redirect };
        let app = Arc::new(App::new(store, config, crate::features::ALL));
        actix_web::rt::System::new().block_on(async {
            let told = if self.demo { demo::tell(&app).await? } else { welcome(&app).await? };
            output::say(&told)?;
            server::serve(app, listeners).await.map_err(|error| Error::conflict(format!("the server failed: {error}")))
        })
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        Error::conflict(match error.kind() {
            ErrorKind::AddrInUse => {
                format!("{address} is in use by another program; stop it, or choose another address with --listen")
            }
            ErrorKind::PermissionDenied => {
                format!(
                    "{address} may not be opened by this user; ports below 1024 need a proxy in front, or the capability CAP_NET_BIND_SERVICE"
                )
            }
            ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; choose one with --listen"),
            _ => format!("cannot listen on {address}: {error}"),
        })
    })
}

/// What a person needs to go on: where it is, the set-up link if there is no account yet, how to stop.
async fn welcome(app: &Arc<App>) -> Result<String> {
    let place = place(app);
    if !app.is_set_up() {
        let offer = app.run(console(), OfferSetUp {}).await?;
        let link = format!("{}/setup?token={}", app.config().base_url(), offer.token);
        return Ok(format!(
            "{place}\n\nNobody has an account yet. Open this link to set it up; it works once, for 24 hours:\n\n  {link}\n\nTo stop, press Ctrl+C."
        ));
    }
    let note = match demo::is_here(app).await? {
        true => {
            "\nThis file holds the demo workspace. For a real one, name another file with --db, or delete this one."
        }
        false => "",
    };
    Ok(format!("{place}{note}\nTo stop, press Ctrl+C."))
}

pub(super) fn place(app: &App) -> String {
    let config = app.config();
    let mut place =
        format!("Sally {} serves {} at {}", env!("CARGO_PKG_VERSION"), config.db.display(), config.base_url());
    if config.public_url.is_none() && config.listen.ip().is_unspecified() {
        place += "\nTell it how people reach it with `public_url`, so that links and client configurations fit.";
    }
    place
}
