"""Oracle of a training trajectory: replays steps that trady ran, in float64, and compares weights.

    python trajectory.py FOLDER [--out result.json]

FOLDER is written by `bench_trajectory` and holds
  trajectory.json         {"model": "mbv2-w0.35", "steps": 50, "batch": 32, "image_size": 128,
                           "classes": 12, "learning_rates": [one a step],
                           "selections": [{"first_step": 0, "steps": 22,
                                           "convs": [{"index": 13, "channels": [0, 4]}]}, ...]}
                          The selections cover all steps, in order, without gap or overlap. A conv
                          that is not listed is frozen; biases of convs are; the classifier trains.
  start.safetensors       every parameter before step 0, F32 or F64, OIHW, classifier included
  batches_u8.bin          uint8 [steps, batch, image_size, image_size, 3], after augmentation, before
                          normalisation, which is (p / 255 - 0.5) / 0.5
  labels_i32.bin          little-endian int32 [steps, batch]
and, from trady's run on a device such as `reference` or `cpu`,
  ours_stepN_DEVICE.safetensors  every parameter after N steps, for example N = 1, 5, 50
  losses_DEVICE.json             mean loss of every step, before its update: {"losses": [...]}

The replay is the masked simulation: dense gradient by autograd, masked to the selection, plain SGD.
Reported for every device and N: || ours - torch || / || torch - start || over all parameters, over
the convs and over the classifier; how many weights outside of the selections moved (it must be 0);
and the relative error of the loss at the last step.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import networks
import report
import safetensors_io
import selection as selections
from masked import MaskedSgd


def read_trajectory(folder):
    info = json.loads((folder / "trajectory.json").read_text())
    steps, batch, size = info["steps"], info["batch"], info["image_size"]
    if len(info["learning_rates"]) != steps:
        raise SystemExit(f"trajectory.json: {len(info['learning_rates'])} rates for {steps} steps")
    expected = 0
    for entry in info["selections"]:
        if entry["first_step"] != expected:
            raise SystemExit(f"trajectory.json: no selection begins at step {expected}")
        expected += entry["steps"]
    if expected != steps:
        raise SystemExit(f"trajectory.json: the selections cover {expected} of {steps} steps")
    images = np.memmap(folder / "batches_u8.bin", np.uint8, "r", shape=(steps, batch, size, size, 3))
    labels = np.fromfile(folder / "labels_i32.bin", "<i4").reshape(steps, batch)
    return info, images, labels


def parameters_of(model):
    return {name: p.detach().numpy().copy() for name, p in model.named_parameters()}


def replay(info, images, labels, start, checkpoints):
    """Returns {N: parameters after N steps} and the loss of every step."""
    model = networks.InvertedResidualNetwork(
        networks.with_classes(networks.NETWORKS[info["model"]], info["classes"])
    ).double()
    networks.load_state(model, start)
    optimizer = MaskedSgd(model)
    selection_at = {entry["first_step"]: entry for entry in info["selections"]}
    kept, losses = {}, []
    for step, rate in enumerate(info["learning_rates"]):
        if step in selection_at:
            optimizer.select(selections.from_json(selection_at[step]))
        pixels = torch.from_numpy(np.array(images[step])).permute(0, 3, 1, 2).float()
        # Normalised in float32, as ToTensor and Normalize do and kernels/normalization.h too: both
        # sides start from the same values. Everything behind that is float64.
        x = ((pixels / 255 - 0.5) / 0.5).double()
        loss = F.cross_entropy(model(x), torch.from_numpy(labels[step]).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(rate)
        losses.append(loss.item())
        if step + 1 in checkpoints:
            kept[step + 1] = parameters_of(model)
    return kept, losses


def trained_masks(info, start, steps):
    """True for the weights that the selections of the first `steps` steps let move."""
    masks = {name: np.full(w.shape, name.startswith("classifier")) for name, w in start.items()}
    convs = networks.InvertedResidualNetwork(networks.NETWORKS[info["model"]]).convs()
    for entry in info["selections"]:
        if entry["first_step"] >= steps:
            continue
        for index, channels in selections.from_json(entry).items():
            name, conv = convs[index]
            mask = masks[name + ".weight"]
            if conv.groups == 1:
                mask[:, channels] = True
            else:
                mask[channels] = True
    return masks


def relative_error(ours, theirs, start, names):
    difference = sum(np.sum((ours[n].astype(np.float64) - theirs[n]) ** 2) for n in names)
    update = sum(np.sum((theirs[n] - start[n].astype(np.float64)) ** 2) for n in names)
    if update == 0:
        return 0.0 if difference == 0 else float("inf")
    return float(np.sqrt(difference / update))


def compare(info, start, ours, theirs, steps):
    if ours.keys() != theirs.keys():
        raise SystemExit(f"step {steps}: parameters differ: {ours.keys() ^ theirs.keys()}")
    classifier = [name for name in theirs if name.startswith("classifier")]
    convs = [name for name in theirs if not name.startswith("classifier")]
    masks = trained_masks(info, start, steps)
    return {
        "error_of_update": relative_error(ours, theirs, start, convs + classifier),
        "error_of_update_convs": relative_error(ours, theirs, start, convs),
        "error_of_update_classifier": relative_error(ours, theirs, start, classifier),
        "frozen_weights_moved": int(
            sum(np.sum((ours[n] != start[n]) & ~masks[n]) for n in theirs)
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    info, images, labels = read_trajectory(args.folder)
    start, _ = safetensors_io.load(args.folder / "start.safetensors")
    files = {}
    for path in args.folder.glob("ours_step*.safetensors"):
        match = re.fullmatch(r"ours_step(\d+)_(.+)\.safetensors", path.name)
        if match:
            files[(match[2], int(match[1]))] = path
    if not files:
        raise SystemExit(f"{args.folder}: no ours_stepN_DEVICE.safetensors to compare with")
    theirs, losses = replay(info, images, labels, start, {steps for _, steps in files})

    result = report.provenance()
    result["torch_losses"] = losses
    result["devices"] = {}
    for (device, steps), path in sorted(files.items()):
        ours, _ = safetensors_io.load(path)
        entry = result["devices"].setdefault(device, {"steps": {}})
        entry["steps"][str(steps)] = compare(info, start, ours, theirs[steps], steps)
    for device, entry in result["devices"].items():
        ours = json.loads((args.folder / f"losses_{device}.json").read_text())["losses"]
        entry["last_loss"] = ours[-1]
        entry["torch_last_loss"] = losses[-1]
        entry["last_loss_relative_error"] = abs(ours[-1] - losses[-1]) / losses[-1]
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["devices"], indent=1))


if __name__ == "__main__":
    main()
