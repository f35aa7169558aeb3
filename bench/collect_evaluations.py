#!/usr/bin/env python3
"""Gathers what `trady eval --json` wrote into one file that says where the numbers come from.

usage: collect_evaluations.py RESULT.json EVALUATION.json...

Collect on the machine and the commit that evaluated.
"""
import json
import pathlib
import sys

from provenance import command, commit, machine


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    evaluations = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[2:]]
    result = {
        "bench": "evaluations",
        "machine": machine(evaluations[0]["isa"]),
        "commit": commit(),
        "command": command(),
        "evaluations": evaluations,
    }
    pathlib.Path(sys.argv[1]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
