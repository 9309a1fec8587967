#!/usr/bin/env python3
"""Static libraries that stand in for NVIDIA's shared ones until the first call.

A program linked with libcuda does not start where there is no driver. One linked with these starts anywhere: each
function is a jump whose target is looked up when it is called first, in the real library; where there is none, calls
return an error and the program goes on without a card. For x86-64 and ELF.

    trampolines.py CUDARC_SOURCE DIRECTORY    writes DIRECTORY/lib{cuda,cublas,cublasLt,curand,nvrtc}.a
"""

import pathlib
import re
import subprocess
import sys

# Library, where cudarc binds it, the real file, and what its functions return where that is missing. The codes are
# CUDA_ERROR_NO_DEVICE, ..._NOT_INITIALIZED and NVRTC_ERROR_INTERNAL_ERROR: cudarc has an enum member for each.
LIBRARIES = [
    ("cuda", "driver", "libcuda.so.1", 100),
    ("cublas", "cublas", "libcublas.so.13", 1),
    ("cublasLt", "cublaslt", "libcublasLt.so.13", 1),
    ("curand", "curand", "libcurand.so.10", 101),
    ("nvrtc", "nvrtc", "libnvrtc.so.13", 11),
]

SOURCE = """\
#include <dlfcn.h>

static const char *const names[] = {{{names}}};
void *{lib}_targets[sizeof names / sizeof *names] __attribute__((visibility("hidden")));

static int missing(void) {{ return {status}; }}

__attribute__((visibility("hidden"))) void *{lib}_find(unsigned index) {{
    // The loader keeps count and takes its own lock, so threads may come here at once.
    void *library = dlopen("{file}", RTLD_NOW | RTLD_GLOBAL);
    void *target = library ? dlsym(library, names[index]) : 0;
    if (!target) target = (void *)missing;
    __atomic_store_n(&{lib}_targets[index], target, __ATOMIC_RELEASE);
    return target;
}}

__asm__(
    ".text\\n"
    "{lib}_first:\\n"  // r11: index. Everything that can hold an argument is kept.
    "push %rdi\\n push %rsi\\n push %rdx\\n push %rcx\\n push %r8\\n push %r9\\n sub $136, %rsp\\n"
    "movups %xmm0, (%rsp)\\n movups %xmm1, 16(%rsp)\\n movups %xmm2, 32(%rsp)\\n movups %xmm3, 48(%rsp)\\n"
    "movups %xmm4, 64(%rsp)\\n movups %xmm5, 80(%rsp)\\n movups %xmm6, 96(%rsp)\\n movups %xmm7, 112(%rsp)\\n"
    "movl %r11d, %edi\\n call {lib}_find\\n movq %rax, %r11\\n"
    "movups (%rsp), %xmm0\\n movups 16(%rsp), %xmm1\\n movups 32(%rsp), %xmm2\\n movups 48(%rsp), %xmm3\\n"
    "movups 64(%rsp), %xmm4\\n movups 80(%rsp), %xmm5\\n movups 96(%rsp), %xmm6\\n movups 112(%rsp), %xmm7\\n"
    "add $136, %rsp\\n pop %r9\\n pop %r8\\n pop %rcx\\n pop %rdx\\n pop %rsi\\n pop %rdi\\n jmp *%r11\\n"
{jumps});
"""

JUMP = """\
    ".globl {name}\\n .type {name}, @function\\n{name}:\\n"
    "movq {lib}_targets+{offset}(%rip), %r11\\n test %r11, %r11\\n je 1f\\n jmp *%r11\\n"
    "1: movl ${index}, %r11d\\n jmp {lib}_first\\n"
"""


def main() -> None:
    cudarc, directory = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    for lib, module, file, status in LIBRARIES:
        bindings = (cudarc / "src" / module / "sys" / "mod.rs").read_text()
        names = sorted(set(re.findall(r'extern "C" \{\s*fn (\w+)\(', bindings)))
        if not names:
            sys.exit(f"{module}: no functions found in cudarc's bindings; has their form changed?")
        jumps = "".join(
            JUMP.format(lib=lib, name=name, index=index, offset=8 * index) for index, name in enumerate(names)
        )
        quoted = ", ".join(f'"{name}"' for name in names)
        source, object_ = directory / f"{lib}.c", directory / f"{lib}.o"
        source.write_text(SOURCE.format(lib=lib, names=quoted, file=file, status=status, jumps=jumps))
        subprocess.run(["cc", "-O2", "-fPIC", "-c", "-o", object_, source], check=True)
        archive = directory / f"lib{lib}.a"
        archive.unlink(missing_ok=True)
        subprocess.run(["ar", "rcs", archive, object_], check=True)
        print(f"{archive}: {len(names)} functions of {file}")


if __name__ == "__main__":
    main()
