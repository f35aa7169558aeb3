#!/usr/bin/env python3
"""Gathers what finished runs of `trady finetune` say about accuracy into one small file.

usage: collect_runs.py RESULT.json RUN...

Keeps settings, build, and of every epoch loss, accuracies, seconds and budget used: not the
selections. Collect on the machine and the commit that ran.
"""
import json
import pathlib
import sys

from provenance import command, commit, machine

KEPT = ("loss", "train_accuracy", "steps", "step_seconds", "select_seconds", "seconds",
        "budget_used_elements", "test", "val")  # fmt: skip


def selecting_bytes(epoch):
    """What a look at gradients or outputs reserved before the epoch's selection; 0 without one."""
    selecting = epoch.get("selecting")
    return selecting["reserved_bytes"] if selecting else 0


def summary(run):
    record = json.loads((pathlib.Path(run) / "run.json").read_text())
    return {
        "settings": record["settings"],
        "environment": record["environment"],
        "trady": record["trady"],
        "before": record.get("before"),
        "peak_bytes": max(e["memory"]["reserved_bytes"] for e in record["epochs"]),
        "selecting_bytes": max(selecting_bytes(e) for e in record["epochs"]),
        "epochs": [{key: epoch.get(key) for key in KEPT} for epoch in record["epochs"]],
    }


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    runs = [summary(run) for run in sys.argv[2:]]
    result = {
        "bench": "accuracy",
        "machine": machine(runs[0]["environment"]["isa"]),
        "commit": commit(),
        "command": command(),
        "runs": runs,
    }
    pathlib.Path(sys.argv[1]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
