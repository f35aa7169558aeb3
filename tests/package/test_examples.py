#!/usr/bin/env python3
"""Builds the programs of docs/examples/ against an installed trady, and runs them.

usage: test_examples.py CMAKE BUILD_FOLDER NETWORK FASHION_MNIST
"""

import gzip
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples"
IMAGES_PER_CLASS = 400
KNOWN, OTHER = range(0, 5), range(5, 10)  # classes that the network has and has not seen


def main(cmake, build, network, fashion_mnist):
    if not Path(fashion_mnist).is_dir():
        print(f"SKIP: {fashion_mnist} is missing (Debian: dataset-fashion-mnist)")
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        prefix = folder / "prefix"
        run(cmake, "--install", build, "--prefix", prefix)
        require_whole_headers(prefix)
        write_images(Path(fashion_mnist), folder / "known", KNOWN)
        write_images(Path(fashion_mnist), folder / "other", OTHER)

        finetune = built(cmake, "finetune", prefix, folder)
        output = run(finetune, network, folder / "other", folder / "out.safetensors")
        print(output)
        losses = numbers(output, "loss")
        require(len(losses) == 3 and losses[-1] < losses[0] * 0.7, "the loss falls over 3 epochs")
        require(numbers(output, "accuracy")[-1] > 0.6, "most training images are classified right")
        inspected = run(prefix / "bin/trady", "inspect", folder / "out.safetensors")
        require("mbv2-w0.35" in inspected, "the installed trady reads the weights")

        method = built(cmake, "method", prefix, folder)
        output = run(method, network, folder / "known")
        print(output)
        elements = [(int(used), int(budget))
                    for used, budget in re.findall(r"(\d+) of (\d+) elements", output)]
        convs = re.findall(r" of ([^ ,]+),", output)
        require(len(elements) == 3 and all(b / 2 < used <= b for used, b in elements),
                "each epoch fills the budget and keeps to it")
        require(len(set(convs)) == 3, "each epoch has another conv")
        require(numbers(output, "accuracy")[-1] > 0.8, "the network has not forgotten")


def built(cmake, example, prefix, folder):
    """The program, configured as users do: nothing but find_package knows where trady is."""
    build = folder / example
    run(cmake, "-S", EXAMPLES / example, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    commands = (build / "compile_commands.json").read_text()
    require(str(ROOT / "engine") not in commands and f"-I{ROOT}" not in commands,
            "nothing is included from the source tree")
    require("-Wconversion" not in commands, "the warnings of trady are not those of its users")
    run(cmake, "--build", build)
    return build / example


def require_whole_headers(prefix):
    """Every installed header compiles with what is installed."""
    include = prefix / "include/trady"
    headers = sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))
    require(len(headers) > 50, "headers are installed")
    source = "".join(f'#include "{header}"\n' for header in headers)
    run(os.environ.get("CXX", "c++"), "-std=c++20", "-fsyntax-only", f"-I{include}", "-x", "c++",
        "-", input=source)


def write_images(source, target, classes):
    """IDX files of the first training images of these classes, labelled from 0."""
    pixels = gzip.decompress((source / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((source / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    rows, columns = struct.unpack(">II", pixels[8:16])
    size = rows * columns
    chosen = []
    for label in classes:
        chosen += [i for i, other in enumerate(labels) if other == label][:IMAGES_PER_CLASS]
    chosen.sort()
    target.mkdir()
    (target / "train-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 0x803, len(chosen), rows, columns)
        + b"".join(pixels[16 + i * size : 16 + (i + 1) * size] for i in chosen))
    (target / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 0x801, len(chosen))
        + bytes(labels[i] - classes.start for i in chosen))


def numbers(text, name):
    return [float(number) for number in re.findall(f"{name} ([0-9.]+)", text)]


def run(*command, input=None):
    done = subprocess.run([str(word) for word in command], input=input, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    require(done.returncode == 0, f"{command[0]} succeeds; it says:\n{done.stdout[-4000:]}")
    return done.stdout


def require(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


if __name__ == "__main__":
    main(*sys.argv[1:])
