//! Products of many rows on AMX, the matrix unit of newer Xeons: a tile of sixteen outputs with sixteen rows at a time.
//!
//! One instruction multiplies a block of 32 inputs of sixteen rows with those of sixteen outputs. Integer sums are exact, and
//! what follows is done by the AVX-512 lanes in the order of the generic kernel, so the results are equal bit for bit.
//! Few rows go to the generic kernel, which is faster for them.

use std::arch::asm;
use std::arch::x86_64::{
    __cpuid, __cpuid_count, __m512, __m512i, _mm512_add_epi32, _mm512_load_si512, _mm512_store_si512,
};

use crate::kernels::gemm::{self, BLOCK, GROUP, MAX_ROWS, TileArgs, prefetch_block};
use crate::kernels::kind::Kind;
use crate::kernels::simd::Simd;

/// Rows of a tile register.
const TILE_ROWS: usize = 16;
/// From this many rows on the unit pays, although it computes sixteen.
const LEAST_ROWS: usize = 7;
/// Blocks of a group.
const BLOCKS: usize = GROUP / BLOCK;
/// Weights of one part, unpacked: eight quads.
const PART: usize = 512;

/// Shapes of the tile registers: sums in 0 and 1, activations in 2 and 3, weights in 4 and 5.
#[repr(C, align(64))]
struct Config([u8; 64]);

static CONFIG: Config = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    // (register, rows, bytes of a row)
    let shapes = [(0, 16, 64), (1, 16, 64), (2, 16, 32), (3, 16, 32), (4, 8, 64), (5, 8, 64)];
    let mut i = 0;
    while i < shapes.len() {
        let (register, rows, row_bytes) = shapes[i];
        bytes[16 + 2 * register] = row_bytes;
        bytes[48 + register] = rows;
        i += 1;
    }
    Config(bytes)
};

#[repr(C, align(64))]
struct Aligned<T>(T);

/// Whether the processor has the unit and the system lets this process use it.
pub(crate) fn is_available() -> bool {
    const TILES_AND_INT8: u32 = 1 << 24 | 1 << 25;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & TILES_AND_INT8 == TILES_AND_INT8 && is_permitted()
}

/// Asks Linux for the unit's registers, which a process does not get unasked.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call reads two integers and changes what this process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// Multiplies one tile of a quantised kind with `count` rows, at most [`MAX_ROWS`].
///
/// # Safety
/// As [`gemm::rows`]; activations are readable up to a multiple of sixteen rows; AMX is available.
#[inline(always)]
pub(crate) unsafe fn rows<S: Simd<F = __m512, I = __m512i, B = __m512i>, K: Kind>(args: &TileArgs, count: usize) {
    if count < LEAST_ROWS {
        // SAFETY: the contract is the same.
        return unsafe { gemm::rows::<S, K>(args, count) };
    }
    // SAFETY: the configuration is a valid one; the caller gives pointers valid for the rows, and buffers are as long as
    // the constants say.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack));
        tile::<S, K>(args, count);
        asm!("tilerelease", options(nostack, nomem));
    }
}

#[inline(always)]
unsafe fn tile<S: Simd<F = __m512, I = __m512i, B = __m512i>, K: Kind>(args: &TileArgs, count: usize) {
    let parts_a_block = if K::HALVES { 2 } else { 1 };
    let blocks = args.inputs / BLOCK;
    // Halves have the other half's quads as zeros, which are written here and nowhere else.
    let mut weights = Aligned([0u8; 2 * BLOCKS * PART]);
    let mut products = Aligned([0i32; 2 * BLOCKS * TILE_ROWS * 16]);
    // SAFETY: see `rows`.
    unsafe {
        let mut sums = [S::splat(0.0); MAX_ROWS];
        for group in 0..blocks.div_ceil(BLOCKS) {
            let first = group * BLOCKS;
            let here = BLOCKS.min(blocks - first);
            let mut scales = [S::splat(0.0); 2 * BLOCKS];
            let mut minima = [S::splat(0.0); BLOCKS];
            for b in 0..here {
                let (record, inner) = ((first + b) / K::BLOCKS * K::RECORD, (first + b) % K::BLOCKS);
                let record = args.weights.add(record);
                prefetch_block::<S, K>(record, inner);
                let quads = K::quads::<S>(record, inner);
                for (q, quad) in quads.into_iter().enumerate() {
                    let part = b * parts_a_block + if K::HALVES { q / 4 } else { 0 };
                    _mm512_store_si512(weights.0.as_mut_ptr().add(part * PART + q * 64).cast(), quad);
                }
                for half in 0..parts_a_block {
                    let part = b * parts_a_block + half;
                    scales[part] = K::scale::<S>(record, inner * parts_a_block + half);
                }
                if K::HAS_MIN {
                    minima[b] = S::sub(S::splat(0.0), K::min::<S>(record, inner));
                }
            }
            for start in (0..count).step_by(TILE_ROWS) {
                for part in 0..here * parts_a_block {
                    let block = first + part / parts_a_block;
                    let a = args.quantized.add(start * args.inputs + block * BLOCK);
                    let w = weights.0.as_ptr().add(part * PART);
                    let to = products.0.as_mut_ptr().add(part * TILE_ROWS * 16);
                    multiply(part % 2 == 0, a, args.inputs, w, to);
                }
                for row in 0..TILE_ROWS.min(count - start) {
                    let r = start + row;
                    let mut partial = S::splat(0.0);
                    for b in 0..here {
                        let corrections = args.corrections.add(r * args.correction_stride);
                        for half in 0..parts_a_block {
                            let part = b * parts_a_block + half;
                            let mut x =
                                _mm512_load_si512(products.0.as_ptr().add((part * TILE_ROWS + row) * 16).cast());
                            if !K::HAS_MIN {
                                x = _mm512_add_epi32(x, S::splat_i(*corrections.add(first * parts_a_block + part)));
                            }
                            partial = S::fma(S::to_f(x), scales[part], partial);
                        }
                        if K::HAS_MIN {
                            let sum = S::splat(*corrections.add(first + b).cast::<f32>());
                            partial = S::fma(sum, minima[b], partial);
                        }
                    }
                    let scale = S::splat(*args.scales.add(r * args.scale_stride + group));
                    sums[r] = S::fma(partial, scale, sums[r]);
                }
            }
        }
        for (r, sum) in sums.into_iter().take(count).enumerate() {
            S::store(args.out.add(16 * r), sum);
        }
    }
}

/// Sixteen rows of 32 activations times one part of weights; `even` and odd calls use other registers, so that one need
/// not wait for the other.
#[inline(always)]
unsafe fn multiply(even: bool, activations: *const i8, stride: usize, weights: *const u8, to: *mut i32) {
    macro_rules! product {
        ($sum:tt, $activations:tt, $weights:tt) => {
            asm!(
                concat!("tilezero ", $sum),
                concat!("tileloadd ", $activations, ", [{a} + {stride}]"),
                concat!("tileloadd ", $weights, ", [{w} + {line}]"),
                concat!("tdpbsud ", $sum, ", ", $activations, ", ", $weights),
                concat!("tilestored [{to} + {line}], ", $sum),
                a = in(reg) activations,
                stride = in(reg) stride,
                w = in(reg) weights,
                to = in(reg) to,
                line = in(reg) 64usize,
                out($sum) _,
                out($activations) _,
                out($weights) _,
                options(nostack),
            )
        };
    }
    // SAFETY: the caller gives sixteen rows `stride` apart, a part of weights, and room for a tile of sums.
    unsafe {
        if even {
            product!("tmm0", "tmm2", "tmm4");
        } else {
            product!("tmm1", "tmm3", "tmm5");
        }
    }
}

/// Multiplies and adds `rounds` times twelve vectors' worth, as the limit of what the unit can do.
///
/// # Safety
/// AMX is available.
#[inline(always)]
pub(crate) unsafe fn dots<S: Simd>(rounds: usize) {
    // One product of full tiles is sixteen rows times sixteen outputs times 64 inputs: 256 vectors of 64.
    let full = Config({
        let mut bytes = CONFIG.0;
        let mut register = 0;
        while register < 8 {
            bytes[16 + 2 * register] = 64;
            bytes[48 + register] = 16;
            register += 1;
        }
        bytes
    });
    // SAFETY: registers only.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const full, options(nostack));
        for _ in 0..(rounds * 12).div_ceil(4 * 256) {
            asm!(
                "tdpbsud tmm0, tmm4, tmm6",
                "tdpbsud tmm1, tmm4, tmm7",
                "tdpbsud tmm2, tmm5, tmm6",
                "tdpbsud tmm3, tmm5, tmm7",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                options(nostack, nomem),
            );
        }
        asm!("tilerelease", options(nostack, nomem));
    }
}
