"""What every result file says of where its numbers come from."""

import platform
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from gpu_meter import GpuMeter  # noqa: E402
from provenance import command, commit, machine  # noqa: E402


def provenance(device="cpu"):
    """Machine, versions, commit and command of this run; the GPU, if one is the device."""
    result = {
        "machine": machine(torch.backends.cpu.get_cpu_capability()),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "commit": commit(),
        "command": command(),
    }
    if device == "cuda":
        result["machine"]["gpu"] = GpuMeter().describe()
        result["versions"]["cuda"] = torch.version.cuda
        result["versions"]["cudnn"] = torch.backends.cudnn.version()
    return result


def quartiles(samples):
    low, middle, high = np.percentile(samples, [25, 50, 75])
    return {"median": float(middle), "lower_quartile": float(low), "upper_quartile": float(high)}
