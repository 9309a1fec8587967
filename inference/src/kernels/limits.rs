//! What this machine can give at most: bytes read and int8 operations done in a second, by the instruction set in use.
//!
//! Measured with the same threads and vectors that the products use, so that their speed can be given as a fraction.

use std::time::{Duration, Instant};

use super::pool::Pool;
use super::simd::Simd;
use super::table::best;

/// Bytes read by one measurement: far more than any cache holds.
const BUFFER: usize = 512 << 20;
/// Bytes that a thread reads at a time.
const STRETCH: usize = 1 << 20;
/// Rounds of the int8 loop in one piece of work.
const ROUNDS: usize = 1 << 14;
/// Independent sums of the int8 loop: enough to hide the latency of one product.
const SUMS: usize = 12;
/// Multiplications and additions of a round.
pub(super) const OPERATIONS: usize = SUMS * 128;
/// How long each limit is looked for.
const TIME: Duration = Duration::from_millis(500);

/// Bytes that this many threads read from memory in a second: the median of some passes over a large buffer, which is
/// given back afterwards. Machines that others share change within minutes, so measure next to what is compared with it.
///
/// # Errors
/// When there is no memory to read.
pub fn read_limit(threads: usize) -> std::io::Result<f64> {
    let mut pool = Pool::new(threads);
    let table = best();
    let mut buffer = memmap2::MmapMut::map_anon(BUFFER)?;
    // As weights lie.
    #[cfg(target_os = "linux")]
    let _ = buffer.advise(memmap2::Advice::HugePage);
    // Pages that were never written are all the same one.
    buffer.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    Ok(rate(BUFFER, || {
        pool.run(BUFFER / STRETCH, |piece| {
            // SAFETY: the stretch lies in the buffer; the instruction set is the table's own.
            unsafe { (table.read)(buffer[piece * STRETCH..].as_ptr(), STRETCH) };
        });
    }))
}

/// 8-bit multiplications and additions, each counted as one, that this many threads do in a second, measured alike.
pub fn int8_limit(threads: usize) -> f64 {
    let mut pool = Pool::new(threads);
    let table = best();
    let pieces = 8 * pool.threads();
    rate(pieces * ROUNDS * OPERATIONS, || {
        pool.run(pieces, |_| {
            // SAFETY: no memory is touched; the instruction set is the table's own.
            unsafe { (table.dots)(ROUNDS) };
        });
    })
}

/// The median rate of `work`, which does `amount`, over some time.
fn rate(amount: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || start.elapsed() < TIME {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
    }
    times.sort();
    amount as f64 / times[times.len() / 2].as_secs_f64()
}

/// Reads `bytes`, a multiple of 256.
///
/// # Safety
/// As many bytes are readable; see [`Simd`].
#[inline(always)]
pub(super) unsafe fn read<S: Simd>(from: *const u8, bytes: usize) {
    // SAFETY: the caller gives the bytes.
    unsafe {
        let mut sums = [S::splat(0.0); 4];
        for at in (0..bytes).step_by(256) {
            for (i, sum) in sums.iter_mut().enumerate() {
                S::prefetch(from.wrapping_add(at + 64 * i + 4096));
                *sum = S::add(*sum, S::load(from.add(at + 64 * i).cast()));
            }
        }
        std::hint::black_box(sums);
    }
}

/// Multiplies and adds `rounds` times twelve vectors of 64 bytes.
///
/// # Safety
/// See [`Simd`].
#[inline(always)]
pub(super) unsafe fn dots<S: Simd>(rounds: usize) {
    // SAFETY: a local array is read.
    unsafe {
        let bytes = std::hint::black_box([3u8; 64]);
        let weights = S::load_bytes(bytes.as_ptr());
        let mut sums = [S::splat_i(0); SUMS];
        for round in 0..rounds {
            for sum in &mut sums {
                *sum = S::dot(*sum, weights, round as i32 & 0x3f3f_3f3f);
            }
        }
        std::hint::black_box(sums);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_reads_and_multiplies() {
        let (read, int8) = (super::read_limit(1).unwrap(), super::int8_limit(1));
        assert!(read > 1e8 && int8 > 1e8, "{read} {int8}");
    }
}
