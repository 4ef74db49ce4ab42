"""Trips: the voltage of a comparator's node at which the strobed gate behind it begins to step.

The nominal run passes each threshold of a unit in steps of 1/400, with an opposite candidate
between any two. The runs at other conditions ramp through in steps of 1/100, one candidate a
frame, which costs an eighth; of them the change against the same ramp at the nominal conditions
counts.
"""

from __future__ import annotations

import numpy as np

from mru_hw.errors import SimulationError
from mru_hw.spice.characterize.base import Array, rounded
from mru_hw.spice.characterize.unit import CELLS, FRAME, STROBE, cmru_deck
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.options import ramp_options
from mru_hw.technology import Technology
from mru_hw.technology.conditions import Conditions

PASSING = np.round(np.arange(0.9, 1.1201, 0.0025), 4)  # over I_USUAL, the wanted threshold
OPPOSITE = 3.0  # over I_USUAL: takes the unit back to its ladder's end


RAMP = np.round(np.arange(0.9, 1.2801, 0.01), 4)
TRIPPING = ("v(xu.xstep.u)", "v(xu.xstep.d)")
"""Nets of a unit whose comparators pass their trip: of the rising and of the falling side."""


def trips_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck of the nominal run."""
    frames = [-OPPOSITE] * 4
    for c in PASSING:
        frames += [float(c), -OPPOSITE]
    frames += [OPPOSITE] * 4
    for c in PASSING:
        frames += [-float(c), OPPOSITE]
    return cmru_deck(technology, at, frames, (*TRIPPING, *CELLS), options=ramp_options(technology))


def ramp_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck that ramps up through the upper threshold, then down through the lower."""
    to_end = [OPPOSITE] * 4
    frames = [*(-c for c in to_end), *RAMP, *to_end, *(-RAMP)]
    return cmru_deck(
        technology, at, frames, (*TRIPPING, *CELLS), points=20, options=ramp_options(technology)
    )


def stepped(waves: Waves) -> dict[str, tuple[Array, int]]:
    """Return by side the node's voltage [V] before each strobe of `RAMP` and the first that steps.

    0 where none does, or one and a later one does not.
    """
    time, n = waves.time, len(RAMP)
    found = {}
    sides = (("up", TRIPPING[0], 4, CELLS[0]), ("down", TRIPPING[1], 8 + n, CELLS[3]))
    for side, node, first, cell in sides:
        edges = (first + np.arange(n) + STROBE) * FRAME
        at = edges - FRAME / 1000
        volts, bit = np.interp(at, time, waves.vectors[node]), waves.vectors[cell]
        after = np.interp(edges + 0.1 * FRAME, time, bit)
        moved = np.abs(after - np.interp(at[0], time, bit)) > np.ptp(bit) / 2
        k = int(np.argmax(moved))
        found[side] = (volts, k if moved[k:].all() else 0)
    return found


def fit_ramp(waves: Waves) -> dict[str, float]:
    """Return the voltages between the last strobe that does not step and the first that does.

    Raises
    ------
    SimulationError
        A threshold does not lie inside the ramp.
    """
    constants = {}
    for side, (volts, k) in stepped(waves).items():
        if k == 0:
            raise SimulationError(f"The run ramp found no threshold {side}.")
        constants[f"v_trip_{side}"] = float(volts[k - 1] + volts[k]) / 2
    return constants


def fit_trips(waves: Waves) -> tuple[dict[str, float], dict[str, Array]]:
    """Take the comparators' voltages just before the first strobe that steps."""
    time, n = waves.time, len(PASSING)
    constants, samples = {}, {"candidate": PASSING}
    for side, node, first, cell in (("up", "u", 4, 1), ("down", "d", 8 + 2 * n, 4)):
        edges = (first + 2 * np.arange(n) + STROBE) * FRAME
        at = edges - FRAME / 1000
        volts = np.interp(at, time, waves.vectors[f"v(xu.xstep.{node})"])
        bit = waves.vectors[f"v(xu.v{cell})"]
        before, after = (np.interp(t, time, bit) for t in (at, edges + 0.1 * FRAME))
        stepped = np.abs(after - before) > np.ptp(bit) / 2
        k = int(np.argmax(stepped))
        if k == 0 or not stepped[k:].all():
            raise SimulationError(f"The run trips found no threshold {side}.")
        constants[f"v_trip_{side}"] = rounded(float(volts[k - 1] + volts[k]) / 2)
        samples |= {f"{node}": volts, f"steps_{side}": stepped.astype(np.float64)}
    return constants, samples
