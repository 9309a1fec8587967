//! Products of packed weights with a few rows of activations: one tile of sixteen outputs at a time.
//!
//! A row's result does not depend on how many rows stand beside it: each runs the same operations in the same order,
//! whatever `R` is. Greedy speculative decoding is exact only because of this.

#![expect(clippy::needless_range_loop, reason = "arrays of registers go in step; iterators over several hide which")]

use super::kind::Kind;
use super::simd::Simd;

/// Inputs of a block.
pub(crate) const BLOCK: usize = 32;

/// One tile of weights, and the rows it is multiplied with. Strides are in elements.
#[derive(Clone, Copy)]
pub(crate) struct TileArgs {
    /// The tile's packed weights.
    pub weights: *const u8,
    /// Inputs, a multiple of 32.
    pub inputs: usize,
    /// Activations as int8, one row after the other `inputs` apart; for float kinds, null. For kernels of many rows, panels: all
    /// of the first rows, then all of the next. The fields up to `floats` mean nothing to these.
    pub quantized: *const i8,
    /// Activation scales, one for each `GROUP` of the kind.
    pub scales: *const f32,
    /// From one row's scales to the next's.
    pub scale_stride: usize,
    /// For kinds with minima, sums of the activations of each block as `f32`, times their scale where there is no `DIGIT`; for
    /// others, `-ZERO` times the sums of each block or half-block as `i32`.
    pub corrections: *const i32,
    /// From one row's corrections to the next's.
    pub correction_stride: usize,
    /// Activations as floats, rows `inputs` apart; used by float kinds only.
    pub floats: *const f32,
    /// Where sixteen results of each row go, rows 16 apart.
    pub out: *mut f32,
}

/// The most rows that [`rows`] takes.
pub(crate) const MAX_ROWS: usize = 12;

/// How far ahead of its use memory is asked for, in bytes. The hardware's own prefetching stops at each page.
const PREFETCH: usize = 4096;

/// Repeats a block for `$r` in `0..R`, written out: the sums of a row stay in registers only when nothing is indexed by a
/// variable, and compilers stop unrolling at fewer rows than there are registers for.
macro_rules! for_rows {
    ($r:ident < $rows:ident $body:block) => {
        for_rows!(@ $rows $body $r 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $rows:ident $body:block $r:ident $($i:literal)+) => {
        $(if $i < $rows {
            let $r = $i;
            $body
        })+
    };
}

/// Multiplies one tile of a quantised kind with `count` rows, at most [`MAX_ROWS`].
///
/// # Safety
/// The pointers of `args` are valid for the shapes it states; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn rows<S: Simd, K: Kind>(args: &TileArgs, count: usize) {
    let mut args = *args;
    let mut left = count;
    while left > 0 {
        // SAFETY: never more rows than `count`, and the pointers move with the rows done.
        let done = unsafe {
            if S::MANY_REGISTERS && left >= 12 {
                tile::<S, K, 12>(&args)
            } else if S::MANY_REGISTERS && left >= 6 {
                tile::<S, K, 6>(&args)
            } else if left >= 4 {
                tile::<S, K, 4>(&args)
            } else if S::MANY_REGISTERS && left == 3 {
                tile::<S, K, 3>(&args)
            } else if left >= 2 {
                tile::<S, K, 2>(&args)
            } else {
                tile::<S, K, 1>(&args)
            }
        };
        left -= done;
        // SAFETY: as above; one past the last row at most.
        unsafe {
            args.quantized = args.quantized.add(done * args.inputs);
            args.scales = args.scales.add(done * args.scale_stride);
            args.corrections = args.corrections.add(done * args.correction_stride);
            args.out = args.out.add(done * 16);
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, K: Kind, const R: usize>(args: &TileArgs) -> usize {
    let blocks = args.inputs / BLOCK;
    // SAFETY: the caller gives pointers valid for `R` rows of `inputs` and a tile of as many.
    unsafe {
        let mut sums = [S::splat(0.0); R];
        let mut record = args.weights;
        let mut inner = 0;
        let mut block = 0;
        let mut group = 0;
        while block < blocks {
            let mut total = [S::splat(0.0); R];
            let mut whole = [S::splat_i(0); R];
            let mut minima = [S::splat(0.0); R];
            // A group is a record where one float stands for all of it. Said here, so that the loops over its blocks are
            // written out; where there are no minima, one row was slower so.
            let end =
                if K::DIGIT > 0 && K::HAS_MIN { block + K::BLOCKS } else { (block + K::GROUP / BLOCK).min(blocks) };
            if K::HAS_MIN {
                let (mut record, mut inner) = (record, inner);
                for block in block..end {
                    let min = K::min::<S>(record, inner);
                    let min = if K::DIGIT > 0 { min } else { S::sub(S::splat(0.0), min) };
                    for_rows!(r < R {
                        let sum = S::splat(*args.corrections.add(r * args.correction_stride + block).cast::<f32>());
                        if K::DIGIT > 0 {
                            // Whole numbers below 2^24: 8 * 63 * 32 * 127.
                            minima[r] = S::fma(sum, min, minima[r]);
                        } else {
                            sums[r] = S::fma(sum, min, sums[r]);
                        }
                    });
                    step::<K>(&mut record, &mut inner);
                }
            }
            let first = record;
            let parts = if K::FLOATS_ARE_EXACT { 2 } else { 1 };
            for part in 1..=parts {
                let mut partial = [S::splat(0.0); R];
                let end = if part == parts { end } else { block + K::GROUP / BLOCK / parts };
                while block < end {
                    let bytes = K::RECORD / K::BLOCKS;
                    let mut ahead = 0;
                    while ahead < bytes {
                        S::prefetch(record.wrapping_add(inner * bytes + ahead + PREFETCH));
                        ahead += 64;
                    }
                    let quads = K::quads::<S>(record, inner);
                    if K::HALVES {
                        let first = S::round(K::scale::<S>(record, 2 * inner));
                        let second = S::round(K::scale::<S>(record, 2 * inner + 1));
                        for_rows!(r < R {
                            let a = args.quantized.add(r * args.inputs + block * BLOCK).cast::<i32>();
                            let c = args.corrections.add(r * args.correction_stride + 2 * block);
                            let x = half::<S, K>(S::splat_i(*c), &quads, 0, a);
                            let y = half::<S, K>(S::splat_i(*c.add(1)), &quads, 4, a);
                            whole[r] = S::mul_add(x, first, whole[r]);
                            whole[r] = S::mul_add(y, second, whole[r]);
                        });
                    } else {
                        let scale = K::scale::<S>(record, inner);
                        for_rows!(r < R {
                            let a = args.quantized.add(r * args.inputs + block * BLOCK).cast::<i32>();
                            let x = if K::HAS_MIN {
                                S::splat_i(0)
                            } else {
                                S::splat_i(*args.corrections.add(r * args.correction_stride + block))
                            };
                            let x = half::<S, K>(x, &quads, 0, a);
                            let x = half::<S, K>(x, &quads, 4, a);
                            if K::DIGIT > 0 && !K::FLOATS_ARE_EXACT {
                                whole[r] = S::mul_add(x, S::round(scale), whole[r]);
                            } else {
                                partial[r] = S::fma(S::to_f(x), scale, partial[r]);
                            }
                        });
                    }
                    block += 1;
                    step::<K>(&mut record, &mut inner);
                }
                for_rows!(r < R {
                    // Two exact sums are rounded here for the first time, as one of whole numbers is when it becomes a float.
                    total[r] = if K::FLOATS_ARE_EXACT { S::add(total[r], partial[r]) } else { partial[r] };
                });
            }
            for_rows!(r < R {
                let scale = S::splat(*args.scales.add(r * args.scale_stride + group));
                if K::DIGIT > 0 {
                    let whole = if K::FLOATS_ARE_EXACT { total[r] } else { S::to_f(whole[r]) };
                    total[r] = S::mul(whole, K::unit::<S>(first));
                    if K::HAS_MIN {
                        let min_unit = S::sub(S::splat(0.0), K::min_unit::<S>(first));
                        total[r] = S::fma(minima[r], min_unit, total[r]);
                    }
                }
                sums[r] = S::fma(total[r], scale, sums[r]);
            });
            group += 1;
        }
        for (r, sum) in sums.into_iter().enumerate() {
            S::store(args.out.add(16 * r), sum);
        }
    }
    R
}

/// Goes on to the next block.
#[inline(always)]
fn step<K: Kind>(record: &mut *const u8, inner: &mut usize) {
    *inner += 1;
    if *inner == K::BLOCKS {
        *inner = 0;
        *record = record.wrapping_add(K::RECORD);
    }
}

/// Adds the products of four quads, from `first` on, with the activations at `a` (one `i32` holds those of one quad).
#[inline(always)]
unsafe fn half<S: Simd, K: Kind>(mut acc: S::I, quads: &[S::B; 8], first: usize, a: *const i32) -> S::I {
    // SAFETY: the caller gives a whole block of activations.
    unsafe {
        for q in first..first + 4 {
            let activations = a.add(q).read_unaligned();
            acc = if K::WIDE { S::dot_wide(acc, quads[q], activations) } else { S::dot(acc, quads[q], activations) };
        }
        acc
    }
}

/// How weights that are floats are read.
pub(crate) trait FloatKind {
    /// Bytes of one weight.
    const BYTES: usize;
    /// Reads the weights of 16 rows for one input.
    ///
    /// # Safety
    /// `from` points to 16 weights; see [`Simd`].
    unsafe fn load<S: Simd>(from: *const u8) -> S::F;
}

macro_rules! float_kind {
    ($name:ident, $bytes:literal, $load:ident) => {
        /// Weights of this float type: 16 rows side by side for each input.
        pub(crate) struct $name;
        impl FloatKind for $name {
            const BYTES: usize = $bytes;
            #[inline(always)]
            unsafe fn load<S: Simd>(from: *const u8) -> S::F {
                // SAFETY: the caller gives 16 weights.
                unsafe { S::$load(from.cast()) }
            }
        }
    };
}
float_kind!(F32, 4, load);
float_kind!(F16, 2, load_f16);
float_kind!(BF16, 2, load_bf16);

/// Multiplies one tile of a float kind with `count` rows, at most [`MAX_ROWS`].
///
/// # Safety
/// As [`rows`].
#[inline(always)]
pub(crate) unsafe fn float_rows<S: Simd, K: FloatKind>(args: &TileArgs, count: usize) {
    let mut args = *args;
    let mut left = count;
    while left > 0 {
        // SAFETY: never more rows than `count`, and the pointers move with the rows done.
        unsafe {
            let done = match left {
                4.. => float_tile::<S, K, 4>(&args),
                _ => float_tile::<S, K, 1>(&args),
            };
            left -= done;
            args.floats = args.floats.add(done * args.inputs);
            args.out = args.out.add(done * 16);
        }
    }
}

#[inline(always)]
unsafe fn float_tile<S: Simd, K: FloatKind, const R: usize>(args: &TileArgs) -> usize {
    // SAFETY: the caller gives pointers valid for `R` rows of `inputs` (an even number) and a tile of as many.
    unsafe {
        // Two sums a row, of even and odd inputs, so that one addition need not wait for the one before.
        let mut even = [S::splat(0.0); R];
        let mut odd = [S::splat(0.0); R];
        let mut weights = args.weights;
        for input in (0..args.inputs).step_by(2) {
            let first = K::load::<S>(weights);
            let second = K::load::<S>(weights.add(16 * K::BYTES));
            weights = weights.add(32 * K::BYTES);
            for r in 0..R {
                let a = args.floats.add(r * args.inputs + input);
                even[r] = S::fma(first, S::splat(*a), even[r]);
                odd[r] = S::fma(second, S::splat(*a.add(1)), odd[r]);
            }
        }
        for r in 0..R {
            S::store(args.out.add(16 * r), S::add(even[r], odd[r]));
        }
    }
    R
}
