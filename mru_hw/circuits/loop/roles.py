"""The nine-transistor hysteretic loop as FQ-BMRU unit (arXiv 2605.07936).

The node V0 gains the candidate's copy and loses I_thresh (hold); once high it gains I_width back
through the pair M9 : M7. Its edges: `mru_hw.circuits.loop.edges`. Its deck:
``circuits/hysteretic_cell``.
"""

from __future__ import annotations

from dataclasses import replace

from mru_hw.circuits.base import Carried, IntArray, NodeView
from mru_hw.circuits.cell.roles import CELL, copies_of_candidate
from mru_hw.circuits.units import Load, StuckPart, UnitRole, UnitView


def _threshold(units: UnitView, _: NodeView) -> IntArray:
    return units.up_units[:, None]


_HOLD, _WIDTH, _DIODE, _FEEDBACK, _GAIN = CELL

COPY_PLUS = UnitRole(
    name="copy_plus",
    about="copy of the candidate's plus rail that feeds the loop's node",
    device="p_mirror",
    path="xm1",
    units=copies_of_candidate,
    carried=Carried.CANDIDATE,
    reads="source_plus",
    drains=("loop",),
)
COPY_MINUS = UnitRole(
    name="copy_minus",
    about="copy of the candidate's minus rail that empties the loop's node",
    device="n_mirror",
    path="",
    units=copies_of_candidate,
    carried=Carried.CANDIDATE,
    reads="sink_minus",
    drains=("loop",),
    signed=True,
    beside="xum",
)

ROLES = (
    COPY_PLUS,
    COPY_MINUS,
    # What is left of the threshold where the loop falls is beta; the width is delta.
    replace(
        _HOLD,
        units=_threshold,
        drains=("loop",),
        parameter="beta",
        realised=lambda settings: settings.down,
    ),
    replace(_WIDTH, parameter="delta", realised=lambda settings: settings.up - settings.down),
    replace(_DIODE, gates=("feedback",), drains=("feedback",)),
    replace(_FEEDBACK, gates=("feedback",), drains=("loop",)),
    _GAIN,
)
INNER = {
    # Its followers and its two reset switches.
    "loop": (
        Load(device="n_cell", part="gate", count=2),
        Load(device="n_switch", part="drain"),
        Load(device="p_switch", part="drain"),
    ),
    "feedback": (Load(device="n_cell", part="drain"),),
}

STUCK = (
    StuckPart(path="xn", device="n_switch", conducts=(True, False)),
    StuckPart(path="xp", device="p_switch", conducts=(False, True)),
)
"""What the cell's node gets from its candidate and its feedback is far below what these carry."""
