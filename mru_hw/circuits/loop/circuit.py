"""The nine-transistor loop as the catalogue has it."""

from __future__ import annotations

from mru_hw.circuits.loop.deck import loop_cells, loop_elements, loop_nets
from mru_hw.circuits.loop.law import loop_falls, loop_law, loop_thresholds
from mru_hw.circuits.loop.roles import INNER, ROLES, STUCK
from mru_hw.circuits.units import UnitCircuit

LOOP = UnitCircuit(
    name="loop",
    views=("hysteretic_cell", "inverter"),
    clocked=False,
    roles=ROLES,
    thresholds=("hold", "width"),
    inner=INNER,
    wired=("loop",),
    cells=loop_cells,
    elements=loop_elements,
    nets=loop_nets,
    falls=loop_falls,
    law=loop_law,
    nominal_thresholds=loop_thresholds,
    stuck=STUCK,
)
