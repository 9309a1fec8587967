use std::path::{Path, PathBuf};

use halfline_grammars::Language;

use super::Skeleton;
use crate::symbols::{Definition, Import, Parsed, Source, symbols_of};

/// The symbols of a text by its skeleton, if that serves, and by the text itself, if that has no error.
fn both_ways(language: &'static Language, text: &str) -> (Option<Symbols>, Option<Symbols>) {
    let source = Source::new(language, text);
    let read = |text: &[u8], skeleton: Option<&Skeleton>| {
        let tree = language.parser().parse(text, None)?;
        let is_sound = !tree.root_node().has_error();
        is_sound.then(|| symbols_of(&source, &Parsed { tree: &tree, text, skeleton }))
    };
    let skeleton = Skeleton::of(language, text);
    (
        skeleton.and_then(|skeleton| read(skeleton.text(), Some(&skeleton))),
        read(text.as_bytes(), None),
    )
}

type Symbols = (Vec<Definition>, Vec<Import>);

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') && entry.file_name() != "target" {
            files(&path, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

#[test]
fn real_files_have_the_same_symbols() {
    let root = std::env::var_os("HALFLINE_CORPUS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), Into::into);
    let mut all = Vec::new();
    files(&root, &mut all);
    let (mut equal, mut given_up, mut broken, mut kept, mut whole, mut different) = (0, 0, 0, 0, 0, 0);
    for path in all {
        let Some(language) = halfline_grammars::by_path(&path) else { continue };
        if !matches!(language.name(), "rust" | "python") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(skeleton) = Skeleton::of(language, &text) {
            kept += skeleton.text().len();
            whole += text.len();
        }
        match both_ways(language, &text) {
            (Some(short), Some(long)) if short == long => equal += 1,
            (Some(short), Some(long)) => {
                different += 1;
                if different < 20 {
                    println!("DIFFERENT {} {} {}", path.display(), short.0.len(), long.0.len());
                    for (a, b) in short.0.iter().zip(&long.0).filter(|(a, b)| a != b).take(2) {
                        println!("  {a:?}\n  {b:?}");
                    }
                    if short.1 != long.1 { println!("  imports"); }
                }
            }
            (None, Some(_)) => {
                given_up += 1;
                if given_up < 20 { println!("GIVEN UP {} {}", path.display(), Skeleton::of(language, &text).is_some()); }
            }
            (_, None) => broken += 1,
        }
    }
    println!("equal {equal} different {different} given up {given_up} broken {broken} kept {kept} of {whole}");
}
