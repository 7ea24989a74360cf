//! The executable as people and scripts meet it: real processes, real files, real sockets.

mod support;

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::{Value, json};
use support::PASSWORD;
use support::cli::{ADA, Server, adas_file, complaint, json_of, run, run_with, sally, stderr};

/// The word after a heading in what the server told.
fn told<'a>(server: &'a Server, heading: &str) -> &'a str {
    let line = server.told.lines().find_map(|line| line.strip_prefix(heading)).unwrap();
    line.split_whitespace().next().unwrap()
}

#[test]
fn init_sets_a_new_file_up_once() {
    let (folder, made) = adas_file();
    let mut names: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accountId", "apiKey", "email", "mcpKey", "password", "workspaceId", "workspaceSlug"]);
    assert_eq!((&made["email"], &made["workspaceSlug"]), (&json!("ada@example.com"), &json!("acme-studio")));
    assert!(made["apiKey"].as_str().unwrap().starts_with("atpm_"));
    assert!(made["mcpKey"].as_str().unwrap().starts_with("sallymcp_"));
    assert!(complaint(&run(folder.path(), ADA)).contains("set up already"));

    let server = Server::start(folder.path(), &[]);
    let (status, me) = server.get("/api/auth/me", made["apiKey"].as_str().unwrap());
    assert_eq!((status, &me["account"]["name"]), (200, &json!("Ada")));
    let login = json!({ "email": "ada@example.com", "password": made["password"] });
    assert_eq!(server.post("/api/auth/login", "", &login).unwrap().0, 200);
}

#[test]
fn a_password_from_standard_input_is_not_repeated_and_must_be_strong() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [ADA, &["--password-stdin"]].concat();
    assert!(complaint(&run_with(folder.path(), &arguments, "weak\n")).contains("12 to 256 characters"));
    assert!(complaint(&run_with(folder.path(), &arguments, "")).contains("standard input"));
    let made = run_with(folder.path(), &arguments, &format!("{PASSWORD}\n"));
    assert_eq!(json_of(&made).get("password"), None);
    assert!(!String::from_utf8_lossy(&made.stdout).contains(PASSWORD));
}

#[test]
fn a_new_file_is_served_with_a_set_up_link_and_nothing_else_until_it_is_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut plain = sally(folder.path(), &[]);
    plain.env("SALLY_LISTEN", "127.0.0.1:0");
    let server = Server::launch(plain);
    assert!(server.told.contains(&format!("{}/setup?token=", server.url)), "{}", server.told);
    assert_eq!(server.status("/health"), 200);
    for path in ["/", "/api/crm/deals", "/api/openapi.json", "/mcp", "/login"] {
        assert_eq!(server.status(path), 503, "{path}");
    }
    json_of(&run(folder.path(), ADA));
    assert_eq!(server.status("/api/crm/deals"), 401);
}

#[test]
fn the_demo_lets_people_and_agents_in_and_can_be_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--demo"]);
    let login = json!({ "email": told(&server, "E-mail"), "password": told(&server, "Password") });
    let (status, signed_in) = server.post("/api/auth/login", "", &login).unwrap();
    assert_eq!((status, &signed_in["account"]["name"]), (200, &json!("Lena Brandt")));
    let key = told(&server, "MCP key").to_owned();
    assert!(server.told.contains(&format!("claude mcp add --transport http sally {}/mcp", server.url)));

    let count = |path: &str| server.get(&format!("/api/crm/{path}?include=total&limit=200"), &key).1;
    for (path, least) in [("organizations", 14), ("people", 30), ("deals", 24), ("activities", 50), ("follow-ups", 20)]
    {
        assert!(count(path)["total"].as_i64().unwrap() >= least, "{path}");
    }
    let deals = count("deals")["items"].as_array().unwrap().clone();
    for (field, words) in [
        ("stage", &["Lead", "Qualified", "Proposal", "Negotiation"][..]),
        ("status", &["OPEN", "WON", "LOST"]),
        ("currency", &["EUR", "USD", "GBP", "JPY"]),
    ] {
        assert!(words.iter().all(|word| deals.iter().any(|deal| deal[field] == *word)), "{field}");
    }
    let keys = json_of(&run(folder.path(), &["key", "list", "--json"]));
    assert_eq!(keys["items"].as_array().unwrap().len(), 1, "the keys of the writers are gone");

    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    let again = Server::start(folder.path(), &["--demo"]);
    assert!(again.told.contains("/reset-password?token="));
    assert_eq!(again.get("/api/crm/deals", told(&again, "MCP key")).0, 200);
    assert_eq!(again.get("/api/crm/deals", &key).0, 200);

    // A key that nobody took up is gone at the next start.
    let restarted = |mut server: Server| {
        server.signal("-TERM");
        server.wait();
        Server::start(folder.path(), &["--demo"])
    };
    let third = restarted(again);
    let unused = told(&third, "MCP key").to_owned();
    let fourth = restarted(third);
    let keys = json_of(&run(folder.path(), &["key", "list", "--json"]));
    assert_eq!(keys["items"].as_array().unwrap().len(), 3);
    assert_eq!((fourth.get("/api/crm/deals", &unused).0, fourth.get("/api/crm/deals", &key).0), (401, 200));

    let (other, _) = adas_file();
    let refused = run(other.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    assert!(complaint(&refused).contains("holds accounts already"));
}

#[test]
fn the_demo_has_people_and_an_agent_at_work_and_a_second_start_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    const ALL_PROJECTS: &str = "projects?archived=true";
    const ALL_TASKS: &str = "tasks?archived=true&limit=200";
    let mut server = Server::start(folder.path(), &["--demo"]);
    let key = told(&server, "MCP key").to_owned();
    let page = |server: &Server, path: &str| {
        let (status, page) = server.get(&format!("/api/{path}"), &key);
        assert_eq!(status, 200, "{path}: {page}");
        page
    };
    let list = |path: &str| page(&server, path)["items"].as_array().unwrap().clone();

    let projects = list(ALL_PROJECTS);
    assert_eq!(projects.len(), 6);
    let so_many = |is: &dyn Fn(&Value) -> bool| projects.iter().filter(|project| is(project)).count();
    assert_eq!(so_many(&|project| project["archivedAt"].is_string()), 1);
    assert_eq!(so_many(&|project| project["visibility"] == "MEMBERS"), 1);
    assert_eq!(so_many(&|project| project["clientId"].is_null()), 1);
    let linked = |path: &str, field: &str| list(path).iter().filter(|record| record[field].is_string()).count();
    assert_eq!((linked("crm/deals?limit=200", "projectId"), linked("crm/follow-ups?limit=200", "taskId")), (4, 2));

    let tasks = list(ALL_TASKS);
    assert!(tasks.len() >= 70, "{}", tasks.len());
    for status in ["BACKLOG", "TODO", "IN_PROGRESS", "BLOCKED", "REVIEW", "DONE"] {
        assert!(tasks.iter().any(|task| task["statusType"] == status), "{status}");
    }
    let (done, todos) = tasks.iter().map(|task| &task["todoProgress"]).fold((0, 0), |(done, all), todos| {
        (done + todos["done"].as_i64().unwrap(), all + todos["total"].as_i64().unwrap())
    });
    assert!(0 < done && done < todos);
    let comments: i64 = tasks.iter().map(|task| task["commentCount"].as_i64().unwrap()).sum();
    assert!(comments >= 35, "{comments}");
    let mentions = page(&server, "notifications");
    assert!(mentions["unreadCount"].as_i64().unwrap() > 0 && mentions.to_string().contains("comment.mentioned"));

    let report = page(&server, "timesheets/report");
    let minutes = |kind: &str| report["summary"][kind].as_i64().unwrap();
    for kind in ["billableMinutes", "nonBillableMinutes", "validatedMinutes"] {
        assert!(0 < minutes(kind) && minutes(kind) < minutes("totalMinutes"), "{kind}");
    }
    assert_eq!(list("timesheets/users").len(), 3);
    assert_eq!(list("agents")[0]["name"], "Scribe");
    assert!(list("crm/activities?limit=200").iter().any(|activity| activity["agent"]["name"] == "Scribe"));

    let everything = |server: &Server| {
        let records = ["crm/deals", "crm/activities", "crm/follow-ups", "clients", "agents", "timesheets/report"];
        [&records[..], &[ALL_PROJECTS, ALL_TASKS]]
            .concat()
            .into_iter()
            .map(|path| page(server, path))
            .collect::<Vec<_>>()
    };
    let before = everything(&server);
    server.signal("-TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(everything(&Server::start(folder.path(), &["--demo"])), before);
}

#[test]
fn a_second_server_is_told_who_holds_the_file_and_a_taken_port_is_named() {
    let (folder, _) = adas_file();
    let server = Server::start(folder.path(), &[]);
    let second = complaint(&run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]));
    assert!(second.contains(&format!("process {}", server.child.id())), "{second}");
    // By another name it is the same file.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("sally.db", folder.path().join("link.db")).unwrap();
        let third = complaint(&run(folder.path(), &["serve", "--db", "link.db", "--listen", "127.0.0.1:0"]));
        assert!(third.contains(&format!("process {}", server.child.id())), "{third}");
    }

    let address = server.url.strip_prefix("http://").unwrap();
    let taken = complaint(&run(folder.path(), &["serve", "--db", "other.db", "--listen", address]));
    assert!(taken.contains(address) && taken.contains("--listen"), "{taken}");
}

#[test]
fn a_polite_signal_ends_with_0_and_leaves_one_file_of_data() {
    for signal in ["-TERM", "-INT"] {
        let (folder, made) = adas_file();
        let mut server = Server::start(folder.path(), &[]);
        let key = made["apiKey"].as_str().unwrap();
        assert_eq!(server.post("/api/crm/deals", key, &json!({ "title": "Relaunch" })).unwrap().0, 201);
        assert!(folder.path().join("sally.db-wal").exists());
        server.signal(signal);
        assert_eq!(server.wait(), Some(0));
        for left in ["sally.db-wal", "sally.db-shm"] {
            assert!(!folder.path().join(left).exists(), "{left} after {signal}");
        }
        let restarted = Server::start(folder.path(), &[]);
        assert_eq!(restarted.get("/api/crm/deals", key).1["items"][0]["title"], "Relaunch");
    }
}

#[test]
fn a_killed_server_has_lost_nothing_that_it_acknowledged() {
    const WRITERS: usize = 8;
    const ENOUGH: usize = 400;
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let (reached, enough) = std::sync::mpsc::channel();
        for writer in 0..WRITERS {
            let (agent, url, reached) = (server.agent.clone(), server.url.clone(), reached.clone());
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for number in 0.. {
                    let request = agent.post(format!("{url}/api/crm/deals"));
                    let request = request.header("Authorization", format!("Bearer {key}"));
                    let answer = request.send_json(json!({ "title": format!("Deal {number} of {writer}") }));
                    let answer = answer.and_then(|mut response| {
                        assert_eq!(response.status(), 201);
                        response.body_mut().read_json::<Value>()
                    });
                    let Ok(deal) = answer else { break };
                    let mut all = acknowledged.lock().unwrap();
                    all.push(deal["id"].as_str().unwrap().to_owned());
                    if all.len() == ENOUGH {
                        reached.send(()).unwrap();
                    }
                }
            });
        }
        enough.recv().unwrap();
        server.signal("-KILL");
        assert_eq!(server.wait(), None, "killed by a signal");
    });

    let restarted = Server::start(folder.path(), &[]);
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() >= ENOUGH);
    for id in &acknowledged {
        assert_eq!(restarted.get(&format!("/api/crm/deals/{id}"), key).0, 200, "{id} is lost");
    }
}

/// A key of Ada's, as `sally key create --json` shows it.
fn run_key(folder: &Path, arguments: &[&str]) -> Value {
    let create = ["key", "create", "--account", "ada@example.com", "--label", "Nightly", "--json"];
    json_of(&run(folder, &[&create[..], arguments].concat()))
}

#[test]
fn keys_of_the_command_line_are_honoured_by_the_next_request() {
    let (folder, _) = adas_file();
    let server = Server::start(folder.path(), &[]);
    let narrow = ["--kind", "mcp", "--workspace", "acme-studio", "--scopes", "crm:read", "--expires", "90d"];
    let made = run_key(folder.path(), &narrow);
    for field in ["id", "token", "prefix", "scopes", "expiresAt", "workspaceId"] {
        assert!(made[field].is_string(), "{field}: {made}");
    }
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!(server.get("/api/crm/deals", token).0, 200);
    assert_eq!(server.post("/api/crm/deals", token, &json!({ "title": "No" })).unwrap().0, 403);

    let owner = run_key(folder.path(), &["--kind", "api"]);
    let agent = server.post("/api/agents", owner["token"].as_str().unwrap(), &json!({ "name": "Robin" })).unwrap();
    let bound = run_key(folder.path(), &["--kind", "api", "--agent", "robin"]);
    assert_eq!((&bound["agentId"], &bound["workspaceId"]), (&agent.1["id"], &made["workspaceId"]));

    let listed = run(folder.path(), &["key", "list"]);
    assert!(String::from_utf8(listed.stdout).unwrap().contains("acme-studio"));
    assert!(run(folder.path(), &["key", "revoke", id]).status.success());
    assert_eq!(server.get("/api/crm/deals", token).0, 401);
    let removed = run(folder.path(), &["key", "revoke", id]);
    assert!(String::from_utf8(removed.stdout).unwrap().contains("removed"));
    assert!(complaint(&run(folder.path(), &["key", "revoke", id])).contains(id));
}

#[test]
fn people_are_added_beside_a_server_and_set_their_own_password() {
    let (folder, made) = adas_file();
    let server = Server::start(folder.path(), &[]);
    let add = ["user", "add", "--email", "Ben@example.com", "--name", "Ben", "--role", "member", "--json"];
    let added = json_of(&run(folder.path(), &[&add[..], &["--workspace", "acme-studio"]].concat()));
    assert_eq!((&added["role"], &added["workspaceId"]), (&json!("MEMBER"), &made["workspaceId"]));
    assert!(added["setPasswordUrl"].as_str().unwrap().starts_with(&server.url), "it leads to the server that runs");
    let token_of = |url: &Value| url.as_str().unwrap().split("token=").last().unwrap().to_owned();
    let welcome = json!({ "token": token_of(&added["setPasswordUrl"]), "password": PASSWORD });
    assert_eq!(server.post("/api/auth/reset-password", "", &welcome).unwrap().0, 200);
    let login = |password: &str| {
        server.post("/api/auth/login", "", &json!({ "email": "ben@example.com", "password": password })).unwrap().0
    };
    assert_eq!(login(PASSWORD), 200);
    let listed = String::from_utf8(run(folder.path(), &["user", "list"]).stdout).unwrap();
    assert!(listed.lines().any(|line| line.starts_with("ben@example.com") && line.contains("active")), "{listed}");

    let reset = json_of(&run(folder.path(), &["user", "reset", "--email", "ben@example.com", "--json"]));
    let fresh = json!({ "token": token_of(&reset["setPasswordUrl"]), "password": "Another-horse-8" });
    assert_eq!(server.post("/api/auth/reset-password", "", &fresh).unwrap().0, 200);
    assert_eq!((login(PASSWORD), login("Another-horse-8")), (401, 200));

    let nowhere = run(folder.path(), &[&add[..], &["--workspace", "nowhere"]].concat());
    assert!(complaint(&nowhere).contains("nowhere"));
}

#[test]
fn wrong_usage_exits_with_2_and_failures_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        &["sreve"][..],
        &["serve", "--listen", "here"],
        &["init", "--admin-email", "ada@example.com"],
        &["init", "--admin-email", "ada", "--admin-name", "Ada", "--workspace", "Acme"],
        &["key", "create", "--account", "a@b.example", "--kind", "other", "--label", "x"],
        &["key", "create", "--account", "a@b.example", "--kind", "api", "--label", "x", "--expires", "soon"],
        &["mcp", "config", "notepad"],
    ] {
        let output = run(folder.path(), wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    assert!(complaint(&run(folder.path(), &["key", "list"])).contains("no file sally.db"));
    assert!(complaint(&run(folder.path(), &["--config", "none.toml", "serve"])).contains("none.toml"));
    std::fs::write(folder.path().join("text.db"), "this is a letter, and much longer than a header".repeat(20))
        .unwrap();
    assert!(complaint(&run(folder.path(), &["--db", "text.db", "key", "list"])).contains("text.db"));
    assert!(complaint(&run(folder.path(), &["--db", "no/such/folder/sally.db", "serve"])).contains("no/such/folder"));
    assert_eq!(run(folder.path(), &["--version"]).stdout, format!("sally {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sally.toml"), "db = 'file.db'\npublic_url = 'https://file.example'").unwrap();
    let config = |arguments: &[&str], variable: Option<&str>| {
        let mut command = sally(folder.path(), &[&["mcp", "config", "claude"], arguments].concat());
        let output = command.envs(variable.map(|url| ("SALLY_PUBLIC_URL", url))).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(config(&[], None).contains("https://file.example/mcp"));
    assert!(config(&[], Some("https://environment.example")).contains("https://environment.example/mcp"));
    let flag = ["--url", "https://flag.example/", "--key", "sallymcp_x"];
    let text = config(&flag, Some("https://environment.example"));
    assert_eq!(
        text,
        "claude mcp add --transport http sally https://flag.example/mcp --header \"Authorization: Bearer sallymcp_x\"\n"
    );

    json_of(&run(folder.path(), ADA));
    assert!(folder.path().join("file.db").exists());
    json_of(&sally(folder.path(), ADA).env("SALLY_DB", "environment.db").output().unwrap());
    assert!(folder.path().join("environment.db").exists());
    json_of(&run(folder.path(), &[ADA, &["--db", "flag.db"]].concat()));
    assert!(folder.path().join("flag.db").exists());
}

#[test]
fn every_client_is_told_what_to_paste_and_beside_it_where() {
    let folder = tempfile::tempdir().unwrap();
    for client in ["claude", "claude-desktop", "cursor", "vscode", "codex"] {
        for way in [&[][..], &["--stdio"]] {
            let given = ["mcp", "config", client, "--url", "https://sally.example/mcp"];
            let output = run(folder.path(), &[&given, way].concat());
            let (text, told) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
            assert!(output.status.success(), "{told}");
            assert!(text.contains("https://sally.example") && text.contains("YOUR_KEY"), "{client}: {text}");
            assert_eq!(text.contains("SALLY_USER_API_KEY"), !way.is_empty(), "{client}: {text}");
            assert!(!text.contains("/mcp/mcp"), "{client}: {text}");
            assert!(told.contains("YOUR_KEY stands") && told.contains("sally key create --kind"), "{client}: {told}");
        }
    }
    let told = complaint(&run(folder.path(), &["mcp", "config", "cursor", "--key", "atpm_x"]));
    assert!(told.contains("--kind mcp"), "{told}");
    let block = run(folder.path(), &["mcp", "config", "cursor", "--stdio", "--key", "atpm_x"]).stdout;
    let block: Value = serde_json::from_slice(&block).unwrap();
    assert_eq!(block["mcpServers"]["sally"]["command"], env!("CARGO_BIN_EXE_sally"));
}

#[test]
fn openapi_and_completions_need_no_file_and_a_closed_pipe_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let document = json_of(&run(folder.path(), &["openapi"]));
    assert!(document["paths"]["/crm/deals"].is_object() || document["paths"]["/api/crm/deals"].is_object());
    let script = run(folder.path(), &["completions", "bash"]);
    assert!(String::from_utf8(script.stdout).unwrap().contains("_sally"));
    let manual = String::from_utf8(run(folder.path(), &["completions", "man"]).stdout).unwrap();
    for command in ["serve", "key create", "mcp", "mcp config", "restore", "completions"] {
        assert!(manual.contains(&format!(".SS sally {command}\n")), "{command}: {manual}");
    }
    assert!(!manual.contains("\\-serve(1)"), "there is no such page");
    assert_eq!(run(folder.path(), &["completions", "tcsh"]).status.code(), Some(2));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    for arguments in [&["openapi"][..], &["completions", "zsh"], &["--help"]] {
        let mut child = sally(folder.path(), arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
