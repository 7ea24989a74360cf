//! Comments with mentions, and the notifications that come of them and of the clock.

mod support;

use sally::core::time::Moment;
use sally::features::notifications::TellDue;
use serde_json::{Value, json};
use support::{Person, World, console};

async fn web(ada: &Person) {
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Draw the start page" })).await.unwrap();
}

fn names(people: &Value) -> Vec<&str> {
    people.as_array().expect("a list").iter().map(|named| named["name"].as_str().expect("a name")).collect()
}

async fn told(person: &Person) -> Vec<String> {
    let list = person.ask("notification.list", json!({ "unread": true })).await.expect("notifications");
    list["items"].as_array().unwrap().iter().map(|n| n["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_comment_is_written_changed_and_deleted_by_its_author() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    web(&ada).await;
    let first = ben.ask("comment.add", json!({ "taskId": "WEB-1", "text": "Looks good." })).await.unwrap();
    assert_eq!((&first["author"]["name"], &first["taskKey"]), (&json!("Ben"), &json!("WEB-1")));
    assert_eq!((&first["agentId"], &first["editedAt"], &first["mentions"]), (&Value::Null, &Value::Null, &json!([])));
    ada.ask("comment.add", json!({ "taskId": "WEB-1", "body": "Ship it, @Vera and @ben@example.com!" })).await.unwrap();
    let list = vera.ask("comment.list", json!({ "taskId": "web-1" })).await.unwrap();
    assert_eq!((&list["items"][0]["id"], names(&list["items"][1]["mentions"])), (&first["id"], vec!["Ben", "Vera"]));
    assert_eq!(ben.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap()["commentCount"], 2);

    let change = json!({ "commentId": first["id"], "body": "Looks very good." });
    assert_eq!(ada.refused("comment.update", change.clone()).await.status(), 403);
    let changed = ben.ask("comment.update", change).await.unwrap();
    assert!(changed["editedAt"].is_string());
    assert_eq!((&changed["version"], &changed["body"]), (&json!(2), &json!("Looks very good.")));
    let stale = json!({ "commentId": first["id"], "body": "Hm.", "ifVersion": 1 });
    assert_eq!(ben.refused("comment.update", stale).await.status(), 412);

    assert_eq!(vera.refused("comment.add", json!({ "taskId": "WEB-1", "body": "No" })).await.status(), 403);
    assert_eq!(ben.refused("comment.delete", json!({ "commentId": list["items"][1]["id"] })).await.status(), 403);
    ada.ask("comment.delete", json!({ "commentId": first["id"] })).await.unwrap();
    assert_eq!(ben.refused("comment.update", json!({ "commentId": first["id"], "body": "?" })).await.status(), 404);
    // What was taken back is not told to everybody who looks at what happened.
    let happened = vera.ask("task.activity", json!({ "taskId": "WEB-1" })).await.unwrap().to_string();
    assert!(happened.contains("comment") && !happened.contains("Looks very good"), "{happened}");
    ada.ask("project.archive", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(ben.refused("comment.add", json!({ "taskId": "WEB-1", "body": "Late" })).await.status(), 409);
}

#[tokio::test]
async fn who_is_mentioned_is_told_once_and_only_if_they_see_the_task() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    web(&ada).await;
    let comment = json!({ "taskId": "WEB-1", "body": "@Ada @ben what do you think?", "mentions": ["ben@example.com"] });
    let comment = ada.ask("comment.add", comment).await.unwrap();
    assert_eq!(names(&comment["mentions"]), ["Ada", "Ben"]);
    assert_eq!(told(&ada).await, [""; 0], "nobody is told of their own acts");
    let list = ben.ask("notification.list", json!({})).await.unwrap();
    let notification = &list["items"][0];
    assert_eq!((&notification["type"], &list["unreadCount"]), (&json!("comment.mentioned"), &json!(1)));
    assert_eq!((&notification["actor"]["name"], &notification["taskKey"]), (&json!("Ada"), &json!("WEB-1")));
    let link = format!("/tasks/WEB-1#{}", comment["id"].as_str().unwrap());
    assert_eq!((&notification["link"], &notification["readAt"]), (&json!(link), &Value::Null));

    // Ben was named and stays; Vera is new; Ada no longer stands in the text.
    let edit = json!({ "commentId": comment["id"], "body": "@vera too", "mentions": ["ben"] });
    let edited = ada.ask("comment.update", edit).await.unwrap();
    assert_eq!(names(&edited["mentions"]), ["Ben", "Vera"]);
    let again = ada.ask("comment.update", json!({ "commentId": comment["id"], "body": "nobody" })).await.unwrap();
    assert_eq!(names(&again["mentions"]), ["Ben"]);
    assert_eq!((told(&ben).await.len(), told(&vera).await.len()), (1, 1));

    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hush" })).await.unwrap();
    let secret = |mentions: Value| json!({ "taskId": "SEC-1", "body": "@ben hush", "mentions": mentions });
    assert_eq!(ada.refused("comment.add", secret(json!(["ben"]))).await.status(), 422);
    assert_eq!(ada.refused("comment.add", secret(json!(["eve@example.com"]))).await.status(), 404);
    assert_eq!(ada.ask("comment.add", secret(json!([]))).await.unwrap()["mentions"], json!([]));
    assert_eq!(told(&ben).await.len(), 1);
    let seers = ada.ask("mentionable_users.list", json!({ "taskId": "SEC-1" })).await.unwrap();
    assert!(!names(&seers["items"]).contains(&"Ben"));
    let seers = ben.ask("mentionable_users.list", json!({ "projectId": "WEB", "search": "VER" })).await.unwrap();
    assert_eq!(names(&seers["items"]), ["Vera"]);
    assert_eq!(ben.refused("mentionable_users.list", json!({})).await.status(), 422);

    // What Ben no longer sees is no longer told.
    ada.ask("project.update", json!({ "projectId": "WEB", "visibility": "MEMBERS" })).await.unwrap();
    assert_eq!(told(&ben).await, [""; 0]);
}

#[tokio::test]
async fn reading_keeps_a_notification_and_preferences_keep_it_away() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    web(&ada).await;
    let mention = async || ada.ask("comment.add", json!({ "taskId": "WEB-1", "body": "@ben" })).await.unwrap();
    for _ in 0..3 {
        mention().await;
    }
    let newest = ben.ask("notification.list", json!({ "limit": 1 })).await.unwrap()["items"][0].clone();
    let read = json!({ "notificationId": newest["id"] });
    assert_eq!(eve.refused("notification.read", read.clone()).await.status(), 404);
    let once = ben.ask("notification.read", read.clone()).await.unwrap();
    assert!(once["readAt"].is_string());
    assert_eq!(ben.ask("notification.read", read).await.unwrap(), once);
    assert_eq!(told(&ben).await.len(), 2);
    assert_eq!(ben.ask("notification.read_all", json!({})).await.unwrap()["marked"], 2);
    let all = ben.ask("notification.list", json!({})).await.unwrap();
    assert_eq!((all["items"].as_array().unwrap().len(), &all["unreadCount"]), (3, &json!(0)));

    let choices = json!({ "items": [{ "type": "comment.mentioned", "inApp": false }] });
    let chosen = ben.ask("notification.preferences.update", choices).await.unwrap();
    let mentioned = json!({ "type": "comment.mentioned", "inApp": false, "email": true });
    assert_eq!(chosen["items"][1], mentioned);
    mention().await;
    assert_eq!(told(&ben).await, [""; 0]);
    let choices = json!({ "preferences": [{ "eventType": "COMMENT_MENTIONED", "inAppEnabled": true }] });
    ben.ask("notification.preferences.update", choices).await.unwrap();
    assert_eq!(ben.ask("notification.preferences.get", json!({})).await.unwrap()["items"][1]["inApp"], true);
    mention().await;
    assert_eq!(told(&ben).await.len(), 1);
    let unknown = json!({ "items": [{ "type": "deal.won", "inApp": true }] });
    assert_eq!(ben.refused("notification.preferences.update", unknown).await.status(), 422);
}

#[tokio::test]
async fn a_follow_up_that_comes_due_is_told_once_for_each_time() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let hours_ago = |hours: i64| Moment::now().plus_seconds(-hours * 3_600).to_string();
    let plan = async |title: &str, due: String| {
        ada.ask("crm.follow_up.add", json!({ "title": title, "dueAt": due, "ownerId": "Ben" })).await.unwrap()
    };
    let call = plan("Call Mara", hours_ago(1)).await;
    plan("Long ago", hours_ago(24 * 8)).await;
    plan("Still to come", hours_ago(-1)).await;
    let tell = async || world.app.run(console(), TellDue {}).await.unwrap();
    tell().await;
    tell().await;
    assert_eq!(told(&ben).await, ["Follow-up due: Call Mara"]);
    let list = ben.ask("notification.list", json!({})).await.unwrap();
    let link = format!("/crm/follow-ups#{}", call["id"].as_str().unwrap());
    assert_eq!((&list["items"][0]["link"], &list["items"][0]["actor"]), (&json!(link), &Value::Null));

    // Put off and due again, it is told again; once done, no more.
    ada.ask("crm.follow_up.update", json!({ "followUpId": call["id"], "dueAt": hours_ago(0) })).await.unwrap();
    tell().await;
    assert_eq!(told(&ben).await.len(), 2);
    let unchanged = ada.ask("crm.follow_up.update", json!({ "followUpId": call["id"], "ifVersion": 2 })).await;
    assert!(unchanged.is_ok(), "being told of is no change of the record");
    ada.ask("crm.follow_up.update", json!({ "followUpId": call["id"], "dueAt": hours_ago(2), "status": "DONE" }))
        .await
        .unwrap();
    tell().await;
    assert_eq!(told(&ben).await.len(), 2);
}
