//! Fixes without a model, from end to end; and what happens to the user's files meanwhile, whatever the check does.

use std::fs;

use super::*;

struct Project {
    directory: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Project { directory, cache: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    fn fix(&self, check: Check, path: Option<&str>, line: Option<usize>, seconds: u64) -> Result<Fix, FixError> {
        let task = Task {
            root: self.root(),
            extent: Extent::Tree,
            check,
            path: path.map(PathBuf::from),
            line,
            message: None,
            further: Vec::new(),
            open: Texts::new(),
        };
        let limits = FixLimits {
            time: Duration::from_secs(seconds),
            cache: self.cache.path().to_owned(),
            ..FixLimits::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fix(task, None, &limits, &mut |_| {}))
    }

    /// Every file with its content.
    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(directory: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), all);
                } else {
                    all.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        let mut all = BTreeMap::new();
        walk(self.directory.path(), &mut all);
        all
    }
}

fn argv(words: &[&str]) -> Check {
    Check::new(words.iter().map(|word| (*word).to_owned()).collect(), PathBuf::new())
}

fn shell(script: &str) -> Check {
    argv(&["sh", "-c", script])
}

#[test]
fn what_the_compiler_suggests_is_tried_first() {
    let text = "fn main() {\n    let x = 5;\n    x = 6;\n    println!(\"{x}\");\n}\n";
    let project = Project::new(&[("main.rs", text)]);
    let check = Check::of_file(&project.root(), Path::new("main.rs"), text).unwrap();
    let fix = project.fix(check, Some("main.rs"), Some(2), 60).unwrap();
    assert_eq!((fix.verdict, fix.verified, fix.attempts), (Verdict::Verified, true, 0), "{fix:?}");
    assert!(fix.diff.contains("--- a/main.rs\n+++ b/main.rs\n"), "{}", fix.diff);
    assert!(fix.diff.contains("-    let x = 5;\n+    let mut x = 5;\n"), "{}", fix.diff);
    let check = &fix.checks[0];
    assert_eq!((check.before.unwrap().errors, check.after.errors, check.after.passed), (1, 0, true));
    assert_eq!((fix.citations[0].path.as_str(), fix.citations[0].line, fix.citations[0].ok), ("main.rs", 3, true));
}

#[test]
fn an_error_at_a_line_is_fixed_while_others_stay() {
    let text = "fn main() {\n    let x = 5;\n    x = 6;\n    let y = 1;\n    y = 2;\n    println!(\"{x}{y}\");\n}\n";
    let project = Project::new(&[("main.rs", text)]);
    let check = Check::of_file(&project.root(), Path::new("main.rs"), text).unwrap();
    let fix = project.fix(check, Some("main.rs"), Some(4), 60).unwrap();
    assert_eq!(fix.verdict, Verdict::Verified);
    assert!(fix.diff.contains("let mut y"), "{}", fix.diff);
}

#[test]
fn a_check_that_dies_without_a_word_proves_nothing() {
    let text = "fn main() {\n    let x = 5;\n    x = 6;\n    let y: u8 = \"\";\n    println!(\"{x}{y}\");\n}\n";
    // The error that is meant is no longer reported, since nothing is.
    for death in ["exit 1", "kill -9 $$"] {
        let script = format!("grep -q 'mut x' main.rs && {death}; rustc --error-format=json --emit=metadata main.rs");
        let project = Project::new(&[("main.rs", text)]);
        let fix = project.fix(shell(&script), Some("main.rs"), Some(2), 20).unwrap();
        assert_eq!((fix.verdict, fix.verified), (Verdict::Unverified, false), "{death}: {fix:?}");
    }
}

#[test]
fn several_errors_in_a_package() {
    let project = Project::new(&[
        ("Cargo.toml", "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"),
        (
            "src/main.rs",
            "mod shapes;\n\nfn main() {\n    let map: HashMap<i32, i32> = HashMap::new();\n    println!(\"{}\", shapes::area(map.len()));\n}\n",
        ),
        (
            "src/shapes.rs",
            "pub fn area(side: usize) -> usize {\n    let total = 0;\n    total += side;\n    total\n}\n",
        ),
    ]);
    let check = Check::of_file(&project.root(), Path::new("src/main.rs"), "").unwrap();
    let before = project.state();
    let fix = project.fix(check, Some("src/main.rs"), None, 60).unwrap();
    assert_eq!(fix.verdict, Verdict::Verified, "{fix:?}");
    assert!(fix.after.contains_key(Path::new("src/main.rs")) && fix.after.contains_key(Path::new("src/shapes.rs")));
    assert_eq!(project.state(), before);
}

#[test]
fn a_failing_python_program() {
    let project = Project::new(&[
        ("a.py", "def area(r):\n    return math.floor(r * r)\n"),
        ("check.py", "from a import area\n\nassert area(2) == 4\n"),
    ]);
    let fix = project.fix(argv(&["python3", "check.py"]), None, None, 60).unwrap();
    assert_eq!(fix.verdict, Verdict::Verified, "{fix:?}");
    assert!(fix.diff.contains("+import math\n"), "{}", fix.diff);
}

#[test]
fn the_copy_is_tested_and_not_what_is_installed() {
    // The test imports the package from where it was installed in editable mode: the user's own directory.
    let test = "import sys\nsys.path.append('ROOT/src')\nfrom stock import half\n\nassert half(4) == 2\n";
    let project = Project::new(&[
        ("pyproject.toml", "[project]\nname = \"stock\"\n"),
        ("src/stock/__init__.py", "def half(x):\n    return math.floor(x / 2)\n"),
    ]);
    let root = project.root().display().to_string();
    fs::write(project.root().join("check.py"), test.replace("ROOT", &root)).unwrap();
    let fix = project.fix(argv(&["python3", "check.py"]), None, None, 60).unwrap();
    assert_eq!(fix.verdict, Verdict::Verified, "{fix:?}");
    assert!(fix.diff.contains("+++ b/src/stock/__init__.py\n"), "{}", fix.diff);
}

#[test]
fn a_slip_in_code_that_compiles() {
    let project = Project::new(&[
        (
            "stock.py",
            "def cheapest(prices):\n    best = prices[0]\n    for price in prices:\n        if price > best:\n            best = price\n    return best\n",
        ),
        ("check.py", "from stock import cheapest\n\nassert cheapest([3, 1, 2]) == 1\nassert cheapest([2, 5]) == 2\n"),
    ]);
    let before = project.state();
    let fix = project.fix(argv(&["python3", "check.py"]), None, None, 60).unwrap();
    assert_eq!((fix.verdict, fix.attempts), (Verdict::Verified, 0), "{fix:?}");
    assert!(fix.diff.contains("-        if price > best:\n+        if price < best:\n"), "{}", fix.diff);
    assert!(fix.route.why.starts_with("one small change makes the test pass: "), "{}", fix.route.why);
    assert_eq!(project.state(), before);
}

#[test]
fn a_slip_in_what_the_named_function_calls() {
    let code = "pub fn total(xs: &[i32]) -> i32 {\n    xs.iter().map(|x| part(*x)).sum()\n}\n\nfn part(x: i32) -> i32 {\n    if x.is_negative() { x } else { 0 }\n}\n";
    // The line on which the assertion begins names nothing.
    let test =
        "#[test]\nfn sums() {\n    assert!(\n        total(&[\n            1, 2, -3\n        ]) == 3\n    );\n}\n";
    let run = shell("rustc --edition 2021 --test main.rs -o check && ./check");
    let together = Project::new(&[("main.rs", &format!("{code}\n{test}"))]);
    let apart = Project::new(&[("main.rs", &format!("mod sums;\nuse sums::total;\n\n{test}")), ("sums.rs", code)]);
    for project in [together, apart] {
        let fix = project.fix(run.clone(), None, None, 60).unwrap();
        assert_eq!((fix.verdict, fix.attempts), (Verdict::Verified, 0), "{fix:?}");
        assert!(fix.diff.contains("+    if x.is_positive() { x } else { 0 }\n"), "{}", fix.diff);
    }
}

#[test]
fn what_else_is_tested_has_to_pass_too() {
    let code = "def later(a, b):\n    return a > b\n";
    let tests = |other: &str| {
        format!(
            "import unittest\nfrom a import later\n\n\nclass A(unittest.TestCase):\n    def test_one(self):\n        \
             self.assertTrue(later(1, 2))\n\n    def test_two(self):\n        {other}\n"
        )
    };
    let run = argv(&["python3", "-m", "unittest", "test_a.A.test_one"]);
    let passing = "self.assertFalse(later(2, 1))";
    let breaking = "self.assertTrue(later(3, 1) and not later(1, 3))";
    let failing = "self.fail('as ever')";
    for (other, verdict, marks) in [
        (passing, Verdict::Verified, vec![]),
        (failing, Verdict::Verified, vec![]),
        (breaking, Verdict::PartlyVerified, vec!["makes `test_two` fail"]),
    ] {
        let project = Project::new(&[("a.py", code), ("test_a.py", &tests(other))]);
        let fix = project.fix(run.clone(), None, None, 60).unwrap();
        let marks: Vec<String> = marks.into_iter().map(str::to_owned).collect();
        assert_eq!((fix.verdict, &fix.marks), (verdict, &marks), "{fix:?}");
        assert_eq!(fix.checks.len(), 2, "{fix:?}");
        assert_eq!(
            (fix.checks[1].command.join(" ").as_str(), fix.checks[1].after.passed),
            ("python3 -m unittest test_a", other == passing)
        );
    }
    // The user's own command is all there is.
    let whole = Project::new(&[("a.py", code), ("test_a.py", &tests(passing))]);
    let fix = whole.fix(argv(&["python3", "-m", "unittest"]), None, None, 60).unwrap();
    assert_eq!((fix.verdict, fix.checks.len()), (Verdict::Verified, 1), "{fix:?}");
}

#[test]
fn a_check_that_cannot_run_is_not_searched() {
    let project = Project::new(&[("a.py", "x = 1\n")]);
    let error = project.fix(argv(&["python3", "-m", "no_such_module"]), None, None, 60).unwrap_err();
    assert!(error.to_string().starts_with("the check itself could not run"), "{error}");
    assert!(error.in_words().contains("No module named no_such_module"), "{}", error.in_words());
}

#[test]
fn what_is_not_mended_is_told_with_its_output() {
    let project = Project::new(&[
        ("a.py", "def add(a, b):\n    return {}\n"),
        ("check.py", "from a import add\nassert add(1, 2) == 3, 'no sum'\n"),
    ]);
    let fix = project.fix(argv(&["python3", "check.py"]), None, None, 60).unwrap();
    assert_eq!((fix.diff.as_str(), fix.verdict), ("", Verdict::Unverified), "{fix:?}");
    assert!(fix.explanation.contains("no sum") && fix.explanation.contains("No fix found in"), "{}", fix.explanation);
    assert!(fix.output.as_ref().unwrap().contains("AssertionError: no sum"), "{fix:?}");
    assert_eq!((fix.citations[0].path.as_str(), fix.citations[0].line), ("check.py", 2));
}

#[test]
fn the_checker_that_complains_about_the_place_is_the_one_that_counts() {
    let text = "def f(x):\n    if x\n        return 1\n";
    let project = Project::new(&[("a.py", text)]);
    let own = Check::of_file(&project.root(), Path::new("a.py"), text).unwrap();
    let task = Task {
        root: project.root(),
        extent: Extent::Tree,
        check: argv(&["true"]),
        further: vec![argv(&["sh", "-c", "echo 'error: elsewhere'; echo ' --> b.py:1:1'; exit 1"]), own.clone()],
        path: Some("a.py".into()),
        line: Some(1),
        message: None,
        open: Texts::new(),
    };
    let limits = FixLimits { cache: project.cache.path().to_owned(), ..FixLimits::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fix = runtime.block_on(fix(task, None, &limits, &mut |_| {})).unwrap();
    assert_eq!((fix.verdict, &fix.checks[0].command), (Verdict::Verified, &own.argv), "{fix:?}");
}

#[test]
fn pytest_can_stop_at_the_first_failure() {
    let brief = argv(&["python3", "-m", "pytest", "-q", "tests"]).until_first_failure();
    assert_eq!(brief, Some(argv(&["python3", "-m", "pytest", "-x", "-q", "tests"])));
    assert_eq!(argv(&["cargo", "test"]).until_first_failure(), None);
}

#[test]
fn what_passes_needs_no_fix() {
    let project = Project::new(&[("a.py", "x = 1\n")]);
    let error = project.fix(argv(&["python3", "a.py"]), None, None, 60).unwrap_err();
    assert!(matches!(error, FixError::NothingToFix { .. }), "{error}");
}

/// Python whose repair is plain, so that candidates are tried.
const BROKEN: &str = "import sys\nx = math.pi\n";

#[test]
fn whatever_a_check_does_the_files_stay_as_they_are() {
    for (name, script) in [
        ("writes over its inputs", "echo broken >> a.py; echo x > b.txt; python3 a.py"),
        ("deletes everything", "rm -rf ./* .[a-z]*; exit 1"),
        (
            "leaves a child behind",
            "(exec 9>>ROOT/held; flock 9; sleep 100; echo late >> a.py) & until [ -e ROOT/held ]; do sleep 0.01; done; python3 a.py",
        ),
        (
            "leaves a session behind",
            "setsid sh -c 'exec 9>>ROOT/held; flock 9; sleep 100' & until [ -e ROOT/held ]; do sleep 0.01; done; python3 a.py",
        ),
        ("never ends", "python3 a.py; sleep 100"),
        ("is killed", "kill -9 $$"),
        ("fills its disk", "python3 -c \"open('big', 'wb').write(b'x' * (64 << 20))\"; python3 a.py"),
        ("forks and forks", "for i in 1 2 3 4 5 6 7 8; do sleep 50 & done; python3 a.py"),
    ] {
        let project = Project::new(&[("a.py", BROKEN), ("d/b.txt", "two\n"), (".hidden", "three\n")]);
        let before = project.state();
        let outside = tempfile::tempdir().unwrap();
        let script = script.replace("ROOT", &outside.path().display().to_string());
        // Whether it finds a fix depends on the script; what it may never do is touch the files.
        let _ = project.fix(shell(&script), Some("a.py"), None, 4);
        assert_eq!(project.state(), before, "{name}");
        // A child keeps its lock for as long as it, or a child of its own, lives.
        if script.contains("/held") {
            let held = fs::File::open(outside.path().join("held")).unwrap();
            let until = Instant::now() + Duration::from_secs(20);
            while held.try_lock().is_err() {
                assert!(Instant::now() < until, "{name}: a child outlived its check");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

#[test]
fn a_copy_that_cannot_be_made_says_so() {
    let project = Project::new(&[("a.py", BROKEN)]);
    let before = project.state();
    // What stands where the cache should be is a file.
    fs::write(project.cache.path().join("checks"), "").unwrap();
    let error = project.fix(argv(&["python3", "a.py"]), None, None, 60).unwrap_err();
    assert!(error.to_string().contains("your files are as they were"), "{error}");
    assert_eq!(project.state(), before);
}

#[test]
fn a_command_that_is_not_there() {
    let project = Project::new(&[("a.py", BROKEN)]);
    let error = project.fix(argv(&["no-such-program"]), None, None, 60).unwrap_err();
    assert!(error.to_string().starts_with("cannot start no-such-program"), "{error}");
}

#[test]
fn the_modules_of_a_file_on_its_own() {
    let project = Project::new(&[
        ("main.rs", "mod a;\npub mod b;\nmod missing;\nfn main() {}\n"),
        ("a.rs", "mod deep;\n"),
        ("a/deep.rs", ""),
        ("b/mod.rs", ""),
        ("other.rs", ""),
    ]);
    let files = files_of(&project.root(), Path::new("main.rs"));
    assert_eq!(files, ["main.rs", "a.rs", "b/mod.rs", "a/deep.rs"].map(PathBuf::from));
}
