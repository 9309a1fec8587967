//! What is gathered for a diagnostic, as a listing.

use std::fs;
use std::sync::atomic::AtomicBool;

use expect_test::expect;

use super::*;
use crate::budget::RoughCounter;
use crate::workspace::ScanLimits;

const MAIN: &str = "use crate::config::Config;\nuse std::fmt;\n\nconst RETRIES: usize = 3;\n\nfn unrelated() {}\n\nfn connect(config: Config) -> bool {\n    config.host.len() > RETRIES\n}\n\nfn main() {\n    let config = Config::load(\"a\");\n    connect(config);\n    println!(\"{}\", config.host);\n}\n";

fn gathered(lines: RangeInclusive<usize>, message: &str, tokens: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("config.rs"),
        "/// Where to connect.\npub struct Config {\n    pub host: String,\n}\n\nimpl Config {\n    pub fn load(path: &str) -> Config {\n        read(path)\n    }\n}\n",
    )
    .unwrap();
    let workspace = Workspace::new(dir.path());
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let snapshot = Snapshot::of_text(Some(dir.path().join("main.rs")), MAIN);
    let focus = Focus { snapshot, lines, message: message.to_owned() };
    let pieces = gather_debugging(&focus, tokens, &RoughCounter, Some(&workspace));
    let show =
        |piece: &Piece| format!("## {} {:?} {}\n{}\n", piece.path, piece.lines, piece.why, piece.text.trim_end());
    pieces.iter().map(show).collect()
}

#[test]
fn a_diagnostic_with_its_function_and_definitions() {
    expect![[r###"
        ## main.rs (12, 16) the function around it
         12 | fn main() {
         13 |     let config = Config::load("a");
         14 |     connect(config);
        >15 |     println!("{}", config.host);
         16 | }
        ## main.rs (1, 1) an import it uses
         1 | use crate::config::Config;
        ## main.rs (8, 8) definition of connect
        fn connect(config: Config) -> bool
        ## config.rs (3, 3) definition of host
        pub struct Config {
            pub host: String
    "###]]
    .assert_eq(&gathered(14..=14, "borrow of moved value: `config` in `connect`", 1000));
}

#[test]
fn a_small_budget_shows_the_lines_and_little_else() {
    expect![[r###"
        ## main.rs (12, 16) the function around it
         12 | fn main() {
         13 |     let config = Config::load("a");
         14 |     connect(config);
        >15 |     println!("{}", config.host);
         16 | }
        ## main.rs (1, 1) an import it uses
         1 | use crate::config::Config;
        ## config.rs (3, 3) definition of host
        pub struct Config {
            pub host: String
    "###]]
    .assert_eq(&gathered(14..=14, "borrow of moved value: `config`", 60));
}

#[test]
fn lines_past_the_end_show_the_last() {
    assert!(gathered(900..=901, "", 1000).contains("16 | }"));
}

#[test]
fn numbered_lines_mark_the_place() {
    let snapshot = Snapshot::of_text(None, "a\n\nb\r\nc");
    assert_eq!(numbered(&snapshot, &(0..=9), Some(&(2..=2))), " 1 | a\n 2 |\n>3 | b\n 4 | c\n");
}
