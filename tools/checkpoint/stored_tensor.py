"""Tensors as files store them: a run of numbers of one type, and a shape and strides into it."""

import array
import itertools
import math
import struct
import sys
from typing import Callable, NamedTuple

from .errors import CheckpointError

# Bytes of one element. The names are those of safetensors.
ELEMENT_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
_MOST_DIMENSIONS = 8
_LARGEST_SIZE = 1 << 40
# Half-precision numbers are unpacked this many at a time, to keep Python's objects few.
_UNPACKED_AT_ONCE = 1 << 16


class Storage(NamedTuple):
    """`read(first, last)` returns the bytes [first, last) of it. `dtype`: of ELEMENT_BYTES."""

    dtype: str
    element_count: int
    read: Callable


class StoredTensor(NamedTuple):
    """Offset and strides are counted in elements of the storage."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def elements(self):
        return math.prod(self.shape)

    def float32(self):
        """The values in row-major order as an array.array("f"), rounded where they must be."""
        if 0 in self.shape:
            return array.array("f")
        size = ELEMENT_BYTES[self.storage.dtype]
        elements = _reach(self.shape, self.strides)
        data = self.storage.read(size * self.offset, size * (self.offset + elements))
        return _gathered(_as_float32(self.storage.dtype, data), self.shape, self.strides)


def view(storage, offset, shape, strides):
    """A StoredTensor, checked. Never has more elements than its storage, as an expanded tensor
    would: what a file can make of its bytes is bounded by them."""
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise CheckpointError("has a tensor whose shape or strides are no tuple of sizes")
    if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS:
        raise CheckpointError(
            f"has a tensor with {len(shape)} sizes and {len(strides)} strides, expected as many of "
            f"each and at most {_MOST_DIMENSIONS}"
        )
    for number in (offset, *shape, *strides):
        if type(number) is not int or not 0 <= number <= _LARGEST_SIZE:
            raise CheckpointError(
                f"has a tensor whose shape, strides or offset hold something that is not a size of "
                f"0 to {_LARGEST_SIZE}"
            )
    reach = 0 if 0 in shape else _reach(shape, strides)
    if max(offset + reach, math.prod(shape)) > storage.element_count:
        raise CheckpointError(
            f"has a tensor of shape {list(shape)}, strides {list(strides)} and offset {offset} in "
            f"a storage of {storage.element_count} elements, which is too small; it is corrupt"
        )
    return StoredTensor(storage, offset, shape, strides)


def contiguous(storage, shape):
    """A row-major StoredTensor at the beginning of its storage."""
    strides, stride = [], 1
    for size in reversed(shape[:_MOST_DIMENSIONS]):
        strides.insert(0, stride)
        stride *= max(size, 1) if type(size) is int else 1
    return view(storage, 0, tuple(shape), tuple(strides))


def _reach(shape, strides):
    """Elements from the first to the last one used."""
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides))


def _as_float32(dtype, data):
    """The numbers in the little-endian bytes `data`; beyond float32's range they are infinite."""
    if dtype == "BF16":  # the upper half of a float32
        widened = bytearray(2 * len(data))
        widened[2::4], widened[3::4] = data[0::2], data[1::2]
        dtype, data = "F32", widened
    if dtype == "F16":
        values = array.array("f")
        step = 2 * _UNPACKED_AT_ONCE
        for begin in range(0, len(data), step):
            part = data[begin : begin + step]
            values.extend(struct.unpack(f"<{len(part) // 2}e", part))
        return values
    if dtype not in ("F32", "F64"):
        raise CheckpointError(f"has the type {dtype}, expected a floating-point type")
    values = array.array("f" if dtype == "F32" else "d")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values if dtype == "F32" else array.array("f", values)


def _gathered(values, shape, strides):
    axes = [(size, stride) for size, stride in zip(shape, strides) if size != 1]
    # The last axes are one run where they lie densely, and usually that is all of them.
    run, step = 1, 1
    while axes and axes[-1][1] == run:
        run *= axes.pop()[0]
    if not axes:
        return values
    if run == 1 and axes[-1][1] > 0:
        run, step = axes.pop()
    result = array.array("f")
    for position in itertools.product(*(range(size) for size, _ in axes)):
        begin = sum(index * stride for index, (_, stride) in zip(position, axes))
        result.extend(values[begin : begin + (run - 1) * step + 1 : step])
    return result
