"""Files that are either the old one or the whole new one (as engine/atomic_file.h)."""

import itertools
import os
import stat

from .errors import CheckpointError


def write_file_atomically(path, chunks):
    """Writes the list of bytes `chunks` beside `path`, flushes, and renames them over it."""
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    temporary = None
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            raise CheckpointError(f"{path}: is not a plain file and cannot be replaced by one")
        for number in itertools.count():
            candidate = os.path.join(folder, f".{name}.{os.getpid()}-{number}.tmp")
            try:
                descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                continue
            temporary = candidate
            break
        with open(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
        folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder_descriptor)
        finally:
            os.close(folder_descriptor)
    except OSError as error:
        raise CheckpointError(
            f"{path}: {sum(map(len, chunks))} bytes cannot be written: {error.strerror or error}; "
            "what was there before is unchanged. Free some space or choose a folder that you may "
            "write to"
        ) from None
    finally:
        if temporary is not None:
            os.unlink(temporary)
