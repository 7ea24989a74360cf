//! To the provider of single sign-on and back.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::core::app::Call;
use crate::core::error::{Error, Result};
use crate::features::sso::{ByProvider, SignInByProvider};
use crate::http::auth;
use crate::oidc::{self, Provider, Returned, Start};

use super::gate;
use super::page::{Answer, Query, Said, app_of, own_path, saying, see_other};

/// Which browser was sent to the provider.
const COOKIE: &str = "sally_sso";

/// The provider behind a request, where one is configured.
pub fn provider_of(request: &HttpRequest) -> Option<Arc<Provider>> {
    let data = request.app_data::<web::Data<Option<Arc<Provider>>>>()?;
    data.get_ref().clone()
}

fn cookie<'a>(request: &HttpRequest, value: &'a str) -> Cookie<'a> {
    Cookie::build(COOKIE, value)
        .path("/login")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(auth::is_secure(request, &app_of(request)))
        .max_age(Duration::minutes(oidc::MINUTES as i64))
        .finish()
}

/// Characters of where they wanted to go: it is kept until they come back, for whoever asks.
const LONGEST_PATH: usize = 2_000;

/// A link and no form: our policy forbids forms that lead elsewhere. It changes nothing but who waits for an answer.
pub async fn start(request: HttpRequest) -> Answer {
    let query = Query::of(&request);
    let next = own_path(query.get("next")).filter(|next| next.len() <= LONGEST_PATH).unwrap_or_default().to_owned();
    match begin(&request, next.clone()).await {
        Ok(start) => gate::with_cookie(&request, see_other(&start.address), &cookie(&request, &start.browser)),
        Err(error) => gate::login_again(&request, &error, &next),
    }
}

async fn begin(request: &HttpRequest, next: String) -> Result<Start> {
    let app = app_of(request);
    let provider = provider_of(request).ok_or_else(|| Error::not_found("page", request.path()))?;
    app.limits.sign_in_from(auth::address(request, &app))?;
    waiting(move || provider.start(&next)).await
}

/// The provider is somewhere in the network, and a worker has others to serve meanwhile.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    web::block(work).await.map_err(Error::internal)?
}

/// Where the provider sends people back to. It comes from another site by its nature: the state and the cookie of the
/// browser that was sent make sure that it is an answer to our own question.
pub async fn callback(request: HttpRequest) -> Answer {
    let mut gone = cookie(&request, "");
    gone.make_removal();
    let response: HttpResponse = match enter(&request).await {
        Ok((came, next)) => {
            let to = if next.is_empty() { gate::START } else { &next };
            let response = gate::go_on(&request, &came.sign_in, to)?;
            match came.begun_anew {
                true => gate::with_cookie(
                    &request,
                    response,
                    &saying(&request, &app_of(&request), &Said::plain(gate::BEGUN_ANEW)),
                )?,
                false => response,
            }
        }
        Err(error) => gate::login_again(&request, &error, "")?,
    };
    gate::with_cookie(&request, response, &gone)
}

async fn enter(request: &HttpRequest) -> Result<(ByProvider, String)> {
    let app = app_of(request);
    let provider = provider_of(request).ok_or_else(|| Error::not_found("page", request.path()))?;
    app.limits.authorization(auth::address(request, &app))?;
    let query = Query::of(request);
    let of = |name: &str| query.get(name).to_owned();
    let returned = Returned { state: of("state"), code: of("code"), issuer: of("iss"), error: of("error") };
    let browser = request.cookie(COOKIE).map_or_else(String::new, |cookie| cookie.value().to_owned());
    let (proved, next) = waiting(move || provider.finish(&browser, &returned)).await?;
    let call = Call { credential: None, ..auth::call(request, &app)? };
    Ok((app.run(call, SignInByProvider::new(proved)).await?, next))
}
