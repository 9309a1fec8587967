//! How many tokens are proposed, for given acceptance and costs.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// A machine on which a forward of `rows` rows takes `1 + slope * (rows - 1)` seconds.
struct Machine {
    slope: f64,
    draft: f64,
    acceptance: [f64; 3],
}

impl Machine {
    fn target(&self, rows: usize) -> f64 {
        1.0 + self.slope * (rows as f64 - 1.0)
    }

    /// Lets the policy serve `steps` steps with all sources on offer; returns seconds a token, the mean length
    /// proposed by each source, and how often each was used.
    fn run(&self, policy: &mut Policy, offered: &[Source], steps: usize) -> (f64, [f64; 3], [usize; 3]) {
        let mut random = StdRng::seed_from_u64(5);
        let (mut seconds, mut tokens, mut lengths, mut uses) = (0.0, 0.0, [0.0; 3], [0; 3]);
        for _ in 0..steps {
            let offers: Vec<_> =
                offered.iter().map(|&source| Offer { source, most: MOST_PROPOSED, catch_up: 0 }).collect();
            let plan = policy.choose(&offers, 100.0);
            let length = plan.map_or(0, |plan| plan.length);
            let mut accepted = 0;
            if let Some(Plan { source, length }) = plan {
                if source == Source::Draft {
                    policy.draft_took(length, self.draft * length as f64);
                    seconds += self.draft * length as f64;
                }
                accepted = (0..length).take_while(|_| random.random_bool(self.acceptance[source as usize])).count();
                policy.verified(source, accepted, accepted < length);
                lengths[source as usize] += length as f64;
                uses[source as usize] += 1;
            }
            policy.target_took(length + 1, self.target(length + 1));
            seconds += self.target(length + 1);
            tokens += accepted as f64 + 1.0;
        }
        let mean = std::array::from_fn(|source| lengths[source] / f64::max(1.0, uses[source] as f64));
        (seconds / tokens, mean, uses)
    }
}

#[test]
fn long_proposals_where_they_are_accepted_and_cheap() {
    let machine = Machine { slope: 0.03, draft: 0.1, acceptance: [0.0, 0.98, 0.0] };
    let (seconds, lengths, uses) = machine.run(&mut Policy::new(), &[Source::LongLookup], 500);
    assert!(lengths[1] > 12.0, "{lengths:?}");
    assert!(uses[1] > 450, "{uses:?}");
    assert!(seconds < 0.2, "{seconds}");
}

#[test]
fn a_draft_that_costs_more_than_the_target_is_switched_off_and_retried_ever_more_rarely() {
    let machine = Machine { slope: 0.03, draft: 1.2, acceptance: [0.0, 0.0, 0.9] };
    let mut policy = Policy::new();
    let (_, _, first) = machine.run(&mut policy, &[Source::Draft], 500);
    let (seconds, _, later) = machine.run(&mut policy, &[Source::Draft], 4000);
    assert!(!policy.pays(Source::Draft));
    assert!(first[2] < 60, "{first:?}");
    assert!((8..40).contains(&later[2]), "{later:?}");
    assert!(seconds < 1.02, "{seconds}");
}

#[test]
fn a_source_that_is_never_right_is_switched_off_and_comes_back_when_it_is() {
    let mut machine = Machine { slope: 0.1, draft: 0.2, acceptance: [0.0, 0.0, 0.02] };
    let mut policy = Policy::new();
    machine.run(&mut policy, &[Source::Draft], 300);
    let (seconds, _, uses) = machine.run(&mut policy, &[Source::Draft], 300);
    assert!(uses[2] < 10 && seconds < 1.05, "{uses:?} {seconds}");
    machine.acceptance[2] = 0.95;
    machine.run(&mut policy, &[Source::Draft], 20_000);
    let (seconds, _, uses) = machine.run(&mut policy, &[Source::Draft], 300);
    assert!(uses[2] > 250 && seconds < 0.6, "{uses:?} {seconds}");
}

#[test]
fn the_length_is_near_the_best_fixed_one() {
    for (slope, draft, acceptance) in
        [(0.05, 0.2, 0.9), (0.3, 0.2, 0.7), (0.1, 0.45, 0.85), (0.02, 0.05, 0.6), (0.9, 0.1, 0.8), (0.0, 0.6, 0.5)]
    {
        let machine = Machine { slope, draft, acceptance: [0.0, 0.0, acceptance] };
        let fixed = |length: usize| {
            let accepted: f64 = (1..=length).map(|position| acceptance.powi(position as i32)).sum();
            (machine.draft * length as f64 + machine.target(length + 1)) / (accepted + 1.0)
        };
        let best = (0..=MOST_PROPOSED).map(fixed).fold(f64::INFINITY, f64::min);
        let mut policy = Policy::new();
        machine.run(&mut policy, &[Source::Draft], 500);
        let (seconds, _, _) = machine.run(&mut policy, &[Source::Draft], 3000);
        assert!(seconds < best * 1.12, "{seconds} against {best} for {slope} {draft} {acceptance}");
    }
}

#[test]
fn the_source_that_gives_more_is_chosen() {
    let machine = Machine { slope: 0.05, draft: 0.2, acceptance: [0.2, 0.95, 0.9] };
    let (_, _, uses) = machine.run(&mut Policy::new(), &[Source::LongLookup, Source::Draft], 500);
    assert!(uses[1] > 400 && uses[2] < 40, "{uses:?}");
    let (_, _, uses) = machine.run(&mut Policy::new(), &[Source::ShortLookup, Source::Draft], 1000);
    assert!(uses[2] > 800 && uses[0] < 150, "{uses:?}");
}

#[test]
fn the_draft_catches_up_only_for_long_answers() {
    let mut policy = Policy::new();
    for _ in 0..20 {
        policy.target_took(1, 1.0);
        policy.target_took(17, 1.2);
        policy.draft_took(4, 0.4);
        policy.catch_up_took(100, 5.0);
        policy.verified(Source::Draft, 9, true);
    }
    let offer = [Offer { source: Source::Draft, most: 16, catch_up: 400 }];
    assert_eq!(policy.choose(&offer, 20.0), None);
    assert!(policy.choose(&offer, 200.0).is_some_and(|plan| plan.source == Source::Draft));
}

#[test]
fn one_slow_measurement_does_not_stick() {
    let machine = Machine { slope: 0.05, draft: 0.2, acceptance: [0.0, 0.9, 0.0] };
    let mut policy = Policy::new();
    policy.target_took(1, 50.0);
    policy.target_took(5, 90.0);
    machine.run(&mut policy, &[Source::LongLookup], 1000);
    let (seconds, _, _) = machine.run(&mut policy, &[Source::LongLookup], 500);
    assert!(seconds < 0.3, "{seconds}");
}
