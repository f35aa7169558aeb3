#!/usr/bin/env python3
"""Lays out real data for the tests: unpacked images, converted weights, goldens as safetensors.

usage: prepare_data.py SOURCE DEST

SOURCE is the folder of real data (unpack.py, weights/, goldens/), or a part of it. A second call
does nothing unless SOURCE's files or the converter have changed. Without SOURCE the tests that need
it skip, and this script says so.
Needs python3 with numpy and Pillow to unpack the images; without them the image tests skip.
"""
import array
import ast
import hashlib
import pathlib
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from checkpoint import safetensors_file  # noqa: E402  (the converter's own writer)

TYPE_CODES = {"<f4": "f", "<f8": "d", "<i8": "q"}


def read_npy(data):
    """(shape, values as float32) of an .npy file in C order."""
    if data[:6] != b"\x93NUMPY":
        raise ValueError("not an .npy file")
    begin = 10 if data[6] == 1 else 12
    end = begin + int.from_bytes(data[8:begin], "little")
    header = ast.literal_eval(data[begin:end].decode("latin-1"))
    if header["fortran_order"]:
        raise ValueError("Fortran order")
    values = array.array(TYPE_CODES[header["descr"]])
    values.frombytes(data[end:])
    return list(header["shape"]), array.array("f", values)


def convert_golden(npz, target):
    with zipfile.ZipFile(npz) as archive:
        tensors = {
            name.removesuffix(".npy"): read_npy(archive.read(name)) for name in archive.namelist()
        }
    safetensors_file.write(target, tensors, {})


def signature(source):
    """What DEST is made from: the files of SOURCE by name and size, and the programs."""
    files = sorted(p for p in source.rglob("*") if p.is_file())
    lines = [f"{p.relative_to(source)} {p.stat().st_size}" for p in files]
    tools = ROOT / "tools"
    programs = [*sorted((tools / "checkpoint").glob("*.py")), tools / "convert_checkpoint.py"]
    digest = hashlib.sha256()
    for program in [*programs, pathlib.Path(__file__).resolve()]:
        digest.update(program.read_bytes())
    return "\n".join([*lines, f"programs {digest.hexdigest()}"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, dest = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not (source / "weights").is_dir():
        print(f"SKIP: no real data at {source}; set TRADY_DATA to the folder that holds it")
        return
    stamp = dest / "complete"
    wanted = signature(source)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    for folder in ("weights", "goldens"):
        (dest / folder).mkdir(parents=True, exist_ok=True)
    checkpoints = [p for p in (source / "weights").iterdir() if p.suffix in (".pkl", ".th")]
    for checkpoint in sorted(checkpoints):
        target = dest / "weights" / f"{checkpoint.stem}.safetensors"
        subprocess.run(
            [sys.executable, ROOT / "tools" / "convert_checkpoint.py", checkpoint, target],
            check=True,
        )
    for npz in sorted((source / "goldens").glob("*.npz")):
        convert_golden(npz, dest / "goldens" / f"{npz.stem}.safetensors")
    images = sorted(path.stem for path in source.glob("*.zip"))
    images += ["cifar10"] if (source / "cifar10").is_dir() else []
    unpacked = subprocess.run([sys.executable, source / "unpack.py", dest, *images])
    if unpacked.returncode != 0:
        print("SKIP: the images were not unpacked; python3-numpy and python3-pil are needed")
        return
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
