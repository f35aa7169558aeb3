#!/usr/bin/env python3
"""Writes op_*.safetensors: tiny random networks and what PyTorch computes from them in float64.

Usage: make_op_goldens.py [FOLDER]      (the environment is that of bench/peers/README.md)

Every file covers one kind of block (kernel, stride, residual, with or without expansion) between a
first conv and mean pool, linear head and mean cross-entropy. All tensors are F64:
  pixels  [batch, size, size, 3], RGB bytes, as whole numbers
  x       [batch, size, size, 3], the network's input, NHWC: (pixels / 255 - 0.5) / 0.5 in float32,
          as kernels/normalization.h rounds it
  labels  [batch], whole numbers
  logits  [batch, classes]
  loss    [1], the mean cross-entropy
  NAME, grad.NAME  every parameter and its gradient of the loss; NAME as in the project's weight
                   files (`blocks.0.expand.weight`), conv weights OIHW, depthwise [C, 1, k, k]
Metadata (text): "network" holds JSON {"first": [3, out, kernel, stride], "blocks": [[in, mid, out,
kernel, stride, residual, expands], ...], "classes": n, "image_size": s, "batch": b}; the flags are 0
or 1 and padding is (kernel - 1) / 2; "margin": the distance of the closest pre-activation to a
corner of ReLU6. Seeds are searched so that it is at least 1e-4: no float32 rounding flips a gate.
"""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "peers"))

import safetensors_io  # noqa: E402
from networks import Block, InvertedResidualNetwork, Network  # noqa: E402

SMALLEST_MARGIN = 1e-4

# name: first conv's outputs, blocks, image size, batch
CASES = {
    "no_expand_k3": (4, [Block(4, 4, 3, 3, expands=False)], 8, 3),
    "no_expand_k5_s2": (3, [Block(3, 3, 5, 5, 2, expands=False)], 13, 2),
    "expand_k3": (5, [Block(5, 7, 4, 3)], 10, 2),
    "expand_k3_s2": (4, [Block(4, 9, 6, 3, 2)], 15, 2),
    "expand_k5": (3, [Block(3, 8, 5, 5)], 12, 2),
    "expand_k5_s2": (4, [Block(4, 6, 5, 5, 2)], 16, 1),
    "expand_k7": (4, [Block(4, 5, 6, 7)], 11, 2),
    "expand_k7_s2": (3, [Block(3, 7, 4, 7, 2)], 16, 2),
    "residual_k3": (6, [Block(6, 11, 6, 3, residual=True)], 9, 2),
    "residual_k5": (4, [Block(4, 9, 4, 5, residual=True)], 12, 2),
    "residual_k7": (5, [Block(5, 8, 5, 7, residual=True)], 14, 1),
    "chain": (
        6,
        [
            Block(6, 6, 4, 3, expands=False),
            Block(4, 10, 5, 5, 2),
            Block(5, 12, 5, 3, residual=True),
            Block(5, 9, 5, 7, residual=True),
            Block(5, 8, 7, 3),
        ],
        16,
        4,
    ),
    "one_channel": (1, [Block(1, 1, 1, 3, residual=True)], 8, 2),
}
CLASSES = 5


def random_network(name, seed):
    first_c, blocks, size, batch = CASES[name]
    generator = torch.Generator().manual_seed(seed)
    model = InvertedResidualNetwork(Network(name, (3, first_c, 3, 2), tuple(blocks), CLASSES))
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # fan-in scaled, so that ReLU6 is cut at both corners
                spread = 2.5 / parameter[0].numel() ** 0.5
            else:
                spread = 0.5
            parameter.normal_(0, spread, generator=generator)
    pixels = torch.randint(256, (batch, 3, size, size), generator=generator)
    labels = torch.randint(CLASSES, (batch,), generator=generator)
    return model, pixels, labels


def normalised(pixels):
    return ((pixels.float() / 255 - 0.5) / 0.5).double()


def pre_activations(model, x):
    """Outputs of all convs that a ReLU6 follows, in one row."""
    found = []
    for name, conv in model.convs():
        if not name.endswith("project"):
            conv.register_forward_hook(lambda _, __, y: found.append(y.detach().reshape(-1)))
    with torch.no_grad():
        model(x)
    for module in model.modules():
        module._forward_hooks.clear()
    return torch.cat(found)


def make(name, folder):
    for seed in range(1000):
        model, pixels, labels = random_network(name, seed)
        x = normalised(pixels)
        values = pre_activations(model, x)
        margin = float(torch.minimum(values.abs(), (values - 6).abs()).min())
        cut_below, cut_above = bool((values < 0).any()), bool((values > 6).any())
        if margin >= SMALLEST_MARGIN and cut_below and cut_above:
            break
    else:
        raise SystemExit(f"{name}: no seed keeps {SMALLEST_MARGIN} away from the corners of ReLU6")
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()

    tensors = {
        "pixels": pixels.permute(0, 2, 3, 1).double().contiguous(),
        "x": x.permute(0, 2, 3, 1).contiguous(),
        "labels": labels.double(),
        "logits": logits.detach(),
        "loss": loss.detach().reshape(1),
    }
    for parameter_name, parameter in model.named_parameters():
        tensors[parameter_name] = parameter.detach()
        tensors["grad." + parameter_name] = parameter.grad
    network = {
        "first": list(model.network.first),
        "blocks": [
            [b.in_c, b.mid_c, b.out_c, b.kernel, b.stride, int(b.residual), int(b.expands)]
            for b in model.network.blocks
        ],
        "classes": CLASSES,
        "image_size": x.shape[2],
        "batch": x.shape[0],
    }
    metadata = {"network": json.dumps(network), "margin": f"{margin:.3g}"}
    path = folder / f"op_{name}.safetensors"
    safetensors_io.save(path, {k: v.numpy() for k, v in tensors.items()}, metadata)
    print(f"{path.name}: seed {seed}, margin {margin:.3g}, {path.stat().st_size} bytes")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    torch.set_num_threads(1)
    for name in CASES:
        make(name, folder)


if __name__ == "__main__":
    main()
