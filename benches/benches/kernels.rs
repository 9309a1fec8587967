//! Matrix products of the shapes and types of the default models, beside what the machine gives at most.
//!
//! `cargo bench -p halfline-benches --bench kernels`. One row is judged by bytes read, many rows by integer operations:
//! criterion's throughput is in elements, one element an operation (multiplications and additions counted apart), and the
//! limits are printed first.

use std::hint::black_box;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use halfline_inference::kernels::{self, Layout, Limits, Matrix, Pool};

/// Type in the file, how it is packed, outputs and inputs.
const SHAPES: [(GgmlDType, Layout, usize, usize); 6] = [
    (GgmlDType::Q4K, Layout::Q4K, 8960, 1536),
    (GgmlDType::Q6K, Layout::Q6K, 1536, 8960),
    (GgmlDType::Q5_0, Layout::Q5_0, 4864, 896),
    (GgmlDType::Q8_0, Layout::Q8_0, 4864, 896),
    (GgmlDType::Q4_0, Layout::Q4_0, 4864, 896),
    (GgmlDType::Q5K, Layout::Q5K, 8960, 1536),
];
const ROWS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 512];

fn products(criterion: &mut Criterion) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut pool = Pool::new(threads);
    let limits = Limits::measure(threads).expect("memory to measure the bandwidth with");
    eprintln!(
        "{}, {threads} threads: {:.1} GB/s of reading, {:.0} Gop/s on 8-bit integers",
        kernels::isa(),
        limits.read / 1e9,
        limits.int8 / 1e9
    );
    for (dtype, layout, outputs, inputs) in SHAPES {
        let weights = Tensor::randn(0.0f32, 1.0, (outputs, inputs), &Device::Cpu).expect("weights");
        let quantised = QTensor::quantize(&weights, dtype).expect("quantised weights");
        let bytes = quantised.data().expect("their bytes");
        let matrix = Matrix::pack(&mut pool, layout, outputs, inputs, &bytes, &|row| row).expect("packed weights");
        let mut group = criterion.benchmark_group(format!("{layout:?} {outputs}x{inputs}"));
        group.sample_size(10);
        for rows in ROWS {
            let x: Vec<f32> = (0..rows * inputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            if rows == 1 {
                group.throughput(Throughput::Bytes(matrix.bytes() as u64));
            } else {
                group.throughput(Throughput::Elements((2 * rows * outputs * inputs) as u64));
            }
            group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
                bencher.iter(|| black_box(matrix.product(&mut pool, &x)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, products);
criterion_main!(benches);
