//! NEON with the dot-product extension: four registers are sixteen lanes.
//!
//! Ran under emulation only (`inference/aarch64/check.sh`), where it agrees with the reference bit for bit. How fast it is on a
//! real processor is not known.

use core::arch::aarch64::*;

use crate::kernels::simd::Simd;

/// NEON and `dotprod`.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

/// Applies an expression to all four registers.
macro_rules! four {
    (|$i:ident| $e:expr) => {
        [
            {
                const $i: usize = 0;
                $e
            },
            {
                const $i: usize = 1;
                $e
            },
            {
                const $i: usize = 2;
                $e
            },
            {
                const $i: usize = 3;
                $e
            },
        ]
    };
}

// SAFETY: each function uses only instructions of the sets named above, which the caller guarantees, and touches exactly the
// memory that the trait names.
unsafe impl Simd for Neon {
    type F = [float32x4_t; 4];
    type I = [int32x4_t; 4];
    type B = [uint8x16_t; 4];

    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::F {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_f32(value); 4] }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vld1q_f32(from.add(4 * I))) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::F) {
        // SAFETY: see the impl.
        unsafe {
            four!(|I| vst1q_f32(to.add(4 * I), value[I]));
        }
    }
    #[inline(always)]
    unsafe fn load_f16(from: *const u16) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| widen(vld1_u16(from.add(4 * I)))) }
    }
    #[inline(always)]
    unsafe fn store_f16(to: *mut u16, value: Self::F) {
        // SAFETY: see the impl.
        unsafe {
            four!(|I| vst1_u16(to.add(4 * I), narrow(value[I])));
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from.add(4 * I))))) }
    }
    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let bytes = vld1q_u8(from);
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_u8(vget_high_u8(bytes)));
            [
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(low))),
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                vcvtq_f32_u32(vmovl_u16(vget_high_u16(high))),
            ]
        }
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self::F {
        // SAFETY: see the impl.
        unsafe {
            let bytes = vld1q_s8(from);
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_s8(vget_high_s8(bytes)));
            [
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
                vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))),
                vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))),
            ]
        }
    }
    #[inline(always)]
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vaddq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vsubq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vmulq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vdivq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vfmaq_f32(c[I], a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vmaxnmq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vminq_f32(a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn abs(a: Self::F) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vabsq_f32(a[I])) }
    }
    #[inline(always)]
    unsafe fn splat_i(value: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe { [vdupq_n_s32(value); 4] }
    }
    #[inline(always)]
    unsafe fn round(a: Self::F) -> Self::I {
        // SAFETY: see the impl.
        unsafe { four!(|I| vcvtnq_s32_f32(a[I])) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::I, b: Self::I, c: Self::I) -> Self::I {
        // SAFETY: see the impl.
        unsafe { four!(|I| vmlaq_s32(c[I], a[I], b[I])) }
    }
    #[inline(always)]
    unsafe fn to_f(a: Self::I) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vcvtq_f32_s32(a[I])) }
    }
    #[inline(always)]
    unsafe fn exp2i(a: Self::I) -> Self::F {
        // SAFETY: see the impl.
        unsafe { four!(|I| vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(a[I], vdupq_n_s32(127))))) }
    }
    #[inline(always)]
    unsafe fn store_i8(to: *mut i8, a: Self::I) {
        // SAFETY: see the impl.
        unsafe {
            let low = vcombine_s16(vmovn_s32(a[0]), vmovn_s32(a[1]));
            let high = vcombine_s16(vmovn_s32(a[2]), vmovn_s32(a[3]));
            vst1q_s8(to, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
        }
    }
    #[inline(always)]
    unsafe fn sum_i(a: Self::I) -> i32 {
        // SAFETY: see the impl.
        unsafe { vaddvq_s32(vaddq_s32(vaddq_s32(a[0], a[1]), vaddq_s32(a[2], a[3]))) }
    }
    #[inline(always)]
    unsafe fn prefetch(address: *const u8) {
        // SAFETY: a prefetch touches no memory.
        unsafe {
            core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::B {
        // SAFETY: see the impl.
        unsafe { four!(|I| vld1q_u8(from.add(16 * I))) }
    }
    #[inline(always)]
    unsafe fn low_nibbles(a: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe { four!(|I| vandq_u8(a[I], vdupq_n_u8(15))) }
    }
    #[inline(always)]
    unsafe fn high_nibbles(a: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe { four!(|I| vshrq_n_u8::<4>(a[I])) }
    }
    #[inline(always)]
    unsafe fn or_bit<const BIT: i32>(nibbles: Self::B, plane: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe {
            let moved = four!(|I| vshlq_u8(plane[I], vdupq_n_s8(4 - BIT as i8)));
            four!(|I| vorrq_u8(nibbles[I], vandq_u8(moved[I], vdupq_n_u8(0x10))))
        }
    }
    #[inline(always)]
    unsafe fn or_pair<const FIELD: i32>(nibbles: Self::B, plane: Self::B) -> Self::B {
        // SAFETY: see the impl.
        unsafe {
            let moved = four!(|I| vshlq_u8(plane[I], vdupq_n_s8(4 - 2 * FIELD as i8)));
            four!(|I| vorrq_u8(nibbles[I], vandq_u8(moved[I], vdupq_n_u8(0x30))))
        }
    }
    #[inline(always)]
    unsafe fn dot(acc: Self::I, weights: Self::B, activations: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe {
            let a = vreinterpretq_s8_s32(vdupq_n_s32(activations));
            four!(|I| sdot(acc[I], vreinterpretq_s8_u8(weights[I]), a))
        }
    }
    #[inline(always)]
    unsafe fn dot_wide(acc: Self::I, weights: Self::B, activations: i32) -> Self::I {
        // SAFETY: see the impl.
        unsafe {
            let a = vreinterpretq_s8_s32(vdupq_n_s32(activations));
            // w = s + 128 with s signed; 128 is too large for a signed byte, so it is added as twice 64.
            let half = vdupq_n_s8(64);
            four!(|I| {
                let acc = sdot(sdot(acc[I], half, a), half, a);
                sdot(acc, vreinterpretq_s8_u8(veorq_u8(weights[I], vdupq_n_u8(128))), a)
            })
        }
    }
}

/// `acc + dot product of four signed bytes each`. By assembly, since the intrinsic is not stable in Rust.
#[inline(always)]
unsafe fn sdot(mut acc: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the caller vouches for `dotprod`; no memory is touched.
    unsafe {
        core::arch::asm!(
            "sdot {acc:v}.4s, {a:v}.16b, {b:v}.16b",
            acc = inout(vreg) acc, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

/// Half floats as floats. By assembly, since the vector type of half floats is not stable in Rust.
#[inline(always)]
unsafe fn widen(halves: uint16x4_t) -> float32x4_t {
    let floats;
    // SAFETY: every AArch64 processor with vectors converts these; no memory is touched.
    unsafe {
        core::arch::asm!(
            "fcvtl {floats:v}.4s, {halves:v}.4h",
            floats = lateout(vreg) floats, halves = in(vreg) halves,
            options(pure, nomem, nostack)
        );
    }
    floats
}

/// Floats as half floats, rounded to nearest even.
#[inline(always)]
unsafe fn narrow(floats: float32x4_t) -> uint16x4_t {
    let halves;
    // SAFETY: as in `widen`.
    unsafe {
        core::arch::asm!(
            "fcvtn {halves:v}.4h, {floats:v}.4s",
            halves = lateout(vreg) halves, floats = in(vreg) floats,
            options(pure, nomem, nostack)
        );
    }
    halves
}
