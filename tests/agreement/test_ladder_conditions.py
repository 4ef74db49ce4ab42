"""A unit's steps at the ends of temperature and supply, in ngspice: each comes, once."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.mapping import map_model
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import Conditions
from tests.agreement.networks import one_unit

# Over the threshold: the first step after reset, past both ends, twice as fast back, and within.
CANDIDATES = np.array([2, 2, 2, 0.9, -2, -2, -2, -2, -2, 0, 5, 5, -5, -5, -0.9, 2.0])


@pytest.mark.parametrize(
    "corner", [("ff", 125.0, 1.98), ("sf", 125.0, 1.98), ("ss", -40.0, 1.62), ("fs", -40.0, 1.62)]
)
def test_every_step_comes_once(corner: tuple[str, float, float]) -> None:
    technology = load_technology("generic180")
    design = map_model(one_unit(), technology, load_calibration(technology))
    at = Conditions(corner=corner[0], temperature=corner[1], v_dd=corner[2])
    currents = CANDIDATES * design.buses["c0"].scale
    bench = make_unit_bench(design, 0, 0, currents, at, options=OPTIONS)
    waves = Runner(Limits(time_s=120)).run(bench.deck)
    set_cells = read_unit(design, 0, 0, bench, waves).end[:, 0, :]
    level = set_cells.sum(axis=1) - 2
    wanted: list[int] = []
    for c in CANDIDATES:
        before = wanted[-1] if wanted else 0
        wanted.append(int(np.clip(before + np.sign(c) * (abs(c) >= 1), -2, 2)))
    np.testing.assert_array_equal(level, wanted)
    assert not np.any(set_cells[:, 1:] & ~set_cells[:, :-1])
