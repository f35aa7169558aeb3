"""From the tensors of a PyTorch project to a Network."""

import math

from . import batch_norm_networks, recognition, state_dict
from .errors import CheckpointError
from .network import Network


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
        "mean": match.naming.mean,
        "std": match.naming.std,
        "image_size": "32" if batch_norm_networks.is_for_cifar(match.model) else "224",
    }
    if match.naming.epsilon != recognition.TORCH_EPSILON:
        metadata["batch_norm_epsilon"] = str(match.naming.epsilon)
    if match.width:
        metadata["width"] = match.width
    return Network(match.model, tensors, match.classes, metadata, match.naming.note)
