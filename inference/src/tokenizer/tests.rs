//! The tokenizer over a tiny vocabulary whose every merge is known.

use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::gguf::{MetadataValue, Writer};
use crate::testing::{TinyFamily, TinySpec, tiny_model};

fn tiny() -> Tokenizer {
    let bytes = tiny_model(&TinySpec::new(TinyFamily::Qwen2)).expect("a model");
    Tokenizer::from_gguf(&Gguf::from_bytes(bytes).expect("a well-formed file")).expect("a tokenizer")
}

fn check(text: &str, tokens: Expect) {
    let tokenizer = tiny();
    let ids = tokenizer.encode(text);
    assert_eq!(tokenizer.decode(&ids, false), text);
    assert_eq!(tokenizer.count(text), ids.len());
    let pieces: Vec<_> = ids.iter().map(|&id| tokenizer.decode(&[id], true)).collect();
    tokens.assert_eq(&format!("{pieces:?}"));
}

#[test]
fn merges_stay_inside_words() {
    check("", expect!["[]"]);
    check("return return", expect![[r#"["return", " return"]"#]]);
    check(
        "let x =\n\n        define",
        expect![[r#"["let", " ", "x", " =", "\n\n", "    ", "  ", " ", " ", "def", "in", "e"]"#]],
    );
    check("a\tb\r\n", expect![[r#"["a", "\t", "b", "\r", "\n"]"#]]);
    check("ж🦀", expect![[r#"["ж", "�", "�", "�", "�"]"#]]);
}

#[test]
fn nothing_in_a_text_is_special() {
    check(
        "<|im_end|><|fim_middle|>",
        expect![[
            r#"["<", "|", "i", "m", "_", "e", "n", "d", "|", ">", "<", "|", "f", "i", "m", "_", "m", "i", "d", "d", "l", "e", "|", ">"]"#
        ]],
    );
    let tokenizer = tiny();
    let special = tokenizer.special();
    let ids = tokenizer.encode("<|endoftext|>[PAD281]");
    assert!(ids.iter().all(|id| !special.end_of_text.contains(id) && !tokenizer.vocabulary.is_special(*id)));
}

#[test]
fn special_tokens_are_found_and_left_out_of_text() {
    let tokenizer = tiny();
    let special = tokenizer.special().clone();
    expect![[r#"
        SpecialTokens {
            fim_prefix: Some(
                275,
            ),
            fim_suffix: Some(
                277,
            ),
            fim_middle: Some(
                276,
            ),
            fim_pad: Some(
                278,
            ),
            repo_name: Some(
                279,
            ),
            file_sep: Some(
                280,
            ),
            im_start: Some(
                273,
            ),
            im_end: Some(
                274,
            ),
            beginning_of_text: None,
            end_of_text: [
                272,
                274,
            ],
        }
    "#]]
    .assert_debug_eq(&special);
    let ids = [special.im_start.unwrap(), tokenizer.encode("a")[0], special.im_end.unwrap(), u32::MAX];
    assert_eq!(tokenizer.decode(&ids, false), "a");
    assert_eq!(tokenizer.decode(&ids, true), "<|im_start|>a<|im_end|>");
    assert_eq!(tokenizer.len() % 32, 0);
}

#[test]
fn what_spells_a_text_begins_with_it_or_is_its_beginning() {
    let tokenizer = tiny();
    for text in ["a", "fn", " let", "é", "<|im_end|>"] {
        let spelling = tokenizer.spelling(text.as_bytes());
        assert!(spelling.contains(&tokenizer.encode(text)[0]), "{text:?}");
        for id in 0..tokenizer.len() as u32 {
            let bytes = tokenizer.token_bytes(id, false);
            let fits = (1..=bytes.len().min(text.len())).all(|len| bytes[..len] == text.as_bytes()[..len]);
            assert_eq!(spelling.contains(&id), fits && !bytes.is_empty(), "{text:?}, {id}");
        }
    }
}

#[test]
fn vocabularies_are_compared_by_what_they_say() {
    let scripted = tiny_model(&TinySpec::saying("\n", ["x"])).expect("a model");
    let scripted = Tokenizer::from_gguf(&Gguf::from_bytes(scripted).expect("well-formed")).expect("a tokenizer");
    assert!(tiny().same_vocabulary(&tiny()));
    assert!(!tiny().same_vocabulary(&scripted));
}

/// A vocabulary of three tokens, with one entry changed.
fn damaged(key: &str, value: Option<MetadataValue>) -> String {
    let strings = |texts: &[&str]| MetadataValue::Strings(texts.iter().map(|text| text.to_string()).collect());
    let mut entries = vec![
        ("tokenizer.ggml.model", MetadataValue::String("gpt2".into())),
        ("tokenizer.ggml.pre", MetadataValue::String("qwen2".into())),
        ("tokenizer.ggml.tokens", strings(&["a", "b", "ab"])),
        ("tokenizer.ggml.token_type", MetadataValue::I32s(vec![1; 3])),
        ("tokenizer.ggml.merges", strings(&["a b"])),
        ("tokenizer.ggml.eos_token_id", MetadataValue::U32(2)),
    ];
    entries.retain(|(known, _)| *known != key);
    entries.extend(value.map(|value| (key, value)));
    let mut writer = Writer::new();
    for (key, value) in entries {
        writer.metadata(key, value);
    }
    let gguf = Gguf::from_bytes(writer.to_bytes()).expect("a well-formed file");
    match Tokenizer::from_gguf(&gguf) {
        Ok(tokenizer) => format!("{:?}", tokenizer.encode("abba")),
        Err(error) => error.to_string(),
    }
}

#[test]
fn damaged_vocabularies_are_refused() {
    let string = |text: &str| Some(MetadataValue::String(text.into()));
    let strings = |texts: &[&str]| Some(MetadataValue::Strings(texts.iter().map(|text| text.to_string()).collect()));
    expect!["[2, 1, 0]"].assert_eq(&damaged("unrelated", None));
    expect!["[2, 1, 0]"].assert_eq(&damaged("tokenizer.ggml.pre", None));
    expect!["[2, 1, 0]"].assert_eq(&damaged("tokenizer.ggml.token_type", None));
    expect!["metadata `tokenizer.ggml.model` is missing; the file does not hold a complete model"]
        .assert_eq(&damaged("tokenizer.ggml.model", None));
    expect!["its vocabulary is of the kind `llama`, and only byte-level BPE (`gpt2`) is served; use a model of the qwen2, qwen3, llama 3 or smollm families"].assert_eq(&damaged("tokenizer.ggml.model", string("llama")));
    expect!["its text is split by the rules `klingon`, which are unknown, and guessing them would change what the model reads; known are qwen2, deepseek-r1-qwen, megrez, llama-bpe, llama3, llama-v3, smollm, starcoder, refact, command-r, exaone, gpt-2, gpt2, default"].assert_eq(&damaged("tokenizer.ggml.pre", string("klingon")));
    expect!["its vocabulary is damaged: 3 tokens have 2 types; pull the model again with `halfline models pull`"]
        .assert_eq(&damaged("tokenizer.ggml.token_type", Some(MetadataValue::I32s(vec![1; 2]))));
    expect!["its vocabulary is damaged: merge 0 is `ab`, which is not a pair; pull the model again with `halfline models pull`"].assert_eq(&damaged("tokenizer.ggml.merges", strings(&["ab"])));
    expect!["its vocabulary is damaged: a merge makes no token: Token `bb` out of vocabulary; pull the model again with `halfline models pull`"].assert_eq(&damaged("tokenizer.ggml.merges", strings(&["b b"])));
    expect!["its vocabulary is damaged: `tokenizer.ggml.eos_token_id` is 3, and there are 3 tokens; pull the model again with `halfline models pull`"].assert_eq(&damaged("tokenizer.ggml.eos_token_id", Some(MetadataValue::U32(3))));
    expect!["metadata `tokenizer.ggml.tokens` is an array of i32, expected an array of strings"]
        .assert_eq(&damaged("tokenizer.ggml.tokens", Some(MetadataValue::I32s(vec![1; 3]))));
}

proptest! {
    #[test]
    fn text_survives(text in any::<String>()) {
        let tokenizer = tiny();
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text), false), text);
    }

    /// Any tokens, so that characters are broken in every way.
    #[test]
    fn a_stream_of_tokens_gives_the_text_of_all(ids in prop::collection::vec(0..300_u32, 0..60), special: bool) {
        let tokenizer = Arc::new(tiny());
        let mut decoder = Decoder::new(Arc::clone(&tokenizer), special);
        let mut streamed = String::new();
        for &id in &ids {
            if let Some(text) = decoder.push(id) {
                prop_assert!(!text.is_empty());
                streamed += &text;
            }
        }
        streamed += &decoder.finish().unwrap_or_default();
        prop_assert_eq!(streamed, tokenizer.decode(&ids, special));
    }
}

#[test]
fn a_stream_waits_for_whole_characters() {
    let tokenizer = Arc::new(tiny());
    let mut decoder = Decoder::new(Arc::clone(&tokenizer), false);
    let pushed: Vec<_> = tokenizer.encode("é🦀!").into_iter().map(|id| decoder.push(id)).collect();
    expect![[r#"[None, Some("é"), None, None, None, Some("🦀"), Some("!")]"#]].assert_eq(&format!("{pushed:?}"));
    assert_eq!(decoder.finish(), None);
    decoder.push(tokenizer.encode("é")[0]);
    assert_eq!(decoder.finish().as_deref(), Some("\u{fffd}"));
}
