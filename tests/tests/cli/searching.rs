//! `index`, `search` and `eval` on small workspaces.

use halfline_inference::testing::TinySpec;
use halfline_tests::Home;
use serde_json::json;

use crate::{Run, run};

pub(crate) fn project() -> Home {
    let home = Home::with_model(&TinySpec::saying("<|fim_middle|>", ["connect", "(", ")", ";", "\n"]));
    home.write(
        "src/net.rs",
        "/// Opens a connection.\npub fn connect() -> Client {\n    Client\n}\n\npub struct Client;\n",
    );
    home.write("src/main.rs", "mod net;\nuse net::connect;\n\nfn main() {\n    let client = connect();\n}\n");
    home.write(".env.rs", "fn hidden() {}\n");
    home.write("id_rsa.py", "SECRET = 1\n");
    home
}

#[test]
fn index_says_what_was_found() {
    let home = project();
    let first = run(&home, &["index", ".", "--json"]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    let report = first.json();
    assert_eq!((report["files"].as_u64(), report["read"].as_u64()), (Some(2), Some(2)), "{}", first.all());
    assert_eq!(report["symbols"], 3);
    assert_eq!(report["languages"], json!({"rust": 2}));
    assert_eq!(report["skipped"][0]["path"], "id_rsa.py");
    assert!(report["seconds"].as_f64().is_some() && report["chunks"].as_u64() > Some(0));
    assert_eq!(run(&home, &["index", ".", "--json"]).json()["read"], 0, "the second time all is known");
}

#[test]
fn search_finds_places() {
    let home = project();
    let found = run(&home, &["search", "who opens a connection?", "--root", ".", "--limit", "1", "--json"]);
    assert_eq!(found.code, Some(0), "{}", found.all());
    let hits = found.json()["hits"].clone();
    assert_eq!(hits.as_array().map(Vec::len), Some(1));
    assert_eq!((hits[0]["path"].as_str(), hits[0]["stale"].as_bool()), (Some("src/net.rs"), Some(false)));
    assert_eq!(run(&home, &["search", "zebra"]).stdout, "");
}

#[test]
fn search_by_meaning_says_what_took_part() {
    let home = project();
    let search = |arguments: &[&str], manifest: &std::path::Path| {
        let mut command = home.command();
        command
            .args(["search", "socket link", "--root", ".", "--json"])
            .args(arguments)
            .env("HALFLINE_MANIFEST", manifest);
        let found = Run::of(&home, &mut command);
        assert_eq!(found.code, Some(0), "{}", found.all());
        found.json()
    };
    let absent = home.models().join("empty.toml");
    std::fs::write(&absent, "hub = \"http://127.0.0.1:1\"\n").unwrap();
    let found = search(&[], &absent);
    assert_eq!(found["retrievers"][1]["chunks"], 0);
    assert_eq!(found["retrievers"][1]["why"], "the manifest has no model of the family `static` that makes vectors");
    assert_eq!(found["hits"], json!([]), "none of these words stands in the project");

    let manifest = home.write_embedder();
    let found = search(&[], &manifest);
    let dense = json!({"name": "dense", "model": "words", "chunks": 2, "of": 2, "why": null});
    assert_eq!((&found["retrievers"][0]["name"], &found["retrievers"][1]), (&json!("bm25"), &dense));
    assert_eq!(found["hits"][0]["path"], "src/net.rs");
    assert!(found["hits"][0]["dense"].as_f64() > Some(0.9), "{found}");
    assert_eq!(search(&["--by", "words"], &manifest)["hits"], json!([]));
    assert_eq!(search(&["--path", "**/main.*"], &manifest)["hits"][0]["path"], "src/main.rs");
    assert_eq!(search(&["--language", "python"], &manifest)["hits"], json!([]));
    assert_eq!(
        search(&["--set", "search.embedder=off"], &manifest)["retrievers"][1]["why"],
        "`search.embedder` is off"
    );

    let mut index = home.command();
    index.args(["index", ".", "--vectors", "--json"]).env("HALFLINE_MANIFEST", &manifest);
    let indexed = Run::of(&home, &mut index);
    assert_eq!(
        (&indexed.json()["vectors"]["model"], &indexed.json()["vectors"]["vectors"]),
        (&json!("words"), &json!(2))
    );
    let unknown = run(&home, &["search", "x", "--language", "klingon"]);
    assert!(
        unknown.code == Some(1) && unknown.stderr.contains("`klingon` is not known; known are"),
        "{}",
        unknown.all()
    );
}

#[test]
fn evaluations_score_cases() {
    let home = project();
    let cases = [
        json!({"id": "a", "query": "connection", "root": ".", "relevant": ["src/net.rs"]}),
        json!({"id": "b", "query": "zebra", "root": ".", "relevant": ["src/net.rs"]}),
    ];
    home.write("search.jsonl", &cases.map(|case| case.to_string() + "\n").concat());
    let scored = run(&home, &["eval", "search", "search.jsonl", "--rows", "rows.jsonl", "--json"]);
    assert_eq!(scored.code, Some(0), "{}", scored.all());
    assert_eq!((scored.json()["cases"].as_u64(), scored.json()["recall_at_1"].as_f64()), (Some(2), Some(0.5)));
    let rows = std::fs::read_to_string(home.workspace().join("rows.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 2);

    let case = |id: &str, reference: &str| {
        json!({"id": id, "language": "rust", "path": "src/main.rs", "root": ".", "reference": reference,
            "prefix": "use net::connect;\n\nfn main() {\n    let client = ", "suffix": "\n}\n"})
    };
    home.write("fim.jsonl", &format!("{}\n{}\n", case("right", "connect();\n"), case("wrong", "other();")));
    let scored = run(&home, &["eval", "fim", "fim.jsonl", "--json"]);
    assert_eq!(scored.code, Some(0), "{}", scored.all());
    let report = scored.json();
    assert_eq!((report["exact_match"].as_f64(), report["syntax_valid"].as_f64()), (Some(0.5), Some(1.0)), "{report}");
    assert_eq!(report["languages"]["rust"]["cases"], 2);
    let broken = run(&home, &["eval", "fim", "nowhere.jsonl"]);
    assert_eq!(broken.code, Some(1));
    assert!(broken.stderr.contains("cannot open the data set nowhere.jsonl"), "{}", broken.all());
}
