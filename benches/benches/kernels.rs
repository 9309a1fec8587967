//! Matrix products of the shapes and types of the default models, beside what the machine gives at most.
//!
//! `cargo bench -p halfline-benches --bench kernels`. One row is judged by bytes read, from so many copies of the weights
//! that no cache holds them; many rows by integer operations: criterion's throughput is in elements, one element an
//! operation (multiplications and additions counted apart). The fraction of what the machine gave just before, by the
//! median of criterion's samples, is printed below each figure.

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halfline_inference::kernels::{self, Arena, Layout, Matrix, Pool};

/// Type in the file, how it is packed, outputs and inputs.
const SHAPES: [(GgmlDType, Layout, usize, usize); 9] = [
    (GgmlDType::Q4K, Layout::Q4K, 8960, 1536),
    (GgmlDType::Q6K, Layout::Q6K, 1536, 8960),
    (GgmlDType::Q5K, Layout::Q5K, 8960, 1536),
    (GgmlDType::Q5_0, Layout::Q5_0, 4864, 896),
    (GgmlDType::Q8_0, Layout::Q8_0, 4864, 896),
    (GgmlDType::Q4_0, Layout::Q4_0, 4864, 896),
    (GgmlDType::Q4_1, Layout::Q4_1, 4864, 896),
    (GgmlDType::F16, Layout::F16, 4864, 896),
    (GgmlDType::BF16, Layout::BF16, 4864, 896),
];
const ROWS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 512];
/// Bytes of weights that one row goes through in turn.
const BYTES: usize = 512 << 20;

fn products(criterion: &mut Criterion) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut pool = Pool::new(threads);
    eprintln!("{}, {threads} threads", kernels::isa());
    for (dtype, layout, outputs, inputs) in SHAPES {
        let weights = Tensor::randn(0.0f32, 1.0, (outputs, inputs), &Device::Cpu).expect("weights");
        let quantised = QTensor::quantize(&weights, dtype).expect("quantised weights");
        let bytes = quantised.data().expect("their bytes");
        let mut arena = Arena::default();
        let mut pack = |_| {
            Matrix::pack(&mut pool, &mut arena, layout, outputs, inputs, &bytes, &|row| row).expect("packed weights")
        };
        let first = pack(0);
        let copies = BYTES / first.bytes();
        let matrices: Vec<Matrix> = std::iter::once(first).chain((1..copies).map(pack)).collect();
        let mut group = criterion.benchmark_group(format!("{layout:?} {outputs}x{inputs}"));
        group.sample_size(10);
        for rows in ROWS {
            let x: Vec<f32> = (0..rows * inputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            let (of, limit, amount) = if rows == 1 {
                let amount = matrices[0].bytes();
                group.throughput(Throughput::Bytes(amount as u64));
                ("the bandwidth", kernels::read_limit(threads).expect("memory to read"), amount)
            } else {
                let amount = 2 * rows * outputs * inputs;
                group.throughput(Throughput::Elements(amount as u64));
                ("the integer peak", kernels::int8_limit(threads), amount)
            };
            let mut rates = Vec::new();
            let mut next = 0;
            group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
                bencher.iter_custom(|iterations| {
                    let start = Instant::now();
                    for _ in 0..iterations {
                        // Of many rows the weights are the least part: they stay where they are.
                        next = if rows == 1 { (next + 1) % matrices.len() } else { 0 };
                        black_box(matrices[next].product(&mut pool, &x));
                    }
                    let took = start.elapsed();
                    rates.push(rate(amount, iterations, took));
                    took
                });
            });
            rates.sort_by(f64::total_cmp);
            if let Some(rate) = rates.get(rates.len() / 2) {
                eprintln!("    {:.3} of {of}, {:.1} e9/s", rate / limit, limit / 1e9);
            }
        }
        group.finish();
    }
}

fn rate(amount: usize, iterations: u64, took: Duration) -> f64 {
    amount as f64 * iterations as f64 / took.as_secs_f64()
}

criterion_group!(benches, products);
criterion_main!(benches);
