//! A packed matrix, rows of activations, and the products between them on all threads.

use std::cell::RefCell;
use std::ops::Range;

use super::activations::Activations;
use super::arena::{Arena, Piece};
use super::gemm::{BLOCK, MAX_ROWS};
use super::pack::{Layout, pack_tile};
use super::panel::{self, Line};
use super::pool::Pool;
use super::table::{Table, best};

/// Weights of a linear map, shape (outputs, inputs), packed for the kernels.
#[derive(Debug)]
pub struct Matrix {
    layout: Layout,
    outputs: usize,
    inputs: usize,
    tiles: Piece,
}

/// Why a matrix cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The inputs do not fill whole blocks.
    #[error("{layout:?} needs rows of a multiple of {multiple} weights, and these have {inputs}")]
    Inputs {
        /// The layout.
        layout: Layout,
        /// What the inputs must be a multiple of.
        multiple: usize,
        /// What they are.
        inputs: usize,
    },
    /// The bytes do not match the shape.
    #[error("{outputs} x {inputs} weights in {layout:?} take {expected} bytes, and there are {found}")]
    Size {
        /// The layout.
        layout: Layout,
        /// Rows.
        outputs: usize,
        /// Weights in a row.
        inputs: usize,
        /// Bytes they take.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The system gave no memory.
    #[error("no memory for {bytes} bytes of weights: {source}")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Where row `i` of the packed matrix stands in the file, for models whose rows have to change places.
pub type RowOrder<'a> = &'a (dyn Fn(usize) -> usize + Sync);

impl Matrix {
    /// Packs `outputs` rows of `inputs` weights, as they stand in a model file, into memory of `arena`. Row `i` is taken
    /// from `order(i)`.
    pub fn pack(
        pool: &mut Pool,
        arena: &mut Arena,
        layout: Layout,
        outputs: usize,
        inputs: usize,
        bytes: &[u8],
        order: RowOrder<'_>,
    ) -> Result<Matrix, PackError> {
        let multiple = layout.source_block().0.max(BLOCK);
        if inputs == 0 || !inputs.is_multiple_of(multiple) {
            return Err(PackError::Inputs { layout, multiple, inputs });
        }
        let row = layout.source_row_bytes(inputs);
        if bytes.len() != outputs * row {
            return Err(PackError::Size { layout, outputs, inputs, expected: outputs * row, found: bytes.len() });
        }
        let tile_bytes = layout.tile_bytes(inputs);
        let size = outputs.div_ceil(16) * tile_bytes;
        let mut tiles = arena.take(size).map_err(|source| PackError::Memory { bytes: size, source })?;
        let start = Shared(tiles.bytes_mut().as_mut_ptr());
        pool.run(outputs.div_ceil(16), |tile| {
            // SAFETY: tiles lie one after the other in the mapping and each is handed to one thread only.
            let to = unsafe { std::slice::from_raw_parts_mut(start.get().add(tile * tile_bytes), tile_bytes) };
            let rows = (tile * 16..outputs.min(tile * 16 + 16)).map(|i| &bytes[order(i) * row..][..row]);
            pack_tile(layout, inputs, rows, to);
        });
        Ok(Matrix { layout, outputs, inputs, tiles })
    }

    /// Rows: the width of a result.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Columns: the width of an input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// How the weights lie in memory.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Bytes of packed weights, all of which a product reads.
    pub fn bytes(&self) -> usize {
        self.tiles.bytes().len()
    }

    /// `x * self^T`, shape (rows, outputs), for `x` of shape (rows, inputs), rounded to 8 bits on the way as everywhere.
    ///
    /// # Panics
    /// When `x` is not whole rows.
    pub fn product(&self, pool: &mut Pool, x: &[f32]) -> Vec<f32> {
        assert!(x.len().is_multiple_of(self.inputs), "whole rows");
        let table = best();
        let mut activations = Activations::default();
        activations.set(table, pool, x, self.inputs, &[self]);
        let mut out = vec![0.0; x.len() / self.inputs * self.outputs];
        multiply(table, pool, &mut [(self, Finish::Store { bias: None }, &mut out)], x, &activations);
        out
    }

    fn tile_count(&self) -> usize {
        self.outputs.div_ceil(16)
    }

    /// Where a packed tile begins.
    pub(super) fn tile(&self, tile: usize) -> *const u8 {
        self.tiles.bytes()[tile * self.layout.tile_bytes(self.inputs)..].as_ptr()
    }
}

/// A pointer that several threads may hold, each writing its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub(crate) *mut T);

// SAFETY: whoever makes one sees to it that no two threads touch the same element.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Shared<T> {}

impl<T> Shared<T> {
    /// The pointer. A method, so that closures capture the whole value.
    pub(crate) fn get(&self) -> *mut T {
        self.0
    }
}

/// What becomes of the products of one tile.
pub(crate) enum Finish<'a> {
    /// Stored, with a bias for each output added if there is one.
    Store {
        /// One for each output.
        bias: Option<&'a [f32]>,
    },
    /// Added to what stands there already.
    Add,
}

/// `out = activations * matrix^T`, shape (rows, outputs), finished as told.
///
/// `activations` were set for `x` and this matrix.
pub(crate) fn multiply(
    table: &Table,
    pool: &mut Pool,
    parts: &mut [(&Matrix, Finish<'_>, &mut [f32])],
    x: &[f32],
    activations: &Activations,
) {
    let rows = activations.rows();
    let mut starts = Vec::with_capacity(parts.len() + 1);
    let mut total = 0;
    for (matrix, _, out) in parts.iter() {
        assert_eq!(matrix.inputs, activations.inputs(), "inputs of the matrix and of the activations");
        assert_eq!(out.len(), rows * matrix.outputs, "room for the products");
        starts.push(total);
        total += matrix.tile_count();
    }
    let outs: Vec<Shared<f32>> = parts.iter_mut().map(|(_, _, out)| Shared(out.as_mut_ptr())).collect();
    let parts: &[(&Matrix, Finish<'_>, &mut [f32])] = parts;
    for_tiles(pool, total, rows, activations.inputs(), |tile, rows| {
        let part = starts.partition_point(|&start| start <= tile) - 1;
        let (matrix, finish, _) = &parts[part];
        let tile = tile - starts[part];
        let width = (matrix.outputs - tile * 16).min(16);
        products(table, [matrix], tile, x, activations, rows.clone(), |[products]| {
            for (row, products) in rows.zip(products.chunks_exact(16)) {
                // SAFETY: `out` holds `rows` rows of `outputs`, and a tile's columns of these rows are this piece's alone.
                let to = unsafe {
                    std::slice::from_raw_parts_mut(outs[part].get().add(row * matrix.outputs + tile * 16), width)
                };
                match finish {
                    Finish::Store { bias: None } => copy(products, to),
                    Finish::Store { bias: Some(bias) } => {
                        for ((to, product), bias) in to.iter_mut().zip(products).zip(&bias[tile * 16..]) {
                            *to = product + bias;
                        }
                    }
                    Finish::Add => {
                        for (to, product) in to.iter_mut().zip(products) {
                            *to += product;
                        }
                    }
                }
            }
        });
    });
}

/// `out = silu(activations * gate^T) * (activations * up^T)`, shape (rows, outputs).
pub(crate) fn multiply_gated(
    table: &Table,
    pool: &mut Pool,
    (gate, up): (&Matrix, &Matrix),
    x: &[f32],
    activations: &Activations,
    out: &mut [f32],
) {
    let rows = activations.rows();
    assert_eq!((gate.inputs, up.inputs), (activations.inputs(), activations.inputs()), "inputs");
    assert_eq!((up.outputs, out.len()), (gate.outputs, rows * gate.outputs), "outputs");
    let outs = Shared(out.as_mut_ptr());
    for_tiles(pool, gate.tile_count(), rows, activations.inputs(), |tile, rows| {
        let width = (gate.outputs - tile * 16).min(16);
        products(table, [gate, up], tile, x, activations, rows.clone(), |[gated, up]| {
            // SAFETY: both hold as many, and each is read before it is written.
            unsafe { (table.silu_mul)(gated.as_ptr(), up.as_ptr(), gated.len(), gated.as_mut_ptr()) };
            for (row, gated) in rows.zip(gated.chunks_exact(16)) {
                // SAFETY: as in `multiply`.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(outs.get().add(row * gate.outputs + tile * 16), width) };
                copy(gated, to);
            }
        });
    });
}

/// Computes one tile's products with `rows`, for each of `matrices`, and hands them to `each`: rows of sixteen.
fn products<const N: usize>(
    table: &Table,
    matrices: [&Matrix; N],
    tile: usize,
    x: &[f32],
    activations: &Activations,
    rows: Range<usize>,
    each: impl FnOnce([&mut [f32]; N]),
) {
    PRODUCTS.with_borrow_mut(|products| {
        let room = rows.len() * 16;
        products.resize(products.len().max(N * rows.len()), Line::default());
        // SAFETY: a line is sixteen floats.
        let products = unsafe { std::slice::from_raw_parts_mut(products.as_mut_ptr().cast::<f32>(), N * room) };
        for (matrix, products) in matrices.into_iter().zip(products.chunks_exact_mut(room)) {
            let in_panels = activations.in_panels(matrix);
            let mut first = rows.start;
            while first < rows.end {
                let left = rows.end - first;
                let (count, kernel) = match (table.many)(matrix.layout) {
                    Some(many) if first < in_panels => (left.min(in_panels - first), many),
                    _ => (left.min(MAX_ROWS), table.gemm(matrix.layout)),
                };
                let out = products[(first - rows.start) * 16..][..count * 16].as_mut_ptr();
                let args = activations.tile_args(matrix, tile, x, first, out);
                // SAFETY: `args` describes rows `first..first + count` and a whole tile; the processor was checked when
                // the table was chosen.
                unsafe { kernel(&args, count) };
                first += count;
            }
        }
        let mut parts = products.chunks_exact_mut(room);
        each(std::array::from_fn(|_| parts.next().unwrap_or_default()));
    });
}

/// Copies as many as there is room for: mostly all sixteen, and then their number is known to the compiler.
fn copy(products: &[f32], to: &mut [f32]) {
    match (products.first_chunk::<16>(), to.first_chunk_mut::<16>()) {
        (Some(products), Some(to)) => *to = *products,
        _ => to.copy_from_slice(&products[..to.len()]),
    }
}

thread_local! {
    /// Where a thread keeps the products of a tile until they are finished.
    static PRODUCTS: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Runs `each(tile, rows)` for all tiles and rows, in pieces that keep a panel of activations in the second-level cache
/// while tiles stream past it.
fn for_tiles(pool: &mut Pool, tiles: usize, rows: usize, inputs: usize, each: impl Fn(usize, Range<usize>) + Sync) {
    const PANEL_BYTES: usize = 768 << 10;
    let panel = (PANEL_BYTES / inputs / panel::ROWS * panel::ROWS).clamp(panel::ROWS, 1 << 16).min(rows.max(1));
    let panels = rows.div_ceil(panel);
    let shares = pool.threads();
    pool.run(panels * shares * PIECES, |piece| {
        let (panel_index, piece) = (piece / (shares * PIECES), piece % (shares * PIECES));
        let rows = panel_index * panel..rows.min((panel_index + 1) * panel);
        for tile in tiles_of(piece, shares, tiles) {
            each(tile, rows.clone());
        }
    });
}

/// Pieces of a thread's share of the tiles.
const PIECES: usize = 16;

/// The tiles of one piece. A thread goes through its share without a stop: first in large pieces, and at the end, from where others take when
/// they are done, in small ones, so that all end at nearly the same time.
fn tiles_of(piece: usize, shares: usize, tiles: usize) -> Range<usize> {
    const LARGE: usize = PIECES / 2;
    // As many times a small piece.
    const FACTOR: usize = 7;
    const SMALL_PIECES: usize = LARGE * FACTOR + (PIECES - LARGE);
    let (share, piece) = (piece / PIECES, piece % PIECES);
    let (start, end) = (tiles * share / shares, tiles * (share + 1) / shares);
    let at = |piece: usize| {
        let small = piece.min(LARGE) * FACTOR + piece.saturating_sub(LARGE);
        start + (end - start) * small / SMALL_PIECES
    };
    at(piece)..at(piece + 1)
}

#[cfg(test)]
mod tests {
    use super::{PIECES, tiles_of};

    #[test]
    fn pieces_are_all_tiles_in_order() {
        for shares in 1..5 {
            for tiles in [0, 1, 2, 5, 16, 97, 128, 560, 9496] {
                let all: Vec<usize> = (0..shares * PIECES).flat_map(|piece| tiles_of(piece, shares, tiles)).collect();
                assert!(all.into_iter().eq(0..tiles), "{shares} {tiles}");
            }
        }
    }
}
