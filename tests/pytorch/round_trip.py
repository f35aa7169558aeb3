#!/usr/bin/env python3
"""From torchvision through trady and back: a network with random weights is converted, fine-tuned with
batch-norms frozen and trained, exported, and loaded with strict=True; its logits must be trady's.

Usage: round_trip.py TRADY DATA [MODEL...]    (the environment is that of bench/peers/README.md, and safetensors)

DATA is a folder of images, train/CLASS/ and test/CLASS/. MODEL: resnet18, resnet50, mobilenet_v2; all by default.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import safetensors.torch
import torch
import torchvision
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE, IMAGES, TOLERANCE = 64, 16, 1e-5
MODELS = ["resnet18", "resnet50", "mobilenet_v2"]


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def squares(data, folder):
    """Files that both sides decode to the same bytes, and these."""
    files, pixels = [], []
    for i, path in enumerate(sorted((data / "test").glob("*/*.jpg"))[::7][:IMAGES]):
        image = Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.BILINEAR)
        files.append(folder / f"{i}.png")
        image.save(files[-1])
        pixels.append(numpy.asarray(image))
    return files, torch.tensor(numpy.stack(pixels)).permute(0, 3, 1, 2) / 255


def metadata_of(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]


def round_trip(trady, data, model, mode, folder):
    torch.manual_seed(0)
    classes = len([p for p in (data / "train").iterdir() if p.is_dir()])
    make = getattr(torchvision.models, model)
    source = folder / f"{model}.pth"
    torch.save(make(num_classes=classes).state_dict(), source)
    weights, out, exported = folder / "in.safetensors", folder / "run", folder / "out.safetensors"
    run(sys.executable, ROOT / "tools" / "convert_checkpoint.py", source, weights)
    # From random weights on: statistics of the data first, or freezing them would freeze nothing sensible.
    common = ["--data", data, "--image-size", SIZE, "--epochs", 1, "--warmup", 0, "--lr", 0.02]
    warm = folder / "warm"
    run(trady, "finetune", "--weights", weights, "--batch-norm", "train", "--method", "full", "--out", warm, *common)
    run(trady, "finetune", "--weights", warm / "weights.safetensors", "--batch-norm", mode,
        "--budget", "10%", "--pool", "all", "--out", out, *common)
    run(trady, "export", out, exported)

    network = make(num_classes=classes)
    network.load_state_dict(safetensors.torch.load_file(exported), strict=True)
    network.eval()
    files, pixels = squares(data, folder)
    fine_tuned = out / "weights.safetensors"
    run(trady, "predict", fine_tuned, *files, "--recipe", "vww", "--json", folder / "p.json")
    results = json.loads((folder / "p.json").read_text())["images"]
    ours = torch.tensor([image["logits"] for image in results])
    metadata = metadata_of(fine_tuned)
    mean, std = (torch.tensor([float(v) for v in metadata[k].split(",")]).view(3, 1, 1) for k in ("mean", "std"))
    with torch.no_grad():
        theirs = network((pixels - mean) / std)
    error = ((ours - theirs).norm() / theirs.norm()).item()
    print(f"{model} {mode}: relative difference of the logits {error:.2e}")
    return error <= TOLERANCE


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    trady, data = sys.argv[1], pathlib.Path(sys.argv[2])
    good = True
    for model in sys.argv[3:] or MODELS:
        for mode in ("frozen", "train"):
            with tempfile.TemporaryDirectory() as folder:
                good &= round_trip(trady, data, model, mode, pathlib.Path(folder))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
