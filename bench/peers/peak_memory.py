"""Memory peer: what one full training step of a network of torchvision takes of its process.

    python peak_memory.py --model resnet50 --out peak_memory.json

Eager, on the CPU: forward, mean cross-entropy, backward and SGD without momentum on all weights,
with the batch-norms frozen as by `trady finetune --batch-norm frozen`: statistics, gamma and beta
stay. Each memory layout runs in a process of its own, in which the kernel's counters (VmRSS and
VmHWM of /proc/self/status) are read: before there is a network, before the step, and behind it.
Weights and images are random: memory does not depend on them.
"""

import argparse
import json
import multiprocessing
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import report

LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
LEARNING_RATE = 1e-6


def counter(name):
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}; this needs Linux")


def freeze_batch_norms(model):
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)


def train_once(args, layout):
    """Bytes of this process, which has done nothing yet."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    imported = counter("VmRSS")
    model = torchvision.models.get_model(args.model, weights=None, num_classes=args.classes)
    freeze_batch_norms(model)
    model = model.to(memory_format=LAYOUTS[layout])
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=LEARNING_RATE)
    x = torch.rand(args.batch, 3, args.image_size, args.image_size)
    x = x.to(memory_format=LAYOUTS[layout])
    labels = torch.randint(args.classes, (args.batch,))

    before, peak_before = counter("VmRSS"), counter("VmHWM")
    F.cross_entropy(model(x), labels).backward()
    optimizer.step()
    peak = counter("VmHWM")
    if peak <= peak_before:
        raise RuntimeError("the process was larger before the step than in it; nothing is measured")
    return {
        "imported_bytes": imported,
        "before_step_bytes": before,
        "peak_bytes": peak,
        "step_bytes": peak - before,
        "network_and_step_bytes": peak - imported,
    }


def in_own_process(args, layout):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(train_once, (args, layout))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet50", help="a classifier of torchvision.models")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file")
    args = parser.parse_args()
    result = report.provenance()
    result["versions"]["torchvision"] = torchvision.__version__
    result["settings"] = {key: value for key, value in vars(args).items() if key != "out"}
    result["layouts"] = {layout: in_own_process(args, layout) for layout in LAYOUTS}
    text = json.dumps(result, indent=1)
    if args.out:
        args.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
