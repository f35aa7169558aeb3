"""Which network a state_dict is of: known by the names and shapes of its tensors."""

from typing import Callable, NamedTuple

from . import batch_norm_networks, parameter_names
from .errors import CheckpointError, printable

_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
_COUNTER = "num_batches_tracked"
_DEFAULT_CLASSES = 1000
TORCH_EPSILON = 1e-5


class Naming(NamedTuple):
    """A project's names, and what its networks share beside them."""

    origin: str
    translate: Callable  # torchvision's name of a layer -> the project's
    mean: str = "0.485,0.456,0.406"
    std: str = "0.229,0.224,0.225"
    epsilon: float = TORCH_EPSILON
    note: str = ""


_RESNET_NAMINGS = (
    Naming("torchvision and timm", parameter_names.unchanged),
    Naming("Hugging Face", parameter_names.hugging_face_resnet),
)
_CIFAR_NAMINGS = (Naming("akamaster/pytorch_resnet_cifar10", parameter_names.unchanged),)
_MOBILENET_V2_NAMINGS = (
    Naming("torchvision", parameter_names.unchanged),
    Naming("timm", parameter_names.timm_mobilenet_v2),
    Naming(
        "Hugging Face",
        parameter_names.hugging_face_mobilenet_v2,
        mean="0.5,0.5,0.5",
        std="0.5,0.5,0.5",
        epsilon=1e-3,
        note="if it was trained with TensorFlow's padding (tf_padding in its config.json), its "
        "outputs differ somewhat here, where both sides of an image are padded alike",
    ),
)


class Match(NamedTuple):
    model: str
    naming: Naming
    width: str  # of MobileNetV2, as a decimal text; empty for the others
    classes: int
    tensors: dict  # {torchvision's name: (name in the file, shape)}
    counters: frozenset  # names in the file that may be there and are not needed


def recognise(found, forced=None):
    """The Match of `found` ({name: StoredTensor}), of the model `forced` if given. CheckpointError
    listing every missing, unexpected and misshapen tensor if there is none."""
    shapes = {name: tensor.shape for name, tensor in found.items()}
    by_distance = [(_differences(shapes, m), m) for m in _candidates(shapes, forced)]
    differences, closest = min(by_distance, key=lambda pair: sum(map(len, pair[0])))
    if not any(differences):
        return closest
    missing, unexpected, misshapen = differences
    kind = "the model asked for" if forced else "the closest known model"
    raise CheckpointError(
        f"differs from {_described(closest)}, {kind}, in {sum(map(len, differences))} tensors: "
        + "; ".join(
            f"{len(names)} {what}: {', '.join(names)}"
            for what, names in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("misshapen", misshapen),
            )
            if names
        )
    )


def _described(match):
    width = f" of width {match.width}" if match.width else ""
    return f"{match.model}{width} with the names of {match.naming.origin}"


def _candidates(shapes, forced):
    for model in [forced] if forced else batch_norm_networks.NAMES:
        if model == batch_norm_networks.MOBILENET_V2:
            for naming in _MOBILENET_V2_NAMINGS:
                yield _mobilenet_v2(shapes, naming)
        else:
            layers = batch_norm_networks.resnet(model)
            for_cifar = batch_norm_networks.is_for_cifar(model)
            for naming in _CIFAR_NAMINGS if for_cifar else _RESNET_NAMINGS:
                yield _match(shapes, model, naming, layers)


def _mobilenet_v2(shapes, naming):
    witnesses = [
        shapes.get(f"{naming.translate(norm)}.weight")
        for norm in batch_norm_networks.MOBILENET_V2_WITNESSES
    ]
    channels = [shape[0] if shape else None for shape in witnesses]
    # Without any witness it is no MobileNetV2, and any width serves to say so.
    width = batch_norm_networks.mobilenet_v2_width(channels) if any(channels) else "1"
    made = batch_norm_networks.mobilenet_v2_channels(float(width))
    layers = batch_norm_networks.mobilenet_v2(made)
    return _match(shapes, batch_norm_networks.MOBILENET_V2, naming, layers, width)


def _match(shapes, model, naming, layers, width=""):
    head = naming.translate(layers.head)
    head_shape = shapes.get(f"{head}.weight") or shapes.get(f"{head}.bias")
    classes = head_shape[0] if head_shape and head_shape[0] > 0 else _DEFAULT_CLASSES
    tensors, counters = {}, set()
    for conv in layers.convs:
        tensors[f"{conv.name}.weight"] = (f"{naming.translate(conv.name)}.weight", conv.shape)
        norm = naming.translate(conv.norm)
        for part in _NORM_PARTS:
            tensors[f"{conv.norm}.{part}"] = (f"{norm}.{part}", conv.shape[:1])
        counters.add(f"{norm}.{_COUNTER}")
    tensors[f"{layers.head}.weight"] = (f"{head}.weight", (classes, layers.features))
    tensors[f"{layers.head}.bias"] = (f"{head}.bias", (classes,))
    return Match(model, naming, width, classes, tensors, frozenset(counters))


def _differences(shapes, match):
    """(missing, unexpected, misshapen), each a list of texts."""
    expected = dict(match.tensors.values())
    missing = [f"{n} {list(shape)}" for n, shape in expected.items() if n not in shapes]
    unexpected = [
        f"{printable(n)} {list(shape)}"
        for n, shape in shapes.items()
        if n not in expected and n not in match.counters
    ]
    misshapen = [
        f"{n} {list(shapes[n])} instead of {list(shape)}"
        for n, shape in expected.items()
        if n in shapes and shapes[n] != shape
    ]
    return missing, unexpected, misshapen
