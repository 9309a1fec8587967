//! What the layers make of what people write.

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};

use super::*;

/// Reads the layers given as texts and prints what is not a default, then the problems.
fn check(user: &str, workspace: &str, variables: &[(&str, &str)], flags: &[(&str, &str)], expected: Expect) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let loaded = read(&Layers {
        user: Some(write("config.toml", user)),
        workspace: Some(write(WORKSPACE_FILE, workspace)),
        variables: own(variables),
        flags: own(flags),
    });
    let values = serde_json::to_value(&loaded.config).unwrap();
    let mut shown = String::new();
    for key in KEYS {
        if loaded.origin(key.name) != Origin::Default {
            let value: toml::Value = serde_json::from_value(key.value_in(&values).unwrap().clone()).unwrap();
            shown += &format!("{} = {value} ({})\n", key.name, loaded.origin(key.name));
        }
    }
    for problem in &loaded.problems {
        shown += &format!("{:?} {problem}\n", problem.severity);
    }
    expected.assert_eq(&shown.replace(&format!("{}/", dir.path().display()), ""));
}

/// The dotted names of everything that is no table.
fn note_names(values: &serde_json::Value, prefix: &str, names: &mut Vec<String>) {
    match values.as_object() {
        None => names.push(prefix.trim_end_matches('.').to_owned()),
        Some(table) => table.iter().for_each(|(name, value)| note_names(value, &format!("{prefix}{name}."), names)),
    }
}

#[test]
fn table_of_keys_matches_the_structs() {
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut in_structs: Vec<String> = Vec::new();
    note_names(&defaults, "", &mut in_structs);
    let mut in_table: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    in_structs.sort();
    in_table.sort();
    assert_eq!(in_structs, in_table);
    for key in KEYS {
        let default: toml::Value = serde_json::from_value(key.value_in(&defaults).unwrap().clone()).unwrap();
        assert_eq!(key.check(default.clone()), Ok(default), "the default of {} is a value it takes", key.name);
    }
}

#[test]
fn later_layers_win() {
    check(
        "[engine]\nthreads = 1\n[completion]\nmax_tokens = 10\ndebounce_ms = 1\nmulti_line = false\n",
        "[completion]\nmax_tokens = 20\ndebounce_ms = 2\n",
        &[("HALFLINE_COMPLETION_DEBOUNCE_MS", "3"), ("HALFLINE_LANGUAGES_DISABLED", "python, rust")],
        &[("engine.target", "x.gguf"), ("completion.suffix_share", "0")],
        expect![[r#"
            engine.target = "x.gguf" (--set engine.target=x.gguf)
            engine.threads = 1 (config.toml:2)
            completion.debounce_ms = 3 ($HALFLINE_COMPLETION_DEBOUNCE_MS)
            completion.max_tokens = 20 (.halfline.toml:2)
            completion.suffix_share = 0.0 (--set completion.suffix_share=0)
            completion.multi_line = false (config.toml:6)
            languages.disabled = ["python", "rust"] ($HALFLINE_LANGUAGES_DISABLED)
        "#]],
    );
}

#[test]
fn unknown_settings_are_errors_with_a_suggestion() {
    check(
        "completion.max_token = 3\n[engin]\ntarget = 'a'\n[completion]\nthreads = 1\nzzz = 2\n",
        "",
        &[("HALFLINE_ENGINE_TARGT", "a"), ("HALFLINE_MODELS", "/m")],
        &[("engine.thread", "1")],
        expect![[r#"
            Error config.toml:4: this is not TOML: duplicate key
            Warning $HALFLINE_ENGINE_TARGT: this variable sets nothing; did you mean `HALFLINE_ENGINE_TARGET`?
            Error --set engine.thread=1: there is no setting `engine.thread`; did you mean `engine.threads`?
        "#]],
    );
    check(
        "completion.max_token = 3\nzzz = 2\n[engin]\ntarget = 'a'\n[log]\nthreads = 1\n",
        "",
        &[("HALFLINE_ENGINE_TARGT", "a"), ("HALFLINE_MODELS", "/m")],
        &[("engine.thread", "1")],
        expect![[r#"
            Error config.toml:1: there is no setting `completion.max_token`; did you mean `completion.max_tokens`?
            Error config.toml:2: there is no setting `zzz`
            Error config.toml:3: there is no setting `engin`; did you mean `engine`?
            Error config.toml:6: there is no setting `log.threads`; did you mean `engine.threads`?
            Warning $HALFLINE_ENGINE_TARGT: this variable sets nothing; did you mean `HALFLINE_ENGINE_TARGET`?
            Error --set engine.thread=1: there is no setting `engine.thread`; did you mean `engine.threads`?
        "#]],
    );
}

#[test]
fn bad_values_are_errors_and_leave_the_layer_below() {
    check(
        "[engine]\nthreads = 5\ntarget = ''\nspeculate = 'yes'\n",
        "[completion]\nmax_tokens = 99999\nsuffix_share = 1.5\n[languages]\ndisabled = ['a', 1]\n",
        &[("HALFLINE_ENGINE_THREADS", "many")],
        &[("completion.multi_line", "maybe"), ("engine.target", "none")],
        expect![[r#"
            engine.threads = 5 (config.toml:2)
            Error config.toml:3: `engine.target` must be the name of a model, the path of a GGUF file, or "auto", and is the text ""
            Error config.toml:4: `engine.speculate` must be true or false, and is the text "yes"
            Error .halfline.toml:2: `completion.max_tokens` must be a whole number from 1 to 2048, and is 99999
            Error .halfline.toml:3: `completion.suffix_share` must be a number from 0 to 0.9, and is 1.5
            Error .halfline.toml:5: `languages.disabled` must be a list of texts, and is a list
            Error $HALFLINE_ENGINE_THREADS: `engine.threads` must be a whole number from 0 to 1024, and is "many"
            Error --set completion.multi_line=maybe: `completion.multi_line` must be true or false, and is "maybe"
            Error --set engine.target=none: `engine.target` cannot be "none": something has to answer; write "auto"
        "#]],
    );
}

#[test]
fn a_file_that_is_not_toml_is_an_error_with_its_line() {
    check(
        "[engine]\nthreads = = 5\n",
        "",
        &[],
        &[],
        expect![[r#"
            Error config.toml:2: this is not TOML: extra `=`, expected nothing
        "#]],
    );
}

#[test]
fn a_workspace_cannot_choose_the_engine_or_widen() {
    check(
        "",
        "[engine]\ntarget = 'evil.gguf'\ndraft = 'none'\nspeculate = false\n\
         [assistant]\nmay_run_checks = true\n[completion]\nenabled = false\n[log]\nfile = '/etc/passwd'\n",
        &[],
        &[],
        expect![[r#"
            engine.speculate = false (.halfline.toml:4)
            completion.enabled = false (.halfline.toml:8)
            Warning .halfline.toml:2: ignored: `engine.target` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:3: ignored: `engine.draft` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:6: ignored: a workspace may turn `assistant.may_run_checks` off, not on; that is the user's to say
            Warning .halfline.toml:10: ignored: `log.file` is the user's to set, not a workspace's; put it into the user file
        "#]],
    );
}

#[test]
fn absent_files_are_no_problem_and_unreadable_ones_are() {
    let dir = tempfile::tempdir().unwrap();
    let absent = read(&Layers { user: Some(dir.path().join("no/such")), ..Layers::default() });
    assert_eq!((absent.problems, absent.config), (Vec::new(), Config::default()));
    let unreadable = read(&Layers { user: Some(dir.path().to_path_buf()), ..Layers::default() });
    assert_eq!(unreadable.problems.len(), 1);
    assert!(unreadable.into_result().unwrap_err().to_string().contains("cannot read this file"));
}

#[test]
fn the_root_is_where_the_markers_are() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(root.join("crate/src")).unwrap();
    std::fs::create_dir_all(root.join("bare")).unwrap();
    std::fs::write(root.join("crate/Cargo.toml"), "").unwrap();
    assert_eq!(workspace_root(&root.join("crate/src/main.rs")), root.join("crate"));
    std::fs::write(root.join(WORKSPACE_FILE), "").unwrap();
    assert_eq!(workspace_root(&root.join("crate/src/main.rs")), root);
    assert_eq!(workspace_root(Path::new(&root.join("bare"))), root);
}

#[test]
fn the_schema_knows_every_setting() {
    let schema = schema();
    for key in KEYS {
        let property = schema.pointer(&format!("/properties/{}", key.name.replace('.', "/properties/"))).unwrap();
        assert_eq!(property["description"], key.about);
        assert!(!property["default"].is_null(), "{} has no default in the schema", key.name);
    }
}

#[test]
fn the_device_is_one_of_three_words_and_the_users_to_say() {
    check(
        "[engine]\ndevice = \"gpu\"\n",
        "[engine]\ndevice = \"cuda\"\n",
        &[("HALFLINE_DEVICE", "cpu")],
        &[("engine.device", "metal")],
        expect![[r#"
            engine.device = "cpu" ($HALFLINE_DEVICE)
            Error config.toml:2: `engine.device` must be one of auto, cpu, cuda, and is the text "gpu"
            Warning .halfline.toml:2: ignored: `engine.device` is the user's to set, not a workspace's; put it into the user file
            Error --set engine.device=metal: `engine.device` must be one of auto, cpu, cuda, and is the text "metal"
        "#]],
    );
}

#[test]
fn a_workspace_cannot_widen_what_may_leave() {
    check(
        "[privacy]\nnever_leave = [\"a/**\"]\n[remote]\nurl = \"http://mine/v1\"\n",
        "[privacy]\nnever_leave = [\"b/**\", \"a/**\"]\nlanguages = [\"python\"]\nsecrets_stay = false\n[remote]\nurl = \
         \"http://theirs/v1\"\nenabled = false\nkey_command = [\"sh\"]\n[quota]\nrequests_per_day = 9\n[audit]\nenabled = false\n",
        &[],
        &[],
        expect![[r#"
            remote.enabled = false (.halfline.toml:7)
            remote.url = "http://mine/v1" (config.toml:4)
            privacy.never_leave = ["a/**", "b/**"] (.halfline.toml:2)
            privacy.languages = ["python"] (.halfline.toml:3)
            Warning .halfline.toml:4: ignored: `privacy.secrets_stay` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:6: ignored: `remote.url` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:8: ignored: `remote.key_command` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:10: ignored: `quota.requests_per_day` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:12: ignored: `audit.enabled` is the user's to set, not a workspace's; put it into the user file
        "#]],
    );
    check(
        "",
        "[privacy]\nnever_leave = []\n[remote]\nenabled = true\n",
        &[("HALFLINE_PRIVACY_NEVER_LEAVE", "x, y")],
        &[],
        expect![[r#"
            privacy.never_leave = ["x", "y"] ($HALFLINE_PRIVACY_NEVER_LEAVE)
            Warning .halfline.toml:4: ignored: a workspace may turn `remote.enabled` off, not on; that is the user's to say
        "#]],
    );
}

#[test]
fn a_list_of_engines_is_checked_entry_by_entry() {
    check(
        "[[remote.engines]]\nurl = \"http://a/v1\"\nmodel = \"m\"\nprompt_price = 1\n[[remote.engines]]\nname = \"b\"\n\
         url = \"http://b/v1\"\nmodel = \"n\"\nquestions = \"all\"\ntools = true\n",
        "[[remote.engines]]\nurl = \"http://theirs/v1\"\nmodel = \"m\"\n",
        &[],
        &[],
        expect![[r#"
            remote.engines = [{ answer_price = 0.0, completions = false, context_tokens = 0, fim_template = "", key_command = [], key_variable = "", model = "m", name = "", prompt_price = 1.0, questions = "deep", tools = false, url = "http://a/v1" }, { answer_price = 0.0, completions = false, context_tokens = 0, fim_template = "", key_command = [], key_variable = "", model = "n", name = "b", prompt_price = 0.0, questions = "all", tools = true, url = "http://b/v1" }] (config.toml:1)
            Warning .halfline.toml:1: ignored: `remote.engines` is the user's to set, not a workspace's; put it into the user file
        "#]],
    );
    for (text, expected) in [
        (
            "[remote]\nengines = \"http://a/v1\"\n",
            "must be a list of tables; write each one under `[[remote.engines]]`",
        ),
        ("[remote]\nengines = [1]\n", "engine 1 of `remote.engines` must be a table"),
        ("[[remote.engines]]\nurl = \"http://a/v1\"\n", "engine 1 of `remote.engines` has no `model`"),
        (
            "[[remote.engines]]\nurl = \"x\"\nmodl = \"m\"\n",
            "engine 1 of `remote.engines` has no setting `modl`; did you mean `model`?",
        ),
        (
            "[[remote.engines]]\nurl = \"x\"\nmodel = \"m\"\nquestions = \"some\"\n",
            "engine 1 of `remote.engines`: `questions` must be one of quick, deep, all, none, and is the text \"some\"",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let user = dir.path().join("config.toml");
        std::fs::write(&user, text).unwrap();
        let loaded = read(&Layers { user: Some(user), ..Layers::default() });
        assert_eq!(loaded.problems.len(), 1, "{text}");
        assert!(loaded.problems[0].message.contains(expected), "{}", loaded.problems[0].message);
    }
}

#[test]
fn engines_come_from_a_variable_too_and_the_single_form_is_the_first() {
    let variables = [
        ("HALFLINE_REMOTE_URL", "http://first/v1"),
        ("HALFLINE_REMOTE_ENGINES", "[{url = \"http://second/v1\", model = \"m\"}]"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let loaded = read(&Layers { variables, ..Layers::default() });
    assert_eq!(loaded.problems, Vec::new());
    let urls: Vec<String> = loaded.config.remote.all().into_iter().map(|entry| entry.url).collect();
    assert_eq!(urls, ["http://first/v1", "http://second/v1"]);
    let items = &schema()["properties"]["remote"]["properties"]["engines"]["items"];
    assert_eq!(items["required"], serde_json::json!(["url", "model"]));
    assert_eq!(items["properties"]["questions"]["enum"], serde_json::json!(["quick", "deep", "all", "none"]));
}

#[test]
fn a_workspace_cannot_name_the_server_for_vectors() {
    check(
        "[search.qdrant]\nurl = \"http://mine:6333\"\nquery_ms = 10\n[search]\nqdrnt = 1\n",
        "[search.qdrant]\nurl = \"http://theirs:6333\"\ncollection = \"x\"\nkey_command = [\"sh\"]\nenabled = false\n",
        &[("HALFLINE_SEARCH_QDRANT_KEY_VARIABLE", "KEY")],
        &[],
        expect![[r#"
            search.qdrant.enabled = false (.halfline.toml:5)
            search.qdrant.url = "http://mine:6333" (config.toml:2)
            search.qdrant.key_variable = "KEY" ($HALFLINE_SEARCH_QDRANT_KEY_VARIABLE)
            Error config.toml:3: `search.qdrant.query_ms` must be a whole number from 50 to 60000, and is 10
            Error config.toml:5: there is no setting `search.qdrnt`; did you mean `search.qdrant.url`?
            Warning .halfline.toml:2: ignored: `search.qdrant.url` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:3: ignored: `search.qdrant.collection` is the user's to set, not a workspace's; put it into the user file
            Warning .halfline.toml:4: ignored: `search.qdrant.key_command` is the user's to set, not a workspace's; put it into the user file
        "#]],
    );
}

#[test]
fn a_private_language_that_nobody_knows_is_an_error_and_stands() {
    check(
        "[privacy]\nlanguages = ['python', 'pyton']\n",
        "[privacy]\nlanguages = ['rusty']\n",
        &[],
        &[],
        expect![[r#"
            privacy.languages = ["python", "pyton", "rusty"] (.halfline.toml:2)
            Error config.toml:2: `pyton` in privacy.languages is no language that is known; there are rust, python, typescript, tsx, javascript, go, c, cpp, java, csharp, ruby, php, lua, bash, json, toml, yaml, markdown
            Error .halfline.toml:2: `rusty` in privacy.languages is no language that is known; there are rust, python, typescript, tsx, javascript, go, c, cpp, java, csharp, ruby, php, lua, bash, json, toml, yaml, markdown
        "#]],
    );
}
