//! Look-up of what may follow, against a plain search.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::toy::Toy;

/// What a look-up should find, by comparing with every position.
fn naive(history: &[u32], most: usize) -> Option<Found> {
    let mut best: Option<(usize, usize)> = None;
    for after in 2..history.len() {
        let matched = (0..LONGEST_MATCH.min(after))
            .take_while(|&back| history[after - 1 - back] == history[history.len() - 1 - back])
            .count();
        // Only the latest counts among matches too short for a chain.
        let rank = |matched: usize| if matched < LENGTHS[0] { matched } else { matched.min(LONGEST_MATCH) };
        if matched >= 2 && best.is_none_or(|(longest, _)| rank(matched) >= rank(longest)) {
            best = Some((matched, after));
        }
    }
    let (matched, after) = best.filter(|_| most > 0)?;
    Some(Found { tokens: history[after..].iter().copied().take(most).collect(), matched })
}

#[test]
fn look_up_finds_the_longest_and_latest() {
    /// Name, sequence, the most tokens to propose, and the tokens expected with the length of their match.
    type Case<'a> = (&'a str, &'a [u32], usize, Option<(&'a [u32], usize)>);
    let cases: &[Case<'_>] = &[
        ("nothing", &[], 4, None),
        ("one token", &[1], 4, None),
        ("no repetition", &[1, 2, 3, 4], 4, None),
        ("one token repeated is not enough", &[1, 2, 1], 4, None),
        ("two tokens", &[1, 2, 3, 1, 2], 4, Some((&[3, 1, 2], 2))),
        ("at most what is asked", &[1, 2, 3, 1, 2], 1, Some((&[3], 2))),
        ("nothing asked", &[1, 2, 3, 1, 2], 0, None),
        ("the latest among equals", &[1, 2, 3, 1, 2, 4, 1, 2], 1, Some((&[4], 2))),
        ("the longer before the later", &[9, 1, 2, 3, 1, 2, 4, 9, 1, 2], 1, Some((&[3], 3))),
        ("overlapping itself", &[5, 5, 5, 5], 4, Some((&[5], 3))),
    ];
    for (name, history, most, expected) in cases {
        let expected = expected.map(|(tokens, matched)| Found { tokens: tokens.to_vec(), matched });
        assert_eq!(Lookup::default().propose(history, *most), expected, "{name}");
    }
}

#[test]
fn look_up_in_a_growing_sequence_agrees_with_comparing_everything() {
    let mut random = StdRng::seed_from_u64(1);
    let mut found = 0;
    for _ in 0..200 {
        let vocabulary = random.random_range(3..12);
        let mut lookup = Lookup::default();
        let mut history = Vec::new();
        for _ in 0..random.random_range(1..20) {
            for _ in 0..random.random_range(1..6) {
                history.push(random.random_range(0..vocabulary));
            }
            let expected = naive(&history, 5);
            found += usize::from(expected.is_some());
            assert_eq!(lookup.propose(&history, 5), expected, "{history:?}");
        }
    }
    assert!(found > 500, "{found}");
}

#[test]
fn a_draft_continues_greedily_and_stops_when_interrupted() {
    let mut toy = Toy::new(30, 3);
    let mut cache = toy.new_cache(100).unwrap();
    let history = [3, 1, 4, 1, 5];
    toy.forward(&history[..2], &mut cache, Rows::None).unwrap();
    let proposals = draft(&mut toy, &mut cache, &history, 4, &|| false).unwrap();
    let mut naive = history.to_vec();
    for _ in 0..4 {
        let row = toy.logits(&naive);
        naive.push((0..30).max_by(|&a, &b| row[a as usize].total_cmp(&row[b as usize])).unwrap());
    }
    assert_eq!(proposals, naive[5..]);
    assert_eq!(cache.len(), history.len() + 3, "the last proposal was not run");
    cache.truncate(5);
    cache.truncate(4);
    assert_eq!(draft(&mut toy, &mut cache, &history, 4, &|| true).unwrap(), proposals[..1]);
}

#[test]
fn what_was_read_lately_is_found_and_the_oldest_forgotten() {
    let mut recent = Recent::default();
    assert_eq!(recent.propose(&[1, 2, 3, 4], 4), None);
    recent.add(&[1, 2, 3, 4, 5, 6]);
    recent.add(&[9, 2, 3, 4, 7]);
    let found =
        |recent: &Recent, history: &[u32]| recent.propose(history, 4).map(|found| (found.tokens, found.matched));
    assert_eq!(found(&recent, &[0, 1, 2, 3, 4]), Some((vec![5, 6], 4)), "and no token of the next text");
    assert_eq!(found(&recent, &[9, 2, 3, 4]), Some((vec![7], 4)));
    assert_eq!(found(&recent, &[8, 2, 3, 4]), None, "three tokens are too few");
    assert_eq!(found(&recent, &[2, 3, 4, 7]), None, "nothing followed");
    assert_eq!(recent.propose(&[0, 1, 2, 3, 4], 1).map(|found| found.tokens), Some(vec![5]));
    assert_eq!(recent.propose(&[0, 1, 2, 3, 4], 0), None);
    recent.add(&[50; LOG_TOKENS]);
    assert!(found(&recent, &[1, 2, 3, 4]).is_some(), "one log back");
    recent.add(&[60; LOG_TOKENS + 5]);
    assert_eq!(found(&recent, &[1, 2, 3, 4]), None);
    assert!(found(&recent, &[50; 8]).is_some());
}
