"""Every method on one network, one row each, for docs/results.md."""

import math
import pathlib
import statistics

from markdown_table import origin, table


def spread(values):
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"


def learning_rate(run):
    return run["settings"]["learning_rate"]


def network(run):
    return pathlib.Path(run["settings"]["weights"]).stem


def in_words(budget):
    return f"{budget} of the network's elements" if budget.endswith("%") else f"{budget} elements"


def row_of(method, runs):
    settings = runs[0]["settings"]
    used = [e["budget_used_elements"] for r in runs for e in r["epochs"]]
    selecting = [r["selecting_bytes"] for r in runs if r["selecting_bytes"]]
    return [
        method if settings["last"] is None else f"{method}, {settings['last']} convs",
        f"{learning_rate(runs[0]):g}",
        str(len(runs)),
        spread([100 * r["epochs"][-1]["test"]["accuracy"] for r in runs]),
        f"{statistics.mean(r['epochs'][-1]['loss'] for r in runs):.3f}",
        f"{statistics.mean(used):,.0f}",
        f"{max(r['peak_bytes'] for r in runs):,}",
        f"{max(selecting):,}" if selecting else "",
        f"{statistics.mean(sum(e['seconds'] for e in r['epochs']) for r in runs):.0f}",
    ]


def facts(runs):
    """The budget, and what the number of test images alone lets an accuracy vary by."""
    budgets = sorted({r["settings"]["budget"] for r in runs} - {None})
    images = runs[0]["epochs"][-1]["test"]["images"]
    accuracy = statistics.mean(r["epochs"][-1]["test"]["accuracy"] for r in runs)
    error = 100 * math.sqrt(accuracy * (1 - accuracy) / images)
    return [
        f"The budget B is {' or '.join(map(in_words, budgets))}.",
        f"One standard error of a run's accuracy on {images} images is {error:.1f} points.",
    ]


def largest_rise(epochs):
    """Of the training loss, from an epoch to the next: how near a run came to diverging."""
    losses = [epoch["loss"] for epoch in epochs]
    return max(0, *(after - before for before, after in zip(losses, losses[1:])))


def what_was_tried(run):
    return network(run), run["settings"]["method"], learning_rate(run)


def rates_tried(result):
    """Runs that the learning rates were found with; a run that diverged lacks its last epochs."""
    if not result:
        return []
    rows = []
    for run in sorted(result["runs"], key=what_was_tried):
        s, epochs = run["settings"], run["epochs"]
        diverged = len(epochs) < s["warmup"] + s["epochs"]
        outcome = (
            [f"diverges in epoch {len(epochs) + 1}", "", ""]
            if diverged
            else [
                f"{100 * epochs[-1]['test']['accuracy']:.2f}",
                f"{epochs[-1]['loss']:.3f}",
                f"{largest_rise(epochs):.3f}",
            ]
        )
        rows.append([network(run), s["method"], f"{learning_rate(run):g}", *outcome])
    seed = result["runs"][0]["settings"]["seed"]
    head = ["network", "method", "learning rate", "test top-1 %", "training loss, last epoch"]
    head.append("largest rise of the loss")
    return [f"Learning rates tried, seed {seed}:", "", *origin(result), *table(head, rows)]


def section(read, name, rates_name, title, introduction):
    """Lines of the section; none without a result. `read` is make_results.read."""
    result = read(name)
    if not result:
        return []
    groups = {}
    for run in result["runs"]:
        groups.setdefault((run["settings"]["method"], learning_rate(run)), []).append(run)
    s = result["runs"][0]["settings"]
    threads = result["runs"][0]["environment"]["threads"]
    head = ["method", "learning rate", "seeds", "test top-1 %", "training loss, last epoch"]
    head += ["elements used", "bytes of a step", "bytes of selecting", "seconds a run"]
    return [
        f"## {title}",
        "",
        *introduction,
        *facts(result["runs"]),
        "",
        *origin(
            result,
            "trady finetune --weights W --data D --method M [--budget B | --last K] --lr LR \\",
            f"      --image-size {s['image_size']} --warmup {s['warmup']} --epochs {s['epochs']} "
            f"--batch {s['batch']} --threads {threads} --seed SEED --out RUN",
        ),
        *table(head, [row_of(method, runs) for (method, _), runs in groups.items()]),
        *rates_tried(read(rates_name)),
    ]
