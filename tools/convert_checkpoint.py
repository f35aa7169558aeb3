#!/usr/bin/env python3
"""Converts checkpoints of other projects to safetensors, without ever executing a pickle."""

import argparse
import hashlib
import json
import math
import os
import sys

from checkpoint import safetensors_file, sources
from checkpoint.errors import CheckpointError

EXAMPLES = """\
examples:
  Convert a network of torchvision, timm or Hugging Face, from PyTorch's files or safetensors; the
  model, and the width of a MobileNetV2, are recognised by names and shapes:
    tools/convert_checkpoint.py resnet18.pth resnet18.safetensors

  Store the names of the classes with it, one a line in the order of the classifier:
    tools/convert_checkpoint.py resnet50.bin resnet50.safetensors --class-names names.txt

  A network that was trained on images which were normalised in another way:
    tools/convert_checkpoint.py resnet20.th resnet20.safetensors --mean 0.4914,0.4822,0.4465 \\
        --std 0.2470,0.2435,0.2616

  Take the averaged parameters of a training checkpoint:
    tools/convert_checkpoint.py last.pth.tar net.safetensors --state-dict state_dict_ema

  An int8 network of mit-han-lab/tiny-training, and say which it must be:
    tools/convert_checkpoint.py net.pkl net.safetensors --model mbv2-w0.35

Then: trady inspect resnet18.safetensors
"""
LARGEST_IMAGE_SIZE = 4096


def main(arguments=None):
    options = parse_options(arguments)
    try:
        print(convert(options))
    except CheckpointError as error:
        print("convert_checkpoint: error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="the checkpoint to read (.pth, .pt, .th, .bin, .pkl, ...)")
    parser.add_argument("target", help="the .safetensors file to write")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"the model that it must be: {', '.join(sources.MODELS)} (default: recognised)",
    )
    parser.add_argument(
        "--state-dict",
        metavar="KEY",
        help="the entry of a training checkpoint that holds the tensors (default: found)",
    )
    parser.add_argument(
        "--class-names",
        metavar="FILE",
        help="UTF-8 text, one class name a line (default: the class indices)",
    )
    parser.add_argument(
        "--mean",
        type=three_numbers,
        metavar="R,G,B",
        help="subtracted from pixels of 0 to 1 (default: what the model's project does)",
    )
    parser.add_argument(
        "--std",
        type=three_positive_numbers,
        metavar="R,G,B",
        help="what the rest is divided by (default: what the model's project does)",
    )
    parser.add_argument(
        "--image-size",
        type=image_size,
        metavar="N",
        help="pixels of a side of the images (default: what the model's project does)",
    )
    parser.add_argument(
        "--batch-norm-epsilon",
        type=positive_number,
        metavar="E",
        help="of a network with batch-norm (default: 1e-5; MobileNetV2 of Hugging Face: 1e-3)",
    )
    return parser.parse_args(arguments)


def numbers(text, count, smallest):
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(v) and v >= smallest for v in values):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {'one number' if count == 1 else f'{count} numbers like 0.5,0.5,0.5'}"
            + (" above 0" if smallest > 0 else "")
        )
    return ",".join(part.strip() for part in text.split(","))


def three_numbers(text):
    return numbers(text, 3, -math.inf)


def three_positive_numbers(text):
    return numbers(text, 3, sys.float_info.min)


def positive_number(text):
    return numbers(text, 1, sys.float_info.min)


def image_size(text):
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_IMAGE_SIZE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of 1 to {LARGEST_IMAGE_SIZE}")
    return str(int(text))


def convert(options):
    """Writes the target; returns a text that says what it holds."""
    source, target = options.source, options.target
    if os.path.realpath(source) == os.path.realpath(target):
        raise CheckpointError(f"{target}: is the file to convert; name another one to write")
    network = sources.read(source, options.model, options.state_dict)
    class_list = read_class_names(options.class_names, network.classes)
    metadata = {
        "format": "trady",
        "format_version": "1",
        "model": network.model,
        **network.metadata,
        **said_by_the_user(options, network),
        "class_names": json.dumps(class_list, ensure_ascii=False),
        "source_file": os.path.basename(source),
        "source_sha256": sha256_of(source),
    }
    safetensors_file.write(target, network.tensors, metadata)
    count = sum(
        len(values) for name, (_, values) in network.tensors.items() if ".running_" not in name
    )
    width = f" of width {metadata['width']}" if "width" in metadata else ""
    note = f"\nnote: {network.note}" if network.note else ""
    return (
        f"{target}: {network.model}{width}, {len(network.tensors)} tensors, {count} parameters, "
        f"{network.classes} classes{note}"
    )


def said_by_the_user(options, network):
    """The metadata that options give."""
    if options.batch_norm_epsilon and network.metadata["batch_norm"] == "folded":
        raise CheckpointError(
            f"{options.source}: is a {network.model}, which has no batch-norm; leave "
            "--batch-norm-epsilon out"
        )
    given = {
        "mean": options.mean,
        "std": options.std,
        "image_size": options.image_size,
        "batch_norm_epsilon": options.batch_norm_epsilon,
    }
    return {key: text for key, text in given.items() if text is not None}


def read_class_names(path, classes):
    if path is None:
        return [str(index) for index in range(classes)]
    try:
        with open(path, encoding="utf-8") as file:
            names = [line.strip() for line in file.read().splitlines()]
    except (OSError, UnicodeError) as error:
        raise CheckpointError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    while names and not names[-1]:
        names.pop()
    if len(names) != classes:
        raise CheckpointError(
            f"{path}: has {len(names)} class names, the classifier has {classes} classes; "
            "give one a line"
        )
    for number, name in enumerate(names, start=1):
        if not name or names.index(name) != number - 1:
            raise CheckpointError(f"{path}: line {number} is empty or repeats a class name")
    return names


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
