//! What happens to one row between two products: normalisation, quantisation, rotation, gating.

use super::simd::{Simd, exp};

/// `x / rms(x) * weight`, all `n` long, a multiple of 16.
///
/// # Safety
/// The pointers are valid for `n` elements; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn rms_norm<S: Simd>(x: *const f32, weight: *const f32, n: usize, epsilon: f32, out: *mut f32) {
    // SAFETY: as the caller states.
    unsafe {
        let mut squares = S::splat(0.0);
        for i in (0..n).step_by(16) {
            let v = S::load(x.add(i));
            squares = S::fma(v, v, squares);
        }
        let factor = S::splat(1.0 / (S::sum(squares) / n as f32 + epsilon).sqrt());
        for i in (0..n).step_by(16) {
            S::store(out.add(i), S::mul(S::mul(S::load(x.add(i)), factor), S::load(weight.add(i))));
        }
    }
}

/// Rounds a row of `n` floats, a multiple of 16, to int8 with one scale for each `group` of them, and sums each 16.
///
/// # Safety
/// `x` and `out` are valid for `n` elements, `scales` for one in `group`, `sums` for one in 16; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn quantize<S: Simd>(
    x: *const f32,
    n: usize,
    group: usize,
    out: *mut i8,
    scales: *mut f32,
    sums: *mut i32,
) {
    // SAFETY: as the caller states.
    unsafe {
        for (index, start) in (0..n).step_by(group).enumerate() {
            let end = (start + group).min(n);
            let mut largest = S::splat(0.0);
            for i in (start..end).step_by(16) {
                largest = S::max(largest, S::abs(S::load(x.add(i))));
            }
            let largest = S::largest(largest);
            *scales.add(index) = largest / 127.0;
            let factor = S::splat(if largest > 0.0 { 127.0 / largest } else { 0.0 });
            for i in (start..end).step_by(16) {
                let q = S::round(S::mul(S::load(x.add(i)), factor));
                S::store_i8(out.add(i), q);
                *sums.add(i / 16) = S::sum_i(q);
            }
        }
    }
}

/// `silu(gate) * up`, `n` long, a multiple of 16.
///
/// # Safety
/// The pointers are valid for `n` elements; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn silu_mul<S: Simd>(gate: *const f32, up: *const f32, n: usize, out: *mut f32) {
    // SAFETY: as the caller states.
    unsafe {
        let one = S::splat(1.0);
        for i in (0..n).step_by(16) {
            let g = S::load(gate.add(i));
            let e = exp::<S>(S::sub(S::splat(0.0), g));
            S::store(out.add(i), S::mul(S::div(g, S::add(one, e)), S::load(up.add(i))));
        }
    }
}

/// Rotates pairs `(x[i], x[i + half])` by the angles whose cosines and sines are given, and multiplies by `scale`; `half` is
/// a multiple of 16.
///
/// # Safety
/// `x` is valid for `2 * half` elements, `cos` and `sin` for `half`; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn rotate<S: Simd>(x: *mut f32, cos: *const f32, sin: *const f32, half: usize, scale: f32) {
    // SAFETY: as the caller states.
    unsafe {
        let scale = S::splat(scale);
        for i in (0..half).step_by(16) {
            let (a, b) = (S::load(x.add(i)), S::load(x.add(half + i)));
            let (c, s) = (S::load(cos.add(i)), S::load(sin.add(i)));
            let first = S::sub(S::mul(a, c), S::mul(b, s));
            let second = S::add(S::mul(a, s), S::mul(b, c));
            S::store(x.add(i), S::mul(first, scale));
            S::store(x.add(half + i), S::mul(second, scale));
        }
    }
}

/// Writes `n` floats, a multiple of 16, as half floats.
///
/// # Safety
/// The pointers are valid for `n` elements; see [`Simd`].
#[inline(always)]
pub(crate) unsafe fn to_f16<S: Simd>(x: *const f32, n: usize, out: *mut u16) {
    // SAFETY: as the caller states.
    unsafe {
        for i in (0..n).step_by(16) {
            S::store_f16(out.add(i), S::load(x.add(i)));
        }
    }
}
