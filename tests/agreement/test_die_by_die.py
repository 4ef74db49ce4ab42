"""A die's cells in ngspice are off the nominal ones as the behavioral array says."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.lab.die_by_die import DieByDie
from mru_hw.lab.store import Store
from mru_hw.technology import load_technology
from mru_hw.variation import draw_die, nominal_die

DIES = (3, 4, 5)
FOLDS = ("falling edge", "quiescent current", "memory supply, 0 cells")
"""What spreads by 5 to 10 %; the rest spreads by 1 to 3 %."""


@pytest.mark.parametrize("name", ["ladder", "loop"])
def test_a_die_is_off_as_the_array_says(name: str) -> None:
    bench = DieByDie(load_technology("generic180"), Store(None))
    # Where the strobe begins to step: what the calibration found, for a nominal run of its own
    # takes longer than all of this.
    bench.trips = {"u_V": bench.calibration.v_trip_up, "d_V": bench.calibration.v_trip_down}
    cell = bench.ladder if name == "ladder" else bench.loop
    rows = [*bench.batch(cell, -1, 1), *bench.batch(cell, DIES[0], len(DIES))]
    assert {row["status"] for row in rows} == {RunStatus.DONE.name}
    nominal = rows[0]["values"]
    usual = bench.behavioral(cell, nominal_die(cell.design))
    assert nominal.keys() == usual.keys()
    for die, row in zip(DIES, rows[1:], strict=True):
        law = bench.behavioral(cell, draw_die(cell.design, die))
        for what, value in row["values"].items():
            # Near its fold a loop's node leaves the supply, which the array does not follow.
            if what.endswith("in the middle"):
                continue
            assert usual[what] == pytest.approx(nominal[what], rel=0.05), what
            array, found = law[what] / usual[what] - 1, value / nominal[what] - 1
            atol = 8e-3 if what.startswith(FOLDS) else 1.5e-3
            np.testing.assert_allclose(found, array, rtol=0.08, atol=atol, err_msg=what)
