"""What the cells of a unit do, whatever moves them.

The state of a unit is a bit a cell. In a whole code (a thermometer's) all cells below a set one
are set; nothing here needs a code to be whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mru_hw.circuits.base import Array

Bits = NDArray[np.bool_]


def cumulative(per_cell: Array) -> Array:
    """Sum of the lowest k cells, k = 0 … n, along the last axis: the output of a whole code."""
    zero = np.zeros((*per_cell.shape[:-1], 1))
    return np.concatenate([zero, np.cumsum(per_cell, axis=-1)], axis=-1)


def step_cells(cells: Bits, rises: Bits, falls: Bits) -> Bits:
    """Return the cells one step on.

    A cell is set where the candidate asks for a step up and its lower neighbour is set, cleared
    where it asks for one down and its upper neighbour is clear; beyond the lowest cell counts as
    set, beyond the highest as clear. So a whole code moves by one cell, and a gap or an island in
    a broken one moves as it does in the circuit.

    Parameters
    ----------
    cells
        (n_cells, ...), the lowest first.
    rises, falls
        What the candidates ask for, (...); never both.
    """
    moved = np.empty_like(cells)
    moved[0] = rises
    np.logical_and(cells[:-1], rises, out=moved[1:])
    moved |= cells
    moved[-1] &= ~falls
    np.logical_and(moved[:-1], ~falls | cells[1:], out=moved[:-1])
    return moved


def whole(cells: Bits) -> bool:
    """Tell whether all codes are whole, (n_cells, ...)."""
    return not np.any(cells[1:] & ~cells[:-1])
