//! Benches of the kernels are in `benches/`, the comparison with llama.cpp in `compare/`, what they printed in `results/`.
