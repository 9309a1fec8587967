//! Every kernel of every instruction set that this processor has: products against weights that candle dequantised,
//! everything else against plain arithmetic, and all instruction sets against the reference bit for bit.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::activations::Activations;
use super::arena::Arena;
use super::matrix::{Finish, Matrix, multiply, multiply_gated};
use super::pack::Layout;
use super::pool::Pool;
use super::table::{Table, available};

const QUANTISED: [(Layout, GgmlDType); 8] = [
    (Layout::Q4_0, GgmlDType::Q4_0),
    (Layout::Q4_1, GgmlDType::Q4_1),
    (Layout::Q5_0, GgmlDType::Q5_0),
    (Layout::Q5_1, GgmlDType::Q5_1),
    (Layout::Q8_0, GgmlDType::Q8_0),
    (Layout::Q4K, GgmlDType::Q4K),
    (Layout::Q5K, GgmlDType::Q5K),
    (Layout::Q6K, GgmlDType::Q6K),
];

fn random(rng: &mut StdRng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-scale..scale)).collect()
}

/// Weights in a layout, and what candle says they are, shape (outputs, inputs).
fn weights(rng: &mut StdRng, dtype: GgmlDType, outputs: usize, inputs: usize) -> (Vec<u8>, Vec<f32>) {
    let tensor = Tensor::from_vec(random(rng, outputs * inputs, 0.5), (outputs, inputs), &Device::Cpu).unwrap();
    let quantised = QTensor::quantize(&tensor, dtype).unwrap();
    let exact = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    (quantised.data().unwrap().into_owned(), exact)
}

/// The product of the rounded activations with the exact weights, in 64 bits.
fn expected(table: &Table, x: &[f32], weights: &[f32], inputs: usize, group: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for row in x.chunks_exact(inputs) {
        let (mut q, mut scales, mut sums) =
            (vec![0i8; inputs], vec![0.0; inputs.div_ceil(group)], vec![0i32; inputs / 16]);
        // SAFETY: buffers of the stated sizes.
        unsafe {
            (table.quantize)(row.as_ptr(), inputs, group, q.as_mut_ptr(), scales.as_mut_ptr(), sums.as_mut_ptr())
        };
        for (i, sum) in sums.iter().enumerate() {
            assert_eq!(*sum, q[i * 16..][..16].iter().map(|&v| i32::from(v)).sum::<i32>());
        }
        for (i, (&q, &x)) in q.iter().zip(row).enumerate() {
            let scale = scales[i / group];
            assert!((f32::from(q) * scale - x).abs() <= scale * 0.501, "{q} * {scale} for {x}");
        }
        for weights in weights.chunks_exact(inputs) {
            let products = weights.iter().zip(&q).enumerate();
            out.push(products.map(|(i, (&w, &q))| f64::from(w) * f64::from(q) * f64::from(scales[i / group])).sum());
        }
    }
    out
}

fn product(table: &Table, pool: &mut Pool, matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let mut activations = Activations::default();
    activations.set(table, pool, x, matrix.inputs(), &[matrix]);
    let mut out = vec![0.0; x.len() / matrix.inputs() * matrix.outputs()];
    multiply(table, pool, &mut [(matrix, Finish::Store { bias: None }, &mut out)], x, &activations);
    out
}

#[test]
fn quantised_products_match_dequantised_weights_and_every_instruction_set_agrees() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut pool = Pool::new(2);
    for (layout, dtype) in QUANTISED {
        let unit = layout.source_block().0;
        let group = layout.group().unwrap();
        for case in 0..13 {
            let inputs = unit * rng.random_range(1..if unit == 256 { 5 } else { 20 });
            let outputs = rng.random_range(1..70);
            let rows = [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 25, 40, 100][case];
            let (bytes, exact) = weights(&mut rng, dtype, outputs, inputs);
            let matrix =
                Matrix::pack(&mut pool, &mut Arena::default(), layout, outputs, inputs, &bytes, &|i| i).unwrap();
            let x = random(&mut rng, rows * inputs, 3.0);
            let mut reference: Option<Vec<f32>> = None;
            for table in available().into_iter().rev() {
                let out = product(table, &mut pool, &matrix, &x);
                let bound = 1e-5 * inputs as f64;
                for (i, (&got, want)) in out.iter().zip(expected(table, &x, &exact, inputs, group)).enumerate() {
                    assert!(
                        (f64::from(got) - want).abs() <= bound,
                        "{layout:?} {} {rows}x{inputs}x{outputs} at {i}: {got} for {want}",
                        table.isa
                    );
                }
                let reference = reference.get_or_insert_with(|| out.clone());
                assert!(bits(reference) == bits(&out), "{layout:?}: {} differs from the reference", table.isa);
            }
        }
    }
}

#[test]
fn kinds_side_by_side_on_one_input_do_not_change_each_other() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut pool = Pool::new(2);
    for inputs in [256, 512, 768] {
        let matrices: Vec<Matrix> = QUANTISED
            .iter()
            .map(|&(layout, dtype)| {
                let (bytes, _) = weights(&mut rng, dtype, 33, inputs);
                Matrix::pack(&mut pool, &mut Arena::default(), layout, 33, inputs, &bytes, &|i| i).unwrap()
            })
            .collect();
        let rows = [rng.random_range(1..32), 32, rng.random_range(33..64), rng.random_range(64..100)];
        let inputs: Vec<Vec<f32>> = rows.iter().map(|rows| random(&mut rng, rows * inputs, 2.0)).collect();
        let mut reference: Vec<Vec<f32>> = Vec::new();
        for table in available().into_iter().rev() {
            let mut activations = Activations::default();
            let mut outs = Vec::new();
            // Other kinds each time, so that what is left in the buffers is of another shape.
            for (turn, x) in inputs.iter().enumerate() {
                let chosen: Vec<&Matrix> = matrices.iter().skip(turn % 3).step_by(1 + turn % 2).collect();
                activations.set(table, &mut pool, x, chosen[0].inputs(), &chosen);
                let mut together: Vec<Vec<f32>> = vec![vec![0.0; x.len() / chosen[0].inputs() * 33]; chosen.len()];
                let mut parts: Vec<_> = chosen
                    .iter()
                    .zip(&mut together)
                    .map(|(matrix, out)| (*matrix, Finish::Store { bias: None }, out.as_mut_slice()))
                    .collect();
                multiply(table, &mut pool, &mut parts, x, &activations);
                for (matrix, together) in chosen.into_iter().zip(together) {
                    let alone = product(table, &mut pool, matrix, x);
                    assert!(bits(&alone) == bits(&together), "{:?} {}", matrix.layout(), table.isa);
                    outs.push(together);
                }
            }
            if reference.is_empty() {
                reference = outs;
            } else {
                for (reference, out) in reference.iter().zip(&outs) {
                    assert!(bits(reference) == bits(out), "{} differs from the reference", table.isa);
                }
            }
        }
    }
}

#[test]
fn float_products_match() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut pool = Pool::new(2);
    let (outputs, inputs) = (37, 96);
    let exact = random(&mut rng, outputs * inputs, 0.5);
    for layout in [Layout::F32, Layout::F16, Layout::BF16] {
        let bytes: Vec<u8> = match layout {
            Layout::F32 => exact.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Layout::F16 => exact.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
            _ => exact.iter().flat_map(|&v| half::bf16::from_f32(v).to_le_bytes()).collect(),
        };
        let matrix = Matrix::pack(&mut pool, &mut Arena::default(), layout, outputs, inputs, &bytes, &|i| i).unwrap();
        let x = random(&mut rng, 9 * inputs, 3.0);
        for table in available() {
            let out = product(table, &mut pool, &matrix, &x);
            for (row, out) in x.chunks_exact(inputs).zip(out.chunks_exact(outputs)) {
                for (weights, got) in exact.chunks_exact(inputs).zip(out) {
                    let want: f64 = weights.iter().zip(row).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
                    let tolerance = if layout == Layout::F32 { 1e-4 } else { 0.2 };
                    assert!((f64::from(*got) - want).abs() < tolerance, "{layout:?} {}: {got} for {want}", table.isa);
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut pool = Pool::new(2);
    for (layout, dtype) in QUANTISED {
        let (outputs, inputs) = (48, 256 * rng.random_range(1..5));
        let (bytes, _) = weights(&mut rng, dtype, outputs, inputs);
        let matrix = Matrix::pack(&mut pool, &mut Arena::default(), layout, outputs, inputs, &bytes, &|i| i).unwrap();
        let rows = rng.random_range(33..100);
        let x = random(&mut rng, rows * inputs, 2.0);
        for table in available() {
            let together = product(table, &mut pool, &matrix, &x);
            for (row, together) in x.chunks_exact(inputs).zip(together.chunks_exact(outputs)) {
                let alone = product(table, &mut pool, &matrix, row);
                assert!(bits(&alone) == bits(together), "{layout:?} {}", table.isa);
            }
        }
    }
}

#[test]
fn several_matrices_bias_addition_and_gating() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut pool = Pool::new(2);
    let (inputs, rows) = (256, 5);
    let (a, _) = weights(&mut rng, GgmlDType::Q4K, 64, inputs);
    let (b, _) = weights(&mut rng, GgmlDType::Q6K, 30, inputs);
    let (c, _) = weights(&mut rng, GgmlDType::Q4K, 64, inputs);
    let a = Matrix::pack(&mut pool, &mut Arena::default(), Layout::Q4K, 64, inputs, &a, &|i| i).unwrap();
    let b = Matrix::pack(&mut pool, &mut Arena::default(), Layout::Q6K, 30, inputs, &b, &|i| 29 - i).unwrap();
    let c = Matrix::pack(&mut pool, &mut Arena::default(), Layout::Q4K, 64, inputs, &c, &|i| i).unwrap();
    let x = random(&mut rng, rows * inputs, 1.0);
    let bias = random(&mut rng, 64, 1.0);
    for table in available() {
        let (plain_a, plain_b, plain_c) =
            (product(table, &mut pool, &a, &x), product(table, &mut pool, &b, &x), product(table, &mut pool, &c, &x));
        let mut activations = Activations::default();
        activations.set(table, &mut pool, &x, inputs, &[&a, &b]);
        let (mut with_bias, mut added) = (vec![0.0; rows * 64], vec![1.0; rows * 30]);
        let finish = Finish::Store { bias: Some(&bias) };
        multiply(
            table,
            &mut pool,
            &mut [(&a, finish, &mut with_bias), (&b, Finish::Add, &mut added)],
            &x,
            &activations,
        );
        for (i, (got, plain)) in with_bias.iter().zip(&plain_a).enumerate() {
            assert_eq!(*got, plain + bias[i % 64]);
        }
        for (got, plain) in added.iter().zip(&plain_b) {
            assert_eq!(*got, 1.0 + plain);
        }
        activations.set(table, &mut pool, &x, inputs, &[&a, &c]);
        let mut gated = vec![0.0; rows * 64];
        multiply_gated(table, &mut pool, (&a, &c), &x, &activations, &mut gated);
        for ((got, gate), up) in gated.iter().zip(&plain_a).zip(&plain_c) {
            let want = f64::from(*gate) / (1.0 + (-f64::from(*gate)).exp()) * f64::from(*up);
            assert!((f64::from(*got) - want).abs() < 1e-5 * want.abs().max(1.0), "{}: {got} for {want}", table.isa);
        }
    }
}

#[test]
fn normalisation_rotation_and_halves() {
    let mut rng = StdRng::seed_from_u64(5);
    let n = 96;
    let (x, weight) = (random(&mut rng, n, 4.0), random(&mut rng, n, 1.0));
    let mean: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n as f64;
    for table in available() {
        let mut out = vec![0.0; n];
        // SAFETY: buffers of `n`.
        unsafe { (table.rms_norm)(x.as_ptr(), weight.as_ptr(), n, 1e-6, out.as_mut_ptr()) };
        for ((got, &x), &weight) in out.iter().zip(&x).zip(&weight) {
            let want = f64::from(x) / (mean + 1e-6).sqrt() * f64::from(weight);
            assert!((f64::from(*got) - want).abs() < 1e-5, "{}: {got} for {want}", table.isa);
        }
        let angles: Vec<f32> = (0..n / 2).map(|i| i as f32 * 0.1).collect();
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.iter().map(|a| (a.cos(), a.sin())).unzip();
        let mut rotated = x.clone();
        // SAFETY: `n` elements and half as many angles.
        unsafe { (table.rotate)(rotated.as_mut_ptr(), cos.as_ptr(), sin.as_ptr(), n / 2, 0.5) };
        for i in 0..n / 2 {
            let (a, b) = (x[i], x[n / 2 + i]);
            assert!((rotated[i] - 0.5 * (a * cos[i] - b * sin[i])).abs() < 1e-6);
            assert!((rotated[n / 2 + i] - 0.5 * (a * sin[i] + b * cos[i])).abs() < 1e-6);
        }
        let mut halves = vec![0u16; n];
        // SAFETY: buffers of `n`.
        unsafe { (table.to_f16)(x.as_ptr(), n, halves.as_mut_ptr()) };
        let want: Vec<u16> = x.iter().map(|&v| half::f16::from_f32(v).to_bits()).collect();
        assert_eq!(halves, want, "{}", table.isa);
    }
}

#[test]
fn attention_matches_and_does_not_depend_on_neighbours() {
    use half::f16;

    use super::attention::{AttendArgs, KEY_BLOCK};
    let mut rng = StdRng::seed_from_u64(6);
    for head_dim in [32, 48, 64, 128] {
        for rows in [1, 2, 3, 5, 6, 7, 8] {
            let positions: usize = rng.random_range(rows..100);
            let blocks = positions.div_ceil(KEY_BLOCK);
            let keys: Vec<f16> =
                random(&mut rng, blocks * KEY_BLOCK * head_dim, 1.0).into_iter().map(f16::from_f32).collect();
            let values: Vec<f16> =
                random(&mut rng, blocks * KEY_BLOCK * head_dim, 1.0).into_iter().map(f16::from_f32).collect();
            let queries = random(&mut rng, rows * head_dim, 1.0);
            let visible: Vec<usize> = (0..rows).map(|r| positions - rows + 1 + r).collect();
            let mut reference: Option<Vec<f32>> = None;
            for table in available().into_iter().rev() {
                let run = |first: usize, count: usize| {
                    let mut out = vec![0.0f32; count * head_dim];
                    let stride = blocks * KEY_BLOCK;
                    let mut scores = vec![0.0f32; count * stride];
                    let queries: Vec<_> =
                        queries.chunks_exact(head_dim).skip(first).take(count).map(<[f32]>::as_ptr).collect();
                    let outs: Vec<_> = out.chunks_exact_mut(head_dim).map(<[f32]>::as_mut_ptr).collect();
                    // SAFETY: everything has the stated shape.
                    unsafe {
                        (table.attend)(&AttendArgs {
                            queries: &queries,
                            visible: &visible[first..first + count],
                            keys: keys.as_ptr().cast(),
                            values: values.as_ptr().cast(),
                            head_dim,
                            scores: scores.as_mut_ptr(),
                            score_stride: stride,
                            out: &outs,
                        });
                    }
                    out
                };
                let out = run(0, rows);
                for r in 0..rows {
                    assert!(bits(&run(r, 1)) == bits(&out[r * head_dim..][..head_dim]), "{} row {r}", table.isa);
                    let scores: Vec<f64> = (0..visible[r])
                        .map(|p| {
                            let score = |d: usize| {
                                let key = keys[p / KEY_BLOCK * KEY_BLOCK * head_dim + d * KEY_BLOCK + p % KEY_BLOCK];
                                key.to_f64() * f64::from(queries[r * head_dim + d])
                            };
                            (0..head_dim).map(score).sum()
                        })
                        .collect();
                    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                    for d in 0..head_dim {
                        let value = |(p, s): (usize, &f64)| (s - largest).exp() * values[p * head_dim + d].to_f64();
                        let want = scores.iter().enumerate().map(value).sum::<f64>() / total;
                        let got = f64::from(out[r * head_dim + d]);
                        assert!(
                            (got - want).abs() < 1e-5,
                            "{} {rows}x{positions}x{head_dim}: {got} for {want}",
                            table.isa
                        );
                    }
                }
                let reference = reference.get_or_insert_with(|| out.clone());
                assert!(bits(reference) == bits(&out), "{} differs from the reference", table.isa);
            }
        }
    }
}

/// Floats as bits: equal means equal.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}
