//! Small registries and environments, and which of their files a name means.

use std::fs;

use super::*;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn with_registry(root: &Path) -> Dependencies {
    let dependencies = Dependencies::default();
    dependencies.registries.set(vec![root.join("registry")]).unwrap();
    dependencies
}

#[test]
fn a_name_means_the_package_and_version_that_the_manifest_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(
        root,
        "Cargo.toml",
        "[workspace]\n[workspace.dependencies]\nshared-name = { package = \"real\", version = \"2\" }\n",
    );
    write(
        root,
        "app/Cargo.toml",
        "[package]\nname = \"app\"\n[dependencies]\nplain-name = \"0.3\"\nold = { package = \"real\", version = \"^1.2\" }\nshared-name.workspace = true\n[target.'cfg(unix)'.dev-dependencies]\nodd = \"1\"\n",
    );
    write(root, "other/Cargo.toml", "[package]\nname = \"other\"\n[dependencies]\nplain-name = \"0.4.1\"\n");
    let locked =
        [("plain-name", "0.3.9"), ("plain-name", "0.4.2"), ("real", "1.10.0"), ("real", "2.0.1"), ("odd", "1.0.0")];
    let lock = |locked: &[(&str, &str)]| -> String {
        locked
            .iter()
            .map(|(name, version)| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n"))
            .collect()
    };
    write(root, "Cargo.lock", &lock(&locked));
    for (name, version) in locked {
        let lib = if name == "odd" { "[lib]\npath = \"source/odd.rs\"\n" } else { "" };
        write(root, &format!("registry/{name}-{version}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\n{lib}"));
    }
    let dependencies = with_registry(root);
    let found = |from: &str, name: &str| {
        let path = dependencies.crate_root(root, &root.join(from), name)?;
        Some(path.strip_prefix(root.join("registry")).unwrap().to_string_lossy().into_owned())
    };
    for (from, name, expected) in [
        ("app/src/main.rs", "plain_name", Some("plain-name-0.3.9/src/lib.rs")),
        ("other/src/main.rs", "plain_name", Some("plain-name-0.4.2/src/lib.rs")),
        ("app/src/main.rs", "old", Some("real-1.10.0/src/lib.rs")),
        ("app/src/main.rs", "shared_name", Some("real-2.0.1/src/lib.rs")),
        ("app/src/main.rs", "odd", Some("odd-1.0.0/source/odd.rs")),
        ("other/src/main.rs", "real", Some("real-2.0.1/src/lib.rs")),
        ("app/src/main.rs", "absent", None),
    ] {
        assert_eq!(found(from, name).as_deref(), expected, "{name} in {from}");
    }
    assert_eq!(dependencies.package(root, &root.join("app/src/main.rs"), "old").as_deref(), Some("real"));
}

#[test]
fn what_a_requirement_leaves_open() {
    for (requirement, expected) in
        [("1.2.3", &[1][..]), ("^0.3.1", &[0, 3]), ("=0.0.5", &[0, 0, 5]), (">=2, <3", &[2]), ("*", &[]), ("0", &[0])]
    {
        assert_eq!(cargo::significant(requirement), expected, "{requirement}");
    }
}

#[test]
fn changes_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "Cargo.toml", "[package]\nname = \"app\"\n");
    for version in ["1.0.0", "1.1.0"] {
        write(root, &format!("registry/dep-{version}/Cargo.toml"), "[package]\nname = \"dep\"\n");
    }
    let dependencies = with_registry(root);
    let found = || dependencies.crate_root(root, &root.join("src/lib.rs"), "dep");
    assert_eq!(found(), None);
    assert_eq!(dependencies.site_packages(root).len(), 0);
    write(root, "Cargo.lock", "[[package]]\nname = \"dep\"\nversion = \"1.0.0\"\n");
    for packages in [".venv/lib/python3.12/site-packages", "env/Lib/site-packages"] {
        write(root, &format!("{packages}/a.py"), "");
    }
    std::thread::sleep(BELIEVED);
    assert!(found().is_some_and(|path| path.starts_with(root.join("registry/dep-1.0.0"))));
    assert_eq!(dependencies.site_packages(root).len(), 2);
    let path = root.join("env/Lib/site-packages/a.py");
    assert!(dependencies.file(root, &path).is_some());
    write(root, "Cargo.lock", "[[package]]\nname = \"dep\"\nversion = \"1.1.0\"\n# newer\n");
    write(root, "env/Lib/site-packages/a.py", "def upgraded():\n    pass\n");
    std::thread::sleep(BELIEVED);
    assert!(found().is_some_and(|path| path.starts_with(root.join("registry/dep-1.1.0"))));
    assert_eq!(dependencies.file(root, &path).unwrap().definitions.len(), 1);
}

#[test]
fn who_is_in_a_hurry_gets_a_file_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "env/Lib/site-packages/big.py", &"def one(a, b):\n    return a + b\n".repeat(20_000));
    let dependencies = with_registry(root);
    let path = root.join("env/Lib/site-packages/big.py");
    let get = |deadline| within(deadline, || dependencies.file(root, &path).is_some());
    assert_eq!(get(Instant::now()), (false, false), "it is not waited for");
    assert_eq!(get(Instant::now() + Duration::from_secs(60)), (true, true), "it was read meanwhile, or is now");
    assert_eq!(get(Instant::now()), (true, true), "what was read is there");
    let absent = root.join("env/Lib/site-packages/absent.py");
    assert_eq!(
        within(Instant::now(), || dependencies.file(root, &absent).is_some()),
        (false, true),
        "nothing to wait for"
    );
}
