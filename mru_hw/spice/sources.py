"""Sources of a bench: numbers as a deck has them, and the currents of the inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.statements import Source, dc, rows

Array = NDArray[np.float64]

RAMP = 1e-5  # s, of input currents
INPUT_SUPPLY = "vdd_input"
"""Node that the input sources draw from: an ideal supply beside the chip's own, to be counted."""


def input_sources(k: int, starts: Array, currents: Array) -> Iterator[Source]:
    """Yield input `k`: what flows into the pin comes from a supply, what flows out goes to ground.

    Both ramps are linear, so their difference is the input's own ramp, through zero too. (Adding
    zero turns a negative zero into a plain one.)
    """
    nets = (INPUT_SUPPLY, f"x{k}")
    yield _staircase(f"ix{k}", nets, starts, np.maximum(currents, 0.0) + 0.0)
    if np.any(currents < 0):
        yield _staircase(f"ixn{k}", (f"x{k}", "0"), starts, np.maximum(-currents, 0.0) + 0.0)


def numbers(*values: float) -> tuple[str, ...]:
    """Return numbers as a deck has them, with nine digits."""
    return tuple(f"{value:.9g}" for value in values)


def _staircase(name: str, nets: tuple[str, str], starts: Array, values: Array) -> Source:
    """Return a staircase with short ramps; the first value holds from time zero."""
    points = [0.0, values[0]]
    for j in range(1, len(starts)):
        if values[j] != values[j - 1]:
            points += [starts[j], values[j - 1], starts[j] + RAMP, values[j]]
    if len(points) == 2:
        return dc(name, *nets, points[1])
    breaks = rows(0, len(points), 8)
    return Source(name=name, nets=nets, shape="pwl", numbers=numbers(*points), breaks=breaks)
