//! Benches of the kernels and comparisons with peers belong here; there are none yet.
