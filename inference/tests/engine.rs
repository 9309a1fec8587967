//! The whole engine, from files to text, on tiny models; and on the real ones where they are.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use halfline_inference::device::Place;
use halfline_inference::gguf::GgmlType;
use halfline_inference::testing::{TinyFamily, TinySpec, write_tiny_model};
use halfline_inference::{Engine, EngineError, EngineOptions, Finish, LoadEvent, Priority, Request};

fn options(target: PathBuf, draft: Option<PathBuf>) -> EngineOptions {
    EngineOptions { target, draft, place: Place::Cpu, threads: 2, cache_bytes: 256 << 20, context_tokens: 2048 }
}

fn model(folder: &Path, name: &str, spec: &TinySpec) -> PathBuf {
    let path = folder.join(name);
    write_tiny_model(&path, spec).expect("a tiny model");
    path
}

/// Loads, and waits until the draft serves too.
fn load(options: &EngineOptions) -> Engine {
    let engine = Engine::load(options, |_| {}).expect("an engine");
    let start = Instant::now();
    while options.draft.is_some() && !engine.status().draft_ready {
        assert!(start.elapsed() < Duration::from_secs(120), "the draft should have been loaded");
        std::thread::sleep(Duration::from_millis(5));
    }
    engine
}

fn answer(engine: &Engine, prompt: &str, max_tokens: usize, speculate: bool) -> Finish {
    let prompt = engine.tokenizer().encode(prompt);
    let request = Request { speculate, ..Request::new(prompt, max_tokens, Priority::Chat) };
    engine.generate(request).finish_blocking().expect("an answer")
}

/// Code of the kind that is completed, each with a start that repeats something or does not.
const PROMPTS: [&str; 20] = [
    "def fibonacci(n):\n    ",
    "fn main() {\n    let args: Vec<String> = std::env::args().collect();\n    ",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n",
    "impl Iterator for Counter {\n    type Item = u32;\n\n    fn next(&mut self) -> Option<u32> {\n",
    "import os\nimport sys\n\ndef read_lines(path):\n",
    "struct Point {\n    x: f64,\n    y: f64,\n}\n\nimpl Point {\n    fn distance(&self, other: &Point) -> f64 {\n",
    "def test_addition():\n    assert add(1, 2) == 3\n\ndef test_subtraction():\n",
    "// Returns the greatest common divisor of a and b.\nfn gcd(a: u64, b: u64) -> u64 {\n",
    "for i in range(10):\n    for j in range(10):\n        ",
    "match value {\n    Some(x) => println!(\"{x}\"),\n    ",
    "SELECT name, age FROM users WHERE ",
    "const express = require('express');\nconst app = express();\n\napp.get('/', (req, res) => {\n",
    "#include <stdio.h>\n\nint main(void) {\n",
    "def quicksort(items):\n    if len(items) <= 1:\n        return items\n    pivot = items[0]\n",
    "pub fn parse(input: &str) -> Result<Config, Error> {\n    let mut config = Config::default();\n    for line in input.lines() {\n",
    "try:\n    with open(path) as file:\n        data = json.load(file)\nexcept ",
    "let mut counts: HashMap<&str, usize> = HashMap::new();\nfor word in text.split_whitespace() {\n    ",
    "@dataclass\nclass User:\n    name: str\n    email: str\n    ",
    "red = '#ff0000'\ngreen = '#00ff00'\nblue = '#0000ff'\ncyan = ",
    "fn is_prime(n: u32) -> bool {\n    if n < 2 {\n        return false;\n    }\n",
];

/// Answers every prompt plainly and with speculation in engines of their own, so that no cache helps.
fn assert_speculation_changes_nothing(target: PathBuf, draft: PathBuf, max_tokens: usize) {
    let plain = load(&options(target.clone(), None));
    let speculating = load(&options(target, Some(draft)));
    let (mut proposed, mut accepted, mut forwards, mut generated) = (0, 0, 0, 0);
    for prompt in PROMPTS {
        let expected = answer(&plain, prompt, max_tokens, false);
        let finish = answer(&speculating, prompt, max_tokens, true);
        assert_eq!(finish.text, expected.text, "after {prompt:?}");
        assert_eq!(finish.tokens, expected.tokens);
        assert!((finish.confidence - expected.confidence).abs() < 1e-3);
        proposed += finish.speculation.proposed;
        accepted += finish.speculation.accepted;
        forwards += finish.speculation.target_forwards;
        generated += finish.tokens.generated;
    }
    eprintln!("{generated} tokens in {forwards} forwards, {accepted} of {proposed} proposals accepted");
    assert!(proposed > 0);
}

#[test]
fn speculation_with_tiny_models_says_what_the_target_says() {
    let folder = tempfile::tempdir().unwrap();
    let target = TinySpec::new(TinyFamily::Qwen2);
    let draft = TinySpec { weights: GgmlType::Q8_0, ..target.clone() };
    let target = model(folder.path(), "target.gguf", &target);
    let draft = model(folder.path(), "draft.gguf", &draft);
    assert_speculation_changes_nothing(target, draft, 60);
}

/// `HALFLINE_MODELS` names the folder; `cargo test -p halfline-inference --test engine -- --ignored`.
#[test]
#[ignore = "needs the real models, and minutes"]
fn speculation_with_real_models_says_what_the_target_says() {
    let folder =
        PathBuf::from(std::env::var_os("HALFLINE_MODELS").expect("HALFLINE_MODELS names the folder of models"));
    let target = folder.join("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf");
    let draft = folder.join("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
    assert_speculation_changes_nothing(target, draft, 48);
}

#[test]
fn a_scripted_model_says_its_text_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let pieces = ["return ", "left", " + ", "right", "\n"];
    let path = model(folder.path(), "saying.gguf", &TinySpec::saying("<|fim_middle|>", pieces));
    let mut events = Vec::new();
    let engine = Engine::load(&options(path.clone(), None), |event| events.push(event)).unwrap();
    assert!(matches!(&events[0], LoadEvent::Opening(opened) if *opened == path));
    assert!(matches!(&events[events.len() - 2], LoadEvent::Preparing(_, done, all) if *done > 0 && done <= all));
    assert!(matches!(events[events.len() - 1], LoadEvent::Ready));
    let info = engine.info();
    assert_eq!((info.target.as_str(), info.family.as_str(), info.context_tokens), ("saying", "qwen2", 2048));

    let middle = engine.tokenizer().special().fim_middle.unwrap();
    let request = Request::new(vec![middle], 50, Priority::Completion);
    let whole = engine.generate(request.clone()).finish_blocking().unwrap();
    assert_eq!((whole.text.as_str(), whole.tokens.generated), ("return left + right\n", 5));
    let line = Request { stop_strings: vec!["\n".into()], ..request };
    assert_eq!(engine.generate(line).finish_blocking().unwrap().text, "return left + right");
}

#[test]
fn files_that_do_not_serve_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let good = model(folder.path(), "good.gguf", &TinySpec::new(TinyFamily::Qwen2));
    let other = model(folder.path(), "other.gguf", &TinySpec::saying("<|fim_middle|>", ["x", "y"]));
    let missing = folder.path().join("missing.gguf");
    let cut = folder.path().join("cut.gguf");
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();

    let refusal = |options: &EngineOptions| Engine::load(options, |_| {}).unwrap_err();
    let error = refusal(&options(missing.clone(), None));
    assert!(matches!(&error, EngineError::Load { path, .. } if *path == missing), "{error}");
    let error = refusal(&options(good.clone(), Some(cut.clone())));
    assert!(matches!(&error, EngineError::Load { path, .. } if *path == cut), "{error}");
    let small = EngineOptions { cache_bytes: 1000, ..options(good.clone(), None) };
    assert!(refusal(&small).to_string().contains("raise what is lowest"));
    let error = refusal(&options(good, Some(other)));
    assert!(matches!(&error, EngineError::Pair { .. }), "{error}");
    assert!(error.to_string().contains("token "), "{error}");
}
