//! Copies, and what tests leave in them.

use super::*;

fn project(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn texts(path: &str, text: &str) -> Texts {
    Texts::from([(path.into(), text.to_owned())])
}

#[test]
fn what_tests_leave_is_gone_at_the_next_check() {
    let (project, cache) = (project(&[("a.py", "one"), ("d/b.txt", "two")]), tempfile::tempdir().unwrap());
    let mut scratch = Scratch::new(project.path(), Extent::Tree, Texts::new(), cache.path()).unwrap();
    let tree = scratch.tree().to_owned();
    scratch.put(&texts("a.py", "new")).unwrap();
    assert_eq!(fs::read_to_string(tree.join("a.py")).unwrap(), "new");
    fs::remove_dir_all(tree.join("d")).unwrap();
    fs::write(tree.join("left"), "over").unwrap();
    fs::create_dir(tree.join("more")).unwrap();
    scratch.put(&Texts::new()).unwrap();
    assert_eq!(fs::read_to_string(tree.join("a.py")).unwrap(), "one");
    assert_eq!(fs::read_to_string(tree.join("d/b.txt")).unwrap(), "two");
    assert!(!tree.join("left").exists() && !tree.join("more").exists());
    assert_eq!(fs::read_to_string(project.path().join("a.py")).unwrap(), "one");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_links() {
    let (project, cache) = (project(&[("a.py", "one")]), tempfile::tempdir().unwrap());
    let mut scratch = Scratch::new(project.path(), Extent::Tree, Texts::new(), cache.path()).unwrap();
    let copy = scratch.tree().join("a.py");
    // A test may put a link to the original, or to anything, in the place of a file.
    fs::remove_file(&copy).unwrap();
    std::os::unix::fs::symlink(project.path().join("a.py"), &copy).unwrap();
    scratch.put(&texts("a.py", "new")).unwrap();
    assert_eq!(fs::read_to_string(project.path().join("a.py")).unwrap(), "one");
    // A test that writes into a file writes into the copy.
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(project.path().join("a.py")).unwrap().nlink(), 1);
}

#[test]
fn build_outputs_and_repositories_stay_where_they_are() {
    let project = project(&[
        ("src/a.rs", ""),
        ("target/CACHEDIR.TAG", ""),
        ("target/debug/a", ""),
        (".git/HEAD", ""),
        ("venv/pyvenv.cfg", ""),
        ("env/notes.txt", ""),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let scratch = Scratch::new(project.path(), Extent::Tree, Texts::new(), cache.path()).unwrap();
    let has = |path: &str| scratch.tree().join(path).exists();
    assert!(has("src/a.rs") && has("env/notes.txt"));
    assert!(!has("target") && !has(".git"));
    assert!(is_link(&scratch.tree().join("venv")));
}

#[test]
fn packages_are_imported_from_the_copy() {
    let project = project(&[
        ("pyproject.toml", ""),
        ("src/a/__init__.py", ""),
        ("src-old/b.py", ""),
        ("plugins/one/setup.py", ""),
        ("tests/data/setup.py", ""),
        ("web/pyproject.toml", ""),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let roots = |path: &Path| {
        let scratch = Scratch::new(path, Extent::Tree, Texts::new(), cache.path()).unwrap();
        let tree = scratch.tree().to_owned();
        scratch.python_roots().iter().map(|root| root.strip_prefix(&tree).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(roots(project.path()), ["src", "", "plugins/one"].map(PathBuf::from));
    assert!(roots(&project.path().join("src")).is_empty());
}

#[test]
fn two_at_once_have_a_place_each() {
    let (project, cache) = (project(&[("a.py", "one")]), tempfile::tempdir().unwrap());
    let new = || Scratch::new(project.path(), Extent::Tree, Texts::new(), cache.path()).unwrap();
    let (first, second) = (new(), new());
    assert_ne!(first.tree(), second.tree());
    let kept = first.tree().to_owned();
    drop((first, second));
    assert_eq!(new().tree(), kept, "the next one finds its build outputs");
}

#[test]
fn what_an_editor_has_open_goes_before_what_is_on_disk() {
    let (project, cache) = (project(&[("a.py", "one")]), tempfile::tempdir().unwrap());
    let scratch = Scratch::new(project.path(), Extent::Tree, texts("a.py", "typed"), cache.path()).unwrap();
    assert_eq!(fs::read_to_string(scratch.tree().join("a.py")).unwrap(), "typed");
    assert_eq!(scratch.original(Path::new("a.py")).unwrap(), "typed");
}
