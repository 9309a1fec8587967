//! Tiny models are what they claim to be.

use expect_test::expect;

use super::*;
use crate::gguf::Gguf;
use crate::tokenizer::Tokenizer;

#[test]
fn every_type_that_candle_can_make_fits_in_a_model() {
    for &kind in GgmlType::ALL.iter().filter(|kind| kind.to_candle().is_some()) {
        let spec = TinySpec {
            hidden: 256,
            heads: 8,
            kv_heads: 4,
            weights: kind,
            embedding: GgmlType::Q8_0,
            output: Some(GgmlType::Q6K),
            ..TinySpec::new(TinyFamily::Llama)
        };
        let gguf = Gguf::from_bytes(tiny_model(&spec).expect("a model")).expect("a well-formed file");
        let down = gguf.tensor("blk.1.ffn_down.weight").expect("the last layer");
        assert_eq!((down.shape.as_slice(), down.kind), (&[256, 256][..], kind));
        assert_eq!(gguf.tensor("output.weight").map(|tensor| tensor.kind).ok(), Some(GgmlType::Q6K));
    }
}

#[test]
fn the_same_specification_gives_the_same_file() {
    let spec = TinySpec::new(TinyFamily::Qwen2);
    let other = TinySpec { seed: 2, ..spec.clone() };
    let model = |spec| tiny_model(spec).expect("a model");
    assert!(model(&spec) == model(&spec));
    assert!(model(&spec) != model(&other));
}

#[test]
fn tensors_of_a_layer_are_those_of_the_real_files() {
    let gguf = Gguf::from_bytes(tiny_model(&TinySpec::new(TinyFamily::Qwen2)).expect("a model")).expect("well-formed");
    let names = gguf.tensors().iter().filter(|tensor| !tensor.name.starts_with("blk.1"));
    let described: Vec<_> = names.map(|tensor| format!("{} {:?}", tensor.name, tensor.shape)).collect();
    expect![[r#"
        token_embd.weight [288, 128]
        output_norm.weight [128]
        blk.0.attn_norm.weight [128]
        blk.0.attn_q.weight [128, 128]
        blk.0.attn_q.bias [128]
        blk.0.attn_k.weight [64, 128]
        blk.0.attn_k.bias [64]
        blk.0.attn_v.weight [64, 128]
        blk.0.attn_v.bias [64]
        blk.0.attn_output.weight [128, 128]
        blk.0.ffn_norm.weight [128]
        blk.0.ffn_gate.weight [256, 128]
        blk.0.ffn_up.weight [256, 128]
        blk.0.ffn_down.weight [128, 256]"#]]
    .assert_eq(&described.join("\n"));
}

#[test]
fn scripts_need_a_token_of_their_own_and_an_untied_output() {
    let check = |change: &dyn Fn(&mut TinySpec)| {
        let mut spec = TinySpec::saying("<|fim_middle|>", ["a"]);
        change(&mut spec);
        tiny_model(&spec).expect_err("it cannot be made").to_string()
    };
    expect!["the script cannot be followed: the output matrix is tied"].assert_eq(&check(&|spec| spec.output = None));
    expect![[r#"the script cannot be followed: "two words" is not one token"#]]
        .assert_eq(&check(&|spec| spec.scripts[0].after = "two words".into()));
    expect![[r#"the script cannot be followed: "<|fim_middle|>" is followed by two answers"#]]
        .assert_eq(&check(&|spec| spec.scripts = vec![spec.scripts[0].clone(), spec.scripts[0].clone()]));
}

#[test]
fn pieces_of_a_script_decode_and_are_never_encoded() {
    let spec = TinySpec::saying("\n", ["let", " x"]);
    let gguf = Gguf::from_bytes(tiny_model(&spec).expect("a model")).expect("a well-formed file");
    let tokenizer = Tokenizer::from_gguf(&gguf).expect("a tokenizer");
    let first = gguf.strings("tokenizer.ggml.tokens").expect("tokens").iter().rposition(|token| *token == "let");
    let first = first.expect("the piece is a token") as u32;
    assert_eq!(tokenizer.decode(&[first, first + 1], false), "let x");
    assert!(tokenizer.encode("let x").iter().all(|&id| id < first));
}
