"""The int8 networks of mit-han-lab/tiny-training (J. Lin et al., "On-Device Training Under 256KB
Memory", NeurIPS 2022) as float32 parameters under the engine's names.

A file is a zip with one protocol-2 pickle: first_conv, blocks (pointwise1, depthwise, pointwise2),
feature_mix, classifier; every conv with int8 weights, int32 biases and scales. Batch-norm is folded
in already. Dequantised: W[o] = w_scales[o] weight[o], b[o] = w_scales[o] x_scale bias[o], products
in float64, rounded once to float32.
"""

import array
import math
from typing import NamedTuple

from . import numpy_arrays, restricted_pickle
from .errors import CheckpointError, printable
from .folded_networks import Conv, Topology, recognise
from .network import Network

_CONV_NAMES = {"pointwise1": "expand", "depthwise": "depthwise", "pointwise2": "project"}
_TOP_FIELDS = {"first_conv", "blocks", "feature_mix", "classifier"}
_BLOCK_FIELDS = {*_CONV_NAMES, "residual", "se"}
_LARGEST_CHANNELS = 1 << 16
# One block of the file may stand in the list again and again, so the file's size bounds nothing.
_MOST_BLOCKS = 64


class _Contents(NamedTuple):
    tensors: dict  # {name: (shape, array of float32)}
    topology: Topology
    classes: int
    image_size: int


def may_be_in(archive):
    """Whether a zip_archive.Archive has no more entries than such a network needs: PyTorch puts the
    numbers of tensors beside the pickle."""
    return set(archive.names()) <= {"data.pkl", "version"}


def network_of(archive, forced=None):
    """The Network in a zip_archive.Archive, of the model `forced` if given; CheckpointError, naming
    the tensor, for whatever is none."""
    data = archive.read("data.pkl")
    value = restricted_pickle.load(data, numpy_arrays.NumpyGlobals(len(data)).table)
    contents = _contents(value)
    model = recognise(contents.topology, forced)
    metadata = {
        "batch_norm": "folded",
        "mean": "0.5,0.5,0.5",
        "std": "0.5,0.5,0.5",
        "image_size": str(contents.image_size),
    }
    return Network(model, contents.tensors, contents.classes, metadata)


def _contents(value):
    _check_fields("the checkpoint", value, _TOP_FIELDS)
    if not isinstance(value["blocks"], list) or len(value["blocks"]) > _MOST_BLOCKS:
        raise CheckpointError(f"blocks is not a list of up to {_MOST_BLOCKS} blocks")
    tensors, convs, residuals = {}, {}, set()

    def add(name, layer):
        convs[name] = _add_conv(tensors, name, layer)

    add("first_conv", value["first_conv"])
    for index, block in enumerate(value["blocks"]):
        _check_fields(f"blocks.{index}", block, _BLOCK_FIELDS)
        if block["se"] is not None:
            raise CheckpointError(f"blocks.{index} has squeeze-and-excitation, not supported")
        if block["residual"] is not None:
            residuals.add(index)
        for source, target in _CONV_NAMES.items():
            if block[source] is not None:
                add(f"blocks.{index}.{target}", block[source])
    if value["feature_mix"] is not None:
        add("mix", value["feature_mix"])
    classes = _add_classifier(tensors, value["classifier"], list(convs.values())[-1].out_channels)
    image_size = value["first_conv"].get("in_shape", 128)
    if type(image_size) is not int or not 1 <= image_size <= 4096:
        raise CheckpointError("first_conv.in_shape is not an image size of 1 to 4096")
    return _Contents(tensors, Topology(convs, frozenset(residuals)), classes, image_size)


def _check_fields(name, value, fields):
    if not isinstance(value, dict):
        raise CheckpointError(f"{name} is not a dictionary; is it a tiny-training checkpoint?")
    missing, unknown = sorted(fields - set(value)), sorted(map(str, set(value) - fields))
    if missing or unknown:
        raise CheckpointError(
            f"{name}: missing {_listed(missing)}, unknown {_listed(unknown)}; is it a "
            "tiny-training checkpoint?"
        )


def _listed(names):
    return ", ".join(printable(name) for name in names[:8]) or "nothing"


def _size(name, layer, field):
    size = layer.get(field)
    if type(size) is not int or not 1 <= size <= _LARGEST_CHANNELS:
        raise CheckpointError(f"{name}.{field} is not a size of 1 to {_LARGEST_CHANNELS}")
    return size


def _params(name, layer):
    if not isinstance(layer, dict) or not isinstance(layer.get("params"), dict):
        raise CheckpointError(f"{name} has no params; is it a tiny-training checkpoint?")
    return layer["params"]


def _array(name, params, field, kind, shape):
    value = params.get(field)
    if not isinstance(value, numpy_arrays.NumpyArray) or value.values is None:
        raise CheckpointError(f"{name}: {field} is missing or no array")
    if value.type != kind or value.shape != shape:
        raise CheckpointError(
            f"{name}: {field} has type {value.type} and shape {list(value.shape)}, expected "
            f"{kind} and {list(shape)}"
        )
    return value.values


def _add_conv(tensors, name, layer):
    """Puts <name>.weight and <name>.bias into `tensors`."""
    params = _params(name, layer)
    out_channels, in_channels = _size(name, layer, "out_channel"), _size(name, layer, "in_channel")
    groups, stride = _size(name, layer, "groups"), _size(name, layer, "stride")
    kernel = layer.get("kernel_size")
    if not isinstance(kernel, tuple) or len(kernel) != 2 or kernel[0] != kernel[1]:
        raise CheckpointError(f"{name}.kernel_size is not a square")
    size = _size(name, {"kernel_size": kernel[0]}, "kernel_size")
    depthwise = name.endswith(".depthwise")
    if groups != (in_channels if depthwise else 1) or (depthwise and out_channels != in_channels):
        raise CheckpointError(
            f"{name} has {groups} groups for {in_channels} input and {out_channels} output channels"
        )
    shape = (out_channels, in_channels // groups, size, size)
    weight = _array(name, params, "weight", "i1", shape)
    bias = _array(name, params, "bias", "i4", (out_channels,))
    scales = _array(name, params, "w_scales", "f4", (out_channels,))
    x_scale = params.get("x_scale")
    if not isinstance(x_scale, float):
        raise CheckpointError(f"{name}: x_scale is missing or no number")
    per_filter = math.prod(shape[1:])
    weights = (scales[i // per_filter] * weight[i] for i in range(len(weight)))
    biases = (scales[o] * x_scale * bias[o] for o in range(out_channels))
    tensors[f"{name}.weight"] = (shape, _float32(f"{name}.weight", weights))
    tensors[f"{name}.bias"] = ((out_channels,), _float32(f"{name}.bias", biases))
    return Conv(out_channels, shape[1], size, stride)


def _add_classifier(tensors, layer, features):
    conv = _add_conv(tensors, "classifier", layer)
    if conv.kernel != 1 or conv.stride != 1 or conv.in_channels != features:
        raise CheckpointError(
            f"classifier is {conv}, expected [classes, {features}, 1, 1] stride 1"
        )
    shape, values = tensors["classifier.weight"]
    tensors["classifier.weight"] = (shape[:2], values)
    return conv.out_channels


def _float32(name, numbers):
    values = array.array("f", numbers)
    if not all(map(math.isfinite, values)):
        raise CheckpointError(f"{name} has values that are not finite; the scales are corrupt")
    return values
