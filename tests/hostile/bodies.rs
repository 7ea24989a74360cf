//! More than anybody should send: bodies, addresses, heads, lists, names and nesting, over every surface.

use std::io::Write;

use serde_json::json;

use crate::client::{Client, request};
use crate::support::cli::{json_of, run};
use crate::target::Target;

/// An answer is no longer than this, but a form that comes back with what was typed.
const LONGEST_ANSWER: usize = 300_000;
/// How much more memory the server may hold when all of it has come a second time, in KiB.
const GROWTH_KIB: u64 = 16 * 1_024;

struct Case {
    what: String,
    bytes: Vec<u8>,
    /// What it may be answered with.
    statuses: Vec<u16>,
}

fn case(what: impl Into<String>, bytes: Vec<u8>, statuses: &[u16]) -> Case {
    Case { what: what.into(), bytes, statuses: statuses.to_vec() }
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in body.chunks(8_192) {
        write!(all, "{:x}\r\n", part.len()).unwrap();
        all.extend_from_slice(part);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

/// JSON that no program of ours would write. What is around it has room for what it is not refused for.
fn texts() -> Vec<(String, Vec<u8>, u16)> {
    let deep = |open: &str, close: &str| format!("{{\"title\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
    let keys = |many: usize| {
        let pairs: Vec<String> = (0..many).map(|n| format!("\"k{n}\":0")).collect();
        format!("{{{}}}", pairs.join(","))
    };
    let title = |value: &str| format!("{{\"title\":{value}}}").into_bytes();
    let amount = |value: &str| format!("{{\"title\":\"x\",\"value\":{value}}}").into_bytes();
    let text = |what: &str, body: String, status: u16| (what.to_owned(), body.into_bytes(), status);
    let mut texts = vec![
        text("lists 100,000 deep", deep("[", "]"), 400),
        text("lists that never end", "[".repeat(1_000_000), 400),
        text("objects 100,000 deep", deep("{\"a\":", "}"), 400),
        text("objects that never end", "{\"a\":".repeat(150_000), 400),
        text("90,000 names", keys(90_000), 422),
        text("a million names", keys(1_000_000), 413),
        text("a name of 900,000 letters", format!("{{\"{}\":0}}", "x".repeat(900_000)), 422),
        text("a name twice", "{\"title\":\"a\",\"title\":\"b\"}".into(), 400),
        text("the same name, escaped", "{\"title\":\"a\",\"t\\u0069tle\":\"b\"}".into(), 400),
        text("a title of 900,000 letters", format!("{{\"title\":\"{}\"}}", "x".repeat(900_000)), 422),
        text("300,000 labels", format!("{{\"title\":\"x\",\"labels\":[{}0]}}", "0,".repeat(300_000)), 422),
        text(
            "30,000 labels",
            format!(
                "{{\"title\":\"x\",\"labels\":[{}]}}",
                (0..30_000).map(|n| format!("\"l{n}\"")).collect::<Vec<_>>().join(",")
            ),
            422,
        ),
        text("blanks only", " ".repeat(1_000_000), 400),
        text("blanks, then too late", " ".repeat(1_100_000) + "{\"title\":\"x\"}", 413),
    ];
    for (what, bytes) in [
        ("half a pair of UTF-16", title("\"\\ud800\"")),
        ("the other half", title("\"\\udc00x\"")),
        ("halves in the wrong order", title("\"\\udc00\\ud800\"")),
        ("no UTF-8", title("\"\u{fffd}\"").into_iter().map(|byte| if byte == 0xef { 0xff } else { byte }).collect()),
        ("an overlong form", [b"{\"title\":\"".as_slice(), b"\xc0\xaf", b"\"}"].concat()),
        ("a control character as it is", title("\"a\u{1}b\"")),
        ("a byte order mark", [b"\xef\xbb\xbf".as_slice(), &title("\"x\"")].concat()),
        ("no number", amount("NaN")),
        ("endlessly much", amount("Infinity")),
        ("an amount beyond all floats", amount("1e400")),
        ("an exponent beyond all", amount("1e999999999999")),
        ("a hundred thousand digits", amount(&"9".repeat(100_000))),
        ("octal", amount("017")),
        ("plus", amount("+1")),
    ] {
        texts.push((what.to_owned(), bytes, 400));
    }
    for (what, bytes) in [
        ("U+0000", title("\"a\\u0000b\"")),
        ("U+0000 in a list", b"{\"title\":\"x\",\"labels\":[\"a\\u0000b\"]}".to_vec()),
        ("thirty digits", amount(&"9".repeat(30))),
        ("less than nothing", amount("-1")),
        ("a fraction of a cent", amount("0.001")),
        ("a list for a text", title("[\"x\"]")),
        ("an object for a text", title("{\"x\":{}}")),
        ("a number for a text", title("17")),
        ("nothing", title("null")),
    ] {
        texts.push((what.to_owned(), bytes, 422));
    }
    for (what, bytes, status) in [("a list", b"[]".as_slice(), 400), ("a text", b"\"x\"", 400), ("null", b"null", 400)]
    {
        texts.push((what.to_owned(), bytes.to_vec(), status));
    }
    texts
}

/// Sends each, and looks at what comes back.
fn all_are_refused(target: &Target, cases: &[Case]) {
    send_all(target, cases);
    let first = target.server.memory();
    send_all(target, cases);
    target.gives_back(first + GROWTH_KIB);
    target.is_there_for_others();
    target.has_nothing_to_complain_of();
    assert_eq!(json_of(&run(target.folder(), &["verify", "--json"]))["sound"], true);
}

/// A few at a time: whoever is refused before the end is listened to for a second more.
fn send_all(target: &Target, cases: &[Case]) {
    let send = |Case { what, bytes, statuses }: &Case| {
        let mut client = Client::open(target.address);
        // Whoever is refused before the end need not take the rest.
        let _ = client.say(bytes);
        let ended = client.end(what);
        let answered = ended.statuses();
        let is_clear = answered.len() == 1 && statuses.contains(&answered[0]) && ended.text.len() < LONGEST_ANSWER;
        let start: String = ended.text.chars().take(400).collect();
        (!is_clear)
            .then(|| format!("{what}: {answered:?} instead of {statuses:?}, {} bytes: {start}", ended.text.len()))
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let some = cases.chunks(cases.len().div_ceil(2));
        let senders: Vec<_> =
            some.map(|cases| scope.spawn(|| cases.iter().filter_map(send).collect::<Vec<_>>())).collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn rest_takes_no_more_than_it_should() {
    let target = Target::start(&[]);
    let bearer = format!("Bearer {}", target.api_key);
    let auth = ("Authorization", bearer.as_str());
    let json_body = ("Content-Type", "application/json");
    let post = "POST /api/crm/deals";
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        request(target.address, post, &[&[auth, json_body], headers].concat(), body)
    };
    let mut cases = Vec::new();
    for (what, body, status) in texts() {
        cases.push(case(
            format!("{what}, in chunks"),
            [send(&[("Transfer-Encoding", "chunked")], b""), chunked(&body)].concat(),
            &[status],
        ));
        cases.push(case(what, send(&[], &body), &[status]));
    }
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "x-gzip", "GZIP"] {
        cases.push(case(coding, send(&[("Content-Encoding", coding)], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), &[415]));
    }
    cases.push(case("not packed", send(&[("Content-Encoding", "identity")], b"{\"title\":\"x\"}"), &[201]));
    let declared = |length: &str| request(target.address, post, &[auth, json_body, ("Content-Length", length)], b"");
    cases.push(case("a gigabyte, it says", declared("1073741824"), &[413]));
    cases.push(case("more than a number holds, it says", declared("99999999999999999999999999"), &[400]));

    let get = |line: &str, headers: &[(&str, &str)]| request(target.address, line, &[&[auth], headers].concat(), b"");
    let parameters = |many: usize| (0..many).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    cases.extend([
        case("100,000 parameters", get(&format!("GET /api/crm/deals?{}", parameters(100_000)), &[]), &[431]),
        case("8,000 parameters", get(&format!("GET /api/crm/deals?{}", parameters(8_000)), &[]), &[422]),
        case("a parameter 8,000 times", get(&format!("GET /api/crm/deals?{}", "a=1&".repeat(8_000)), &[]), &[422]),
        case(
            "a parameter of 100,000 letters",
            get(&format!("GET /api/crm/deals?status={}", "x".repeat(100_000)), &[]),
            &[400],
        ),
        case("a search of 30,000 words", get(&format!("GET /api/search?query={}", "a+".repeat(30_000)), &[]), &[422]),
        case("an address of 1 MB", get(&format!("GET /api/crm/deals/{}", "x".repeat(1_000_000)), &[]), &[431]),
        case("an address of 60 KB", get(&format!("GET /api/crm/deals/{}", "x".repeat(60_000)), &[]), &[404, 422]),
        case("30,000 steps down", get(&format!("GET /api{}", "/a".repeat(30_000)), &[]), &[404]),
        case("30,000 steps up", get(&format!("GET /api{}", "/..".repeat(20_000)), &[]), &[400, 404]),
        case("a header of 1 MB", get("GET /api/crm/deals", &[("X-Filler", &"x".repeat(1_000_000))]), &[431]),
        case("a name of 1 MB", get("GET /api/crm/deals", &[(&"x".repeat(1_000_000), "x")]), &[400, 431]),
        case("a thousand headers", get("GET /api/crm/deals", &[("X-Filler", "x"); 1_000]), &[400, 431]),
        case(
            "a key of 100 KB",
            request(
                target.address,
                "GET /api/crm/deals",
                &[("Authorization", &format!("Bearer {}", "x".repeat(100_000)))],
                b"",
            ),
            &[401],
        ),
        case(
            "a body of a GET",
            request(target.address, "GET /api/crm/deals", &[auth, json_body], b"{\"limit\":1}"),
            &[400],
        ),
        case(
            "a cursor of 100 KB",
            get(&format!("GET /api/crm/deals?cursor={}", "A".repeat(100_000)), &[]),
            &[400, 422],
        ),
        case("a method of 100 KB", get(&format!("{} /api/crm/deals", "X".repeat(100_000)), &[]), &[400, 404, 405]),
    ]);
    all_are_refused(&target, &cases);
}

#[test]
fn files_of_forms_end_somewhere() {
    let target = Target::start(&[("SALLY_UPLOAD_LIMIT_MIB", "2")]);
    let project = json!({ "name": "Website", "key": "WEB" });
    assert_eq!(target.server.post("/api/projects", &target.api_key, &project).unwrap().0, 201);
    let task = json!({ "projectId": "WEB", "title": "Draw" });
    assert_eq!(target.server.post("/api/tasks", &target.api_key, &task).unwrap().0, 201);
    let bearer = format!("Bearer {}", target.api_key);
    let post = "POST /api/tasks/WEB-1/image-upload";
    let of = |kind: &str, key: &str, body: &[u8]| {
        request(target.address, post, &[("Authorization", key), ("Content-Type", kind)], body)
    };
    let form = "multipart/form-data; boundary=b";
    let part = |name: &str, content: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let parts = |many: usize| (0..many).map(|n| part(&format!("p{n}"), "x")).collect::<String>();
    let (nested, endless) = ("multipart/mixed; boundary=c", "Content-Disposition: form-data; name=\"a\"\r\n");
    let mut cases = vec![
        case("parts that never end", of(form, &bearer, parts(20_000).as_bytes()), &[400]),
        case("20,000 parts", of(form, &bearer, (parts(20_000) + "--b--\r\n").as_bytes()), &[400, 422]),
        case("a part 20,000 times", of(form, &bearer, (part("a", "x").repeat(20_000) + "--b--\r\n").as_bytes()), &[422]),
        case("more parts than fit", of(form, &bearer, part("a", &"x".repeat(1_000)).repeat(4_000).as_bytes()), &[413]),
        case("a part that never begins", of(form, &bearer, "--b\r\nX: ".as_bytes()), &[400]),
        case(
            "a part with a head of 1 MB",
            of(form, &bearer, format!("--b\r\nX: {}\r\n\r\nx\r\n--b--\r\n", "x".repeat(1_000_000)).as_bytes()),
            &[400, 422],
        ),
        case("a part with 100,000 headers", of(form, &bearer, format!("--b\r\n{}\r\nx\r\n--b--\r\n", "X: y\r\n".repeat(100_000)).as_bytes()), &[400, 422]),
        case("a part that says where it goes 10,000 times", of(form, &bearer, format!("--b\r\n{}\r\nx\r\n--b--\r\n", endless.repeat(10_000)).as_bytes()), &[400, 422]),
        case("no boundary", of("multipart/form-data", &bearer, parts(1).as_bytes()), &[400]),
        case("an empty boundary", of("multipart/form-data; boundary=", &bearer, parts(1).as_bytes()), &[400]),
        case("a boundary of 50 KB", of(&format!("multipart/form-data; boundary={}", "b".repeat(50_000)), &bearer, parts(1).as_bytes()), &[400]),
        case("no form at all", of(form, &bearer, &[0; 10_000]), &[400]),
        case("nothing", of(form, &bearer, b"--b--\r\n"), &[400, 422]),
        case(
            "a form in a form",
            of(form, &bearer, format!("--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: {nested}\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n").as_bytes()),
            &[400, 422],
        ),
        case(
            "a file name that leads elsewhere",
            of(form, &bearer, b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../etc/passwd\"\r\n\r\nx\r\n--b--\r\n"),
            &[422],
        ),
    ];
    // Not even read, for a stranger.
    cases.push(case("a stranger's", of(form, "Bearer nobody", parts(20_000).as_bytes()), &[401]));
    all_are_refused(&target, &cases);
}

#[test]
fn mcp_takes_no_more_than_it_should() {
    let target = Target::start(&[]);
    let bearer = format!("Bearer {}", target.mcp_key);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let send = |body: &[u8]| request(target.address, "POST /mcp", &headers, body);
    let mut cases = Vec::new();
    // A tool that fails says so in an answer of its own.
    let call = |arguments: &[u8]| {
        let start = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"crm.deal.create\",\"arguments\":".as_slice();
        send(&[start, arguments, b"}}"].concat())
    };
    for (what, body, status) in texts() {
        let own = match status {
            422 => vec![200],
            // What surrounds it makes them larger, or wrong in another way.
            _ => vec![200, 400, 413],
        };
        cases.push(case(format!("{what} as arguments"), call(&body), &own));
        cases.push(case(format!("{what} as a message"), send(&body), &[400, 413]));
    }
    let message = |method: &str, id: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\"}}");
    cases.extend([
        case("a method of 900,000 letters", send(message(&"x".repeat(900_000), "1").as_bytes()), &[200, 400, 404]),
        case(
            "an id of 100,000 letters",
            send(message("ping", &format!("\"{}\"", "x".repeat(100_000))).as_bytes()),
            &[200],
        ),
        case("an id of 100,000 digits", send(message("ping", &"9".repeat(100_000)).as_bytes()), &[400]),
        case(
            "15,000 messages at once",
            send(format!("[{}]", vec![message("ping", "1"); 15_000].join(",")).as_bytes()),
            &[400],
        ),
        case(
            "a gigabyte, it says",
            request(target.address, "POST /mcp", &[&headers[..], &[("Content-Length", "1073741824")]].concat(), b""),
            &[413],
        ),
        case(
            "packed",
            request(target.address, "POST /mcp", &[&headers[..], &[("Content-Encoding", "gzip")]].concat(), b"x"),
            &[415],
        ),
        case(
            "100,000 wishes",
            request(
                target.address,
                &format!("POST /mcp?{}", "names=dotted&".repeat(9_000)),
                &headers,
                message("ping", "1").as_bytes(),
            ),
            &[200, 400, 431],
        ),
        case(
            "a session of 100 KB",
            request(
                target.address,
                "POST /mcp",
                &[&headers[..], &[("Mcp-Session-Id", &"x".repeat(100_000))]].concat(),
                message("ping", "1").as_bytes(),
            ),
            &[404],
        ),
    ]);
    all_are_refused(&target, &cases);
}

#[test]
fn pages_take_no_more_than_they_should() {
    let target = Target::start(&[]);
    let cookie = format!("sally_session={}", target.api_key);
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Accept", "text/html"),
    ];
    let fields = |many: usize| (0..many).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    let mut cases = Vec::new();
    for page in [
        "/login",
        "/crm/deals/new",
        "/projects/new",
        "/settings/profile",
        "/oauth/token",
        "/oauth/register",
        "/forgot-password",
    ] {
        let send = |body: &[u8]| request(target.address, &format!("POST {page}"), &headers, body);
        for (what, body) in [
            ("100,000 fields", fields(100_000)),
            ("40,000 choices", (0..40_000).map(|n| format!("take.a{n}=theirs")).collect::<Vec<_>>().join("&")),
            ("1,900 choices", (0..1_900).map(|n| format!("take.a{n}=theirs")).collect::<Vec<_>>().join("&")),
            ("a field 100,000 times", "title=x&".repeat(100_000)),
            ("a name of 900,000 letters", format!("{}=1", "x".repeat(900_000))),
            ("a text of 900,000 letters", format!("title={0}&name={0}&email={0}", "x".repeat(200_000))),
            ("escapes that are none", "%".repeat(900_000)),
            ("U+0000", "title=a%00b&name=a%00b&email=a%00b&password=%00".to_owned()),
            ("no UTF-8", "title=%ff%fe&name=%ff&email=%ff&password=%ff".to_owned()),
            ("too much", "x".repeat(2_000_000)),
        ] {
            let statuses: Vec<u16> = (400..=431).collect();
            cases.push(case(format!("{page}: {what}"), send(body.as_bytes()), &statuses));
        }
    }
    for (what, bytes) in [
        ("100,000 filters", format!("/crm/deals?{}", fields(10_000))),
        ("a filter of 100 KB", format!("/tasks?q={}", "x".repeat(100_000))),
        ("a deep address", "/a".repeat(30_000)),
    ] {
        let get = request(target.address, &format!("GET {bytes}"), &headers[..1], b"");
        cases.push(case(what, get, &[200, 303, 400, 404, 422, 431]));
    }
    let huge_cookie = format!("sally_session={}", "x".repeat(100_000));
    cases.push(case("a cookie of 100 KB", request(target.address, "GET /", &[("Cookie", &huge_cookie)], b""), &[303]));
    all_are_refused(&target, &cases);
}

#[test]
fn large_bodies_that_do_not_end_take_no_more_than_their_room() {
    const CLIENTS: usize = 300;
    let target = Target::start(&[("SALLY_BODY_TIMEOUT_SECONDS", "300")]);
    let before = target.server.memory();
    let body = format!("{{\"title\":\"{}", "x".repeat(1_000_000));
    let bearer = format!("Bearer {}", target.api_key);
    let mut headers =
        vec![("Content-Type", "application/json"), ("Content-Length", "1040000"), ("Authorization", bearer.as_str())];
    let head = request(target.address, "POST /api/crm/deals", &headers, b"");
    let open = || {
        let mut client = Client::open(target.address);
        // Who is refused is told so before all of it is sent.
        let _ = client.say(&head) && client.say(&body);
        client
    };
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| open()).collect();
    // Which of them is for the server to say: they arrive together.
    let mut heard = vec![0; 4_096];
    let answers = clients.iter_mut().filter_map(|client| client.hear(&mut heard).map(|read| heard[..read].to_vec()));
    let refused =
        answers.filter(|answer| !answer.is_empty()).map(|answer| String::from_utf8(answer).unwrap().to_lowercase());
    let refused: Vec<String> = refused.collect();
    assert!((CLIENTS / 2..CLIENTS).contains(&refused.len()), "{} are refused", refused.len());
    assert!(
        refused.iter().all(|told| told.starts_with("http/1.1 503") && told.contains("retry-after:")),
        "{refused:?}"
    );
    // Small ones have their room all the same, and strangers never have any.
    target.is_there_for_others();
    headers.pop();
    let mut stranger = Client::open(target.address);
    let _ = stranger.say(request(target.address, "POST /api/auth/login", &headers, b"")) && stranger.say(&body);
    assert_eq!(stranger.end("a stranger with much to say").statuses(), [413]);
    drop(clients);
    // Of what they had together the allocator keeps a part for the next ones.
    target.gives_back(before + 64 * 1_024);
    assert_eq!(target.server.get("/api/auth/me", &target.api_key).0, 200);
    target.has_nothing_to_complain_of();
}
