//! A language model for tests: its logits are a pseudo-random function of the tokens before, so any token missing,
//! doubled or stale in a cache changes what it says.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::decode::sequence::Models;
use crate::gguf::Gguf;
use crate::kernels::probability_of;
use crate::request::{Priority, Request};
use crate::testing::{TinyFamily, TinySpec, tiny_model};
use crate::tokenizer::Tokenizer;
use crate::transformer::{Greedy, LanguageModel, Logits, Rows, SequenceCache};
use crate::{Engine, EngineError, EngineInfo, TokenCost};

/// Ends every answer of a toy.
pub(crate) const END: u32 = 0;

/// What a toy does before each forward: gets the tokens and the length of the cache before them.
type Hook = Box<dyn FnMut(&[u32], usize) -> Result<(), EngineError> + Send>;

/// The model. Logits depend on the last `order` tokens.
pub(crate) struct Toy {
    pub(crate) vocabulary: usize,
    pub(crate) context: usize,
    pub(crate) order: usize,
    /// The share of contexts in which it says what the toy with agreement 1 says.
    pub(crate) agreement: f64,
    pub(crate) end_weight: f32,
    pub(crate) forwards: Arc<AtomicUsize>,
    pub(crate) hook: Hook,
}

impl Toy {
    pub(crate) fn new(vocabulary: usize, order: usize) -> Self {
        Toy {
            vocabulary,
            context: 512,
            order,
            agreement: 1.0,
            end_weight: 0.0,
            forwards: Arc::default(),
            hook: Box::new(|_, _| Ok(())),
        }
    }

    /// A toy that says the same in `agreement` of all contexts.
    pub(crate) fn draft(&self, agreement: f64) -> Self {
        Toy { agreement, end_weight: self.end_weight, context: self.context, ..Toy::new(self.vocabulary, self.order) }
    }

    pub(crate) fn with_hook(
        mut self,
        hook: impl FnMut(&[u32], usize) -> Result<(), EngineError> + Send + 'static,
    ) -> Self {
        self.hook = Box::new(hook);
        self
    }

    /// Logits after `tokens`, shape (vocabulary,).
    pub(crate) fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        let context = &tokens[tokens.len().saturating_sub(self.order)..];
        let hash = context.iter().fold(1, |hash, &token| mix(hash ^ u64::from(token)));
        let seed = if unit(mix(hash ^ 7)) < self.agreement { 11 } else { 13 };
        let mut row: Vec<f32> =
            (0..self.vocabulary as u64).map(|token| 5.0 * unit(mix(hash ^ seed ^ (token << 20))) as f32).collect();
        row[END as usize] += self.end_weight;
        row
    }

    /// The greedy answer to `request` computed in the most stupid way: no cache, one token after the other.
    pub(crate) fn naive_answer(&self, request: &Request) -> Vec<u32> {
        let mut tokens = request.prompt.clone();
        let most = request.max_tokens.min(self.context - tokens.len());
        for _ in 0..most {
            let row = self.logits(&tokens);
            let best = row.iter().copied().fold(f32::MIN, f32::max);
            let token = row.iter().position(|&logit| logit == best).unwrap() as u32;
            if token == END {
                break;
            }
            tokens.push(token);
        }
        tokens.split_off(request.prompt.len())
    }
}

impl LanguageModel for Toy {
    type Cache = ToyCache;
    type Logits = ToyLogits;

    fn new_cache(&self, capacity: usize) -> Result<ToyCache, EngineError> {
        assert!(capacity <= self.context, "a cache of {capacity} positions for a context of {}", self.context);
        Ok(ToyCache { memory: Vec::new(), histories: Vec::new(), len: 0, capacity })
    }

    fn forward(&mut self, tokens: &[u32], cache: &mut ToyCache, rows: Rows) -> Result<ToyLogits, EngineError> {
        assert!(!tokens.is_empty(), "a forward of nothing");
        assert!(cache.len + tokens.len() <= cache.capacity, "the cache is full");
        self.forwards.fetch_add(1, Ordering::SeqCst);
        (self.hook)(tokens, cache.len)?;
        let before = cache.len;
        cache.write(before, tokens);
        for position in before..before + tokens.len() {
            cache.histories[position] = history(&cache.histories[..position], cache.memory[position]);
        }
        cache.len += tokens.len();
        let first = match rows {
            Rows::None => cache.len,
            Rows::Last => cache.len - 1,
            Rows::All => before,
        };
        Ok(ToyLogits { rows: (first..cache.len).map(|last| self.logits(&cache.memory[..=last])).collect() })
    }

    fn shift(&mut self, cache: &mut ToyCache, from: Range<usize>, to: usize) -> Result<bool, EngineError> {
        let tokens = cache.memory[from.clone()].to_vec();
        let histories = cache.histories[from].to_vec();
        cache.write(to, &tokens);
        cache.histories[to..to + histories.len()].copy_from_slice(&histories);
        Ok(true)
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn context_limit(&self) -> usize {
        self.context
    }
}

/// Remembers the tokens themselves.
#[derive(Debug)]
pub(crate) struct ToyCache {
    /// What was written last at each position, the length notwithstanding.
    memory: Vec<u32>,
    /// What each of them was computed from, as keys and values are computed from all that is cached before them.
    histories: Vec<u64>,
    len: usize,
    capacity: usize,
}

impl ToyCache {
    /// What was written last at the positions held.
    pub(crate) fn held(&self) -> &[u32] {
        &self.memory[..self.len]
    }

    /// Positions from the start on that hold what an empty cache would after the same tokens.
    pub(crate) fn exact(&self) -> usize {
        let mut histories = Vec::new();
        for &token in self.held() {
            histories.push(history(&histories, token));
        }
        self.histories.iter().zip(&histories).take_while(|(held, right)| held == right).count()
    }

    fn write(&mut self, start: usize, tokens: &[u32]) {
        let end = start + tokens.len();
        self.histories.resize(self.memory.len().max(end), 0);
        self.memory.resize(self.memory.len().max(end), u32::MAX);
        self.memory[start..end].copy_from_slice(tokens);
    }
}

impl SequenceCache for ToyCache {
    fn len(&self) -> usize {
        self.len
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn truncate(&mut self, len: usize) {
        assert!(len <= self.len, "truncating {} positions to {len}", self.len);
        self.len = len;
    }

    fn extend(&mut self, len: usize) {
        assert!(self.len <= len && len <= self.memory.len(), "{len} positions of {}", self.memory.len());
        self.len = len;
    }

    fn copy_prefix(&mut self, other: &Self, len: usize) {
        self.memory.clear();
        self.memory.extend_from_slice(&other.memory[..len]);
        self.histories.clear();
        self.histories.extend_from_slice(&other.histories[..len]);
        self.len = len;
    }

    fn bytes(&self) -> usize {
        self.len * self.bytes_per_position()
    }

    fn bytes_per_position(&self) -> usize {
        10
    }
}

/// Rows of a forward.
pub(crate) struct ToyLogits {
    rows: Vec<Vec<f32>>,
}

impl Logits for ToyLogits {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn greedy(&self, row: usize) -> Result<Greedy, EngineError> {
        let logits = &self.rows[row];
        let best = logits.iter().copied().fold(f32::MIN, f32::max);
        let token = logits.iter().position(|&logit| logit == best).unwrap() as u32;
        Ok(Greedy { token, probability: probability_of(logits, token) })
    }

    fn row(&self, row: usize) -> Result<Vec<f32>, EngineError> {
        Ok(self.rows[row].clone())
    }
}

/// A vocabulary for toys: the tokens below 128 are the ASCII characters.
pub(crate) fn tokenizer() -> Arc<Tokenizer> {
    let file = tiny_model(&TinySpec::new(TinyFamily::Qwen2)).unwrap();
    Arc::new(Tokenizer::from_gguf(&Gguf::from_bytes(file).unwrap()).unwrap())
}

/// A greedy request that ends at `END`.
pub(crate) fn request(prompt: &[u32], max_tokens: usize, priority: Priority) -> Request {
    Request { stop_tokens: vec![END], ..Request::new(prompt.to_vec(), max_tokens, priority) }
}

/// An engine that runs toys, with caches of 10 bytes a token.
pub(crate) fn engine(target: Toy, draft: Option<Toy>, cache_bytes: usize) -> Engine {
    let info = EngineInfo {
        target: "toy".into(),
        draft: None,
        family: "toy".into(),
        context_tokens: target.context,
        device: "cpu".into(),
        threads: 1,
        cost: TokenCost { bytes: 1, operations: 1 },
    };
    Engine::start(Models { target, draft }, tokenizer(), info, cache_bytes).unwrap().0
}

/// The text of a toy's tokens.
pub(crate) fn text(tokens: &[u32]) -> String {
    tokens.iter().map(|&token| char::from(u8::try_from(token).unwrap())).collect()
}

/// What a position with this token is computed from, after positions with these histories.
fn history(before: &[u64], token: u32) -> u64 {
    before.iter().fold(u64::from(token), |hash, &before| mix(hash ^ before))
}

fn mix(value: u64) -> u64 {
    // splitmix64
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
