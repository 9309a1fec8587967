//! Kernels: products of quantised weights with int8 activations, attention, and the small steps between them.
//!
//! Each kernel exists once, generic over sixteen lanes ([`simd`]); instruction sets are implementations of the lanes, and
//! [`table`] chooses one when the program starts. Nothing here knows a transformer: shapes and numbers only.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod activations;
mod arena;
mod attention;
mod elementwise;
mod gemm;
mod kind;
mod limits;
mod matrix;
mod pack;
mod panel;
mod pool;
mod reference;
mod scores;
mod simd;
mod table;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use arena::Arena;
pub use limits::{int8_limit, read_limit};
pub use matrix::{Matrix, PackError, RowOrder};
pub use pack::Layout;
pub use pool::Pool;
pub use scores::{argmax, probability_of};

pub(crate) use activations::Activations;
pub(crate) use attention::{AttendArgs, KEY_BLOCK, MAX_ROWS as ATTEND_ROWS};
pub(crate) use matrix::{Finish, Shared, multiply, multiply_gated};
pub(crate) use table::{Table, best};

/// The instruction set that the kernels use on this processor, for people: `avx512-vnni`, `avx2`, `portable`.
pub fn isa() -> &'static str {
    best().isa
}
