//! Tiny models in someone else's hands: candle's own reader and models must take them for the real thing.

use candle_core::quantized::gguf_file;
use candle_core::{Device, Tensor};
use candle_transformers::models::{quantized_llama, quantized_qwen2};
use halfline_inference::gguf::{GgmlType, Gguf};
use halfline_inference::kernels::argmax;
use halfline_inference::testing::{Script, TinyFamily, TinySpec, tiny_model};
use halfline_inference::tokenizer::Tokenizer;

type Forward = dyn FnMut(&Tensor, usize) -> candle_core::Result<Tensor>;

/// Continues `prompt` by `count` tokens, greedily, with candle's model of the family.
fn continue_with_candle(spec: &TinySpec, prompt: &[u32], count: usize) -> candle_core::Result<Vec<u32>> {
    let mut file = std::io::Cursor::new(tiny_model(spec).map_err(candle_core::Error::wrap)?);
    let content = gguf_file::Content::read(&mut file)?;
    let mut forward: Box<Forward> = match spec.family {
        TinyFamily::Qwen2 => {
            let mut model = quantized_qwen2::ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
            Box::new(move |tokens, position| model.forward(tokens, position))
        }
        TinyFamily::Llama => {
            let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
            Box::new(move |tokens, position| model.forward(tokens, position))
        }
    };
    let mut sequence = prompt.to_vec();
    let mut done = 0;
    for _ in 0..count {
        let tokens = Tensor::new(&sequence[done..], &Device::Cpu)?.unsqueeze(0)?;
        let logits: Vec<f32> = forward(&tokens, done)?.flatten_all()?.to_vec1()?;
        done = sequence.len();
        sequence.push(argmax(&logits));
    }
    Ok(sequence.split_off(prompt.len()))
}

fn tokenizer(spec: &TinySpec) -> Tokenizer {
    let gguf = Gguf::from_bytes(tiny_model(spec).expect("a model")).expect("a whole file");
    Tokenizer::from_gguf(&gguf).expect("a vocabulary")
}

#[test]
fn scripted_models_say_their_text_and_stop() {
    let chat = Script { after: "\n".into(), pieces: vec!["Because ".into(), "ж".into(), "\n".into(), "a".into()] };
    let mut spec = TinySpec::saying("<|fim_middle|>", ["return", " a", " +", " a", "\n"]);
    spec.scripts.push(chat);
    for weights in [GgmlType::F32, GgmlType::Q4_0] {
        let spec = TinySpec { weights, embedding: GgmlType::Q8_0, output: Some(GgmlType::Q8_0), ..spec.clone() };
        let tokenizer = tokenizer(&spec);
        let special = tokenizer.special();
        let say = |prompt: &[u32], count| {
            let said = continue_with_candle(&spec, prompt, count).expect("candle runs the model");
            assert!(special.end_of_text.contains(said.last().expect("tokens were asked for")), "{said:?}");
            tokenizer.decode(&said, false)
        };
        let fim: Vec<u32> =
            [special.fim_prefix, special.fim_suffix, special.fim_middle].into_iter().flatten().collect();
        assert_eq!(say(&fim, 6), "return a + a\n");
        assert_eq!(say(&tokenizer.encode("why?\n"), 5), "Because ж\na");
    }
}

#[test]
fn random_models_run_and_do_not_repeat_one_token() {
    for family in [TinyFamily::Qwen2, TinyFamily::Llama] {
        for (weights, output) in [(GgmlType::F32, None), (GgmlType::Q4_1, Some(GgmlType::Q6K))] {
            let spec = TinySpec { hidden: 256, weights, output, ..TinySpec::new(family) };
            let prompt = tokenizer(&spec).encode("fn main() { let x = 1; }");
            let said = continue_with_candle(&spec, &prompt, 24).expect("candle runs the model");
            let distinct: std::collections::HashSet<u32> = said.iter().copied().collect();
            assert!(distinct.len() > 4, "{family:?} {weights}: {said:?}");
        }
    }
}
