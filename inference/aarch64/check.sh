#!/usr/bin/env bash
# Compiles the engine for AArch64 on another machine and runs its tests there, each instruction emulated: NEON's kernels
# against plain Rust bit for bit, the tiny models, the decoding and scheduling. Speed cannot be measured this way.
#
#   inference/aarch64/check.sh              a quarter of an hour of two cores from scratch, some minutes when dependencies are built
#   inference/aarch64/check.sh kernels      only tests with this in their names
#   CARGO=... RUSTC=... RUSTC_LIBRARIES=... with another toolchain; RUSTC_LIBRARIES is where its own libraries are
#
# Needs Rust's standard library for the target (`rustup target add aarch64-unknown-linux-gnu`), and, on Debian,
# `apt-get install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user-static`.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=aarch64-unknown-linux-gnu
system=/usr/aarch64-linux-gnu
[[ -n ${RUSTC_LIBRARIES:-} ]] && export LD_LIBRARY_PATH="$RUSTC_LIBRARIES"

missing() { printf '%s is not there: %s\n' "$1" "$2" >&2; exit 1; }
for program in aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64-static; do
    command -v "$program" > /dev/null \
        || missing "$program" 'apt-get install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user-static'
done
[[ -d $("${RUSTC:-rustc}" --print target-libdir --target "$target") ]] \
    || missing "Rust's standard library for $target" "rustup target add $target"

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# `max` has every extension that the emulator knows, the dot product among them.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu max -L $system"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/aarch64}"

# Not oracle.rs, which compares with candle on whole models: too much for an emulator.
"${CARGO:-cargo}" test --package halfline-inference --locked --target "$target" \
    --lib --test engine --test gguf --test real_vocabulary --test tiny_models -- "$@"
