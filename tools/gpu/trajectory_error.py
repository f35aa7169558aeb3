#!/usr/bin/env python3
"""How far two devices are apart after the same training steps, relative to what the steps changed.

usage: trajectory_error.py FOLDER [--devices cpu,cuda] [--bounds STEPS:BOUND,...]

FOLDER is what bench_trajectory writes. For every number of steps: || a - b || / || a - start || over
all parameters. With bounds, a larger error, or one that was not measured, is a failure. Needs the
standard library alone.
"""
import argparse
import array
import json
import math
import pathlib
import re
import struct
import sys


def read_floats(path):
    """All F32 tensors of a safetensors file, by name."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        code = {"F32": "f", "F64": "d"}[entry["dtype"]]
        tensors[name] = array.array(code, data[begin:end])
    return tensors


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for name in a for x, y in zip(a[name], b[name], strict=True)))


def errors(folder, first, second):
    """{steps: error}; a weight that is not finite makes the error nan."""
    start = read_floats(folder / "start.safetensors")
    found = {}
    for path in folder.glob(f"ours_step*_{first}.safetensors"):
        steps = int(re.match(r"ours_step(\d+)_", path.name)[1])
        a = read_floats(path)
        b = read_floats(folder / f"ours_step{steps}_{second}.safetensors")
        found[steps] = distance(a, b) / distance(a, start)
    return dict(sorted(found.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--devices", default="cpu,cuda")
    parser.add_argument("--bounds", default="")
    args = parser.parse_args()
    bounds = {int(s): float(b) for s, b in (pair.split(":") for pair in args.bounds.split(",") if pair)}
    found = errors(args.folder, *args.devices.split(","))
    failed = [steps for steps in bounds if steps not in found]
    for steps, error in found.items():
        bound = bounds.get(steps)
        print(f"{args.devices}, {steps} steps: {error:.1e}" + (f" (bound {bound:g})" if bound else ""))
        if bound and not error <= bound:
            failed.append(steps)
    if failed:
        sys.exit(f"{args.folder}: too far apart, or not measured, after {failed} steps")


if __name__ == "__main__":
    main()
