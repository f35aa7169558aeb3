"""What torch.save writes, made opcode by opcode: tensors, zip archives and old pickles."""

import math
import struct
import zipfile

from converter_test import ConverterTest, Raw, global_opcode, pickle_of, pickled

ORDERED_DICT = global_opcode("collections", "OrderedDict")
_FORMATS = {"Double": "d", "Float": "f", "Half": "e", "Long": "q", "Int": "i"}
_LEGACY_BEGINNING = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})


def row_major(shape):
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def ordered_dict(items):
    """As OrderedDict([...]) of a module's state_dict, with its attribute _metadata."""
    body = b"".join(pickled(key) + pickled(value) for key, value in items.items())
    attributes = pickled({"_metadata": Raw(ORDERED_DICT + b")R")})
    return Raw(ORDERED_DICT + b")R(" + body + b"u" + attributes + b"b")


def packed(kind, values):
    """`values` in the bytes of a storage."""
    if kind == "BFloat16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)


class TorchWriter:
    """Collects storages while tensors are made, then writes a file around a value.

    The dictionaries and `beginning` are there for tests to spoil.
    """

    def __init__(self, legacy=False, function="_rebuild_tensor_v2"):
        self.legacy, self.function = legacy, function
        self.kinds, self.counts, self.storages = {}, {}, {}
        self.beginning = list(_LEGACY_BEGINNING)
        self.entries = {"version": b"3\n", "byteorder": b"little"}

    def storage(self, kind, values):
        """A new storage's key."""
        key = str(len(self.storages))
        self.kinds[key], self.counts[key] = kind, len(values)
        self.storages[key] = packed(kind, values)
        return key

    def reference(self, key, *changed):
        """The persistent id of a storage; `changed`: pairs of an index in it and another value."""
        kind = Raw(global_opcode("torch", f"{self.kinds[key]}Storage"))
        items = ["storage", kind, key, "cuda:0", self.counts[key]] + [None] * self.legacy
        for index, value in changed:
            items[index] = value
        return Raw(pickled(tuple(items)) + b"Q")

    def view(self, reference, offset, shape, strides):
        arguments = [reference, offset, tuple(shape), tuple(strides)]
        if self.function == "_rebuild_tensor_v2":
            arguments += [False, Raw(ORDERED_DICT + b")R")]
        call = global_opcode("torch._utils", self.function) + pickled(tuple(arguments)) + b"R"
        return Raw(call)

    def tensor(self, shape, values, kind="Float"):
        return self.view(self.reference(self.storage(kind, values)), 0, shape, row_major(shape))

    def write(self, path, value):
        if self.legacy:
            path.write_bytes(self.legacy_bytes(value))
            return
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("net/data.pkl", pickle_of(value))
            for key, data in self.storages.items():
                archive.writestr(f"net/data/{key}", data)
            for name, data in self.entries.items():
                archive.writestr(f"net/{name}", data)

    def legacy_bytes(self, value):
        content = b"".join(pickle_of(item) for item in (*self.beginning, value))
        content += pickle_of(list(self.storages))
        for key, data in self.storages.items():
            content += struct.pack("<q", self.counts[key]) + data
        return content


class TorchFileTest(ConverterTest):
    SOURCE = "net.pth"

    def assert_value_refused(self, make_value, *parts):
        """In both kinds of files; `make_value(TorchWriter)` returns the value."""
        for legacy in (False, True):
            writer = TorchWriter(legacy)
            writer.write(self.source, make_value(writer))
            self.assert_refused("net.pth", *parts)
