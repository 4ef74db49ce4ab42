"""The hysteretic cell: what every memory unit's cells have, whatever moves them.

A leg (hold) empties the cell's node; when the cell is set, its feedback pair gives back what a
second leg (width) takes, and a third (gain) feeds the state node.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, Line, NodeView
from mru_hw.circuits.units import UnitRole, UnitView


def _one(units: UnitView, _: NodeView) -> IntArray:
    return np.ones((units.n_units, units.n_cells), dtype=np.int64)


def _hold(units: UnitView, _: NodeView) -> IntArray:
    return np.full((units.n_units, units.n_cells), units.hold_units, dtype=np.int64)


def _width(units: UnitView, _: NodeView) -> IntArray:
    return np.repeat(units.cell_width[:, None], units.n_cells, axis=1)


def _gain(units: UnitView, _: NodeView) -> IntArray:
    return np.repeat(units.gain_units[:, None], units.n_cells, axis=1)


CELL = (
    UnitRole(
        name="hold",
        about="bias leg that empties a cell's node",
        device="n_mirror",
        path="xm2",
        units=_hold,
        line=Line.RAIL,
    ),
    UnitRole(
        name="width",
        about="bias leg whose current the feedback pair gives back to a set cell's node",
        device="n_mirror",
        path="xm8",
        units=_width,
        line=Line.RAIL,
    ),
    UnitRole(
        name="feedback_diode",
        about="diode of a cell's feedback pair",
        device="p_cell",
        path="xm7",
        units=_one,
        carried=Carried.FEEDBACK,
    ),
    UnitRole(
        name="feedback",
        about="device of a cell's feedback pair that feeds its node",
        device="p_cell",
        path="xm9",
        units=_one,
        carried=Carried.FEEDBACK,
    ),
    UnitRole(
        name="gain",
        about="bias leg that a set cell passes on to the state's node",
        device="n_mirror",
        path="xm5",
        units=_gain,
        line=Line.RAIL,
        output=True,
        parameter="alpha",
        realised=lambda settings: settings.alpha,
    ),
)
"""Paths are inside the cell."""


def copies_of_candidate(units: UnitView, candidate: NodeView) -> IntArray:
    """Return the unit devices (n_units,) of a copy as large as the candidate's diode."""
    return np.full(units.n_units, candidate.units, dtype=np.int64)
