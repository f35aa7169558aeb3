"""The zip container that torch.save writes, read with suspicion."""

import os
import stat
import zipfile

from .errors import CheckpointError, printable

LARGEST_ENTRY_BYTES = 1 << 30


def read_entry(path, wanted, allowed):
    """Bytes of the entry `<root>/<wanted>`; beside it only `<root>/<name>` of `allowed` may exist.

    Entries must be stored uncompressed, as torch.save does: what is read can then never exceed the
    file's own size.
    """
    path = os.fspath(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError(f"{path}: is not a plain file; name a checkpoint file")
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive, wanted, allowed)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise CheckpointError(
            f"{path}: is not a zip archive or a truncated one ({error}); download it again"
        ) from None


def _read(path, archive, wanted, allowed):
    entries = archive.infolist()
    roots = {entry.filename.partition("/")[0] for entry in entries}
    names = [entry.filename.partition("/")[2] for entry in entries]
    for entry, name in zip(entries, names):
        if len(roots) != 1 or name not in (wanted, *allowed) or names.count(name) != 1:
            raise CheckpointError(
                f"{path}: has the unexpected entry {printable(entry.filename)}, expected one "
                f"archive/{wanted}; is it a checkpoint of another project?"
            )
    if wanted not in names:
        raise CheckpointError(f"{path}: has no entry archive/{wanted}; is it a checkpoint?")
    entry = entries[names.index(wanted)]
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise CheckpointError(
            f"{path}: the entry {printable(entry.filename)} is compressed or encrypted, which "
            "torch.save never does; it is not read"
        )
    if entry.file_size != entry.compress_size or entry.file_size > LARGEST_ENTRY_BYTES:
        raise CheckpointError(
            f"{path}: the entry {printable(entry.filename)} claims {entry.file_size} bytes, but is "
            f"stored in {entry.compress_size} (at most {LARGEST_ENTRY_BYTES} are read)"
        )
    data = archive.read(entry)
    if len(data) != entry.file_size:
        raise CheckpointError(
            f"{path}: the entry {printable(entry.filename)} has {len(data)} of {entry.file_size} "
            "bytes; download it again"
        )
    return data
