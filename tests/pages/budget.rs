//! What a page weighs on its way, compressed as a browser gets it.

use std::collections::BTreeSet;

use serde_json::json;

use super::support::World;
use super::support::server::Server;

/// An answer's bytes and what they are as text.
struct Weighed {
    bytes: usize,
    text: String,
}

fn weigh(base: &str, path: &str, token: &str) -> Weighed {
    let get = |encoding: &str| {
        let request = ureq::get(format!("{base}{path}")).header("accept-encoding", encoding);
        let mut answer = request.header("cookie", format!("sally_session={token}")).call().unwrap();
        let given = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        (given, answer.body_mut().read_to_vec().unwrap())
    };
    let ((encoding, packed), (_, plain)) = (get("br"), get("identity"));
    assert_eq!(encoding.as_deref(), Some("br"), "{path} is compressed");
    Weighed { bytes: packed.len(), text: String::from_utf8(plain).unwrap() }
}

#[tokio::test]
async fn a_page_stays_within_its_budget() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    for number in 0..200 {
        let title = format!("Task {number} of a project that has as many as people keep on one board");
        let task = json!({ "projectId": "WEB", "title": title, "labels": "web, design", "dueDate": "friday", "ownerId": "me" });
        ada.ask("task.create", task).await.unwrap();
    }
    let server = Server::start(&world.app);
    let weigh = |path: &str| weigh(&server.base, path, &ada.token);

    let board = weigh("/projects/WEB");
    assert!(board.text.matches("data-card=").count() >= 50);
    for path in ["/projects/WEB", "/projects/WEB?group=label", "/projects/WEB?view=list", "/", "/tasks/WEB-1", "/time"]
    {
        let bytes = weigh(path).bytes;
        assert!(bytes <= 60_000, "{path} weighs {bytes} bytes");
    }

    let of = |tag: &str| board.text.split(tag).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let styles = weigh(&of("rel=\"stylesheet\" href=\"")).bytes;
    assert!(styles <= 30_000, "styles weigh {styles} bytes");

    // The scripts import each other.
    let first = of("type=\"module\" src=\"");
    let folder = first.rsplit_once('/').unwrap().0;
    let (mut known, mut scripts) =
        (BTreeSet::from([first.clone()]), weigh(&first.replace("app.js", "theme-boot.js")).bytes);
    let mut waiting = vec![first.clone()];
    while let Some(path) = waiting.pop() {
        let script = weigh(&path);
        scripts += script.bytes;
        let here = path.rsplit_once('/').unwrap().0;
        for line in script.text.lines().filter(|line| line.starts_with("import ") || line.starts_with("} from ")) {
            let relative = line.rsplit(['"', '\'']).nth(1).unwrap();
            let path = match relative.strip_prefix("../") {
                Some(above) => format!("{}/{above}", folder.rsplit_once('/').unwrap().0),
                None => format!("{here}/{}", relative.trim_start_matches("./")),
            };
            if known.insert(path.clone()) {
                waiting.push(path);
            }
        }
    }
    assert!(known.len() > 20, "the imports were followed: {known:?}");
    assert!(scripts <= 40_000, "scripts weigh {scripts} bytes");
}
