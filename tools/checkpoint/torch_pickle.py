"""What the pickles of PyTorch may name: tensors and the dictionaries that hold them.

`TorchGlobals(storage_of)` has the table and the resolver for `restricted_pickle.load_next`. A
pickle names storages by a persistent id ("storage", type, key, device, elements[, view]), whatever
file they are in; `storage_of(dtype, key, elements)` returns the Storage.
"""

from .errors import CheckpointError, printable
from .restricted_pickle import Buildable, put_items
from .stored_tensor import Storage, StoredTensor, view

_DTYPES = {
    "Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16",
    "Long": "I64", "Int": "I32", "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL",
}  # fmt: skip


class _StorageType:
    def __init__(self, dtype):
        self.dtype = dtype


class _OrderedDict(dict, Buildable):
    """collections.OrderedDict. Python 2 stored its items as an argument."""

    def __init__(self, items=()):
        super().__init__()
        if not all(isinstance(item, (list, tuple)) and len(item) == 2 for item in items):
            raise CheckpointError("has an OrderedDict made of something else than pairs")
        put_items(self, items)

    def set_state(self, state):
        """Attributes: PyTorch keeps the versions of modules there, which say nothing of values."""
        if not isinstance(state, dict):
            raise CheckpointError("has an OrderedDict whose attributes are no dictionary")


class TorchGlobals:
    def __init__(self, storage_of):
        self._storage_of = storage_of
        self._storages = {}
        self.table = {
            "collections.OrderedDict": _OrderedDict,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor_v2,
            "torch._utils._rebuild_parameter": self._parameter,
            **{f"torch.{name}Storage": _StorageType(dtype) for name, dtype in _DTYPES.items()},
        }

    def resolve(self, persistent_id):
        if len(persistent_id) not in (5, 6) or persistent_id[0] != "storage":
            raise CheckpointError("refers to something that is not a storage of a tensor")
        _, kind, key, _, elements = persistent_id[:5]
        if not isinstance(kind, _StorageType):
            raise CheckpointError("has a storage whose type is not understood")
        if not isinstance(key, str) or type(elements) is not int or elements < 0:
            raise CheckpointError("has a storage whose key or size is not understood")
        if persistent_id[5:] not in ((), (None,)):
            raise CheckpointError(
                f"has a storage {printable(key)} that is a view of another one; load and save the "
                "file with a PyTorch of this decade"
            )
        storage = self._storages.get(key)
        if storage is None:
            storage = self._storages[key] = self._storage_of(kind.dtype, key, elements)
        if (storage.dtype, storage.element_count) != (kind.dtype, elements):
            raise CheckpointError(
                f"describes the storage {printable(key)} as {elements} {kind.dtype} and as "
                f"{storage.element_count} {storage.dtype}; it is corrupt"
            )
        return storage

    @staticmethod
    def _tensor(storage, offset, shape, strides):
        if not isinstance(storage, Storage):
            raise CheckpointError("has a tensor without a storage")
        return view(storage, offset, shape, strides)

    @staticmethod
    def _tensor_v2(storage, offset, shape, strides, _requires_grad, _hooks, metadata=None):
        if metadata:
            raise CheckpointError("has a tensor that is conjugated or negated lazily; save a clone")
        return TorchGlobals._tensor(storage, offset, shape, strides)

    @staticmethod
    def _parameter(tensor, _requires_grad, _hooks):
        if not isinstance(tensor, StoredTensor):
            raise CheckpointError("has a parameter that is no tensor")
        return tensor
