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
use crate::kernels::gemm::{BLOCK, TileArgs};
use crate::kernels::kind::{Kind, Q4K, Q5K, Q6K};
use crate::kernels::pack::Layout;
use crate::kernels::table::Kernel;
use crate::kernels::{limits, panel};

/// Blocks of a group of inputs: those of a panel, and of a record.
const BLOCKS: usize = panel::INPUTS / BLOCK;
/// Steps of 64 inputs of a group: what one instruction takes.
const STEPS: usize = panel::INPUTS / 64;
/// A register of the unit: sixteen rows of 64 bytes.
const TILE: usize = panel::TILE;
/// One plane of a group.
const PLANE: usize = STEPS * TILE;
/// Sixteen floats.
const FLOATS: usize = 64;
/// The unit of a group's scales, that of its minima turned negative, and its minima as 16-bit numbers, two blocks side by side.
const UNITS: usize = (2 + BLOCKS / 2) * FLOATS;

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

/// Unpacked groups: while one is multiplied, the next is unpacked, and the products of the one before may still be scaled. Of
/// each its low plane and its high plane, and its units.
#[repr(C, align(64))]
struct Unpacked {
    planes: [[u8; 2 * PLANE]; 2],
    units: [[u8; UNITS]; 3],
}

/// The integer products of a panel, twice: some are computed while the others are scaled. Those of sixteen rows with the low
/// plane, with the high plane, and of the next sixteen rows likewise.
#[repr(C, align(64))]
struct Products([[u8; 4 * TILE]; 2]);

macro_rules! kernel {
    ($name:ident, $kind:ty, $dot:literal) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
        unsafe fn $name(args: &TileArgs, count: usize) {
            let mut unpacked = core::mem::MaybeUninit::<Unpacked>::uninit();
            let mut products = core::mem::MaybeUninit::<Products>::uninit();
            let (unpacked, products) = (unpacked.as_mut_ptr(), products.as_mut_ptr().cast::<u8>());
            let groups = args.inputs / panel::INPUTS;
            let panels = count / panel::ROWS;
            // SAFETY: groups and panels stay below those of the caller's rows and tile. Only this assembly uses the unit's
            // registers: the compiler has no type that lives in them, so that they keep their values from one piece to the
            // next.
            unsafe {
                let _unit = Unit::set_up();
                for row in 0..count {
                    _mm512_store_ps(args.out.add(16 * row), _mm512_setzero_ps());
                }
                let room_for = |group: usize| {
                    let planes = (&raw mut (*unpacked).planes).cast::<u8>().add(group % 2 * 2 * PLANE);
                    (planes, (&raw mut (*unpacked).units).cast::<u8>().add(group % 3 * UNITS))
                };
                for block in 0..BLOCKS {
                    unpack::<$kind>(args.weights, block, room_for(0));
                }
                // What is scaled while the next panel is multiplied; nothing at first.
                let mut before = Scale::nothing();
                for group in 0..groups {
                    let (planes, units) = room_for(group);
                    let next_record = args.weights.add((group + 1) * <$kind>::RECORD);
                    let mut next_block = if group + 1 < groups { 0 } else { BLOCKS };
                    // The weights after these come from memory meanwhile.
                    let coming = next_record.wrapping_add(<$kind>::RECORD);
                    let coming_lines = (<$kind>::RECORD / 64).div_ceil(panels);
                    for index in 0..panels {
                        let panel = args.quantized.cast::<u8>().add((index * groups + group) * panel::BYTES);
                        let to = products.add((group * panels + index) % 2 * 4 * TILE);
                        for line in index * coming_lines..(index + 1) * coming_lines {
                            _mm_prefetch::<_MM_HINT_T0>(coming.wrapping_add(line * 64).cast());
                        }
                        asm!(
                            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                            options(nomem, nostack, preserves_flags),
                        );
                        let next = match index + 1 {
                            next if next < panels => next * groups + group,
                            _ => group + 1,
                        };
                        let next = args.quantized.cast::<u8>().wrapping_add(next * panel::BYTES);
                        // A quarter of it for each step.
                        let prefetch = |step: usize, part: usize| {
                            const LINES: usize = panel::BYTES / 64;
                            let first = (step * 3 + part) * LINES / 12;
                            for line in first..first + LINES.div_ceil(12) {
                                _mm_prefetch::<_MM_HINT_T0>(next.wrapping_add(line * 64).cast());
                            }
                        };
                        // The unit and the lanes work side by side where their instructions take turns.
                        for step in 0..STEPS {
                            let weights = planes.add(step * TILE);
                            let activations = panel.add(step * 2 * TILE);
                            asm!(
                                "tileloadd tmm4, [{activations} + {line} * 1]",
                                "tileloadd tmm6, [{weights} + {line} * 1]",
                                concat!($dot, " tmm0, tmm4, tmm6"),
                                activations = in(reg) activations,
                                weights = in(reg) weights,
                                line = in(reg) 64usize,
                                out("tmm0") _, out("tmm4") _, out("tmm6") _,
                                options(nostack, preserves_flags),
                            );
                            before.rows::<$kind>(step * 8);
                            prefetch(step, 0);
                            asm!(
                                "tileloadd tmm7, [{weights} + {line} * 1]",
                                concat!($dot, " tmm1, tmm4, tmm7"),
                                weights = in(reg) weights.add(PLANE),
                                line = in(reg) 64usize,
                                out("tmm1") _, out("tmm7") _,
                                options(nostack, preserves_flags),
                            );
                            before.rows::<$kind>(step * 8 + 2);
                            prefetch(step, 1);
                            asm!(
                                "tileloadd tmm5, [{activations} + {line} * 1]",
                                concat!($dot, " tmm2, tmm5, tmm6"),
                                activations = in(reg) activations.add(TILE),
                                line = in(reg) 64usize,
                                out("tmm2") _, out("tmm5") _,
                                options(nostack, preserves_flags),
                            );
                            before.rows::<$kind>(step * 8 + 4);
                            prefetch(step, 2);
                            asm!(
                                concat!($dot, " tmm3, tmm5, tmm7"),
                                out("tmm3") _,
                                options(nomem, nostack, preserves_flags),
                            );
                            before.rows::<$kind>(step * 8 + 6);
                            let until = (index * STEPS + step + 1) * BLOCKS / (panels * STEPS);
                            while next_block < until {
                                unpack::<$kind>(next_record, next_block, room_for(group + 1));
                                next_block += 1;
                            }
                        }
                        asm!(
                            "tilestored [{to} + {line} * 1], tmm0",
                            "tilestored [{to} + {line} * 1 + 1024], tmm1",
                            "tilestored [{to} + {line} * 1 + 2048], tmm2",
                            "tilestored [{to} + {line} * 1 + 3072], tmm3",
                            to = in(reg) to,
                            line = in(reg) 64usize,
                            options(nostack, preserves_flags),
                        );
                        let out = args.out.add(index * panel::ROWS * 16);
                        before = Scale { products: to, panel, units, out };
                    }
                }
                for pair in 0..panel::ROWS / 2 {
                    before.rows::<$kind>(2 * pair);
                }
            }
        }
    };
}
kernel!(q4k, Q4K, "tdpbsud");
kernel!(q5k, Q5K, "tdpbsud");
kernel!(q6k, Q6K, "tdpbssd");

/// Unpacks one block of a group.
#[inline(always)]
unsafe fn unpack<K: Kind>(record: *const u8, block: usize, (planes, units): (*mut u8, *mut u8)) {
    // SAFETY: the caller gives a whole record and room for the group.
    unsafe {
        if block == 0 {
            _mm512_store_ps(units.cast(), K::unit::<Avx512>(record));
            if K::HAS_MIN {
                let unit = _mm512_sub_ps(_mm512_setzero_ps(), K::min_unit::<Avx512>(record));
                _mm512_store_ps(units.add(FLOATS).cast(), unit);
            }
        }
        let low = planes.add(block * 512);
        let high = low.add(PLANE);
        // No closure is handed to a function of the library: what that is compiled for lacks these instructions.
        let (first, second) = if K::HALVES { (2 * block, 2 * block + 1) } else { (block, block) };
        let first = in_both_halves(_mm512_cvtps_epi32(K::scale::<Avx512>(record, first)));
        let second = in_both_halves(_mm512_cvtps_epi32(K::scale::<Avx512>(record, second)));
        for (quad, weights) in K::quads::<Avx512>(record, block).into_iter().enumerate() {
            let (l, h) = digits::<K>(weights, if quad < 4 { first } else { second });
            _mm512_store_si512(low.add(64 * quad).cast(), l);
            _mm512_store_si512(high.add(64 * quad).cast(), h);
        }
        if K::HAS_MIN && block % 2 == 1 {
            let first = _mm512_cvtps_epi32(K::min::<Avx512>(record, block - 1));
            let second = _mm512_cvtps_epi32(K::min::<Avx512>(record, block));
            let pairs = _mm512_or_si512(first, _mm512_slli_epi32::<16>(second));
            _mm512_store_si512(units.add((2 + block / 2) * FLOATS).cast(), pairs);
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

/// Products of a panel with a group of weights, which are to be scaled and added up.
#[derive(Clone, Copy)]
struct Scale {
    /// Four tiles; null for nothing.
    products: *const u8,
    panel: *const u8,
    units: *const u8,
    /// Where the sums of the panel's rows stand.
    out: *mut f32,
}

impl Scale {
    fn nothing() -> Scale {
        Scale {
            products: core::ptr::null(),
            panel: core::ptr::null(),
            units: core::ptr::null(),
            out: core::ptr::null_mut(),
        }
    }

    /// Adds the products of two rows, from `first` on, to what stands at `out`.
    ///
    /// # Safety
    /// Every pointer is what the field says; see [`Simd`](crate::kernels::simd::Simd).
    #[inline(always)]
    unsafe fn rows<K: Kind>(&self, first: usize) {
        if self.products.is_null() {
            return;
        }
        // SAFETY: as the caller states.
        unsafe {
            let unit = _mm512_load_ps(self.units.cast());
            let products = self.products.add(first / 16 * 2 * TILE + first % 16 * 64);
            for r in 0..2 {
                let low = _mm512_load_si512(products.add(64 * r).cast());
                let high = _mm512_load_si512(products.add(64 * r + TILE).cast());
                let whole = _mm512_add_epi32(_mm512_sll_epi32(high, _mm_cvtsi32_si128(K::DIGIT as i32)), low);
                let mut total = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), unit);
                if K::HAS_MIN {
                    let sums = self.panel.add(panel::SUMS + (first + r) * panel::ROW_SUMS).cast::<i32>();
                    let mut minima = _mm512_setzero_si512();
                    for pair in 0..BLOCKS / 2 {
                        let pairs = _mm512_load_si512(self.units.add((2 + pair) * FLOATS).cast());
                        minima = _mm512_dpwssd_epi32(minima, pairs, _mm512_set1_epi32(sums.add(pair).read()));
                    }
                    let unit = _mm512_load_ps(self.units.add(FLOATS).cast());
                    total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(minima), unit, total);
                }
                let scale = self.panel.add(panel::SCALES).cast::<f32>().add(first + r).read();
                let out = self.out.add(16 * (first + r));
                _mm512_store_ps(out, _mm512_fmadd_ps(total, _mm512_set1_ps(scale), _mm512_load_ps(out)));
            }
        }
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
