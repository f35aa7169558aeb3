"""The networks without batch-norm, as lists of convolutions, to recognise a checkpoint by.

A convolution is described by (output channels, input channels of a group, kernel size, stride). A
parameter prefix in the file is a convolution's name here.
"""

import re
from typing import NamedTuple

from .errors import CheckpointError

# First conv 3x3 stride 2 to 16 channels, first block depthwise 3x3 and projection to 8 without an
# expansion; then "in-mid-out k<kernel> [s2] [r] [x<repeat>]". r: residual.
_BLOCKS = {
    "mbv2-w0.35": """
        8-48-8 k3 s2; 8-48-8 k3 r; 8-48-16 k3 s2; 16-96-16 k3 r x2; 16-96-24 k3 s2;
        24-144-24 k3 r x3; 24-144-32 k3; 32-192-32 k3 r x2; 32-192-56 k3 s2; 56-336-56 k3 r x2;
        56-336-112 k3""",
    "mcunet-5fps": """
        8-32-16 k3 s2; 16-48-16 k3 r; 16-48-24 k7 s2; 24-120-24 k3 r; 24-120-40 k3 s2;
        40-160-40 k7 r; 40-160-48 k5; 48-144-48 k3 r; 48-192-48 k3 r; 48-240-96 k7 s2;
        96-384-96 k5 r x2; 96-576-160 k3""",
    "proxyless-w0.3": """
        8-24-16 k5 s2; 16-48-16 k3 r; 16-48-16 k7 s2; 16-48-16 k3 r; 16-48-16 k5 r x2;
        16-96-24 k7 s2; 24-72-24 k5 r x3; 24-144-32 k5; 32-96-32 k5 r x3; 32-192-64 k7 s2;
        64-384-64 k7 r; 64-192-64 k7 r x2; 64-384-96 k7""",
}
_BLOCK_PATTERN = re.compile(r"(\d+)-(\d+)-(\d+) k(\d)( s2)?( r)?(?: x(\d))?")
# Of the 1x1 conv between the last block and the pooling, which only some checkpoints have.
_MIX_CHANNELS = {"mbv2-w0.35": 448, "proxyless-w0.3": 384}

NAMES = tuple(_BLOCKS)


class Conv(NamedTuple):
    out_channels: int
    in_channels: int
    kernel: int
    stride: int

    def __str__(self):
        shape = [self.out_channels, self.in_channels, self.kernel, self.kernel]
        return f"{shape} stride {self.stride}"


class Topology(NamedTuple):
    """`convs`: {parameter prefix: Conv} in forward order; `residuals`: indices of such blocks."""

    convs: dict
    residuals: frozenset


def topology(model, with_mix):
    """What `model` looks like, without its classifier."""
    convs = {
        "first_conv": Conv(16, 3, 3, 2),
        "blocks.0.depthwise": Conv(16, 1, 3, 1),
        "blocks.0.project": Conv(8, 16, 1, 1),
    }
    residuals = set()
    index, channels_out = 1, 8
    for text in _BLOCKS[model].split(";"):
        match = _BLOCK_PATTERN.fullmatch(text.strip())
        channels_in, channels_mid, channels_out, kernel = map(int, match.group(1, 2, 3, 4))
        for _ in range(int(match.group(7) or 1)):
            stride = 2 if match.group(5) else 1
            convs[f"blocks.{index}.expand"] = Conv(channels_mid, channels_in, 1, 1)
            convs[f"blocks.{index}.depthwise"] = Conv(channels_mid, 1, kernel, stride)
            convs[f"blocks.{index}.project"] = Conv(channels_out, channels_mid, 1, 1)
            if match.group(6):
                residuals.add(index)
            index += 1
    if with_mix and model in _MIX_CHANNELS:
        convs["mix"] = Conv(_MIX_CHANNELS[model], channels_out, 1, 1)
    return Topology(convs, frozenset(residuals))


def differences(found, model):
    """Texts, one a difference between the Topology `found` and `model`; empty if they agree."""
    expected = topology(model, "mix" in found.convs)
    texts = []
    for name in [*expected.convs, *(n for n in found.convs if n not in expected.convs)]:
        have, want = found.convs.get(name), expected.convs.get(name)
        if have != want:
            texts.append(f"{name} is {have or 'missing'}, expected {want or 'none'}")
    for block in sorted(found.residuals ^ expected.residuals):
        has = "has" if block in found.residuals else "lacks"
        texts.append(f"blocks.{block} {has} a residual connection")
    return texts


def recognise(found, forced=None):
    """Name of the model that `found` is. CheckpointError listing every difference otherwise."""
    if forced is not None and forced not in NAMES:
        raise CheckpointError(
            f"is a network of mit-han-lab/tiny-training, which {forced} is not; they are "
            + ", ".join(NAMES)
        )
    by_model = {model: differences(found, model) for model in ([forced] if forced else NAMES)}
    closest = min(by_model, key=lambda model: len(by_model[model]))
    if not by_model[closest]:
        return closest
    kind = "the model asked for" if forced else "the closest known model"
    raise CheckpointError(
        f"differs from {closest}, {kind}, in {len(by_model[closest])} places: "
        + "; ".join(by_model[closest])
    )
