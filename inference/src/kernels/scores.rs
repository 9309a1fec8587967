//! What is asked of a row of scores over the vocabulary for every token of an answer: the highest, and how probable one is.

use super::simd::{Simd, exp};
use super::table::best;

/// The place of the highest score, the first among equals. What is not a number is passed over; 0 if nothing is one.
pub fn argmax(scores: &[f32]) -> u32 {
    let (whole, rest) = scores.as_chunks::<16>();
    // SAFETY: whole vectors; the instruction set is the table's own.
    let highest = unsafe { (best().highest)(whole.as_ptr().cast(), whole.len() * 16) };
    let highest = rest.iter().copied().fold(highest, f32::max);
    scores.iter().position(|&score| score == highest).unwrap_or(0) as u32
}

/// The softmax probability of the score at one place, 0 to 1.
pub fn probability_of(scores: &[f32], place: u32) -> f32 {
    let Some(&chosen) = scores.get(place as usize).filter(|chosen| !chosen.is_nan()) else { return 0.0 };
    let (whole, rest) = scores.as_chunks::<16>();
    let mut last = [f32::NEG_INFINITY; 16];
    last[..rest.len()].copy_from_slice(rest);
    // SAFETY: whole vectors; the instruction set is the table's own.
    let sum = unsafe {
        (best().sum_of_exp)(whole.as_ptr().cast(), whole.len() * 16, chosen)
            + (best().sum_of_exp)(last.as_ptr(), 16, chosen)
    };
    (1.0 / sum).min(1.0)
}

/// The highest of `n` scores, a multiple of 16; minus infinity if none is a number.
///
/// # Safety
/// `scores` is valid for `n` elements; see [`Simd`].
#[inline(always)]
pub(super) unsafe fn highest<S: Simd>(scores: *const f32, n: usize) -> f32 {
    // SAFETY: as the caller states.
    unsafe {
        let lowest = S::splat(f32::NEG_INFINITY);
        let mut highest = [lowest; 4];
        for at in (0..n).step_by(64) {
            for (i, highest) in highest.iter_mut().enumerate() {
                // The second stays where the first is no number.
                if at + 16 * i < n {
                    *highest = S::max(S::load(scores.add(at + 16 * i)), *highest);
                }
            }
        }
        S::largest(S::max(S::max(highest[0], highest[1]), S::max(highest[2], highest[3])))
    }
}

/// The sum of `e^(score - shift)` over `n` scores, a multiple of 16.
///
/// # Safety
/// `scores` is valid for `n` elements; see [`Simd`].
#[inline(always)]
pub(super) unsafe fn sum_of_exp<S: Simd>(scores: *const f32, n: usize, shift: f32) -> f32 {
    // SAFETY: as the caller states.
    unsafe {
        let shift = S::splat(shift);
        // Sums of stretches, so that small terms are not lost beside a large sum.
        const STRETCH: usize = 64 * 64;
        let mut total = S::splat(0.0);
        for start in (0..n).step_by(STRETCH) {
            let mut sums = [S::splat(0.0); 4];
            let end = n.min(start + STRETCH);
            for at in (start..end).step_by(64) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    if at + 16 * i < end {
                        *sum = S::add(*sum, exp::<S>(S::sub(S::load(scores.add(at + 16 * i)), shift)));
                    }
                }
            }
            total = S::add(total, S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])));
        }
        S::sum(total)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::super::table::available;

    #[test]
    fn every_instruction_set_finds_the_same() {
        let mut random = StdRng::seed_from_u64(3);
        for n in [16, 48, 64, 1040, 151_936] {
            let mut scores: Vec<f32> = (0..n).map(|_| random.random_range(-30.0..30.0)).collect();
            scores[n / 2] = f32::NAN;
            let mut found = Vec::new();
            for table in available() {
                // SAFETY: a multiple of 16, and an instruction set that is there.
                let (highest, sum) = unsafe {
                    let highest = (table.highest)(scores.as_ptr(), n);
                    scores[n / 2] = -1.0;
                    let sum = (table.sum_of_exp)(scores.as_ptr(), n, highest);
                    scores[n / 2] = f32::NAN;
                    (highest, sum)
                };
                found.push((highest.to_bits(), sum.to_bits()));
            }
            assert!(found.windows(2).all(|two| two[0] == two[1]), "{n}: {found:?}");
            let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(f32::from_bits(found[0].0), highest);
        }
    }
}
