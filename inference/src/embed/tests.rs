//! Small models written here, and what comes out of them.

use std::collections::HashMap;
use std::fs;

use candle_core::{DType, Device, Tensor, safetensors};
use expect_test::expect;

use super::*;

/// A vocabulary of whole words; text is cut at spaces.
const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{"type":"Lowercase"},
"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
"model":{"type":"WordLevel","unk_token":"<unk>","vocab":{"<unk>":0,"read":1,"parse":2,"file":3,"tree":4}}}"#;

fn files(tensor: &str, rows: usize) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (weights, tokenizer) = (dir.path().join("weights.safetensors"), dir.path().join("tokenizer.json"));
    let numbers = [[9f32, 9.0], [1.0, 0.1], [0.9, 0.2], [0.1, 1.0], [-1.0, 0.0]];
    let numbers: Vec<f32> = numbers.into_iter().take(rows).flatten().collect();
    let vectors = Tensor::from_vec(numbers, (rows, 2), &Device::Cpu).unwrap().to_dtype(DType::F16).unwrap();
    safetensors::save(&HashMap::from([(tensor, vectors)]), &weights).unwrap();
    fs::write(&tokenizer, TOKENIZER).unwrap();
    (dir, weights, tokenizer)
}

#[test]
fn a_text_is_the_mean_of_its_tokens_at_length_one() {
    let (_dir, weights, tokenizer) = files("embedding.weight", 5);
    let model = TextEmbedder::from_files("tiny", "static", &weights, &tokenizer).unwrap().unwrap();
    assert_eq!((model.id(), model.dimension()), ("tiny", 2));
    let vectors = model.embed(&["read file", "Parse FILE", "tree", "unknown words", ""]).unwrap();
    let show = |vector: &Vec<f32>| format!("{:.2} {:.2}\n", vector[0], vector[1]);
    expect![[r#"
        0.71 0.71
        0.64 0.77
        -1.00 0.00
        0.00 0.00
        0.00 0.00
    "#]]
    .assert_eq(&vectors.iter().map(show).collect::<String>());
    assert!(TextEmbedder::from_files("tiny", "qwen2", &weights, &tokenizer).unwrap().is_none());
}

#[test]
fn files_are_believed_nothing() {
    fn check(family: &str, tensor: &str, rows: usize, spoil: impl Fn(&Path, &Path), expected: &str) {
        let (dir, weights, tokenizer) = files(tensor, rows);
        spoil(&weights, &tokenizer);
        let error = TextEmbedder::from_files("tiny", family, &weights, &tokenizer).unwrap_err().to_string();
        let error = error.replace(&format!("{}/", dir.path().display()), "");
        assert!(error.starts_with(expected), "{error}");
        assert!(error.ends_with("get it again with `halfline models remove` and `halfline models pull`"), "{error}");
    }
    let leave = |_: &Path, _: &Path| {};
    let cut = |weights: &Path, _: &Path| {
        let bytes = fs::read(weights).unwrap();
        fs::write(weights, &bytes[..bytes.len() - 1]).unwrap();
    };
    let own = "embedding.weight";
    check("static", "other", 5, leave, "weights.safetensors cannot be used: it has no tensor `embedding.weight`");
    check("static", own, 4, leave, "tokenizer.json cannot be used: it has a token 4, and the model has 4");
    check("static", own, 5, cut, "weights.safetensors cannot be used: ");
    check("static", own, 5, |_, tokenizer| fs::write(tokenizer, "{}").unwrap(), "tokenizer.json cannot be used: ");
    check("minilm", own, 5, leave, "weights.safetensors cannot be used: ");
}
