//! Our forward pass beside candle-transformers' own models: the same files, the same tokens, the same logits.
//!
//! With float weights both compute the same thing up to rounding. With quantised weights each rounds activations in its own
//! way (candle in blocks of 32 or 256, we in groups of 128 or 256), so logits differ by noise, which is bounded here.

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
use halfline_inference::transformer::{Backend, LanguageModel, Logits, Model, Rows, SequenceCache, Tensors};

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

/// The back end that runs on a card, run on candle's processor device.
fn on_tensors(path: &Path) -> Model<Tensors> {
    Model::load_on(Tensors::new(Device::Cpu, "candle"), &Gguf::open(path).unwrap(), &mut |_, _| {}).unwrap()
}

#[test]
fn the_tensor_back_end_computes_what_our_kernels_do() {
    use GgmlType::*;
    let directory = tempfile::tempdir().unwrap();
    // The last prompt is longer than one window of keys and one block of queries.
    let prompts: Vec<Vec<u32>> = [1, 5, 40, 300].map(|n| (0..n).map(|i| 3 + i * 5 % 200).collect()).to_vec();
    for family in [TinyFamily::Qwen2, TinyFamily::Llama] {
        for weights in [F32, F16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4K, Q5K, Q6K] {
            let mut spec = TinySpec::new(family);
            (spec.hidden, spec.feed_forward, spec.weights) = (256, 512, weights);
            (spec.embedding, spec.output) = (weights, Some(weights));
            let path = directory.path().join(format!("{family:?}-{weights:?}.gguf"));
            write_tiny_model(&path, &spec).unwrap();
            let mut model = on_tensors(&path);
            let exact = matches!(weights, F32 | F16);
            let (ours, oracle) = (ours(&path, &prompts), oracle(&path, &prompts));
            for (i, prompt) in prompts.iter().enumerate() {
                let mut cache = model.new_cache(prompt.len()).unwrap();
                let logits = model.forward(prompt, &mut cache, Rows::Last).unwrap();
                let row = logits.row(0).unwrap();
                let (from_ours, from_oracle) = (noise(&ours[i], &row), noise(&oracle[i], &row));
                let case = format!("{family:?} {weights:?}, {} tokens: {from_ours}, {from_oracle}", prompt.len());
                assert!(from_ours < if exact { 2e-3 } else { 0.15 }, "our kernels: {case}");
                // candle's model keeps its cache in 32 bits.
                assert!(from_oracle < if exact { 4e-3 } else { 0.1 }, "candle's model: {case}");
                let greedy = logits.greedy(0).unwrap();
                assert_eq!(greedy.token as usize, largest(&row));
                let sum: f32 = row.iter().map(|logit| (logit - row[greedy.token as usize]).exp()).sum();
                assert!((greedy.probability - 1.0 / sum).abs() < 1e-5, "{greedy:?}, and 1 / {sum}");
            }
        }
    }
}

/// Rows of up to eight tokens, however they are cut into passes and whatever was forgotten in between.
#[test]
fn the_tensor_back_end_gives_a_row_whatever_stands_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    for (family, weights) in [(TinyFamily::Qwen2, GgmlType::Q8_0), (TinyFamily::Llama, GgmlType::F32)] {
        let path = directory.path().join(format!("{family:?}.gguf"));
        write_tiny_model(&path, &TinySpec { weights, ..TinySpec::new(family) }).unwrap();
        let mut model = on_tensors(&path);
        assert_eq!(model.most_alike(), <Tensors as Backend>::MOST_ALIKE);
        // Long enough to fill the first window and the first reservation of the cache.
        let tokens: Vec<u32> = (0..1030).map(|i| 3 + i * 7 % 200).collect();
        let (prompt, rest) = tokens.split_at(1015);
        let mut one_by_one = model.new_cache(2000).unwrap();
        model.forward(prompt, &mut one_by_one, Rows::None).unwrap();
        let mut at_once = model.new_cache(1040).unwrap();
        at_once.copy_prefix(&one_by_one, prompt.len());
        assert_eq!(at_once.bytes() % at_once.bytes_per_position(), 0);
        let expected: Vec<Vec<f32>> = rest
            .iter()
            .map(|&token| model.forward(&[token], &mut one_by_one, Rows::Last).unwrap().row(0).unwrap())
            .collect();
        let mut done = 0;
        for (take, wrong) in [(1, 0), (8, 0), (3, 4), (1, 7), (2, 0)] {
            // Some rejected proposals stand behind the right ones and are forgotten again.
            let mut pass = rest[done..done + take].to_vec();
            pass.extend(std::iter::repeat_n(9, wrong));
            let logits = model.forward(&pass, &mut at_once, Rows::All).unwrap();
            assert_eq!(logits.rows(), take + wrong);
            for row in 0..take {
                assert_eq!(logits.row(row).unwrap(), expected[done + row], "{family:?}: token {}", done + row);
            }
            done += take;
            at_once.truncate(prompt.len() + done);
        }
        assert_eq!((done, at_once.len()), (rest.len(), tokens.len()));
        let full = model.forward(&[3; 11], &mut at_once, Rows::Last).unwrap_err();
        assert!(full.to_string().contains("do not fit a cache of 1040"), "{full}");
    }
}
