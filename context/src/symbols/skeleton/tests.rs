//! Symbols by a skeleton and by the whole text: the same in real files, in damaged ones, and in those that end anywhere.

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use halfline_grammars::{Language, by_name};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Skeleton;
use crate::symbols::{Parsed, Source, Symbols, symbols_of};

/// The symbols of a text by its skeleton and by all of it; nothing where what was parsed has an error.
fn both_ways(language: &'static Language, text: &str) -> (Option<Symbols>, Option<Symbols>) {
    let source = Source::new(language, text);
    let read = |text: &[u8], skeleton: Option<&Skeleton>| {
        let tree = language.parser().parse(text, None)?;
        let is_sound = !tree.root_node().has_error();
        is_sound.then(|| symbols_of(&source, &Parsed { tree: &tree, text, skeleton }))
    };
    let skeleton = Skeleton::of(language, text, 0..text.len());
    (skeleton.and_then(|skeleton| read(skeleton.text(), Some(&skeleton))), read(text.as_bytes(), None))
}

fn check(language: &str, text: &str, expected: Expect) {
    let language = by_name(language).unwrap();
    let skeleton = Skeleton::of(language, text, 0..text.len())
        .map(|skeleton| String::from_utf8(skeleton.text().to_vec()).unwrap());
    expected.assert_eq(&skeleton.unwrap_or_else(|| "given up".to_owned()));
    let (short, long) = both_ways(language, text);
    if let Some(short) = short {
        assert_eq!(Some(short), long);
    }
}

#[test]
fn python_keeps_what_is_defined_where_it_stands() {
    check(
        "python",
        r#"
"""Docs with def in them."""
from a import (  # why
    b,
    c,
)
LIMIT = {"a": [1, 2], "b": "}"}
print("no definition")
print("none either")

@wraps(LIMIT)
def one(a, b={}) -> "int":
    # A comment.
    if a:
        return '''
def none(): pass
'''
    return b  # last
    # A comment of the body.

class Two(Base, metaclass=Meta):
    """Docs."""
    field: int = 3
    other = 4; third = 5

    def __init__(self, a):
        super().__init__()
        self.a = a[1:2]

    async def three(self):
        import late
        x = 1
        if x: \
            x = 2
        try:
            def inner():
                return 1
        except ValueError:
            pass
        return inner

if LIMIT:
    def four(): return 4
else:
    four = None
"#,
        expect![[r#"
            ()
            import _
            LIMIT = ()
            ()
            @wraps()
            def one():
                #-
                ()  #-
                #-
            class Two():
                ()
                field: int = 3
                other = 4; third = 5
                def __init__():
                    ()
                    self.a = a[0]
                async def three():
                    import _
                    ()
                    try:
                        def inner():
                            ()
                    except ValueError:
                        ()
                    ()
            if LIMIT:
                def four(): return 4
            else:
                ()
        "#]],
    );
}

#[test]
fn rust_keeps_what_is_defined_where_it_stands() {
    check(
        "rust",
        r##"
//! Docs with fn in them.
use a::{b, c as d};
pub(crate) use e::*;
mod far;

/// Docs.
#[derive(Debug)]
pub struct One<'a, T: Fn(u8) -> u8>(&'a T, [u8; 3]);

pub enum Two { A { b: u8 }, C(u8) }

const TABLE: [(&str, char); 2] = [("}", '}'), (r#"""#, '\'')];

impl<T> One<'_, T> where T: Fn(u8) -> u8 {
    /* A /* nested */ comment. */
    pub const fn three(&self, f: fn(u8) -> u8) -> [u8; 3] { let a = "{"; [1; 3] }
    fn four<const N: usize>() -> impl Iterator<Item = u8> where T: Clone,
    {
        fn inner() { vec![1]; }
        use std::mem;
        let x = |(a, b)| { a + b };
        if !x { inner() }
    }
}

trait Five { fn six(&self); const SEVEN: u8; type Eight; }
macro_rules! nine { ($a:expr) => { fn ten() {} } }
thread_local! { static X: u8 = 1; }
"##,
        expect![
            " use _; pub(crate) use _; mod far; pub struct One<'a, T: Fn() -> u8>(); pub enum Two { A { b: u8 }, C() } const TABLE:_; impl<T> One<'_, T> where T: Fn() -> u8 { pub const fn three(){} fn four<const N: usize>(){ fn inner(){} use _; let x = |()| { a + b }; if !x { inner() } } } trait Five { fn six(); const SEVEN:_; type Eight; } macro_rules! nine {} thread_local! {} "
        ],
    );
}

#[test]
fn what_is_unclear_is_given_up() {
    for (language, text) in [
        ("python", "def a():\n    return '''open\n"),
        ("python", "def a(:\n    pass\n"),
        ("python", "    x = 1\ny = 2\n"),
        // The grammar takes the next line for the type of `y`.
        ("python", "class A:\n    def f(self):\n        if x:\n            y:\n    z = 1\n"),
        ("python", "\\\n\nx = 1\n"),
        ("rust", "use"),
        ("rust", "fn a() { \"open }\n"),
        ("rust", "fn a() { ( }\n"),
        ("rust", "fn a() {} }\n"),
        ("lua", "function a() end\n"),
    ] {
        assert!(Skeleton::of(by_name(language).unwrap(), text, 0..text.len()).is_none(), "{text:?}");
    }
}

/// The files in Rust and Python under a directory: this workspace, or the one that `HALFLINE_CORPUS` names.
fn corpus() -> Vec<(&'static Language, String, PathBuf)> {
    fn read(directory: &Path, found: &mut Vec<(&'static Language, String, PathBuf)>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.') {
                read(&path, found);
            } else if kind.is_file()
                && let Some(language) = halfline_grammars::by_path(&path)
                && matches!(language.name(), "rust" | "python")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                found.push((language, text, path));
            }
        }
    }
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    read(&std::env::var_os("HALFLINE_CORPUS").map_or_else(own, Into::into), &mut found);
    found
}

#[test]
fn real_files_have_the_same_symbols() {
    let (mut equal, mut given_up, mut kept, mut whole) = (0, Vec::new(), 0, 0);
    for (language, text, path) in corpus() {
        match both_ways(language, &text) {
            (Some(short), Some(long)) => {
                assert!(short == long, "{} has other symbols", path.display());
                equal += 1;
                kept += Skeleton::of(language, &text, 0..text.len()).map_or(0, |skeleton| skeleton.text().len());
                whole += text.len();
            }
            (None, Some(_)) => given_up.push(path),
            (_, None) => {}
        }
    }
    println!("{equal} files are equal, {kept} of {whole} bytes were parsed; given up: {given_up:?}");
    assert!(equal > 200 && given_up.len() * 50 < equal, "{given_up:?}");
    assert!(kept * 4 < whole, "{kept} of {whole}");
}

/// Wherever both texts are without error, a file that somebody is in the middle of writing has the same symbols, too.
#[test]
fn damaged_files_have_the_same_symbols_or_an_error() {
    let mut random = StdRng::seed_from_u64(7);
    let mut compared = 0;
    for (language, text, path) in corpus().into_iter().filter(|(_, text, _)| text.len() < 12_000).step_by(3) {
        for _ in 0..12 {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.len() < 20 {
                continue;
            }
            let from = random.random_range(0..places.len() - 12);
            let to = from + random.random_range(1..12);
            // A text may end anywhere, and has to be read to that end.
            both_ways(language, &text[..places[from]]);
            let damaged = format!("{}{}", &text[..places[from]], &text[places[to]..]);
            if let (Some(short), Some(long)) = both_ways(language, &damaged) {
                assert!(short == long, "{} without {}..{}", path.display(), places[from], places[to]);
                compared += 1;
            }
        }
    }
    println!("{compared} compared");
    assert!(compared > 100, "{compared}");
}
