//! What happens by the clock: neither again and again nor not at all for a year.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::{DAY, HOUR, Machine, Says, TRUE, YEAR};
use crate::support::cli::wait_until;

/// Longer than a job needs that is due.
const A_WHILE: Duration = Duration::from_secs(3);

#[test]
fn backups_go_on_when_the_clock_was_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |name, value: &str| (name, value.to_owned());
    let mut machine = Machine::new(&[
        settings("SALLY_BACKUP_DIR", folder.path().to_str().unwrap()),
        settings("SALLY_BACKUP_KEEP", "2"),
    ]);
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("sally-")).collect();
        names.sort();
        names
    };
    wait_until("a first backup", || names().len() == 1);
    machine.set(Says::Off(YEAR));
    machine.restart();
    wait_until("one from ahead", || names().len() == 2);
    let [first, ahead] = <[String; 2]>::try_from(names()).unwrap();

    // Back where it should be, none is due, and one that was taken ahead of time is not taken for the newest.
    machine.set(TRUE);
    machine.restart();
    std::thread::sleep(A_WHILE);
    assert_eq!(names(), [first.clone(), ahead.clone()]);
    let listed = machine.get("/api/system/backups");
    assert_eq!((&listed["items"][0]["name"], &listed["items"][1]["name"]), (&json!(first), &json!(ahead)));
    machine.set(Says::Off(2 * DAY));
    machine.restart();
    wait_until("the next one", || !names().contains(&ahead));
    assert!(names().len() == 2 && names().contains(&first), "{:?}", names());

    // One is taken whenever somebody asks, and stays, though the clock has gone back behind those there are.
    machine.set(Says::Off(-DAY));
    let taken = machine.post("/api/system/backups", json!({}));
    assert!(names().contains(&taken["name"].as_str().unwrap().to_owned()), "{taken}, {:?}", names());

    // Or the second never ends.
    machine.set(Says::Still(3 * DAY));
    let taken: Vec<Value> = (0..3).map(|_| machine.post("/api/system/backups", json!({}))["name"].clone()).collect();
    assert!(taken[0] != taken[1] && taken[1] != taken[2] && names().contains(&taken[2].as_str().unwrap().to_owned()));
}

#[test]
fn a_follow_up_is_told_of_once_when_it_is_due() {
    let mut machine = Machine::new(&[]);
    let at = machine.set(TRUE) + HOUR;
    let due = sally::core::time::Moment::from_ms(at * 1_000).to_string();
    machine.post("/api/crm/follow-ups", json!({ "title": "Call", "dueAt": due, "ownerId": "me" }));
    let told = |machine: &Machine| {
        let list = machine.get("/api/notifications");
        list["items"].as_array().unwrap().iter().filter(|item| item["type"] == "followup.due").count()
    };
    // Not while it is not due, nor because the clock was beyond it for a moment.
    for says in [TRUE, Says::Off(YEAR), Says::Off(-YEAR), TRUE] {
        machine.set(says);
        machine.restart();
        std::thread::sleep(A_WHILE / 3);
        assert_eq!(told(&machine), 0, "{says:?}");
    }
    machine.set(Says::Off(2 * HOUR));
    machine.restart();
    wait_until("the reminder", || told(&machine) == 1);
    for says in [TRUE, Says::Off(2 * HOUR), Says::Off(3 * HOUR), Says::Still(3 * HOUR)] {
        machine.set(says);
        machine.restart();
        std::thread::sleep(A_WHILE / 3);
        assert_eq!(told(&machine), 1, "{says:?}");
    }
}

/// A server that takes every mail, and hands over whom it is for.
fn takes_mail(listener: TcpListener) -> mpsc::Receiver<String> {
    let (taken, mails) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let _ = take_one(socket.unwrap(), &taken);
        }
    });
    mails
}

fn take_one(mut socket: TcpStream, taken: &mpsc::Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    let (mut is_text, mut recipient) = (false, String::new());
    socket.write_all(b"220 here\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer = match line.split(' ').next().unwrap_or_default() {
            "." if is_text => {
                is_text = false;
                let _ = taken.send(std::mem::take(&mut recipient));
                "250 taken"
            }
            _ if is_text => continue,
            "DATA" => {
                is_text = true;
                "354 go on"
            }
            "RCPT" => {
                recipient = line;
                "250 fine"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        socket.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

#[test]
fn mail_that_could_not_be_sent_ahead_of_time_goes_out_once() {
    // Nobody listens there yet.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let machine = Machine::new(&[
        ("SALLY_SMTP_URL", format!("smtp://{address}?tls=none")),
        ("SALLY_MAIL_FROM", "Sally <sally@example.com>".to_owned()),
    ]);
    machine.set(Says::Off(YEAR));
    let invite = json!({ "workspaceId": machine.made["workspaceSlug"], "email": "mia@example.com", "role": "MEMBER" });
    machine.post("/api/auth/invite", invite);
    // Tried, and put off for a minute of next year.
    let problem = || {
        let conn = rusqlite::Connection::open(machine.file()).unwrap();
        conn.query_row("select attempts from mail", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    wait_until("a first attempt", || problem() == 1);
    let mails = takes_mail(TcpListener::bind(address).unwrap());
    machine.set(TRUE);
    let recipient = mails.recv_timeout(Duration::from_secs(60)).expect("the mail");
    assert!(recipient.contains("mia@example.com"), "{recipient}");
    for says in [Says::Off(YEAR), Says::Off(-YEAR), Says::Still(0), TRUE] {
        machine.set(says);
        assert!(mails.recv_timeout(A_WHILE / 2).is_err(), "{says:?}: the mail came again");
    }
}
