"""What the results of a sweep depend on, and what its seconds do."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
import scipy

from mru_hw.simulate.kernels import numba_version
from mru_hw.sweeps.subject import RESULTS
from mru_hw.sweeps.work import cores
from mru_hw.version import __version__


def versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    return {
        "mru_hw": __version__,
        "numpy": np.__version__,
        "scipy": str(scipy.__version__),
        "python": platform.python_version(),
        "results": str(RESULTS),
    } | numba_version()


def machine() -> dict[str, str]:
    """Return what seconds depend on."""
    info = Path("/proc/cpuinfo")  # Linux only
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": str(cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "load_1min": f"{os.getloadavg()[0]:.2f}",
    }
