//! Every kernel for every instruction set, and the choice between them, made once.

use std::sync::OnceLock;

use super::attention::{self, AttendArgs};
use super::gemm::{self, TileArgs};
use super::pack::Layout;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::x86_64::amx;
use super::{elementwise, kind, limits, scores};

/// The kernels of one instruction set. What a function asks of its pointers is said where the generic kernel is; that the
/// processor has the instructions is settled when a table is handed out.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name for people.
    pub isa: &'static str,
    gemm: [Kernel; Layout::ALL.len()],
    pub rms_norm: unsafe fn(*const f32, *const f32, usize, f32, *mut f32),
    pub quantize: unsafe fn(*const f32, usize, usize, *mut i8, *mut f32, *mut i32),
    pub silu_mul: unsafe fn(*const f32, *const f32, usize, *mut f32),
    pub rotate: unsafe fn(*mut f32, *const f32, *const f32, usize, f32),
    pub to_f16: unsafe fn(*const f32, usize, *mut u16),
    pub attend: unsafe fn(&AttendArgs<'_>),
    pub read: unsafe fn(*const u8, usize),
    pub dots: unsafe fn(usize),
    pub highest: unsafe fn(*const f32, usize) -> f32,
    pub sum_of_exp: unsafe fn(*const f32, usize, f32) -> f32,
    /// The tile kernel of a layout for rows in panels (see [`panel`](super::panel)), where there is one. Results are those of
    /// the other kernel, bit for bit.
    pub many: fn(Layout) -> Option<Kernel>,
}

/// Multiplies one tile with some rows.
pub(crate) type Kernel = unsafe fn(&TileArgs, usize);

impl Table {
    /// The tile kernel of a layout.
    pub(crate) fn gemm(&self, layout: Layout) -> Kernel {
        self.gemm[layout as usize]
    }
}

/// One module for each instruction set: the generic kernels inside functions that enable it.
macro_rules! table {
    ($name:ident, $isa:literal, $lanes:ty $(, $feature:meta)?) => {
        mod $name {
            use super::*;

            pub(super) const TABLE: Table = Table {
                isa: $isa,
                gemm: [f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4k, q5k, q6k],
                rms_norm,
                quantize,
                silu_mul,
                rotate,
                to_f16,
                attend,
                read,
                dots,
                highest,
                sum_of_exp,
                many: |_| None,
            };

            table!(@gemm $lanes, [$($feature)?], float_rows, gemm, f32 F32, f16 F16, bf16 BF16);
            table!(@gemm $lanes, [$($feature)?], rows, kind,
                q4_0 Q4_0, q4_1 Q4_1, q5_0 Q5_0, q5_1 Q5_1, q8_0 Q8_0, q4k Q4K, q5k Q5K, q6k Q6K);

            $(#[$feature])?
            unsafe fn rms_norm(x: *const f32, weight: *const f32, n: usize, epsilon: f32, out: *mut f32) {
                // SAFETY: the contract is the kernel's own.
                unsafe { elementwise::rms_norm::<$lanes>(x, weight, n, epsilon, out) }
            }
            $(#[$feature])?
            unsafe fn quantize(x: *const f32, n: usize, group: usize, out: *mut i8, scales: *mut f32, sums: *mut i32) {
                // SAFETY: the contract is the kernel's own.
                unsafe { elementwise::quantize::<$lanes>(x, n, group, out, scales, sums) }
            }
            $(#[$feature])?
            unsafe fn silu_mul(gate: *const f32, up: *const f32, n: usize, out: *mut f32) {
                // SAFETY: the contract is the kernel's own.
                unsafe { elementwise::silu_mul::<$lanes>(gate, up, n, out) }
            }
            $(#[$feature])?
            unsafe fn rotate(x: *mut f32, cos: *const f32, sin: *const f32, half: usize, scale: f32) {
                // SAFETY: the contract is the kernel's own.
                unsafe { elementwise::rotate::<$lanes>(x, cos, sin, half, scale) }
            }
            $(#[$feature])?
            unsafe fn to_f16(x: *const f32, n: usize, out: *mut u16) {
                // SAFETY: the contract is the kernel's own.
                unsafe { elementwise::to_f16::<$lanes>(x, n, out) }
            }
            $(#[$feature])?
            unsafe fn attend(args: &AttendArgs<'_>) {
                // SAFETY: the contract is the kernel's own.
                unsafe { attention::attend::<$lanes>(args) }
            }
            $(#[$feature])?
            unsafe fn read(from: *const u8, bytes: usize) {
                // SAFETY: the contract is the kernel's own.
                unsafe { limits::read::<$lanes>(from, bytes) }
            }
            $(#[$feature])?
            unsafe fn highest(scores: *const f32, n: usize) -> f32 {
                // SAFETY: the contract is the kernel's own.
                unsafe { scores::highest::<$lanes>(scores, n) }
            }
            $(#[$feature])?
            unsafe fn sum_of_exp(scores: *const f32, n: usize, shift: f32) -> f32 {
                // SAFETY: the contract is the kernel's own.
                unsafe { scores::sum_of_exp::<$lanes>(scores, n, shift) }
            }
            $(#[$feature])?
            unsafe fn dots(rounds: usize) {
                // SAFETY: the contract is the kernel's own.
                unsafe { limits::dots::<$lanes>(rounds) }
            }
        }
    };
    (@gemm $lanes:ty, $feature:tt, $rows:ident, $module:ident, $($fn:ident $kind:ident),+) => {
        $(table!(@one $lanes, $feature, $rows, $module, $fn, $kind);)+
    };
    (@one $lanes:ty, [$($feature:meta)?], $rows:ident, $module:ident, $fn:ident, $kind:ident) => {
        $(#[$feature])?
        unsafe fn $fn(args: &TileArgs, count: usize) {
            // SAFETY: the contract is the kernel's own.
            unsafe { gemm::$rows::<$lanes, $module::$kind>(args, count) }
        }
    };
}

table!(reference, "portable", super::super::reference::Reference);
#[cfg(target_arch = "x86_64")]
table!(
    avx512,
    "avx512-vnni",
    super::super::x86_64::avx512::Avx512,
    target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")
);
#[cfg(target_arch = "x86_64")]
table!(avx_vnni, "avx2-vnni", super::super::x86_64::avx2::Avx2<true>, target_feature(enable = "avx2,avxvnni,fma,f16c"));
#[cfg(target_arch = "x86_64")]
table!(avx2, "avx2", super::super::x86_64::avx2::Avx2<false>, target_feature(enable = "avx2,fma,f16c"));
#[cfg(target_arch = "aarch64")]
table!(neon, "neon-dotprod", super::super::aarch64::neon::Neon, target_feature(enable = "neon,dotprod"));

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
static AMX: Table = Table { isa: "avx512-amx", dots: amx::dots, many: amx::many, ..avx512::TABLE };

/// Every table that this processor can run, the fastest first, the reference last.
pub(crate) fn available() -> Vec<&'static Table> {
    let mut tables = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let fma = is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
        let has_wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni");
        if fma && is_x86_feature_detected!("avx2") {
            if has_wide {
                #[cfg(target_os = "linux")]
                if amx::available() {
                    tables.push(&AMX);
                }
                tables.push(&avx512::TABLE);
            }
            if is_x86_feature_detected!("avxvnni") {
                tables.push(&avx_vnni::TABLE);
            }
            tables.push(&avx2::TABLE);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("dotprod") {
        tables.push(&neon::TABLE);
    }
    tables.push(&reference::TABLE);
    tables
}

/// The fastest table for this processor. `HALFLINE_ISA` names another that it can run, for comparisons.
pub(crate) fn best() -> &'static Table {
    static BEST: OnceLock<&Table> = OnceLock::new();
    BEST.get_or_init(|| {
        let tables = available();
        if let Ok(wanted) = std::env::var("HALFLINE_ISA") {
            match tables.iter().find(|table| table.isa == wanted) {
                Some(table) => return table,
                None => {
                    let names: Vec<_> = tables.iter().map(|table| table.isa).collect();
                    tracing::warn!("HALFLINE_ISA={wanted} is not one of {}; it is ignored", names.join(", "));
                }
            }
        }
        tables[0]
    })
}
