#!/usr/bin/env bash
# Type-checks everything behind `--features cuda` on a machine with neither a card nor NVIDIA's compiler.
#
#   inference/cuda/check.sh            type check, about a minute once dependencies are checked
#   CARGO=... inference/cuda/check.sh  with another cargo
#
# A stand-in for nvcc writes empty kernels, so what comes out proves that the Rust code fits the CUDA libraries'
# interfaces and nothing more: it cannot be linked or run. `inference/cuda/build.sh` builds the real thing.
set -euo pipefail
cd "$(dirname "$0")/../.."

stand_in="$(mktemp -d)"
trap 'rm -rf "$stand_in"' EXIT
cat > "$stand_in/nvcc" <<'NVCC'
#!/usr/bin/env bash
# Writes what the build script expects to find: NAME.ptx in the output directory, or the file after -o.
source="" directory="" output="" ptx=""
while (($#)); do
    case "$1" in
        --version) echo "Cuda compilation tools, release 13.0, V13.0.0"; exit 0 ;;
        --list-gpu-code) echo "sm_${CUDA_COMPUTE_CAP:-90}"; exit 0 ;;
        --ptx) ptx=yes ;;
        --output-directory) directory="$2"; shift ;;
        -o) output="$2"; shift ;;
        *.cu) source="$1" ;;
    esac
    shift
done
if [[ -n $ptx ]]; then
    name="$(basename "$source" .cu)"
    : > "$directory/$name.ptx"
elif [[ -n $output ]]; then
    : > "$output"
fi
NVCC
chmod +x "$stand_in/nvcc"
mkdir -p "$stand_in/include"
: > "$stand_in/include/cuda.h"

export NVCC="$stand_in/nvcc" CUDA_HOME="$stand_in" CUDARC_CUDA_VERSION=13000
export CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-90}" CUDAFORGE_THREADS=1

"${CARGO:-cargo}" check --package halfline --package halfline-inference --features halfline/cuda,halfline-inference/cuda
