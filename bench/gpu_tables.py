"""Tables of what tools/gpu/bench.sh measured: cuda/*.json and cuda_passes-*.json of a results folder.

Part of make_results.py; needs the standard library alone.
"""

import json

from markdown_table import table


# The others are in the files.
SHOWN_SPARSITIES = (0, 0.9, 0.95)


def origin(result):
    gpu = result["machine"].get("gpu", {})
    name = gpu.get("name") or result["machine"]["isa"]
    driver = f", driver {gpu['driver']}" if gpu.get("driver") else ""
    versions = ""
    for key, label in (("cublas", "cuBLAS"), ("cudnn", "cuDNN")):
        version = result["versions"].get(key)  # with the library's name in front, or why there is none
        if version:
            versions += f", {version}" if version.startswith(label) else f", {label} {version}"
    return [
        f"{name}{driver}, CUDA {result['versions'].get('cuda', 'unknown')}{versions}; "
        f"commit {result['commit'][:10]}",
        "",
        f"    {result['command']}",
        "",
    ]


def us(row, way):
    """Median and quartiles of a way; a dash where it was not measured."""
    if way not in row["us"]:
        return "-"
    q = row["us"][way]
    return f"{q['median']:.1f} ({q['lower_quartile']:.1f} - {q['upper_quartile']:.1f})"


def rates_table(details):
    rows = [[f"bandwidth, {n}", f"{v / 1e9:.0f} GB/s"] for n, v in details["bytes_per_second"].items()]
    for precision, ways in details["flops"].items():
        rows += [[f"matrix products, {precision}, {w}", f"{v / 1e12:.1f} TFLOP/s"] for w, v in ways.items()]
    rows.append(["an empty node of a graph", f"{details['best']['empty_node_us']:.2f} us"])
    return table(["this GPU at most", ""], rows)


def layer_row(layer, row):
    s = layer["shape"]
    dense = row["us"].get("cudnn_dense")
    own = row["us"]["own"]["median"]
    kernel = f"{s['kernel']}{'d' if s['depthwise'] else ''}"
    return [
        f"{layer['name']} x{len(layer['convs'])}",
        f"{s['in_h']}x{s['in_w']}, {s['in_c']} > {s['out_c']}, k {kernel}",
        f"{100 * row['sparsity']:g}",
        str(row["channels"]),
        us(row, "own"),
        us(row, "own_with_packing"),
        us(row, "cublas_with_gather"),
        us(row, "cudnn_dense"),
        f"{row['floor_us']:.1f} ({row['bound_by']})",
        f"{row['ratio_to_floor']:.2f}",
        f"{dense['median'] / own:.1f}" if dense else "-",
        f"{row['bytes_per_second'] / 1e9:.0f}",
        f"{row['flops'] / 1e12:.2f}",
    ]


def goal_lines(goals):
    floor, speedup = goals["floor"], goals["speedup"]
    lines = [
        f"The {len(floor['layers'])} shapes that make {100 * floor['share_of_dense_time']:g} % of the "
        f"dense gradients' time, within {floor['most_of_floor']:g} times the floor:",
        "",
        *table(
            ["sparsity %", "within", "worst ratio", "worst layer"],
            [
                [
                    f"{100 * r['sparsity']:g}",
                    f"{r['within']} of {r['layers']}",
                    f"{r['worst_ratio']:.2f}",
                    r["worst_layer"],
                ]
                for r in floor["rows"]
            ],
        ),
    ]
    if "not_available" in speedup:
        return lines + [f"Against cuDNN: {speedup['not_available']}.", ""]
    smallest = f"; the smallest is {speedup['smallest']:.1f}" if speedup["layers"] else ""
    return lines + [
        f"At {100 * speedup['sparsity']:g} % sparsity {speedup['reached']} of {speedup['layers']} shapes "
        f"are {speedup['least']:g} times faster than cuDNN's dense gradient where that takes "
        f"{speedup['least_dense_us']:g} us or more{smallest}.",
        "",
    ]


def grad_weight_section(result):
    lines = [
        "## Sliced weight gradients on a GPU",
        "",
        "Microseconds (quartiles) from replayed graphs, data from memory, x packed already but where it",
        "says otherwise; GB/s and TFLOP/s of our kernels by what has to be moved and computed.",
        "",
        *origin(result),
        *rates_table(result["machine_rates"]),
    ]
    head = ["first layer", "shape", "sparsity %", "n", "own us", "with packing us", "gather + cuBLAS us"]
    head += ["cuDNN dense us", "floor us", "own / floor", "cuDNN / own", "GB/s", "TFLOP/s"]
    for network in result["networks"]:
        rows = [
            layer_row(layer, row)
            for layer in network["layers"]
            for row in layer["rows"]
            if row["sparsity"] in SHOWN_SPARSITIES
        ]
        lines += [f"### {network['network']}, batch {result['settings']['batch']}", ""]
        lines += [*goal_lines(network["goals"]), *table(head, rows)]
    return lines


def joules(row):
    energy = row.get("energy", {"not_available": ""})
    return "-" if "not_available" in energy else f"{1000 * energy['joules_a_step']:.1f}"


def mebibytes(bytes_or_none):
    return "-" if bytes_or_none is None else f"{bytes_or_none / 2**20:.1f}"


def step_section(result):
    peers = result.get("peer", {})
    rows = [
        [name, f"{r['median']:.3f}", f"{r['lower_quartile']:.3f} - {r['upper_quartile']:.3f}"]
        + [joules(r), mebibytes(r["reserved_bytes"])]
        + [f"{r['ratio_to_peer'][peer]['of_medians']:.2f}" for peer in peers]
        for name, r in result["rows"].items()
    ]
    rows += [
        [
            f"PyTorch {name} ({r['variant']})",
            f"{r['median']:.3f}",
            f"{r['lower_quartile']:.3f} - {r['upper_quartile']:.3f}",
            joules(r),
            mebibytes(r.get("peak_bytes")),
        ]
        + [""] * len(peers)
        for name, r in peers.items()
    ]
    settings = result["settings"]
    head = ["row", "ms", "quartiles", "mJ a step", "peak MiB"] + [f"of PyTorch {p}" for p in peers]
    return [
        "## Time, energy and memory of a step on a GPU",
        "",
        f"Batch {settings['batch']}. A step of ours copies its images to the GPU and normalises them there;",
        "PyTorch's finds them there. Peak: what our step reserves; what PyTorch's allocator gave out.",
        "",
        *origin(result),
        *table(head, rows),
    ]


def passes_section(result):
    sums = {}
    for entry in result["passes"]:
        own = entry["own_us"]
        others = [entry[key] for key in ("cublas_us", "cudnn_us") if entry.get(key) is not None]
        total = sums.setdefault(entry["pass"], [0, 0.0, 0.0, 0])
        total[0] += 1
        total[1] += own
        total[2] += min([own, *others])
        total[3] += any(1.05 * other < own for other in others)  # kernels/cuda/pass_choice.cpp
    rows = [
        [name, str(count), f"{own:.0f}", f"{fastest:.0f}", str(chosen)]
        for name, (count, own, fastest, chosen) in sums.items()
    ]
    head = ["pass", "shapes and counts", "ours us", "fastest us", "a library is chosen"]
    return [
        "## Passes by our kernels and by the libraries",
        "",
        "Sums over the shapes of the networks, each once.",
        "",
        *origin(result),
        *table(head, rows),
    ]


def sections(folder):
    """Lines of markdown, of every GPU that there are results of; none where there are none."""
    lines = []
    for pattern, section in (
        ("cuda/grad_weight-*.json", grad_weight_section),
        ("cuda/step-*.json", step_section),
        ("cuda_passes*.json", passes_section),
    ):
        for path in sorted(folder.glob(pattern)):
            lines += section(json.loads(path.read_text()))
    return lines
