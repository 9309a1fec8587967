//! From the rows of a model file to the tiles of `kind.rs`: bits are moved, no weight changes its value.

use super::gemm::BLOCK;
use super::kind::{self, Kind};

/// Which layout a matrix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Layout {
    /// 32-bit floats.
    F32,
    /// IEEE half floats.
    F16,
    /// bfloat16.
    BF16,
    /// Blocks of 32, four bits.
    Q4_0,
    /// Blocks of 32, four bits and a minimum.
    Q4_1,
    /// Blocks of 32, five bits.
    Q5_0,
    /// Blocks of 32, five bits and a minimum.
    Q5_1,
    /// Blocks of 32, eight bits.
    Q8_0,
    /// Super-blocks of 256, four bits.
    Q4K,
    /// Super-blocks of 256, five bits.
    Q5K,
    /// Super-blocks of 256, six bits.
    Q6K,
}

impl Layout {
    /// All layouts, in the order of the kernel tables.
    pub const ALL: [Layout; 11] = [
        Layout::F32,
        Layout::F16,
        Layout::BF16,
        Layout::Q4_0,
        Layout::Q4_1,
        Layout::Q5_0,
        Layout::Q5_1,
        Layout::Q8_0,
        Layout::Q4K,
        Layout::Q5K,
        Layout::Q6K,
    ];

    /// Inputs of a block in the model file, and its bytes.
    pub fn source_block(self) -> (usize, usize) {
        match self {
            Layout::F32 => (1, 4),
            Layout::F16 | Layout::BF16 => (1, 2),
            Layout::Q4_0 => (32, 18),
            Layout::Q4_1 => (32, 20),
            Layout::Q5_0 => (32, 22),
            Layout::Q5_1 => (32, 24),
            Layout::Q8_0 => (32, 34),
            Layout::Q4K => (256, 144),
            Layout::Q5K => (256, 176),
            Layout::Q6K => (256, 210),
        }
    }

    /// Bytes of one row of `inputs` weights in the model file.
    pub fn source_row_bytes(self, inputs: usize) -> usize {
        let (block, bytes) = self.source_block();
        inputs / block * bytes
    }

    /// Blocks of 32 in a record of the packed form and the record's bytes; `None` for floats.
    fn record(self) -> Option<(usize, usize)> {
        fn of<K: Kind>() -> Option<(usize, usize)> {
            Some((K::BLOCKS, K::RECORD))
        }
        match self {
            Layout::F32 | Layout::F16 | Layout::BF16 => None,
            Layout::Q4_0 => of::<kind::Q4_0>(),
            Layout::Q4_1 => of::<kind::Q4_1>(),
            Layout::Q5_0 => of::<kind::Q5_0>(),
            Layout::Q5_1 => of::<kind::Q5_1>(),
            Layout::Q8_0 => of::<kind::Q8_0>(),
            Layout::Q4K => of::<kind::Q4K>(),
            Layout::Q5K => of::<kind::Q5K>(),
            Layout::Q6K => of::<kind::Q6K>(),
        }
    }

    /// Bytes of a packed tile of 16 rows.
    pub(crate) fn tile_bytes(self, inputs: usize) -> usize {
        match self.record() {
            Some((blocks, bytes)) => (inputs / 32).div_ceil(blocks) * bytes,
            None => inputs * 16 * self.source_block().1,
        }
    }

    /// Inputs that share one activation scale; `None` where activations stay floats.
    pub(crate) fn group(self) -> Option<usize> {
        self.rounding().map(|(group, _)| group)
    }

    /// What corrections the kernel wants; `None` where activations stay floats.
    pub(crate) fn correction(self) -> Option<Correction> {
        self.rounding().map(|(_, correction)| correction)
    }

    fn rounding(self) -> Option<(usize, Correction)> {
        fn of<K: Kind>() -> Option<(usize, Correction)> {
            let correction = if K::HAS_MIN && K::DIGIT > 0 {
                Correction::Sums
            } else if K::HAS_MIN {
                Correction::ScaledSums
            } else if K::HALVES {
                Correction::Halves(K::ZERO)
            } else {
                Correction::Blocks(K::ZERO)
            };
            Some((K::GROUP, correction))
        }
        match self {
            Layout::F32 | Layout::F16 | Layout::BF16 => None,
            Layout::Q4_0 => of::<kind::Q4_0>(),
            Layout::Q4_1 => of::<kind::Q4_1>(),
            Layout::Q5_0 => of::<kind::Q5_0>(),
            Layout::Q5_1 => of::<kind::Q5_1>(),
            Layout::Q8_0 => of::<kind::Q8_0>(),
            Layout::Q4K => of::<kind::Q4K>(),
            Layout::Q5K => of::<kind::Q5K>(),
            Layout::Q6K => of::<kind::Q6K>(),
        }
    }
}

/// What a kernel of few rows wants to know about the sums of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    /// Sums of 32, as floats.
    Sums,
    /// Sums of 32 times their scale, as floats.
    ScaledSums,
    /// Sums of 32 times minus this.
    Blocks(i32),
    /// Sums of 16 times minus this.
    Halves(i32),
}

impl Correction {
    /// Inputs for which there is one.
    pub(crate) fn inputs(self) -> usize {
        if matches!(self, Correction::Halves(_)) { 16 } else { BLOCK }
    }
}

/// Packs one tile: up to 16 rows of `inputs` weights each, into a zeroed `tile`.
pub(crate) fn pack_tile<'a>(layout: Layout, inputs: usize, rows: impl Iterator<Item = &'a [u8]>, tile: &mut [u8]) {
    for (r, row) in rows.enumerate() {
        match layout {
            Layout::F32 | Layout::F16 | Layout::BF16 => {
                let width = layout.source_block().1;
                for (input, weight) in row.chunks_exact(width).enumerate() {
                    let at = (input * 16 + r) * width;
                    tile[at..at + width].copy_from_slice(weight);
                }
            }
            Layout::Q4_0 | Layout::Q4_1 | Layout::Q5_0 | Layout::Q5_1 | Layout::Q8_0 => {
                pack_small(layout, row, r, tile);
            }
            Layout::Q4K | Layout::Q5K => pack_with_minima(layout, row, r, tile),
            Layout::Q6K => pack_q6k(row, r, tile),
        }
    }
    debug_assert_eq!(tile.len(), layout.tile_bytes(inputs));
}

/// Writes byte vectors of one row: four bytes into each of the quads that start 64 bytes apart.
#[inline(always)]
fn put_quads(bytes: &[u8], r: usize, to: &mut [u8]) {
    for (quad, four) in bytes.chunks_exact(4).enumerate() {
        let at = quad * 64 + r * 4;
        to[at..at + 4].copy_from_slice(four);
    }
}

/// Four bytes whose bit `quad` is the high bit of input `4 * quad + byte`, from one bit an input.
#[inline(always)]
fn spread_bits(bits: u32) -> [u8; 4] {
    // Bit k of a nibble to bit 0 of byte k.
    const SPREAD: [u32; 16] = {
        let mut table = [0u32; 16];
        let mut nibble = 0;
        while nibble < 16 {
            let mut k = 0;
            while k < 4 {
                table[nibble] |= (nibble as u32 >> k & 1) << (8 * k);
                k += 1;
            }
            nibble += 1;
        }
        table
    };
    let mut out = 0;
    for quad in 0..8 {
        out |= SPREAD[(bits >> (4 * quad) & 15) as usize] << quad;
    }
    out.to_le_bytes()
}

fn pack_small(layout: Layout, row: &[u8], r: usize, tile: &mut [u8]) {
    let (_, source) = layout.source_block();
    let Some((blocks, record)) = layout.record() else { return };
    let has_min = matches!(layout, Layout::Q4_1 | Layout::Q5_1);
    let has_bits = matches!(layout, Layout::Q5_0 | Layout::Q5_1);
    let head = if has_min { 128 } else { 64 };
    for (block, bytes) in row.chunks_exact(source).enumerate() {
        let (to, inner) = (&mut tile[block / blocks * record..][..record], block % blocks);
        to[inner * 32 + r * 2..][..2].copy_from_slice(&bytes[..2]);
        let mut at = 2;
        if has_min {
            // The file adds a minimum, the kernels subtract one: the sign bit is turned.
            to[(2 + inner) * 32 + r * 2..][..2].copy_from_slice(&[bytes[2], bytes[3] ^ 0x80]);
            at += 2;
        }
        if has_bits {
            let bits = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            to[head + 512 + inner * 64 + r * 4..][..4].copy_from_slice(&spread_bits(bits));
            at += 4;
        }
        if layout == Layout::Q8_0 {
            let mut unsigned = [0u8; 32];
            for (to, from) in unsigned.iter_mut().zip(&bytes[at..]) {
                *to = from ^ 0x80;
            }
            put_quads(&unsigned, r, &mut to[head + inner * 512..]);
        } else {
            // The file's order within a block is the kernels' already: byte j holds inputs j and j + 16.
            put_quads(&bytes[at..at + 16], r, &mut to[head + inner * 256..]);
        }
    }
}

/// Scale and minimum of sub-block `j` from the 12 bytes that hold eight of each, six bits wide.
fn scale_and_min(packed: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (packed[j + 4] & 15 | packed[j - 4] >> 6 << 4, packed[j + 4] >> 4 | packed[j] >> 6 << 4)
    }
}

fn pack_with_minima(layout: Layout, row: &[u8], r: usize, tile: &mut [u8]) {
    let (_, source) = layout.source_block();
    let Some((_, record)) = layout.record() else { return };
    const HEAD: usize = 64 + 256;
    for (bytes, to) in row.chunks_exact(source).zip(tile.chunks_exact_mut(record)) {
        to[r * 2..][..2].copy_from_slice(&bytes[..2]);
        to[32 + r * 2..][..2].copy_from_slice(&bytes[2..4]);
        for j in 0..8 {
            let (scale, min) = scale_and_min(&bytes[4..16], j);
            to[64 + j * 16 + r] = scale;
            to[192 + j * 16 + r] = min;
        }
        let (bits, nibbles) = if layout == Layout::Q5K { bytes[16..].split_at(32) } else { bytes[16..].split_at(0) };
        for (pair, bytes) in nibbles.chunks_exact(32).enumerate() {
            // 32 bytes hold sub-block 2 * pair in the low nibbles and the next one in the high nibbles.
            let a = u128::from_le_bytes(bytes[..16].try_into().expect("16 bytes"));
            let b = u128::from_le_bytes(bytes[16..].try_into().expect("16 bytes"));
            const LOW: u128 = u128::from_le_bytes([15; 16]);
            let first = a & LOW | (b & LOW) << 4;
            let second = a >> 4 & LOW | b & !LOW;
            put_quads(&first.to_le_bytes(), r, &mut to[HEAD + 2 * pair * 256..]);
            put_quads(&second.to_le_bytes(), r, &mut to[HEAD + (2 * pair + 1) * 256..]);
        }
        if !bits.is_empty() {
            for block in 0..8 {
                let mut plane = 0u32;
                for (quad, four) in bits.chunks_exact(4).enumerate() {
                    let four = u32::from_le_bytes(four.try_into().expect("4 bytes"));
                    plane |= (four >> block & 0x0101_0101) << quad;
                }
                to[HEAD + 8 * 256 + block * 64 + r * 4..][..4].copy_from_slice(&plane.to_le_bytes());
            }
        }
    }
}

fn pack_q6k(row: &[u8], r: usize, tile: &mut [u8]) {
    let (_, source) = Layout::Q6K.source_block();
    let Some((_, record)) = Layout::Q6K.record() else { return };
    const HEAD: usize = 64 + 256;
    const LOW: u128 = u128::from_le_bytes([15; 16]);
    for (bytes, to) in row.chunks_exact(source).zip(tile.chunks_exact_mut(record)) {
        to[r * 2..][..2].copy_from_slice(&bytes[208..210]);
        for half in 0..16 {
            to[64 + half * 16 + r] = bytes[192 + half];
        }
        for block in 0..8 {
            // 128 inputs take 64 bytes of low nibbles (blocks 0 and 1) and high nibbles (2 and 3), and 32 bytes of pairs.
            let (part, j) = (block / 4, block % 4);
            let low = &bytes[part * 64 + j % 2 * 32..][..32];
            let a = u128::from_le_bytes(low[..16].try_into().expect("16 bytes"));
            let b = u128::from_le_bytes(low[16..].try_into().expect("16 bytes"));
            let nibbles = if j < 2 { a & LOW | (b & LOW) << 4 } else { a >> 4 & LOW | b & !LOW };
            put_quads(&nibbles.to_le_bytes(), r, &mut to[HEAD + block * 256..]);
            let pairs = &bytes[128 + part * 32..][..32];
            for vector in 0..2 {
                let mut plane = 0u32;
                for field in 0..4 {
                    let four = &pairs[(vector * 4 + field) * 4..][..4];
                    let four = u32::from_le_bytes(four.try_into().expect("4 bytes"));
                    plane |= (four >> (2 * j) & 0x0303_0303) << (2 * field);
                }
                to[HEAD + 8 * 256 + block * 128 + vector * 64 + r * 4..][..4].copy_from_slice(&plane.to_le_bytes());
            }
        }
    }
}
