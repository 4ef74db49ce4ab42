"""ngspice as a program of its own, for analyses that write files: sweeps at rest, noise."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus, SimulationError
from mru_hw.spice.deck import BENCH
from mru_hw.spice.runner import Limits
from mru_hw.spice.worker import OUT_OF_TIME

SAID = 2000
"""How many of ngspice's last characters an error repeats."""


_START = (
    "import os, signal, sys; "
    "signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1])); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
"""Becomes a program whose processor time is limited: a process's timers outlive its program."""


@contextmanager
def batch(
    files: Mapping[str, str], found: str, *, time_s: float = Limits().time_s
) -> Iterator[Path]:
    """Run ``bench.cir`` in a folder of its own, and give the folder while it is there.

    Parameters
    ----------
    files
        Text by file name.
    found
        The file that the bench writes.
    time_s
        Limit of its processor time [s]; that by the clock is as for a `Runner`.

    Raises
    ------
    SimulationError
        ngspice did not write `found`, or met a limit.
    """
    with tempfile.TemporaryDirectory(prefix="mru-hw-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        # Its status says little: after a sweep without a plot it is 1, and all is there.
        try:
            done = subprocess.run(
                [sys.executable, "-c", _START, str(time_s), "ngspice", "-b", BENCH],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=Limits(time_s=time_s).clock,
            )
        except subprocess.TimeoutExpired:
            raise SimulationError(RunStatus.HUNG.value) from None
        if done.returncode == -OUT_OF_TIME:
            raise SimulationError(RunStatus.TIMED_OUT.value)
        if not (folder / found).is_file():
            raise SimulationError(f"ngspice wrote nothing: {(done.stdout + done.stderr)[-SAID:]}")
        yield folder


def raw_values(path: Path, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the vectors of a raw file in text, (n_points, n_names).

    Raises
    ------
    SimulationError
        There is no solution: then ngspice writes its own constants, which are complex.
    """
    content = path.read_text(encoding="utf-8")
    if "Flags: real" not in content:
        raise SimulationError("ngspice found no solution.")
    head, values = re.split(r"^Values:\n", content, maxsplit=1, flags=re.MULTILINE)
    points = re.search(r"No\. Points: *(\d+)", head)
    assert points is not None
    stored = re.findall(r"^\t\d+\t(\S+)\t", head, flags=re.MULTILINE)
    numbers = np.array([float(word) for word in values.split()]).reshape(int(points[1]), -1)[:, 1:]
    return np.stack([numbers[:, stored.index(name)] for name in names], axis=1)
