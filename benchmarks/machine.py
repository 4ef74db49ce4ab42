"""What a benchmark's figures depend on besides the code."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import mru_hw
from mru_hw.spice.session import Session


def computer() -> dict[str, Any]:
    """Return the processor, its load and Python's versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_1min": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "mru_hw": mru_hw.__version__,
    }


def machine() -> dict[str, Any]:
    """Return the same and ngspice's version."""
    return computer() | {"ngspice": Session().version}
