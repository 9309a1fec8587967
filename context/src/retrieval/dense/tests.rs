//! Vectors by a model made of a handful of ideas, which says how often it was asked.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use expect_test::expect;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::retrieval::{By, SearchOptions, search};
use crate::workspace::ScanLimits;

/// Words that mean the same stand in one row.
const IDEAS: [&[&str]; 4] =
    [&["cat", "feline", "kitten"], &["boat", "vessel", "sail"], &["song", "melody", "tune"], &["stone", "rock"]];

/// Counts ideas.
#[derive(Default)]
pub(super) struct Ideas {
    asked: AtomicUsize,
    broken: AtomicBool,
}

impl Embedder for Ideas {
    fn id(&self) -> &str {
        "ideas"
    }

    fn dimension(&self) -> usize {
        IDEAS.len()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, String> {
        if self.broken.load(Ordering::Relaxed) {
            return Err("out of ideas".to_owned());
        }
        self.asked.fetch_add(texts.len(), Ordering::Relaxed);
        let vector = |text: &&str| {
            let mut vector: Vec<f32> = IDEAS
                .iter()
                .map(|words| words.iter().map(|word| text.matches(word).count() as f32).sum::<f32>())
                .collect();
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|number| *number /= length.max(1.0));
            vector
        };
        Ok(texts.iter().map(vector).collect())
    }
}

pub(super) struct Project {
    dir: tempfile::TempDir,
    pub(super) ideas: Arc<Ideas>,
}

impl Project {
    pub(super) fn new(files: &[(&str, &str)]) -> Project {
        let project = Project { dir: tempfile::tempdir().unwrap(), ideas: Arc::default() };
        files.iter().for_each(|(path, text)| project.write(path, text));
        project
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join("project").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    /// A workspace as a new process opens it, read and embedded.
    fn open(&self) -> Workspace {
        let workspace = Workspace::open(self.root(), &self.cache());
        workspace.embed_with(self.ideas.clone());
        workspace
    }

    /// Reads what has changed and computes what is missing; says how many texts that took.
    pub(super) fn refresh(&self, workspace: &Workspace) -> (Computed, usize) {
        workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
        let before = self.ideas.asked.load(Ordering::Relaxed);
        let computed = workspace.dense().unwrap().compute(workspace, &|| true, &mut |_, _| {}).unwrap();
        (computed, self.ideas.asked.load(Ordering::Relaxed) - before)
    }
}

pub(super) const FILES: [(&str, &str); 3] = [
    ("a.rs", "fn purr() {\n    kitten();\n}\n"),
    ("b.rs", "fn float() {\n    sail();\n}\n"),
    ("c.py", "def hum():\n    return tune()\n"),
];

pub(super) fn listing(workspace: &Workspace, query: &str, by: By) -> String {
    let results = search(workspace, query, &SearchOptions { by, ..SearchOptions::default() });
    let mut text = String::new();
    for hit in &results.hits {
        let dense = hit.dense.map_or("-".to_owned(), |score| format!("{score:.1}"));
        text += &format!("{}:{}-{} {dense}\n", hit.path, hit.lines.0, hit.lines.1);
    }
    for one in &results.retrievers {
        let why = one.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        text += &format!("({} {} of {}{why})\n", one.name, one.chunks, one.of);
    }
    text
}

#[test]
fn places_are_found_by_meaning() {
    let project = Project::new(&FILES);
    let workspace = project.open();
    expect![[r#"
        (dense 0 of 0)
    "#]]
    .assert_eq(&listing(&workspace, "feline", By::Meaning));
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    expect![[r#"
        (bm25 3 of 3)
        (dense 0 of 3: not every chunk has a vector yet)
    "#]]
    .assert_eq(&listing(&workspace, "feline", By::Both));
    project.refresh(&workspace);
    expect![[r#"
        a.rs:1-3 1.0
        (dense 3 of 3)
    "#]]
    .assert_eq(&listing(&workspace, "feline", By::Meaning));
    expect![[r#"
        a.rs:1-3 1.0
        (bm25 3 of 3)
        (dense 3 of 3)
    "#]]
    .assert_eq(&listing(&workspace, "a feline animal", By::Both));
    expect![[r#"
        (bm25 3 of 3)
    "#]]
    .assert_eq(&listing(&workspace, "feline", By::Words));
}

#[test]
fn a_search_says_what_did_not_take_part() {
    let project = Project::new(&FILES);
    let workspace = project.open();
    project.refresh(&workspace);
    project.ideas.broken.store(true, Ordering::Relaxed);
    expect![[r#"
        a.rs:1-3 -
        (bm25 3 of 3)
        (dense 0 of 3: out of ideas)
    "#]]
    .assert_eq(&listing(&workspace, "kitten", By::Both));
    project.write("d.rs", "fn new() {\n    boat();\n}\n");
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let failed = workspace.dense().unwrap().compute(&workspace, &|| true, &mut |_, _| {});
    assert_eq!(failed, Err(ComputeError::Model("out of ideas".to_owned())));

    let plain = Workspace::open(project.dir.path().join("project"), &project.dir.path().join("cache"));
    expect![[r#"
        a.rs:1-3 -
        (bm25 4 of 4)
        (dense 0 of 4: there is no model that makes vectors)
    "#]]
    .assert_eq(&listing(&plain, "kitten", By::Both));
}

#[test]
fn nothing_is_computed_twice() {
    let project = Project::new(&FILES);
    let workspace = project.open();
    assert_eq!(project.refresh(&workspace), (Computed { computed: 3, reused: 0, complete: true }, 3));
    assert_eq!(project.refresh(&workspace), (Computed { computed: 0, reused: 0, complete: true }, 0));
    // What moves keeps its vector, and so does what another file has.
    fs::rename(workspace.root().join("a.rs"), workspace.root().join("z.rs")).unwrap();
    project.write("copy.rs", FILES[1].1);
    assert_eq!(project.refresh(&workspace), (Computed { computed: 0, reused: 2, complete: true }, 0));
    // A new process, and one after a change.
    drop(workspace);
    let workspace = project.open();
    assert_eq!(project.refresh(&workspace).1, 0);
    project.write("b.rs", "fn float() {\n    rock();\n}\n");
    assert_eq!(project.refresh(&workspace).1, 1);
    assert_eq!(listing(&workspace, "stone", By::Meaning).lines().next(), Some("b.rs:1-3 1.0"));
    assert_eq!(listing(&workspace, "vessel", By::Meaning).lines().next(), Some("copy.rs:1-3 1.0"));
}

#[test]
fn who_is_told_to_stop_goes_on_later() {
    let project = Project::new(&FILES);
    let workspace = project.open();
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let dense = workspace.dense().unwrap();
    let left = AtomicUsize::new(2);
    let go_on = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    assert_eq!(
        dense.compute(&workspace, &go_on, &mut |_, _| {}),
        Ok(Computed { computed: 2, reused: 0, complete: false })
    );
    assert_eq!(dense.coverage(&workspace), Coverage { model: "ideas".to_owned(), vectors: 2, chunks: 3 });
    drop(workspace);
    assert_eq!(project.refresh(&project.open()).1, 1, "what was done is kept");
}

/// Lines of a chunk and how alike it is.
pub(super) type Alike = ((usize, usize), f32);

/// The likeness of every chunk to a question, by path.
pub(super) fn likeness(workspace: &Workspace, query: &str) -> BTreeMap<String, Vec<Alike>> {
    let scored = workspace.dense().unwrap().score(query, &SearchOptions::default()).unwrap().likeness;
    let files = workspace.files();
    let find = |id: u64| files.iter().find(|file| path_hash(workspace.root(), &file.path) == id);
    scored
        .into_iter()
        .map(|(id, chunks)| (find(id).map_or("gone".to_owned(), |file| workspace.display_path(&file.path)), chunks))
        .collect()
}

#[test]
fn after_any_changes_vectors_are_those_of_a_fresh_start() {
    let mut rng = StdRng::seed_from_u64(11);
    let words: Vec<&str> = IDEAS.concat();
    for _ in 0..12 {
        let project = Project::new(&FILES);
        let mut workspace = project.open();
        for step in 0..8 {
            let name = format!("{}.rs", ["a", "b", "d/e", "f"][rng.random_range(0..4)]);
            let path = workspace.root().join(&name);
            if rng.random_range(0..4) == 0 {
                let _ = fs::remove_file(&path);
            } else {
                let word = words[rng.random_range(0..words.len())];
                let more = "    stone();\n".repeat(rng.random_range(0..80));
                project.write(&name, &format!("fn step_{step}() {{\n    {word}();\n{more}}}\n"));
            }
            if rng.random_range(0..3) == 0 {
                workspace = project.open();
            }
            if rng.random_range(0..3) > 0 {
                project.refresh(&workspace);
            }
        }
        project.refresh(&workspace);
        let fresh = Workspace::open(workspace.root(), &project.dir.path().join("other"));
        fresh.embed_with(project.ideas.clone());
        project.refresh(&fresh);
        for query in ["kitten", "a vessel of rock", ""] {
            assert_eq!(likeness(&workspace, query), likeness(&fresh, query));
        }
        assert_eq!(workspace.dense().unwrap().coverage(&workspace), fresh.dense().unwrap().coverage(&fresh));
    }
}
