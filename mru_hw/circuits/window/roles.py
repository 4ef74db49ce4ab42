"""The window comparator: clocked units whose threshold is a current of the network.

It weighs a copy of the candidate's rail against copies of both rails of the threshold's node and
of the candidate's other rail (``circuits/window_comparator``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, NodeView
from mru_hw.circuits.ladder.roles import DOWN_COPY, LADDER_CELL, UP_COPY
from mru_hw.circuits.legs.roles import SINK_MINUS, SINK_PLUS, SOURCE_MINUS, SOURCE_PLUS, Leg
from mru_hw.circuits.units import UnitRole, UnitView


def _copy(
    drain: str, copied: str, leg: Leg, path: str, *, opposite: bool = False, signed: bool = False
) -> UnitRole:
    name = f"{drain}_{copied}"
    rail = "candidate's other rail" if opposite else f"threshold's {copied} rail"

    def units(row: UnitView, _: NodeView) -> IntArray:
        assert row.window is not None
        return np.full(row.n_units, row.window[name], dtype=np.int64)

    return UnitRole(
        name=name,
        about=f"copy of the {rail} that is compared for a step {drain}",
        device=leg.device,
        path=f"xstep.{path}",
        units=units,
        carried=Carried.CANDIDATE if opposite else Carried.THRESHOLD,
        reads=leg.role,
        of_threshold=not opposite,
        drains=(drain,),
        signed=signed,
    )


COPIES = (
    _copy("up", "plus", SOURCE_PLUS, "xu1"),
    _copy("up", "minus", SOURCE_MINUS, "xu3"),
    _copy("up", "opposite", SOURCE_MINUS, "xu4", opposite=True, signed=True),
    _copy("down", "plus", SINK_PLUS, "xd2", signed=True),
    _copy("down", "minus", SINK_MINUS, "xd3", signed=True),
    _copy("down", "opposite", SINK_PLUS, "xd4", opposite=True, signed=True),
)
"""Copies of the threshold's rails, and of the candidate's other rail."""

ROLES = (
    replace(UP_COPY, carried=Carried.CANDIDATE),
    replace(DOWN_COPY, carried=Carried.CANDIDATE),
    *COPIES,
    *LADDER_CELL,
)
