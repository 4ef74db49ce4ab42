"""Clocked units with thresholds from the input as the catalogue has them."""

from __future__ import annotations

from mru_hw.circuits.ladder.deck import ladder_cells, ladder_elements, ladder_nets
from mru_hw.circuits.ladder.law import ladder_falls, ladder_law
from mru_hw.circuits.ladder.roles import COMPARATORS, STUCK, VIEWS
from mru_hw.circuits.units import UnitCircuit
from mru_hw.circuits.window.law import no_thresholds
from mru_hw.circuits.window.roles import ROLES

WINDOW = UnitCircuit(
    name="window",
    views=(*VIEWS, "window_comparator"),
    clocked=True,
    roles=ROLES,
    thresholds=("up_plus", "down_plus"),
    inner=COMPARATORS,
    cells=ladder_cells,
    elements=ladder_elements,
    nets=ladder_nets,
    falls=ladder_falls,
    law=ladder_law,
    nominal_thresholds=no_thresholds,
    stuck=STUCK,
)
