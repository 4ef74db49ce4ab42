"""What every bench of the characterisation has in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import BENCH, TOKEN, Deck, token_line, token_of
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.conditions import Conditions

UNITS = 32
I_USUAL = 1e-9  # A through a diode of UNITS

Array = NDArray[np.float64]


def bench_deck(
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
    token = token_of(text)
    bench = "\n".join(["* mru_hw characterisation", *text, token_line(token), ".end", ""])
    return Deck(
        files={BENCH: bench, **technology.model_files()}, saves=saves, token=token, t_stop=t_stop
    )


def rounded(value: float) -> float:
    """Keep four digits: the file must come out the same on another machine."""
    return float(f"{value:.4g}")


def stairs(times: Array, values: Array, edge: float) -> str:
    """Return a source that goes to each value at its time, within `edge` [s]."""
    points = [f"0 {values[0]:.9g}"]
    for t, before, after in zip(times[1:], values, values[1:], strict=False):
        points.append(f"{t:.9g} {before:.9g} {t + edge:.9g} {after:.9g}")
    return f"pwl({' '.join(points)})"
