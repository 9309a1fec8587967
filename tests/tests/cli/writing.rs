//! `test`, `doc`, `review` and `commit`: what is written is proved, or says that it is not.

use std::fs;
use std::process::Command;

use halfline_inference::testing::{Script, TinySpec};
use halfline_tests::Home;

use crate::run;

const CODE: &str = "def add(a, b):\n    return a + b\n";

/// A home whose model goes on like this after `def`, and says this when it is asked something.
fn home(test: &str, words: &str) -> Home {
    let mut spec = TinySpec::saying("\n", [words]);
    spec.scripts.push(Script { after: "def".to_owned(), pieces: vec![test.to_owned()] });
    Home::with_model(&spec)
}

#[test]
fn tests_that_are_shown_have_passed_and_can_fail() {
    let home = home(" test_adds():\n    assert add(1, 2) == 3\n", "Hm.");
    home.write("a.py", CODE);
    let shown = run(&home, &["test", "a.py:1", "--attempts", "1", "--apply", "--json"]);
    let document = shown.json();
    assert_eq!((&document["verified"], &document["verdict"]), (&true.into(), &"verified".into()), "{}", shown.all());
    assert!(document["diff"].as_str().unwrap().starts_with("--- /dev/null\n+++ b/test_a.py\n"), "{}", shown.all());
    let check = &document["checks"][0];
    assert_eq!((&check["before"]["passed"], &check["after"]["passed"]), (&false.into(), &true.into()));
    assert_eq!(document["route"]["engine"], "local");
    let written = fs::read_to_string(home.workspace().join("test_a.py")).unwrap();
    assert!(written.contains("from a import add\n") && written.contains("assert add(1, 2) == 3\n"), "{written}");
    assert_eq!(fs::read_to_string(home.workspace().join("a.py")).unwrap(), CODE);

    // The same test again gets another name, and both are there.
    let again = run(&home, &["test", "a.py:1", "--attempts", "1", "--apply"]);
    assert_eq!(again.code, Some(0), "{}", again.all());
    let written = fs::read_to_string(home.workspace().join("test_a.py")).unwrap();
    assert!(written.contains("def test_adds(") && written.contains("def test_adds_2("), "{written}");
}

#[test]
fn a_test_that_fails_or_cannot_fail_is_not_verified() {
    for test in [" test_adds():\n    assert add(1, 2) == 4\n", " test_adds():\n    add\n    assert True\n"] {
        let home = home(test, "Hm.");
        home.write("a.py", CODE);
        let shown = run(&home, &["test", "a.py:2", "--attempts", "1", "--json"]);
        let document = shown.json();
        assert_eq!(
            (&document["verified"], &document["verdict"]),
            (&false.into(), &"unverified".into()),
            "{}",
            shown.all()
        );
        let applied = run(&home, &["test", "a.py:2", "--attempts", "1", "--apply"]);
        assert_eq!(applied.code, Some(1), "{}", applied.all());
        assert!(!home.workspace().join("test_a.py").exists());
    }
    let home = home(" nothing", "Hm.");
    home.write("a.py", "x = 1\n\n\ndef f():\n    pass\n");
    let nowhere = run(&home, &["test", "a.py:2"]);
    assert!(nowhere.stderr.contains("line 2 is in no definition"), "{}", nowhere.all());
}

#[test]
fn documentation_changes_nothing_else() {
    let home = home(" nothing", "Adds two numbers.");
    home.write("a.py", CODE);
    let shown = run(&home, &["doc", "a.py:1", "--apply", "--json"]);
    assert_eq!(shown.json()["verified"], true, "{}", shown.all());
    let written = fs::read_to_string(home.workspace().join("a.py")).unwrap();
    assert_eq!(written, "def add(a, b):\n    \"\"\"Adds two numbers.\"\"\"\n    return a + b\n");
    let unknown = home.write("a.zzz", "what\n");
    let refused = run(&home, &["doc", &format!("{}:1", unknown.display())]);
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    assert!(refused.stderr.contains("nothing is known of this language"), "{}", refused.all());
}

#[test]
fn a_diff_is_reviewed_and_staged_changes_get_a_message() {
    let home = home(" nothing", "Change the sum.\n\nIt was wrong.");
    home.write("a.py", "def add(a, b):\n    return a - b\n");
    home.write(
        "change.diff",
        "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a + b\n+    return a - b\n",
    );
    let review = run(&home, &["review", "--diff", "change.diff", "--json"]);
    let document = review.json();
    assert!(document["text"].as_str().unwrap().starts_with("Change the sum."), "{}", review.all());
    assert_eq!((&document["evidence"][0]["path"], &document["evidence"][0]["lines"][1]), (&"a.py".into(), &2.into()));
    assert!(document["prompt"].as_str().unwrap().contains("+    2 |     return a - b"), "{}", review.all());
    assert!(document["notes"][0].as_str().unwrap().contains("overlook most mistakes"), "{}", review.all());
    let nothing = run(&home, &["review", "--diff", "a.py"]);
    assert!(nothing.stderr.contains("there is no unified diff in it"), "{}", nothing.all());

    let outside = run(&home, &["commit"]);
    assert_eq!(outside.code, Some(1), "{}", outside.all());
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.c"]).args(arguments).current_dir(home.workspace());
        assert!(git.env("HOME", home.workspace()).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    let empty = run(&home, &["commit"]);
    assert!(empty.stderr.contains("nothing is staged"), "{}", empty.all());
    git(&["add", "a.py"]);
    let message = run(&home, &["commit"]);
    assert_eq!(message.stdout, "Change the sum\n\nIt was wrong.\n", "{}", message.all());
    git(&["commit", "--quiet", "-m", "first"]);
    home.write("a.py", CODE);
    let review = run(&home, &["review", "--json"]);
    assert!(review.json()["prompt"].as_str().unwrap().contains("+    2 |     return a + b"), "{}", review.all());
}

#[test]
fn a_line_that_one_small_change_makes_likelier_is_named_in_a_review() {
    // After `a` the model goes on with a sum; the line has a difference.
    let mut spec = TinySpec::saying("\n", ["Fine."]);
    spec.scripts.push(Script { after: "a".to_owned(), pieces: vec!["+b\n".to_owned()] });
    let home = Home::with_model(&spec);
    let diff = |line: &str| format!("--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n def f(a, b):\n-    pass\n+{line}\n");
    for (line, is_named) in [("    return a-b", true), ("    return a+c", false), ("    return a.b", false)] {
        home.write("a.py", &format!("def f(a, b):\n{line}\n"));
        home.write("change.diff", &diff(line));
        let review = run(&home, &["review", "--diff", "change.diff", "--json"]);
        let document = review.json();
        let text = document["text"].as_str().unwrap();
        assert_eq!(text.contains("a.py:2: `+` in place of `-` on line 2: `return a-b`"), is_named, "{}", review.all());
        assert!(text.ends_with("Fine."), "{}", review.all());
        let cited = &document["citations"][0];
        assert_eq!(cited["path"] == "a.py" && cited["line"] == 2 && cited["ok"] == true, is_named, "{}", review.all());
    }
    // What the diff says is not what is there.
    home.write("a.py", "def f(a, b):\n    return a+b\n");
    home.write("change.diff", &diff("    return a-b"));
    let review = run(&home, &["review", "--diff", "change.diff", "--json"]);
    assert_eq!(review.json()["text"], "Fine.", "{}", review.all());
    let notes = review.json()["notes"].to_string();
    assert!(notes.contains("1 of the lines that come were not read for slips"), "{}", review.all());
}
