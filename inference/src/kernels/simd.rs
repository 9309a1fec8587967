//! The sixteen lanes that every kernel is written in, and what an instruction set has to provide to run them.
//!
//! Kernels are generic over [`Simd`] and exist once; the reference and each instruction set implement the trait. All
//! implementations round alike (every product-sum is fused), so their results are equal bit for bit. The functions are
//! `inline(always)` and reach the processor only inside wrappers that enable the instruction set (see `mod.rs`).

/// Sixteen 32-bit lanes, and sixty-four bytes.
///
/// # Safety
/// Every function of an implementation may be called only where the processor has the implementation's instruction set,
/// and every pointer must be valid for the number of elements that the function names. No alignment is required.
pub(crate) unsafe trait Simd: Copy {
    /// Sixteen `f32`.
    type F: Copy;
    /// Sixteen `i32`.
    type I: Copy;
    /// Sixty-four bytes.
    type B: Copy;

    /// Whether there are registers for more than a few rows at once.
    const MANY_REGISTERS: bool;

    /// `value` in every lane.
    unsafe fn splat(value: f32) -> Self::F;
    /// Reads 16 `f32`.
    unsafe fn load(from: *const f32) -> Self::F;
    /// Writes 16 `f32`.
    unsafe fn store(to: *mut f32, value: Self::F);
    /// Reads 16 IEEE half floats.
    unsafe fn load_f16(from: *const u16) -> Self::F;
    /// Writes 16 IEEE half floats, rounded to nearest even.
    unsafe fn store_f16(to: *mut u16, value: Self::F);
    /// Reads 16 bfloat16.
    unsafe fn load_bf16(from: *const u16) -> Self::F;
    /// Reads 16 unsigned bytes as floats.
    unsafe fn load_u8(from: *const u8) -> Self::F;
    /// Reads 16 signed bytes as floats.
    unsafe fn load_i8(from: *const i8) -> Self::F;
    /// `a + b`
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The larger of each lane.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The smaller of each lane.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    /// Absolute value of each lane.
    unsafe fn abs(a: Self::F) -> Self::F;
    /// The eight halves of lanes apart, read to an array; reductions are done there in one fixed order.
    #[inline(always)]
    unsafe fn to_array(a: Self::F) -> [f32; 16] {
        let mut lanes = [0.0; 16];
        // SAFETY: the array holds the 16 values written.
        unsafe { Self::store(lanes.as_mut_ptr(), a) };
        lanes
    }
    /// Sum of all lanes, as a tree of halves: the order is the same everywhere.
    #[inline(always)]
    unsafe fn sum(a: Self::F) -> f32 {
        // SAFETY: the caller vouches for the instruction set.
        let mut lanes = unsafe { Self::to_array(a) };
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
        }
        lanes[0]
    }
    /// Largest lane.
    #[inline(always)]
    unsafe fn largest(a: Self::F) -> f32 {
        // SAFETY: the caller vouches for the instruction set.
        let mut lanes = unsafe { Self::to_array(a) };
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                lanes[i] = lanes[i].max(lanes[i + half]);
            }
        }
        lanes[0]
    }

    /// `value` in every lane.
    unsafe fn splat_i(value: i32) -> Self::I;
    /// The nearest integer, ties to even.
    unsafe fn round(a: Self::F) -> Self::I;
    /// `a * b + c`, in integers that do not overflow.
    unsafe fn mul_add(a: Self::I, b: Self::I, c: Self::I) -> Self::I;
    /// Integers as floats, rounded to nearest even.
    unsafe fn to_f(a: Self::I) -> Self::F;
    /// `2^a` for -126 <= a <= 127.
    unsafe fn exp2i(a: Self::I) -> Self::F;
    /// Writes the low byte of each lane: 16 bytes.
    unsafe fn store_i8(to: *mut i8, a: Self::I);
    /// Sum of all lanes.
    unsafe fn sum_i(a: Self::I) -> i32;

    /// Asks for the cache line at `address`, which need not be valid.
    unsafe fn prefetch(address: *const u8);
    /// Reads 64 bytes.
    unsafe fn load_bytes(from: *const u8) -> Self::B;
    /// The low four bits of each byte.
    unsafe fn low_nibbles(a: Self::B) -> Self::B;
    /// The high four bits of each byte, moved down.
    unsafe fn high_nibbles(a: Self::B) -> Self::B;
    /// `nibbles | (bit BIT of plane) << 4`, byte by byte.
    unsafe fn or_bit<const BIT: i32>(nibbles: Self::B, plane: Self::B) -> Self::B;
    /// `nibbles | (the two bits of plane that start at bit 2 * FIELD) << 4`, byte by byte.
    unsafe fn or_pair<const FIELD: i32>(nibbles: Self::B, plane: Self::B) -> Self::B;
    /// `acc[i] + sum over j of weights[4i + j] * activations[j]`; weights are unsigned and at most 127, `activations` holds
    /// four signed bytes, none of them -128.
    unsafe fn dot(acc: Self::I, weights: Self::B, activations: i32) -> Self::I;
    /// The same for any unsigned weights.
    unsafe fn dot_wide(acc: Self::I, weights: Self::B, activations: i32) -> Self::I;
}

/// `e^x`, within 2 units in the last place on [-87, 88] and saturating outside: Cody-Waite reduction, then the polynomial of
/// Cephes' `expf`.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set; no memory is touched.
    unsafe {
        let x = S::max(S::min(x, S::splat(88.0)), S::splat(-87.0));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let nf = S::to_f(n);
        let r = S::fma(nf, S::splat(-0.693_359_4), x);
        let r = S::fma(nf, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = S::fma(p, r, S::splat(c));
        }
        let p = S::fma(S::mul(r, r), p, S::add(r, S::splat(1.0)));
        S::mul(p, S::exp2i(n))
    }
}
