"""Files of torch.save: a zip archive, or the pickles that PyTorch wrote before version 1.6.

Zip: <root>/data.pkl, whose storages are the entries <root>/data/<key>.
Old: pickles of a magic number, a version, the machine's sizes, the value and the list of storage
keys; then for every key 8 bytes with its number of elements, and the elements.
"""

import io

from .errors import CheckpointError, printable
from .restricted_pickle import ForbiddenGlobal, load_next
from .stored_tensor import ELEMENT_BYTES, Storage
from .torch_pickle import TorchGlobals

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_OTHER_ENTRIES = ("version", "byteorder", ".data/", ".format_version", ".storage_alignment")


def load_zip(archive):
    """The value in the zip_archive.Archive of a torch.save; its tensors are StoredTensors, whose
    values are read from it when they are asked for."""
    for name in archive.names():
        if name.startswith(("code/", "constants")):
            raise CheckpointError(
                "is a TorchScript archive, which holds a program; "
                "torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE) and convert that"
            )
        if not name.startswith(("data/", "data.pkl", *_OTHER_ENTRIES)):
            raise archive.unexpected(name)
    if archive.contains("byteorder") and archive.read("byteorder") != b"little":
        raise CheckpointError("was saved by a big-endian machine, not supported")

    def storage_of(dtype, key, elements):
        name = f"data/{key}"
        archive.expect_bytes(name, elements * ELEMENT_BYTES[dtype])
        return Storage(dtype, elements, lambda first, last: archive.read(name)[first:last])

    data = io.BytesIO(archive.read("data.pkl"))
    return _load_value(data, TorchGlobals(storage_of))


def load_legacy(data):
    """As load_zip, of the bytes of an old file."""
    file = io.BytesIO(data)
    if load_next(file, {}) != _MAGIC_NUMBER:
        raise CheckpointError("is a pickle, but not one of torch.save")
    if load_next(file, {}) != _PROTOCOL_VERSION:
        raise CheckpointError(f"has another version than {_PROTOCOL_VERSION} of torch.save")
    machine = load_next(file, {})
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError("was saved by a big-endian machine, not supported")
    begins, sizes = {}, {}
    bytes_of_file = memoryview(data)

    def storage_of(dtype, key, elements):
        sizes[key] = (elements, ELEMENT_BYTES[dtype])

        def read(first, last):
            return bytes_of_file[begins[key] + first : begins[key] + last]

        return Storage(dtype, elements, read)

    value = _load_value(file, TorchGlobals(storage_of))
    _find_storages(file, len(data), sizes, begins)
    return value


def _load_value(file, torch_globals):
    try:
        return load_next(file, torch_globals.table, torch_globals.resolve)
    except ForbiddenGlobal as error:
        raise CheckpointError(
            f"{error}. If you trust its origin: load it with PyTorch where it comes from, "
            "torch.save(model.state_dict(), NEW_FILE) and convert that"
        ) from None


def _find_storages(file, file_bytes, sizes, begins):
    """Fills `begins` ({key: offset in the file}), reading the list of keys and every size."""
    keys = load_next(file, {})
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("has no list of storage keys behind its value; it is corrupt")
    for key in keys:
        if key not in sizes or key in begins:
            raise CheckpointError(f"has the storage {printable(key)} twice or without a tensor")
        elements, element_bytes = sizes[key]
        stored = int.from_bytes(file.read(8), "little")
        begins[key] = file.tell()
        if stored != elements:
            raise CheckpointError(
                f"has {stored} elements in the storage {printable(key)}, expected {elements}; "
                "it is truncated or corrupt"
            )
        if begins[key] + elements * element_bytes > file_bytes:
            raise CheckpointError(
                f"is truncated: the storage {printable(key)} needs {elements * element_bytes} "
                f"bytes, but {file_bytes - begins[key]} are left; download it again"
            )
        file.seek(elements * element_bytes, io.SEEK_CUR)
    missing = sorted(set(sizes) - set(begins))
    if missing:
        raise CheckpointError(f"lacks the storage {printable(missing[0])}; it is corrupt")
    if file.tell() != file_bytes:
        raise CheckpointError(f"has {file_bytes - file.tell()} bytes too many; it is corrupt")
