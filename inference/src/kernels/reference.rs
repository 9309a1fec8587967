//! The sixteen lanes in plain Rust: what every instruction set is compared with, and what runs where there is none.

use half::{bf16, f16};

use super::simd::Simd;

/// Lanes as arrays.
#[derive(Clone, Copy)]
pub(crate) struct Reference;

#[inline(always)]
fn map<const N: usize, A: Copy, B: Copy + Default>(a: [A; N], f: impl Fn(A) -> B) -> [B; N] {
    let mut out = [B::default(); N];
    for i in 0..N {
        out[i] = f(a[i]);
    }
    out
}

#[inline(always)]
fn zip<A: Copy, B: Copy + Default>(a: [A; 16], b: [A; 16], f: impl Fn(A, A) -> B) -> [B; 16] {
    let mut out = [B::default(); 16];
    for i in 0..16 {
        out[i] = f(a[i], b[i]);
    }
    out
}

// SAFETY: plain Rust runs everywhere; each pointer is read or written for exactly the elements the trait names.
unsafe impl Simd for Reference {
    type F = [f32; 16];
    type I = [i32; 16];
    type B = [u8; 64];

    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 16] {
        [value; 16]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 16] {
        // SAFETY: the caller gives 16 readable elements.
        unsafe { from.cast::<[f32; 16]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [f32; 16]) {
        // SAFETY: the caller gives 16 writable elements.
        unsafe { to.cast::<[f32; 16]>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> [f32; 16] {
        // SAFETY: the caller gives 16 readable elements.
        let bits = unsafe { from.cast::<[u16; 16]>().read_unaligned() };
        map(bits, |b| f16::from_bits(b).to_f32())
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u16, value: [f32; 16]) {
        // SAFETY: the caller gives 16 writable elements.
        unsafe { to.cast::<[u16; 16]>().write_unaligned(map(value, |v| f16::from_f32(v).to_bits())) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> [f32; 16] {
        // SAFETY: the caller gives 16 readable elements.
        let bits = unsafe { from.cast::<[u16; 16]>().read_unaligned() };
        map(bits, |b| bf16::from_bits(b).to_f32())
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> [f32; 16] {
        // SAFETY: the caller gives 16 readable elements.
        map(unsafe { from.cast::<[u8; 16]>().read_unaligned() }, f32::from)
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> [f32; 16] {
        // SAFETY: the caller gives 16 readable elements.
        map(unsafe { from.cast::<[i8; 16]>().read_unaligned() }, f32::from)
    }
    #[inline(always)]
    unsafe fn add(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn fma(a: [f32; 16], b: [f32; 16], c: [f32; 16]) -> [f32; 16] {
        let mut out = [0.0; 16];
        for i in 0..16 {
            out[i] = a[i].mul_add(b[i], c[i]);
        }
        out
    }
    #[inline(always)]
    unsafe fn max(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn abs(a: [f32; 16]) -> [f32; 16] {
        map(a, f32::abs)
    }
    #[inline(always)]
    unsafe fn splat_i(value: i32) -> [i32; 16] {
        [value; 16]
    }
    #[inline(always)]
    unsafe fn round(a: [f32; 16]) -> [i32; 16] {
        map(a, |v| v.round_ties_even() as i32)
    }
    #[inline(always)]
    unsafe fn mul_add(a: [i32; 16], b: [i32; 16], c: [i32; 16]) -> [i32; 16] {
        zip(zip(a, b, |a, b| a * b), c, |a, c| a + c)
    }
    #[inline(always)]
    unsafe fn to_f(a: [i32; 16]) -> [f32; 16] {
        map(a, |v| v as f32)
    }
    #[inline(always)]
    unsafe fn exp2i(a: [i32; 16]) -> [f32; 16] {
        map(a, |v| f32::from_bits(((v + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, a: [i32; 16]) {
        // SAFETY: the caller gives 16 writable elements.
        unsafe { to.cast::<[i8; 16]>().write_unaligned(map(a, |v| v as i8)) }
    }
    #[inline(always)]
    unsafe fn sum_i(a: [i32; 16]) -> i32 {
        a.iter().sum()
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const u8) {}
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> [u8; 64] {
        // SAFETY: the caller gives 64 readable bytes.
        unsafe { from.cast::<[u8; 64]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn low_nibbles(a: [u8; 64]) -> [u8; 64] {
        a.map(|v| v & 15)
    }
    #[inline(always)]
    unsafe fn high_nibbles(a: [u8; 64]) -> [u8; 64] {
        a.map(|v| v >> 4)
    }
    #[inline(always)]
    unsafe fn or_bit<const BIT: i32>(mut nibbles: [u8; 64], plane: [u8; 64]) -> [u8; 64] {
        for i in 0..64 {
            nibbles[i] |= (plane[i] >> BIT & 1) << 4;
        }
        nibbles
    }
    #[inline(always)]
    unsafe fn or_pair<const FIELD: i32>(mut nibbles: [u8; 64], plane: [u8; 64]) -> [u8; 64] {
        for i in 0..64 {
            nibbles[i] |= (plane[i] >> (2 * FIELD) & 3) << 4;
        }
        nibbles
    }
    #[inline(always)]
    unsafe fn dot(mut acc: [i32; 16], weights: [u8; 64], activations: i32) -> [i32; 16] {
        let a = activations.to_le_bytes().map(|v| i32::from(v as i8));
        for i in 0..16 {
            for j in 0..4 {
                acc[i] += i32::from(weights[4 * i + j]) * a[j];
            }
        }
        acc
    }
    #[inline(always)]
    unsafe fn dot_wide(acc: [i32; 16], weights: [u8; 64], activations: i32) -> [i32; 16] {
        // SAFETY: plain Rust.
        unsafe { Self::dot(acc, weights, activations) }
    }
}
