//! Joining by a link in the browser: the invitation, the members, and what a link does in the wrong hands.

use super::{Browser, Office};
use serde_json::json;

/// What stands behind `?token=` in a page that shows a link.
fn token(page: &str) -> String {
    let after = page.split("/accept-invite?token=").nth(1).unwrap_or_else(|| panic!("no link: {page}"));
    after.split(['<', '"']).next().unwrap().to_owned()
}

#[tokio::test]
async fn ada_invites_mia_who_joins_and_is_listed() {
    let office = Office::new().await;
    let ada = office.browser("ada").await;
    let made = ada.post("/settings/invites", &[("email", "mia@example.com"), ("role", "MEMBER")]);
    assert_eq!(made.status, 200, "{}", made.body);
    let token = token(&made.body);
    let list = ada.get("/settings/members");
    assert!(list.has("mia@example.com") && list.has("New link") && !list.has(&token));

    let mia = Browser::new(&office.server.base);
    let page = mia.get(&format!("/accept-invite?token={token}"));
    assert_eq!((page.status, page.heading()), (200, "Join Acme"));
    assert!(page.has("Ada invites you as member") && page.has("mia@example.com"));
    let refused = mia.post("/accept-invite", &[("token", &token), ("name", ""), ("password", "short")]);
    assert_eq!(refused.status, 422);
    assert!(refused.has("name-error") || refused.has("password-error"), "{}", refused.body);
    let fields =
        [("token", token.as_str()), ("name", "Mia"), ("password", "Another-horse-8"), ("timeZone", "Europe/Berlin")];
    let joined = mia.post("/accept-invite", &fields);
    assert_eq!((joined.status, joined.location.as_str()), (303, "/"), "{}", joined.body);
    assert!(joined.cookies.iter().any(|cookie| cookie.starts_with("sally_session=") && cookie.contains("HttpOnly")));
    assert!(mia.get("/settings/members").has("Mia"));
    // Used up, for whoever comes later.
    let later = Browser::new(&office.server.base).get(&format!("/accept-invite?token={token}"));
    assert_eq!((later.status, later.heading()), (422, "This invitation does not work"));
    assert!(later.has("was accepted already"));
}

#[tokio::test]
async fn an_invitation_in_the_wrong_hands_says_so() {
    let office = Office::new().await;
    let ada = office.browser("ada").await;
    let token = token(&ada.post("/settings/invites", &[("email", "eve@example.com"), ("role", "VIEWER")]).body);
    let place = format!("/accept-invite?token={token}");
    let ben = office.browser("ben").await;
    assert!(ben.get(&place).has("You are signed in as ben@example.com"));
    let refused = ben.post("/accept-invite", &[("token", &token)]);
    assert_eq!(refused.status, 409);
    // Eve has an account, so the link alone does nothing; signed in, a button does.
    assert!(Browser::new(&office.server.base).get(&place).has("There is an account for"));
    let eve = office.browser("eve").await;
    assert!(eve.get(&place).has("You are signed in as"));
    assert_eq!(eve.post("/accept-invite", &[("token", &token)]).location, "/");
    // From another site nothing is accepted.
    let foreign = eve.post_with("/accept-invite", &[("token", &token)], &[("sec-fetch-site", "cross-site")]);
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn members_are_changed_and_removed_by_owners_only() {
    let office = Office::new().await;
    let (ada, ben, vera) = (office.browser("ada").await, office.browser("ben").await, office.browser("vera").await);
    let members = office.world.person("ada").await.ask("workspace.member.list", json!({ "workspaceId": "acme" })).await;
    let members = members.unwrap();
    let id = |name: &str| {
        let mut all = members["items"].as_array().unwrap().iter();
        all.find(|member| member["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let vera_at = format!("/settings/members/{}", id("Vera"));
    assert_eq!(ben.get("/settings/members").status, 200);
    assert!(!ben.get("/settings/members").has("Invite somebody"));
    assert_eq!(ben.post(&vera_at, &[("role", "OWNER")]).status, 403);
    assert_eq!(ben.post("/settings/invites", &[("email", "x@example.com"), ("role", "VIEWER")]).status, 403);
    assert_eq!(vera.get("/settings/members").status, 403);
    assert_eq!(ada.post(&vera_at, &[("role", "MEMBER")]).status, 303);
    assert_eq!(vera.get("/settings/members").status, 200);
    assert_eq!(ada.get(&format!("{vera_at}/remove")).heading(), "Remove this member?");
    assert_eq!(ada.post(&format!("{vera_at}/remove"), &[]).status, 303);
    assert!(!ada.get("/settings/members").has("vera@example.com"));
    // Nobody takes the last owner away, and the page says why.
    let ada_at = format!("/settings/members/{}", id("Ada"));
    let refused = ada.post(&ada_at, &[("role", "VIEWER")]);
    assert_eq!(refused.status, 409);
}

#[tokio::test]
async fn the_administration_is_for_administrators() {
    let office = Office::new().await;
    let (sam, ada) = (office.browser("sam").await, office.browser("ada").await);
    for path in ["/admin", "/admin/accounts", "/admin/workspaces", "/admin/audit", "/admin/accounts/ben@example.com"] {
        assert_eq!(sam.get(path).status, 200, "{path}");
        assert_eq!(ada.get(path).status, 403, "{path}");
        assert_eq!(Browser::new(&office.server.base).get(path).status, 303, "{path}");
    }
    assert!(sam.get("/").has("href=\"/admin\"") && !ada.get("/").has("href=\"/admin\""));
    assert!(sam.get("/admin").has("This server sends none"));
    assert_eq!(ada.post("/admin/backups", &[]).status, 403);
    // The clock may be taking one at this very moment.
    assert!(matches!(sam.post("/admin/backups", &[]).status, 303 | 409));
    assert!(sam.get("/admin").has("One is taken every 24 hours"));
    assert!(sam.get("/admin/accounts?q=ben").has("ben@example.com"));
    assert!(sam.get("/admin/accounts?q=nobody-at-all").has("Nobody fits"));
    assert_eq!(sam.get("/admin/accounts/nobody@example.com").status, 404);

    let made = sam.post("/admin/accounts", &[("name", "Mia"), ("email", "mia@example.com")]);
    assert!(made.status == 200 && made.has("/reset-password?token="), "{}", made.body);
    let twice = sam.post("/admin/accounts", &[("name", "Mia"), ("email", "mia@example.com")]);
    assert_eq!(twice.status, 409);
    let link = sam.post("/admin/accounts/mia@example.com/link", &[]);
    assert!(link.status == 200 && link.has("/reset-password?token="));
    assert_eq!(ada.post("/admin/accounts/mia@example.com/link", &[]).status, 403);
    let moved = sam.post("/admin/accounts/mia@example.com/email", &[("email", "mia.new@example.com")]);
    assert_eq!(moved.status, 303);
    let role = sam.post("/admin/accounts/mia.new@example.com/role", &[("platformRole", "ADMIN")]);
    assert_eq!(role.status, 303);
    assert!(sam.get("/admin/accounts/mia.new@example.com").has("Administrator"));
    assert_eq!(sam.post("/admin/accounts/mia.new@example.com/archive", &[]).status, 303);
    assert!(sam.get("/admin/accounts?archived=true").has("Archived"));
    assert_eq!(sam.post("/admin/accounts/sam@example.com/archive", &[]).status, 409);

    assert_eq!(sam.post("/admin/workspaces", &[("name", "Corner")]).status, 303);
    assert_eq!(sam.post("/admin/workspaces", &[("name", "")]).status, 422);
    assert_eq!(sam.post("/admin/workspaces/corner/archive", &[]).status, 303);
    assert!(!sam.get("/admin/workspaces").has("<small class=\"muted\">corner</small>"));
    assert_eq!(sam.post("/admin/workspaces/corner/archive", &[("archived", "false")]).status, 303);
    assert!(sam.get("/admin/workspaces").has("<small class=\"muted\">corner</small>"));
}

#[tokio::test]
async fn public_forms_take_nonsense_calmly() {
    let office = Office::new().await;
    let nobody = Browser::new(&office.server.base);
    let huge = "x".repeat(200_000);
    for path in ["/accept-invite", "/reset-password", "/confirm-email"] {
        for token in ["", "x", "%00", huge.as_str(), "../..", "<script>alert(1)</script>"] {
            let shown = nobody.post(path, &[("token", token), ("name", "M"), ("password", "Another-horse-8")]);
            let status = if token.len() > 16 << 10 { 413 } else { 422 };
            assert_eq!(shown.status, status, "{path}: {}", shown.body);
            assert!(!shown.has("<script>alert"), "{path}");
        }
        let doubled = nobody.post(path, &[("token", "x"), ("token", "y")]);
        assert_eq!(doubled.status, 422, "{path}");
        let foreign = nobody.post_with(path, &[("token", "x")], &[("sec-fetch-site", "cross-site")]);
        assert_eq!(foreign.status, 403, "{path}");
    }
    // Without mail people are told whom to ask, whatever they send.
    assert!(nobody.get("/forgot-password").has("Ask an administrator"));
    assert!(nobody.post("/forgot-password", &[("email", "sam@example.com")]).has("Ask an administrator"));
    assert!(nobody.get("/login").has("/forgot-password"));
}

#[tokio::test]
async fn sam_sees_where_he_is_signed_in() {
    let office = Office::new().await;
    let (here, there) = (Browser::new(&office.server.base), Browser::new(&office.server.base));
    for browser in [&here, &there] {
        browser.sign_in(super::PASSWORD, "");
    }
    let page = here.get("/settings/sessions");
    assert!(page.has("This one") && page.has("End all others"), "{}", page.body);
    assert_eq!(here.post("/settings/sessions/others/end", &[]).location, "/settings/sessions");
    assert_eq!(there.get("/settings/sessions").status, 303);
    assert!(!here.get("/settings/sessions").has("End all others"));
}
