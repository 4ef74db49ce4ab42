"""What the results of a sweep depend on, and what its seconds do."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
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


CODE = ("mru_hw", "circuits", "calibration")
"""Folders of a checkout that make a sweep's figures."""


@functools.cache
def code() -> dict[str, str]:
    """Return the commit of the code and whether its files differ from it, as far as git knows.

    Nothing where the package does not run from a git checkout of its own, and without git.
    """
    root = Path(__file__).parents[2]
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    changes = _git(root, "status", "-s", "--", *CODE)
    if commit is None or changes is None:
        return {}
    return {"commit": commit.strip(), "files": "changed" if changes else "as committed"}


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git says of a checkout, without a change to it; None where it says nothing."""
    git = shutil.which("git")
    if git is None:
        return None
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            [git, "-C", str(root), *arguments],
            env=kept | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


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
