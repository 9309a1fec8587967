//! Our forward pass beside candle-transformers' own models: the same files, the same tokens, the same logits.
//!
//! With float weights both compute the same thing up to rounding. With quantised weights each rounds activations in its own
//! way (candle in blocks of 32 or 256, we in groups of 128), so logits differ by noise, which is bounded here.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::{quantized_llama, quantized_qwen2};
use halfline_inference::gguf::{GgmlType, Gguf};
use halfline_inference::models::pull::{PullOptions, pull};
use halfline_inference::models::{Manifest, Store};
use halfline_inference::testing::{TinyFamily, TinySpec, write_tiny_model};
use halfline_inference::tokenizer::Tokenizer;
use halfline_inference::transformer::{LanguageModel, Logits, Model, Rows};

/// Logits after each prompt, from candle's model for the file's family.
fn oracle(path: &Path, prompts: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let mut file = File::open(path).unwrap();
    let content = Content::read(&mut file).unwrap();
    let family = content.metadata["general.architecture"].to_string().unwrap().clone();
    let mut forward: Box<dyn FnMut(&Tensor) -> Tensor> = match family.as_str() {
        "qwen2" => {
            let mut model = quantized_qwen2::ModelWeights::from_gguf(content, &mut file, &Device::Cpu).unwrap();
            Box::new(move |x| {
                model.clear_kv_cache();
                model.forward(x, 0).unwrap()
            })
        }
        "llama" => {
            let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut file, &Device::Cpu).unwrap();
            Box::new(move |x| {
                model.clear_kv_cache();
                model.forward(x, 0).unwrap()
            })
        }
        other => panic!("no oracle for {other}"),
    };
    prompts
        .iter()
        .map(|prompt| {
            let x = Tensor::new(&prompt[..], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
            forward(&x).flatten_all().unwrap().to_vec1().unwrap()
        })
        .collect()
}

fn ours(path: &Path, prompts: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let mut model = Model::load(&Gguf::open(path).unwrap(), 2, &mut |_, _| {}).unwrap();
    prompts
        .iter()
        .map(|prompt| {
            let mut cache = model.new_cache(prompt.len()).unwrap();
            model.forward(prompt, &mut cache, Rows::Last).unwrap().row(0).unwrap()
        })
        .collect()
}

/// Root mean square of the difference over the standard deviation of the oracle's logits.
fn noise(ours: &[f32], oracle: &[f32]) -> f64 {
    assert_eq!(ours.len(), oracle.len());
    let n = oracle.len() as f64;
    let mean = oracle.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = oracle.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    let error = ours.iter().zip(oracle).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>() / n;
    (error / variance).sqrt()
}

fn largest(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

#[test]
fn tiny_models_of_every_family_and_type() {
    use GgmlType::*;
    let directory = tempfile::tempdir().unwrap();
    let prompts: Vec<Vec<u32>> = vec![vec![72], (0..40).map(|i| 3 + i * 5 % 200).collect()];
    for family in [TinyFamily::Qwen2, TinyFamily::Llama] {
        for weights in [F32, F16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4K, Q5K, Q6K] {
            let mut spec = TinySpec::new(family);
            (spec.hidden, spec.feed_forward, spec.weights) = (256, 512, weights);
            (spec.embedding, spec.output) = (weights, Some(weights));
            let path = directory.path().join(format!("{family:?}-{weights:?}.gguf"));
            write_tiny_model(&path, &spec).unwrap();
            let bound = if matches!(weights, F32 | F16) { 2e-3 } else { 0.1 };
            for (ours, oracle) in ours(&path, &prompts).iter().zip(oracle(&path, &prompts)) {
                let noise = noise(ours, &oracle);
                assert!(noise < bound, "{family:?} {weights:?}: noise {noise}");
            }
        }
    }
}

#[test]
fn real_weights() {
    let manifest = Manifest::builtin();
    let store = Store::open().unwrap();
    let source = "use std::collections::HashMap;\n\n/// Counts the words of a text.\npub fn count_words(text: &str) -> HashMap<String, usize> {\n    let mut counts = HashMap::new();\n    for word in text.split_whitespace() {\n        *counts.entry(word.to_";
    let options = PullOptions::from_environment(&manifest);
    for model in manifest.models.iter().filter(|model| model.file.ends_with(".gguf")) {
        let path = pull(&store, model, &options, &mut |_| {}).unwrap();
        let tokenizer = Tokenizer::from_gguf(&Gguf::open(&path).unwrap()).unwrap();
        let tokens = tokenizer.encode(source);
        // A single token is left out: it attends to nothing but itself, and its few huge activations turn rounding into noise
        // that no two implementations share.
        let prompts: Vec<Vec<u32>> = [2, 17, tokens.len()].iter().map(|&n| tokens[..n].to_vec()).collect();
        for (ours, oracle) in ours(&path, &prompts).iter().zip(oracle(&path, &prompts)) {
            let noise = noise(ours, &oracle);
            assert!(noise < 0.25, "{}: noise {noise}", model.name);
            assert_eq!(largest(ours), largest(&oracle), "{}", model.name);
        }
    }
}
