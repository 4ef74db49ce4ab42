"""Waves as a binary raw file of Berkeley SPICE, which waveform viewers open.

Format: ngspice 39 manual, section 11.5 and appendix; eight-byte floats in the machine's order,
point after point.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mru_hw.files import whole_file
from mru_hw.spice.deck import Waves


def write_raw(path: Path, waves: Waves, title: str) -> None:
    """Write what a run gave back; the file appears whole or not at all.

    Parameters
    ----------
    path
        The file; an earlier one is replaced.
    waves
        A run; one that stopped early is written as far as it came.
    title
        One line about it.

    Raises
    ------
    UserError
        The folder cannot be written.
    OSError
        There is no room.
    """
    names = list(waves.vectors)
    names.sort(key=lambda name: name != "time")  # the scale comes first
    points = np.array([waves.vectors[name] for name in names], dtype=np.float64).T
    head = [
        f"Title: {' '.join(title.split())}",
        "Date: -",
        f"Plotname: Transient Analysis ({waves.status.name.lower()})",
        "Flags: real",
        f"No. Variables: {len(names)}",
        f"No. Points: {len(points)}",
        "Variables:",
        *(f"\t{k}\t{name}\t{_kind(name)}" for k, name in enumerate(names)),
        "Binary:",
        "",
    ]
    with whole_file(path) as part, part.open("wb") as stream:
        stream.write("\n".join(head).encode())
        stream.write(np.ascontiguousarray(points).tobytes())


def _kind(name: str) -> str:
    if name == "time":
        return "time"
    return "voltage" if name.startswith("v(") else "current"
