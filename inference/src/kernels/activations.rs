//! Rows of activations, rounded to 8 bits as the matrices that they are multiplied with want them.

use super::gemm::{BLOCK, TileArgs};
use super::matrix::{Matrix, Shared};
use super::pack::Correction;
use super::panel::{self, Line};
use super::pool::Pool;
use super::table::Table;

/// How many inputs may share a scale: 128 for small blocks, 256 for the K kinds.
const GROUPS: [usize; 2] = [128, 256];

/// Rows of activations, shape (rows, inputs), ready for products with the matrices they were set for.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    rows: usize,
    inputs: usize,
    /// One for each of [`GROUPS`]; empty where no matrix wants it.
    rounded: [Rounded; GROUPS.len()],
}

/// Rows rounded with one scale for each group of inputs.
#[derive(Debug, Default)]
struct Rounded {
    /// So many rows lie in panels, the others row by row.
    in_panels: usize,
    panels: Vec<Line>,
    values: Vec<i8>,
    scales: Vec<f32>,
    /// Of each 16.
    sums: Vec<i32>,
    corrections: Vec<(Correction, Vec<i32>)>,
}

impl Activations {
    /// Rounds `x`, shape (rows, inputs), for products with `matrices`. Buffers are kept for the next time.
    pub(crate) fn set(&mut self, table: &Table, pool: &mut Pool, x: &[f32], inputs: usize, matrices: &[&Matrix]) {
        (self.rows, self.inputs) = (x.len() / inputs, inputs);
        for (rounded, group) in self.rounded.iter_mut().zip(GROUPS) {
            let layouts =
                || matrices.iter().map(|matrix| matrix.layout()).filter(|layout| layout.group() == Some(group));
            let mut wanted: Vec<Correction> = Vec::new();
            for correction in layouts().filter_map(|layout| layout.correction()) {
                if !wanted.contains(&correction) {
                    wanted.push(correction);
                }
            }
            if !wanted.is_empty() {
                let panels = group == panel::INPUTS && layouts().all(|layout| (table.many)(layout).is_some());
                rounded.set(table, pool, x, inputs, group, &wanted, panels);
            }
        }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How long each is.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many rows, the first ones, are for the kernel for many rows of `matrix`.
    pub(crate) fn in_panels(&self, matrix: &Matrix) -> usize {
        self.rounded_for(matrix).map_or(0, |(rounded, _)| rounded.in_panels)
    }

    fn rounded_for(&self, matrix: &Matrix) -> Option<(&Rounded, usize)> {
        let group = matrix.layout().group()?;
        self.rounded.iter().zip(GROUPS).find(|(_, its)| *its == group)
    }

    /// The arguments for rows from `first` on times tile `tile` of `matrix`. `floats` is what these were set from.
    pub(crate) fn tile_args(
        &self,
        matrix: &Matrix,
        tile: usize,
        floats: &[f32],
        first: usize,
        out: *mut f32,
    ) -> TileArgs {
        let inputs = self.inputs;
        let mut args = TileArgs {
            weights: matrix.tile(tile),
            inputs,
            quantized: std::ptr::null(),
            scales: std::ptr::null(),
            scale_stride: 0,
            corrections: std::ptr::null(),
            correction_stride: 0,
            floats: floats[first * inputs..].as_ptr(),
            out,
        };
        let Some((rounded, group)) = self.rounded_for(matrix) else { return args };
        if first < rounded.in_panels {
            let lines = panel::BYTES / size_of::<Line>() * (inputs / panel::INPUTS);
            args.quantized = rounded.panels[first / panel::ROWS * lines..].as_ptr().cast();
            return args;
        }
        let row = first - rounded.in_panels;
        args.quantized = rounded.values[row * inputs..].as_ptr();
        args.scale_stride = inputs.div_ceil(group);
        args.scales = rounded.scales[row * args.scale_stride..].as_ptr();
        if let Some(wanted) = matrix.layout().correction()
            && let Some((_, values)) = rounded.corrections.iter().find(|(kind, _)| *kind == wanted)
        {
            args.correction_stride = inputs / wanted.inputs();
            args.corrections = values[row * args.correction_stride..].as_ptr();
        }
        args
    }
}

impl Rounded {
    fn set(
        &mut self,
        table: &Table,
        pool: &mut Pool,
        x: &[f32],
        inputs: usize,
        group: usize,
        wanted: &[Correction],
        panels: bool,
    ) {
        let rows = x.len() / inputs;
        self.in_panels = if panels { rows / panel::ROWS * panel::ROWS } else { 0 };
        let rest = rows - self.in_panels;
        let (groups, halves) = (inputs.div_ceil(group), inputs / 16);
        let panel_lines = panel::BYTES / size_of::<Line>();
        self.panels.resize(self.in_panels / panel::ROWS * groups * panel_lines, Line::default());
        self.values.resize(rest * inputs, 0);
        self.scales.resize(rest * groups, 0.0);
        self.sums.resize(rest * halves, 0);
        self.corrections.resize_with(wanted.len(), || (wanted[0], Vec::new()));
        for ((kind, values), wanted) in self.corrections.iter_mut().zip(wanted) {
            *kind = *wanted;
            values.resize(rest * (inputs / kind.inputs()), 0);
        }
        let in_panels = self.in_panels;
        let panels = Shared(self.panels.as_mut_ptr().cast::<u8>());
        let values = Shared(self.values.as_mut_ptr());
        let scales = Shared(self.scales.as_mut_ptr());
        let sums = Shared(self.sums.as_mut_ptr());
        let corrections: Vec<_> = self.corrections.iter_mut().map(|(k, v)| (*k, Shared(v.as_mut_ptr()))).collect();
        const ROWS: usize = 4;
        pool.run(rows.div_ceil(ROWS), |piece| {
            for row in piece * ROWS..rows.min(piece * ROWS + ROWS) {
                let x = x[row * inputs..][..inputs].as_ptr();
                // SAFETY: `x` is a whole row, the buffers hold as many rows as are in panels and not, and each is written
                // once. Panels take whole groups: their kinds have inputs in multiples of one.
                unsafe {
                    if row < in_panels {
                        let panels = panels.get().add(row / panel::ROWS * groups * panel::BYTES);
                        for g in 0..groups {
                            let (mut values, mut scale) = ([0; panel::INPUTS], 0.0);
                            let mut sums = [0; panel::INPUTS / 16];
                            let x = x.add(g * group);
                            (table.quantize)(x, group, group, values.as_mut_ptr(), &mut scale, sums.as_mut_ptr());
                            panel::put(panels.add(g * panel::BYTES), row % panel::ROWS, &values, scale, &sums);
                        }
                        continue;
                    }
                    let row = row - in_panels;
                    let (scales, sums) = (scales.get().add(row * groups), sums.get().add(row * halves));
                    (table.quantize)(x, inputs, group, values.get().add(row * inputs), scales, sums);
                    let sums = std::slice::from_raw_parts(sums, halves);
                    let scales = std::slice::from_raw_parts(scales, groups);
                    for (kind, values) in &corrections {
                        let length = inputs / kind.inputs();
                        let values = std::slice::from_raw_parts_mut(values.get().add(row * length), length);
                        correct(*kind, sums, |input| scales[input / group], values);
                    }
                }
            }
        });
    }
}

/// Writes one kind of corrections for a row, from its sums of 16.
fn correct(kind: Correction, sums: &[i32], scale: impl Fn(usize) -> f32, to: &mut [i32]) {
    let blocks = sums.chunks_exact(2).map(|pair| pair[0] + pair[1]).enumerate();
    match kind {
        Correction::ScaledSums => {
            for ((block, sum), to) in blocks.zip(to) {
                *to = (sum as f32 * scale(block * BLOCK)).to_bits() as i32;
            }
        }
        Correction::Sums => {
            for ((_, sum), to) in blocks.zip(to) {
                *to = (sum as f32).to_bits() as i32;
            }
        }
        Correction::Blocks(zero) => {
            for ((_, sum), to) in blocks.zip(to) {
                *to = -zero * sum;
            }
        }
        Correction::Halves(zero) => {
            for (sum, to) in sums.iter().zip(to) {
                *to = -zero * sum;
            }
        }
    }
}
