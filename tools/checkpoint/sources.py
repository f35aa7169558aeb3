"""Opens a checkpoint of whatever kind: told apart by its bytes, never by its name."""

import os
import stat

from . import safetensors_reader, state_dict_source, tiny_training, torch_file, zip_archive
from .batch_norm_networks import NAMES as BATCH_NORM_NAMES
from .errors import CheckpointError
from .folded_networks import NAMES as FOLDED_NAMES

MODELS = (*FOLDED_NAMES, *BATCH_NORM_NAMES)
_LARGEST_FILE_BYTES = 1 << 31


def read(path, model=None, state_dict_key=None):
    """The Network in the file. `model`: the one that it must be; `state_dict_key`: which entry of a
    training checkpoint to take. CheckpointError, naming the file, for whatever is none."""
    if model is not None and model not in MODELS:
        raise CheckpointError(f"unknown model {model!r}; known: {', '.join(MODELS)}")
    try:
        return _read(path, model, state_dict_key)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise CheckpointError(f"{path}: is nested too deeply for a checkpoint") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _read(path, model, key):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise CheckpointError("is not a plain file; name a checkpoint file")
    if os.stat(path).st_size > _LARGEST_FILE_BYTES:
        raise CheckpointError(
            f"has {os.stat(path).st_size} bytes, at most {_LARGEST_FILE_BYTES} are read; save the "
            "state_dict alone"
        )
    with open(path, "rb") as file:
        beginning = file.read(9)
        if beginning.startswith(b"PK"):
            return _read_zip(file, model, key)
        data = beginning + file.read()
    if safetensors_reader.looks_like(beginning):
        value = safetensors_reader.load(data)
    elif beginning.startswith(b"\x80"):
        value = torch_file.load_legacy(data)
    else:
        raise CheckpointError(
            "is neither a zip archive of torch.save, nor one of its pickles, nor a safetensors "
            "file, or is a truncated one; download it again"
        )
    return _with_batch_norm(value, model, key)


def _read_zip(file, model, key):
    archive = zip_archive.Archive(file)
    if tiny_training.may_be_in(archive):
        return tiny_training.network_of(archive, model)
    return _with_batch_norm(torch_file.load_zip(archive), model, key)


def _with_batch_norm(value, model, key):
    if model in FOLDED_NAMES:
        raise CheckpointError(
            f"holds tensors of PyTorch, but {model} is read from the int8 files of "
            f"mit-han-lab/tiny-training; models of PyTorch: {', '.join(BATCH_NORM_NAMES)}"
        )
    return state_dict_source.network_of(value, key, model)
