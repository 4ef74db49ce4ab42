"""Clocked units: a ladder of 2K cells (CMRU) or one cell (BMRU), stepped at a strobe.

A comparator a side weighs a copy of the candidate's rail against a bias leg, the threshold; the
step control of ``circuits/step_control`` opens the gates of ``circuits/ladder_cell`` by what it
says (docs/decisions/0022-nested-phases.md). With a threshold from the input the window comparator
takes its place (`mru_hw.circuits.window.roles`).
"""

from __future__ import annotations

from dataclasses import replace

from mru_hw.circuits.base import Carried, Line
from mru_hw.circuits.cell.roles import CELL, copies_of_candidate
from mru_hw.circuits.units import Load, StuckPart, UnitRole

VIEWS = ("step_control", "ladder_cell", "inverter", "phase_tap", "strobe_driver")

UP_COPY = UnitRole(
    name="up_copy",
    about="copy of the candidate that is compared for a step up",
    device="n_mirror",
    path="xstep.xu2",
    units=copies_of_candidate,
    carried=Carried.RISING,
    reads="sink_plus",
    drains=("up",),
)
DOWN_COPY = UnitRole(
    name="down_copy",
    about="copy of the candidate that is compared for a step down",
    device="p_mirror",
    path="xstep.xd1",
    units=copies_of_candidate,
    carried=Carried.FALLING,
    reads="source_minus",
    drains=("down",),
    signed=True,
)
LADDER_CELL = tuple(replace(role, path=f"xc{{cell}}.{role.path}") for role in CELL)

COMPARATORS = {
    "up": (Load(device="p_logic", part="gate"),),
    "down": (Load(device="n_logic", part="gate"),),
}
"""The comparators' nodes; the strobed gates behind them."""

ROLES = (
    UnitRole(
        name="up_threshold",
        about="bias leg that is the threshold of a step up",
        device="p_mirror",
        path="xstep.xu1",
        units=lambda units, _: units.up_units,
        line=Line.RAIL,
        drains=("up",),
        parameter="beta",
        realised=lambda settings: settings.up,
    ),
    UP_COPY,
    DOWN_COPY,
    UnitRole(
        name="down_threshold",
        about="bias leg that is the threshold of a step down",
        device="n_mirror",
        path="xstep.xd2",
        units=lambda units, _: units.down_units,
        line=Line.RAIL,
        drains=("down",),
        parameter="beta",
        realised=lambda settings: settings.down,
        signed=True,
    ),
    *LADDER_CELL,
)

STUCK = (
    StuckPart(path="xc{cell}.xn", device="n_guard", conducts=(True, False)),
    StuckPart(path="xc{cell}.xp", device="p_guard", conducts=(False, True)),
    StuckPart(path="xc{cell}.xs3", device="p_guard", conducts=(False, False)),
    StuckPart(path="xc{cell}.xr3", device="n_guard", conducts=(False, False)),
)
"""With the set and the reset path open, nothing works against the device that holds the cell."""
