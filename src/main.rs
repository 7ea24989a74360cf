fn main() {
    let path = std::env::args().nth(1).expect("db");
    let config = sally::core::config::Config { db: path.clone().into(), ..Default::default() };
    let store = sally::core::store::Store::serve(&config.db, Default::default()).expect("store");
    let listener = std::net::TcpListener::bind(config.listen).expect("bind");
    let app = std::sync::Arc::new(sally::core::app::App::new(store, config, sally::features::ALL));
    if !app.is_set_up() {
        use sally::core::{
            app::Call,
            caller::Credential,
            text::{Email, Line},
        };
        let c = || Call::with(Credential::ConsoleOfThisMachine);
        app.run_now(
            c(),
            sally::features::setup::Init::new(
                Line::parse("Sam").expect("x"),
                Email::parse("sam@example.com").expect("x"),
                "Correct-horse-7".into(),
                Line::parse("Acme").expect("x"),
            ),
        )
        .expect("init");
        let k = app
            .run_now(
                c(),
                sally::features::keys::CreateKeyFor {
                    account: Line::parse("sam@example.com").expect("x"),
                    kind: sally::features::keys::KeyKind::Api,
                    label: Line::parse("k").expect("x"),
                    scopes: None,
                    workspace: None,
                    expires_at: None,
                },
            )
            .expect("key");
        println!("{}", k.token);
    }
    actix_web::rt::System::new().block_on(sally::http::server::serve(app, listener)).expect("serve");
}
