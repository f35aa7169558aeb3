"""Bad files, one line each: the file, and what the message of the command that reads it must say.

Usage: test_bad_input.py PATH_OF_TRADY. Needs nothing but Python: every file is made here. Whatever
is refused, nothing that was there before may change or vanish, and nothing may be left behind.
"""
import gzip
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import test_cli
from test_cli import CLASSES, IMAGE_SIZE, MODEL, metadata_of, random_network, write_images, \
    write_safetensors

LONGEST_MESSAGE = 1200


# Pictures. `trady predict` reads each.

def chunk(name, data, checksum=None):
    checksum = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(width=2, height=1, depth=8, kind=2, data=b"\0" * 7, before=b"", end=chunk(b"IEND", b"")):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before +
            chunk(b"IDAT", zlib.compress(data)) + end)


def bmp(width=1, height=1, bits=24, pixels_at=54, header=40, compression=0, rows=b"\0" * 4):
    return (b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, pixels_at) +
            struct.pack("<IiiHHIIIIII", header, width, height, 1, bits, compression, 0, 0, 0, 0, 0) +
            rows)


def segment(code, content):
    return bytes([0xFF, code]) + struct.pack(">H", 2 + len(content)) + content


def jpeg(frame=0xC0, bits=8, height=8, width=8, components=(1,), tables=b"", scans=((1,),),
         end=b"\xff\xd9"):
    """The segments of a JPEG, without data: nothing here comes to be decoded."""
    body = struct.pack(">BHHB", bits, height, width, len(components))
    body += b"".join(bytes([c, 0x11, 0]) for c in components)
    parts = [b"\xff\xd8", tables, segment(frame, body)]
    for scan in scans:
        tables_of = b"".join(bytes([c, 0]) for c in scan)
        parts.append(segment(0xDA, bytes([len(scan)]) + tables_of + bytes([0, 63, 0])))
    return b"".join(parts) + end


def huffman(codes, listed):
    return segment(0xC4, bytes([0, *codes]) + bytes(listed))


PICTURES = {
    "an empty file": (b"", "is empty (0 bytes)"),
    "text": (b"This is not a picture.", "cannot be decoded", "JPEG, PNG, BMP and PNM"),
    "a web page": (b"<!DOCTYPE html><html>", "web page", "download the picture again"),
    "WebP": (b"RIFF\x1a\0\0\0WEBPVP8L", "WebP", "convert it to JPEG or PNG"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC", "convert it"),
    "AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF", "convert it"),
    "TIFF": (b"II*\0\x08\0\0\0", "TIFF", "convert it"),
    "GIF": (b"GIF89a\1\0\1\0", "GIF", "convert it"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f", "JPEG XL", "convert it"),
    "Photoshop": (b"8BPS\0\1", "Photoshop", "convert it"),
    "JPEG: nothing but its start": (b"\xff\xd8", "truncated JPEG"),
    "JPEG: a segment beyond the file": (b"\xff\xd8\xff\xe0\xff\xff", "truncated JPEG"),
    "JPEG: no end": (jpeg(end=b""), "truncated JPEG", "no end-of-image"),
    "JPEG: no frame": (b"\xff\xd8\xff\xd9", "without a frame"),
    "JPEG: lossless": (jpeg(frame=0xC3), "lossless JPEG", "convert it"),
    "JPEG: arithmetic coding": (jpeg(frame=0xC9), "arithmetic-coded JPEG", "convert it"),
    "JPEG: 12 bits": (jpeg(bits=12), "JPEG files of 12 bits"),
    "JPEG: two components": (jpeg(components=(1, 2)), "JPEG files of 2 components"),
    "JPEG: no height": (jpeg(height=0), "claims 8 x 0 pixels"),
    "JPEG: too many pixels": (jpeg(height=65535, width=65535), "claims 65535 x 65535 pixels",
                              "100 megapixels"),
    "JPEG: a component without data": (jpeg(components=(1, 2, 3)), "component 2", "has no data"),
    "JPEG: too many codes": (jpeg(tables=huffman([0] * 14 + [200, 200], [0] * 400)),
                             "Huffman table claims 400 codes"),
    "JPEG: a table beyond its segment": (jpeg(tables=huffman([0] * 15 + [9], [0] * 3)),
                                         "Huffman table claims"),
    "JPEG: a thousand scans": (jpeg(height=4000, width=4000, scans=((1,),) * 1000),
                               "1000 scans over"),
    "PNG: nothing but its signature": (b"\x89PNG\r\n\x1a\n", "truncated PNG"),
    "PNG: no end": (png(end=b""), "truncated PNG"),
    "PNG: a chunk beyond the file": (png(end=b"\xff\xff\xff\xffIEND"), "truncated PNG"),
    "PNG: a wrong checksum": (png(before=chunk(b"PLTE", b"abc", 1)), "checksum", "PLTE"),
    "PNG: too many pixels": (png(width=1 << 20, height=1 << 20), "claims", "megapixels"),
    "PNG: no pixels": (png(width=0), "claims 0 x 1 pixels"),
    "PNG: a depth that there is not": (png(depth=3), "1/2/4/8/16-bit only"),
    "PNG: a palette that is not there": (png(kind=3, data=b"\0" * 3), "is corrupt"),
    "PNG: pixels missing": (png(data=b"\0" * 3), "is corrupt"),
    "PNG: more than it says": (png(1, 1, data=bytes(4_000_000)), "unpacks to more than its pixels"),
    "PNG: Apple's": (png(before=chunk(b"CgBI", b"abcd")), "Apple's own layout"),
    "PNG: an unknown chunk": (png(before=chunk(b"QUUX", b"")), '"QUUX"', "not known"),
    "BMP: nothing but its header": (b"BM" + bytes(12), "picture.jpg"),
    "BMP: cut": (bmp()[:-1], "truncated BMP", "promises 58 bytes"),
    "BMP: pixels within the header": (bmp(pixels_at=20), "within its header"),
    "BMP: 7 bits": (bmp(bits=7), "7 bits a pixel"),
    "BMP: run lengths": (bmp(bits=8, compression=1), "compressed pixels", "convert it to PNG"),
    "BMP: no width": (bmp(width=0), "claims 0 x 1 pixels"),
    "BMP: too many pixels": (bmp(width=60000, height=60000), "megapixels"),
    "PNM: no height": (b"P6 3", "no height"),
    "PNM: letters": (b"P5 a b 255\n", "no width"),
    "PNM: no pixels": (b"P6 0 0 255\n", "claims 0 x 0 pixels"),
    "PNM: samples missing": (b"P6 2 2 255\nabc", "truncated PNM", "promises 23 bytes"),
    "PNM: samples too large": (b"P5 1 1 65536\nab", "above 65535"),
    "PNM: as text": (b"P3 1 1 255 1 2 3", "text or bit PNM"),
}


# Weights. `trady inspect` reads each.

def weights(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


WEIGHTS = {
    "an empty file": (b"", "has 0 bytes", "truncated"),
    "a header longer than allowed": (weights({}, length=1 << 40), "announce a header of"),
    "a header longer than the file": (weights({}, length=99), "the header has 99 bytes"),
    "no JSON": (weights(b"{'a': 1}"), "not valid UTF-8 JSON"),
    "a list": (weights([]), "does not begin with '{'"),
    "a tensor that is a number": (weights({"a": 1}), "tensor 'a' is the number 1"),
    "a tensor without a type": (weights({"a": {"shape": [], "data_offsets": [0, 0]}}),
                                "has no field dtype"),
    "an unknown type": (weights({"a": tensor("F7")}, bytes(8)), "unknown type 'F7'"),
    "an unknown field": (weights({"a": tensor() | {"note": "x"}}, bytes(8)),
                         "unknown field 'note'"),
    "the same tensor twice": (weights(b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2),
                                      bytes(8)), "tensor 'a' is named twice"),
    "a size below zero": (weights({"a": tensor(shape=(-1,))}, bytes(8)), "negative number -1"),
    "a size with a fraction": (weights({"a": tensor(shape=(1.5,))}, bytes(8)), "1.5"),
    "a shape that is not its bytes": (weights({"a": tensor(shape=(3,))}, bytes(8)),
                                      "needs 12 bytes", "has 8"),
    "a shape beyond all numbers": (weights({"a": tensor(shape=(1 << 62, 1 << 62))}, bytes(8)),
                                   "too large for any file"),
    "bytes beyond the file": (weights({"a": tensor()}, bytes(4)), "ends at byte 8", "truncated"),
    "bytes that end before they begin": (weights({"a": tensor(begin=8, end=0)}, bytes(8)),
                                         "ends before that"),
    "bytes that overlap": (weights({"a": tensor(), "b": tensor(begin=4, end=12)}, bytes(12)),
                           "'b'"),
    "bytes of nobody": (weights({"a": tensor()}, bytes(9)), "8", "9"),
    "metadata that is no text": (weights({"__metadata__": {"format": 1}}), "metadata"),
    "a deep header": (weights(b'{"a":' * 50000), "unknown field 'a'"),
    "a pickle": (b"PK\x03\x04" + bytes(60), "convert_checkpoint.py"),
}


# Rankings. `trady plan --pool` reads each.

RANKING = {"network": MODEL, "image_size": 32, "conv_count": 51, "k": 2, "source": "a test",
           "command": "", "descending_rgn": [2, 0], "cumulative_percent": [60.0, 100.0]}


def ranking(**changes):
    changed = {**RANKING, **changes}
    return json.dumps({k: v for k, v in changed.items() if v is not None}).encode()


DEEP = b"[" * 200000 + b"]" * 200000
RANKINGS = {
    "an empty file": (b"", "not valid JSON"),
    "half a file": (ranking()[:40], "not valid JSON"),
    "a list": (b"[]", "one JSON object"),
    "bytes that are no text": (b'{"network": "\xff"}', "not valid JSON"),
    "an unknown key": (ranking(networc="x"), 'unknown key "networc"', "network"),
    "a missing key": (ranking(k=None), 'lacks the key "k"'),
    "a key twice": (ranking()[:-1] + b', "k": 3}', "occurs twice"),
    "a text for a number": (ranking(k="2"), "k must be made of whole numbers"),
    "a conv that is not there": (ranking(descending_rgn=[2, 51]), "lists conv 51"),
    "a conv twice": (ranking(descending_rgn=[2, 2]), "conv 2 twice"),
    "no conv": (ranking(descending_rgn=[], cumulative_percent=[]), "descending_rgn is empty"),
    "a pool larger than the list": (ranking(k=3), "k is 3"),
    "shares that fall": (ranking(cumulative_percent=[100.0, 60.0]), "must rise"),
    "shares of another list": (ranking(cumulative_percent=[100.0]), "has 1 values"),
    "a number beyond all": (ranking(k=10 ** 30), "whole numbers"),
    "a number beyond sense": (ranking(k=1 << 40), "too large"),
    "a value a mile deep": (b'{"descending_rgn": ' + DEEP + b', "network": ' + DEEP + b"}",
                            "8 deep"),
    "values in another order": (ranking(rgn=[1.0] + [0.0] * 50), "not in the order"),
}


# Records of runs. `trady compare` and `trady inspect` read each.

RECORDS = {
    "an empty file": (b"", "not a JSON object"),
    "half a file": (b'{"format": "trady run", "epo', "not a JSON object"),
    "another format": (b'{"format": "others"}', "/format"),
    "no version": (b'{"format": "trady run"}', "/format_version is missing"),
    "a newer version": (b'{"format": "trady run", "format_version": 99}', "newer trady"),
    "a version that is a text": (b'{"format": "trady run", "format_version": "1"}',
                                 "/format_version is"),
    "no environment": (b'{"format": "trady run", "format_version": 1, "trady": "x"}',
                       "/environment is missing"),
    "a value a mile deep": (b'{"format": "trady run", "format_version": 1, "trady": ' +
                            DEEP + b"}", "64 deep"),
    "a format a mile deep": (b'{"format": ' + DEEP + b"}", "64 deep"),
}


# Data sets. `trady eval` reads each folder: name of a file -> its content.

def idx(*header, payload=0):
    return struct.pack(f">{len(header)}I", *header) + bytes(payload)


def mnist(images=None, labels=None, suffix=""):
    images = idx(0x803, 2, 4, 4, payload=32) if images is None else images
    labels = idx(0x801, 2) + b"\0\1" if labels is None else labels
    return {f"{split}-{kind}-ubyte{suffix}": data for split in ("train", "t10k")
            for kind, data in (("images-idx3", images), ("labels-idx1", labels))}


def cifar(content):
    files = {f"data_batch_{i}.bin": content for i in range(1, 6)} | {"test_batch.bin": content}
    return files | {"batches.meta.txt": "\n".join("abcdefghij").encode()}


PACKED = gzip.compress(idx(0x803, 2, 4, 4, payload=32))
RECORD = bytes(3073)
DATA_SETS = {
    "nothing": ({}, "has no class folders"),
    "IDX: images of another kind": (mnist(idx(0x801, 2, 4, 4, payload=32)), "magic number 0x801"),
    "IDX: cut": (mnist(idx(0x803, 2, 4, 4, payload=31)), "has 47 bytes", "promises 48"),
    "IDX: too long": (mnist(idx(0x803, 2, 4, 4, payload=33)), "has 49 bytes"),
    "IDX: no images": (mnist(idx(0x803, 0, 4, 4)), "no samples"),
    "IDX: images of no size": (mnist(idx(0x803, 2, 0, 4)), "0 x 4 pixels"),
    "IDX: images of a mile": (mnist(idx(0x803, 1, 1 << 31, 1 << 31)), "2147483648 x 2147483648"),
    "IDX: more images than labels": (mnist(idx(0x803, 3, 4, 4, payload=48)), "holds 3 images",
                                     "2 labels"),
    "IDX: a cut archive": (mnist(PACKED[:-9], gzip.compress(idx(0x801, 2) + b"\0\1"), ".gz"),
                           "truncated or corrupt"),
    "IDX: no archive": (mnist(b"plain", b"plain", ".gz"), "not a gzip file"),
    "CIFAR: half a record": (cifar(RECORD + RECORD[:100]), "3073", "download it again"),
    "CIFAR: an empty file": (cifar(b""), "has 0 bytes"),
    "CIFAR: a label beyond ten": (cifar(b"\x0a" + RECORD[1:]), "label 10 is out of range"),
    "folders: a class without pictures": ({"test/ant/a.ppm": b"P6 1 1 255\nabc",
                                           "test/bee/notes.txt": b""}, "holds no JPEG"),
    "folders: a format by its name": ({"test/ant/a.webp": b"", "test/bee/b.ppm": b""},
                                      "a.webp", "convert it"),
    "folders: a picture cut short": ({"test/ant/a.ppm": b"P6 1 1 255\nab",
                                      "test/bee/b.ppm": b"P6 1 1 255\nabc"}, "a.ppm",
                                     "truncated PNM"),
}


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        cls.weights = cls.folder / "weights.safetensors"
        write_safetensors(cls.weights, random_network(cls.folder, len(CLASSES)),
                          metadata_of(CLASSES))
        cls.data = cls.folder / "data"
        write_images(cls.data / "test", CLASSES, count=1)

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def refused(self, case, expected, *args):
        before = files_below(self.folder)
        # Messages may quote bytes of a file that are no UTF-8.
        result = subprocess.run([test_cli.TRADY, *map(str, args)], capture_output=True, text=True,
                                errors="replace", timeout=120)
        with self.subTest(case):
            # A negative status is a signal: an abort, not an answer.
            self.assertGreater(result.returncode, 0, result.stdout)
            for bad in ("terminate called", "Sanitizer", "what():", "runtime error"):
                self.assertNotIn(bad, result.stderr)
            for text in expected:
                self.assertIn(text, result.stderr)
            self.assertLess(len(result.stderr), LONGEST_MESSAGE)
            self.assertEqual(before, files_below(self.folder), "files changed")

    def each(self, cases, name, command):
        """`command`: the arguments of trady, given the file that was written as `name`."""
        file = self.folder / name
        for case, (content, *expected) in cases.items():
            file.write_bytes(content)
            self.refused(case, [name, *expected], *command(file))
        file.unlink()

    def test_pictures(self):
        self.each(PICTURES, "picture.jpg", lambda file: ["predict", self.weights, file])

    def test_weights(self):
        self.each(WEIGHTS, "bad.safetensors", lambda file: ["inspect", file])

    def test_weights_where_they_are_used(self):
        self.each({case: (content,) for case, (content, *_) in WEIGHTS.items()}, "bad.safetensors",
                  lambda file: ["eval", "--weights", file, "--data", self.data])

    def test_rankings(self):
        plan = ["plan", "--model", MODEL, "--image-size", IMAGE_SIZE, "--budget", "2%", "--pool"]
        self.each(RANKINGS, "ranking.json", lambda file: [*plan, file])

    def test_records(self):
        run = self.folder / "run"
        run.mkdir()
        self.each(RECORDS, "run/run.json", lambda file: ["compare", file.parent])
        run.rmdir()
        self.each({case: (content,) for case, (content, *_) in RECORDS.items()}, "run.json",
                  lambda file: ["inspect", file])

    def test_data_sets(self):
        for number, (case, (files, *expected)) in enumerate(DATA_SETS.items()):
            folder = self.folder / f"set{number}"
            folder.mkdir()
            for name, content in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            self.refused(case, expected, "eval", "--weights", self.weights, "--data", folder)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.path.exists(sys.argv[1]):
        sys.exit("usage: test_bad_input.py PATH_OF_TRADY [TEST...]")
    test_cli.TRADY = sys.argv.pop(1)
    unittest.main()
