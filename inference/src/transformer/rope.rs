//! Cosines and sines of rotary position embeddings.

use super::config::Config;

/// Angles for the first positions, shape (positions, head_dim / 2) each.
#[derive(Debug)]
pub struct Rope {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
    frequencies: Vec<f64>,
}

impl Rope {
    /// Frequencies of a model; `factors` divide them where the file has some (Llama 3), one for each pair.
    pub(crate) fn new(config: &Config, factors: Option<&[f32]>) -> Rope {
        let half = config.head_dim / 2;
        let frequency = |i: usize| {
            let exponent = 2.0 * i as f64 / config.head_dim as f64;
            let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |&f| f64::from(f));
            1.0 / f64::from(config.rope_base).powf(exponent) / f64::from(config.rope_scale) / factor
        };
        Rope { half, cos: Vec::new(), sin: Vec::new(), frequencies: (0..half).map(frequency).collect() }
    }

    /// Makes sure that the angles of all positions before `positions` are there.
    pub(crate) fn reserve(&mut self, positions: usize) {
        for position in self.cos.len() / self.half..positions {
            for frequency in &self.frequencies {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                self.cos.push(cos as f32);
                self.sin.push(sin as f32);
            }
        }
    }

    /// Cosines and sines of one position, shape (head_dim / 2,) each; it was reserved.
    pub(crate) fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let range = position * self.half..(position + 1) * self.half;
        (&self.cos[range.clone()], &self.sin[range])
    }

    /// Floats rotated together with as many others: half a head.
    pub(crate) fn half(&self) -> usize {
        self.half
    }
}
