//! What searches find in a small project, and in which order.

use std::fs;
use std::sync::atomic::AtomicBool;

use expect_test::{Expect, expect};

use super::*;
use crate::workspace::ScanLimits;

fn project() -> (tempfile::TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("project");
    for (path, text) in [
        (
            "src/http/client.rs",
            "/// Sends requests and follows redirects.\npub struct HttpClient {\n    timeout: u64,\n}\n\nimpl HttpClient {\n    pub fn send_request(&self) -> Response {\n        self.retry()\n    }\n}\n",
        ),
        ("src/http/server.rs", "pub struct HttpServer;\n\npub fn serve(server: HttpServer) {\n    accept();\n}\n"),
        ("src/config.rs", "/// Reads the timeout of a client.\npub fn load_config() -> Config {\n    Config\n}\n"),
        ("tests/client.rs", "#[test]\nfn a_client_follows_redirects() {\n    HttpClient::new().send_request();\n}\n"),
        ("tools/redirects.py", "def collect():\n    return 1\n"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let workspace = Workspace::open(root, &dir.path().join("cache"));
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    (dir, workspace)
}

fn check(query: &str, options: SearchOptions, expected: Expect) {
    let (_dir, workspace) = project();
    let show = |hit: &Hit| {
        let stale = if hit.stale { " stale" } else { "" };
        format!("{}:{}-{} {}{stale}\n", hit.path, hit.lines.0, hit.lines.1, hit.symbol.as_deref().unwrap_or("-"))
    };
    expected.assert_eq(&search(&workspace, query, &options).hits.iter().map(show).collect::<String>());
}

#[test]
fn words_names_and_paths() {
    check(
        "where are redirects followed by the client?",
        SearchOptions::default(),
        expect![[r#"
            src/http/client.rs:1-10 HttpClient
            tests/client.rs:1-4 a_client_follows_redirects
            src/config.rs:1-4 load_config
            tools/redirects.py:1-3 collect
        "#]],
    );
    check(
        "`serve` hangs",
        SearchOptions { limit: 1, ..SearchOptions::default() },
        expect![[r#"
        src/http/server.rs:1-5 serve
    "#]],
    );
    check(
        "look at src/config.rs first",
        SearchOptions { limit: 1, ..SearchOptions::default() },
        expect![[r#"
        src/config.rs:1-4 load_config
    "#]],
    );
    check("zebra", SearchOptions::default(), expect![""]);
    check("", SearchOptions::default(), expect![""]);
}

#[test]
fn filters() {
    let python = SearchOptions { language: Some("python".to_owned()), ..SearchOptions::default() };
    check(
        "redirects",
        python,
        expect![[r#"
            tools/redirects.py:1-3 collect
        "#]],
    );
    let inside = SearchOptions { path: Some(PathFilter::new("src/http/").unwrap()), ..SearchOptions::default() };
    check(
        "client config",
        inside,
        expect![[r#"
        src/http/client.rs:1-10 HttpClient
    "#]],
    );
}

#[test]
fn paths_are_globs_or_beginnings() {
    for (filter, path, fits) in [
        ("src/", "src/a.rs", true),
        ("src/", "lib/src/a.rs", false),
        ("", "a.rs", true),
        ("*.rs", "a.rs", true),
        ("*.rs", "src/a.rs", false),
        ("**/*.rs", "src/deep/a.rs", true),
        ("src/{a,b}.rs", "src/b.rs", true),
        ("src/?.rs", "src/ab.rs", false),
    ] {
        assert_eq!(PathFilter::new(filter).unwrap().fits(path), fits, "{filter} {path}");
    }
    assert!(PathFilter::new("src/[a").is_err());
}

#[test]
fn a_hit_says_when_its_file_has_changed() {
    let (_dir, workspace) = project();
    let path = workspace.root().join("src/config.rs");
    let stale = || search(&workspace, "load_config", &SearchOptions::default()).hits[0].stale;
    assert!(!stale());
    fs::write(&path, "pub fn load_config() {}\n").unwrap();
    assert!(stale());
    workspace.update(&path).unwrap();
    assert!(!stale());
}
