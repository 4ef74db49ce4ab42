"""Waves as a binary raw file of Berkeley SPICE, which waveform viewers open.

Format: ngspice 39 manual, section 11.5 and appendix; eight-byte floats in the machine's order,
point after point.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mru_hw.files import refuse_foreign, refuse_no_folder, whole_file
from mru_hw.spice.deck import Waves

_TITLE = "Title: "
"""What a raw file starts with."""


def raw_path(folder: Path, sequence: int, unit: tuple[int, int] | None = None) -> Path:
    """Return where in a folder the waves of a sequence go, a single unit's (layer, unit) apart."""
    own = "" if unit is None else f"_layer{unit[0]}_unit{unit[1]}"
    return folder / f"sequence{sequence}{own}.raw"


def refuse_raw(folder: Path, paths: Iterable[Path]) -> None:
    """Raise `UserError` where waves cannot go to a folder, or would replace what are none."""
    refuse_no_folder(folder, "raw")
    for path in paths:
        refuse_foreign(path, marker=_TITLE, what="raw file", field="raw")


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
        The file cannot be written.
    """
    names = list(waves.vectors)
    names.sort(key=lambda name: name != "time")  # the scale comes first
    points = np.array([waves.vectors[name] for name in names], dtype=np.float64).T
    head = [
        f"{_TITLE}{' '.join(title.split())}",
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
    with whole_file(path, "raw") as part, part.open("wb") as stream:
        stream.write("\n".join(head).encode())
        stream.write(np.ascontiguousarray(points).tobytes())


def _kind(name: str) -> str:
    if name == "time":
        return "time"
    return "voltage" if name.startswith("v(") else "current"
