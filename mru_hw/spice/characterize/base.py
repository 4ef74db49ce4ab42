"""What every bench of the characterisation has in common."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mru_hw.files import whole_file
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Deck, make_deck
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.conditions import Conditions

UNITS = 32
I_USUAL = 1e-9  # A through a diode of UNITS

Array = NDArray[np.float64]


def cells_deck(
    technology: Technology,
    at: Conditions,
    lines: list[str],
    saves: tuple[str, ...],
    *,
    t_stop: float,
    step: float,
    options: str = OPTIONS,
) -> Deck:
    """Return a deck with device classes, cell views, a supply and `lines`.

    Parameters
    ----------
    t_stop, step
        End of the transient analysis and its largest step [s].
    """
    text = [
        f".lib '{MODELS}' {at.corner}",
        f".options temp={at.temperature} {options}",
        technology.devices_spice(),
        cell_views(),
        f"vdd vdd 0 {at.v_dd}",
        *lines,
        f".tran {step} {t_stop} uic",
        ".save " + " ".join((*saves, TOKEN)),
    ]
    models = technology.model_files()
    return make_deck(text, models, saves, t_stop=t_stop, title="mru_hw characterisation")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table of ``calibration/raw``."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rounded(value: float) -> float:
    """Keep four digits: the file must come out the same on another machine."""
    return float(f"{value:.4g}")


def stairs(times: Array, values: Array, edge: float) -> str:
    """Return a source that goes to each value at its time, within `edge` [s]."""
    points = [f"0 {values[0]:.9g}"]
    for t, before, after in zip(times[1:], values, values[1:], strict=False):
        points.append(f"{t:.9g} {before:.9g} {t + edge:.9g} {after:.9g}")
    return f"pwl({' '.join(points)})"
