//! Pages, written by hand over the same operations: a struct per template, forms that run what REST runs.

pub mod admin;
pub mod agents;
pub mod audit;
pub mod confirm;
pub mod connections;
pub mod consent;
pub mod crm;
pub mod field;
pub mod form;
pub mod frame;
pub mod gate;
pub mod imports;
pub mod keys;
pub mod live;
pub mod markdown;
pub mod members;
pub mod page;
pub mod parts;
pub mod preferences;
pub mod search;
pub mod security;
pub mod settings;
pub mod show;
pub mod sso;
pub mod welcome;
pub mod work;

use std::rc::Rc;

use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, ResponseError, Route, guard, web};
use futures_util::future::LocalBoxFuture;

use crate::core::error::{Error, Kind};
use page::{Answer, Page, Refused};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/login").route(get().to(gate::login_page)).route(post().to(gate::login)))
        .service(at("/login/code").route(get().to(gate::code_page)).route(post().to(gate::code)))
        .service(at("/login/sso").route(get().to(sso::start)))
        .service(at("/login/sso/callback").route(get().to(sso::callback)))
        .service(at("/logout").route(post().to(gate::logout)))
        .service(at("/setup").route(get().to(gate::setup_page)).route(post().to(gate::setup)))
        .service(at(welcome::START).route(get().to(welcome::show)))
        .service(at("/welcome/sample").route(post().to(welcome::fill)))
        .service(at("/welcome/assistant").route(get().to(welcome::assistant_page)).route(post().to(welcome::connect)))
        .service(at("/welcome/first").route(get().to(welcome::first)))
        .service(at("/reset-password").route(get().to(gate::reset_page)).route(post().to(gate::reset)))
        .service(at("/forgot-password").route(get().to(gate::forgot_page)).route(post().to(gate::forgot)))
        .service(at("/confirm-email").route(get().to(gate::confirm_email_page)).route(post().to(gate::confirm_email)))
        .service(at("/accept-invite").route(get().to(gate::invite_page)).route(post().to(gate::accept_invite)))
        .service(at("/oauth/authorize").route(get().to(consent::show)).route(post().to(consent::decide)))
        .service(at("/workspace").route(post().to(gate::choose_workspace)))
        .service(at("/crm").route(get().to(gate::crm)))
        .service(at("/crm/").route(get().to(gate::crm)))
        .service(at("/live").route(web::get().to(live::listen)))
        .service(at("/search").route(get().to(search::search)))
        .configure(settings::routes)
        .configure(admin::routes)
        .configure(work::routes)
        .configure(crm::routes)
        .configure(imports::routes);
}

/// An address of a page: other methods get the error page too.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(other_method))
}

/// HEAD is GET without the body.
fn get() -> Way {
    Way(web::route().guard(guard::Any(guard::Get()).or(guard::Head())))
}

fn post() -> Way {
    Way(web::post())
}

/// A way to a handler. actix would compile it anew for each of the two hundred; this one is compiled for each kind of arguments.
struct Way(Route);

impl Way {
    fn to<F, Args>(self, handler: F) -> Route
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.0.to(Boxed(Rc::new(move |args| Box::pin(handler.call(args)))))
    }
}

struct Boxed<Args>(Rc<dyn Fn(Args) -> LocalBoxFuture<'static, Answer>>);

impl<Args> Clone for Boxed<Args> {
    fn clone(&self) -> Self {
        Boxed(self.0.clone())
    }
}

impl<Args: 'static> Handler<Args> for Boxed<Args> {
    type Output = Answer;
    type Future = LocalBoxFuture<'static, Answer>;

    fn call(&self, args: Args) -> Self::Future {
        (self.0)(args)
    }
}

async fn other_method(request: HttpRequest) -> Answer {
    let what = format!("{} is not possible here.", request.method());
    Err(Refused::bare(&request, Error::new(Kind::MethodNotAllowed, what)))
}

/// What a browser sees before the one-time link was opened.
pub fn not_set_up(request: &HttpRequest, error: Error) -> HttpResponse {
    Refused::bare(request, error).error_response()
}

/// Where no route leads.
pub async fn nowhere(request: HttpRequest, page: Option<Page>) -> Answer {
    let error = Error::not_found("page", request.path());
    Err(match page {
        Some(page) => page.refuse(error),
        None => Refused::bare(&request, error),
    })
}
