"""Clocked units with fixed thresholds as the catalogue has them."""

from __future__ import annotations

from mru_hw.circuits.ladder.deck import ladder_cells, ladder_elements, ladder_nets
from mru_hw.circuits.ladder.law import ladder_falls, ladder_law, ladder_thresholds
from mru_hw.circuits.ladder.roles import COMPARATORS, ROLES, STUCK, VIEWS
from mru_hw.circuits.units import UnitCircuit

LADDER = UnitCircuit(
    name="ladder",
    views=VIEWS,
    clocked=True,
    roles=ROLES,
    thresholds=("up_threshold", "down_threshold"),
    inner=COMPARATORS,
    cells=ladder_cells,
    elements=ladder_elements,
    nets=ladder_nets,
    falls=ladder_falls,
    law=ladder_law,
    nominal_thresholds=ladder_thresholds,
    stuck=STUCK,
)
