//! Windows within a budget, that stay where they are while one types; and the pieces that are shown beside them.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::Document;
use crate::budget::RoughCounter;
use crate::workspace::ScanLimits;

/// One token for each character, which makes budgets easy to reason about.
struct Chars;

impl TokenCounter for Chars {
    fn count(&self, text: &str) -> usize {
        text.chars().count()
    }
}

fn budget(prefix_tokens: usize, suffix_tokens: usize, piece_tokens: usize) -> Budget {
    Budget { prefix_tokens, suffix_tokens, piece_tokens, time: Duration::from_secs(60) }
}

fn windows(text: &str, cursor: usize, prefix: usize, suffix: usize) -> CompletionContext {
    let snapshot = Snapshot::of_text(None, text);
    gather_completion(&snapshot, cursor, &budget(prefix, suffix, 0), &Chars, None, Beside::Fresh(&Attention::default()))
}

proptest! {
    #[test]
    fn windows_are_the_text_around_the_cursor_within_the_budget(
        pieces in prop::collection::vec(prop_oneof![Just("\n"), Just("word "), Just("é"), Just("😀"), Just("\r\n")], 0..300),
        at: usize, prefix in 0usize..200, suffix in 0usize..200,
    ) {
        let text = pieces.concat();
        let chars: Vec<char> = text.chars().collect();
        let cursor = at % (chars.len() + 1);
        let found = windows(&text, cursor, prefix, suffix);
        prop_assert!(Chars.count(&found.prefix) <= prefix);
        prop_assert!(Chars.count(&found.suffix) <= suffix);
        prop_assert!(chars[..cursor].iter().collect::<String>().ends_with(&found.prefix));
        prop_assert!(chars[cursor..].iter().collect::<String>().starts_with(&found.suffix));
        if cursor <= prefix {
            prop_assert_eq!(found.prefix.chars().count(), cursor, "everything is shown while it fits");
        }
    }
}

#[test]
fn the_start_of_the_prefix_moves_rarely_while_typing() {
    let typed: String = (0..400).map(|n| format!("    line number {n} of it\n")).collect();
    for (name, counter, tokens) in [
        ("four bytes to a token", &RoughCounter as &dyn TokenCounter, 150),
        ("one byte to a token", &Chars as &dyn TokenCounter, 600),
    ] {
        let mut document = Document::new(None, "rust", 0, "fn f() {\n");
        let (mut starts, mut shortest) = (HashSet::new(), usize::MAX);
        for ch in typed.chars() {
            let end = document.snapshot().rope().len_chars();
            document.replace(end..end, &ch.to_string());
            let found = gather_completion(
                &document.snapshot(),
                end + 1,
                &budget(tokens, 0, 0),
                counter,
                None,
                Beside::Fresh(&Attention::default()),
            );
            starts.insert(end + 1 - found.prefix.chars().count());
            if end > 1200 {
                shortest = shortest.min(counter.count(&found.prefix));
            }
        }
        assert!(starts.len() * 100 < typed.len(), "{name}: {} starts in {} keystrokes", starts.len(), typed.len());
        assert!(shortest * 4 > tokens, "{name}: a window of {shortest} tokens");
    }
}

#[test]
fn a_very_long_line_is_cut_within() {
    let text = "x".repeat(3_000_000);
    let found = windows(&text, 2_000_000, 500, 50);
    assert!(found.prefix.len() > 100 && found.prefix.len() <= 500, "{}", found.prefix.len());
    assert_eq!(found.suffix.len(), 50);
}

fn project() -> (tempfile::TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "src/config.rs",
            "/// Where to connect.\npub struct Config {\n    pub host: String,\n}\n\nimpl Config {\n    pub fn load(path: &str) -> Config {\n        todo()\n    }\n    fn hidden_detail(&self) {}\n}\n",
        ),
        (
            "src/net.rs",
            "pub fn connect(config: &Config, retries: usize) -> Client {\n    Client\n}\npub struct Client;\n",
        ),
        ("one/util.rs", "pub fn common() {}\n"),
        ("src/util.rs", "pub fn common(near: bool) {}\n"),
        ("tool.py", "def connect():\n    pass\n"),
    ] {
        fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        fs::write(dir.path().join(path), text).unwrap();
    }
    let workspace = Workspace::new(dir.path());
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    (dir, workspace)
}

fn pieces_for(marked: &str, budget: &Budget) -> String {
    let (dir, workspace) = project();
    let cursor = marked.find("$0").unwrap();
    let snapshot = Snapshot::of_text(Some(dir.path().join("src/main.rs")), &marked.replace("$0", ""));
    let cursor = marked[..cursor].chars().count();
    let context =
        gather_completion(&snapshot, cursor, budget, &Chars, Some(&workspace), Beside::Fresh(&Attention::default()));
    let show = |piece: &Piece| format!("## {} {:?} {}\n{}\n", piece.path, piece.lines, piece.why, piece.text);
    context.pieces.iter().map(show).collect()
}

#[test]
fn definitions_of_names_near_the_cursor() {
    let text = "use crate::config::Config;\n\nfn main() {\n    let config = Config::load(\"a\");\n    connect($0\n}\n";
    expect![[r#"
        ## src/config.rs (1, 4) definition of Config, named nearby
        /// Where to connect.
        pub struct Config {
            pub host: String,
        }
        impl Config {
            pub fn load(path: &str) -> Config
            fn hidden_detail(&self)
        ## src/net.rs (1, 1) definition of connect, which is being called
        pub fn connect(config: &Config, retries: usize) -> Client
        ## src/net.rs (4, 4) definition of Client, returned by what is named nearby
        pub struct Client;
    "#]]
    .assert_eq(&pieces_for(text, &budget(400, 100, 1000)));
}

#[test]
fn a_name_being_typed_changes_nothing() {
    let text = "fn main() {\n    connect$0\n}\n";
    assert_eq!(pieces_for(text, &budget(400, 100, 1000)), "");
}

#[test]
fn of_several_definitions_the_nearest() {
    let text = "fn main() {\n    common();\n    $0\n}\n";
    expect![[r#"
        ## src/util.rs (1, 1) definition of common, named nearby
        pub fn common(near: bool)
    "#]]
    .assert_eq(&pieces_for(text, &budget(400, 100, 1000)));
}

#[test]
fn what_the_window_does_not_show_of_this_file() {
    let filler = "    let x = 1;\n".repeat(40);
    let text = format!(
        "use crate::config::Config;\n\nfn helper(a: u8) -> u8 {{\n    a\n}}\n\nfn main() {{\n{filler}    helper(1);\n    $0\n}}\n"
    );
    expect![[r#"
        ## src/main.rs (1, 1) imports of this file
        use crate::config::Config;
        ## src/main.rs (3, 3) definition of helper, named nearby
        fn helper(a: u8) -> u8
        ## src/config.rs (1, 4) definition of Config, imported and not used yet
        /// Where to connect.
        pub struct Config {
            pub host: String,
        }
        impl Config {
            pub fn load(path: &str) -> Config
            fn hidden_detail(&self)
    "#]]
    .assert_eq(&pieces_for(&text, &budget(200, 100, 1000)));
}

#[test]
fn pieces_keep_to_their_budget() {
    let text = "fn main() {\n    Config::load(\"a\");\n    connect(1);\n    $0\n}\n";
    let shown = pieces_for(text, &budget(400, 100, 90));
    assert!(shown.contains("fn connect") && !shown.contains("struct Config"), "{shown}");
}

#[test]
fn code_like_the_lines_above_the_cursor() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let handler = |name: &str, last: &str| {
        format!(
            "def handle_{name}(request, store):\n    user = store.user_of(request.token)\n    if user is None:\n        raise Forbidden(request.path)\n    {name} = store.load(request.key)\n    {last}\n"
        )
    };
    let other = format!("import store\n\n\n{}", handler("invoice", "return render(invoice, user.locale)"));
    fs::write(dir.path().join("invoices.py"), other).unwrap();
    fs::write(dir.path().join("noise.py"), "def add(a, b):\n    return a + b\n".repeat(9)).unwrap();
    let workspace = Workspace::open(dir.path(), cache.path());
    let scan = || workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let shown = |text: &str| -> String {
        let snapshot = Snapshot::of_text(Some(dir.path().join("orders.py")), text);
        let cursor = text.chars().count();
        let context = gather_completion(
            &snapshot,
            cursor,
            &budget(400, 100, 400),
            &Chars,
            Some(&workspace),
            Beside::Fresh(&Attention::default()),
        );
        let show = |piece: &Piece| format!("## {} {:?} {}\n{}\n", piece.path, piece.lines, piece.why, piece.text);
        context.pieces.iter().map(show).collect()
    };
    let order = format!("import store\n\n\n{}", handler("order", ""));
    // What was found before there was an index holds no longer once there is one.
    assert_eq!(shown(&order), "");
    scan();
    let found = shown(&order);
    expect![[r#"
        ## invoices.py (5, 9) like the lines above the cursor
            user = store.user_of(request.token)
            if user is None:
                raise Forbidden(request.path)
            invoice = store.load(request.key)
            return render(invoice, user.locale)
    "#]]
    .assert_eq(&found);
    // While nothing it depends on changes, it is found without reading anything.
    fs::remove_file(dir.path().join("invoices.py")).unwrap();
    assert_eq!(shown(&order), found);
    scan();
    assert_eq!(shown(&order), "");
    assert_eq!(shown("import json\n\n\ndef read(path):\n    text = path.read_text()\n    \n    \n    \n"), "");
}

#[test]
fn what_has_the_persons_attention() {
    let (dir, workspace) = project();
    let at = |path: &str, text: &str| Snapshot::of_text(Some(dir.path().join(path)), text);
    let numbered: String = (1..=40).map(|line| format!("// {line}\n")).collect();
    let (other, own) = (at("src/net.rs", &numbered), at("src/main.rs", "fn main() {\n    \n}\n"));
    let attention = Attention {
        edits: vec![(at(".env", "KEY=1\n"), 0), (other.clone(), 20), (own.clone(), 1), (other, 22)],
        problems: vec![(1, "expected `u8`, found `&str`\nmore".to_owned()), (30, "far away".to_owned())],
    };
    let context =
        gather_completion(&own, 16, &budget(400, 100, 400), &Chars, Some(&workspace), Beside::Fresh(&attention));
    let show = |piece: &Piece| format!("## {} {:?} {}\n{}\n", piece.path, piece.lines, piece.why, piece.text);
    expect![[r#"
        ## src/main.rs (2, 2) what is wrong beside the cursor
        // line 2: expected `u8`, found `&str`
        ## src/net.rs (18, 24) edited a moment ago
        // 18
        // 19
        // 20
        // 21
        // 22
        // 23
        // 24
    "#]]
    .assert_eq(&context.pieces.iter().map(show).collect::<String>());
}
