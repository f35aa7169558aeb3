"""What steps hold, by bench_memory, and what PyTorch's do, for docs/results.md."""

from markdown_table import origin, table


def mib(size):
    return f"{size / 2**20:.2f}"


def case_rows(result):
    rows = []
    for method, cases in result["methods"].items():
        for case in ("default", "limit", "smallest"):
            if case not in cases:
                continue
            c = cases[case]
            name = case if not c["limit"] else f"{case}: {c['limit']}"
            sizes = [mib(c["peak_bytes"]), mib(c["bound_bytes"])]
            rows.append([method, name, *sizes, str(c["workers"]), c["sizing"]])
    return rows


def case_table(result):
    head = ["method", "case", "reserved MiB", "bound over all draws MiB", "workers", "sizing"]
    return table(head, case_rows(result))


def saved_for_backward(read, result):
    """What backward finds, of a whole batch: ours, and PyTorch's by its saved-tensor hooks."""
    batch = result["settings"]["batch"]
    rows = []
    for method, cases in result["methods"].items():
        case = cases["default"]
        saved = case["saved_for_backward_bytes_of_a_worker"]
        # "slices" is what the formula says of the inputs.
        held = (saved["inputs"] + saved["masks"]) * case["workers"]
        rows.append([method, "trady", mib(held), mib(case["peak_bytes"])])
    peer = read("peers/step_memory-pytorch.json")
    if peer:
        memory = peer["memory"]
        rows.append(["full", "PyTorch", mib(memory["full_saved_bytes"]), ""])
        for gates, kept in memory["sliced_kept_bytes"].items():
            rows.append([f"sliced, ReLU6 by {gates}", "PyTorch", mib(sum(kept.values())), ""])
    return [
        f"Saved for backward at batch {batch}: trady's workers hold a micro-batch each, PyTorch the",
        "whole batch. The last column is everything of the step, weights included.",
        "",
        *table(["method", "engine", "saved MiB", "reserved MiB"], rows),
    ]


def section(read, name):
    """Lines of the section; none without a result. `read` is make_results.read."""
    result = read(name)
    if not result:
        return []
    lines = ["## Memory of a step", "", *origin(result)]
    return [*lines, *case_table(result), *saved_for_backward(read, result)]


def beside_full_steps(cases, peer):
    """trady's bytes as shares of what PyTorch's most economical layout takes."""
    layouts = peer["layouts"]

    def row(what, ours, key):
        theirs = [layout[key] for layout in layouts.values()]
        return [what, mib(ours), *map(mib, theirs), f"1/{min(theirs) / ours:.2f}"]

    case, least = cases["default"], cases["smallest"]
    grown = "resident_growth_bytes"
    return table(
        ["bytes of", "trady MiB", *(f"PyTorch {name} MiB" for name in layouts), "of the lesser"],
        [
            row("a step, the largest of the draws", case["peak_bytes"], "step_bytes"),
            row("a step, bound over all draws", case["bound_bytes"], "step_bytes"),
            row("a step, under the smallest limit", least["bound_bytes"], "step_bytes"),
            row("network and step, by VmHWM", case[grown]["peak"], "network_and_step_bytes"),
            row(
                "the same, under the smallest limit",
                least[grown]["peak"],
                "network_and_step_bytes",
            ),
        ],
    )


def peer_section(read, name, peer_name):
    """One method under a budget beside a full step of PyTorch."""
    result, peer = read(name), read(peer_name)
    if not result or not peer:
        return []
    s = result["settings"]
    ((method, cases),) = result["methods"].items()
    for setting in ("image_size", "batch", "threads"):
        if s[setting] != peer["settings"][setting]:
            theirs = peer["settings"][setting]
            raise SystemExit(f"{peer_name}: {setting} is {theirs}, trady's {s[setting]}")
    network = s["model"] or peer["settings"]["model"]
    return [
        f"## Memory of a step beside PyTorch: {network} at {s['image_size']} px",
        "",
        f"trady: method {method}, a budget of {s['budget']}, batch {s['batch']}, "
        f"{s['threads']} threads, batch-norms frozen.",
        "PyTorch: one full step, eager, of the same batch, batch-norms frozen too.",
        "",
        *origin(result),
        *case_table(result),
        *origin(peer),
        "Of a step: trady has everything that it reserves, weights included; PyTorch what the step",
        "adds to a process that has weights and images already. By VmHWM: how much the process grows",
        "from before there is a network to its fullest moment, on both sides. The last column is",
        "trady's share of the layout that takes less.",
        "",
        *beside_full_steps(cases, peer),
    ]
