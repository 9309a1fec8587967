#!/usr/bin/env bash
# Builds `halfline` for NVIDIA cards on a machine that needs neither a card nor a driver: x86-64, Linux, glibc.
#
#   CUDA_COMPUTE_CAP=90 inference/cuda/build.sh      for cards of compute capability 9.0, into target/release/halfline
#   CUDA_TOOLKIT=DIR                                 where the compiler is, or is put (default: target/cuda-toolkit)
#   PROFILE=dev                                      another profile of cargo's than release
#
# The compiler comes from the Python packages of NVIDIA's CUDA 13.0 (270 MB). The program contains the kernels and the
# CUDA runtime; driver, cuBLAS and cuRAND are looked up when they are first called (trampolines.py), so the same program
# starts on machines without them and uses the processor there. Kernels run on the one capability they were compiled
# for, and other cards are refused. Twenty minutes of two cores from scratch.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${CUDA_COMPUTE_CAP:?set it to the compute capability of the card to build for, such as 90 for 9.0}"
export CUDA_COMPUTE_CAP CUDAFORGE_THREADS="${CUDAFORGE_THREADS:-1}"
toolkit="${CUDA_TOOLKIT:-$PWD/target/cuda-toolkit}"
if [[ ! -x $toolkit/nvidia/cu13/bin/nvcc ]]; then
    python3 -m pip install --no-cache-dir --target "$toolkit" 'cuda-toolkit[nvcc,cudart,cccl,crt,nvvm]==13.0.2'
fi
export CUDA_HOME="$toolkit/nvidia/cu13" CUDARC_CUDA_VERSION=13000
export NVCC="$CUDA_HOME/bin/nvcc" PATH="$CUDA_HOME/bin:$PATH"

# The packages have no libcudart.so to link with, and the static runtime under another name.
ln -sf libcudart_static.a "$CUDA_HOME/lib/libcudart.a"
cargo="${CARGO:-cargo}"
cudarc="$("$cargo" metadata --format-version 1 --features halfline/cuda \
    | python3 -c 'import json, os, sys; print(*(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "cudarc"))')"
python3 inference/cuda/trampolines.py "$cudarc" "$CUDA_HOME/lib/stubs"

"$cargo" build --profile "${PROFILE:-release}" --package halfline --features cuda "$@"
