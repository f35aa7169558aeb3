#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into corpus/, beside what fuzzers have found there.

Usage: make_corpus.py      (needs Pillow; made with version 13.0.0)
"""
import gzip
import json
import pathlib
import struct
import sys

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
sys.path.insert(0, str(CORPUS.parent.parent / "goldens"))

from PIL import Image  # noqa: E402

import make_photo_goldens as photos  # noqa: E402
from make_data_goldens import encoded, smooth  # noqa: E402


def tiff(orientation):
    exif = Image.Exif()
    exif[0x010F] = "trady"
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


def big_endian_tiff(orientation):
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def jpegs():
    rgb = smooth(9, 18)

    def jpeg(image, **options):
        return encoded(image, format="JPEG", quality=60, optimize=True, **options)

    cmyk = jpeg(Image.merge("CMYK", (*rgb.split(), rgb.convert("L"))))
    ycck = bytearray(cmyk)
    ycck[cmyk.index(b"Adobe") + 11] = 2
    grey = jpeg(rgb.convert("L"))
    # More codes than stb_image has room for.
    table = bytes(15) + bytes([200, 200]) + bytes(400)
    return {
        "rgb": jpeg(rgb, subsampling=0),
        "rgb_420": jpeg(rgb, subsampling=2),
        "progressive": jpeg(rgb, progressive=True),
        "grey": grey,
        "long_table": grey[:2] + b"\xff\xc4" + struct.pack(">H", 2 + len(table)) + table + grey[2:],
        "restarts": jpeg(rgb, restart_marker_blocks=1),
        "cmyk": cmyk,
        "ycck": bytes(ycck),
        "exif_little_endian": jpeg(rgb, exif=b"Exif\0\0" + tiff(6)),
        "exif_big_endian": jpeg(rgb, exif=b"Exif\0\0" + big_endian_tiff(8)),
        "webp_header": b"RIFF\x1a\0\0\0WEBPVP8L",
        "heic_header": b"\0\0\0\x18ftypheic",
    }


def pngs():
    kinds = {
        "grey_1": (photos.GREY, 1, b""),
        "grey_16": (photos.GREY, 16, b""),
        "rgb_8_transparent": (photos.RGB, 8, photos.chunk(b"tRNS", bytes(6))),
        "rgba_16": (photos.RGBA, 16, b""),
        "palette_2": (photos.PALETTE, 2, photos.colours(4)),
        "palette_8_short": (photos.PALETTE, 8, photos.colours(9) + photos.chunk(b"tRNS", b"\0")),
        "exif": (photos.GREY, 8, photos.chunk(b"eXIf", tiff(5))),
    }
    files = {name: photos.picture(*kind[:2], kind[2]) for name, kind in kinds.items()}
    files["interlaced"] = photos.adam7(photos.RGB, 8)
    return files


def bmps():
    rgb = smooth(3, 5)
    return {
        "rgb": encoded(rgb, format="BMP"),
        "rgba": encoded(rgb.convert("RGBA"), format="BMP"),
        "bits": encoded(rgb.convert("1"), format="BMP"),
        "palette": encoded(rgb.quantize(4), format="BMP"),
    }


def pnms():
    return {
        "rgb": b"P6 2 1 255\nabcdef",
        "grey_comment": b"P5\n# two by two\n2 2\n15\n\0\1\2\3",
        "grey_16": b"P5 1 2 65535\nabcd",
        "text": b"P3 1 1 255 1 2 3\n",
    }


def idx_files():
    images = struct.pack(">IIII", 0x803, 2, 3, 2) + bytes(range(12))
    labels = struct.pack(">II", 0x801, 2) + bytes([1, 0])
    packed = [gzip.compress(data, mtime=0) for data in (images, labels)]
    return {
        "plain": struct.pack(">H", len(images)) + images + labels,
        "packed": struct.pack(">H", 0x8000 | len(packed[0])) + packed[0] + packed[1],
    }


def cifar_files():
    return {"ten": b"\0" + b"\7" + bytes(3072), "hundred": b"\1" + b"\3\x63" + bytes(3072)}


def rankings():
    ranking = {"network": "mbv2-w0.35", "image_size": 32, "conv_count": 3, "k": 2, "source": "seed",
               "command": "", "descending_rgn": [2, 0, 1], "cumulative_percent": [50.0, 90.5, 100.0],
               "rgn": [4.05, 0.95, 5.0], "settings": {"seed": "0"}}
    bare = {key: value for key, value in ranking.items() if key not in ("rgn", "settings")}
    return {"whole": json.dumps(ranking).encode(), "published": json.dumps(bare).encode()}


def run_records():
    accuracy = {"test": {"accuracy": 0.5}, "val": None}
    epoch = {"epoch": 0, "steps": 3, "loss": 1.5, "train_accuracy": 0.25, "step_seconds": 0.01,
             "grad_weight_saved": 0.9, "budget_used_elements": 27000,
             "saved_for_backward_bytes": {"inputs": 10, "masks": 20},
             "memory": {"reserved_bytes": 4096, "peak_bytes": {"weights": 100}}, **accuracy}
    record = {"format": "trady run", "format_version": 1, "trady": "0.1.0",
              "environment": {"build": "x", "device": "cpu", "isa": "avx2", "micro_batch": 1},
              "settings": {"method": "trady", "model": "mbv2-w0.35", "data": "d", "weights": "w",
                           "epochs": 1, "warmup": 0, "seed": 0, "batch": 8, "budget": "27946",
                           "learning_rate": None},
              "inputs": {"classes": ["a", "b"]}, "budget_elements": 27946, "before": accuracy,
              "epochs": [epoch]}
    started = record | {"epochs": []}
    return {"one_epoch": json.dumps(record).encode(), "started": json.dumps(started).encode()}


def configs():
    written = {"data": "flowers", "budget": 27946, "lr": 0.03, "epochs": 5, "mix": True,
               "calibrate-bn": True, "classes": [5, 6]}
    whole = json.loads(run_records()["one_epoch"])
    whole["settings"].update(mix=False, val_split=None, calibrate_bn=0, classes=[])
    started = json.loads(run_records()["started"]) | {"options": written}
    return {"written": json.dumps(written).encode(), "old_record": json.dumps(whole).encode(),
            "record": json.dumps(started).encode()}


def safetensors_files():
    def file(header, data):
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    def tensor(kind, shape, begin, end):
        return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}

    floats = {"b": tensor("F32", [2, 1], 8, 16), "a": tensor("F64", [], 0, 8),
              "__metadata__": {"model": "mbv2-w0.35"}}
    halves = {"h": tensor("F16", [2], 0, 4), "g": tensor("BF16", [1], 4, 6),
              "i": tensor("I8", [3, 0], 6, 6), "u": tensor("U8", [1], 6, 7)}
    return {"floats": file(floats, bytes(16)), "halves": file(halves, bytes(range(7))),
            "empty": file({}, b"")}


if __name__ == "__main__":
    seeds = {"jpeg": jpegs(), "png": pngs(), "bmp": bmps(), "pnm": pnms(),
             "exif": {"little_endian": tiff(6), "big_endian": big_endian_tiff(3)},
             "idx": idx_files(), "cifar": cifar_files(), "ranking": rankings(),
             "run_record": run_records(), "config": configs(),
             "safetensors": safetensors_files()}
    for target, files in seeds.items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (CORPUS / target / name).write_bytes(data)
