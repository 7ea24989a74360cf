//! Tables of spreadsheets that come in line by line.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::cli::{Server, adas_file, complaint, json_of, run};

const IN: &[&str] = &["--workspace", "acme-studio", "--json"];

/// The outcome, whatever the exit status.
fn import(folder: &Path, table: &str, arguments: &[&str]) -> (i32, Value) {
    std::fs::write(folder.join("table.csv"), table).unwrap();
    let output = run(folder, &[&["import", "table.csv"], arguments, IN].concat());
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

/// Ada's file, served, with the project WEB.
struct Desk {
    folder: tempfile::TempDir,
    key: String,
    server: Server,
}

impl Desk {
    fn with_a_project() -> Desk {
        let (folder, made) = adas_file();
        let key = made["apiKey"].as_str().unwrap().to_owned();
        let server = Server::start(folder.path(), &[]);
        let project = json!({ "name": "Website", "key": "WEB" });
        assert_eq!(server.post("/api/projects", &key, &project).unwrap().0, 201);
        Desk { folder, key, server }
    }
}

fn counts(outcome: &Value) -> [u64; 4] {
    ["made", "updated", "skipped", "failed"].map(|field| outcome[field].as_u64().unwrap())
}

#[test]
fn companies_people_and_deals_come_in_as_other_programs_write_them() {
    let (folder, made) = adas_file();
    let at = folder.path();
    let companies = "\u{feff}Company name;Domain;City;Number of employees;Tags\nAcme GmbH;acme.example;Köln;12;hot, größer\n\"Nord; licht\";;Kiel;;\nAcme again;https://www.acme.example/about;;;\n";
    let (code, dry) = import(at, companies, &["--as", "organizations", "--dry-run"]);
    assert_eq!((code, counts(&dry), &dry["dryRun"]), (0, [2, 0, 1, 0], &json!(true)), "{dry}");
    let (code, told) = import(at, companies, &["--as", "organizations"]);
    assert_eq!((code, counts(&told)), (0, [2, 0, 1, 0]), "{told}");
    assert_eq!(told["ignoredColumns"], json!(["Number of employees"]));
    let (_, again) = import(
        at,
        companies,
        &["--as", "organizations", "--map", "Number of employees=size", "--on-duplicate", "update"],
    );
    assert_eq!(counts(&again), [0, 3, 0, 0], "{again}");

    let people = "First Name,Last Name,E-mail Address,Company,Job Title\nPaula,Example,Paula@Acme.example,Acme again,CEO\nUwe,,uwe(at)nowhere,,\nIda,Ohne,ida@acme.example,Nobody Ltd,\nPaula,Twice,paula@acme.example,,\n";
    let (code, told) = import(at, people, &["--as", "people"]);
    assert_eq!((code, counts(&told)), (1, [1, 0, 1, 2]), "{told}");
    let error = |at: usize| (told["errors"][at]["line"].as_u64().unwrap(), told["errors"][at]["message"].to_string());
    assert!(error(0).0 == 3 && error(0).1.contains("not an e-mail address"), "{told}");
    assert!(error(1).0 == 4 && error(1).1.contains("Nobody Ltd"), "{told}");

    let deals = "Deal Name\tAmount\tCurrency\tClose Date\tDeal Stage\nRelaunch\t12500.50\tEUR\t2027-03-01\tProposal\nOther\tmuch\t\t\t\n";
    let (_, told) = import(at, deals, &["--as", "deals"]);
    assert_eq!(counts(&told), [1, 0, 0, 1], "{told}");
    let (_, told) = import(at, "name\nRelaunch\n", &["--as", "deals", "--on-duplicate", "fail"]);
    assert_eq!((counts(&told), &told["errors"][0]["message"]), ([0, 0, 0, 1], &json!("it is here already")));

    let server = Server::start(at, &[]);
    let get = |path: &str| server.get(path, made["apiKey"].as_str().unwrap()).1;
    let organizations = get("/api/crm/organizations?sort=name");
    let first = &organizations["items"][0];
    assert_eq!(
        (&first["domain"], &first["size"], &first["labels"]),
        (&json!("acme.example"), &json!("12"), &json!(["hot", "größer"]))
    );
    assert_eq!(first["name"], "Acme again", "the last line of the update won");
    let person = &get("/api/crm/people")["items"][0];
    assert_eq!(
        (&person["name"], &person["email"], &person["title"]),
        (&json!("Paula Example"), &json!("paula@acme.example"), &json!("CEO"))
    );
    let deal = &get("/api/crm/deals")["items"][0];
    assert_eq!(
        (&deal["value"], &deal["stage"], &deal["currency"]),
        (&json!(12500.5), &json!("Proposal"), &json!("EUR"))
    );
}

#[test]
fn tasks_come_in_beside_a_running_server_and_are_known_by_their_key() {
    let Desk { folder, key, server } = Desk::with_a_project();
    let key = key.as_str();
    let tasks = "Summary,Status,Assignee,Due Date,Labels\nSketch,In Progress,ada@example.com,2027-03-01,design;urgent\nBuild,,,,\n";
    let (code, told) = import(folder.path(), tasks, &["--as", "tasks", "--set", "projectId=WEB"]);
    assert_eq!((code, counts(&told)), (0, [2, 0, 0, 0]), "{told}");
    let (code, told) = import(
        folder.path(),
        "Key,Title\nweb-1,Sketch the start page\nWEB-9,New\n",
        &["--as", "tasks", "--set", "projectId=WEB", "--on-duplicate", "update"],
    );
    assert_eq!((code, counts(&told)), (0, [1, 1, 0, 0]), "{told}");
    let task = server.get("/api/tasks/WEB-1", key).1;
    assert_eq!(
        (&task["title"], &task["statusType"], &task["dueDate"]),
        (&json!("Sketch the start page"), &json!("IN_PROGRESS"), &json!("2027-03-01"))
    );
    assert_eq!(server.get("/api/tasks/WEB-3", key).1["title"], "New");
}

#[test]
fn a_table_may_be_utf_16_have_empty_lines_and_lines_that_are_too_short() {
    let (folder, _) = adas_file();
    let at = folder.path();
    let table = "Name\tE-Mail\r\n\r\n\"Jörg\r\nMüller\"\tjoerg@acme.example\r\n\t\r\nPaula\r\n\t\r\nEva\teva@acme.example\r\n\t\r\n\t";
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (bytes, made, skipped) in [(wide, 1, 0), (table.as_bytes().to_vec(), 0, 1)] {
        std::fs::write(at.join("table.csv"), bytes).unwrap();
        let told: Value =
            serde_json::from_slice(&run(at, &[&["import", "table.csv", "--as", "people"], IN].concat()).stdout)
                .unwrap();
        assert_eq!(counts(&told), [made, 0, skipped, 2], "{told}");
        assert_eq!(told["errors"][0]["line"], 3, "a name has no line end in it: {told}");
        assert_eq!(told["errors"][1], json!({ "line": 6, "message": "it has 1 cells, the first line has 2" }));
    }
}

#[test]
fn what_other_programs_do_to_tables_is_understood_and_a_rehearsal_tells_what_comes() {
    let (folder, _) = adas_file();
    let at = folder.path();
    let both = |table: &str, records: &str, expected: [u64; 4]| {
        let (_, rehearsed) = import(at, table, &["--as", records, "--dry-run"]);
        let (_, told) = import(at, table, &["--as", records]);
        assert_eq!((counts(&rehearsed), counts(&told)), (expected, expected), "{table:?}: {rehearsed} and {told}");
        told
    };
    both("name\rMac One\rMac Two\r", "people", [2, 0, 0, 0]);
    both("sep=;\r\nname;email\r\nSeparated;sep@x.example\r\n", "people", [1, 0, 0, 0]);
    both("\"Full\nname\";E-Mail\nAda;a@x.example\n", "people", [1, 0, 0, 0]);
    both("name,email\nTrailing,t@x.example,,\nSurplus,s@x.example,,more\n", "people", [1, 0, 0, 1]);
    let told = both("name,phone\nStray,\"1\r2\"\nWhole,12\n", "people", [1, 0, 0, 1]);
    assert_eq!(told["errors"][0]["line"], 2);
    // What fails is not here for the next, and what differs is not the same.
    both("name,email,company\nP,p@x.example,Nobody Ltd\nP,p@x.example,\n", "people", [1, 0, 0, 1]);
    both("name,email\nJ,j.doe@x.example\nJ,jdoe@x.example\nJ,J.Doe@x.example\n", "people", [2, 0, 1, 0]);
    both("title\nPhase 1.1\nPhase 11\nphase 11\n", "deals", [2, 0, 1, 0]);
    both("name,website\nAcme,acme.example\nACME,\n", "organizations", [1, 0, 1, 0]);
    both("name,website\nZenith,\nZenith,zenith.example\n", "organizations", [2, 0, 0, 0]);
}

#[test]
fn tables_of_our_own_come_back_as_they_went() {
    let Desk { folder, key, server } = Desk::with_a_project();
    let (at, key) = (folder.path(), key.as_str());
    let person = json!({ "name": "Paula", "email": "p@x.example", "phone": "+49 30 123" });
    assert_eq!(server.post("/api/crm/people", key, &person).unwrap().0, 201);
    let table = "Name,E-mail,Phone\r\nPaula,p@x.example,'+49 30 123\r\n";
    assert_eq!(counts(&import(at, table, &["--as", "people", "--on-duplicate", "update"]).1), [0, 1, 0, 0]);
    assert_eq!(server.get("/api/crm/people", key).1["items"][0]["phone"], "+49 30 123");
}

#[test]
fn a_key_is_that_of_a_task_that_was_here_before() {
    let Desk { folder, key, server } = Desk::with_a_project();
    let (at, key) = (folder.path(), key.as_str());
    let tasks = ["--as", "tasks", "--set", "projectId=WEB", "--on-duplicate", "update"];
    let table = "Issue key,Title\nWEB-4,D\nWEB-3,C\nWEB-2,B\nWEB-1,A\n";
    assert_eq!(counts(&import(at, table, &[&tasks[..], &["--dry-run"]].concat()).1), [4, 0, 0, 0]);
    assert_eq!(counts(&import(at, table, &tasks).1), [4, 0, 0, 0]);
    let titles: Vec<Value> =
        (1..=4).map(|number| server.get(&format!("/api/tasks/WEB-{number}"), key).1["title"].clone()).collect();
    assert_eq!(titles, ["D", "C", "B", "A"]);
    assert_eq!(counts(&import(at, table, &tasks).1), [0, 4, 0, 0]);
}

#[test]
fn lines_of_many_turns_keep_their_order_and_meet_each_other() {
    let Desk { folder, key, server } = Desk::with_a_project();
    let (at, key) = (folder.path(), key.as_str());
    let mut table = "Key,Title\n".to_owned();
    (0..600).for_each(|number| table.push_str(&format!(",Task {number}\n")));
    let tasks = &["--as", "tasks", "--set", "projectId=WEB"][..];
    assert_eq!(counts(&import(at, &table, &[tasks, &["--dry-run"]].concat()).1), [600, 0, 0, 0]);
    assert_eq!(counts(&import(at, &table, tasks).1), [600, 0, 0, 0]);
    for number in [0, 299, 599] {
        let task = server.get(&format!("/api/tasks/WEB-{}", number + 1), key).1;
        assert_eq!(task["title"], format!("Task {number}"));
    }
    let twice: String = (0..600).map(|number| format!("p{}@acme.example\n", number % 300)).collect();
    let people = &["--as", "people", "--set", "name=Somebody"][..];
    for arguments in [&[people, &["--dry-run"]].concat(), people] {
        let told = import(at, &format!("email\n{twice}"), arguments).1;
        assert_eq!(counts(&told), [300, 0, 300, 0], "{told}");
    }
}

#[test]
fn whoever_keeps_the_file_for_long_holds_an_import_up_and_does_not_end_it() {
    let (folder, _) = adas_file();
    let greedy = rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
    greedy.execute_batch("begin immediate").unwrap();
    let (code, told) = std::thread::scope(|scope| {
        let import = scope.spawn(|| import(folder.path(), "Name\nAcme\nNordlicht\n", &["--as", "organizations"]));
        // Longer than one write waits.
        std::thread::sleep(std::time::Duration::from_secs(6));
        greedy.execute_batch("rollback").unwrap();
        import.join().unwrap()
    });
    assert_eq!((code, counts(&told)), (0, [2, 0, 0, 0]), "{told}");
}

#[test]
fn a_table_that_cannot_be_understood_is_refused_with_the_reason() {
    let (folder, _) = adas_file();
    let at = folder.path();
    let refused = |table: &[u8], arguments: &[&str], why: &str| {
        std::fs::write(at.join("table.csv"), table).unwrap();
        let told = complaint(&run(at, &[&["import", "table.csv", "--workspace", "acme-studio"], arguments].concat()));
        assert!(told.contains(why), "{told} is not about {why}");
    };
    let people = &["--as", "people"][..];
    refused(b"name\nM\xfcller\n", people, "line 2: the text is not UTF-8");
    refused(b"\xff\xfen\0a\0\x00\xd8", people, "not UTF-16");
    refused(b"", people, "the table is empty");
    refused(b"\r\n;;\r\n", people, "the table is empty");
    refused(b"name,notes\nA,\"x\nB,y\nC,z\n", people, "line 2: a quotation mark is opened and never closed");
    refused(b"name,\"notes\nA,x\n", people, "line 1: a quotation mark is opened and never closed");
    refused(b"name,Full Name\nA,B\n", people, "would both be name");
    refused(b"name\nA\n", &[people, &["--map", "Mail=email"]].concat(), "no column “Mail”");
    refused(
        b"name,Mail\nA,B\n",
        &[people, &["--map", "Mail=nonsense"]].concat(),
        "“nonsense” is no field; there are email,",
    );
    std::fs::write(at.join("table.csv"), "name\nA\n").unwrap();
    assert!(
        complaint(&run(at, &["import", "table.csv", "--as", "people", "--workspace", "nowhere"])).contains("nowhere")
    );
    assert!(complaint(&run(at, &["import", "table.csv"])).contains("line 1: this is not a file of"));
    assert_eq!(run(at, &["import", "table.csv", "--as", "people"]).status.code(), Some(2), "a table needs a workspace");
    assert_eq!(
        run(at, &["import", "table.csv", "--as", "people", "--workspace", "w", "--map", "x"]).status.code(),
        Some(2)
    );
    json_of(&run(at, &["verify", "--json"]));
}
