//! Who is asked, what they allow, and where their browser goes.

use crate::program::*;
use crate::support::World;
use crate::support::server::Server;

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_the_program_did_not_name() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let program = Program::register(&server, "Tidy Desk");
    let with = |name: &str, value: &str| -> Vec<(&'static str, String)> {
        let said =
            |(known, own): (&'static str, String)| if known == name { (known, value.to_owned()) } else { (known, own) };
        program.wish().into_iter().map(said).collect()
    };
    let get = |wish: &[(&str, String)]| {
        let pairs: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ada.get(&format!("/oauth/authorize?{}", form(&pairs)))
    };
    for foreign in [
        "https://evil.example/",
        "http://127.0.0.1:3334/callbac",
        "http://127.0.0.1:3334/callback/",
        "http://127.0.0.1:3334/Callback",
        "http://localhost:3334/callback",
        "https://127.0.0.1:3334/callback",
        "http://127.0.0.1:3334/callback?x=1",
        "",
        "http://127.0.0.1.evil.example/callback",
    ] {
        let wish = with("redirect_uri", foreign);
        for answer in [get(&wish), ada.decide(&wish, &EVERYWHERE)] {
            assert_eq!((answer.status, sent_to(&answer)), (400, None), "{foreign}: {}", answer.body);
            assert!(answer.body.contains("cannot be connected"), "{}", answer.body);
        }
    }
    // On one's own computer the port is the program's choice of the moment.
    let other_port = with("redirect_uri", "http://127.0.0.1:50123/callback");
    assert_eq!(get(&other_port).status, 200);
    let sent = sent_to(&ada.decide(&other_port, &EVERYWHERE)).unwrap();
    assert!(sent.starts_with("http://127.0.0.1:50123/callback?code="), "{sent}");
    for (name, value) in [("client_id", "client_unknown"), ("client_id", "")] {
        assert_eq!((get(&with(name, value)).status, ada.decide(&with(name, value), &EVERYWHERE).status), (400, 400));
    }
    for name in ["client_id", "redirect_uri", "state"] {
        let mut twice = program.wish();
        twice.push((name, twice.iter().find(|(known, _)| *known == name).unwrap().1.clone()));
        assert_eq!((get(&twice).status, sent_to(&get(&twice))), (400, None), "{name}");
    }
    assert_eq!(get(&with("state", &"x".repeat(2_001))).status, 400);
    assert_eq!(count(&world, "select count(*) from oauth_code"), 1);

    // What else is wrong is told to the program when its person has pressed a button; before that they are shown a way back.
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", VERIFIER, "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("resource", "https://other.example/mcp", "invalid_target"),
        ("resource", &format!("{}/mcpx", server.base), "invalid_target"),
    ] {
        let wish = with(name, value);
        let shown = get(&wish);
        assert_eq!((shown.status, sent_to(&shown)), (400, None), "{name}={value}");
        assert!(shown.body.contains(CALLBACK) && shown.body.contains(&format!("error={error}")), "{}", shown.body);
        let answer = ada.decide(&wish, &EVERYWHERE);
        assert_eq!(answer.status, 200, "{name}={value}");
        assert!(sent_to(&answer).unwrap().starts_with(CALLBACK));
        assert_eq!((told(&answer, "error").as_deref(), told(&answer, "code")), (Some(error), None), "{name}={value}");
        assert_eq!(
            (told(&answer, "state").as_deref(), told(&answer, "iss")),
            (Some("a state & more"), Some(server.base.clone()))
        );
        // A stranger is sent nowhere: anybody can register an address.
        let pairs: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stranger =
            server.send("GET", &format!("/oauth/authorize?{}", form(&pairs)), &[("Accept", "text/html")], "");
        assert_eq!((stranger.status, sent_to(&stranger)), (400, None), "{name}={value}");
    }
    let no = ada.decide(&program.wish(), &[("decision", "deny")]);
    assert_eq!((told(&no, "error").as_deref(), told(&no, "code")), (Some("access_denied"), None));
    assert_eq!(count(&world, "select count(*) from oauth_code"), 1, "only the one that was allowed");
}

#[tokio::test]
async fn what_comes_to_nothing_leaves_nothing_behind() {
    const ROWS: &str = "select count(*) from change_set";
    let world = World::new().await;
    let server = Server::start(&world.app);
    let before = count(&world, ROWS);
    for (path, fields) in [
        ("/oauth/token", "grant_type=refresh_token&client_id=client_x&refresh_token=x"),
        ("/oauth/token", "grant_type=authorization_code&client_id=client_x&code=x&redirect_uri=x&code_verifier=x"),
        ("/oauth/revoke", "client_id=client_x&token=x"),
    ] {
        let answer = server.send("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], fields);
        assert!((200..500).contains(&answer.status), "{path}");
    }
    assert_eq!(count(&world, ROWS), before, "strangers fill no file");
}

#[tokio::test]
async fn another_site_cannot_consent_and_nothing_odd_is_allowed() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let program = Program::register(&server, "<b>Tidy</b>");
    let wish = program.wish();
    let mut fields: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(EVERYWHERE);
    assert_eq!(ada.post_from("cross-site", "/oauth/authorize", &fields).status, 403);
    let stranger = Browser { server: &server, cookie: String::new() };
    assert_eq!(stranger.post("/oauth/authorize", &fields).header("location"), Some("/login"));
    let narrow = world.keyed("ada", sally::features::keys::KeyKind::Api, Some("read"), None).await;
    let by_narrow_key = Browser::of(&server, &narrow).post("/oauth/authorize", &fields);
    assert_eq!(by_narrow_key.status, 403, "a narrowed key makes no wider one");
    for (name, value) in
        [("scopes", "everything"), ("scopes", ""), ("workspaceId", "bolt"), ("workspaceId", "none-such")]
    {
        let choices: Vec<(&str, &str)> =
            EVERYWHERE.iter().map(|(known, own)| (*known, if *known == name { value } else { own })).collect();
        let answer = ada.decide(&wish, &choices);
        assert!(
            matches!(answer.status, 404 | 422),
            "{name}={value}: {} {:?}",
            answer.status,
            answer.header("location")
        );
    }
    let nowhere = ada.decide(&wish, &[("decision", "allow"), ("scopes", "*:read"), ("workspaceId", "")]);
    assert!(nowhere.status == 422 && nowhere.body.contains("at least one"), "{}", nowhere.body);
    assert!(nowhere.body.contains("&#60;b&#62;Tidy") && !nowhere.body.contains("<b>Tidy"), "{}", nowhere.body);
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 0);
}
