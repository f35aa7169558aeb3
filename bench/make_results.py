#!/usr/bin/env python3
"""Writes docs/results.md from the files in bench/results/. No number in it is typed by hand.

usage: make_results.py                 (from anywhere; needs the standard library alone)
       make_results.py --gpu FOLDER    prints the tables of the GPU's results in that folder
"""
import argparse
import json
import pathlib
import statistics

import gpu_tables
import memory_tables
import methods_table
import recipe_table
from markdown_table import origin, table

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


def read(name):
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def step_section(name, title):
    result = read(name)
    if not result:
        return []
    rows = [
        [row, f"{r['median']:.1f}", f"{r['lower_quartile']:.1f} - {r['upper_quartile']:.1f}"]
        + [f"{r['ratio_to_peer'][peer]['of_medians']:.2f}" for peer in result["peer"]]
        for row, r in result["rows"].items()
    ]
    rows += [
        [
            f"PyTorch {peer} ({r['variant']})",
            f"{r['median']:.1f}",
            f"{r['lower_quartile']:.1f} - {r['upper_quartile']:.1f}",
        ]
        + [""] * len(result["peer"])
        for peer, r in result["peer"].items()
    ]
    head = ["row", "ms", "quartiles"] + [f"of PyTorch {peer}" for peer in result["peer"]]
    return [f"## {title}", "", *origin(result), *table(head, rows)]


def imagenet_section():
    result = read("imagenet_sample.json")
    if not result:
        return []
    rows = [
        [e["model"], f"{e['image_size']}", f"{e['images']}", f"{100 * e['accuracy']:.1f}"]
        for e in result["evaluations"]
    ]
    return [
        "## The converted networks on a sample of ImageNet-1k",
        "",
        "Through trady's own decoding, resize and crop; no training.",
        "",
        *origin(result, "trady eval --weights W --data data/imagenet1k-sample --json FILE"),
        *table(["network", "px", "images", "top-1 %"], rows),
    ]


def trajectory_section():
    result = read("trajectory.json")
    if not result:
        return []
    rows = [
        [device]
        + [f"{d['steps'][n]['error_of_update']:.1e}" for n in ("1", "5", "50")]
        + [f"{d['last_loss_relative_error']:.1e}"]
        for device, d in result["devices"].items()
    ]
    head = ["device", "1 step", "5 steps", "50 steps", "loss at step 50"]
    return [
        "## Fifty TraDy steps against a masked simulation in float64",
        "",
        "Error relative to the norm of the update.",
        "",
        *origin(result),
        *table(head, rows),
    ]


def over(ratio):
    return f"1/{1 / ratio:.1f}"


def grad_weight_section():
    result = read("grad_weight.json")
    if not result:
        return []
    settings = result["settings"]
    sums = [
        [f"{b['batch']}", title]
        + [f"{b[key]['ours_us']:.0f}", f"{b[key]['onednn_us']:.0f}", over(b[key]["ratio"])]
        for b in result["batches"]
        for key, title in (
            ("tail_convs", f"from conv {settings['first_of_tail']}"),
            ("all_convs", "all"),
        )
    ]
    first = result["batches"][0]
    layers = [
        [
            str(layer["conv"]),
            layer["name"],
            "x".join(map(str, layer["input"])),
            str(layer["out_channels"]),
            str(layer["kernel"]),
            str(layer["channels"]),
            f"{layer['ours_us']:.1f}",
            f"{layer['onednn_us']:.1f}",
            over(layer["ratio"]),
        ]
        for layer in first["layers"]
    ]
    return [
        f"## Weight gradients of {100 * settings['share']:g} % of the input channels",
        "",
        "Packing and the packed gradient, beside oneDNN's dense gradient, on one thread. A training step",
        "at 128 px runs at batch 1 (the micro-batch); a batch of 32 in one piece does not fit the caches.",
        "",
        *origin(result),
        *table(["batch", "convs", "ours us", "oneDNN dense us", "ratio"], sums),
        f"By layer, at batch {first['batch']}:",
        "",
        *table(
            ["conv", "name", "input", "C'", "k", "channels", "ours us", "oneDNN us", "ratio"],
            layers,
        ),
    ]


def conv_passes_section():
    result = read("conv_passes.json")
    if not result:
        return []
    rows = [
        [f"{b['batch']}", family]
        + [
            cell
            for key in ("forward", "grad_input")
            for cell in (
                f"{sums[key]['ours_us']:.0f}",
                f"{sums[key]['onednn_us']:.0f}",
                f"{sums[key]['ratio']:.2f}",
            )
        ]
        for b in result["batches"]
        for family, sums in b["families"].items()
    ]
    head = ["batch", "convs", "forward us", "oneDNN us", "ratio"]
    return [
        "## Forward and grad_input beside oneDNN",
        "",
        "Sums over the convolutions of the network, on one thread.",
        "",
        *origin(result),
        *table(head + ["grad_input us", "oneDNN us", "ratio"], rows),
    ]


def micro_batch_section():
    sizes = [(size, read(f"micro_batch_{size}px.json")) for size in (128, 64, 32)]
    sizes = [(size, result) for size, result in sizes if result]
    if not sizes:
        return []
    rows = []
    for size, result in sizes:
        cells = {}
        for timed in result["micro_batches"]:
            cells.setdefault(timed["row"], {})[timed["micro_batch"]] = timed["median"]
        for row, medians in cells.items():
            best = min(medians.values())
            rows.append(
                [f"{size}", row]
                + [
                    f"**{ms / best:.2f}**" if m == result["default_micro_batch"] else f"{ms / best:.2f}"
                    for m, ms in medians.items()
                ]
            )
    names = sorted({timed["micro_batch"] for timed in sizes[0][1]["micro_batches"]})
    return [
        "## Time by micro-batch",
        "",
        "Relative to the fastest micro-batch of the row; the default is bold.",
        "",
        *origin(sizes[0][1]),
        *table(["px", "row"] + [f"m = {m}" for m in names], rows),
    ]


def selection_cost(runs):
    """Seconds in drawing and planning selections over seconds in training steps, over all epochs."""
    select = sum(e["select_seconds"] for r in runs for e in r["epochs"])
    steps = sum(e["step_seconds"] for r in runs for e in r["epochs"])
    return f"{100 * select / steps:.2f}"


def by_method(runs, loss_of, accuracy_of, method_of):
    groups = {}
    for run in runs:
        groups.setdefault(method_of(run), []).append(run)
    return {
        method: (
            statistics.mean(100 * accuracy_of(r) for r in group),
            statistics.mean(loss_of(r) for r in group),
            len(group),
        )
        for method, group in groups.items()
    }


def accuracy_section(name, title, peer_name=None):
    result = read(name)
    if not result:
        return []
    runs = result["runs"]
    ours = by_method(
        runs,
        lambda r: r["epochs"][-1]["loss"],
        lambda r: r["epochs"][-1]["test"]["accuracy"],
        lambda r: r["settings"]["method"],
    )
    peer = read(peer_name) if peer_name else None
    theirs = (
        by_method(
            peer["runs"],
            lambda r: r["last_epoch_train_loss"],
            lambda r: r["test_top1"],
            lambda r: r["method"],
        )
        if peer
        else {}
    )
    rows = []
    for method, (accuracy, loss, seeds) in ours.items():
        seconds = statistics.mean(
            sum(e["seconds"] for e in r["epochs"])
            for r in runs
            if r["settings"]["method"] == method
        )
        of_method = [r for r in runs if r["settings"]["method"] == method]
        row = [method, str(seeds), f"{accuracy:.2f}", f"{loss:.3f}", f"{seconds:.0f}"]
        row.append(selection_cost(of_method))
        if peer:
            there = theirs.get(method)
            row += [f"{there[0]:.2f}", f"{there[1]:.3f}"] if there else ["", ""]
        rows.append(row)
    s = runs[0]["settings"]
    head = ["method", "seeds", "test top-1 %", "training loss, last epoch", "seconds a run"]
    head.append("selections, % of steps' time")
    if peer:
        head += ["PyTorch top-1 %", "PyTorch loss"]
    rates = ", ".join(
        f"{m} {next(r['settings']['learning_rate'] for r in runs if r['settings']['method'] == m)}"
        for m in ours
    )
    return [
        f"## {title}",
        "",
        f"{pathlib.Path(s['weights']).stem}, batch {s['batch']}, {s['warmup']} + {s['epochs']} epochs, "
        f"learning rates: {rates}; budgeted methods with 27,946 elements.",
        "",
        *origin(
            result,
            "trady finetune --weights W --data D --method M [--budget 27946] --lr LR \\",
            f"      --warmup {s['warmup']} --epochs {s['epochs']} --batch {s['batch']} --seed SEED --out RUN",
        ),
        *table(head, rows),
    ]


MBV2 = """\
Batch-norms folded, at the default learning rates; SU and Velocity have the budget of SU's smallest
scheme. head, trady and full are above. The rates tried (below) are what the default rates of
networks without batch-norm come from: one seed each, chosen by the test images, so rates to begin
with. There mbv2-w0.35 has the budget B, and the other networks have 2%."""

RESNET20 = """\
From its CIFAR-10 weights, batch-norms frozen, at 32 px: the size that it was trained at, so
that photographs of 224 px are shrunk to it. Velocity's budget is as many elements as the
others', of weights alone. SU has no scheme for this network. The pool is that of
selection/rankings/resnet20.json, gathered on Fashion-MNIST: nearly all convs, since the
gradient of this network is spread over nearly all of them, so that TraDy is hardly anything
but D-FullRandom here. Bytes are those that one worker reserves; seconds are on a machine that
did other work too. Learning rates were found with a seed of their own (below): what has a
budget, and head, takes trady's, the other Det methods d-det-rgn's, last-k full's. Full is at
the edge of what is stable there: its loss rises as the warm-up ends, how far depends on the seed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", type=pathlib.Path, metavar="FOLDER")
    args = parser.parse_args()
    if args.gpu:
        print("\n".join(gpu_tables.sections(args.gpu)))
        return
    lines = [
        "# Results",
        "",
        "Written by `bench/make_results.py` from `bench/results/`; each file holds its command, and",
        "`bench/README.md` says what is measured how. PyTorch has its best variant of each row; a",
        "ratio below 1 says that trady is faster. The peer ran with OMP_WAIT_POLICY=passive, so that",
        "its waiting threads do not disturb the other side.",
        "",
        *step_section("step_2threads.json", "Time of a step on two threads"),
        *micro_batch_section(),
        *grad_weight_section(),
        *conv_passes_section(),
        *memory_tables.section(read, "memory.json"),
        *memory_tables.peer_section(
            read, "memory_resnet50.json", "peers/memory_resnet50-pytorch.json"
        ),
        *imagenet_section(),
        *trajectory_section(),
        *accuracy_section(
            "accuracy_flowers12.json", "flowers12", "peers/flowers12-pytorch.json"
        ),
        *recipe_table.section(
            read, "accuracy_flowers12_recipe.json", "peers/flowers12_recipe-pytorch.json"
        ),
        *methods_table.section(
            read,
            "accuracy_flowers12_methods.json",
            "accuracy_flowers12_rates.json",
            "flowers12 by the methods to compare with: mbv2-w0.35",
            MBV2.splitlines(),
        ),
        *methods_table.section(
            read,
            "accuracy_flowers12_resnet20.json",
            "accuracy_flowers12_resnet20_rates.json",
            "flowers12 by every method: ResNet-20",
            RESNET20.splitlines(),
        ),
        *accuracy_section("accuracy_cifar10.json", "CIFAR-10 at 128 px"),
        *gpu_tables.sections(RESULTS),
    ]
    (ROOT / "docs" / "results.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
