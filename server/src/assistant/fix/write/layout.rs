//! Where tests of a language stand and how they are run: in Rust in the file's own module of tests, in Python in a file
//! beside the code or in the directory of tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use halfline_context::Snapshot;

use super::doc::definition_node;
use super::{FixError, Order, Site, Texts};
use crate::assistant::fix::{Check, items, passes, reply};

/// One test that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Its name.
    pub(super) name: String,
    /// Its code with what stands above it, not indented.
    pub(super) text: String,
    /// Imports that were written beside it.
    imports: Vec<String>,
}

/// Where tests stand, and how they are run.
pub(super) struct Layout {
    kind: Kind,
    /// The file of the code, relative to the root.
    path: PathBuf,
}

enum Kind {
    /// In a package, whose directory relative to the root this is.
    RustPackage(PathBuf),
    /// In a file of Rust on its own.
    RustFile,
    Python {
        /// The directory that modules are imported from, relative to the root.
        base: PathBuf,
        /// The module as it is imported.
        module: String,
        /// What is imported from it.
        import: String,
        /// The file of the tests, relative to the root.
        tests: PathBuf,
        /// What that file has already.
        present: Option<String>,
        /// Whether pytest runs them, and not unittest.
        has_pytest: bool,
    },
}

impl Layout {
    /// The layout for the function of `site`.
    pub(super) fn of(order: &Order, site: &Site) -> Result<Layout, FixError> {
        let path = order.path.clone();
        let kind = match site.language.as_str() {
            "rust" => match path.ancestors().skip(1).find(|dir| order.root.join(dir).join("Cargo.toml").is_file()) {
                Some(package) => Kind::RustPackage(package.to_owned()),
                None => Kind::RustFile,
            },
            "python" => python(order, site),
            other => {
                let reason =
                    format!("{}: tests of {other} cannot be written yet; of Rust and Python they can", path.display());
                return Err(FixError::NotPossible(reason));
            }
        };
        Ok(Layout { kind, path })
    }

    /// The same with the runner that is installed.
    pub(super) async fn choose_runner(mut self) -> Layout {
        if let Kind::Python { has_pytest, .. } = &mut self.kind {
            let argv = ["python3", "-c", "import pytest"].map(str::to_owned);
            *has_pytest = passes(&argv, Path::new("."), Duration::from_secs(10)).await;
        }
        self
    }

    /// What runs, in words.
    pub(super) fn command_in_words(&self) -> String {
        match &self.kind {
            Kind::RustPackage(_) => "cargo test --offline".to_owned(),
            Kind::RustFile => format!("rustc --test {} and the tests", self.path.display()),
            Kind::Python { tests, .. } => format!("python3 -m pytest (or unittest) {}", tests.display()),
        }
    }

    /// What runs for `tests`.
    pub(super) fn check(&self, tests: &[Written]) -> Check {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let names = tests.iter().map(|test| test.name.clone());
        match &self.kind {
            Kind::RustPackage(directory) => {
                let mut argv = words(&["cargo", "test", "--offline", "--"]);
                argv.extend(names);
                Check::new(argv, directory.clone())
            }
            Kind::RustFile => {
                let file = self.path.to_string_lossy().replace('\'', "'\\''");
                let names = names.collect::<Vec<_>>().join(" ");
                let line = format!(
                    "rustc --test --edition=2021 --crate-name=checked -o .halfline-tests '{file}' && ./.halfline-tests {names}"
                );
                Check::new(words(&["sh", "-c", &line]), PathBuf::new())
            }
            Kind::Python { base, tests, has_pytest, .. } => {
                let file = tests.strip_prefix(base).unwrap_or(tests).to_string_lossy().into_owned();
                let argv = if *has_pytest {
                    words(&["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", &file])
                } else {
                    words(&["python3", "-m", "unittest", &file])
                };
                Check::new(argv, base.clone())
            }
        }
    }

    /// What an answer begins with, so that it is nothing but tests.
    pub(super) fn opening(&self) -> String {
        match &self.kind {
            Kind::RustPackage(_) | Kind::RustFile => {
                "```rust\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn".to_owned()
            }
            Kind::Python { module, import, .. } => format!("```python\nfrom {module} import {import}\n\n\ndef"),
        }
    }

    /// The tests in `answer` that are whole, call the function and assert something.
    pub(super) fn tests_in(&self, answer: &str, site: &Site) -> Vec<Written> {
        let name_of_file = if self.is_rust() { "written.rs" } else { "written.py" };
        let mut found: Vec<Written> = Vec::new();
        for block in reply::code_blocks(answer) {
            let block = self.closed(block);
            let snapshot = Snapshot::of_text(Some(name_of_file.into()), &block);
            let imports: Vec<String> =
                block.lines().filter(|line| self.is_import(line)).map(|line| line.trim().to_owned()).collect();
            let all = items::items(&snapshot);
            let functions = all.iter().flat_map(|item| std::iter::once(item).chain(&item.members));
            for item in functions.filter(|item| item.is_function() && item.is_test) {
                let text = dedented(&items::text_of(&snapshot, &item.bytes));
                let alone = Snapshot::of_text(Some(name_of_file.into()), &text);
                let is_whole = alone.tree().is_some_and(|tree| !tree.root_node().has_error());
                let asserts = ["assert", "raises", "should_panic"].iter().any(|word| text.contains(word));
                let takes_nothing = text.contains(&format!("{}()", item.name));
                let is_known = found.iter().any(|known| known.name == item.name);
                if is_whole && asserts && takes_nothing && !is_known && has_word(&text, &site.item.name) {
                    found.push(Written { name: item.name.clone(), text, imports: imports.clone() });
                }
            }
        }
        found.retain(|test| self.fits(&test.text));
        self.renamed(found, site)
    }

    /// The files that change, before and after `tests` are put in. A file that is new has no text before.
    pub(super) fn with_tests(&self, site: &Site, tests: &[Written]) -> (Texts, Texts) {
        let source = site.snapshot.rope().to_string();
        let imports = tests.iter().flat_map(|test| &test.imports);
        match &self.kind {
            Kind::RustPackage(_) | Kind::RustFile => {
                let mut after = in_rust(&site.snapshot, tests, imports);
                if source.contains("\r\n") {
                    after = after.replace("\r\n", "\n").replace('\n', "\r\n");
                }
                (Texts::from([(self.path.clone(), source)]), Texts::from([(self.path.clone(), after)]))
            }
            Kind::Python { module, import, tests: file, present, has_pytest, .. } => {
                let own = format!("from {module} import {import}");
                let mut wanted: Vec<&String> = vec![&own];
                wanted.extend(imports);
                let class = format!("Test{}", camel_case(&site.item.name));
                let after = in_python(present.as_deref(), tests, &wanted, (!has_pytest).then_some(&class));
                let before = present.clone().map(|text| (file.clone(), text));
                (before.into_iter().collect(), Texts::from([(file.clone(), after)]))
            }
        }
    }

    /// Takes the body of the function out of the code in `texts`.
    pub(super) fn take_body_out(&self, site: &Site, texts: &mut Texts) {
        let source = texts.get(&self.path).cloned().unwrap_or_else(|| site.snapshot.rope().to_string());
        let snapshot = Snapshot::of_text(Some(self.path.clone()), &source);
        let found = snapshot.tree().and_then(|tree| {
            definition_node(tree.root_node(), site.item.own_start, &site.item.name, &source)?
                .child_by_field_name("body")
        });
        let Some(body) = found else { return };
        let nothing = if self.is_rust() { "{ unimplemented!() }" } else { "raise NotImplementedError" };
        let mut hollow = source.clone();
        hollow.replace_range(body.byte_range(), nothing);
        texts.insert(self.path.clone(), hollow);
    }

    /// A module of tests that was cut off, ended after its last whole test.
    fn closed(&self, block: String) -> String {
        let is_whole = |block: &str| {
            let snapshot = Snapshot::of_text(Some("written.rs".into()), block);
            snapshot.tree().is_some_and(|tree| !tree.root_node().has_error())
        };
        if !self.is_rust() || is_whole(&block) {
            return block;
        }
        block.rfind("\n    }\n").map_or(block.clone(), |end| format!("{}\n    }}\n}}\n", &block[..end]))
    }

    fn is_rust(&self) -> bool {
        !matches!(self.kind, Kind::Python { .. })
    }

    /// Whether a line brings in what tests may need beside the function itself.
    fn is_import(&self, line: &str) -> bool {
        let line = line.trim();
        match &self.kind {
            Kind::RustPackage(_) | Kind::RustFile => {
                line.starts_with("use ") && line.ends_with(';') && line != "use super::*;"
            }
            Kind::Python { module, has_pytest, .. } => {
                let is_import = line.starts_with("import ") || line.starts_with("from ");
                is_import && !has_word(line, module.as_str()) && (*has_pytest || !line.contains("pytest"))
            }
        }
    }

    /// Whether the runner at hand can run such a test.
    fn fits(&self, text: &str) -> bool {
        !matches!(&self.kind, Kind::Python { has_pytest: false, .. } if text.contains("pytest"))
    }

    /// `tests` under names that nothing in the file has.
    fn renamed(&self, tests: Vec<Written>, site: &Site) -> Vec<Written> {
        let source = match &self.kind {
            Kind::Python { present, .. } => present.clone().unwrap_or_default(),
            Kind::RustPackage(_) | Kind::RustFile => site.snapshot.rope().to_string(),
        };
        let rename = |test: Written| {
            let is_taken = |name: &str| has_word(&source, name);
            let free = (2..).map(|n| format!("{}_{n}", test.name)).find(|name| !is_taken(name));
            match free.filter(|_| is_taken(&test.name)) {
                Some(name) => Written {
                    text: test.text.replacen(&format!("{}(", test.name), &format!("{name}("), 1),
                    name,
                    ..test
                },
                None => test,
            }
        };
        tests.into_iter().map(rename).collect()
    }
}

fn python(order: &Order, site: &Site) -> Kind {
    let path = &order.path;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let directory = path.parent().unwrap_or(Path::new(""));
    let is_package = |dir: &Path| order.root.join(dir).join("__init__.py").is_file();
    // A package is imported from the directory that it lies in.
    let mut base = directory;
    let mut module = vec![stem.clone()];
    while is_package(base) && !base.as_os_str().is_empty() {
        module.insert(0, base.file_name().unwrap_or_default().to_string_lossy().into_owned());
        base = base.parent().unwrap_or(Path::new(""));
    }
    let folder = base.join("tests");
    let place = if order.root.join(&folder).is_dir() { folder } else { base.to_owned() };
    let tests = place.join(format!("test_{stem}.py"));
    let on_disk = || halfline_context::workspace::read_text(&order.root.join(&tests)).ok();
    Kind::Python {
        present: order.open.get(&tests).cloned().or_else(on_disk),
        base: base.to_owned(),
        module: module.join("."),
        import: site.owner.as_ref().map_or(&site.item.name, |owner| &owner.name).clone(),
        tests,
        has_pytest: false,
    }
}

/// The file with `tests` in its module of tests, which is made where there is none.
fn in_rust<'a>(snapshot: &Snapshot, tests: &[Written], imports: impl Iterator<Item = &'a String>) -> String {
    let source = snapshot.rope().to_string();
    let all = items::items(snapshot);
    let module = all.iter().find(|item| item.kind == "mod_item" && item.is_test);
    let close = module.and_then(|module| {
        let text = source.get(module.bytes.clone())?;
        Some(module.bytes.start + text.rfind('}').filter(|_| text.contains('{'))?)
    });
    let body: String = tests.iter().map(|test| format!("\n{}", indented(&test.text))).collect();
    let mut lines: Vec<&String> = Vec::new();
    imports.filter(|line| !source.contains(line.as_str())).for_each(|line| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    });
    let imports: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    match close {
        Some(at) => {
            let (head, tail) = source.split_at(at);
            let gap = if imports.is_empty() { String::new() } else { format!("\n{imports}") };
            format!("{}\n{gap}{body}{tail}", head.trim_end())
        }
        None => {
            format!("{}\n\n#[cfg(test)]\nmod tests {{\n    use super::*;\n{imports}{body}}}\n", source.trim_end())
        }
    }
}

/// The file of tests with `tests` at its end, as functions or as methods of a class of that name.
fn in_python(present: Option<&str>, tests: &[Written], imports: &[&String], class: Option<&String>) -> String {
    let mut text = present.unwrap_or_default().trim_end().to_owned();
    let mut head = String::new();
    let unittest = "import unittest".to_owned();
    for line in class.map(|_| &unittest).into_iter().chain(imports.iter().copied()) {
        if !text.lines().chain(head.lines()).any(|known| known.trim() == line) {
            head += &format!("{line}\n");
        }
    }
    if !text.is_empty() {
        text.insert_str(0, &head);
    } else {
        text = head.trim_end().to_owned();
    }
    match class {
        None => tests.iter().for_each(|test| text += &format!("\n\n\n{}", test.text.trim_end())),
        Some(class) => {
            // A second class of that name would hide the first.
            let is_taken = |name: &str| text.contains(&format!("class {name}("));
            let free = (2..).map(|n| format!("{class}{n}")).find(|name| !is_taken(name));
            let class = free.filter(|_| is_taken(class)).unwrap_or(class.clone());
            text += &format!("\n\n\nclass {class}(unittest.TestCase):");
            for (at, test) in tests.iter().enumerate() {
                let method = test.text.replacen("()", "(self)", 1);
                let gap = if at == 0 { "" } else { "\n" };
                text += &format!("{gap}\n{}", indented(method.trim_end()).trim_end());
            }
        }
    }
    text + "\n"
}

/// `text` without the indentation of its first line.
fn dedented(text: &str) -> String {
    let indent: String = text.chars().take_while(|ch| matches!(ch, ' ' | '\t')).collect();
    let lines = text.lines().map(|line| line.strip_prefix(indent.as_str()).unwrap_or(line.trim_start()));
    lines.map(|line| format!("{line}\n")).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|ch: char| ch != '_' && ch != '.' && !ch.is_alphanumeric())
        .any(|found| found == word || found.rsplit('.').next() == Some(word))
}

fn camel_case(name: &str) -> String {
    let parts = name.split('_').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::assistant::fix::Extent;

    fn order(root: &Path, path: &str, text: &str, line: usize) -> (Order, Site) {
        std::fs::write(root.join(path), text).unwrap();
        let extent = Extent::Files(vec![path.into()]);
        let order = Order { root: root.to_owned(), extent, path: path.into(), line, open: Texts::new() };
        let site = Site::find(&order).unwrap();
        (order, site)
    }

    const RUST: &str = "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n";
    const ANSWER: &str = "```rust\n#[cfg(test)]\nmod tests {\n    use super::*;\n    use std::fmt::Debug;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n\n    #[test]\n    fn says_nothing() {\n        assert!(true);\n    }\n\n    #[test]\n    fn is_cut_off() {\n        assert_eq!(add(1,";

    #[test]
    fn tests_of_rust_stand_in_a_module() {
        let dir = tempfile::tempdir().unwrap();
        let (order, site) = order(dir.path(), "a.rs", RUST, 0);
        let layout = Layout::of(&order, &site).unwrap();
        let tests = layout.tests_in(ANSWER, &site);
        assert_eq!(tests.iter().map(|test| test.name.as_str()).collect::<Vec<_>>(), ["adds"]);
        let once = in_rust(&site.snapshot, &tests, tests[0].imports.iter());
        expect![[r#"
            fn add(a: i32, b: i32) -> i32 {
                a + b
            }

            #[cfg(test)]
            mod tests {
                use super::*;
                use std::fmt::Debug;

                #[test]
                fn adds() {
                    assert_eq!(add(1, 2), 3);
                }
            }
        "#]]
        .assert_eq(&once);
        // Into the module that is there, under another name.
        std::fs::write(dir.path().join("a.rs"), &once).unwrap();
        let site = Site::find(&order).unwrap();
        let tests = layout.tests_in(ANSWER, &site);
        let twice = in_rust(&site.snapshot, &tests, tests[0].imports.iter());
        assert!(twice.starts_with(once.trim_end_matches("}\n")), "{twice}");
        assert!(
            twice.ends_with("    }\n\n    #[test]\n    fn adds_2() {\n        assert_eq!(add(1, 2), 3);\n    }\n}\n"),
            "{twice}"
        );

        let mut texts = Texts::from([(PathBuf::from("a.rs"), twice)]);
        layout.take_body_out(&site, &mut texts);
        assert!(
            texts[Path::new("a.rs")].starts_with("fn add(a: i32, b: i32) -> i32 { unimplemented!() }\n"),
            "{texts:?}"
        );
    }

    #[test]
    fn tests_of_python_stand_in_a_file_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let (order, site) = order(dir.path(), "a.py", "def add_all(xs):\n    return sum(xs)\n", 0);
        let answer = "```python\nfrom a import add_all\nimport math\n\ndef test_some():\n    assert add_all([1, 2]) == 3\n\ndef test_fixture(tmp):\n    assert add_all([]) == 0\n```";
        let mut layout = Layout::of(&order, &site).unwrap();
        let tests = layout.tests_in(answer, &site);
        let (before, after) = layout.with_tests(&site, &tests);
        assert!(before.is_empty());
        expect![[r#"
            import unittest
            from a import add_all
            import math


            class TestAddAll(unittest.TestCase):
                def test_some(self):
                    assert add_all([1, 2]) == 3
        "#]]
        .assert_eq(&after[Path::new("test_a.py")]);
        if let Kind::Python { has_pytest, .. } = &mut layout.kind {
            *has_pytest = true;
        }
        let (_, after) = layout.with_tests(&site, &tests);
        expect![[r#"
            from a import add_all
            import math


            def test_some():
                assert add_all([1, 2]) == 3
        "#]]
        .assert_eq(&after[Path::new("test_a.py")]);
        let mut texts = after.clone();
        layout.take_body_out(&site, &mut texts);
        assert_eq!(texts[Path::new("a.py")], "def add_all(xs):\n    raise NotImplementedError\n");
    }
}
