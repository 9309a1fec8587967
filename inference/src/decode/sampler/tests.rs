//! The sampler against a naive one, and its draws against the distribution they come from.

use proptest::prelude::*;

use super::*;

/// Every step as its definition says it, in 64 bits, everything sorted.
/// Also returns how far the sums that top-p looks at stay away from its bound.
fn naive_distribution(sampling: &Sampling, logits: &[f32], history: &[u32]) -> (Vec<(u32, f64)>, f64) {
    let recent: Vec<u32> = history.iter().rev().take(64).copied().collect();
    let penalty = f64::from(sampling.repetition_penalty);
    let penalised = (0..).zip(logits).map(|(token, &logit)| {
        let logit = f64::from(logit);
        let changed = if logit > 0.0 { logit / penalty } else { logit * penalty };
        (token, if recent.contains(&token) { changed } else { logit })
    });
    let mut ranked: Vec<(u32, f64)> = penalised.collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if sampling.temperature <= 0.0 {
        return (vec![(ranked[0].0, 1.0)], 1.0);
    }
    let highest = ranked[0].1;
    for (_, logit) in &mut ranked {
        *logit = ((*logit - highest) / f64::from(sampling.temperature)).exp();
    }
    if sampling.top_k > 0 {
        ranked.truncate(sampling.top_k);
    }
    normalise(&mut ranked);
    let (mut sum, mut margin) = (0.0, 1.0_f64);
    let mut kept = Vec::new();
    for (token, probability) in ranked {
        kept.push((token, probability));
        sum += probability;
        if sampling.top_p < 1.0 {
            margin = margin.min((sum - f64::from(sampling.top_p)).abs());
            if sum >= f64::from(sampling.top_p) {
                break;
            }
        }
    }
    normalise(&mut kept);
    (kept, margin)
}

fn normalise(weights: &mut [(u32, f64)]) {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.iter_mut().for_each(|(_, weight)| *weight /= total);
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let temperature = prop_oneof![Just(0.0_f32), 0.1..2.0_f32];
    let top_k = prop_oneof![Just(0_usize), 1..60_usize];
    let top_p = prop_oneof![Just(1.0_f32), 0.05..0.99_f32];
    let penalty = prop_oneof![Just(1.0_f32), 1.01..1.5_f32];
    (temperature, top_k, top_p, penalty, any::<u64>()).prop_map(
        |(temperature, top_k, top_p, repetition_penalty, seed)| Sampling {
            temperature,
            top_k,
            top_p,
            repetition_penalty,
            seed,
        },
    )
}

/// Probabilities by id.
fn dense(distribution: impl IntoIterator<Item = (u32, f64)>, len: usize) -> Vec<f64> {
    let mut dense = vec![0.0; len];
    for (token, probability) in distribution {
        dense[token as usize] += probability;
    }
    dense
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_distribution_is_the_naive_one(
        sampling in sampling(),
        // Steps wide enough that rounding exchanges no two.
        logits in prop::collection::vec((-512..512_i32).prop_map(|step| step as f32 / 64.0), 1..50),
        history in prop::collection::vec(0..60_u32, 0..90),
    ) {
        let distribution = Sampler::new(&sampling).distribution(&logits, &history);
        let total: f32 = distribution.iter().map(|(_, probability)| probability).sum();
        prop_assert!((total - 1.0).abs() < 1e-4);

        let (naive, margin) = naive_distribution(&sampling, &logits, &history);
        // Where the sum reaches top_p within rounding, either may keep one token more than the other.
        prop_assume!(margin > 1e-5);
        let found = dense(distribution.iter().map(|&(token, p)| (token, f64::from(p))), logits.len());
        for (found, expected) in found.iter().zip(dense(naive, logits.len())) {
            prop_assert!((found - expected).abs() < 1e-4, "{found} and {expected}");
        }
    }

    #[test]
    fn greedy_is_the_first_of_the_highest(
        // Few distinct values, so that many are equal.
        logits in prop::collection::vec((-3..3_i32).prop_map(|value| value as f32 * 0.5), 1..50),
    ) {
        let mut sampler = Sampler::new(&Sampling::default());
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let first = logits.iter().position(|logit| *logit == highest).expect("it is one of them");
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
        let choice = sampler.sample(&mut logits.clone(), &[]);
        prop_assert_eq!(choice.token as usize, first);
        prop_assert!((f64::from(choice.probability) - 1.0 / sum).abs() < 1e-5);
    }
}

#[test]
fn a_real_vocabulary_is_summed_exactly_enough() {
    let mut random = StdRng::seed_from_u64(7);
    let logits: Vec<f32> = (0..151_936).map(|_| random.random::<f32>() * 24.0 - 12.0).collect();
    let token = argmax(&logits);
    let highest = f64::from(logits[token as usize]);
    let exact = 1.0 / logits.iter().map(|&logit| (f64::from(logit) - highest).exp()).sum::<f64>();
    assert!((f64::from(probability_of(&logits, token)) / exact - 1.0).abs() < 1e-5);
}

/// Draws often and compares counts with the distribution by the chi-square statistic, which exceeds the bound once in
/// a million sets of draws; the seed is fixed, so it either always does or never.
#[test]
fn draws_follow_the_distribution() {
    let logits = [2.0, 1.0, 0.0, 3.0, -1.0, 0.5, 2.5, -4.0];
    let history = [3, 3, 6];
    let sampling = Sampling { temperature: 0.9, top_k: 6, top_p: 0.97, repetition_penalty: 1.2, seed: 11 };
    let mut sampler = Sampler::new(&sampling);
    let expected = sampler.distribution(&logits, &history);
    assert!(expected.len() >= 5, "{expected:?}");

    const DRAWS: usize = 20_000;
    let mut counts = [0_usize; 8];
    for _ in 0..DRAWS {
        counts[sampler.sample(&mut logits.clone(), &history).token as usize] += 1;
    }
    let mut statistic = 0.0;
    for &(token, probability) in &expected {
        let mean = DRAWS as f64 * f64::from(probability);
        statistic += (counts[token as usize] as f64 - mean).powi(2) / mean;
    }
    let possible: usize = expected.iter().map(|&(token, _)| counts[token as usize]).sum();
    assert_eq!(possible, DRAWS, "only tokens of the distribution are drawn");
    // 35.9 is the quantile for five degrees of freedom at one in a million.
    assert!(statistic < 35.9, "{statistic}: {counts:?} against {expected:?}");
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    let logits: Vec<f32> = (0..100).map(|token| (token % 7) as f32 * 0.3).collect();
    let tokens = |seed| {
        let mut sampler = Sampler::new(&Sampling { temperature: 1.0, seed, ..Sampling::default() });
        (0..50).map(|_| sampler.sample(&mut logits.clone(), &[]).token).collect::<Vec<_>>()
    };
    assert_eq!(tokens(1), tokens(1));
    assert_ne!(tokens(1), tokens(2));
}

#[test]
fn what_is_not_a_number_is_never_chosen_while_anything_else_is() {
    for temperature in [0.0, 1.0] {
        let mut sampler = Sampler::new(&Sampling { temperature, ..Sampling::default() });
        let mut logits = [f32::NAN, f32::NEG_INFINITY, 1.0, f32::NAN];
        assert_eq!(sampler.sample(&mut logits, &[]).token, 2);
        let choice = sampler.sample(&mut [f32::NAN; 3], &[]);
        assert_eq!((choice.token, choice.probability), (0, 0.0));
    }
}
