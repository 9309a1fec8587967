//! AVX2: two registers are sixteen lanes, the products by `pmaddubsw` or, where the processor has it, AVX-VNNI.

use core::arch::x86_64::*;

use crate::kernels::simd::Simd;

/// AVX2, FMA and F16C; with `VNNI`, AVX-VNNI too.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>;

/// Applies `$f` to both halves.
macro_rules! both {
    ($f:ident, $($a:expr),+) => { both!(@ [$f] $($a),+) };
    (@ [$f:ident] $a:expr) => { [$f($a[0]), $f($a[1])] };
    (@ [$f:ident] $a:expr, $b:expr) => { [$f($a[0], $b[0]), $f($a[1], $b[1])] };
    (@ [$f:ident] $a:expr, $b:expr, $c:expr) => { [$f($a[0], $b[0], $c[0]), $f($a[1], $b[1], $c[1])] };
}

// SAFETY: each function uses only instructions of the sets named above, which the caller guarantees, and touches exactly the
// memory that the trait names.
unsafe impl<const VNNI: bool> Simd for Avx2<VNNI> {
    type F = [__m256; 2];
    type I = [__m256i; 2];
    type B = [__m256i; 2];

    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        // SAFETY: see the impl.
        unsafe { [_mm256_set1_ps(value); 2] }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: see the impl.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: see the impl.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: see the impl.
        unsafe { [_mm256_cvtph_ps(_mm_loadu_si128(from.cast())), _mm256_cvtph_ps(_mm_loadu_si128(from.add(8).cast()))] }
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u16, value: Self::F) {
        // SAFETY: see the impl.
        unsafe {
            _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value[0]));
            _mm_storeu_si128(to.add(8).cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value[1]));
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let half = |p: *const u16| {
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast()))))
            };
            [half(from), half(from.add(8))]
        }
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            [
                _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
                _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes))),
            ]
        }
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            [
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes))),
            ]
        }
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_add_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_sub_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_mul_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_div_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_fmadd_ps, a, b, c) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_max_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_min_ps, a, b) }
    }
    #[inline(always)]
    unsafe fn abs(a: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, a[0]), _mm256_andnot_ps(sign, a[1])]
        }
    }
    #[inline(always)]
    unsafe fn splat_i(value: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe { [_mm256_set1_epi32(value); 2] }
    }
    #[inline(always)]
    unsafe fn round(a: Self::F) -> Self::I {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_cvtps_epi32, a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::I, b: Self::I, c: Self::I) -> Self::I {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_add_epi32, both!(_mm256_mullo_epi32, a, b), c) }
    }
    #[inline(always)]
    unsafe fn to_f(a: Self::I) -> Self::F {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_cvtepi32_ps, a) }
    }
    #[inline(always)]
    unsafe fn exp2i(a: Self::I) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let half = |a| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(a, _mm256_set1_epi32(127))));
            [half(a[0]), half(a[1])]
        }
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, a: Self::I) {
        // SAFETY: see the impl.
        unsafe {
            // The packs work within 128-bit halves: put the words back in order before the last one.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a[0], a[1]));
            let bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(to.cast(), bytes);
        }
    }
    #[inline(always)]
    unsafe fn sum_i(a: Self::I) -> i32 {
        // SAFETY: see the impl.
        unsafe {
            let mut lanes = [0i32; 8];
            _mm256_storeu_si256(lanes.as_mut_ptr().cast(), _mm256_add_epi32(a[0], a[1]));
            lanes.iter().sum()
        }
    }
    #[inline(always)]
    unsafe fn prefetch(address: *const u8) {
        // SAFETY: see the impl; a prefetch touches no memory. It is said to, so that the compiler leaves it where it stands:
        // left to itself it gathers those of a whole loop at the loop's end, where they wait for each other, and the
        // memory then idles through the arithmetic.
        unsafe { core::arch::asm!("prefetcht0 [{0}]", in(reg) address, options(nostack, preserves_flags)) }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::B {
        // SAFETY: see the impl.
        unsafe { [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(32).cast())] }
    }
    #[inline(always)]
    unsafe fn low_nibbles(a: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_and_si256, a, [_mm256_set1_epi8(15); 2]) }
    }
    #[inline(always)]
    unsafe fn high_nibbles(a: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe {
            let half = |a| _mm256_and_si256(_mm256_srli_epi16::<4>(a), _mm256_set1_epi8(15));
            [half(a[0]), half(a[1])]
        }
    }
    #[inline(always)]
    unsafe fn or_bit<const BIT: i32>(nibbles: Self::B, plane: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe { [or_masked::<BIT, 0x10>(nibbles[0], plane[0]), or_masked::<BIT, 0x10>(nibbles[1], plane[1])] }
    }
    #[inline(always)]
    unsafe fn or_pair<const FIELD: i32>(nibbles: Self::B, plane: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe {
            let half = |n, p| match FIELD {
                0 => or_masked::<0, 0x30>(n, p),
                1 => or_masked::<2, 0x30>(n, p),
                2 => or_masked::<4, 0x30>(n, p),
                _ => or_masked::<6, 0x30>(n, p),
            };
            [half(nibbles[0], plane[0]), half(nibbles[1], plane[1])]
        }
    }
    #[inline(always)]
    unsafe fn dot(acc: Self::I, weights: Self::B, activations: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe {
            let a = _mm256_set1_epi32(activations);
            if VNNI {
                [_mm256_dpbusd_avx_epi32(acc[0], weights[0], a), _mm256_dpbusd_avx_epi32(acc[1], weights[1], a)]
            } else {
                // Two products of at most 127 * 127 fit 16 bits.
                let half =
                    |acc, w| _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(w, a), _mm256_set1_epi16(1)));
                [half(acc[0], weights[0]), half(acc[1], weights[1])]
            }
        }
    }
    #[inline(always)]
    unsafe fn dot_wide(acc: Self::I, weights: Self::B, activations: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe {
            let a = _mm256_set1_epi32(activations);
            if VNNI {
                [_mm256_dpbusd_avx_epi32(acc[0], weights[0], a), _mm256_dpbusd_avx_epi32(acc[1], weights[1], a)]
            } else {
                // Two products of 255 * 127 would saturate 16 bits: w = s + 128 with s signed, and s * a = |s| * (a with the
                // sign of s), which fit.
                let ones = _mm256_set1_epi16(1);
                let offset = _mm256_maddubs_epi16(_mm256_set1_epi8(-128), a);
                let half = |acc, w| {
                    let s = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
                    let products = _mm256_maddubs_epi16(_mm256_abs_epi8(s), _mm256_sign_epi8(a, s));
                    let sums = _mm256_add_epi32(_mm256_madd_epi16(products, ones), _mm256_madd_epi16(offset, ones));
                    _mm256_add_epi32(acc, sums)
                };
                [half(acc[0], weights[0]), half(acc[1], weights[1])]
            }
        }
    }
}

/// `nibbles | (plane moved so that its bit FROM is bit 4) & MASK`. The move is by 16-bit words: bits that cross into a
/// neighbouring byte are masked away.
#[inline(always)]
unsafe fn or_masked<const FROM: i32, const MASK: i8>(nibbles: __m256i, plane: __m256i) -> __m256i {
    // SAFETY: the caller vouches for the instruction set; no memory is touched.
    unsafe {
        let moved = match FROM {
            0 => _mm256_slli_epi16::<4>(plane),
            1 => _mm256_slli_epi16::<3>(plane),
            2 => _mm256_slli_epi16::<2>(plane),
            3 => _mm256_slli_epi16::<1>(plane),
            4 => plane,
            5 => _mm256_srli_epi16::<1>(plane),
            6 => _mm256_srli_epi16::<2>(plane),
            _ => _mm256_srli_epi16::<3>(plane),
        };
        _mm256_or_si256(nibbles, _mm256_and_si256(moved, _mm256_set1_epi8(MASK)))
    }
}
