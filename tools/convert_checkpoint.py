#!/usr/bin/env python3
"""Converts checkpoints of other projects to safetensors, without ever executing a pickle."""

import argparse
import hashlib
import json
import os
import sys

from checkpoint import networks, safetensors_file, tiny_training
from checkpoint.errors import CheckpointError

EXAMPLES = """\
examples:
  Convert an int8 network of mit-han-lab/tiny-training; the model is recognised by its shapes:
    tools/convert_checkpoint.py mbv2-w0.35.pkl mbv2-w0.35.safetensors

  Store the names of the classes with it, one a line in the order of the classifier:
    tools/convert_checkpoint.py mcunet-5fps.pkl mcunet-5fps.safetensors --class-names names.txt

  Say which model it must be, and see every difference if it is not:
    tools/convert_checkpoint.py net.pkl net.safetensors --model proxyless-w0.3

Then: trady inspect mbv2-w0.35.safetensors
"""


def main(arguments=None):
    options = parse_options(arguments)
    try:
        print(convert(options.source, options.target, options.model, options.class_names))
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
    parser.add_argument("source", help="the checkpoint to read (.pkl)")
    parser.add_argument("target", help="the .safetensors file to write")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"the model that it must be: {', '.join(networks.NAMES)} (default: recognised)",
    )
    parser.add_argument(
        "--class-names",
        metavar="FILE",
        help="UTF-8 text, one class name a line (default: the class indices)",
    )
    return parser.parse_args(arguments)


def convert(source, target, model=None, class_names=None):
    """Writes `target`; returns one line that says what it holds."""
    if os.path.realpath(source) == os.path.realpath(target):
        raise CheckpointError(f"{target}: is the file to convert; name another one to write")
    network = tiny_training.read(source)
    model = networks.recognise(source, network.topology, model)
    class_list = read_class_names(class_names, network.classes)
    metadata = {
        "format": "trady",
        "format_version": "1",
        "model": model,
        "batch_norm": "folded",
        "mean": "0.5,0.5,0.5",
        "std": "0.5,0.5,0.5",
        "image_size": str(network.image_size),
        "class_names": json.dumps(class_list, ensure_ascii=False),
        "source_file": os.path.basename(source),
        "source_sha256": sha256_of(source),
    }
    safetensors_file.write(target, network.tensors, metadata)
    count = sum(len(values) for _, values in network.tensors.values())
    return (
        f"{target}: {model}, {len(network.tensors)} tensors, {count} parameters, "
        f"{network.classes} classes"
    )


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
