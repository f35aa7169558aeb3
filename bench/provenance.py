"""Where a result comes from: machine, commit, command. Needs the standard library alone."""

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path


def _cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def machine(isa):
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "isa": isa,
        "system": f"{platform.system()} {platform.machine()}",
    }


def commit():
    """TRADY_COMMIT of the environment, or that of this checkout; "unknown" outside of one."""
    if "TRADY_COMMIT" in os.environ:
        return os.environ["TRADY_COMMIT"]
    try:
        out = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return out.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def command():
    return shlex.join(["python", *sys.argv])
