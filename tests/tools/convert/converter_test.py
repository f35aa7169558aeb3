"""What the tests of tools/convert_checkpoint.py share: the tool, and pickles written by opcode.

So neither NumPy nor PyTorch nor Python's own pickler is needed, and a file can hold anything.
"""

import contextlib
import io
import json
import pathlib
import struct
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "tools"))
import convert_checkpoint  # noqa: E402


class Raw:
    """Opcodes to put into the pickle as they are."""

    def __init__(self, opcodes):
        self.opcodes = opcodes


# What a program that walks through values by recursion does not survive.
DEEP_TUPLE = Raw(b"N" + b"\x85" * 200_000)


def pickled(value):
    """Protocol-2 opcodes that build `value`."""
    if isinstance(value, Raw):
        return value.opcodes
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int) and abs(value) >= 1 << 31:
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, tuple):
        return b"(" + b"".join(map(pickled, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(pickled, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(pickled(k) + pickled(v) for k, v in value.items()) + b"u"
    raise TypeError(value)


def global_opcode(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def encoded(data):
    """Bytes, as protocol 2 has them: a text that is encoded when it is read."""
    return global_opcode("_codecs", "encode") + pickled((data.decode("latin-1"), "latin1")) + b"R"


def pickle_of(value):
    return b"\x80\x02" + pickled(value) + b"."


def read_safetensors(path):
    """({name: (shape, floats)}, metadata)"""
    content = pathlib.Path(path).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, stop = (end + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "F32"
        values = struct.unpack(f"<{(stop - begin) // 4}f", content[begin:stop])
        tensors[name] = (entry["shape"], values)
    return tensors, metadata


def float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


class ConverterTest(unittest.TestCase):
    """A test with a folder, a file to convert in it and one to write."""

    SOURCE = "net.pkl"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.source = self.folder / self.SOURCE
        self.target = self.folder / "net.safetensors"

    def run_tool(self, *options):
        """(exit status, what it printed)"""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = convert_checkpoint.main([str(self.source), str(self.target), *options])
        return status, output.getvalue()

    def assert_refused(self, *parts, options=()):
        status, output = self.run_tool(*options)
        self.assertEqual(status, 1, output)
        self.assertEqual(output.count("\n"), 1, output)
        self.assertIn("convert_checkpoint: error: ", output)
        for part in parts:
            self.assertIn(part, output)
        self.assertFalse(self.target.exists())
        leftovers = [item.name for item in self.folder.iterdir() if item.name.endswith(".tmp")]
        self.assertEqual(leftovers, [])
