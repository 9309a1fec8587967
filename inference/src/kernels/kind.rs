//! The layouts in which weights lie in memory for the kernels, one type for each.
//!
//! A matrix is cut into tiles of sixteen output rows. Within a tile, four consecutive inputs of all sixteen rows are one
//! 64-byte vector (a quad), so that one instruction multiplies them with four activations and nothing has to be summed
//! across lanes. Eight quads are a block of 32 inputs. Blocks lie in records with their scales in front:
//!
//! | kind | inputs a record | scales | then |
//! | --- | --- | --- | --- |
//! | `Q4_0` `Q5_0` `Q8_0` | 64 | 16 f16 a block | quads of both blocks |
//! | `Q4_1` `Q5_1` | 64 | 16 f16 a block, then the minima likewise | quads |
//! | `Q4_K` `Q5_K` | 256 | 16 f16 `d`, 16 f16 `dmin`, 8 × 16 u8 scales, 8 × 16 u8 minima | quads |
//! | `Q6_K` | 256 | 16 f16 `d`, 32 bytes unused, 16 × 16 i8 scales | quads |
//!
//! Quads of a block: four vectors of nibbles, the low ones quads 0 to 3 and the high ones quads 4 to 7; after the nibbles of
//! all blocks come the missing high bits: one vector a block with bit `j` for quad `j`, or two with two bits each. Eight-bit
//! weights are eight vectors. All weights are unsigned; what makes them signed is a zero point.

use super::simd::Simd;

/// One layout: how to read the eight quads of a block and its scales.
pub(crate) trait Kind {
    /// Inputs that share one activation scale. Where there is a `DIGIT`, those of a record.
    const GROUP: usize;
    /// Blocks of 32 inputs in a record.
    const BLOCKS: usize;
    /// Bytes of a record of 16 rows.
    const RECORD: usize;
    /// Subtracted from each weight; 0 where there are minima instead.
    const ZERO: i32;
    /// Whether each block has minima: `weight * scale - min`.
    const HAS_MIN: bool;
    /// Whether each half of a block has scales of its own.
    const HALVES: bool;
    /// Whether weights pass 127.
    const WIDE: bool;
    /// For kinds whose scales are whole numbers times one float a record: a weight times its scale is `high << DIGIT | low`, two
    /// numbers that fit in a byte each. 0 for kinds with a float for each block.
    const DIGIT: u32;
    /// Whether half a group of such products stays below 2^24, so that floats add them up exactly.
    const FLOATS_ARE_EXACT: bool;

    /// The eight quads of block `block` of the record.
    ///
    /// # Safety
    /// `record` points to a whole record; see [`Simd`].
    unsafe fn quads<S: Simd>(record: *const u8, block: usize) -> [S::B; 8];
    /// Scales of 16 rows for block `block`, or for half-block `block` when `HALVES`; whole numbers where there is a `DIGIT`.
    ///
    /// # Safety
    /// As `quads`.
    unsafe fn scale<S: Simd>(record: *const u8, block: usize) -> S::F;
    /// What such whole numbers are multiples of.
    ///
    /// # Safety
    /// As `quads`; only kinds with a `DIGIT` are asked.
    #[inline(always)]
    unsafe fn unit<S: Simd>(record: *const u8) -> S::F {
        // SAFETY: the record is whole, and begins with these.
        unsafe { S::load_f16(record.cast()) }
    }
    /// Minima of 16 rows for block `block`; whole numbers where there is a `DIGIT`.
    ///
    /// # Safety
    /// As `quads`.
    unsafe fn min<S: Simd>(record: *const u8, block: usize) -> S::F;
    /// What such whole minima are multiples of.
    ///
    /// # Safety
    /// As `quads`; only kinds with minima and a `DIGIT` are asked.
    #[inline(always)]
    unsafe fn min_unit<S: Simd>(record: *const u8) -> S::F {
        // SAFETY: the record is whole, and these follow the units of the scales.
        unsafe { S::load_f16(record.add(F16S).cast()) }
    }
}

/// 16 scales or minima in half floats.
const F16S: usize = 32;
/// The nibbles of a block of 32 inputs of 16 rows.
const NIBBLES: usize = 256;
/// One bit for each of them.
const BITS: usize = 64;

/// Four-bit quads from 256 bytes.
#[inline(always)]
unsafe fn nibble_quads<S: Simd>(from: *const u8) -> [S::B; 8] {
    // SAFETY: the caller gives 256 readable bytes.
    unsafe {
        let v = [
            S::load_bytes(from),
            S::load_bytes(from.add(64)),
            S::load_bytes(from.add(128)),
            S::load_bytes(from.add(192)),
        ];
        [
            S::low_nibbles(v[0]),
            S::low_nibbles(v[1]),
            S::low_nibbles(v[2]),
            S::low_nibbles(v[3]),
            S::high_nibbles(v[0]),
            S::high_nibbles(v[1]),
            S::high_nibbles(v[2]),
            S::high_nibbles(v[3]),
        ]
    }
}

/// Five-bit quads from 256 bytes and a vector of high bits.
#[inline(always)]
unsafe fn five_bit_quads<S: Simd>(nibbles: *const u8, bits: *const u8) -> [S::B; 8] {
    // SAFETY: the caller gives 256 and 64 readable bytes.
    unsafe {
        let q = nibble_quads::<S>(nibbles);
        let high = S::load_bytes(bits);
        [
            S::or_bit::<0>(q[0], high),
            S::or_bit::<1>(q[1], high),
            S::or_bit::<2>(q[2], high),
            S::or_bit::<3>(q[3], high),
            S::or_bit::<4>(q[4], high),
            S::or_bit::<5>(q[5], high),
            S::or_bit::<6>(q[6], high),
            S::or_bit::<7>(q[7], high),
        ]
    }
}

macro_rules! small_blocks {
    ($name:ident, $doc:literal, bytes $quads:expr, zero $zero:literal, min $min:literal, wide $wide:literal, |$at:ident, $block:ident| $read:expr) => {
        #[doc = $doc]
        pub(crate) struct $name;
        impl $name {
            const HEAD: usize = if $min { 4 * F16S } else { 2 * F16S };
        }
        impl Kind for $name {
            const GROUP: usize = 128;
            const BLOCKS: usize = 2;
            const RECORD: usize = Self::HEAD + 2 * $quads;
            const ZERO: i32 = $zero;
            const HAS_MIN: bool = $min;
            const HALVES: bool = false;
            const WIDE: bool = $wide;
            const DIGIT: u32 = 0;
            const FLOATS_ARE_EXACT: bool = false;

            #[inline(always)]
            unsafe fn quads<S: Simd>(record: *const u8, $block: usize) -> [S::B; 8] {
                // SAFETY: the record is whole.
                unsafe {
                    let $at = record.add(Self::HEAD);
                    $read
                }
            }
            #[inline(always)]
            unsafe fn scale<S: Simd>(record: *const u8, block: usize) -> S::F {
                // SAFETY: the record is whole.
                unsafe { S::load_f16(record.add(block * F16S).cast()) }
            }
            #[inline(always)]
            unsafe fn min<S: Simd>(record: *const u8, block: usize) -> S::F {
                // SAFETY: the record is whole; only kinds with minima are asked.
                unsafe { S::load_f16(record.add((2 + block) * F16S).cast()) }
            }
        }
    };
}

small_blocks!(Q4_0, "Blocks of 32, four bits.", bytes NIBBLES, zero 8, min false, wide false,
    |at, block| nibble_quads::<S>(at.add(block * NIBBLES)));
small_blocks!(Q4_1, "Blocks of 32, four bits and a minimum.", bytes NIBBLES, zero 0, min true, wide false,
    |at, block| nibble_quads::<S>(at.add(block * NIBBLES)));
small_blocks!(Q5_0, "Blocks of 32, five bits.", bytes NIBBLES + BITS, zero 16, min false, wide false,
    |at, block| five_bit_quads::<S>(at.add(block * NIBBLES), at.add(2 * NIBBLES + block * BITS)));
small_blocks!(Q5_1, "Blocks of 32, five bits and a minimum.", bytes NIBBLES + BITS, zero 0, min true, wide false,
    |at, block| five_bit_quads::<S>(at.add(block * NIBBLES), at.add(2 * NIBBLES + block * BITS)));
small_blocks!(Q8_0, "Blocks of 32, eight bits.", bytes 512, zero 128, min false, wide true, |at, block| {
    let at = at.add(block * 512);
    [
        S::load_bytes(at),
        S::load_bytes(at.add(64)),
        S::load_bytes(at.add(128)),
        S::load_bytes(at.add(192)),
        S::load_bytes(at.add(256)),
        S::load_bytes(at.add(320)),
        S::load_bytes(at.add(384)),
        S::load_bytes(at.add(448)),
    ]
});

macro_rules! super_blocks_with_minima {
    ($name:ident, $doc:literal, bytes $quads:expr, digit $digit:literal, exact $exact:literal, |$at:ident, $block:ident| $read:expr) => {
        #[doc = $doc]
        pub(crate) struct $name;
        impl $name {
            const SCALES: usize = 2 * F16S;
            const MINIMA: usize = Self::SCALES + 8 * 16;
            const HEAD: usize = Self::MINIMA + 8 * 16;
        }
        impl Kind for $name {
            const GROUP: usize = 256;
            const BLOCKS: usize = 8;
            const RECORD: usize = Self::HEAD + 8 * $quads;
            const ZERO: i32 = 0;
            const HAS_MIN: bool = true;
            const HALVES: bool = false;
            const WIDE: bool = false;
            const DIGIT: u32 = $digit;
            const FLOATS_ARE_EXACT: bool = $exact;

            #[inline(always)]
            unsafe fn quads<S: Simd>(record: *const u8, $block: usize) -> [S::B; 8] {
                // SAFETY: the record is whole.
                unsafe {
                    let $at = record.add(Self::HEAD);
                    $read
                }
            }
            #[inline(always)]
            unsafe fn scale<S: Simd>(record: *const u8, block: usize) -> S::F {
                // SAFETY: the record is whole.
                unsafe { S::load_u8(record.add(Self::SCALES + block * 16)) }
            }
            #[inline(always)]
            unsafe fn min<S: Simd>(record: *const u8, block: usize) -> S::F {
                // SAFETY: the record is whole.
                unsafe { S::load_u8(record.add(Self::MINIMA + block * 16)) }
            }
        }
    };
}

super_blocks_with_minima!(Q4K, "Super-blocks of 256, four bits, 6-bit scales and minima.", bytes NIBBLES, digit 3, exact true,
    |at, block| nibble_quads::<S>(at.add(block * NIBBLES)));
super_blocks_with_minima!(Q5K, "Super-blocks of 256, five bits, 6-bit scales and minima.", bytes NIBBLES + BITS, digit 3, exact false,
    |at, block| five_bit_quads::<S>(at.add(block * NIBBLES), at.add(8 * NIBBLES + block * BITS)));

/// Super-blocks of 256, six bits, 8-bit scales for each 16.
pub(crate) struct Q6K;

impl Q6K {
    const SCALES: usize = 2 * F16S;
    const HEAD: usize = Self::SCALES + 16 * 16;
}

impl Kind for Q6K {
    const GROUP: usize = 256;
    const BLOCKS: usize = 8;
    const RECORD: usize = Self::HEAD + 8 * (NIBBLES + 2 * BITS);
    const ZERO: i32 = 32;
    const HAS_MIN: bool = false;
    const HALVES: bool = true;
    const WIDE: bool = false;
    const DIGIT: u32 = 6;
    const FLOATS_ARE_EXACT: bool = false;

    #[inline(always)]
    unsafe fn quads<S: Simd>(record: *const u8, block: usize) -> [S::B; 8] {
        // SAFETY: the record is whole.
        unsafe {
            let q = nibble_quads::<S>(record.add(Self::HEAD + block * NIBBLES));
            let pairs = record.add(Self::HEAD + 8 * NIBBLES + block * 2 * BITS);
            let (low, high) = (S::load_bytes(pairs), S::load_bytes(pairs.add(64)));
            [
                S::or_pair::<0>(q[0], low),
                S::or_pair::<1>(q[1], low),
                S::or_pair::<2>(q[2], low),
                S::or_pair::<3>(q[3], low),
                S::or_pair::<0>(q[4], high),
                S::or_pair::<1>(q[5], high),
                S::or_pair::<2>(q[6], high),
                S::or_pair::<3>(q[7], high),
            ]
        }
    }
    #[inline(always)]
    unsafe fn scale<S: Simd>(record: *const u8, half: usize) -> S::F {
        // SAFETY: the record is whole.
        unsafe { S::load_i8(record.add(Self::SCALES + half * 16).cast()) }
    }
    #[inline(always)]
    unsafe fn min<S: Simd>(_: *const u8, _: usize) -> S::F {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { S::splat(0.0) }
    }
}
