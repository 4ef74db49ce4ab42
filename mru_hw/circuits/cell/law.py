"""What the units of a bank do on one die, whatever moves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mru_hw.circuits.base import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLaw:
    """A bank on one die; currents in A.

    Attributes
    ----------
    up, down
        (n_units,) rail current at which the comparator decides.
    level
        (n_units, n_cells + 1) output current by the number of set cells.
    held
        (n_units, n_cells + 1) supply current of the cells by the same number.
    up_copy, down_copy
        (n_units,) current of the copies of the plus and the minus rail per ampere of the rail,
        with the whole supply across them.
    up_leg, down_leg
        (n_units,) the same of the bias legs that a ladder's comparators weigh them against [A];
        of a window comparator per ampere of what its copies weigh.
    copies
        What a window comparator's copies weigh (`mru_hw.circuits.window.law`); `up` and `down` are NaN
        then. Empty for thresholds that a bias leg sets.
    """

    up: Array
    down: Array
    level: Array
    held: Array
    up_copy: Array
    down_copy: Array
    up_leg: Array
    down_leg: Array
    copies: Mapping[str, Array] = field(default_factory=dict)


def cumulative(per_cell: Array) -> Array:
    """Sum of the lowest k cells, k = 0 … n: the thermometer code."""
    return np.concatenate([np.zeros((len(per_cell), 1)), np.cumsum(per_cell, axis=1)], axis=1)
