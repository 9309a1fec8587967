//! `models list`, `verify`, `remove` and `import`.

use expect_test::expect;
use halfline_inference::testing::{TinyFamily, TinySpec, write_tiny_model};
use halfline_tests::Home;
use serde_json::{Value, json};

use crate::mirror::{content, manifest};
use crate::{Run, run};

/// A run of `models` with the test manifest.
fn models(home: &Home, arguments: &[&str]) -> Run {
    let mut command = home.command();
    command.arg("models").args(arguments).env("HALFLINE_MANIFEST", manifest(home, false));
    Run::of(home, &mut command)
}

fn state(home: &Home) -> Value {
    models(home, &["list", "--json"]).json()["models"][0]["state"].clone()
}

#[test]
fn list_says_what_is_on_disk() {
    let home = Home::new();
    assert_eq!(state(&home), "absent");
    std::fs::write(home.models().join("Test.gguf.part"), "abc").unwrap();
    assert_eq!(models(&home, &["list", "--json"]).json()["models"][0]["have"], 3);
    std::fs::write(home.models().join("Test.gguf"), content()).unwrap();
    assert_eq!(state(&home), "unverified");
    assert_eq!(models(&home, &["verify", "--json"]).json()["ok"], json!(true));
    assert_eq!(state(&home), "verified");

    // The same size, another content: the record of the verification is void with the file's time.
    let mut wrong = content();
    wrong[5] ^= 1;
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(home.models().join("Test.gguf"), wrong).unwrap();
    assert_eq!(state(&home), "unverified");
    let verified = models(&home, &["verify", "--json"]);
    assert_eq!((verified.code, &verified.json()["ok"]), (Some(1), &json!(false)));
    assert_eq!(state(&home), "damaged");

    std::fs::write(home.models().join("Test.gguf"), "short").unwrap();
    expect![[r#"
        exit 0
        --- stdout
        test                                    244.14 KiB  small   MIT         damaged: it has 5 bytes, and 250000 are right
        --- stderr
        halfline: directory: MODELS
    "#]].assert_eq(&models(&home, &["list"]).all());
}

#[test]
fn remove_takes_all_of_it() {
    let home = Home::new();
    for name in ["Test.gguf", "Test.gguf.part"] {
        std::fs::write(home.models().join(name), "abc").unwrap();
    }
    assert_eq!(models(&home, &["remove", "test", "--json"]).json()["removed"][0]["bytes"], 6);
    assert_eq!(std::fs::read_dir(home.models()).unwrap().count(), 0);
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: error: the model `test` is not on disk
    "#]]
    .assert_eq(&models(&home, &["remove", "test"]).all());
}

#[test]
fn import_takes_gguf_files_and_nothing_else() {
    let home = Home::new();
    let file = home.workspace().join("mine.gguf");
    write_tiny_model(&file, &TinySpec::new(TinyFamily::Llama)).unwrap();
    let path = file.display().to_string();
    let imported = models(&home, &["import", &path, "--json"]).json();
    assert_eq!(imported["name"], "mine");
    assert_eq!(std::fs::read(home.models().join("mine.gguf")).unwrap(), std::fs::read(&file).unwrap());
    let listed = models(&home, &["list", "--json"]).json();
    assert_eq!((&listed["models"][1]["name"], &listed["models"][1]["state"]), (&json!("mine"), &json!("verified")));

    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: error: cannot import WORKSPACE/mine.gguf: there is a model `mine` already; remove it with `halfline models remove mine`, or give another name with --name
    "#]].assert_eq(&models(&home, &["import", &path]).all());
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: error: cannot import WORKSPACE/mine.gguf: it is not the test of the manifest: its SHA-256 is df2ebc6cc30e62aa48235832f3838f13bb671eea1fcbd3ab90f22715daa83767, and a2e670c71ffdac750c4e2bdd11585d000ec95a74a0ca90003fbbcb5ae5eb35bc is right; give it another name with --name
    "#]].assert_eq(&models(&home, &["import", &path, "--name", "test"]).all());
    let junk = home.write("junk.gguf", "not a model");
    expect![[r#"
        exit 1
        --- stdout
        --- stderr
        halfline: error: cannot import WORKSPACE/junk.gguf: it is not a GGUF file: it begins with "not ", not "GGUF"
    "#]]
    .assert_eq(&models(&home, &["import", &junk.display().to_string()]).all());

    // An import that changes afterwards is found out, for its hash was recorded.
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(home.models().join("mine.gguf")).unwrap();
    std::fs::write(home.models().join("mine.gguf"), bytes).unwrap();
    let verified = models(&home, &["verify", "mine"]);
    assert_eq!(verified.code, Some(1));
    assert!(verified.stdout.contains("mine.gguf is damaged: its SHA-256 is"), "{}", verified.all());
    assert!(verified.stdout.contains("`halfline models remove mine`"), "{}", verified.all());
}

#[test]
fn unknown_names_are_said_with_what_is_known() {
    let home = Home::new();
    for command in ["pull", "verify", "remove"] {
        let run = models(&home, &[command, "nonsense"]);
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains("no model `nonsense`") && run.stderr.contains("test"), "{}", run.all());
    }
    let mut command = home.command();
    command.args(["models", "list"]).env("HALFLINE_MANIFEST", home.write("bad.toml", "hub = 3"));
    let run = Run::of(&home, &mut command);
    assert!(run.code == Some(1) && run.stderr.contains("bad.toml (HALFLINE_MANIFEST) is no manifest"), "{}", run.all());
}

#[test]
fn the_built_in_manifest_is_listed() {
    let home = Home::new();
    expect![[r#"
        exit 0
        --- stdout
        qwen2.5-coder-1.5b-instruct-q4_k_m        1.04 GiB  target  Apache-2.0  not on disk
        qwen2.5-coder-0.5b-instruct-q4_k_m      468.64 MiB  draft   Apache-2.0  not on disk
        smollm2-135m-instruct-q4_1               93.81 MiB  small   Apache-2.0  not on disk
        wordllama-256                            15.63 MiB  embed   MIT         not on disk
        wordllama-tokenizer                       1.76 MiB  tokenizer MIT         not on disk
        all-minilm-l6-v2                         86.66 MiB  embed   Apache-2.0  not on disk
        all-minilm-l6-v2-tokenizer              455.32 KiB  tokenizer Apache-2.0  not on disk
        --- stderr
        halfline: directory: MODELS
    "#]]
    .assert_eq(&run(&home, &["models", "list"]).all());
}
