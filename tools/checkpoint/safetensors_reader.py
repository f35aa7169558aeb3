"""Reads safetensors files of any project (the layout is in safetensors_file.py)."""

import json

from .errors import CheckpointError, printable
from .safetensors_file import METADATA_KEY
from .stored_tensor import ELEMENT_BYTES, Storage, contiguous

# The limit of the format's reference implementation.
_LARGEST_HEADER_BYTES = 100_000_000


def looks_like(data):
    """Whether the first bytes of a file are those of a safetensors file."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= _LARGEST_HEADER_BYTES


def load(data):
    """{name: StoredTensor} of the bytes of a file."""
    begin = 8 + int.from_bytes(data[:8], "little")
    if begin > len(data):
        raise CheckpointError(
            f"is truncated: its header needs {begin} bytes, it has {len(data)}; download it again"
        )
    try:
        header = json.loads(data[8:begin].decode(), object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise CheckpointError(f"has a header that is not JSON ({error})") from None
    header.pop(METADATA_KEY, None)
    content = memoryview(data)[begin:]
    tensors, ranges = {}, []
    for name, entry in header.items():
        tensors[name], used = _tensor(name, entry, content)
        ranges.append(used)
    end_of_last = 0
    for first, last in sorted(ranges):
        if first != end_of_last:
            raise CheckpointError(f"has a hole or an overlap at byte {end_of_last} of its data")
        end_of_last = last
    if end_of_last != len(content):
        raise CheckpointError(
            f"has tensors of {end_of_last} bytes, but {len(content)} bytes of data; "
            "is it truncated? Download it again"
        )
    return tensors


def _without_repetition(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CheckpointError("has a header that names something twice")
    return result


def _tensor(name, entry, content):
    """(StoredTensor, its range of bytes)"""
    try:
        dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        elements = (last - first) // ELEMENT_BYTES[dtype]
        if type(first) is not int or type(last) is not int or not isinstance(shape, list):
            raise TypeError
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(
            f"describes the tensor {printable(name)} in a way that is not understood; types are "
            + ", ".join(ELEMENT_BYTES)
        ) from None
    # What is beyond the end is seen when the ranges are put side by side.
    storage = Storage(dtype, elements, lambda a, b: content[first + a : first + b])
    try:
        tensor = contiguous(storage, shape)
    except CheckpointError as error:
        raise CheckpointError(f"{error} (tensor {printable(name)})") from None
    if first < 0 or tensor.elements() * ELEMENT_BYTES[dtype] != last - first:
        raise CheckpointError(
            f"says that the tensor {printable(name)} of shape {shape} and type {dtype} is in the "
            f"bytes {first} to {last}; it is corrupt"
        )
    return tensor, (first, last)
