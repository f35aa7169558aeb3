#!/usr/bin/env python3
"""Writes docs/results.md from the files in bench/results/. No number in it is typed by hand.

usage: make_results.py      (from anywhere; needs the standard library alone)
"""
import json
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


def read(name):
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def origin(result):
    machine = result["machine"]
    return [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['isa'].upper()}; "
        f"commit {result['commit'][:10]}",
        "",
        f"    {result['command']}",
        "",
    ]


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


def memory_section():
    result = read("memory.json")
    if not result:
        return []
    rows = []
    for method, cases in result["methods"].items():
        for case in ("default", "limit", "smallest"):
            if isinstance(cases.get(case), dict):
                c = cases[case]
                rows.append(
                    [
                        method,
                        case if not c["limit"] else f"{case}: {c['limit']}",
                        f"{c['peak_bytes'] / 2**20:.2f}",
                        f"{c['bound_bytes'] / 2**20:.2f}",
                        str(c["workers"]),
                        c["sizing"],
                    ]
                )
    head = ["method", "case", "peak MiB", "bound over all draws MiB", "workers", "sizing"]
    return ["## Memory of a step", "", *origin(result), *table(head, rows)]


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
        row = [method, str(seeds), f"{accuracy:.2f}", f"{loss:.3f}", f"{seconds:.0f}"]
        if peer:
            there = theirs.get(method)
            row += [f"{there[0]:.2f}", f"{there[1]:.3f}"] if there else ["", ""]
        rows.append(row)
    s = runs[0]["settings"]
    head = ["method", "seeds", "test top-1 %", "training loss, last epoch", "seconds a run"]
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
        "    trady finetune --weights W --data D --method M [--budget 27946] --lr LR \\",
        f"          --warmup {s['warmup']} --epochs {s['epochs']} --batch {s['batch']} --seed SEED --out RUN",
        f"    bench/collect_runs.py bench/results/{name} RUN...",
        "",
        *table(head, rows),
    ]


def main():
    lines = [
        "# Results",
        "",
        "Written by `bench/make_results.py` from `bench/results/`; `bench/README.md` says how each",
        "file is made. PyTorch is 2.15, its best variant of each row; a ratio below 1 says that trady",
        "is faster. The peer ran with OMP_WAIT_POLICY=passive, so that its waiting threads do not",
        "disturb the other side.",
        "",
        *step_section("step_2threads.json", "Time of a step on two threads"),
        *memory_section(),
        *trajectory_section(),
        *accuracy_section(
            "accuracy_flowers12.json", "flowers12", "peers/flowers12-pytorch.json"
        ),
        *accuracy_section("accuracy_cifar10.json", "CIFAR-10 at 128 px"),
    ]
    (ROOT / "docs" / "results.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
