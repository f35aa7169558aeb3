"""Writes safetensors files: 8 bytes little-endian header length, JSON header, little-endian data.

The same tensors give the same bytes as from engine/safetensors.h.
"""

import json
import math
import struct
import sys

from .atomic_file import write_file_atomically
from .errors import CheckpointError, printable

METADATA_KEY = "__metadata__"


def write(path, tensors, metadata):
    """`tensors`: {name: (shape, array.array("f"))}; `metadata`: {text: text}. Atomic."""
    header = {METADATA_KEY: dict(metadata)} if metadata else {}
    begin = 0
    chunks = []
    for name in sorted(tensors):
        shape, values = tensors[name]
        if math.prod(shape) != len(values):
            raise CheckpointError(
                f"{path}: tensor {printable(name)} of shape {list(shape)} got {len(values)} values"
            )
        if sys.byteorder == "big":
            values = values[:]
            values.byteswap()
        end = begin + 4 * len(values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
        chunks.append(values.tobytes())
        begin = end
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    write_file_atomically(path, [struct.pack("<Q", len(text)), text, *chunks])
