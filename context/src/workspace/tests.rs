//! Scans of small directories, with everything in them that a scan must not touch or trip over.

use std::fs;

use expect_test::expect;

use super::*;

fn scan(workspace: &Workspace) -> ScanReport {
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false))
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn found(workspace: &Workspace, name: &str) -> Vec<String> {
    let places = workspace.find(name);
    places
        .iter()
        .map(|found| format!("{}:{}", workspace.display_path(&found.file.path), found.definition().lines.0 + 1))
        .collect()
}

#[test]
fn finds_definitions_and_leaves_out_what_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "src/a.rs", "fn shared() {}\n\nstruct Only;\n");
    write(root, "src/b.py", "def shared():\n    pass\n");
    write(root, "notes.txt", "fn in_a_text() {}");
    write(root, ".gitignore", "generated/\n");
    write(root, "generated/g.rs", "fn generated() {}");
    write(root, ".hidden/h.rs", "fn hidden() {}");
    write(root, "id_rsa.py", "def secret(): pass");
    write(root, "latin1.py", b"def caf\xe9(): pass");
    write(root, "binary.rs", b"fn binary() {}\0");
    write(root, "large.py", "def large(): pass\n".repeat(70_000));
    write(root, "empty.rs", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink(root, root.join("src/loop")).unwrap();

    let workspace = Workspace::new(root);
    let mut report = scan(&workspace);
    report.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    let skipped: Vec<String> =
        report.skipped.iter().map(|one| format!("{}: {}\n", workspace.display_path(&one.path), one.why)).collect();
    expect![[r#"
        binary.rs: binary, not text
        id_rsa.py: files like this tend to hold secrets
        large.py: 1260000 bytes, over the limit of 1048576
        latin1.py: not UTF-8 (the first bad byte is at offset 7); convert the file to UTF-8 to use it
    "#]]
    .assert_eq(&skipped.concat());
    assert!(report.complete);
    assert_eq!((report.files, report.symbols), (3, 3));
    assert_eq!(found(&workspace, "shared"), ["src/a.rs:1", "src/b.py:1"]);
    assert_eq!(found(&workspace, "Only"), ["src/a.rs:3"]);
    for absent in ["in_a_text", "generated", "hidden", "secret", "large", "binary"] {
        assert_eq!(found(&workspace, absent), Vec::<String>::new(), "{absent}");
    }
}

#[test]
fn follows_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.rs", "fn old() {}");
    write(dir.path(), "b.rs", "fn gone() {}");
    let workspace = Workspace::new(dir.path());
    scan(&workspace);
    write(dir.path(), "a.rs", "\nfn renamed() {}");
    fs::remove_file(dir.path().join("b.rs")).unwrap();
    workspace.update(&dir.path().join("a.rs")).unwrap();
    assert_eq!(found(&workspace, "old"), Vec::<String>::new());
    assert_eq!(found(&workspace, "renamed"), ["a.rs:2"]);
    assert_eq!(found(&workspace, "gone"), ["b.rs:1"]);
    assert_eq!(scan(&workspace).files, 1);
    assert_eq!(found(&workspace, "gone"), Vec::<String>::new());
}

#[test]
fn stops_at_a_limit_and_forgets_nothing_then() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        write(dir.path(), &format!("f{n}.rs"), format!("fn f{n}() {{}}"));
    }
    let workspace = Workspace::new(dir.path());
    let limits = ScanLimits { files: 2, ..ScanLimits::default() };
    let report = workspace.scan(&limits, &AtomicBool::new(false));
    assert_eq!((report.files, report.complete), (2, false));
    assert_eq!(scan(&workspace).files, 5);
    let report = workspace.scan(&ScanLimits::default(), &AtomicBool::new(true));
    assert_eq!((report.files, report.complete), (5, false));
}

#[test]
fn a_root_that_is_not_there_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let report = scan(&Workspace::new(dir.path().join("nowhere")));
    assert_eq!(report.files, 0);
    assert_eq!(report.skipped.len(), 1);
}

#[test]
fn secrets_are_told_by_name() {
    for (path, expected) in [
        (".env", true),
        ("a/.env.local", true),
        ("server.pem", true),
        ("ID_RSA", true),
        ("credentials", true),
        ("environment.py", false),
        ("keys.rs", false),
        ("src", false),
    ] {
        assert_eq!(is_secret(Path::new(path)), expected, "{path}");
    }
}
