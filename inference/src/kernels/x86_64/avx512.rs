//! AVX-512 with VNNI: one register is sixteen lanes.

use core::arch::x86_64::*;

use crate::kernels::simd::Simd;

/// AVX-512 F, BW, VL and VNNI, FMA and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

// SAFETY: each function uses only instructions of the sets named above, which the caller guarantees, and touches exactly the
// memory that the trait names.
unsafe impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type B = __m512i;

    const MANY_REGISTERS: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        // SAFETY: see the impl.
        unsafe { _mm512_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u16, value: __m512) {
        // SAFETY: see the impl.
        unsafe { _mm256_storeu_si256(to.cast(), _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value)) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast())))) }
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn abs(a: __m512) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    unsafe fn splat_i(value: i32) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_set1_epi32(value) }
    }
    #[inline(always)]
    unsafe fn round(a: __m512) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtps_epi32(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_add_epi32(_mm512_mullo_epi32(a, b), c) }
    }
    #[inline(always)]
    unsafe fn to_f(a: __m512i) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_cvtepi32_ps(a) }
    }
    #[inline(always)]
    unsafe fn exp2i(a: __m512i) -> __m512 {
        // SAFETY: see the impl.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(a, _mm512_set1_epi32(127)))) }
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, a: __m512i) {
        // SAFETY: see the impl.
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(a)) }
    }
    #[inline(always)]
    unsafe fn sum_i(a: __m512i) -> i32 {
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_add_epi32(a) }
    }
    #[inline(always)]
    unsafe fn prefetch(address: *const u8) {
        // SAFETY: see the impl; a prefetch touches no memory. It is said to, so that the compiler leaves it where it stands:
        // left to itself it gathers those of a whole loop at the loop's end, where they wait for each other, and the
        // memory then idles through the arithmetic.
        unsafe { core::arch::asm!("prefetcht0 [{0}]", in(reg) address, options(nostack, preserves_flags)) }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn low_nibbles(a: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_and_si512(a, _mm512_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn high_nibbles(a: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_and_si512(_mm512_srli_epi16::<4>(a), _mm512_set1_epi8(15)) }
    }
    #[inline(always)]
    unsafe fn or_bit<const BIT: i32>(nibbles: __m512i, plane: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe { or_masked::<BIT, 0x10>(nibbles, plane) }
    }
    #[inline(always)]
    unsafe fn or_pair<const FIELD: i32>(nibbles: __m512i, plane: __m512i) -> __m512i {
        // SAFETY: see the impl.
        unsafe {
            match FIELD {
                0 => or_masked::<0, 0x30>(nibbles, plane),
                1 => or_masked::<2, 0x30>(nibbles, plane),
                2 => or_masked::<4, 0x30>(nibbles, plane),
                _ => or_masked::<6, 0x30>(nibbles, plane),
            }
        }
    }
    #[inline(always)]
    unsafe fn dot(acc: __m512i, weights: __m512i, activations: i32) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_dpbusd_epi32(acc, weights, _mm512_set1_epi32(activations)) }
    }
    #[inline(always)]
    unsafe fn dot_wide(acc: __m512i, weights: __m512i, activations: i32) -> __m512i {
        // SAFETY: see the impl.
        unsafe { _mm512_dpbusd_epi32(acc, weights, _mm512_set1_epi32(activations)) }
    }
}

/// `nibbles | (plane moved so that its bit FROM is bit 4) & MASK`. The move is by 16-bit words: bits that cross into a
/// neighbouring byte are masked away.
#[inline(always)]
unsafe fn or_masked<const FROM: i32, const MASK: i8>(nibbles: __m512i, plane: __m512i) -> __m512i {
    // SAFETY: the caller vouches for the instruction set; no memory is touched.
    unsafe {
        let moved = match FROM {
            0 => _mm512_slli_epi16::<4>(plane),
            1 => _mm512_slli_epi16::<3>(plane),
            2 => _mm512_slli_epi16::<2>(plane),
            3 => _mm512_slli_epi16::<1>(plane),
            4 => plane,
            5 => _mm512_srli_epi16::<1>(plane),
            6 => _mm512_srli_epi16::<2>(plane),
            _ => _mm512_srli_epi16::<3>(plane),
        };
        // 0xF8 is a | (b & c).
        _mm512_ternarylogic_epi32::<0xF8>(nibbles, moved, _mm512_set1_epi8(MASK))
    }
}
