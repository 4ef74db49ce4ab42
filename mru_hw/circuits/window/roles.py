"""The window comparator: clocked units whose threshold is a current of the network.

It weighs a copy of the candidate's rail against copies of both rails of the threshold's node and
of the candidate's other rail (``circuits/window_comparator``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mru_hw.circuits.base import Carried, IntArray, NodeView
from mru_hw.circuits.ladder.roles import DOWN_COPY, LADDER_CELL, UP_COPY
from mru_hw.circuits.units import UnitRole, UnitView


def _copy(
    name: str, device: str, path: str, reads: str, *, opposite: bool = False, signed: bool = False
) -> UnitRole:
    def units(row: UnitView, _: NodeView) -> IntArray:
        assert row.window is not None
        return np.full(row.n_units, row.window[name], dtype=np.int64)

    return UnitRole(
        name=name,
        device=device,
        path=f"xstep.{path}",
        units=units,
        carried=Carried.CANDIDATE if opposite else Carried.THRESHOLD,
        reads=reads,
        of_threshold=not opposite,
        drains=(name.split("_", maxsplit=1)[0],),
        signed=signed,
    )


COPIES = (
    _copy("up_plus", "p_mirror", "xu1", "source_plus"),
    _copy("up_minus", "p_mirror", "xu3", "source_minus"),
    _copy("up_opposite", "p_mirror", "xu4", "source_minus", opposite=True, signed=True),
    _copy("down_plus", "n_mirror", "xd2", "sink_plus", signed=True),
    _copy("down_minus", "n_mirror", "xd3", "sink_minus", signed=True),
    _copy("down_opposite", "n_mirror", "xd4", "sink_plus", opposite=True, signed=True),
)
"""Copies of the threshold's rails, and of the candidate's other rail."""

ROLES = (
    replace(UP_COPY, carried=Carried.CANDIDATE),
    replace(DOWN_COPY, carried=Carried.CANDIDATE),
    *COPIES,
    *LADDER_CELL,
)
