"""Networks with batch-norm, as the layers that a state_dict has, under torchvision's names.

torchvision's ResNets and MobileNetV2 at any width, and the ResNets for CIFAR with the names of
akamaster/pytorch_resnet_cifar10.
"""

from decimal import Decimal
from typing import NamedTuple


class Conv(NamedTuple):
    name: str
    norm: str  # the batch-norm behind it
    shape: tuple  # [C_out, C_in of a group, k, k]


class Layers(NamedTuple):
    convs: list  # of Conv, in forward order
    head: str
    features: int  # that go into the head


# (blocks of each group, whether they are bottlenecks)
_RESNETS = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
}
_CIFAR_RESNETS = {"resnet20": 3, "resnet32": 5, "resnet44": 7, "resnet56": 9}
MOBILENET_V2 = "mobilenet_v2"

NAMES = (*_RESNETS, *_CIFAR_RESNETS, MOBILENET_V2)

# Expansion, channels, blocks of each group: table 2 of M. Sandler et al., "MobileNetV2", CVPR 2018.
_MOBILENET_V2_GROUPS = (
    (1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1),
)  # fmt: skip
_STEM_CHANNELS, _LAST_CHANNELS = 32, 1280


def is_for_cifar(model):
    return model in _CIFAR_RESNETS


def resnet(model):
    """Layers of one of torchvision's ResNets, or of one for CIFAR, which has no convolution on its
    short ways."""
    if is_for_cifar(model):
        blocks, bottleneck, channels, kernel = (_CIFAR_RESNETS[model],) * 3, False, 16, 3
    else:
        (blocks, bottleneck), channels, kernel = _RESNETS[model], 64, 7
    convs = [Conv("conv1", "bn1", (channels, 3, kernel, kernel))]
    c_in = channels
    for group, count in enumerate(blocks, start=1):
        for index in range(count):
            block = f"layer{group}.{index}"
            kernels = (1, 3, 1) if bottleneck else (3, 3)
            c_out = 4 * channels if bottleneck else channels
            c = c_in
            for n, k in enumerate(kernels, start=1):
                c_next = c_out if n == len(kernels) else channels
                convs.append(Conv(f"{block}.conv{n}", f"{block}.bn{n}", (c_next, c, k, k)))
                c = c_next
            changes_shape = index == 0 and (group > 1 or c_in != c_out)
            if changes_shape and not is_for_cifar(model):
                short_way = f"{block}.downsample"
                convs.append(Conv(f"{short_way}.0", f"{short_way}.1", (c_out, c_in, 1, 1)))
            c_in = c_out
        channels *= 2
    return Layers(convs, "linear" if is_for_cifar(model) else "fc", c_in)


def _divisible(channels):
    """torchvision's _make_divisible: the nearest multiple of 8, not more than 10 % below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def mobilenet_v2_channels(width):
    """Channels behind the first convolution, each group of blocks and the last convolution."""
    channels = (_STEM_CHANNELS, *(group[1] for group in _MOBILENET_V2_GROUPS))
    scaled = [_divisible(c * width) for c in channels]
    return (*scaled, _divisible(_LAST_CHANNELS * max(1.0, width)))


def mobilenet_v2(channels):
    """Layers for the channels that mobilenet_v2_channels returns."""
    c_in = channels[0]
    convs = [Conv("features.0.0", "features.0.1", (c_in, 3, 3, 3))]
    feature = 1
    for (expansion, _, blocks), c_out in zip(_MOBILENET_V2_GROUPS, channels[1:-1]):
        for _ in range(blocks):
            block = f"features.{feature}.conv"
            c_mid, part = c_in * expansion, 0
            if expansion != 1:
                convs.append(Conv(f"{block}.0.0", f"{block}.0.1", (c_mid, c_in, 1, 1)))
                part = 1
            convs.append(Conv(f"{block}.{part}.0", f"{block}.{part}.1", (c_mid, 1, 3, 3)))
            convs.append(Conv(f"{block}.{part + 1}", f"{block}.{part + 2}", (c_out, c_mid, 1, 1)))
            c_in = c_out
            feature += 1
    convs.append(Conv(f"features.{feature}.0", f"features.{feature}.1", (channels[-1], c_in, 1, 1)))
    return Layers(convs, "classifier.1", channels[-1])


# The batch-norms that tell mobilenet_v2_channels, in its order.
MOBILENET_V2_WITNESSES = tuple(
    ["features.0.1", "features.1.conv.2"]
    + [f"features.{feature}.conv.3" for feature in (3, 6, 10, 13, 16, 17)]
    + ["features.18.1"]
)


def _widths():
    """Round ones first, so that the simplest text wins. The last step is fine enough for all of the
    769 networks up to 4."""
    for step in map(Decimal, ("0.1", "0.05", "0.01", "0.001")):
        for count in range(1, int(4 / step) + 1):
            yield count * step


def mobilenet_v2_width(channels):
    """The width whose channels agree with the most of `channels`, as the shortest decimal text.

    Several widths have the same channels; no network tells them apart.
    """
    best, best_agreeing = None, -1
    for width in _widths():
        made = mobilenet_v2_channels(float(width))
        agreeing = sum(a == b for a, b in zip(made, channels))
        if agreeing > best_agreeing:
            best, best_agreeing = width, agreeing
        if agreeing == len(made):
            break
    text = format(best, "f")
    return text.rstrip("0").rstrip(".")
