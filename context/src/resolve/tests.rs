//! Names that are followed through small workspaces, to `path:line` of their definitions.

use std::fs;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::workspace::ScanLimits;

fn workspace(files: &[(&str, &str)]) -> (tempfile::TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let workspace = Workspace::new(dir.path());
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    (dir, workspace)
}

fn check(workspace: &Workspace, from: &str, cases: &[(&str, &str)]) {
    let file = workspace.file(&workspace.root().join(from)).unwrap();
    for (name, expected) in cases {
        let found = resolve(workspace, &file.path, &file.imports, name);
        let show =
            |found: &Found| format!("{}:{}", workspace.display_path(&found.file.path), found.definition().lines.0 + 1);
        assert_eq!(found.iter().map(show).collect::<Vec<_>>().join(" "), *expected, "{name} in {from}");
    }
}

#[test]
fn modules_of_rust() {
    let (_dir, workspace) = workspace(&[
        ("app/Cargo.toml", "[package]\nname = \"the-app\"\n"),
        (
            "app/src/lib.rs",
            "mod net;\nmod util;\npub use net::client::Client as Public;\npub mod inline {\n    pub fn nested() {}\n}\n",
        ),
        (
            "app/src/net/mod.rs",
            "pub mod client;\nuse super::util::*;\nuse self::client::connect;\nuse crate::inline::nested;\nuse client::Kind;\n",
        ),
        (
            "app/src/net/client.rs",
            "use super::super::util::help as aid;\nuse crate::Public;\npub struct Client;\npub fn connect() {}\npub enum Kind {\n    Fast,\n}\nuse Kind::Fast;\n",
        ),
        ("app/src/util.rs", "pub fn help() {}\npub fn other() {}\n"),
        ("app/tests/it.rs", "mod common;\nuse common::setup;\nuse the_app::{Public, inline::nested};\n"),
        ("app/tests/common/mod.rs", "pub fn setup() {}\n"),
        ("tool/Cargo.toml", "[package]\nname = \"tool\"\n"),
        ("tool/src/main.rs", "use the_app::Public;\nuse nowhere::Thing;\nuse crate::missing;\nmod looped;\n"),
        ("tool/src/looped.rs", "pub use self::looped::x;\npub use crate::looped::x as looped;\n"),
    ]);
    check(
        &workspace,
        "app/src/net/mod.rs",
        &[
            ("help", "app/src/util.rs:1"),
            ("connect", "app/src/net/client.rs:4"),
            ("nested", "app/src/lib.rs:5"),
            ("Kind", "app/src/net/client.rs:5"),
            ("absent", ""),
        ],
    );
    check(&workspace, "app/src/net/client.rs", &[("aid", "app/src/util.rs:1"), ("Public", "app/src/net/client.rs:3")]);
    check(
        &workspace,
        "app/tests/it.rs",
        &[
            ("setup", "app/tests/common/mod.rs:1"),
            ("Public", "app/src/net/client.rs:3"),
            ("nested", "app/src/lib.rs:5"),
        ],
    );
    check(
        &workspace,
        "tool/src/main.rs",
        &[("Public", "app/src/net/client.rs:3"), ("Thing", ""), ("missing", ""), ("looped", "")],
    );
    check(&workspace, "tool/src/looped.rs", &[("x", ""), ("looped", "")]);
}

/// Modules that bring in everything from each other: nine of them have more ways through them than can be walked.
#[test]
fn what_was_asked_in_vain_is_not_asked_again() {
    const MODULES: usize = 9;
    let others = |own: usize| (0..MODULES).filter(move |other| *other != own);
    let mesh = |own: usize| others(own).map(|other| format!("pub use crate::m{other}::*;\n")).collect::<String>();
    let mut files: Vec<(String, String)> =
        (0..MODULES).map(|own| (format!("src/m{own}.rs"), mesh(own) + "pub fn own() {}\n")).collect();
    let declared: String = (0..MODULES).map(|own| format!("mod m{own};\n")).collect();
    files.push(("src/lib.rs".to_owned(), declared + "mod last;\nuse crate::m0::*;\nuse crate::last::*;\n"));
    files.push(("src/last.rs".to_owned(), "pub fn behind() {}\n".to_owned()));
    files.push(("Cargo.toml".to_owned(), "[package]\nname = \"mesh\"\n".to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (_dir, workspace) = workspace(&files);
    check(&workspace, "src/lib.rs", &[("own", "src/m0.rs:9"), ("absent", ""), ("behind", "src/last.rs:1")]);

    let walk = Walk { reach: Reach::Everywhere, left: Cell::new(MOST_FOLLOWED), asked: RefCell::default() };
    let (from, steps) = (workspace.root().join("src/lib.rs"), Steps { deep: MOST_STEPS, walk: &walk });
    let path = ["crate", "m0", "absent"].map(str::to_owned);
    assert!(follow(&workspace, &from, &path, steps).is_none());
    assert_eq!(walk.left.get(), 0, "it was given up");

    let walk = Walk { reach: Reach::Everywhere, left: Cell::new(MOST_FOLLOWED), asked: RefCell::default() };
    let shallow = Steps { deep: 3, walk: &walk };
    assert!(shallow.next(&from, &path).is_some());
    assert!(shallow.next(&from, &path).is_none(), "it was asked as deep");
    assert!(Steps { deep: 4, ..shallow }.next(&from, &path).is_some(), "deeper than before");
    assert_eq!(walk.left.get(), MOST_FOLLOWED - 2);
}

#[test]
fn past_a_deadline_no_import_is_followed_and_that_is_told() {
    use std::time::{Duration, Instant};
    let files = [
        ("Cargo.toml", "[package]\nname = \"late\"\n"),
        ("src/lib.rs", "mod a;\nuse crate::a::f;\n"),
        ("src/a.rs", "pub fn f() {}\n"),
    ];
    let (_dir, workspace) = workspace(&files);
    let path = workspace.root().join("src/lib.rs");
    let imports = workspace.file(&path).unwrap().imports.clone();
    let found = |deadline| {
        let (found, had_all) = crate::workspace::within(deadline, || resolve(&workspace, &path, &imports, "f"));
        (found.len(), had_all)
    };
    assert_eq!(found(Instant::now() + Duration::from_secs(60)), (1, true));
    assert_eq!(found(Instant::now() - Duration::from_millis(1)), (0, false));
}

#[test]
fn modules_of_python() {
    let (_dir, workspace) = workspace(&[
        ("pack/__init__.py", "from .core import run\nfrom . import helpers\nfrom .star import *\n"),
        ("pack/core.py", "from .helpers import aid as help_me\nfrom ..pack import star\n\ndef run():\n    pass\n"),
        ("pack/helpers.py", "def aid():\n    pass\n"),
        ("pack/star.py", "class Shiny:\n    def glow(self):\n        pass\n"),
        ("pack/typed.pyi", "def typed(x: int) -> str: ...\n"),
        ("bare/inner/mod.py", "LIMIT = 1\n"),
        ("src/lib/__init__.py", "def in_src():\n    pass\n"),
        (
            "main.py",
            "from pack import run, Shiny\nfrom pack.typed import typed\nimport pack.core\nfrom bare.inner.mod import LIMIT\nfrom lib import in_src\nfrom nowhere import thing\nfrom pack.star import *\n",
        ),
        ("pack/both.py", "def typed(x):\n    pass\n\ndef untyped(x):\n    pass\n"),
        ("pack/both.pyi", "\ndef typed(x: int) -> str: ...\n"),
        ("typings/foreign/__init__.pyi", "\n\ndef hand_written() -> int: ...\n"),
        (
            "stubs.py",
            "from pack.both import typed, untyped\nfrom dep import deep, typed as other\nfrom foreign import hand_written, rest\n",
        ),
        (
            ".venv/lib/python3.12/site-packages/foreign/__init__.py",
            "def hand_written():\n    pass\ndef rest():\n    pass\n",
        ),
        (".venv/lib/python3.12/site-packages/dep-stubs/__init__.pyi", "\n\n\ndef typed() -> int: ...\n"),
        (".venv/lib/python3.12/site-packages/dep/__init__.py", "from ._impl import deep\n"),
        (".venv/lib/python3.12/site-packages/dep/_impl.py", "def deep(a, b):\n    pass\n"),
        ("uses.py", "from dep import deep\n"),
    ]);
    check(
        &workspace,
        "main.py",
        &[
            ("run", "pack/core.py:4"),
            ("Shiny", "pack/star.py:1"),
            ("typed", "pack/typed.pyi:1"),
            ("LIMIT", "bare/inner/mod.py:1"),
            ("in_src", "src/lib/__init__.py:1"),
            ("thing", ""),
            ("pack", ""),
        ],
    );
    check(&workspace, "pack/core.py", &[("help_me", "pack/helpers.py:1")]);
    let site_packages = |path: &str| format!(".venv/lib/python3.12/site-packages/{path}");
    check(
        &workspace,
        "stubs.py",
        &[
            ("typed", "pack/both.pyi:2"),
            ("untyped", "pack/both.py:4"),
            ("hand_written", "typings/foreign/__init__.pyi:3"),
            ("rest", &site_packages("foreign/__init__.py:3")),
            ("other", &site_packages("dep-stubs/__init__.pyi:4")),
            ("deep", &site_packages("dep/_impl.py:1")),
        ],
    );
    check(&workspace, "uses.py", &[("deep", ".venv/lib/python3.12/site-packages/dep/_impl.py:1")]);
}
