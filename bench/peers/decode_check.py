#!/usr/bin/env python3
"""Compares our decoding and test transform with Pillow's on real pictures.

    decode_check.py BUILD/bench/bench_decode_dump IMAGE_FOLDER [--every 4]

Decoded pixels must be within 4 grey levels of Pillow's; the test transform (short side to 147,
centre crop 128), fed with the pixels that we decoded, within 1. Exits with 1 otherwise.
"""
import argparse
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

IMAGES_AT_ONCE = 100


def centre_crop_of_147(pixels):
    height, width, _ = pixels.shape
    scale = 147 / min(height, width)
    resized = Image.fromarray(pixels).resize(
        (int(width * scale + 0.5), int(height * scale + 0.5)), Image.BILINEAR)
    left, top = round((resized.width - 128) / 2), round((resized.height - 128) / 2)
    return np.asarray(resized.crop((left, top, left + 128, top + 128)))


def largest_difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def compare(dump, paths):
    """(largest difference of the decoded pixels, of the test transform) of every path."""
    output = subprocess.run([dump, *map(str, paths)], check=True, stdout=subprocess.PIPE).stdout
    position = 0

    def take(count, dtype=np.uint8):
        nonlocal position
        values = np.frombuffer(output, dtype, count, position)
        position += values.nbytes
        return values

    for path in paths:
        height, width = take(2, np.int32)
        pixels = take(height * width * 3).reshape(height, width, 3)
        square = take(128 * 128 * 3).reshape(128, 128, 3)
        pillow = np.asarray(Image.open(path).convert("RGB"))
        yield largest_difference(pixels, pillow), largest_difference(
            square, centre_crop_of_147(pixels))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th image")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.folder.rglob("*")
                   if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[::arguments.every]
    if not paths:
        sys.exit(f"no images below {arguments.folder}")
    results = []
    for first in range(0, len(paths), IMAGES_AT_ONCE):
        results += compare(arguments.dump, paths[first:first + IMAGES_AT_ONCE])
    decoded, transformed = np.array(results).T
    print(f"{len(paths)} images: decoded pixels differ by at most {decoded.max()} levels "
          f"(allowed 4), the test transform by at most {transformed.max()} (allowed 1)")
    sys.exit(0 if decoded.max() <= 4 and transformed.max() <= 1 else 1)


if __name__ == "__main__":
    main()
