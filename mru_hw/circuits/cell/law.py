"""What the units of a bank do on one die, whatever moves them."""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array


def cumulative(per_cell: Array) -> Array:
    """Sum of the lowest k cells, k = 0 … n: the thermometer code."""
    return np.concatenate([np.zeros((len(per_cell), 1)), np.cumsum(per_cell, axis=1)], axis=1)
