//! Model files through the eyes of the crate's users: what a whole one says, and what they are told of a broken one.

use std::path::PathBuf;

use expect_test::expect;
use halfline_inference::gguf::{GgmlType, Gguf, GgufError};
use halfline_inference::testing::{TinyFamily, TinySpec, write_tiny_model};
use halfline_inference::tokenizer::Tokenizer;

fn tiny_model(directory: &tempfile::TempDir) -> PathBuf {
    let path = directory.path().join("tiny.gguf");
    let spec = TinySpec { weights: GgmlType::Q4_0, embedding: GgmlType::Q8_0, ..TinySpec::new(TinyFamily::Qwen2) };
    write_tiny_model(&path, &spec).expect("a model");
    path
}

#[test]
fn a_whole_file_says_what_the_model_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let gguf = Gguf::open(&tiny_model(&directory)).expect("a whole file");
    let said: String = gguf
        .metadata()
        .filter(|(key, _)| !key.starts_with("tokenizer."))
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key} = {text}\n"),
            None => format!("{key} = {value:?}\n"),
        })
        .collect();
    expect![[r#"
        general.architecture = qwen2
        general.name = Tiny
        qwen2.block_count = U32(2)
        qwen2.context_length = U32(2048)
        qwen2.embedding_length = U32(128)
        qwen2.feed_forward_length = U32(256)
        qwen2.attention.head_count = U32(4)
        qwen2.attention.head_count_kv = U32(2)
        qwen2.rope.freq_base = F32(1000000.0)
        qwen2.attention.layer_norm_rms_epsilon = F32(1e-6)
        general.quantization_version = U32(2)
    "#]]
    .assert_eq(&said);
    let query = gguf.tensor("blk.1.attn_q.weight").expect("the model has it");
    assert_eq!((query.shape.as_slice(), query.kind), (&[128, 128][..], GgmlType::Q4_0));
    assert_eq!(gguf.tensor_bytes(&query.name).map(<[u8]>::len).ok(), Some(128 * 128 / 32 * 18));
}

#[test]
fn a_file_cut_anywhere_is_refused_in_words() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = tiny_model(&directory);
    let whole = std::fs::read(&path).expect("the file").len() as u64;
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
    let mut said = String::new();
    for left in [whole - 1, whole / 2, 3000, 30, 5, 2] {
        file.set_len(left).expect("cutting");
        said += &format!("{}\n", Gguf::open(&path).expect_err("it is not whole"));
    }
    expect![[r#"
        it is cut short: with its tensors it needs 216320 bytes, the file has 216319; pull it again with `halfline models pull`
        it is cut short: with its tensors it needs 216320 bytes, the file has 108160; pull it again with `halfline models pull`
        its metadata is cut short or damaged: the value of `tokenizer.ggml.tokens`: it claims 2 elements or bytes, and 0 bytes are left; pull it again with `halfline models pull`
        it is cut short or damaged: it claims 26 tensors, and has 14 bytes left for them; pull it again with `halfline models pull`
        it is cut short: with the version it needs 8 bytes, the file has 5; pull it again with `halfline models pull`
        it is not a GGUF file: it begins with "GG", not "GGUF"
    "#]].assert_eq(&said);
}

#[test]
fn the_vocabulary_outlives_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = tiny_model(&directory);
    let tokenizer = Tokenizer::from_gguf(&Gguf::open(&path).expect("a whole file")).expect("a vocabulary");
    std::fs::remove_file(&path).expect("removing");
    assert!(matches!(Gguf::open(&path), Err(GgufError::Open(_))));
    assert_eq!(tokenizer.decode(&tokenizer.encode("def f():\n\treturn 'ж'"), false), "def f():\n\treturn 'ж'");
}
