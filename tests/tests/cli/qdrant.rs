//! Vectors on a server that a team shares: what is sent there, what stays, and what happens when it fails.

use halfline_tests::{Act, FakeQdrant, Home, Scripted};
use serde_json::{Value, json};

use crate::Run;
use crate::searching::project;

/// A project whose user named `server`.
fn home(server: &Scripted, more: &str) -> Home {
    let home = project();
    home.add_settings(&format!("[search.qdrant]\nurl = \"http://{}\"\nquery_ms = 300\n{more}", server.host()));
    home.write_embedder();
    home
}

fn run(home: &Home, arguments: &[&str]) -> Run {
    let mut command = home.command();
    command.args(arguments).env("QDRANT_KEY", "key-123");
    Run::of(home, &mut command)
}

fn search(home: &Home, query: &str, by: &str) -> Value {
    let found = run(home, &["search", query, "--root", ".", "--by", by, "--json"]);
    assert_eq!(found.code, Some(0), "{}", found.all());
    found.json()
}

fn index(home: &Home) -> Run {
    let indexed = run(home, &["index", ".", "--vectors", "--json"]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.all());
    indexed
}

/// The paths of the points with the first line of each, and whether another copy has met it.
fn places(server: &FakeQdrant) -> Vec<String> {
    let points = server.points();
    let mut places: Vec<String> = points
        .iter()
        .map(|point| {
            let payload = &point["payload"];
            let shared = if payload["shared"] == true { " shared" } else { "" };
            format!("{}:{}-{}{shared}", payload["path"].as_str().unwrap(), payload["lines"][0], payload["lines"][1])
        })
        .collect();
    places.sort();
    places
}

/// The lines of the audit log about the server.
fn audit(home: &Home) -> Vec<Value> {
    let directory = home.workspace().with_file_name(".local").join("state/halfline/audit");
    let files = std::fs::read_dir(directory).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let text: String = files.into_iter().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn vectors_are_sent_without_text_and_found_there() {
    let qdrant = FakeQdrant::default();
    let server = Scripted::start([qdrant.act()]);
    let home = home(&server, "key_variable = \"QDRANT_KEY\"\n");
    assert_eq!(index(&home).json()["vectors"]["vectors"], 2);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6", "src/net.rs:1-6"]);
    let sent = format!("{:?}", server.received());
    for word in ["Opens a connection", "pub fn", "let client", "key-123\\"] {
        assert!(!sent.contains(word), "{word} was sent: {sent}");
    }
    assert!(server.received().iter().all(|one| one.authorization.as_deref() == Some("Bearer key-123")), "{sent}");

    let found = search(&home, "socket link", "meaning");
    assert_eq!(found["hits"][0]["path"], "src/net.rs", "{found}");
    let dense = &found["retrievers"][0];
    assert_eq!((&dense["chunks"], &dense["why"]), (&json!(2), &Value::Null), "{found}");
    let store = format!("Qdrant at {}, collection halfline-words-2, repository workspace", server.host());
    assert_eq!(dense["store"], store);
    assert!(server.received().iter().filter(|one| one.path.ends_with("/points/query")).count() == 1);

    let lines = audit(&home);
    assert_eq!(lines.len(), 2 * server.received().len(), "one before and one after each request");
    let upsert = lines.iter().find(|line| line["route"] == "vectors of new code").unwrap();
    assert_eq!((&upsert["event"], &upsert["engine"]), (&"sending".into(), &"qdrant".into()), "{upsert}");
    assert_eq!((&upsert["host"], &upsert["files"]), (&server.host().into(), &json!(["src/main.rs", "src/net.rs"])));
    assert!(!format!("{lines:?}").contains("key-123"));
}

#[test]
fn copies_of_one_repository_write_one_set_of_points() {
    let qdrant = FakeQdrant::default();
    let server = Scripted::start([qdrant.act()]);
    let (one, other) = (home(&server, ""), home(&server, ""));
    index(&one);
    index(&other);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6 shared", "src/net.rs:1-6 shared"]);
    let puts = || server.received().iter().filter(|one| one.method == "PUT" && one.path.contains("/points")).count();
    assert_eq!(puts(), 1, "the second copy had nothing to add");

    // What the other copy has met stays when this one changes; what nobody else saw goes when it is changed again.
    one.write("src/net.rs", "pub fn connect() {}\n");
    index(&one);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6 shared", "src/net.rs:1-1", "src/net.rs:1-6 shared"]);
    one.write("src/net.rs", "pub fn connect() {}\n\npub fn link() {}\n");
    index(&one);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6 shared", "src/net.rs:1-3", "src/net.rs:1-6 shared"]);
    assert_eq!(search(&other, "socket link", "meaning")["hits"][0]["lines"], json!([1, 6]));
    assert_eq!(search(&one, "socket link", "meaning")["hits"][0]["lines"], json!([1, 3]));
}

#[test]
fn what_has_to_stay_is_compared_here() {
    let qdrant = FakeQdrant::default();
    let server = Scripted::start([qdrant.act()]);
    let home = home(&server, "[privacy]\nnever_leave = [\"src/net.rs\"]\n");
    home.write("src/key.rs", "const KEY: &str = \"AKIAIOSFODNN7EXAMPLE\";\n");
    index(&home);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6"]);
    let found = search(&home, "socket link", "meaning");
    assert_eq!(found["hits"][0]["path"], "src/net.rs", "{found}");
    let asked = || server.received().iter().filter(|one| one.path.ends_with("/points/query")).count();
    let before = asked();
    let found = search(&home, "what is in src/net.rs", "both");
    assert!(found["retrievers"][1]["why"].as_str().unwrap().contains("the question was not sent"), "{found}");
    assert_eq!(asked(), before);
}

#[test]
fn a_server_that_fails_is_said_to_and_words_are_found() {
    let other = json!({"result": {"config": {"params": {"vectors": {"size": 384, "distance": "Cosine"}}}}});
    let faults = [
        ("is slow", Act::Stall(Vec::new()), "did not answer in time"),
        (
            "refuses",
            Act::Status(401, "Must provide an API key".to_owned()),
            "HTTP status 401: Must provide an API key; see `search.qdrant.key_variable`",
        ),
        ("breaks", Act::Status(500, r#"{"status":{"error":"disk full"}}"#.to_owned()), "HTTP status 500: disk full"),
        (
            "talks nonsense",
            Act::Body("application/json", "{\"result\":".to_owned()),
            "it is not the JSON that was expected",
        ),
        ("is another", Act::Body("application/json", "{}".to_owned()), "`result` is missing"),
        (
            "has other vectors",
            Act::Body("application/json", other.to_string()),
            "has vectors of 384 numbers compared by Cosine, and words makes 2",
        ),
    ];
    for (name, act, why) in faults {
        let server = Scripted::start([act]);
        let home = home(&server, "");
        let found = search(&home, "connect", "both");
        let said = found["retrievers"][1]["why"].as_str().unwrap_or_default();
        assert!(said.starts_with(&format!("Qdrant at {}: ", server.host())) && said.contains(why), "{name}: {found}");
        assert_eq!(found["retrievers"][1]["chunks"], 0, "{name}: {found}");
        assert_eq!(found["hits"][0]["path"], "src/main.rs", "{name}: {found}");
        let failed = run(&home, &["index", ".", "--vectors"]);
        assert!(failed.code == Some(1) && failed.stderr.contains(why), "{name}: {}", failed.all());
    }
    let gone = Scripted::start([]).host();
    let home = project();
    home.add_settings(&format!("[search.qdrant]\nurl = \"http://{gone}\"\n"));
    home.write_embedder();
    let found = search(&home, "connect", "both");
    assert!(found["retrievers"][1]["why"].as_str().unwrap().contains("cannot be reached"), "{found}");
    assert_eq!(found["hits"][0]["path"], "src/main.rs", "{found}");
}

#[test]
fn what_a_failure_left_is_made_good() {
    let qdrant = FakeQdrant::default();
    let full = || Act::Status(507, r#"{"status":{"error":"no space"}}"#.to_owned());
    // The collection is made and counted; then nothing works, and the next time everything does.
    let server = Scripted::start([vec![qdrant.act(); 7], vec![full(), qdrant.act()]].concat());
    let home = home(&server, "");
    let failed = run(&home, &["index", ".", "--vectors"]);
    assert!(failed.code == Some(1) && failed.stderr.contains("no space"), "{}", failed.all());
    assert_eq!(places(&qdrant), [""; 0]);
    index(&home);
    assert_eq!(places(&qdrant), ["src/main.rs:1-6", "src/net.rs:1-6"]);
}

#[test]
fn doctor_says_how_the_server_is() {
    let qdrant = FakeQdrant::default();
    let server = Scripted::start([qdrant.act()]);
    let home = home(&server, "");
    let doctor = || run(&home, &["doctor", "--json"]).json();
    let host = server.host();
    assert_eq!(doctor()["qdrant"], format!("Qdrant 1.15.0 at {host}, no collection yet"));
    index(&home);
    assert_eq!(doctor()["qdrant"], format!("Qdrant 1.15.0 at {host}, halfline-words-2 with 2 vectors"));
    let text = run(&home, &["doctor"]).stdout;
    assert!(text.contains(&format!("vectors      may be sent to Qdrant 1.15.0 at {host}")), "{text}");

    let old = Scripted::start([Act::Body("application/json", r#"{"version": "1.9.2"}"#.to_owned())]);
    let wrong = self::home(&old, "");
    let report = run(&wrong, &["doctor", "--json"]).json();
    let said = report["problems"].to_string();
    assert!(report["qdrant"].is_null() && said.contains("version 1.9.2 is too old; 1.10 is needed"), "{said}");
}
