//! The shapes that editors and scripts see.

use super::*;

#[test]
fn updates_as_json() {
    let citation = Citation { path: "src/a.rs".into(), line: 12, symbol: Some("Config".into()), ok: true };
    let evidence = Evidence { path: "src/a.rs".into(), lines: (10, 31), why: "definition of Config".into() };
    for (update, expected) in [
        (Update::Status { text: "reading".into() }, r#"{"kind":"status","text":"reading"}"#),
        (Update::Text { text: "a".into() }, r#"{"kind":"text","text":"a"}"#),
        (
            Update::Evidence(evidence),
            r#"{"kind":"evidence","path":"src/a.rs","lines":[10,31],"why":"definition of Config"}"#,
        ),
        (Update::Citation(citation), r#"{"kind":"citation","path":"src/a.rs","line":12,"symbol":"Config","ok":true}"#),
    ] {
        assert_eq!(serde_json::to_string(&update).unwrap(), expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("latin1.py"), b"caf\xe9 = 1\n").unwrap();
    let sources = Sources { workspace: Arc::new(Workspace::new(dir.path())), open: Arc::new(|_| None) };
    for (path, reason) in [
        ("latin1.py", "not UTF-8 (the first bad byte is at offset 3); convert the file to UTF-8 to use it"),
        ("nowhere.py", "No such file or directory (os error 2)"),
        (".", "not a plain file"),
    ] {
        let error = sources.read(Path::new(path)).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read {}: {reason}", dir.path().join(path).display()));
    }
}

#[test]
fn what_an_editor_has_open_goes_before_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.py"), "on disk").unwrap();
    let open: OpenDocuments =
        Arc::new(|path| path.ends_with("a.py").then(|| Snapshot::of_text(Some(path.to_owned()), "in the editor")));
    let sources = Sources { workspace: Arc::new(Workspace::new(dir.path())), open };
    assert_eq!(sources.read(Path::new("a.py")).unwrap().rope().to_string(), "in the editor");
}
