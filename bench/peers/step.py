"""Speed and memory peer: one training step of PyTorch, in the best form of each kind.

Rows: `forward` (inference), `full` (forward, loss, backward, SGD on everything), `sliced` (the work
that trady does, sliced_step.py); on a GPU also `head` and `last-k`, and `full-eager` and `full-graphs`,
which are `full` in some of its variants. step_variants.py says what variants each row has. Variants
alternate within a round; the best of a row is the one with the smallest median.
    python step.py --weights mbv2-w0.35.safetensors --selection selection.json
    python step.py --pool-file selection/rankings/mbv2-w0.35.json --variants eager
With --serve it times on request, so that another program can alternate with it (README.md).
The learning rate is tiny, so that a step does the same work however often it has run.
"""

import argparse
import gc
import json
import re
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

import gpu
import networks
import report
import selection as selections
from report import GpuMeter
from step_variants import build_step, forms, make_batch, make_model, make_sliced

# Each row with the names of its variants.
CPU_ROWS = {row: f"{row}/" for row in ("forward", "full", "sliced")}
GPU_ROWS = {
    **{row: f"{row}/" for row in ("forward", "full", "head", "last-k", "sliced")},
    "full-eager": "full/[^/]*/eager$",
    "full-graphs": "full/[^/]*/graphs$",
}


def rows_of(args):
    return GPU_ROWS if args.device == "cuda" else CPU_ROWS


class Variant:
    def __init__(self, name, step, wait):
        self.name = name
        self.step = step
        self.wait = wait  # until the device has done what was called
        self.samples_ms = []
        self.peak_bytes = None  # on a GPU

    def run(self, steps):
        for _ in range(steps):
            self.step()
        self.wait()

    def timed_round(self, steps):
        """Milliseconds a step, after one step that warms the caches."""
        self.run(1)
        started = time.perf_counter()
        self.run(steps)
        return 1000 * (time.perf_counter() - started) / steps

    def summary(self):
        summary = {**report.quartiles(self.samples_ms), "samples_ms": self.samples_ms}
        return summary if self.peak_bytes is None else {**summary, "peak_bytes": self.peak_bytes}


def make_variant(args, name, form):
    """Built, warm, and on a GPU with what it allocates beyond what was there before."""
    on_gpu = args.device == "cuda"
    gc.collect()
    before = torch.cuda.memory_allocated() if on_gpu else 0
    step = build_step(args, form)
    variant = Variant(name, step, torch.cuda.synchronize if on_gpu else lambda: None)
    variant.timed_round(2)
    if on_gpu:
        variant.peak_bytes = gpu.peak_allocated(step) - before
    return variant


def make_variants(args):
    """Builds every variant whose name matches --variants; compiling takes minutes."""
    variants, failures = [], {}
    started = time.perf_counter()
    for name, form in forms(args.device).items():
        if not re.search(args.variants, name):
            continue
        begun = time.perf_counter()
        if args.build_seconds and begun - started > args.build_seconds:
            failures[name] = f"left out: building took longer than {args.build_seconds} s"
            continue
        try:
            variants.append(make_variant(args, name, form))
        except Exception as error:  # a backend of torch.compile may lack what a variant needs
            failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"failed: {name}: {failures[name]}", file=sys.stderr, flush=True)
            continue
        seconds = time.perf_counter() - begun
        print(f"ready after {seconds:.1f} s: {name}", file=sys.stderr, flush=True)
    return variants, failures


def best_of(variants, pattern):
    members = [variant for variant in variants if re.match(pattern, variant.name)]
    return min(members, key=lambda v: v.summary()["median"], default=None)


def best_of_rows(args, variants):
    return {row: best_of(variants, pattern) for row, pattern in rows_of(args).items()}


def cost_of(variant, seconds):
    """Energy and memory of steps on a GPU."""
    return {
        "energy": GpuMeter().measure_energy(seconds, variant.run),
        "peak_bytes": variant.peak_bytes,
    }


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
    best = best_of_rows(args, variants)
    result = report.provenance(args.device)
    result["settings"] = {k: v for k, v in vars(args).items() if k not in ("drawn", "out")}
    result["selection"] = selections.to_json(args.drawn)
    result["memory"] = memory(args)
    result["best"] = {
        row: {"variant": variant.name, **report.quartiles(variant.samples_ms)}
        for row, variant in best.items()
        if variant
    }
    if args.device == "cuda":
        for row, summary in result["best"].items():
            summary.update(cost_of(best[row], args.energy_seconds))
    result["variants"] = {variant.name: variant.summary() for variant in variants}
    result["failed_variants"] = failures
    text = json.dumps(result, indent=1)
    if args.out:
        Path(args.out).write_text(text + "\n")
    print(text)


def serve(args):
    """Answers `run ROW` with `MILLISECONDS VARIANT`, and on a GPU `cost ROW SECONDS` with JSON, until
    `quit` or the end of the input."""
    variants, _ = make_variants(args)
    measure(args, variants)
    best = best_of_rows(args, variants)
    print("ready", *(row for row in best if best[row]), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            return
        if len(words) == 2 and words[0] == "run" and best.get(words[1]):
            variant = best[words[1]]
            print(f"{variant.timed_round(args.steps):.4f} {variant.name}", flush=True)
        elif len(words) == 3 and words[0] == "cost" and best.get(words[1]) and args.device == "cuda":
            print(json.dumps(cost_of(best[words[1]], float(words[2]))), flush=True)
        else:
            expected = "`run ROW`, `cost ROW SECONDS` (on a GPU) or `quit`"
            print(f"error: expected {expected}, got `{line.strip()}`", flush=True)


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
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--last", type=int, default=6, help="convs of last-k")
    parser.add_argument("--selection", help="JSON file; without it one draw of --budget")
    parser.add_argument("--pool-file", help="layer ranking to draw from; without it all layers")
    parser.add_argument("--pool", type=int, default=35)
    parser.add_argument("--budget", type=int, default=27946)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=5, help="timed steps a round")
    parser.add_argument("--variants", default="", help="regular expression, e.g. eager")
    parser.add_argument(
        "--build-seconds", type=float, help="begin no further variant after so many seconds"
    )
    parser.add_argument("--energy-seconds", type=float, default=3, help="of each row, on a GPU")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--out")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    if args.device == "cuda":
        gpu.set_up()
    args.drawn = read_or_draw_selection(args)
    if args.serve:
        serve(args)
    else:
        benchmark(args)


if __name__ == "__main__":
    main()
