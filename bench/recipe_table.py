"""The paper's recipe with trained batch-norms, by trady and by PyTorch, for docs/results.md."""

import pathlib
import statistics

from markdown_table import origin, table


def ours_of(result):
    """{method: {seed: (top-1 in %, training loss of the last epoch)}}"""
    found = {}
    for run in result["runs"] if result else []:
        last, settings = run["epochs"][-1], run["settings"]
        values = (100 * last["test"]["accuracy"], last["loss"])
        found.setdefault(settings["method"], {})[settings["seed"]] = values
    return found


def theirs_of(result):
    """The same of what bench/peers/finetune.py wrote."""
    found = {}
    for run in result["runs"] if result else []:
        values = (100 * run["test_top1"], run["last_epoch_train_loss"])
        found.setdefault(run["method"], {})[run["seed"]] = values
    return found


def cells(by_seed):
    """Mean top-1, top-1 of each seed, mean loss."""
    if not by_seed:
        return ["", "", ""]
    runs = [by_seed[seed] for seed in sorted(by_seed)]
    return [
        f"{statistics.mean(top1 for top1, _ in runs):.2f}",
        ", ".join(f"{top1:.2f}" for top1, _ in runs),
        f"{statistics.mean(loss for _, loss in runs):.3f}",
    ]


def loss_ratio(ours, theirs):
    """Of the means over the seeds that both sides ran."""
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        return ""
    return f"{sum(ours[s][1] for s in common) / sum(theirs[s][1] for s in common):.2f}"


def section(read, name, peer_name):
    """Lines of the section; none without trady's runs. `read` is make_results.read."""
    result, peer = read(name), read(peer_name)
    if not result:
        return []
    ours, theirs = ours_of(result), theirs_of(peer)
    s = result["runs"][0]["settings"]
    rows = [
        [method, *cells(ours[method]), *cells(theirs.get(method, {}))]
        + [loss_ratio(ours[method], theirs.get(method, {}))]
        for method in ours
    ]
    head = ["method", "top-1 %", "by seed", "training loss, last epoch"]
    head += ["PyTorch top-1 %", "by seed", "PyTorch loss", "loss, ours / PyTorch"]
    lines = [
        "## flowers12 by the paper's recipe, batch-norms trained",
        "",
        f"{pathlib.Path(s['weights']).stem}, batch {s['batch']}, "
        f"{s['warmup']} + {s['epochs']} epochs, learning rate {s['learning_rate']}; "
        f"{s['calibrate_bn']} images put the batch-norms back. PyTorch draws its own images,",
        "crops and selections: the seeds of the two sides are not paired.",
        "",
        *origin(
            result,
            "trady finetune --weights W --data D --method M [--budget 27946] \\",
            f"      --batch-norm {s['batch_norm']} --calibrate-bn --lr {s['learning_rate']} "
            f"--warmup {s['warmup']} --epochs {s['epochs']} \\",
            f"      --batch {s['batch']} --seed SEED --out RUN",
        ),
    ]
    if peer:
        lines += origin(peer)
    return [*lines, *table(head, rows)]
