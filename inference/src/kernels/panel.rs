//! Where activations lie for the kernels of many rows: in panels of [`ROWS`] rows and [`INPUTS`] inputs each, one after the other
//! as they are used.
//!
//! A panel begins with tiles of 16 rows and 64 inputs, a row to a line of 64 bytes: the first 64 inputs of the first sixteen
//! rows, those of the other sixteen, then the next 64 inputs. One scale a row as `f32` follows, and then for each row the sums of
//! its blocks of 32 as `i16`.

/// Rows of a panel. A kernel for many rows takes a multiple of this.
pub(crate) const ROWS: usize = 32;
/// Inputs of a panel.
pub(crate) const INPUTS: usize = 256;
/// Bytes of sixteen rows of 64 inputs.
pub(crate) const TILE: usize = 1024;
/// Where the scales begin.
pub(crate) const SCALES: usize = ROWS * INPUTS;
/// Where the sums begin.
pub(crate) const SUMS: usize = SCALES + 4 * ROWS;
/// Bytes of the sums of one row.
pub(crate) const ROW_SUMS: usize = 2 * INPUTS / 32;
/// Bytes of a panel: whole lines.
pub(crate) const BYTES: usize = SUMS + ROW_SUMS * ROWS;

/// A line of memory, so that whatever is made of these begins with one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Line([f32; 16]);

/// Writes one row of a panel. `sums` are of 16 inputs each.
///
/// # Safety
/// `panel` has room for a whole one, and nobody else touches this row of it.
pub(crate) unsafe fn put(panel: *mut u8, row: usize, values: &[i8; INPUTS], scale: f32, sums: &[i32; INPUTS / 16]) {
    // SAFETY: every offset is one of a row below `ROWS`, inside of `BYTES`; scales and sums are aligned as a panel is.
    unsafe {
        let line = panel.add(row / 16 * TILE + row % 16 * 64).cast::<i8>();
        for (step, values) in values.chunks_exact(64).enumerate() {
            values.as_ptr().copy_to_nonoverlapping(line.add(step * 2 * TILE), 64);
        }
        panel.add(SCALES).cast::<f32>().add(row).write(scale);
        let to = panel.add(SUMS + row * ROW_SUMS).cast::<i16>();
        for (block, pair) in sums.chunks_exact(2).enumerate() {
            // At most 32 times 127.
            to.add(block).write((pair[0] + pair[1]) as i16);
        }
    }
}
