"""From the tensors of a PyTorch project to a Network."""

import math

from . import batch_norm_networks, recognition, state_dict
from .errors import CheckpointError
from .network import Network

# Of ImageNet, and what every project that these networks come from uses.
_MEAN, _STD = "0.485,0.456,0.406", "0.229,0.224,0.225"
_TORCH_EPSILON = 1e-5


def network_of(value, key, forced):
    """The Network in `value`, what a file holds. `key`: the entry that holds the tensors, `forced`:
    the model that it must be; both may be None."""
    found = state_dict.find(value, key)
    match = recognition.recognise(found, forced)
    tensors = {}
    for name, (source_name, shape) in match.tensors.items():
        try:
            values = found[source_name].float32()
        except CheckpointError as error:
            raise CheckpointError(f"tensor {source_name}: {error}") from None
        if not all(map(math.isfinite, values)):
            raise CheckpointError(
                f"tensor {source_name} has values that are not finite in float32; the training it "
                "is from diverged, or the file is corrupt"
            )
        tensors[name] = (shape, values)
    metadata = {
        "batch_norm": "separate",
        "mean": _MEAN,
        "std": _STD,
        "image_size": "32" if batch_norm_networks.is_for_cifar(match.model) else "224",
    }
    if match.naming.epsilon != _TORCH_EPSILON:
        metadata["batch_norm_epsilon"] = str(match.naming.epsilon)
    if match.width:
        metadata["width"] = match.width
    return Network(match.model, tensors, match.classes, metadata, match.naming.note)
