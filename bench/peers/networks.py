"""The networks of docs/method.md section 7 in PyTorch: folded batch-norm, biases, ReLU6.

Parameters carry the project's names (`first_conv.weight`, `blocks.3.expand.bias`,
`classifier.weight`), weights are OIHW as in the project's safetensors files.

Run as a script it checks a network against golden logits, loss and gradients in float64:
    python networks.py WEIGHTS.safetensors GOLDENS.npz [--model mbv2-w0.35]
"""

import argparse
import json
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import safetensors_io


@dataclass(frozen=True)
class Block:
    """Inverted residual: expand 1x1, depthwise k x k, project 1x1."""

    in_c: int
    mid_c: int
    out_c: int
    kernel: int
    stride: int = 1
    residual: bool = False
    expands: bool = True


@dataclass(frozen=True)
class Network:
    name: str
    first: tuple  # in_c, out_c, kernel, stride
    blocks: tuple
    classes: int = 1000


def _parse(name, text):
    """`in-mid-out kK [sS] [r] [xN]`, separated by semicolons, after the common first two layers."""
    blocks = [Block(16, 16, 8, 3, expands=False)]
    for entry in text.split(";"):
        widths, *options = entry.split()
        in_c, mid_c, out_c = (int(width) for width in widths.split("-"))
        kernel, stride, residual, repeat = 3, 1, False, 1
        for option in options:
            if option == "r":
                residual = True
            elif option[0] == "k":
                kernel = int(option[1:])
            elif option[0] == "s":
                stride = int(option[1:])
            else:
                repeat = int(option.removeprefix("x"))
        blocks += [Block(in_c, mid_c, out_c, kernel, stride, residual)] * repeat
    return Network(name, (3, 16, 3, 2), tuple(blocks))


NETWORKS = {
    network.name: network
    for network in (
        _parse(
            "mbv2-w0.35",
            "8-48-8 s2; 8-48-8 r; 8-48-16 s2; 16-96-16 r x2; 16-96-24 s2; 24-144-24 r x3;"
            "24-144-32; 32-192-32 r x2; 32-192-56 s2; 56-336-56 r x2; 56-336-112",
        ),
        _parse(
            "mcunet-5fps",
            "8-32-16 k3 s2; 16-48-16 k3 r; 16-48-24 k7 s2; 24-120-24 k3 r; 24-120-40 k3 s2;"
            "40-160-40 k7 r; 40-160-48 k5; 48-144-48 k3 r; 48-192-48 k3 r; 48-240-96 k7 s2;"
            "96-384-96 k5 r x2; 96-576-160 k3",
        ),
        _parse(
            "proxyless-w0.3",
            "8-24-16 k5 s2; 16-48-16 k3 r; 16-48-16 k7 s2; 16-48-16 k3 r; 16-48-16 k5 r x2;"
            "16-96-24 k7 s2; 24-72-24 k5 r x3; 24-144-32 k5; 32-96-32 k5 r x3; 32-192-64 k7 s2;"
            "64-384-64 k7 r; 64-192-64 k7 r x2; 64-384-96 k7",
        ),
    )
}


def _conv(in_c, out_c, kernel, stride=1, groups=1):
    return nn.Conv2d(in_c, out_c, kernel, stride, (kernel - 1) // 2, groups=groups)


class InvertedResidual(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.residual = block.residual
        self.expand = _conv(block.in_c, block.mid_c, 1) if block.expands else None
        self.depthwise = _conv(block.mid_c, block.mid_c, block.kernel, block.stride, block.mid_c)
        self.project = _conv(block.mid_c, block.out_c, 1)

    def forward(self, x):
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class InvertedResidualNetwork(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.first_conv = _conv(*network.first)
        self.blocks = nn.ModuleList(InvertedResidual(block) for block in network.blocks)
        self.classifier = nn.Linear(network.blocks[-1].out_c, network.classes)

    def forward(self, x):
        x = F.relu6(self.first_conv(x))
        for block in self.blocks:
            x = block(x)
        return self.classifier(x.mean((2, 3)))

    def convs(self):
        """[(parameter prefix, module)] by conv index: forward order from the input."""
        found = [("first_conv", self.first_conv)]
        for i, block in enumerate(self.blocks):
            for part in ("expand", "depthwise", "project"):
                conv = getattr(block, part)
                if conv is not None:
                    found.append((f"blocks.{i}.{part}", conv))
        return found

    def input_sizes(self, image_size):
        """Height (= width) of every conv's input, by conv index."""
        sizes = []
        size = image_size
        for _, conv in self.convs():
            sizes.append(size)
            size = (size + 2 * conv.padding[0] - conv.kernel_size[0]) // conv.stride[0] + 1
        return sizes


def load_state(model, tensors):
    """Copies {name: array} into the model. Every name must fit, in the model's own dtype."""
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}
    model.load_state_dict(state)


def replace_head(model, classes, generator):
    """A new classifier as docs/method.md section 6 has it: weights normal(0, 0.01), bias 0."""
    model.classifier = nn.Linear(model.classifier.in_features, classes)
    with torch.no_grad():
        model.classifier.weight.normal_(0, 0.01, generator=generator)
        model.classifier.bias.zero_()


def with_classes(network, classes):
    return replace(network, classes=classes)


def build(name, weights=None, dtype=torch.float32):
    """A network by name, with the weights of a converted checkpoint."""
    if name not in NETWORKS:
        raise SystemExit(f"unknown model {name}; known: {', '.join(NETWORKS)}")
    tensors = safetensors_io.load(weights)[0] if weights else None
    network = NETWORKS[name]
    if tensors is not None:
        network = with_classes(network, len(tensors["classifier.bias"]))
    model = InvertedResidualNetwork(network)
    if tensors is not None:
        load_state(model, tensors)
    return model.to(dtype)


def _nmse(value, golden):
    return float(np.sum((value - golden) ** 2) / np.sum(golden**2))


def check_against_goldens(model, goldens):
    """Errors of logits, loss and gradients; the goldens are float64 results stored as float32."""
    x = torch.from_numpy(goldens["x_nchw"]).double()
    logits = model(x)
    loss = F.cross_entropy(logits, torch.from_numpy(goldens["labels"]))
    loss.backward()
    gradients = []
    named = [(f"conv{i:02d}", conv) for i, (_, conv) in enumerate(model.convs())]
    for name, layer in named + [("head", model.classifier)]:
        for part in ("weight", "bias"):
            golden = goldens[f"{name}.{part}.grad"].astype(np.float64)
            gradients.append(_nmse(getattr(layer, part).grad.numpy(), golden))
    return {
        "logits_nmse": _nmse(logits.detach().numpy(), goldens["logits"].astype(np.float64)),
        "loss_error": abs(loss.item() - float(goldens["loss"])),
        "gradients": len(gradients),
        "largest_gradient_nmse": max(gradients),
        "median_gradient_nmse": float(np.median(gradients)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("goldens")
    parser.add_argument("--model", default="mbv2-w0.35")
    args = parser.parse_args()
    model = build(args.model, args.weights, torch.float64)
    print(json.dumps(check_against_goldens(model, np.load(args.goldens)), indent=1))


if __name__ == "__main__":
    main()
