//! Vectors in a store that several workspaces share, and that fails when it is told to.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;

use expect_test::expect;

use super::tests::{Alike, FILES, Project, likeness, listing};
use super::*;
use crate::retrieval::{By, Likenesses, PathFilter, search};
use crate::workspace::ScanLimits;

/// A store in memory. What is called `private` it may not have.
#[derive(Default)]
struct Shared {
    points: Mutex<HashMap<ChunkId, Vec<f32>>>,
    /// What it was asked, in one word each.
    asked: Mutex<Vec<String>>,
    broken: AtomicBool,
}

impl Shared {
    fn hear(&self, what: String) -> Result<(), String> {
        self.asked.lock().unwrap().push(what);
        if self.broken.load(Ordering::Relaxed) { Err("the store is down".to_owned()) } else { Ok(()) }
    }

    fn heard(&self) -> String {
        std::mem::take(&mut *self.asked.lock().unwrap()).join(", ")
    }

    fn fail(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }
}

impl VectorStore for Shared {
    fn name(&self) -> &str {
        "shared"
    }

    fn may_have(&self, chunk: &ChunkRecord<'_>) -> bool {
        !chunk.path.starts_with("private")
    }

    fn count(&self) -> Result<usize, String> {
        self.hear("count".to_owned())?;
        Ok(self.points.lock().unwrap().len())
    }

    fn known(&self, chunks: &[ChunkRecord<'_>]) -> Result<Vec<bool>, String> {
        self.hear(format!("known {}", chunks.len()))?;
        let points = self.points.lock().unwrap();
        Ok(chunks.iter().map(|chunk| points.contains_key(&chunk.id)).collect())
    }

    fn put(&self, chunks: &[(ChunkRecord<'_>, &[f32])]) -> Result<(), String> {
        let symbols: Vec<String> = chunks.iter().map(|(chunk, _)| format!("{:?}", chunk.symbol)).collect();
        self.hear(format!("put {}", symbols.join(" ")))?;
        let mut points = self.points.lock().unwrap();
        points.extend(chunks.iter().map(|(chunk, vector)| (chunk.id, vector.to_vec())));
        Ok(())
    }

    fn forget(&self, chunks: &[ChunkId]) -> Result<(), String> {
        self.hear(format!("forget {}", chunks.len()))?;
        chunks.iter().for_each(|chunk| drop(self.points.lock().unwrap().remove(chunk)));
        Ok(())
    }

    fn nearest(&self, asked: &Asked<'_>) -> Result<Likenesses<'_>, String> {
        self.hear(format!("nearest {:?} {:?}", asked.language, asked.folder))?;
        let score = |vector: &Vec<f32>| vector.iter().zip(asked.vector).map(|(a, b)| a * b).sum::<f32>();
        let points = self.points.lock().unwrap();
        let scores: HashMap<u64, f32> = points.iter().map(|(id, vector)| (id.content, score(vector))).collect();
        Ok(Box::new(move |content| scores.get(&content).copied()))
    }
}

fn open(project: &Project, store: &Arc<Shared>) -> Workspace {
    let workspace = Workspace::open(project.root(), &project.cache());
    workspace.embed_at(project.ideas.clone(), store.clone());
    workspace
}

#[test]
fn a_store_has_what_it_may_have_and_the_rest_is_found_here() {
    let (project, store) = (Project::new(&FILES), Arc::<Shared>::default());
    project.write("private.rs", "fn secret() {\n    melody();\n}\n");
    let workspace = open(&project, &store);
    assert_eq!(project.refresh(&workspace).0, Computed { computed: 4, reused: 0, complete: true });
    assert_eq!(store.heard(), r#"count, known 3, put Some("purr") Some("float") Some("hum")"#);
    expect![[r#"
        c.py:1-2 1.0
        private.rs:1-3 1.0
        (dense 4 of 4)
    "#]]
    .assert_eq(&listing(&workspace, "song", By::Meaning));
    assert_eq!(store.heard(), "nearest None None");

    // Another process, and another copy of the code, find it all there.
    drop(workspace);
    let workspace = open(&project, &store);
    assert_eq!(project.refresh(&workspace).0, Computed { computed: 0, reused: 0, complete: true });
    assert_eq!(store.heard(), "count");
    let copy = Project::new(&FILES);
    assert_eq!(copy.refresh(&open(&copy, &store)).0, Computed { computed: 0, reused: 3, complete: true });
    assert_eq!(store.heard(), "count, known 3");

    let path = Some(PathFilter::new("src/net/**/*.rs").unwrap());
    search(&workspace, "song", &SearchOptions { path, language: Some("rust".to_owned()), ..SearchOptions::default() });
    assert_eq!(store.heard(), r#"nearest Some("rust") Some("src/net")"#);
}

#[test]
fn a_store_that_fails_loses_nothing_and_is_told_of() {
    let (project, store) = (Project::new(&FILES), Arc::<Shared>::default());
    project.write("private.rs", "fn secret() {\n    melody();\n}\n");
    let workspace = open(&project, &store);
    project.refresh(&workspace);
    store.fail(true);
    expect![[r#"
        private.rs:1-3 1.0
        (dense 1 of 4: the store is down)
    "#]]
    .assert_eq(&listing(&workspace, "song", By::Meaning));
    let dense = workspace.dense().unwrap();
    assert_eq!(dense.trouble().as_deref(), Some("the store is down"));

    project.write("a.rs", "fn purr() {\n    rock();\n}\n");
    fs::remove_file(project.root().join("b.rs")).unwrap();
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let down = Err(ComputeError::Store("the store is down".to_owned()));
    assert_eq!(dense.compute(&workspace, &|| true, &mut |_, _| {}), down);
    store.fail(false);
    store.heard();
    assert_eq!(project.refresh(&workspace).0.computed, 1);
    assert_eq!(store.heard(), r#"count, forget 1, known 1, put Some("purr"), forget 1"#);
    assert_eq!(dense.trouble(), None);
    assert_eq!(listing(&workspace, "stone", By::Meaning).lines().next(), Some("a.rs:1-3 1.0"));
}

#[test]
fn a_store_that_was_emptied_is_filled_again() {
    let (project, store) = (Project::new(&FILES), Arc::<Shared>::default());
    project.refresh(&open(&project, &store));
    store.points.lock().unwrap().clear();
    let workspace = open(&project, &store);
    assert_eq!(project.refresh(&workspace).0, Computed { computed: 3, reused: 0, complete: true });
    assert_eq!(listing(&workspace, "song", By::Meaning).lines().next(), Some("c.py:1-2 1.0"));
}

#[test]
fn after_any_changes_a_store_says_what_the_table_would() {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..10 {
        let (project, store) = (Project::new(&FILES), Arc::<Shared>::default());
        let mut workspace = open(&project, &store);
        for step in 0..10 {
            let name = ["a.rs", "private/b.rs", "d/e.rs", "c.py"][rng.random_range(0..4)];
            match rng.random_range(0..5) {
                0 => drop(fs::remove_file(project.root().join(name))),
                1 => workspace = open(&project, &store),
                _ => {
                    let more = "    stone();\n".repeat(rng.random_range(0..80));
                    project.write(name, &format!("fn step_{step}() {{\n    sail();\n{more}}}\n"));
                }
            }
            store.fail(rng.random_range(0..3) == 0);
            workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
            // Whether it goes well is the store's to say; the last round does.
            let _ = workspace.dense().unwrap().compute(&workspace, &|| true, &mut |_, _| {});
        }
        store.fail(false);
        project.refresh(&workspace);
        let plain = Workspace::open(project.root(), &project.cache().join("plain"));
        plain.embed_with(project.ideas.clone());
        project.refresh(&plain);
        for query in ["vessel", "a vessel of rock"] {
            let (found, expected) = (likeness(&workspace, query), likeness(&plain, query));
            assert!(found.keys().eq(expected.keys()), "{found:?} {expected:?}");
            // The table rounds, and so may order what is equally alike in another way.
            for (mut found, mut expected) in found.into_values().zip(expected.into_values()) {
                found.sort_by_key(|(lines, _)| *lines);
                expected.sort_by_key(|(lines, _)| *lines);
                let is_close = |(a, b): (&Alike, &Alike)| a.0 == b.0 && (a.1 - b.1).abs() < 0.02;
                assert!(found.iter().zip(&expected).all(is_close), "{found:?} {expected:?}");
                assert_eq!(found.len(), expected.len());
            }
        }
        let places = workspace.dense().unwrap().places().chunks().count();
        assert!(store.points.lock().unwrap().len() <= places, "what is gone is forgotten");
    }
}
