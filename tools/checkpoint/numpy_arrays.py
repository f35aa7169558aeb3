"""The NumPy arrays of a pickle, rebuilt without NumPy.

`NumpyGlobals().table` is what such a pickle may name, for `restricted_pickle.load`.
"""

import array
import math
import sys

from .errors import CheckpointError, printable
from .restricted_pickle import Buildable

# NumPy's type text -> the array module's type code.
_TYPE_CODES = {"i1": "b", "i4": "i", "f4": "f"}
_MOST_DIMENSIONS = 8


class NumpyType(Buildable):
    """numpy.dtype(text, align, copy), then its state (version, byte order, ...)."""

    def __init__(self, text, *_):
        # A text first of all: hashing or printing a deeply nested tuple ends the process.
        if not isinstance(text, str) or text not in _TYPE_CODES:
            shown = printable(text) if isinstance(text, str) else "that is no text"
            raise CheckpointError(f"has an array of type {shown}, expected i1, i4 or f4")
        self.text = text

    def set_state(self, state):
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|"):
            raise CheckpointError("has an array type that is not little-endian")


class NumpyArray(Buildable):
    """Row-major. `type` is "i1", "i4" or "f4"; `values` an array.array of the same."""

    def __init__(self):
        self.type = None
        self.shape = None
        self.values = None

    def set_state(self, state):
        if self.values is not None or not isinstance(state, tuple) or len(state) != 5:
            raise CheckpointError("has an array whose state is not understood")
        _, shape, dtype, column_major, data = state
        if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
            raise CheckpointError(
                f"has an array whose shape is no tuple of up to {_MOST_DIMENSIONS} sizes"
            )
        if not all(type(size) is int and size >= 0 for size in shape):
            raise CheckpointError("has an array whose shape holds something that is no size")
        if not isinstance(dtype, NumpyType) or not isinstance(data, bytes):
            raise CheckpointError("has an array whose type or data is not understood")
        if column_major is not False and len(shape) > 1:
            raise CheckpointError("has a column-major array, expected row-major")
        values = array.array(_TYPE_CODES[dtype.text])
        needed = math.prod(shape) * values.itemsize
        if needed != len(data):
            raise CheckpointError(
                f"has an array of shape {list(shape)} and type {dtype.text} that needs "
                f"{needed} bytes, but holds {len(data)}; it is corrupt"
            )
        values.frombytes(data)
        if sys.byteorder == "big":
            values.byteswap()
        self.type, self.shape, self.values = dtype.text, shape, values


class NumpyGlobals:
    """Exactly the four globals that a protocol-2 pickle of NumPy arrays needs.

    `data_limit` bounds the bytes that all arrays hold together: in an honest file no more than the
    file has, in a hostile one a text could be encoded again and again.
    """

    def __init__(self, data_limit):
        self._data_left = data_limit
        self.table = {
            "numpy.core.multiarray._reconstruct": self._reconstruct,
            "numpy.ndarray": NumpyArray,
            "numpy.dtype": NumpyType,
            "_codecs.encode": self._encode,
        }

    @staticmethod
    def _reconstruct(kind, shape, type_text):
        if kind is not NumpyArray or shape != (0,) or type_text != b"b":
            raise CheckpointError("reconstructs something that is not a plain array")
        return NumpyArray()

    def _encode(self, text, encoding):
        if not isinstance(text, str) or encoding != "latin1":
            raise CheckpointError("encodes something that is not a text as latin-1")
        self._data_left -= len(text)
        if self._data_left < 0:
            raise CheckpointError("unpacks to more data than the file has; it is hostile")
        return text.encode("latin-1")
