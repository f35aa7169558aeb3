#!/usr/bin/env python3
"""Registers, shared memory and spills of every CUDA kernel, as nvcc and ptxas report them.

usage: kernel_resources.py            compares with docs/kernel_resources.md
       kernel_resources.py --write    writes that file

A kernel that spills, or that uses more than the committed table says, fails the comparison: look
why, then write the table anew and say so in the commit. With another nvcc than the table's, only
spills and shared memory fail. Shared memory is dynamic, one struct a kernel, of which ptxas knows
nothing; kernels/cuda/device/shared_memory.cuh leaves its size in the kernel's PTX. Without nvcc
nothing is compared, and it says so.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "kernel_resources.md"
ARCHITECTURES = ("sm_80", "sm_90")
# No kernels, and headers that may be missing.
VENDOR_SOURCES = ("cublas_passes.cu", "cudnn_passes.cu")
ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
PTX_ENTRY = re.compile(r"\.entry (\w+)\(")
PTX_SHARED = re.compile(r"// shared memory: (\d+) bytes")
VERSION = re.compile(r"release (\S+),")


def nvcc():
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    found = pathlib.Path(home) / "bin" / "nvcc"
    return str(found) if found.exists() else shutil.which("nvcc")


def nvcc_version():
    shown = subprocess.run([nvcc(), "--version"], capture_output=True, text=True).stdout
    return VERSION.search(shown)[1]


def compile_of(source, architecture):
    """What ptxas reports, and the PTX."""
    with tempfile.TemporaryDirectory() as folder:
        command = [nvcc(), "-std=c++20", "--expt-relaxed-constexpr", "-I", str(ROOT), "-cubin"]
        command += [f"-arch={architecture}", "-Xptxas", "-v", "--keep", "--keep-dir", folder]
        command += ["-o", f"{folder}/out", str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{source}: nvcc failed\n{done.stderr}")
        return done.stderr, (pathlib.Path(folder) / f"{source.stem}.ptx").read_text()


def shared_bytes_of(ptx):
    """{mangled kernel: bytes of its struct}, of those that have one."""
    result = {}
    kernel = None
    for line in ptx.splitlines():
        if found := PTX_ENTRY.search(line):
            kernel = found[1]
        elif found := PTX_SHARED.search(line):
            result[kernel] = int(found[1])
    return result


def short_name(mangled):
    """Without namespaces and parameters; enumerators stay as numbers."""
    name = subprocess.run(["c++filt", mangled], capture_output=True, text=True).stdout.strip()
    name = re.sub(r"\(anonymous namespace\)::|trady::kernels::(cuda::)?", "", name)
    name = name.removeprefix("void ")
    depth = 0
    for i, c in enumerate(name):
        depth += (c == "<") - (c == ">")
        # A parameter list opens outside of template arguments.
        if c == "(" and depth == 0:
            return name[:i]
    return name


def measure():
    """{(file, kernel): {"shared": bytes, architecture: (registers, stack, spill bytes)}}"""
    sources = sorted((ROOT / "kernels" / "cuda").glob("*.cu"))
    sources = [source for source in sources if source.name not in VENDOR_SOURCES]
    jobs = [(source, architecture) for source in sources for architecture in ARCHITECTURES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = list(pool.map(lambda job: compile_of(*job), jobs))
    result = {}
    for (source, architecture), (report, ptx) in zip(jobs, compiled):
        shared_bytes = shared_bytes_of(ptx)
        kernel = stack = spill = None
        for line in report.splitlines():
            if found := ENTRY.search(line):
                kernel = found[1]
            elif found := STACK.search(line):
                stack, spill = int(found[1]), int(found[2]) + int(found[3])
            elif (found := USED.search(line)) and kernel:
                row = result.setdefault((source.name, short_name(kernel)), {})
                row["shared"] = shared_bytes.get(kernel, 0)
                row[architecture] = (int(found[1]), stack, spill)
                kernel = None
    return result


def lines_of(result):
    head = ["file", "kernel", "shared bytes"]
    for architecture in ARCHITECTURES:
        head += [f"{architecture} registers", "stack bytes", "spill bytes"]
    yield "# Registers, shared memory and spills of the CUDA kernels"
    yield ""
    yield f"Written by `.ci/kernel_resources.py --write`, from `nvcc -Xptxas -v`, nvcc {nvcc_version()}."
    yield "Shared memory is a block's, the struct that the kernel asks for: all of it is dynamic."
    yield "Numbers among template arguments are enumerators: precision 0 is TF32, 1 is fp32; pass 0 is"
    yield "forward, 1 grad_input; activation 0 is none, 1 ReLU, 2 ReLU6."
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for (source, kernel), row in sorted(result.items()):
        cells = [source, f"`{kernel}`", str(row["shared"])]
        for architecture in ARCHITECTURES:
            cells += [str(value) for value in row.get(architecture, ("", "", ""))]
        yield "| " + " | ".join(cells) + " |"


def committed():
    result = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 + 3 * len(ARCHITECTURES) and cells[2].isdigit():
            shared, *values = [int(cell) for cell in cells[2:]]
            row = {"shared": shared}
            for i, architecture in enumerate(ARCHITECTURES):
                row[architecture] = tuple(values[3 * i : 3 * i + 3])
            result[(cells[0], cells[1].strip("`"))] = row
    return result


def complaints(measured, before, same_compiler):
    for key, row in measured.items():
        old_shared = before.get(key, row)["shared"]
        if row["shared"] > old_shared:
            yield f"{key[0]}: {key[1]}: {row['shared']} bytes of shared memory; was {old_shared}"
        for architecture in ARCHITECTURES:
            registers, stack, spill = row[architecture]
            old = before.get(key, {}).get(architecture)
            where = f"{key[0]}: {key[1]} on {architecture}"
            if spill > 0:
                yield f"{where} spills {spill} bytes"
            if not same_compiler:
                continue
            if old is None:
                yield f"{where} is not in the table"
            elif registers > old[0] or stack > old[1]:
                yield f"{where}: {registers} registers, {stack} bytes of stack; was {old[0]}, {old[1]}"
    for key in before.keys() - measured.keys():
        yield f"{key[0]}: {key[1]} is in the table and no longer there"


def main():
    if nvcc() is None:
        print("SKIP: no nvcc, so registers, shared memory and spills are not compared")
        return
    measured = measure()
    if sys.argv[1:] == ["--write"]:
        TABLE.write_text("\n".join(lines_of(measured)) + "\n")
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    same_compiler = f"nvcc {nvcc_version()}." in TABLE.read_text()
    found = list(complaints(measured, committed(), same_compiler))
    print("\n".join(found) or f"{len(measured)} kernels, as {TABLE.relative_to(ROOT)} says")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
