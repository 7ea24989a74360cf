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
