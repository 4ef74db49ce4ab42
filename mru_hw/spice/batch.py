"""ngspice as a program of its own, for analyses that write files: sweeps at rest, noise."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import SimulationError
from mru_hw.spice.deck import BENCH

SAID = 2000
"""How many of ngspice's last characters an error repeats."""


@contextmanager
def batch(files: Mapping[str, str], found: str, *, time_s: float | None = None) -> Iterator[Path]:
    """Run ``bench.cir`` in a folder of its own, and give the folder while it is there.

    Parameters
    ----------
    files
        Text by file name.
    found
        The file that the bench writes.
    time_s
        The longest that it may take [s].

    Raises
    ------
    SimulationError
        ngspice did not write `found`.
    """
    with tempfile.TemporaryDirectory(prefix="mru-hw-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        # Its status says little: after a sweep without a plot it is 1, and all is there.
        done = subprocess.run(
            ["ngspice", "-b", BENCH],  # noqa: S607 (the user's own)
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=time_s,
        )
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
