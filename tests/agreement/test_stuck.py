"""A reference that is off and stuck cells mean one thing in the array and in ngspice."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.model.network import Model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.simulate.timed import simulate_timed
from mru_hw.stimulus import make_inputs
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import loops

STUCK = np.array([[0, 0, 1, -1], [0, -1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], np.int8)
"""Gaps and islands of a ladder of four cells, in three of four units."""


def ladder() -> Model:
    """Four units of five levels that all see the input."""
    model = loops("bmru", [0.5] * 4)
    spec = model.spec.model_dump()
    spec["layers"] = [spec["layers"][0] | {"cell": "cmru", "levels": 2}]
    tensors = dict(model.tensors) | {"layers.0.initial_state": np.zeros(4)}
    return Model(spec=type(model.spec).model_validate(spec), tensors=tensors)


@pytest.mark.parametrize(
    ("model", "x", "keys"),
    [
        (ladder(), [0, 1.2, 1.2, 1.2, -1.2, -1.2, -1.2, -1.2, 1.2, 0.1], {"stuck": {0: STUCK}}),
        (ladder(), [0, 1.2, 1.2, 1.2, -1.2, -1.2, -1.2, -1.2, 1.2, 0.1], {"reference": -0.1}),
        (
            loops("fq_bmru", [0.5] * 3, [0.5] * 3),
            [0.7, 1.6, 0.7, 0.1, 0.7, 1.6],
            {"stuck": {0: np.array([[0, 1, -1]], np.int8)}},
        ),
    ],
    ids=["stuck ladder cells", "reference", "stuck loops"],
)
def test_the_array_does_as_ngspice(model: Model, x: list[float], keys: dict[str, Any]) -> None:
    """Levels at every frame, and the energy within 2 %."""
    chip, inputs = Chip(model), make_inputs(np.array(x)[None, :, None])
    die = dataclasses.replace(chip.die(1), **keys)
    conditions = nominal_conditions(chip.design.technology)
    what = chip.design, chip.calibration, inputs
    found = simulate_spice(*what, conditions=conditions, die=die)
    for run in (simulate_behavioral(*what, [die]), simulate_timed(*what, [die])):
        apart = np.abs(found.trace.states[0][0] - run.trace.states[0][0, 0])
        assert apart.max() < 0.1  # of a step of 0.5
        total = energy(run.supply.single_die()).total
        np.testing.assert_allclose(total, found.trace.energy_J, rtol=0.02)
