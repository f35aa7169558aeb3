"""Shapes of whole networks, under the names of the projects that they come from, and values."""

import functools
import json
import math
import struct

from converter_test import read_safetensors
from torch_writer import TorchFileTest, TorchWriter, packed
from checkpoint import batch_norm_networks, parameter_names

NAMINGS = {
    "torchvision": parameter_names.unchanged,
    "hugging_face_resnet": parameter_names.hugging_face_resnet,
    "timm_mobilenet_v2": parameter_names.timm_mobilenet_v2,
    "hugging_face_mobilenet_v2": parameter_names.hugging_face_mobilenet_v2,
}


# A small network for tests of whole files.
MODEL, CLASSES = "resnet20", 7


def layers_of(model, width=1.0):
    if model == batch_norm_networks.MOBILENET_V2:
        channels = batch_norm_networks.mobilenet_v2_channels(width)
        return batch_norm_networks.mobilenet_v2(channels)
    return batch_norm_networks.resnet(model)


def shapes_of(model, classes=1000, naming="torchvision", width=1.0):
    """{name in the project's state_dict: shape}, without counters."""
    translate, layers, shapes = NAMINGS[naming], layers_of(model, width), {}
    for conv in layers.convs:
        shapes[f"{translate(conv.name)}.weight"] = conv.shape
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{translate(conv.norm)}.{part}"] = conv.shape[:1]
    shapes[f"{translate(layers.head)}.weight"] = (classes, layers.features)
    shapes[f"{translate(layers.head)}.bias"] = (classes,)
    return shapes


@functools.lru_cache(maxsize=None)
def values_of(index, shape):
    """Numbers for the tensor `index` that float16 and bfloat16 hold exactly."""
    return tuple(((17 * index + i) % 251 - 125) / 64 for i in range(math.prod(shape)))


def state_dict(writer, shapes, kind="Float", prefix=""):
    """{prefix + name: tensor} in the storages of the TorchWriter, with a counter for each
    batch-norm."""
    tensors = {}
    for index, (name, shape) in enumerate(shapes.items()):
        tensors[prefix + name] = writer.tensor(shape, values_of(index, shape), kind)
        if name.endswith(".running_var"):
            counter = name.replace("running_var", "num_batches_tracked")
            tensors[prefix + counter] = writer.tensor((), [1000], "Long")
    return tensors


def small_network(legacy=False):
    """(TorchWriter, the value to write with it)"""
    writer = TorchWriter(legacy)
    return writer, state_dict(writer, shapes_of(MODEL, classes=2))


class NetworkTest(TorchFileTest):
    """Of networks whose tensors hold values_of()."""

    def assert_converted(self, shapes, *options, target_shapes=None):
        """Converts and compares with values_of(); returns what was printed and the metadata."""
        status, output = self.run_tool(*options)
        self.assertEqual(status, 0, output)
        tensors, metadata = read_safetensors(self.target)
        target_names = list(target_shapes or shapes)
        self.assertEqual(sorted(tensors), sorted(target_names))
        for index, (name, shape) in enumerate(zip(target_names, shapes.values())):
            self.assertEqual(tensors[name][0], list(shape), name)
            self.assertEqual(tensors[name][1], values_of(index, shape), name)
        self.target.unlink()
        return output, metadata

    def write(self, value_of_tensors, shapes=None, **options):
        """Writes a file whose value is value_of_tensors(the state_dict of `shapes`)."""
        kind, prefix = options.pop("kind", "Float"), options.pop("prefix", "")
        writer = TorchWriter(**options)
        tensors = state_dict(writer, shapes or shapes_of(MODEL, CLASSES), kind, prefix)
        writer.write(self.source, value_of_tensors(tensors))

    def write_safetensors(self, shapes, dtype="F32"):
        kinds = {"F64": "Double", "F32": "Float", "F16": "Half", "BF16": "BFloat16"}
        header, data = {"__metadata__": {"format": "pt"}}, b""
        for index, (name, shape) in enumerate(shapes.items()):
            content = packed(kinds[dtype], values_of(index, shape))
            offsets = [len(data), len(data) + len(content)]
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
            data += content
            if name.endswith("running_var"):
                counter = name.replace("running_var", "num_batches_tracked")
                offsets = [len(data), len(data) + 8]
                header[counter] = {"dtype": "I64", "shape": [], "data_offsets": offsets}
                data += struct.pack("<q", 1)
        text = json.dumps(header).encode()
        self.source.write_bytes(struct.pack("<Q", len(text)) + text + data)
