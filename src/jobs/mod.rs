//! What happens by the clock.

use std::sync::Arc;
use std::time::Duration;

use crate::core::app::App;

/// Tidies up twice a minute, for as long as the server runs.
pub async fn by_the_clock(app: Arc<App>) {
    let mut clock = tokio::time::interval(Duration::from_secs(30));
    loop {
        clock.tick().await;
        if let Err(error) = app.tidy().await {
            log::warn!("tidying: {error}");
        }
    }
}
