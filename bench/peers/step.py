"""Speed and memory peer: one training step of PyTorch, in the best form of each kind.

Rows: `forward` (inference), `full` (forward, loss, backward, SGD on everything), `sliced` (the work
that trady does, sliced_step.py). Each row has variants: channels_last or contiguous; eager, compiled
or (forward) compiled with frozen weights; (sliced) what it keeps of a ReLU6. Variants alternate
within a round; the best of a row is the one with the smallest median.
    python step.py --weights mbv2-w0.35.safetensors --selection selection.json
    python step.py --pool-file selection/rankings/mbv2-w0.35.json --variants eager
With --serve it times on request, so that another program can alternate with it (README.md).
The learning rate is tiny, so that a step does the same work however often it has run.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import networks
import report
import selection as selections
from sliced_step import SlicedStep

LEARNING_RATE = 1e-6
ROWS = ("forward", "full", "sliced")


class Variant:
    def __init__(self, name, step):
        self.name = name
        self.row = name.split("/")[0]
        self.step = step
        self.samples_ms = []

    def timed_round(self, steps):
        """Milliseconds a step, after one step that warms the caches."""
        self.step()
        started = time.perf_counter()
        for _ in range(steps):
            self.step()
        return 1000 * (time.perf_counter() - started) / steps

    def summary(self):
        return {**report.quartiles(self.samples_ms), "samples_ms": self.samples_ms}


def make_model(args, channels_last):
    torch.manual_seed(0)
    model = networks.build(args.model, args.weights)
    networks.replace_head(model, args.classes, torch.Generator().manual_seed(0))
    return model.to(memory_format=torch.channels_last) if channels_last else model


def make_batch(args, channels_last):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(args.batch, 3, args.image_size, args.image_size, generator=generator) * 2 - 1
    labels = torch.randint(args.classes, (args.batch,), generator=generator)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x, labels


def forward_step(args, channels_last, mode):
    model = make_model(args, channels_last)
    x, _ = make_batch(args, channels_last)
    if mode != "eager":
        model = torch.compile(model, options={"freezing": mode == "frozen"})

    def step():
        with torch.no_grad():
            return model(x)

    return step


def full_step(args, channels_last, mode):
    model = make_model(args, channels_last)
    x, labels = make_batch(args, channels_last)
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, fused=True)

    def loss_of(images, targets):
        return F.cross_entropy(model(images), targets)

    compute_loss = torch.compile(loss_of) if mode == "compiled" else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        compute_loss(x, labels).backward()
        optimizer.step()

    return step


def make_sliced(args, channels_last, keep):
    model = make_model(args, channels_last)
    return SlicedStep(model, args.drawn, channels_last, keep, LEARNING_RATE)


def sliced_step(args, channels_last, mode, keep):
    sliced = make_sliced(args, channels_last, keep)
    x, labels = make_batch(args, channels_last)
    run = torch.compile(sliced.step, fullgraph=True) if mode == "compiled" else sliced.step

    def step():
        with torch.no_grad():
            return run(x, labels)

    return step


def make_variants(args):
    """Builds and warms up every variant whose name matches --variants; compiling takes minutes."""
    factories = {}
    for layout in ("channels_last", "contiguous"):
        last = layout == "channels_last"
        for mode in ("eager", "compiled", "frozen"):
            factories[f"forward/{layout}/{mode}"] = (forward_step, last, mode)
        for mode in ("eager", "compiled"):
            factories[f"full/{layout}/{mode}"] = (full_step, last, mode)
            for keep in ("mask", "output"):
                factories[f"sliced/{layout}/{mode}/{keep}"] = (sliced_step, last, mode, keep)
    variants, failures = [], {}
    for name, (factory, *parameters) in factories.items():
        if not re.search(args.variants, name):
            continue
        started = time.perf_counter()
        try:
            variant = Variant(name, factory(args, *parameters))
            variant.step()
            variant.timed_round(2)
        except Exception as error:  # a backend of torch.compile may lack what a variant needs
            failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        variants.append(variant)
        seconds = time.perf_counter() - started
        print(f"ready after {seconds:.1f} s: {name}", file=sys.stderr, flush=True)
    return variants, failures


def best_of(variants, row):
    members = [variant for variant in variants if variant.row == row]
    return min(members, key=lambda v: v.summary()["median"], default=None)


def full_step_saved_bytes(args):
    """What autograd saves for the backward pass of a full step, each storage once, no parameters."""
    model = make_model(args, channels_last=True)
    x, labels = make_batch(args, channels_last=True)
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cross_entropy(model(x), labels)
    saved = sum(storages.values())
    loss.backward()
    return saved


def memory(args):
    x, _ = make_batch(args, channels_last=True)
    with torch.no_grad():
        kept = {keep: make_sliced(args, True, keep).kept_bytes(x) for keep in ("mask", "output")}
    return {"full_saved_bytes": full_step_saved_bytes(args), "sliced_kept_bytes": kept}


def measure(args, variants):
    for _ in range(args.rounds):
        for variant in variants:
            variant.samples_ms.append(variant.timed_round(args.steps))


def benchmark(args):
    variants, failures = make_variants(args)
    measure(args, variants)
    best = {row: best_of(variants, row) for row in ROWS}
    result = report.provenance()
    result["settings"] = {k: v for k, v in vars(args).items() if k not in ("drawn", "out")}
    result["selection"] = selections.to_json(args.drawn)
    result["memory"] = memory(args)
    result["best"] = {
        row: {"variant": variant.name, **report.quartiles(variant.samples_ms)}
        for row, variant in best.items()
        if variant
    }
    result["variants"] = {variant.name: variant.summary() for variant in variants}
    result["failed_variants"] = failures
    text = json.dumps(result, indent=1)
    if args.out:
        Path(args.out).write_text(text + "\n")
    print(text)


def serve(args):
    """Answers `run ROW` with `MILLISECONDS VARIANT`, until `quit` or the end of the input."""
    variants, _ = make_variants(args)
    measure(args, variants)
    best = {row: best_of(variants, row) for row in ROWS}
    print("ready", *(row for row in ROWS if best[row]), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            return
        if len(words) == 2 and words[0] == "run" and best.get(words[1]):
            variant = best[words[1]]
            print(f"{variant.timed_round(args.steps):.4f} {variant.name}", flush=True)
        else:
            print(f"error: expected `run ROW` or `quit`, got `{line.strip()}`", flush=True)


def read_or_draw_selection(args):
    if args.selection:
        return selections.from_json(json.loads(Path(args.selection).read_text()))
    model = networks.build(args.model)
    convs = len(model.convs())
    pool = selections.read_pool(args.pool_file, args.pool, convs) if args.pool_file else None
    method = "trady" if pool else "d-full-random"
    selector = selections.Selector(method, model, args.image_size, pool, args.budget, args.seed)
    return selector.for_epoch(0)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mbv2-w0.35")
    parser.add_argument("--weights", help="safetensors; without it PyTorch's own initialisation")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--selection", help="JSON file; without it one draw of --budget")
    parser.add_argument("--pool-file", help="layer ranking to draw from; without it all layers")
    parser.add_argument("--pool", type=int, default=35)
    parser.add_argument("--budget", type=int, default=27946)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=5, help="timed steps a round")
    parser.add_argument("--variants", default="", help="regular expression, e.g. eager")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--out")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    args.drawn = read_or_draw_selection(args)
    if args.serve:
        serve(args)
    else:
        benchmark(args)


if __name__ == "__main__":
    main()
