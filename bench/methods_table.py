"""Every method on one network, one row each, for docs/results.md."""

import statistics

from markdown_table import table


def spread(values):
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"


def row_of(method, runs):
    settings = runs[0]["settings"]
    used = [e["budget_used_elements"] for r in runs for e in r["epochs"]]
    selecting = [r["selecting_bytes"] for r in runs if r["selecting_bytes"]]
    return [
        method if settings["last"] is None else f"{method}, {settings['last']} convs",
        f"{settings['learning_rate']:g}",
        str(len(runs)),
        spread([100 * r["epochs"][-1]["test"]["accuracy"] for r in runs]),
        f"{statistics.mean(r['epochs'][-1]['loss'] for r in runs):.3f}",
        f"{statistics.mean(used):,.0f}",
        f"{max(r['peak_bytes'] for r in runs):,}",
        f"{max(selecting):,}" if selecting else "",
        f"{statistics.mean(sum(e['seconds'] for e in r['epochs']) for r in runs):.0f}",
    ]


def section(read, name, title, introduction):
    """Lines of the section; none without a result. `read` is make_results.read."""
    result = read(name)
    if not result:
        return []
    by_method = {}
    for run in result["runs"]:
        by_method.setdefault(run["settings"]["method"], []).append(run)
    s = result["runs"][0]["settings"]
    threads = result["runs"][0]["environment"]["threads"]
    head = ["method", "learning rate", "seeds", "test top-1 %", "training loss, last epoch"]
    head += ["elements used", "bytes of a step", "bytes of selecting", "seconds a run"]
    return [
        f"## {title}",
        "",
        *introduction,
        "",
        "    trady finetune --weights W --data D --method M [--budget B | --last K] --lr LR \\",
        f"          --image-size {s['image_size']} --warmup {s['warmup']} --epochs {s['epochs']} "
        f"--batch {s['batch']} --threads {threads} --seed SEED --out RUN",
        f"    bench/collect_runs.py bench/results/{name} RUN...",
        "",
        *table(head, [row_of(method, runs) for method, runs in by_method.items()]),
    ]
