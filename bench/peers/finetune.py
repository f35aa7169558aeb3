"""Accuracy peer: fine-tunes a network on an image folder in PyTorch (docs/method.md section 6).

The methods are simulated by masking dense gradients (masked.py). Example:
    python finetune.py --weights mbv2-w0.35.safetensors --data flowers12 --runs head:0.03 \\
        trady:0.03 full:0.01 --budget 27946 --pool-file selection/rankings/mbv2-w0.35.json \\
        --out bench/results/peers/flowers12-pytorch.json
With --calibrate-bn the folded batch-norms are put back and trained (batch_norm.py).
The result file holds, for every method and seed, test top-1 and the mean training loss by epoch.
Runs that it already holds, of the same settings, are kept and not repeated; every run says with how
many threads and at which commit it was made, and machine and command are those of the last call.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torch.nn import functional as F
from torchvision import transforms

import batch_norm
import networks
import report
import selection as selections
from masked import MaskedSgd

NORMALIZE = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]


class ImageFolder:
    """Decoded images of DIR/<class>/*, classes in alphabetical order, all kept in memory."""

    def __init__(self, folder):
        self.classes = sorted(entry.name for entry in Path(folder).iterdir() if entry.is_dir())
        self.images, labels = [], []
        for label, name in enumerate(self.classes):
            for path in sorted((Path(folder) / name).iterdir()):
                with Image.open(path) as image:
                    self.images.append(image.convert("RGB"))
                labels.append(label)
        self.labels = torch.tensor(labels)


def train_transform(size):
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=(0.08, 1), ratio=(3 / 4, 4 / 3)),
            transforms.RandomHorizontalFlip(0.5),
            transforms.ColorJitter(0.4, 0.4, 0.4),
            *NORMALIZE,
        ]
    )


def test_image(image, size):
    """Short side to 147 (for 128), long side rounded to nearest, centre crop."""
    short = round(size * 147 / 128)
    scale = short / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return transforms.Compose(NORMALIZE)(image.crop((left, top, left + size, top + size)))


def learning_rate(step, steps_per_epoch, base, warmup_epochs, epochs):
    warmup = warmup_epochs * steps_per_epoch
    if step < warmup:
        return base * step / warmup
    return 0.5 * base * (1 + math.cos(math.pi * (step - warmup) / (epochs * steps_per_epoch)))


@torch.no_grad()
def accuracy(model, inputs, labels):
    model.eval()
    right = 0
    for begin in range(0, len(labels), 64):
        logits = model(inputs[begin : begin + 64])
        right += int((logits.argmax(1) == labels[begin : begin + 64]).sum())
    return right / len(labels)


def calibration_images(train, args, seed):
    """Training images drawn at random without repetition, prepared as for testing."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(train.images), generator=generator)[: args.calibrate_bn]
    return torch.stack([test_image(train.images[i], args.image_size) for i in drawn])


def run(args, method, rate, seed, train, test):
    model = networks.build(args.model, args.weights)
    generator = torch.Generator().manual_seed(seed)
    networks.replace_head(model, len(train.classes), generator)
    if args.calibrate_bn:
        batch_norm.calibrate(model, calibration_images(train, args, seed), args.batch)
    model = model.to(memory_format=torch.channels_last)
    pool = []
    if args.pool_file:
        pool = selections.read_pool(args.pool_file, args.pool, len(model.convs()))
    selector = selections.Selector(method, model, args.image_size, pool, args.budget, seed)
    optimizer = MaskedSgd(model)
    augment = train_transform(args.image_size)
    torch.manual_seed(seed)  # torchvision's transforms draw from the global generator

    steps_per_epoch = len(train.labels) // args.batch  # the last incomplete batch is dropped
    step = 0
    epochs = []
    for epoch in range(args.warmup + args.epochs):
        started = time.perf_counter()
        selection = selector.for_epoch(epoch)
        optimizer.select(selection)
        order = torch.randperm(len(train.labels), generator=generator)
        losses = []
        model.train()
        for i in range(steps_per_epoch):
            batch = order[i * args.batch : (i + 1) * args.batch]
            x = torch.stack([augment(train.images[k]) for k in batch])
            x = x.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), train.labels[batch])
            loss.backward()
            optimizer.step(
                learning_rate(step, steps_per_epoch, rate, args.warmup, args.epochs)
            )
            losses.append(loss.item())
            step += 1
        used = 0 if not selection else selections.used_budget(selection, selector.costs)
        epochs.append(
            {
                "train_loss": float(np.mean(losses)),
                "test_top1": accuracy(model, *test),
                "budget_used": used,
                "seconds": time.perf_counter() - started,
            }
        )
        last = epochs[-1]
        print(
            f"{method} lr {rate} seed {seed} epoch {epoch + 1}: loss {last['train_loss']:.4f} "
            f"top-1 {100 * last['test_top1']:.2f} ({last['seconds']:.1f} s)",
            flush=True,
        )
        if not math.isfinite(last["train_loss"]):
            break
    return {
        "method": method,
        "learning_rate": rate,
        "seed": seed,
        "test_top1": epochs[-1]["test_top1"],
        "last_epoch_train_loss": epochs[-1]["train_loss"],
        "epochs": epochs,
    }


def finished_runs(path, settings):
    """The runs of an earlier, interrupted call; none if it had other settings."""
    if not Path(path).exists():
        return []
    earlier = json.loads(Path(path).read_text())
    free = ("threads", "seeds")  # neither changes what a single run is
    before = {"calibrate_bn": 0} | earlier["settings"]  # what files say that are older than it
    same = all(before.get(k) == v for k, v in settings.items() if k not in free)
    return earlier["runs"] if same else []


def summarize(runs):
    """Mean and standard deviation over the seeds of every method and learning rate."""
    summary = []
    for key in dict.fromkeys((r["method"], r["learning_rate"]) for r in runs):
        members = [r for r in runs if (r["method"], r["learning_rate"]) == key]
        top1 = [r["test_top1"] for r in members]
        loss = [r["last_epoch_train_loss"] for r in members]
        summary.append(
            {
                "method": key[0],
                "learning_rate": key[1],
                "seeds": [r["seed"] for r in members],
                "test_top1_mean": float(np.mean(top1)),
                "test_top1_std": float(np.std(top1, ddof=1)) if len(top1) > 1 else 0.0,
                "last_epoch_train_loss_mean": float(np.mean(loss)),
            }
        )
    return summary


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mbv2-w0.35")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True, help="folder with train/ and test/")
    parser.add_argument("--runs", nargs="+", required=True, metavar="METHOD:LR")
    parser.add_argument("--budget", type=int, default=27946)
    parser.add_argument("--pool-file", help="ranking, for trady and s-topk-random")
    parser.add_argument("--pool", type=int, default=35)
    parser.add_argument("--epochs", type=int, default=15, help="epochs after warm-up")
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument(
        "--calibrate-bn",
        type=int,
        nargs="?",
        const=256,
        default=0,
        metavar="IMAGES",
        help="put back batch-norms with the statistics of so many images, and train them",
    )
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    args.runs = [(entry.split(":")[0], float(entry.split(":")[1])) for entry in args.runs]
    needs_pool = {"trady", "s-topk-random"} & {method for method, _ in args.runs}
    if needs_pool and not args.pool_file:
        parser.error(f"{', '.join(sorted(needs_pool))} needs --pool-file")
    return args


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    train = ImageFolder(Path(args.data) / "train")
    test_folder = ImageFolder(Path(args.data) / "test")
    if train.classes != test_folder.classes:
        raise SystemExit(f"{args.data}: train/ and test/ hold different classes")
    inputs = torch.stack([test_image(image, args.image_size) for image in test_folder.images])
    test = (inputs.contiguous(memory_format=torch.channels_last), test_folder.labels)

    result = report.provenance()
    result["versions"] |= {"torchvision": torchvision.__version__, "pillow": PIL.__version__}
    result["settings"] = {k: v for k, v in vars(args).items() if k not in ("runs", "out")}
    result["runs"] = finished_runs(args.out, result["settings"])
    finished = {(r["method"], r["learning_rate"], r["seed"]) for r in result["runs"]}
    for seed in args.seeds:
        for method, rate in args.runs:
            if (method, rate, seed) in finished:
                continue
            made = {"threads": args.threads, "commit": result["commit"]}
            result["runs"].append(run(args, method, rate, seed, train, test) | made)
            result["summary"] = summarize(result["runs"])
            Path(args.out).parent.mkdir(parents=True, exist_ok=True)
            Path(args.out).write_text(json.dumps(result, indent=1) + "\n")
    for row in result["summary"]:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
