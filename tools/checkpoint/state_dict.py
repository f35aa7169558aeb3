"""The parameters of a network in what PyTorch projects store them in."""

from .errors import CheckpointError, printable
from .stored_tensor import StoredTensor

# What training scripts call the parameters beside their epoch, optimizer and so on.
_WRAPPERS = (
    "state_dict", "model_state_dict", "model", "net", "network", "weights", "params",
    "state_dict_ema", "model_ema", "ema_state_dict",
)  # fmt: skip
_DEEPEST_WRAPPING = 4
# What DataParallel, torch.compile and training frameworks put before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
_MOST_SHOWN = 8


def find(value, key=None):
    """{name: StoredTensor} in `value`; `key` says in which of its entries, where several could be
    meant. CheckpointError if there are none."""
    for _ in range(_DEEPEST_WRAPPING):
        if not isinstance(value, dict):
            raise CheckpointError(
                "holds no dictionary of tensors; torch.save(model.state_dict(), FILE) writes one"
            )
        if key is not None:
            value, key = _entry(value, key), None
            continue
        inner = next((k for k in _WRAPPERS if isinstance(value.get(k), dict)), None)
        if inner is None:
            break
        value = value[inner]
    return _without_prefixes(_only_tensors(value))


def _entry(value, key):
    if not isinstance(value.get(key), dict):
        dictionaries = [k for k, v in value.items() if isinstance(v, dict)]
        raise CheckpointError(
            f"has no dictionary {printable(key)}; there are {_listed(dictionaries)}"
        )
    return value[key]


def _only_tensors(value):
    others = [name for name, tensor in value.items() if not isinstance(tensor, StoredTensor)]
    if others or not value:
        what = f"{_listed(others)} beside tensors" if value else "nothing"
        raise CheckpointError(
            f"holds {what} where the tensors of a network were expected; name the entry that has "
            "them with --state-dict"
        )
    return {str(name): tensor for name, tensor in value.items()}


def _without_prefixes(tensors):
    """The same under names without what stands before every one of them."""
    while True:
        prefix = next((p for p in _PREFIXES if all(n.startswith(p) for n in tensors)), None)
        if prefix is None:
            return tensors
        tensors = {name[len(prefix) :]: tensor for name, tensor in tensors.items()}


def _listed(names):
    shown = ", ".join(printable(name) for name in names[:_MOST_SHOWN]) or "none"
    return shown + (f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else "")
