//! Products of many rows on the tile unit of AMX, for the kinds whose scales are whole numbers.
//!
//! A quad of `kind.rs` is what the unit wants as one row of its second operand. Weights times their scales are unpacked to two
//! planes of bytes, the high and the low digits, so that the unit adds up a whole group of inputs before a float is needed.
//! What follows are the operations of [`gemm`](super::super::gemm) in the same order, and sums of whole numbers are exact in
//! both, so that each row's result is the same bit for bit.
//!
//! The compiler has no stable names for these instructions, hence the assembly.

use core::arch::asm;
use core::arch::x86_64::*;

use super::avx512::Avx512;
use crate::kernels::gemm::{BLOCK, GROUP, TileArgs};
use crate::kernels::kind::{Kind, Q4K, Q5K, Q6K};
use crate::kernels::limits;
use crate::kernels::pack::Layout;
use crate::kernels::table::{Kernel, MANY_ROWS};

/// Blocks of a group.
const BLOCKS: usize = GROUP / BLOCK;
/// One plane of a group: the quads of its blocks.
const PLANE: usize = BLOCKS * 512;
/// Sixteen floats.
const FLOATS: usize = 64;
/// Bytes of an unpacked group: the low plane, the high plane, the unit of the scales, and the minima of each block turned
/// negative.
const UNPACKED: usize = 2 * PLANE + FLOATS + BLOCKS * FLOATS;
/// A register of the unit: sixteen rows of 64 bytes.
const TILE: usize = 1024;

/// What the kernel asks for, as the processor wants it.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_row: [u16; 16],
    rows: [u8; 16],
}

/// All registers at their full size.
static WHOLE: TileConfig = TileConfig {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_of_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// The unit set up for this thread, until this goes. Others that use it on the same thread (candle does) set it up once and
/// count on finding it so: what was there before is put back.
struct Unit {
    before: TileConfig,
}

impl Unit {
    /// # Safety
    /// The unit is [`available`].
    unsafe fn set_up() -> Unit {
        let mut before =
            TileConfig { palette: 0, start_row: 0, reserved: [0; 14], bytes_of_row: [0; 16], rows: [0; 16] };
        // SAFETY: 64 bytes are written to the one, and 64 bytes are read from the other.
        unsafe {
            asm!(
                "sttilecfg [{before}]",
                "ldtilecfg [{whole}]",
                before = in(reg) &mut before,
                whole = in(reg) &WHOLE,
                options(nostack, preserves_flags),
            );
        }
        Unit { before }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: the configuration is one that the unit has had, and one that it never had begins with 0.
        unsafe {
            if self.before.palette == 0 {
                asm!("tilerelease", options(nomem, nostack, preserves_flags));
            } else {
                asm!("ldtilecfg [{}]", in(reg) &self.before, options(nostack, preserves_flags));
            }
        }
    }
}

/// Whether the processor and the system have the unit. Asks the system for its use, which it grants to a whole process.
pub(crate) fn available() -> bool {
    const TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    const STATE: u64 = 1 << 17 | 1 << 18;
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    if !is_x86_feature_detected!("xsave") || __cpuid(0).eax < 7 {
        return false;
    }
    // SAFETY: `xsave` was detected, and with it `xgetbv`, as the system has set OSXSAVE.
    let enabled = unsafe { state() };
    __cpuid_count(7, 0).edx & TILE_AND_INT8 == TILE_AND_INT8
        && enabled & STATE == STATE
        // SAFETY: the call takes two numbers and touches no memory of ours.
        && unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) } == 0
}

#[target_feature(enable = "xsave")]
unsafe fn state() -> u64 {
    // SAFETY: the instruction only reads a register.
    unsafe { _xgetbv(0) }
}

/// The kernel of a layout; `None` for those whose scales are floats.
pub(crate) fn many(layout: Layout) -> Option<Kernel> {
    match layout {
        Layout::Q4K => Some(q4k),
        Layout::Q5K => Some(q5k),
        Layout::Q6K => Some(q6k),
        _ => None,
    }
}

/// Groups that are unpacked at once: as many as leave room in the first-level cache for what they are multiplied with.
const STRETCH: usize = 2;

/// Unpacked groups.
#[repr(C, align(64))]
struct Unpacked([[u8; UNPACKED]; STRETCH]);

/// The integer products of a group, twice: one is computed while the other is scaled. Those of sixteen rows with the low
/// plane, with the high plane, and of the next sixteen rows likewise.
#[repr(C, align(64))]
struct Products([[u8; 4 * TILE]; 2]);

macro_rules! kernel {
    ($name:ident, $kind:ty, $dot:literal) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
        unsafe fn $name(args: &TileArgs, count: usize) {
            let mut unpacked = core::mem::MaybeUninit::<Unpacked>::uninit();
            let mut products = core::mem::MaybeUninit::<Products>::uninit();
            let (unpacked, products) =
                (unpacked.as_mut_ptr().cast::<u8>(), products.as_mut_ptr().cast::<u8>());
            let groups = args.inputs / GROUP;
            // SAFETY: groups and rows stay below those of the caller's rows and tile. Only this assembly uses the unit's
            // registers: the compiler has no type that lives in them, so that they keep their values from one piece to the
            // next.
            unsafe {
                let _unit = Unit::set_up();
                for row in 0..count {
                    _mm512_storeu_ps(args.out.add(16 * row), _mm512_setzero_ps());
                }
                for first in (0..groups).step_by(STRETCH) {
                    let stretch = STRETCH.min(groups - first);
                    for group in 0..stretch {
                        unpack::<$kind>(args.weights, first + group, unpacked.add(group * UNPACKED));
                    }
                    // One step is a group of inputs of 32 rows.
                    let steps = count / MANY_ROWS * stretch;
                    // The weights of the next stretch, or of the next tile, come from memory meanwhile.
                    let packed = GROUP / BLOCK * <$kind>::RECORD / <$kind>::BLOCKS;
                    let coming = args.weights.wrapping_add((first + stretch) * packed);
                    let coming_lines = (STRETCH * packed / 64).div_ceil(steps);
                    for step in 0..=steps {
                        let scale = |quarter: usize| {
                            if step > 0 {
                                let (group, rows) = ((step - 1) % stretch, (step - 1) / stretch);
                                let from = products.add((step + 1) % 2 * 4 * TILE);
                                let first_row = rows * MANY_ROWS + quarter * 8;
                                let from = from.add(quarter / 2 * 2 * TILE + quarter % 2 * 8 * 64);
                                scale::<$kind>(unpacked.add(group * UNPACKED), from, args, first + group, first_row);
                            }
                        };
                        if step == steps {
                            (0..4).for_each(scale);
                            break;
                        }
                        let (group, rows) = (step % stretch, step / stretch);
                        let activations = args.quantized.add(rows * MANY_ROWS * args.inputs + (first + group) * GROUP);
                        let (next_group, next_rows) = match step + 1 {
                            next if next < steps => (first + next % stretch, next / stretch),
                            _ => (first + stretch, 0),
                        };
                        let next =
                            args.quantized.wrapping_add(next_rows * MANY_ROWS * args.inputs + next_group * GROUP);
                        let weights = unpacked.add(group * UNPACKED);
                        // Rows lie too far apart for the hardware to see what comes next.
                        let prefetch = |quarter: usize| {
                            for row in quarter * 8..quarter * 8 + 8 {
                                let row = next.wrapping_add(row * args.inputs);
                                _mm_prefetch::<_MM_HINT_T0>(row);
                                _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(64));
                            }
                        };
                        let multiply = |half: usize| {
                            let activations = activations.add(half * 64);
                            asm!(
                                "tileloadd tmm4, [{activations} + {stride} * 1]",
                                "tileloadd tmm6, [{weights} + {line} * 1]",
                                concat!($dot, " tmm0, tmm4, tmm6"),
                                "tileloadd tmm7, [{weights} + {line} * 1 + 2048]",
                                concat!($dot, " tmm1, tmm4, tmm7"),
                                "tileloadd tmm5, [{second} + {stride} * 1]",
                                concat!($dot, " tmm2, tmm5, tmm6"),
                                concat!($dot, " tmm3, tmm5, tmm7"),
                                activations = in(reg) activations,
                                second = in(reg) activations.add(16 * args.inputs),
                                stride = in(reg) args.inputs,
                                weights = in(reg) weights.add(half * TILE),
                                line = in(reg) 64usize,
                                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                                options(nostack, preserves_flags),
                            );
                        };
                        for line in step * coming_lines..(step + 1) * coming_lines {
                            _mm_prefetch::<_MM_HINT_T0>(coming.wrapping_add(line * 64).cast());
                        }
                        let to = products.add(step % 2 * 4 * TILE);
                        // The unit and the lanes work side by side: while one step is multiplied, that before is scaled.
                        asm!(
                            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                            options(nomem, nostack, preserves_flags),
                        );
                        multiply(0);
                        prefetch(0);
                        scale(0);
                        multiply(1);
                        prefetch(1);
                        scale(1);
                        prefetch(2);
                        scale(2);
                        asm!(
                            "tilestored [{to} + {line} * 1], tmm0",
                            "tilestored [{to} + {line} * 1 + 1024], tmm1",
                            to = in(reg) to,
                            line = in(reg) 64usize,
                            options(nostack, preserves_flags),
                        );
                        prefetch(3);
                        scale(3);
                        asm!(
                            "tilestored [{to} + {line} * 1 + 2048], tmm2",
                            "tilestored [{to} + {line} * 1 + 3072], tmm3",
                            to = in(reg) to,
                            line = in(reg) 64usize,
                            options(nostack, preserves_flags),
                        );
                    }
                }
            }
        }
    };
}
kernel!(q4k, Q4K, "tdpbsud");
kernel!(q5k, Q5K, "tdpbsud");
kernel!(q6k, Q6K, "tdpbssd");

/// Unpacks one group of a tile.
#[inline(always)]
unsafe fn unpack<K: Kind>(weights: *const u8, group: usize, to: *mut u8) {
    // SAFETY: the caller gives a whole tile and room for the group, and vouches for the instruction set.
    unsafe {
        let record = weights.add(group * BLOCKS / K::BLOCKS * K::RECORD);
        let floats = to.add(2 * PLANE).cast::<f32>();
        _mm512_storeu_ps(floats, K::unit::<Avx512>(record));
        for block in 0..BLOCKS {
            let inner = group * BLOCKS % K::BLOCKS + block;
            let low = to.add(block * 512);
            let high = low.add(PLANE);
            let halves = if K::HALVES { [2 * inner, 2 * inner + 1] } else { [inner, inner] };
            let scales = halves.map(|half| in_both_halves(_mm512_cvtps_epi32(K::scale::<Avx512>(record, half))));
            for (quad, weights) in K::quads::<Avx512>(record, inner).into_iter().enumerate() {
                let (l, h) = digits::<K>(weights, scales[quad / 4]);
                _mm512_storeu_si512(low.add(64 * quad).cast(), l);
                _mm512_storeu_si512(high.add(64 * quad).cast(), h);
            }
            if K::HAS_MIN {
                let min = _mm512_sub_ps(_mm512_setzero_ps(), K::min::<Avx512>(record, inner));
                _mm512_storeu_ps(floats.add(16 + block * 16), min);
            }
        }
    }
}

/// Sixteen numbers as 16-bit ones, each twice.
#[inline(always)]
unsafe fn in_both_halves(numbers: __m512i) -> __m512i {
    // SAFETY: the caller vouches for the instruction set; no memory is touched.
    unsafe { _mm512_or_si512(_mm512_and_si512(numbers, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32::<16>(numbers)) }
}

/// The digits of weights, less their zero point, times scales that stand in both halves of a lane. Where there is a zero
/// point, the high one is signed.
#[inline(always)]
unsafe fn digits<K: Kind>(weights: __m512i, scales: __m512i) -> (__m512i, __m512i) {
    // SAFETY: the caller vouches for the instruction set; no memory is touched.
    unsafe {
        let shift = _mm_cvtsi32_si128(K::DIGIT as i32);
        if K::ZERO == 0 {
            // A weight times either digit of its scale stays below 256, so that one product of 16 bits makes two.
            let digit = _mm512_and_si512(scales, _mm512_set1_epi16((1 << K::DIGIT) - 1));
            let rest = _mm512_srl_epi16(scales, shift);
            return (_mm512_mullo_epi16(weights, digit), _mm512_mullo_epi16(weights, rest));
        }
        let signed = _mm512_sub_epi8(weights, _mm512_set1_epi8(K::ZERO as i8));
        let even = _mm512_mullo_epi16(_mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(signed)), scales);
        let odd = _mm512_mullo_epi16(_mm512_srai_epi16::<8>(signed), scales);
        // 0xE4 picks the first where the mask has ones, and the second elsewhere.
        let bytes =
            |even, odd| _mm512_ternarylogic_epi32::<0xE4>(even, _mm512_slli_epi16::<8>(odd), _mm512_set1_epi16(0xff));
        let low = _mm512_and_si512(bytes(even, odd), _mm512_set1_epi8((1 << K::DIGIT) - 1));
        (low, bytes(_mm512_sra_epi16(even, shift), _mm512_sra_epi16(odd, shift)))
    }
}

/// Repeats a block for each of eight rows, written out, so that what is indexed stays in registers.
macro_rules! for_rows {
    ($r:ident $body:block) => { for_rows!(@ $body $r 0 1 2 3 4 5 6 7) };
    (@ $body:block $r:ident $($i:literal)+) => { $({ let $r = $i; $body })+ };
}

/// Adds the products of a group to what stands at `args.out`, for eight rows from `first` on.
///
/// # Safety
/// `unpacked` and `products` are those of the group and of these rows, for which `args` is valid; see [`Simd`](crate::kernels::simd::Simd).
#[inline(always)]
unsafe fn scale<K: Kind>(unpacked: *const u8, products: *const u8, args: &TileArgs, group: usize, first: usize) {
    // SAFETY: as the caller states.
    unsafe {
        let floats = unpacked.add(2 * PLANE).cast::<f32>();
        let unit = _mm512_loadu_ps(floats);
        let minima = [
            _mm512_loadu_ps(floats.add(16)),
            _mm512_loadu_ps(floats.add(32)),
            _mm512_loadu_ps(floats.add(48)),
            _mm512_loadu_ps(floats.add(64)),
        ];
        let scales = args.scales.add(first * args.scale_stride + group);
        let sums = args.corrections.wrapping_add(first * args.correction_stride + group * BLOCKS).cast::<f32>();
        let out = args.out.add(16 * first);
        for_rows!(r {
            let low = _mm512_load_si512(products.add(64 * r).cast());
            let high = _mm512_load_si512(products.add(64 * r + TILE).cast());
            let whole = _mm512_add_epi32(_mm512_sll_epi32(high, _mm_cvtsi32_si128(K::DIGIT as i32)), low);
            let partial = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), unit);
            let mut sum = _mm512_loadu_ps(out.add(16 * r));
            if K::HAS_MIN {
                let sums = sums.add(r * args.correction_stride);
                sum = _mm512_fmadd_ps(_mm512_set1_ps(*sums), minima[0], sum);
                sum = _mm512_fmadd_ps(_mm512_set1_ps(*sums.add(1)), minima[1], sum);
                sum = _mm512_fmadd_ps(_mm512_set1_ps(*sums.add(2)), minima[2], sum);
                sum = _mm512_fmadd_ps(_mm512_set1_ps(*sums.add(3)), minima[3], sum);
            }
            let scale = _mm512_set1_ps(*scales.add(r * args.scale_stride));
            _mm512_storeu_ps(out.add(16 * r), _mm512_fmadd_ps(partial, scale, sum));
        });
    }
}

/// As [`limits::dots`]: as many multiplications and additions, in the tile unit.
pub(crate) unsafe fn dots(rounds: usize) {
    let weights = [3u8; TILE];
    let operations = rounds * limits::OPERATIONS;
    // SAFETY: two operands of 1024 bytes are read.
    unsafe {
        let _unit = Unit::set_up();
        asm!(
            "tileloadd tmm4, [{weights} + {line} * 1]",
            "tileloadd tmm6, [{weights} + {line} * 1]",
            "2:",
            "tdpbssd tmm0, tmm4, tmm6",
            "tdpbssd tmm1, tmm4, tmm6",
            "tdpbssd tmm2, tmm4, tmm6",
            "tdpbssd tmm3, tmm4, tmm6",
            "dec {count}",
            "jnz 2b",
            weights = in(reg) weights.as_ptr(),
            line = in(reg) 64usize,
            count = inout(reg) (operations / (4 * 2 * 16 * 16 * 64)).max(1) => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
