//! Tables that come in through the browser: step by step, cut off, stopped, sent twice, and as nobody should send them.

use std::time::Duration;

use sally::core::error::Result;
use sally::core::store::{one, run};
use sally::features::transfer::imports::{
    DiscardImport, GetImport, Import, ListImports, RunImport, State, StopImport, UploadTable,
};
use sally::features::transfer::running::Imports;
use sally::features::transfer::sheet::{OnDuplicate, Records};
use serde_json::json;

use super::support::server::{Answer, Server};
use super::support::{Person, World, line, put};
use super::{Browser, Shown};

/// Somebody with tables to send.
struct Desk {
    world: World,
    server: Server,
    browser: Browser,
    cookie: String,
}

impl Desk {
    async fn of(name: &str) -> Desk {
        let world = World::new().await;
        let ada = world.person("ada").await;
        ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
        let server = Server::start(&world.app);
        let token = world.person(name).await.token;
        let browser = Browser::new(&server.base);
        browser.cookies.borrow_mut().insert("sally_session".into(), token.clone());
        Desk { world, server, browser, cookie: format!("sally_session={token}") }
    }

    /// Sends a form with a file, as browsers do.
    fn send(&self, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        let head = "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"table.csv\"\r\nContent-Type: text/csv\r\n\r\n";
        body.extend(head.bytes().chain(file.iter().copied()).chain(*b"\r\n--xx--\r\n"));
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Content-Type", "multipart/form-data; boundary=xx"),
            ("Accept", "text/html"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.server.send("POST", "/imports", &headers, body)
    }

    /// The address of the import that it became.
    fn sent(&self, records: &str, file: impl AsRef<[u8]>) -> String {
        let answer = self.send(&[("records", records)], file.as_ref());
        let to = answer.header("location").unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
        to.strip_suffix("/columns").expect("the next step").to_owned()
    }

    /// Answers the page of columns as it is shown, but for these.
    fn check(&self, import: &str, changed: &[(&str, &str)]) -> Shown {
        let shown = self.browser.get(&format!("{import}/columns"));
        let mut fields = chosen(&shown);
        for (name, value) in changed {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.browser.post(&format!("{import}/columns"), &fields)
    }

    /// The page once nothing is under way any more.
    async fn settled(&self, import: &str) -> Shown {
        for _ in 0..600 {
            let shown = self.browser.get(import);
            if !shown.has("<progress") || shown.has(">Stopped<") {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{import} is still under way");
    }

    async fn imported(&self, records: &str, file: &str, changed: &[(&str, &str)]) -> (String, Shown) {
        let import = self.sent(records, file);
        assert_eq!(self.check(&import, changed).status, 303);
        self.settled(&import).await;
        assert_eq!(self.browser.post(&format!("{import}/run"), &[]).status, 303);
        let shown = self.settled(&import).await;
        (import, shown)
    }
}

/// What the form of columns says: each select with what is selected in it, and what becomes of duplicates.
fn chosen(shown: &Shown) -> Vec<(String, String)> {
    let selects = shown.body.split("<select class=\"select\" id=\"column.").skip(1).enumerate();
    let value = |select: &str| {
        let options = select.split("</select>").next().unwrap();
        let before = options.split("\" selected").next().filter(|before| before.len() < options.len());
        before.map_or("", |before| before.rsplit("value=\"").next().unwrap()).to_owned()
    };
    let mut fields: Vec<_> = selects.map(|(at, select)| (format!("column.{at}"), value(select))).collect();
    fields.push(("onDuplicate".to_owned(), "SKIP".to_owned()));
    fields
}

/// New, changed, here already, failed.
fn figures(shown: &Shown) -> Vec<u32> {
    let list = shown.body.split("<dl class=\"figures\">").nth(1).unwrap_or_else(|| panic!("{}", shown.body));
    let list = list.split("</dl>").next().unwrap();
    list.split("<dd class=\"num\">").skip(1).map(|dd| dd.split('<').next().unwrap().parse().unwrap()).collect()
}

const PEOPLE: &str = "Vorname;Nachname;E-Mail;Firma;Schuhgröße\nPaula;Example;paula@acme.example;;38\nUwe;;uwe(at)nowhere;;\nIda;Ohne;ida@acme.example;Nobody Ltd;\nPaula;Twice;Paula@Acme.example;;\n";

#[tokio::test]
async fn people_come_in_step_by_step_and_what_failed_is_mended() {
    let desk = Desk::of("ben").await;
    let ben = desk.world.person("ben").await;
    let people = async || ben.ask("crm.person.list", json!({ "sort": "name" })).await.unwrap()["items"].clone();
    assert!(desk.browser.get("/crm/people").has("href=\"/imports?records=PEOPLE\""));
    let start = desk.browser.get("/imports?records=PEOPLE");
    assert_eq!((start.status, start.heading()), (200, "Import"));
    assert!(start.has("value=\"PEOPLE\" checked"), "{}", start.body);

    let import = desk.sent("PEOPLE", PEOPLE);
    assert_eq!(desk.browser.get(&import).location, format!("{import}/columns"), "first the columns");
    let shown = desk.browser.get(&format!("{import}/columns"));
    assert_eq!(shown.heading(), "table.csv");
    let fields: Vec<String> = chosen(&shown).into_iter().map(|(_, value)| value).collect();
    assert_eq!(fields, ["(first name)", "(last name)", "email", "organizationId", "", "SKIP"]);
    assert!(shown.has(">Schuhgröße<") && shown.has("uwe(at)nowhere") && shown.has(">4 people. "), "{}", shown.body);

    let checked = desk.check(&import, &[]);
    assert_eq!((checked.status, checked.location.as_str()), (303, import.as_str()));
    let shown = desk.settled(&import).await;
    assert!(shown.has(">Checked<") && shown.has("Nothing is written yet"), "{}", shown.body);
    assert_eq!(figures(&shown), [1, 0, 1, 2]);
    assert!(shown.has("not an e-mail address") && shown.has("Nobody Ltd") && shown.has("Import 1 person"));
    assert_eq!(people().await, json!([]), "a rehearsal writes nothing");
    assert!(desk.browser.get(&format!("{import}?show=SKIPPED")).has("Paula Twice"));

    let run = format!("{import}/run");
    assert_eq!(desk.browser.post(&run, &[]).location, import);
    let shown = desk.settled(&import).await;
    assert!(shown.has(">Imported<"), "{}", shown.body);
    assert_eq!(figures(&shown), [1, 0, 1, 2]);
    let first = people().await[0].clone();
    assert_eq!((&first["name"], &first["email"]), (&json!("Paula Example"), &json!("paula@acme.example")));
    let link = format!("href=\"/crm/people/{}\"", first["id"].as_str().unwrap());
    assert!(desk.browser.get(&format!("{import}?show=MADE")).has(&link));
    assert!(desk.browser.get(&format!("{import}?show=SKIPPED")).has(&link), "whom the line met");

    // Sent once more, by a finger that was too quick or somebody who came back.
    desk.browser.post(&run, &[]);
    assert_eq!(figures(&desk.settled(&import).await), [1, 0, 1, 2]);
    let refused = desk.check(&import, &[]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(desk.browser.get(&format!("{import}/columns")).location, import);

    let failed = desk.browser.get(&format!("{import}/failed"));
    let lines: Vec<&str> = failed.body.trim_start_matches('\u{feff}').split("\r\n").collect();
    assert_eq!(lines[0], "Problem;Vorname;Nachname;E-Mail;Firma;Schuhgröße");
    assert!(lines[1].ends_with("\";Uwe;;uwe(at)nowhere;;"), "{}", lines[1]);
    let mended = failed.body.replace("(at)nowhere", "@acme.example").replace("Nobody Ltd", "");
    let (_, shown) = desk.imported("PEOPLE", &mended, &[]).await;
    assert_eq!(figures(&shown), [2, 0, 0, 0]);
    assert_eq!(people().await.as_array().unwrap().len(), 3);
    let (_, shown) = desk.imported("PEOPLE", PEOPLE, &[("column.4", "notes"), ("onDuplicate", "UPDATE")]).await;
    assert_eq!(figures(&shown), [0, 2, 0, 2]);
    assert_eq!(people().await[1]["notes"], "38", "{}", people().await);

    // Every line is somebody's act, and tells of which import it was.
    let id = import.rsplit('/').next().unwrap().to_owned();
    let acts = desk.world.app.store().read(|reading| {
        const ACTS: &str =
            "select count(*), min(operation), min(account_id) is not null from change_set where request_id = ?1";
        one(reading.conn(), ACTS, [id], |row| Ok((row.take::<i64>()?, row.take::<String>()?, row.take::<bool>()?)))
    });
    assert_eq!(acts.unwrap(), (1, "crm.person.create".to_owned(), true));
    let left = desk.browser.get("/imports");
    assert_eq!(left.body.matches("href=\"/imports/imp_").count(), 3, "{}", left.body);
    assert_eq!(desk.browser.post(&format!("{import}/discard"), &[]).location, "/imports");
    assert_eq!(desk.browser.get(&import).status, 404);
}

#[tokio::test]
async fn tasks_of_a_project_organizations_and_deals_come_in() {
    let desk = Desk::of("ben").await;
    let ben = desk.world.person("ben").await;
    let project = ben.ask("project.get", json!({ "projectId": "WEB" })).await.unwrap()["id"].clone();
    let start = desk.browser.get("/imports?records=TASKS&project=WEB");
    assert!(start.has(&format!("value={project} selected")), "{}", start.body);
    let table = "Summary,Status,Due Date\nSketch,In Progress,2027-03-01\nBuild,,\nPaint,Nowhere,\n";
    let sent = desk.send(&[("records", "TASKS"), ("projectId", project.as_str().unwrap())], table.as_bytes());
    let import = sent.header("location").unwrap().trim_end_matches("/columns").to_owned();
    desk.check(&import, &[]);
    assert_eq!(figures(&desk.settled(&import).await), [2, 0, 0, 1]);
    desk.browser.post(&format!("{import}/run"), &[]);
    let shown = desk.settled(&import).await;
    assert_eq!(figures(&shown), [2, 0, 0, 1]);
    assert!(shown.has(&format!("href=\"/projects/{}\"", project.as_str().unwrap())));
    let task = ben.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap();
    assert_eq!((&task["title"], &task["statusType"]), (&json!("Sketch"), &json!("IN_PROGRESS")));

    let (_, shown) = desk.imported("ORGANIZATIONS", "Firma\tWeb\nNordlicht\tnordlicht.example\n", &[]).await;
    assert_eq!(figures(&shown), [1, 0, 0, 0]);
    let deals = "Deal Name,Amount,Currency,Company\nRelaunch,12500.5,EUR,Nordlicht\nRelaunch,1,EUR,\n";
    let (_, shown) = desk.imported("DEALS", deals, &[("onDuplicate", "FAIL")]).await;
    assert_eq!(figures(&shown), [1, 0, 0, 1]);
    assert!(shown.has(">It is here already<"), "{}", shown.body);
}

#[tokio::test]
async fn what_is_no_table_comes_back_with_the_reason() {
    let desk = Desk::of("ben").await;
    let people = &[("records", "PEOPLE")][..];
    let wide = vec!["x"; 201].join(",") + "\n1\n";
    let long = "name\n".to_owned() + &"a\n".repeat(100_001);
    for (fields, file, why) in [
        (people, &b""[..], "cannot be read: the table is empty"),
        (people, b"\n\n", "cannot be read: the table is empty"),
        (people, b"name,email\n", "The table has no lines below the names of its columns"),
        (people, b"name\nM\xfcller\n", "line 2: the text is not UTF-8; save the table as"),
        (people, b"\xff\xfen\0a\0\x00\xd8", "the text is not UTF-16"),
        (people, b"name,notes\nA,\"x\nB,y\n", "line 2: a quotation mark is opened and never closed"),
        (people, wide.as_bytes(), "has 201 columns, and 200 are taken"),
        (people, long.as_bytes(), "has 100001 lines, and 100000 are taken at a time"),
        (&[], b"name\nA\n", "Say what the lines are"),
        (&[("records", "HORSES")], b"name\nA\n", "Say what the lines are"),
        (&[("records", "TASKS")], b"title\nA\n", "Project is required"),
    ] {
        let answer = desk.send(fields, file);
        assert_eq!(answer.status, 422, "{why}: {}", answer.body);
        assert!(answer.body.contains(why), "{why}: {}", answer.body);
    }
    let large = desk.send(people, &vec![b'a'; 26 << 20]);
    assert!(
        large.status == 422 && large.body.contains("The table is larger than 25 MiB"),
        "{}: {}",
        large.status,
        large.body
    );
    // More than is even read.
    let headers = [
        ("Cookie", desk.cookie.as_str()),
        ("Content-Type", "multipart/form-data; boundary=xx"),
        ("Content-Length", "104857600"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    let mut socket = std::net::TcpStream::connect(desk.server.address).unwrap();
    let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let host = desk.server.address;
    std::io::Write::write_all(&mut socket, format!("POST /imports HTTP/1.1\r\nHost: {host}\r\n{head}\r\n").as_bytes())
        .unwrap();
    let mut told = [0; 12];
    std::io::Read::read_exact(&mut socket, &mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 422");
    let ada = desk.world.person("ada").await;
    assert_eq!(ada.ask("crm.person.list", json!({})).await.unwrap()["items"], json!([]));
    assert!(!desk.browser.get("/imports").has("href=\"/imports/imp_"), "nothing is kept of them");
}

#[tokio::test]
async fn tables_of_other_programs_come_in_and_what_failed_fits_when_it_comes_back() {
    let desk = Desk::of("ben").await;
    let (_, shown) = desk.imported("PEOPLE", "name\rA\rB\r", &[]).await;
    assert_eq!(figures(&shown), [2, 0, 0, 0]);

    // Empty lines before the first, and a last column without a name.
    let (import, shown) =
        desk.imported("PEOPLE", ",,\n\nName,E-Mail,\nEva,eva(at)nowhere,\nUwe,uwe@x.example,\n", &[]).await;
    assert_eq!(figures(&shown), [1, 0, 0, 1]);
    let failed = desk.browser.get(&format!("{import}/failed")).body;
    assert!(failed.starts_with("\u{feff}Problem,Name,E-Mail,\r\n\"E-mail: "), "{failed}");
    let (_, shown) = desk.imported("PEOPLE", &failed.replace("eva(at)nowhere", "eva@x.example"), &[]).await;
    assert_eq!(figures(&shown), [1, 0, 0, 0]);

    let import = desk.sent("PEOPLE", "E-Mail,City\na@x.example,Kiel\n");
    let shown = desk.check(&import, &[]);
    assert!(shown.status == 422 && shown.has("No column goes to Name, which every person has"), "{}", shown.body);
    let import = desk.sent("PEOPLE", "Name,E-Mail\nEva again,eva@x.example\n");
    assert_eq!(desk.check(&import, &[]).status, 303);
    let shown = desk.settled(&import).await;
    assert!(shown.has("No line would make or change anything") && !shown.has("/run\""), "{}", shown.body);

    // As it is when a rehearsal was stopped.
    put(&desk.world.app, "update import set state = 'READY', problem = 'You stopped it.', made = 3").await;
    let shown = desk.browser.get(&import);
    assert!(shown.status == 200 && shown.has("You stopped it.") && shown.has("/columns\""), "{}", shown.body);
    assert!(!shown.has("/run\""), "what was not checked to its end is not imported: {}", shown.body);
}

#[tokio::test]
async fn two_columns_do_not_go_to_one_place() {
    let desk = Desk::of("ben").await;
    let import = desk.sent("PEOPLE", "Name,Mail,Mail,\nA,a@acme.example,b@acme.example,x\n");
    let shown = desk.browser.get(&format!("{import}/columns"));
    let goes: Vec<String> = chosen(&shown).into_iter().map(|(_, value)| value).collect();
    assert_eq!(goes, ["name", "email", "", "", "SKIP"], "the first of two that are called the same");
    assert!(shown.has(">Column 4<"), "{}", shown.body);
    let refused = desk.check(&import, &[("column.2", "email")]);
    assert_eq!(refused.status, 422);
    assert!(refused.has("would go where “Mail” goes already"), "{}", refused.body);
    assert_eq!(chosen(&refused)[2].1, "email", "as it was chosen");
    let nonsense = [("column.0", "nonsense"), ("column.1", "name")];
    let refused = desk.browser.post(&format!("{import}/columns"), &nonsense);
    assert_eq!(refused.status, 303);
    assert_eq!(figures(&desk.settled(&import).await), [0, 0, 0, 1]);
}

#[tokio::test]
async fn script_in_every_cell_is_text() {
    let desk = Desk::of("ben").await;
    let script = "<script>alert(1)</script>";
    let quoted = format!("\"{script}\"\" onmouseover=\"\"alert(2)\"");
    let table = format!("{quoted},{quoted},Name\n{quoted},{quoted},{quoted}\n,,{}\n", "x".repeat(5_000));
    let import = desk.sent("ORGANIZATIONS", &table);
    let mut pages = vec![desk.browser.get(&format!("{import}/columns"))];
    pages.push(desk.check(&import, &[("column.0", "website"), ("column.1", "website")]));
    desk.check(&import, &[("column.0", "website"), ("column.1", "notes")]);
    pages.push(desk.settled(&import).await);
    desk.check(&import, &[("column.0", ""), ("column.1", "notes")]);
    desk.settled(&import).await;
    desk.browser.post(&format!("{import}/run"), &[]);
    pages.push(desk.settled(&import).await);
    pages.push(desk.browser.get(&format!("{import}?show=MADE")));
    pages.push(desk.browser.get("/imports"));
    for (at, page) in pages.iter().enumerate() {
        assert!(!page.has("<script>alert") && !page.has("\" onmouseover=\"alert"), "{at}: {}", page.body);
        assert!(matches!(at, 3 | 5) || page.has("&#60;script&#62;"), "{at}: {}", page.body);
    }
}

#[tokio::test]
async fn a_table_is_nobodys_but_theirs_who_sent_it() {
    let desk = Desk::of("ben").await;
    let import = desk.sent("PEOPLE", PEOPLE);
    desk.check(&import, &[]);
    desk.settled(&import).await;
    for name in ["ada", "vera", "eve", "sam"] {
        let other = Browser::new(&desk.server.base);
        let token = desk.world.person(name).await.token;
        other.cookies.borrow_mut().insert("sally_session".into(), token);
        if name == "sam" {
            other.cookies.borrow_mut().insert("sally_workspace".into(), "acme".into());
        }
        for path in ["", "/columns", "/failed", "?show=FAILED"] {
            let shown = other.get(&format!("{import}{path}"));
            assert_eq!((shown.status, shown.has("Paula")), (404, false), "{name} {path}");
        }
        for path in ["/columns", "/run", "/stop", "/discard"] {
            let fields = [("column.0", "name"), ("column.1", ""), ("column.2", ""), ("column.3", ""), ("column.4", "")];
            assert_eq!(other.post(&format!("{import}{path}"), &fields).status, 404, "{name} {path}");
        }
        assert!(!other.get("/imports").has("table.csv"), "{name}");
    }
    assert_eq!(figures(&desk.settled(&import).await), [1, 0, 1, 2], "it is as it was");
    let cross = desk.browser.post_with(&format!("{import}/run"), &[], &[("sec-fetch-site", "cross-site")]);
    assert_eq!(cross.status, 403);
}

#[tokio::test]
async fn who_may_only_look_sends_nothing_but_tasks_of_a_project_of_theirs() {
    let desk = Desk::of("vera").await;
    assert_eq!(desk.browser.get("/imports").status, 403);
    assert_eq!(desk.send(&[("records", "PEOPLE")], b"name\nA\n").status, 403);
    assert_eq!(desk.send(&[("records", "TASKS"), ("projectId", "WEB")], b"title\nA\n").status, 403);
    let ada = desk.world.person("ada").await;
    let member = json!({ "projectId": "WEB", "accountId": "vera@example.com", "role": "MEMBER" });
    ada.ask("project.member.add", member).await.unwrap();
    let start = desk.browser.get("/imports");
    assert!(start.status == 200 && !start.has("value=\"PEOPLE\"") && start.has("value=\"TASKS\""), "{}", start.body);
    let sent = desk.send(&[("records", "TASKS"), ("projectId", "WEB")], b"title\nA\n");
    let import = sent.header("location").unwrap().trim_end_matches("/columns").to_owned();
    desk.check(&import, &[]);
    desk.settled(&import).await;
    desk.browser.post(&format!("{import}/run"), &[]);
    assert_eq!(figures(&desk.settled(&import).await), [1, 0, 0, 0]);
}

/// `count` people, as a table.
fn many(count: usize) -> Vec<u8> {
    let lines: String = (0..count).map(|number| format!("Person {number},p{number}@acme.example\n")).collect();
    format!("name,email\n{lines}").into_bytes()
}

async fn sent(person: &Person, table: Vec<u8>) -> String {
    let sent = person.run(UploadTable::new(Records::People, None, Some(line("table.csv")), table)).await.unwrap();
    sent.id.to_string()
}

async fn began(person: &Person, import_id: &str, rehearsal: bool) -> Result<Import> {
    let on_duplicate = rehearsal.then_some(OnDuplicate::Skip);
    person.run(RunImport { import_id: import_id.to_owned(), rehearsal, columns: None, on_duplicate }).await
}

async fn found(person: &Person, import_id: &str) -> Import {
    person.run(GetImport { import_id: import_id.to_owned() }).await.unwrap()
}

/// The same person after a restart of the server.
fn restarted(world: World, person: Person) -> (World, Person) {
    let Person { app, token, email } = person;
    drop(app);
    let world = world.restarted();
    let app = world.app.clone();
    (world, Person { app, token, email })
}

/// Turns of whatever runs, without a server, until there is nothing to go on with.
async fn to_the_end(world: &World, person: &Person, import_id: &str) -> Import {
    let mut imports = Imports::new(&world.app);
    loop {
        imports.go_on(&world.app).await.unwrap();
        let import = found(person, import_id).await;
        if import.state != State::Running {
            return import;
        }
    }
}

async fn people(person: &Person) -> i64 {
    let listed = person.ask("crm.person.list", json!({ "include": "total", "limit": 1 })).await.unwrap();
    listed["total"].as_i64().unwrap()
}

#[tokio::test]
async fn what_a_restart_cuts_off_goes_on_at_the_next_line() {
    const COUNT: i64 = 1_500;
    let world = World::new().await;
    let ben = world.person("ben").await;
    let id = sent(&ben, many(COUNT as usize)).await;
    began(&ben, &id, true).await.unwrap();
    Imports::new(&world.app).go_on(&world.app).await.unwrap();
    let cut = found(&ben, &id).await;
    assert!(cut.made > 0 && cut.made < COUNT && cut.state == State::Running, "{cut:?}");

    // A rehearsal forgets whom it has met, so it begins anew; the lines come in at the place where they were cut off.
    let (world, ben) = restarted(world, ben);
    let checked = to_the_end(&world, &ben, &id).await;
    assert_eq!((checked.made, checked.failed, checked.state), (COUNT, 0, State::Done));
    assert_eq!(people(&ben).await, 0);

    began(&ben, &id, false).await.unwrap();
    Imports::new(&world.app).go_on(&world.app).await.unwrap();
    let cut = found(&ben, &id).await;
    assert!(cut.made > 0 && cut.made < COUNT, "{cut:?}");
    assert_eq!(people(&ben).await, cut.made, "what is told is what is there");
    let (world, ben) = restarted(world, ben);
    let done = to_the_end(&world, &ben, &id).await;
    assert_eq!((done.made, done.skipped, done.failed, done.state), (COUNT, 0, 0, State::Done));
    assert_eq!(people(&ben).await, COUNT);
    let kept = world
        .app
        .store()
        .read(|reading| one(reading.conn(), "select content is not null from import", [], |row| row.take::<bool>()));
    assert!(!kept.unwrap(), "the file is gone once it was used");
}

#[tokio::test]
async fn an_import_is_stopped_by_its_person_by_signing_out_and_by_losing_the_right_and_goes_on() {
    const COUNT: i64 = 1_500;
    let world = World::new().await;
    let ben = world.person("ben").await;
    let id = sent(&ben, many(COUNT as usize)).await;
    assert_eq!(began(&ben, &id, false).await.unwrap_err().status(), 409, "it is checked first");
    began(&ben, &id, true).await.unwrap();
    to_the_end(&world, &ben, &id).await;
    began(&ben, &id, false).await.unwrap();
    assert_eq!(ben.run(DiscardImport { import_id: id.clone() }).await.unwrap_err().status(), 409, "it is running");
    let mut imports = Imports::new(&world.app);
    imports.go_on(&world.app).await.unwrap();
    let stopped = ben.run(StopImport { import_id: id.clone() }).await.unwrap();
    assert!(stopped.state == State::Stopped && stopped.made > 0 && stopped.made < COUNT, "{stopped:?}");
    imports.go_on(&world.app).await.unwrap();
    assert_eq!(found(&ben, &id).await.made, stopped.made);
    assert_eq!(began(&ben, &id, true).await.unwrap_err().status(), 409, "there is no way back to the columns");

    // Whoever shows no longer what they began it with imports nothing more.
    let again = world.person("ben").await;
    began(&again, &id, false).await.unwrap();
    imports.go_on(&world.app).await.unwrap();
    put(&world.app, "update access_key set revoked_at = 1 where id = (select max(id) from access_key)").await;
    imports.go_on(&world.app).await.unwrap();
    let stopped = found(&ben, &id).await;
    assert_eq!(stopped.state, State::Stopped);
    assert!(stopped.problem.as_ref().is_some_and(|why| why.contains("revoked")), "{stopped:?}");

    began(&ben, &id, false).await.unwrap();
    imports.go_on(&world.app).await.unwrap();
    let role = |role: &str| {
        format!(
            "update workspace_membership set role = '{role}' where account_id = (select id from account where name = 'Ben')"
        )
    };
    put(&world.app, &role("VIEWER")).await;
    imports.go_on(&world.app).await.unwrap();
    let stopped = found(&ben, &id).await;
    assert!(stopped.problem.as_ref().is_some_and(|why| why.contains("needs the role MEMBER")), "{stopped:?}");
    put(&world.app, &role("MEMBER")).await;
    began(&ben, &id, false).await.unwrap();
    let done = to_the_end(&world, &ben, &id).await;
    assert_eq!((done.made, done.failed, done.problem), (COUNT, 0, None));
    assert_eq!(people(&ben).await, COUNT);
}

#[tokio::test]
async fn imports_take_turns_and_one_that_is_begun_anew_forgets_what_it_was() {
    let world = World::new().await;
    let (ben, ada) = (world.person("ben").await, world.person("ada").await);
    let (his, hers) = (sent(&ben, many(1_500)).await, sent(&ada, many(1_500)).await);
    began(&ben, &his, true).await.unwrap();
    began(&ada, &hers, true).await.unwrap();
    let mut imports = Imports::new(&world.app);
    imports.go_on(&world.app).await.unwrap();
    let (one, other) = (found(&ben, &his).await, found(&ada, &hers).await);
    assert!(one.made > 0 && other.made > 0 && one.state == State::Running && other.state == State::Running);
    ben.run(StopImport { import_id: his.clone() }).await.unwrap();
    assert_eq!(found(&ben, &his).await.state, State::Ready, "back to the columns");
    let columns = Some(vec!["email".to_owned(), "name".to_owned()]);
    let anew = RunImport { import_id: his.clone(), rehearsal: true, columns, on_duplicate: None };
    ben.run(anew).await.unwrap();
    let checked = to_the_end(&world, &ben, &his).await;
    assert_eq!((checked.made, checked.failed), (0, 1_500), "as the columns go now");
}

#[tokio::test]
async fn tables_go_after_a_day_and_the_sixth_makes_the_oldest_go() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(sent(&ben, many(3)).await);
    }
    let listed: Vec<String> =
        ben.run(ListImports {}).await.unwrap().items.iter().map(|import| import.id.to_string()).collect();
    assert_eq!(listed, ids[1..].iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(ben.run(GetImport { import_id: ids[0].clone() }).await.unwrap_err().status(), 404);

    for id in &ids[1..] {
        began(&ben, id, true).await.unwrap();
    }
    let sixth = UploadTable::new(Records::People, None, None, many(1));
    assert_eq!(ben.run(sixth).await.unwrap_err().status(), 409, "all of them are running");
    to_the_end(&world, &ben, &ids[1]).await;
    let one_runs = "update import set state = 'RUNNING' where id = (select max(id) from import)";
    put(&world.app, one_runs).await;
    let sixth = UploadTable::new(Records::People, None, None, many(1));
    ben.run(sixth).await.expect("the oldest of those that do not run makes room");
    put(&world.app, "update import set state = 'DONE'").await;
    let aged = world.app.store().write(|conn| {
        run(conn, "update import set updated_at = 1", [])?;
        run(conn, "update import set state = 'RUNNING' where id = (select max(id) from import)", [])
    });
    aged.await.unwrap();
    for _ in 0..3 {
        world.app.tidy().await.unwrap();
    }
    let left = ben.run(ListImports {}).await.unwrap().items;
    assert_eq!(left.len(), 1, "but for the one that runs");
    let lines = world.app.store().read(|reading| {
        one(reading.conn(), "select count(*) from import_line where import_id <> ?1", [left[0].id], |row| {
            row.take::<i64>()
        })
    });
    assert_eq!(lines.unwrap(), 0);
}
