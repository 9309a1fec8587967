//! Attention of a few query rows over the cached keys and values of one head.
//!
//! Keys lie in blocks of sixteen positions, `(head_dim, 16)` half floats each, so that scores of sixteen positions come out
//! of one sum with nothing to add across lanes; values lie as `(position, head_dim)`. A row's result does not depend on the
//! rows beside it: what a row may not see is added as exact zeros.

#![expect(clippy::needless_range_loop, reason = "arrays of registers go in step; iterators over several hide which")]

use super::simd::{Simd, exp};

/// Positions in a block of keys.
pub(crate) const KEY_BLOCK: usize = 16;
/// The most rows at once.
pub(crate) const MAX_ROWS: usize = 8;

/// Query rows of one key-value head.
pub(crate) struct AttendArgs<'a> {
    /// Rows of queries, `head_dim` floats each, rotated and scaled; at most [`MAX_ROWS`].
    pub queries: &'a [*const f32],
    /// Positions that each row may see, from the first on.
    pub visible: &'a [usize],
    /// Keys of this head, `ceil(positions / 16)` blocks.
    pub keys: *const u16,
    /// Values of this head.
    pub values: *const u16,
    /// Floats of a head, a multiple of 16.
    pub head_dim: usize,
    /// Room for `queries.len()` rows of `score_stride` scores.
    pub scores: *mut f32,
    /// At least the largest of `visible`, rounded up to 16.
    pub score_stride: usize,
    /// Where each row's `head_dim` results go.
    pub out: &'a [*mut f32],
}

/// Attends with all rows of `args`.
///
/// # Safety
/// The pointers of `args` are valid for the shapes it states; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn attend<S: Simd>(args: &AttendArgs<'_>) {
    let mut first = 0;
    while first < args.queries.len() {
        // SAFETY: never more rows than there are.
        first += unsafe {
            match args.queries.len() - first {
                8.. => rows::<S, 8>(args, first),
                6.. if S::MANY_REGISTERS => rows::<S, 6>(args, first),
                4.. => rows::<S, 4>(args, first),
                2.. => rows::<S, 2>(args, first),
                _ => rows::<S, 1>(args, first),
            }
        };
    }
}

#[inline(always)]
unsafe fn rows<S: Simd, const R: usize>(args: &AttendArgs<'_>, first: usize) -> usize {
    let visible = &args.visible[first..first + R];
    let positions = visible.iter().copied().max().unwrap_or(0);
    let blocks = positions.div_ceil(KEY_BLOCK);
    // SAFETY: the caller gives keys and values of `positions`, `R` rows from `first` on, and scores for them.
    unsafe {
        for block in 0..blocks {
            let mut sums = [S::splat(0.0); R];
            let keys = args.keys.add(block * KEY_BLOCK * args.head_dim);
            for d in 0..args.head_dim {
                let key = S::load_f16(keys.add(d * KEY_BLOCK));
                for r in 0..R {
                    sums[r] = S::fma(key, S::splat(*args.queries[first + r].add(d)), sums[r]);
                }
            }
            for (r, sum) in sums.into_iter().enumerate() {
                S::store(args.scores.add(r * args.score_stride + block * KEY_BLOCK), sum);
            }
        }
        let mut factors = [0.0; R];
        for r in 0..R {
            factors[r] = 1.0 / softmax::<S>(args.scores.add(r * args.score_stride), visible[r], blocks);
        }
        let mut d = 0;
        while d + 32 <= args.head_dim {
            mix::<S, R, 2>(args, first, d, positions, &factors);
            d += 32;
        }
        while d < args.head_dim {
            mix::<S, R, 1>(args, first, d, positions, &factors);
            d += 16;
        }
    }
    R
}

/// Turns scores into unnormalised probabilities and returns their sum; from `visible` on they become 0.
#[inline(always)]
unsafe fn softmax<S: Simd>(scores: *mut f32, visible: usize, blocks: usize) -> f32 {
    // SAFETY: the caller gives `blocks` blocks of scores.
    unsafe {
        for i in visible..blocks * KEY_BLOCK {
            *scores.add(i) = f32::NEG_INFINITY;
        }
        let mut largest = S::splat(f32::NEG_INFINITY);
        for block in 0..blocks {
            largest = S::max(largest, S::load(scores.add(block * KEY_BLOCK)));
        }
        let largest = S::splat(S::largest(largest));
        for block in 0..blocks {
            let at = scores.add(block * KEY_BLOCK);
            S::store(at, exp::<S>(S::sub(S::load(at), largest)));
        }
        for i in visible..blocks * KEY_BLOCK {
            *scores.add(i) = 0.0;
        }
        let mut sum = S::splat(0.0);
        for block in 0..blocks {
            sum = S::add(sum, S::load(scores.add(block * KEY_BLOCK)));
        }
        S::sum(sum)
    }
}

/// `16 * N` of the head's results, from `d` on: values weighed with the probabilities.
#[inline(always)]
unsafe fn mix<S: Simd, const R: usize, const N: usize>(
    args: &AttendArgs<'_>,
    first: usize,
    d: usize,
    positions: usize,
    factors: &[f32; R],
) {
    // SAFETY: as in `rows`.
    unsafe {
        let mut sums = [[S::splat(0.0); N]; R];
        for position in 0..positions {
            let at = args.values.add(position * args.head_dim + d);
            let mut values = [S::splat(0.0); N];
            for (n, value) in values.iter_mut().enumerate() {
                *value = S::load_f16(at.add(16 * n));
            }
            for r in 0..R {
                let p = S::splat(*args.scores.add(r * args.score_stride + position));
                for n in 0..N {
                    sums[r][n] = S::fma(p, values[n], sums[r][n]);
                }
            }
        }
        for r in 0..R {
            for n in 0..N {
                S::store(args.out[first + r].add(d + 16 * n), S::mul(sums[r][n], S::splat(factors[r])));
            }
        }
    }
}
