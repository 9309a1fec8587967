//! Decoding against toy models: with and without cache, with and without proposals.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::request::{Priority, Sampling};
use crate::toy::{self, END, Toy};

/// Costs at which nearly everything is proposed.
const CHEAP: [f64; 2] = [0.01, 0.01];

/// Runs toys without a clock: before each step the policy is told costs that make `draw` decide what is proposed.
struct Fixture {
    runner: Runner<Toy>,
    /// The greatest cost of a proposed token's verification, and of drafting it, in forwards of the target.
    costs: [f64; 2],
    tokenizer: std::sync::Arc<crate::tokenizer::Tokenizer>,
}

impl Fixture {
    fn new(target: Toy, draft: Option<Toy>, costs: [f64; 2]) -> Self {
        let models = Models { target, draft };
        let runner = Runner::new(models);
        Fixture { runner, costs, tokenizer: toy::tokenizer() }
    }

    /// Answers a request in a fresh slot, with costs of verification and draft drawn anew for each step.
    fn answer(&mut self, request: &Request, random: &mut StdRng) -> (String, SpeculationStats) {
        let cache = self.runner.models.target.new_cache(self.runner.models.target.context).unwrap();
        let mut slots = crate::cache::prefix::Slots::new(1 << 20);
        let slot = slots.take(None, &request.prompt, 0, 0, || Ok(cache)).unwrap();
        let (events, _receiver) = unbounded_channel();
        let mut answer = Answer::new(request, request.max_tokens, &self.tokenizer, events);
        let models = &mut self.runner.models;
        let mut sequence = Sequence::new(slot, models, request, request.max_tokens, 50.0).unwrap();
        loop {
            let [slope, draft] = self.costs.map(|most| random.random_range(0.0..most));
            // Often enough that what the clock said in the step before has no weight left.
            for _ in 0..20 {
                for rows in 1..=MOST_PROPOSED + 1 {
                    self.runner.policy.target_took(rows, 1.0 + slope * rows as f64);
                }
                self.runner.policy.draft_took(1, draft);
                self.runner.policy.catch_up_took(1, 0.001);
            }
            let interrupted = random.random_bool(0.1);
            if sequence.step(&mut self.runner, &mut answer, &|| interrupted).unwrap().is_some() {
                answer.flush();
                return (answer.text().to_owned(), sequence.stats());
            }
        }
    }
}

fn prompt(random: &mut StdRng, vocabulary: usize) -> Vec<u32> {
    let len = random.random_range(1..200);
    (0..len).map(|_| random.random_range(1..vocabulary as u32)).collect()
}

#[test]
fn greedy_speculation_says_what_the_target_alone_says() {
    let mut random = StdRng::seed_from_u64(1);
    let mut total = SpeculationStats::default();
    let mut ended = 0;
    for case in 0..400 {
        // Short orders repeat themselves, so that look-ups are right; long ones depend on every token in the cache.
        let vocabulary = random.random_range(5..60);
        let mut target = Toy::new(vocabulary, [1, 2, 3, 500][case % 4]);
        target.end_weight = if case % 2 == 0 { 0.0 } else { -1.0 };
        let agreement = [0.0, 0.3, 0.7, 0.95, 1.0][case % 5];
        let draft = (case % 7 > 0).then(|| target.draft(agreement));
        let request = toy::request(&prompt(&mut random, vocabulary), random.random_range(1..80), Priority::Chat);
        let expected = toy::text(&target.naive_answer(&request));
        ended += usize::from(expected.len() < request.max_tokens);
        let (text, stats) = Fixture::new(target, draft, [0.2, 0.6]).answer(&request, &mut random);
        assert_eq!(text, expected, "case {case}");
        total.proposed += stats.proposed;
        total.accepted += stats.accepted;
        total.from_draft += stats.from_draft;
        total.from_lookup += stats.from_lookup;
    }
    assert!(total.from_draft > 1000 && total.from_lookup > 1000, "{total:?}");
    assert!(total.proposed - total.accepted > 1000, "{total:?}");
    assert_eq!(total.accepted, total.from_draft + total.from_lookup);
    assert!(ended > 40, "{ended} answers ended by themselves");
}

#[test]
fn a_seed_gives_one_answer_whatever_is_proposed() {
    let mut random = StdRng::seed_from_u64(2);
    let mut accepted = 0;
    for case in 0..200 {
        let vocabulary = random.random_range(5..40);
        let target = Toy::new(vocabulary, [1, 2, 500][case % 3]);
        let draft = target.draft([0.0, 0.5, 1.0][case % 3]);
        let sampling = Sampling {
            temperature: random.random_range(0.1..1.5),
            top_k: random.random_range(0..8),
            top_p: random.random_range(0.5..1.0),
            repetition_penalty: random.random_range(1.0..1.5),
            seed: case as u64,
        };
        let mut request = toy::request(&prompt(&mut random, vocabulary), 60, Priority::Chat);
        request.sampling = sampling;
        let mut fixture = Fixture::new(target, Some(draft), CHEAP);
        let (speculated, stats) = fixture.answer(&request, &mut random);
        request.speculate = false;
        let (plain, none) = fixture.answer(&request, &mut random);
        assert_eq!(speculated, plain, "case {case}");
        assert_eq!(none.proposed, 0);
        accepted += stats.accepted;
    }
    assert!(accepted > 300, "{accepted}");
}

/// The seed of a request differs from case to case here, so that this does not rest on the equality above.
#[test]
fn sampling_with_proposals_keeps_the_targets_distribution() {
    const CASES: usize = 20_000;
    let target = Toy::new(6, 2);
    let sampling = Sampling { temperature: 0.8, repetition_penalty: 1.1, ..Sampling::default() };
    let prompt = vec![1, 2, 3, 1, 2, 3, 1, 2];
    let answer_length = 3;

    // The exact probability of every answer, from the toy's logits alone.
    let mut expected = std::collections::HashMap::new();
    let mut open = vec![(prompt.clone(), 1.0)];
    while let Some((tokens, probability)) = open.pop() {
        let ended = tokens.len() > prompt.len() && tokens.last() == Some(&END);
        if ended || tokens.len() == prompt.len() + answer_length {
            let said = &tokens[prompt.len()..tokens.len() - usize::from(ended)];
            *expected.entry((toy::text(said), ended)).or_insert(0.0) += probability;
            continue;
        }
        let mut logits = target.logits(&tokens);
        for token in 0..6 {
            if tokens[tokens.len().saturating_sub(64)..].contains(&token) {
                let logit = &mut logits[token as usize];
                *logit = if *logit > 0.0 { *logit / 1.1 } else { *logit * 1.1 };
            }
        }
        let weights: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) / 0.8).exp()).collect();
        let sum: f64 = weights.iter().sum();
        for (token, weight) in (0..).zip(weights) {
            let longer = tokens.iter().copied().chain([token]).collect();
            open.push((longer, probability * weight / sum));
        }
    }

    let mut seen = std::collections::HashMap::new();
    let mut random = StdRng::seed_from_u64(3);
    let draft = target.draft(0.6);
    let mut fixture = Fixture::new(target, Some(draft), CHEAP);
    let mut total = SpeculationStats::default();
    for seed in 0..CASES as u64 {
        let mut request = toy::request(&prompt, answer_length, Priority::Chat);
        request.sampling = Sampling { seed, ..sampling.clone() };
        let (text, stats) = fixture.answer(&request, &mut random);
        let ended = text.len() < answer_length;
        *seen.entry((text, ended)).or_insert(0.0) += 1.0;
        total.accepted += stats.accepted;
        total.proposed += stats.proposed;
    }
    assert!(total.accepted > 2000 && total.proposed - total.accepted > 2000, "{total:?}");

    // Answers expected fewer than five times are taken together, as the test requires.
    let (mut statistic, mut bins, mut rare) = (0.0, 0, (0.0, 0.0));
    let mut compare = |expected: f64, seen: f64| {
        statistic += (seen - expected).powi(2) / expected;
        bins += 1;
    };
    for (answer, probability) in &expected {
        let (expected, seen) = (probability * CASES as f64, seen.get(answer).copied().unwrap_or(0.0));
        if expected < 5.0 { rare = (rare.0 + expected, rare.1 + seen) } else { compare(expected, seen) }
    }
    if rare.0 > 0.0 {
        compare(rare.0, rare.1);
    }
    assert!(seen.keys().all(|answer| expected.contains_key(answer)));
    // Mean and standard deviation of chi-square with that many degrees of freedom; four of them are 1 in 30 000.
    let freedom = f64::from(bins - 1);
    assert!(bins > 50, "{bins}");
    assert!(
        statistic < freedom + 4.0 * (2.0 * freedom).sqrt(),
        "chi-square {statistic} with {freedom} degrees of freedom"
    );
}

#[test]
fn a_failing_draft_costs_no_answer() {
    let mut random = StdRng::seed_from_u64(4);
    let target = Toy::new(40, 3);
    let request = toy::request(&prompt(&mut random, 40), 60, Priority::Chat);
    let expected = toy::text(&target.naive_answer(&request));
    let mut left = 5;
    let draft = target.draft(1.0).with_hook(move |_, _| {
        left -= 1;
        if left > 0 { Ok(()) } else { Err(EngineError::Compute("out of memory".into())) }
    });
    let mut fixture = Fixture::new(target, Some(draft), CHEAP);
    assert_eq!(fixture.answer(&request, &mut random).0, expected);
    assert!(fixture.runner.models.draft.is_none());
}

#[test]
fn an_answer_begins_with_what_it_was_told_to_and_shows_only_what_follows() {
    let mut random = StdRng::seed_from_u64(9);
    for case in 0..100 {
        let vocabulary = random.random_range(40..60);
        let target = Toy::new(vocabulary, [1, 3, 500][case % 3]);
        let draft = (case % 2 == 0).then(|| target.draft(0.8));
        let beginning = prompt(&mut random, vocabulary);
        let beginning = &beginning[..beginning.len().min(case % 5)];
        let mut request = toy::request(&prompt(&mut random, vocabulary), 40, Priority::Chat);
        let mut whole = request.clone();
        whole.prompt.extend(beginning);
        whole.max_tokens -= beginning.len();
        let expected = toy::text(&target.naive_answer(&whole));
        request.begin_with = toy::text(beginning);
        let (text, _) = Fixture::new(target, draft, CHEAP).answer(&request, &mut random);
        assert_eq!(text, expected, "case {case}");
    }
}

#[test]
fn scores_are_what_the_model_says_token_by_token_whatever_the_cache_holds() {
    let mut random = StdRng::seed_from_u64(9);
    for case in 0..60 {
        let vocabulary = random.random_range(5..60);
        let target = Toy::new(vocabulary, [1, 3, 500][case % 3]);
        let mut fixture = Fixture::new(target, None, CHEAP);
        let mut request = Request::new(prompt(&mut random, vocabulary), 0, Priority::Chat);
        request.prompt.extend([1, 2]);
        request.scored = random.random_range(1..request.prompt.len());

        let models = &mut fixture.runner.models;
        let mut cache = models.target.new_cache(models.target.context).unwrap();
        let mut expected = Vec::new();
        for pair in request.prompt.windows(2) {
            let row = models.target.forward(&pair[..1], &mut cache, Rows::Last).unwrap().row(0).unwrap();
            let likeliest = crate::kernels::argmax(&row);
            expected.push((pair[1], probability_of(&row, pair[1]), likeliest, probability_of(&row, likeliest)));
        }
        let expected = &expected[expected.len() - request.scored..];

        // The second time the slot holds the whole prompt.
        let cache = models.target.new_cache(models.target.context).unwrap();
        let mut slots = crate::cache::prefix::Slots::new(1 << 20);
        let mut slot = slots.take(None, &request.prompt, 0, 0, || Ok(cache)).unwrap();
        for _ in 0..2 {
            let (events, _receiver) = unbounded_channel();
            let mut answer = Answer::new(&request, 0, &fixture.tokenizer, events);
            let mut sequence = Sequence::new(slot, &mut fixture.runner.models, &request, 0, 50.0).unwrap();
            while sequence.step(&mut fixture.runner, &mut answer, &|| false).unwrap().is_none() {}
            let scores = sequence.take_scores();
            assert_eq!(scores.len(), request.scored);
            for (score, (token, probability, likeliest, its_probability)) in scores.iter().zip(expected) {
                assert_eq!((score.token, score.likeliest), (*token, *likeliest));
                assert!((score.probability - probability).abs() < 1e-6, "{score:?}, {probability}");
                assert!((score.its_probability - its_probability).abs() < 1e-6, "{score:?}, {its_probability}");
            }
            slot = sequence.into_slot();
        }
    }
}
