#!/usr/bin/env python3
"""Writes NAME.safetensors and NAME.golden.safetensors for torchvision's networks: random weights with
perturbed batch-norms, and what PyTorch computes from them in float64.

Usage: make_network_goldens.py FOLDER      (the environment is that of bench/peers/README.md)

The files are too large to keep: `TRADY_PYTORCH_GOLDENS=FOLDER test_models "[pytorch]"` compares with
them. NAME.safetensors is a checkpoint with batch-norms beside the weights, in F64. The golden holds
  pixels          [batch, size, size, 3], RGB bytes; the network sees (pixels / 255 - 0.5) / 0.5
  labels          [batch]
  MODE.loss       [1], the mean cross-entropy; MODE is frozen (eval) or train
  MODE.logits     [batch, classes]
  MODE.grad.NAME  the gradient of every parameter that MODE trains
  train.after.NAME  running statistics after the step
  MODE.float32    [1], how far PyTorch in float32 is from all this: the worst NMSE of a gradient
"""

import copy
import sys
from pathlib import Path

import torch
import torchvision
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "peers"))

import safetensors_io  # noqa: E402

CLASSES, BATCH = 10, 4

# name: constructor, image size, further metadata
NETWORKS = {
    "resnet18": (torchvision.models.resnet18, 64, {}),
    "resnet50": (torchvision.models.resnet50, 64, {}),
    "mobilenet_v2": (lambda **o: torchvision.models.mobilenet_v2(width_mult=0.5, **o), 64, {"width": "0.5"}),
}


def perturbed(make):
    network = make(num_classes=CLASSES).double()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return network


def kept(network):
    return {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}


def write(path, tensors, metadata=None):
    safetensors_io.save(path, {k: v.numpy() for k, v in tensors.items()}, metadata)


def network_input(pixels):
    """As kernels/normalization.h rounds it."""
    return ((pixels.float() / 255 - 0.5) / 0.5).double().permute(0, 3, 1, 2).contiguous()


def run(network, x, labels, mode):
    result = {}
    network.train(mode == "train")
    network.zero_grad()
    logits = network(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    result[f"{mode}.logits"] = logits.detach()
    result[f"{mode}.loss"] = loss.detach().reshape(1)
    norms = {n for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    for name, parameter in network.named_parameters():
        if mode == "train" or name.rpartition(".")[0] not in norms:
            result[f"{mode}.grad.{name}"] = parameter.grad.clone()
    return result


def is_zero(gradient):
    """Behind a batch-norm that another one follows without an activation, beta has no effect."""
    return gradient.square().mean().item() < 1e-28


def worst_gradient(values, truth):
    gradients = [k for k, v in truth.items() if ".grad." in k and not is_zero(v)]
    return max(((values[k] - truth[k]).square().sum() / truth[k].square().sum()).item() for k in gradients)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, size, metadata) in NETWORKS.items():
        torch.manual_seed(1)
        network = perturbed(make)
        pixels = torch.randint(0, 256, (BATCH, size, size, 3))
        labels = torch.randint(0, CLASSES, (BATCH,))
        metadata = {
            "format": "trady", "format_version": "1", "model": name, "batch_norm": "separate",
            "image_size": str(size), "mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5", **metadata,
        }  # fmt: skip
        write(folder / f"{name}.safetensors", kept(network), metadata)
        golden = {"pixels": pixels.double(), "labels": labels.double()}
        x = network_input(pixels)
        for mode in ("frozen", "train"):
            single = copy.deepcopy(network).float()
            truth = run(network, x, labels, mode)
            golden.update(truth)
            golden[f"{mode}.float32"] = torch.tensor(
                [worst_gradient(run(single, x.float(), labels, mode), truth)], dtype=torch.float64
            )
        for key, value in kept(network).items():
            if "running_" in key:
                golden[f"train.after.{key}"] = value
        write(folder / f"{name}.golden.safetensors", golden)
        print(name, *(f"{k} {golden[k].item():.3g}" for k in golden if k.endswith((".loss", ".float32"))))


if __name__ == "__main__":
    main()
