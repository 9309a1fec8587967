//! `fix`, `debug` and `eval fix` where no model is asked in words: what is printed, and what is written when.

use std::fs;

use halfline_inference::testing::{Script, TinySpec};
use halfline_tests::Home;

use crate::run;

const BROKEN: &str = "def f(x):\n    if x\n        return 1\n";
const FIXED: &str = "def f(x):\n    if x:\n        return 1\n";
const DIFF: &str = "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n def f(x):\n-    if x\n+    if x:\n         return 1\n";

#[test]
fn a_fix_is_written_only_when_it_is_asked_for() {
    let home = Home::new();
    let path = home.write("a.py", BROKEN);
    let shown = run(&home, &["fix", "a.py:2", "--attempts", "0"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), DIFF), "{}", shown.all());
    assert!(shown.stderr.contains("Verified."), "{}", shown.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), BROKEN);

    let applied = run(&home, &["fix", "a.py", "--attempts", "0", "--apply", "--json"]);
    assert_eq!(applied.json()["verdict"], "verified", "{}", applied.all());
    assert_eq!(applied.json()["checks"][0]["before"]["errors"], 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), FIXED);

    let again = run(&home, &["fix", "a.py", "--attempts", "0"]);
    assert_eq!(again.code, Some(1), "{}", again.all());
    assert!(again.stderr.contains("nothing to fix"), "{}", again.stderr);
}

#[test]
fn a_failing_command() {
    let home = Home::new();
    let path = home.write("a.py", "def area(r):\n    return math.floor(r)\n");
    home.write("check.py", "from a import area\nassert area(2.5) == 2\n");
    let found = run(&home, &["debug", "--attempts", "0", "--apply", "--", "python3", "check.py"]);
    assert_eq!(found.code, Some(0), "{}", found.all());
    assert!(fs::read_to_string(&path).unwrap().starts_with("import math\n"));
}

#[test]
fn a_slip_of_the_pen_needs_no_model() {
    let home = Home::new();
    home.write("a.py", "def add(a, b):\n    return a - b\n");
    home.write("check.py", "from a import add\nassert add(1, 2) == 3\n");
    let found = run(&home, &["debug", "--json", "--", "python3", "check.py"]);
    assert_eq!(found.json()["verdict"], "verified", "{}", found.all());
    let why = found.json()["route"]["why"].clone();
    assert_eq!(why, "one small change makes the test pass: `+` in place of `-` on line 2");
}

#[test]
fn a_line_that_surprises_the_model_is_written_anew() {
    // After `a` the model goes on with a sum; no small change of a kind that is tried makes one of `a.b`.
    let mut spec = TinySpec::saying("\n", ["Hm."]);
    spec.scripts.push(Script { after: "a".to_owned(), pieces: vec!["+b\n".to_owned()] });
    let home = Home::with_model(&spec);
    home.write("a.py", "def add(a, b):\n    # A sum.\n    return a.b\n");
    home.write("check.py", "from a import add\nassert add(1, 2) == 3\n");
    let found = run(&home, &["debug", "--json", "--", "python3", "check.py"]);
    let fix = found.json();
    assert_eq!(fix["verdict"], "verified", "{}", found.all());
    assert!(fix["diff"].as_str().unwrap().contains("-    return a.b\n+    return a+b\n"), "{}", found.all());
    let why = fix["route"]["why"].as_str().unwrap();
    assert!(why.contains("line 3 surprised it: `.` where it expected `+b`"), "{}", found.all());
    assert_eq!((&fix["attempts"], &fix["route"]["engine"]), (&0.into(), &"local".into()), "{}", found.all());
}

#[test]
fn a_line_that_the_model_expects_is_put_in() {
    let home = Home::with_model(&TinySpec::saying("<|fim_middle|>", ["    both+=[a,b]\n"]));
    home.write("a.py", "def pair(a, b):\n    both = []\n    return both\n");
    home.write("check.py", "from a import pair\nassert pair(1, 2) == [1, 2]\n");
    let found = run(&home, &["debug", "--json", "--", "python3", "check.py"]);
    let fix = found.json();
    assert_eq!(fix["verdict"], "verified", "{}", found.all());
    assert!(fix["diff"].as_str().unwrap().contains("+    both+=[a,b]\n     return both\n"), "{}", found.all());
    assert!(
        fix["route"]["why"].as_str().unwrap().contains("it expected another line before line 3"),
        "{}",
        found.all()
    );
    assert_eq!(fix["attempts"], 0, "{}", found.all());
}

#[test]
fn what_cannot_be_fixed_without_a_model_says_so() {
    let home = Home::new();
    home.write("a.py", "def add(a, b):\n    return {}\n");
    home.write("check.py", "from a import add\nassert add(1, 2) == 3\n");
    let failed = run(&home, &["debug", "--attempts", "0", "--", "python3", "check.py"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{}", failed.all());
    assert!(failed.stderr.contains("no fix found"), "{}", failed.stderr);
    let unknown = run(&home, &["fix", "a.py:99"]);
    assert!(unknown.stderr.contains("there is no line 99"), "{}", unknown.stderr);
}

#[test]
fn a_check_that_cannot_run_shows_why() {
    let home = Home::new();
    home.write("a.py", "x = 1\n");
    let failed = run(&home, &["debug", "--attempts", "0", "--", "python3", "-m", "no_such_module"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{}", failed.all());
    assert!(failed.stderr.contains("the check itself could not run"), "{}", failed.stderr);
    assert!(failed.stderr.contains("No module named no_such_module"), "{}", failed.stderr);
}

#[test]
fn a_language_without_a_checker_has_the_users() {
    let home = Home::with_model(&TinySpec::saying("\n", ["local x = 2\n", "```\n"]));
    home.settings("[[assistant.checkers]]\ncommand = [\"sh\", \"lint.sh\", \"{file}\"]\nlanguages = [\"lua\"]\n");
    // The script belongs to the check only where the directory is a project.
    home.write(".halfline.toml", "");
    home.write("lint.sh", "if grep -q 'x = 1' $1; then echo \"$1:1: x is 1\"; exit 1; fi\n");
    home.write("a.lua", "local x = 1\n");
    let found = run(&home, &["fix", "a.lua:1", "--json"]);
    let fix = found.json();
    assert_eq!(
        (&fix["verdict"], &fix["checks"][0]["command"][1]),
        (&"verified".into(), &"lint.sh".into()),
        "{}",
        found.all()
    );
    assert!(fix["diff"].as_str().unwrap().contains("+local x = 2\n"), "{}", found.all());
}

#[test]
fn what_the_model_cannot_mend_it_explains() {
    let home = Home::with_model(&TinySpec::saying("\n", ["Hm."]));
    home.write("a.py", "def add(a, b):\n    return {}\n");
    home.write("check.py", "from a import add\nassert add(1, 2) == 3\n");
    let found = run(&home, &["debug", "--attempts", "1", "--json", "--", "python3", "check.py"]);
    let fix = found.json();
    assert_eq!(fix["verdict"], "unverified", "{}", found.all());
    assert!(fix["explanation"].as_str().unwrap().ends_with("\n\nHm."), "{}", found.all());
    assert!(fix["output"].as_str().unwrap().contains("AssertionError"), "{}", found.all());
}

#[test]
fn a_data_set_is_scored_by_running_each_check() {
    let home = Home::new();
    let case = |id: &str, text: &str| serde_json::json!({"id": id, "language": "python", "files": {"a.py": text}, "check": ["python3", "a.py"], "target": "a.py"});
    home.write("cases.jsonl", &format!("{}\n{}\n", case("one", "print('a'\n"), case("two", "assert 1 == 2\n")));
    let run = run(&home, &["eval", "fix", "cases.jsonl", "--no-model", "--json", "--rows", "rows.jsonl"]);
    let score = run.json();
    assert_eq!((&score["cases"], &score["fixed"]), (&2.into(), &1.into()), "{}", run.all());
    let rows = fs::read_to_string(home.workspace().join("rows.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["fixed"], &rows[1]["fixed"]), (&true.into(), &false.into()));
}

#[test]
fn what_cargo_fix_makes_of_cases_is_scored_too() {
    let home = Home::new();
    let check = ["rustc", "--edition", "2021", "--emit=metadata", "--out-dir", "out", "main.rs"];
    let case = |id: &str, text: &str| serde_json::json!({"id": id, "language": "rust", "files": {"main.rs": text}, "check": check});
    // To the first the compiler has an answer that it is sure about, to the second it has none; the third is no Rust.
    let sure = case("sure", "fn main() {\n    let x = 1;\n    x = 2;\n    println!(\"{x}\");\n}\n");
    let hopeless = case("hopeless", "fn main() {\n    let x: u8 = \"one\";\n    println!(\"{x}\");\n}\n");
    let other =
        serde_json::json!({"id": "other", "language": "python", "files": {"a.py": "x"}, "check": ["python3", "a.py"]});
    home.write("cases.jsonl", &format!("{sure}\n{hopeless}\n{other}\n"));
    let run = run(&home, &["eval", "fix", "cases.jsonl", "--cargo-fix", "--json", "--rows", "rows.jsonl"]);
    let score = run.json();
    assert_eq!((&score["cases"], &score["fixed"]), (&2.into(), &1.into()), "{}", run.all());
    let rows = fs::read_to_string(home.workspace().join("rows.jsonl")).unwrap();
    let whys: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&whys[0]["why"], &whys[1]["why"]), (&"cargo fix".into(), &"cargo fix changed nothing".into()));
}
