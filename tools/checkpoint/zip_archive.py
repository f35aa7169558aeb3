"""The zip container that torch.save writes, read with suspicion."""

import zipfile

from .errors import CheckpointError, printable

LARGEST_ENTRY_BYTES = 1 << 30


class Archive:
    """Entries are named without the one folder that they are all in.

    They must be stored uncompressed, as torch.save does: what is read can then never exceed the
    file's own size. Errors name the entry; the caller adds the file.
    """

    def __init__(self, file):
        """`file`: the open file, which has to stay open."""
        self._last = (None, None)
        self._zip = self._guarded(lambda: zipfile.ZipFile(file))
        self._entries = {}
        roots = set()
        for entry in self._zip.infolist():
            root, _, name = entry.filename.partition("/")
            roots.add(root)
            if len(roots) != 1 or not name or name in self._entries:
                raise self.unexpected(entry.filename)
            self._entries[name] = entry
        self._root = roots.pop() if roots else "archive"

    def names(self):
        return list(self._entries)

    def contains(self, name):
        return name in self._entries

    def unexpected(self, name):
        """The error to raise for an entry that should not be there."""
        return CheckpointError(
            f"has the unexpected entry {printable(name)}; is it a checkpoint of another project?"
        )

    def expect_bytes(self, name, size):
        entry = self._entry(name)
        if entry.file_size != size:
            raise CheckpointError(
                f"has {entry.file_size} bytes in the entry {printable(entry.filename)}, but its "
                f"tensors need {size}; it is corrupt"
            )

    def read(self, name):
        """All bytes of an entry. The last one read is kept: tensors may share one."""
        if self._last[0] != name:
            self._last = (name, self._read(self._entry(name)))
        return self._last[1]

    def _entry(self, name):
        if name not in self._entries:
            shown = printable(f"{self._root}/{name}")
            raise CheckpointError(f"has no entry {shown}; is it a whole checkpoint?")
        return self._entries[name]

    def _read(self, entry):
        name = printable(entry.filename)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise CheckpointError(
                f"the entry {name} is compressed or encrypted, which torch.save never does; it is "
                "not read"
            )
        if entry.file_size != entry.compress_size or entry.file_size > LARGEST_ENTRY_BYTES:
            raise CheckpointError(
                f"the entry {name} claims {entry.file_size} bytes, but is stored in "
                f"{entry.compress_size} (at most {LARGEST_ENTRY_BYTES} are read)"
            )
        data = self._guarded(lambda: self._zip.read(entry))
        if len(data) != entry.file_size:
            raise CheckpointError(
                f"the entry {name} has {len(data)} of {entry.file_size} bytes; download it again"
            )
        return data

    def _guarded(self, action):
        try:
            return action()
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise CheckpointError(
                f"is not a zip archive or a truncated one ({error}); download it again"
            ) from None
