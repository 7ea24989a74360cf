//! Where cards stand, and what a board shows.

use sally::core::operation::Operation;
use sally::features::tasks::board::GetBoard;
use serde_json::{Value, json};

use crate::support::{Person, World};
use crate::{keys, next, project, task};

const COLUMNS: [&str; 3] = ["Backlog", "In Progress", "Review"];

/// The board as task.list shows it.
async fn columns(person: &Person) -> [Vec<String>; 3] {
    let column = async |status| {
        keys(person, json!({ "projectId": "WEB", "status": status, "sort": "position", "limit": 200 })).await
    };
    [column(COLUMNS[0]).await, column(COLUMNS[1]).await, column(COLUMNS[2]).await]
}

#[tokio::test]
async fn cards_stand_where_they_were_put_whatever_came_before() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut model: [Vec<String>; 3] = Default::default();
    for n in 0..12 {
        model[0].push(task(&ben, &format!("Card {n}")).await);
    }
    let mut seed = 42;
    for step in 0..300 {
        let key = format!("WEB-{}", next(&mut seed) % 12 + 1);
        // Half of the moves go to one place between two cards, until there is no room.
        let target = if step % 2 == 0 { 0 } else { next(&mut seed) % 3 };
        let from = model.iter().position(|column| column.contains(&key)).unwrap();
        let mut input = json!({ "taskId": key, "targetStatusId": COLUMNS[target] });
        let others: Vec<String> = model[target].iter().filter(|other| **other != key).cloned().collect();
        model[from].retain(|other| *other != key);
        let place = if others.is_empty() {
            0
        } else if step % 2 == 0 {
            1.min(others.len())
        } else {
            next(&mut seed) % (others.len() + 1)
        };
        match (next(&mut seed) % 3, place) {
            (0, place) if place < others.len() => input["beforeId"] = json!(others[place]),
            (1, place) if place > 0 => input["afterId"] = json!(others[place - 1]),
            (_, place) => {
                let mut order = others.clone();
                order.insert(place, key.clone());
                input["orderedTaskIds"] = json!(order);
            }
        }
        model[target].insert(place, key);
        ben.ask("task.reorder", input.clone()).await.unwrap_or_else(|error| panic!("step {step} {input}: {error}"));
        assert_eq!(columns(&ben).await, model, "step {step} {input}");
    }
    let ends = ben.ask("task.reorder", json!({ "taskId": model[0][0] })).await.unwrap();
    assert_eq!(columns(&ben).await[0].last().unwrap(), ends["key"].as_str().unwrap());
}

#[tokio::test]
async fn there_is_always_room_between_two_cards() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut order = Vec::new();
    for n in 0..4 {
        order.push(task(&ben, &format!("Card {n}")).await);
    }
    for _ in 0..60 {
        let last = order.pop().unwrap();
        ben.ask("task.reorder", json!({ "taskId": last, "afterId": order[0] })).await.unwrap();
        order.insert(1, last);
        assert_eq!(columns(&ben).await[0], order);
    }
}

#[tokio::test]
async fn sixteen_people_moving_the_same_cards_lose_and_double_none() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut cards = Vec::new();
    for n in 0..8 {
        cards.push(task(&ben, &format!("Card {n}")).await);
    }
    let movers = (0..16_u64).map(|mover| {
        let (ben, cards) = (ben.clone(), cards.clone());
        tokio::spawn(async move {
            let mut seed = 1_000 + mover;
            for _ in 0..25 {
                let (card, other) = (&cards[next(&mut seed) % 8], &cards[next(&mut seed) % 8]);
                let mut input = json!({ "taskId": card, "targetStatusId": COLUMNS[next(&mut seed) % 3] });
                match next(&mut seed) % 3 {
                    0 => input["beforeId"] = json!(other),
                    1 => input["afterId"] = json!(other),
                    _ => {}
                }
                if let Err(error) = ben.ask("task.reorder", input).await {
                    assert_eq!(error.status(), 422, "only that the other has gone elsewhere: {error}");
                }
            }
        })
    });
    for mover in movers.collect::<Vec<_>>() {
        mover.await.unwrap();
    }
    let mut all: Vec<String> = columns(&ben).await.concat();
    all.sort();
    cards.sort();
    assert_eq!(all, cards);
    // The unique index holds the rest; this is what it says.
    let places: i64 = world
        .app
        .store()
        .read(|reading| {
            sally::core::store::one(
                reading.conn(),
                "select count(distinct status_id || ' ' || position) from task",
                [],
                |row| row.take(),
            )
        })
        .unwrap();
    assert_eq!(places, 8);
}

#[tokio::test]
async fn an_order_that_does_not_name_exactly_the_column_is_refused() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let (one, two) = (task(&ben, "One").await, task(&ben, "Two").await);
    let away = task(&ben, "Elsewhere").await;
    ben.ask("task.move", json!({ "taskId": away, "targetStatus": "review" })).await.unwrap();
    for (order, word) in [
        (json!([one]), "misses"),
        (json!([one, two, away]), "does not belong here"),
        (json!([one, two, one]), "named twice"),
        (json!([one, "WEB-99"]), "does not belong here"),
    ] {
        let error = ben.refused("project.tasks.reorder", json!({ "projectId": "WEB", "orderedTaskIds": order })).await;
        assert_eq!(error.status(), 422, "{order}");
        assert!(error.to_string().contains(word), "{order}: {error}");
    }
    ben.ask("project.tasks.reorder", json!({ "projectId": "WEB", "orderedTaskIds": [two, one] })).await.unwrap();
    assert_eq!(columns(&ben).await[0], [two.as_str(), one.as_str()]);
    for (input, status) in [
        (json!({ "taskId": one, "beforeId": away }), 422),
        (json!({ "taskId": one, "beforeId": one }), 422),
        (json!({ "taskId": one, "beforeId": two, "afterId": two }), 422),
        (json!({ "taskId": one, "targetStatusId": "stat_0000000000001" }), 404),
        (json!({}), 422),
    ] {
        assert_eq!(ben.refused("task.reorder", input.clone()).await.status(), status, "{input}");
    }
}

#[tokio::test]
async fn a_board_shows_each_column_from_top_to_bottom() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    project(&ben).await;
    for (title, more) in [
        ("One", json!({ "description": "Long", "labels": ["red"], "ownerId": "ben@example.com" })),
        ("Two", json!({ "labels": ["red", "blue"] })),
        ("Three", json!({ "status": "review", "priority": "P1" })),
    ] {
        let mut input = json!({ "projectId": "WEB", "title": title });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.ask("task.create", input).await.unwrap();
    }
    let board = vera.ask("board.get", json!({ "projectId": "web" })).await.unwrap();
    assert_eq!(board["project"]["key"], "WEB");
    let shown = |board: &Value| -> Vec<(String, i64, Vec<String>)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let column = |column: &Value| {
            let cards = column["cards"].as_array().unwrap().iter().map(|card| text(&card["key"])).collect();
            (text(&column["name"]), column["count"].as_i64().unwrap(), cards)
        };
        board["columns"].as_array().unwrap().iter().map(column).filter(|(_, count, _)| *count > 0).collect()
    };
    let column = |name: &str, count: i64, cards: &[&str]| {
        (name.to_owned(), count, cards.iter().map(|card| (*card).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(board["columns"].as_array().unwrap().len(), 5);
    assert_eq!(shown(&board), [column("Backlog", 2, &["WEB-1", "WEB-2"]), column("Review", 1, &["WEB-3"])]);
    let card = &board["columns"][0]["cards"][0];
    assert_eq!(
        (card.get("description"), &card["labels"], &card["owner"]["name"]),
        (None, &json!(["red"]), &json!("Ben"))
    );
    for (filter, expected) in [
        (json!({ "limit": 1 }), vec![column("Backlog", 2, &["WEB-1"]), column("Review", 1, &["WEB-3"])]),
        (json!({ "label": ["red"], "limit": 1 }), vec![column("Backlog", 2, &["WEB-1"])]),
        (json!({ "label": ["red", "blue"] }), vec![column("Backlog", 1, &["WEB-2"])]),
        (json!({ "assignee": "ben" }), vec![column("Backlog", 1, &["WEB-1"])]),
        (json!({ "assignee": "none", "priority": "high" }), vec![column("Review", 1, &["WEB-3"])]),
        (json!({ "search": "long" }), vec![column("Backlog", 1, &["WEB-1"])]),
    ] {
        let mut input = filter.clone();
        input["projectId"] = json!("WEB");
        assert_eq!(shown(&vera.ask("board.get", input).await.unwrap()), expected, "{filter}");
    }
    let eve = world.person("eve").await;
    assert_eq!(eve.refused("board.get", json!({ "projectId": "WEB" })).await.status(), 404);
}

#[tokio::test]
async fn a_board_is_put_together_by_owner_label_or_priority() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ben).await;
    for (title, more) in [
        ("One", json!({ "labels": ["red", "blue"], "ownerId": "ben@example.com", "priority": "P1" })),
        ("Two", json!({ "labels": ["red"], "dueDate": "2020-01-01" })),
        ("Three", json!({ "ownerId": "ben@example.com", "status": "review" })),
        ("Four", json!({ "ownerId": "ben@example.com", "status": "done" })),
        ("Five", json!({ "priority": "P3" })),
    ] {
        let mut input = json!({ "projectId": "WEB", "title": title });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.ask("task.create", input).await.unwrap();
    }
    ada.ask("task.archive", json!({ "taskId": "WEB-5" })).await.unwrap();
    let shown = async |more: Value| {
        let mut input = more.clone();
        input["projectId"] = json!("WEB");
        let board = ben.ask("board.get", input).await.unwrap();
        let columns = board["columns"].as_array().unwrap().iter().filter(|column| column["count"] != 0);
        let text = |column: &Value| {
            let cards = column["cards"].as_array().unwrap().iter().map(|card| card["key"].as_str().unwrap());
            let cards = cards.collect::<Vec<_>>().join(" ");
            format!("{} {}: {cards}", column["name"].as_str().unwrap(), column["count"])
        };
        columns.map(text).collect::<Vec<_>>()
    };
    // What is done is left out, unless it is asked for.
    assert_eq!(shown(json!({ "groupBy": "owner" })).await, ["Nobody 1: WEB-2", "Ben 2: WEB-1 WEB-3"]);
    assert_eq!(
        shown(json!({ "groupBy": "ASSIGNEE", "status": "ALL", "limit": 1 })).await,
        ["Nobody 1: WEB-2", "Ben 3: WEB-1"]
    );
    assert_eq!(
        shown(json!({ "groupBy": "label" })).await,
        ["No label 1: WEB-3", "blue 1: WEB-1", "red 2: WEB-1 WEB-2"]
    );
    assert_eq!(shown(json!({ "groupBy": "priority" })).await, ["P1 1: WEB-1", "P2 2: WEB-2 WEB-3"]);
    assert_eq!(
        shown(json!({ "groupBy": "priority", "archived": true })).await,
        ["P1 1: WEB-1", "P2 2: WEB-2 WEB-3", "P3 1: WEB-5"]
    );
    assert_eq!(
        shown(json!({ "groupBy": "label", "assignee": "ben" })).await,
        ["No label 1: WEB-3", "blue 1: WEB-1", "red 1: WEB-1"]
    );
    assert_eq!(shown(json!({ "groupBy": "label", "label": ["red"], "due": "overdue" })).await, ["red 1: WEB-2"]);
    // A status narrows the columns, too.
    assert_eq!(shown(json!({ "status": "review" })).await, ["Review 1: WEB-3"]);
    assert_eq!(shown(json!({ "status": "OPEN", "due": "none" })).await, ["Backlog 1: WEB-1", "Review 1: WEB-3"]);
    let board = ben.ask("board.get", json!({ "projectId": "WEB", "groupBy": "priority" })).await.unwrap();
    assert_eq!(
        board["columns"][2],
        json!({ "id": "P3", "name": "P3", "type": null, "color": null, "count": 0, "cards": [] })
    );
    let wrong = ben.refused("board.get", json!({ "projectId": "WEB", "groupBy": "mood" })).await;
    assert_eq!(wrong.status(), 422);
}

#[tokio::test]
async fn by_all_else_than_status_cards_stand_as_their_statuses_do() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    for (title, status) in [("One", "review"), ("Two", "backlog"), ("Three", "in progress"), ("Four", "backlog")] {
        ben.ask("task.create", json!({ "projectId": "WEB", "title": title, "status": status })).await.unwrap();
    }
    ben.ask("task.reorder", json!({ "taskId": "WEB-4", "targetStatusId": "backlog", "beforeId": "WEB-2" }))
        .await
        .unwrap();
    for (grouping, limit, expected) in [
        ("priority", 50, vec!["WEB-4", "WEB-2", "WEB-3", "WEB-1"]),
        ("owner", 3, vec!["WEB-4", "WEB-2", "WEB-3"]),
        ("label", 1, vec!["WEB-4"]),
    ] {
        let input = json!({ "projectId": "WEB", "groupBy": grouping, "limit": limit });
        let board = ben.ask("board.get", input).await.unwrap();
        let column = board["columns"].as_array().unwrap().iter().find(|column| column["count"] == 4).unwrap();
        let cards: Vec<&str> =
            column["cards"].as_array().unwrap().iter().map(|card| card["key"].as_str().unwrap()).collect();
        assert_eq!(cards, expected, "{grouping}");
    }
}

/// They run beside the quick reads, with a deadline.
#[test]
fn a_board_that_walks_through_the_project_is_slow() {
    let is_slow = |input: Value| serde_json::from_value::<GetBoard>(input).unwrap().is_slow();
    assert!(!is_slow(json!({ "projectId": "WEB" })) && !is_slow(json!({ "projectId": "WEB", "groupBy": "status" })));
    for narrowed in [json!({ "groupBy": "label" }), json!({ "assignee": "me" }), json!({ "archived": true })] {
        let mut input = narrowed;
        input["projectId"] = json!("WEB");
        assert!(is_slow(input.clone()), "{input}");
    }
}
