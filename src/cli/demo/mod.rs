//! demo
use crate::core::app::App;
use crate::core::error::Result;
use std::sync::Arc;
pub(super) async fn tell(_: &Arc<App>) -> Result<String> {
    Ok(String::new())
}
pub(super) async fn is_here(_: &Arc<App>) -> Result<bool> {
    Ok(false)
}
