"""Gains of either sign: a state has the sign that the trained network gives it, at every level."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import one_unit


@pytest.mark.parametrize("level", ["ideal", "behavioral", "spice"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_state_has_the_sign_of_its_gain(level: str, sign: int) -> None:
    model = one_unit()
    alpha = sign * np.abs(model.tensors["layers.0.alpha"])
    model = dataclasses.replace(model, tensors=dict(model.tensors) | {"layers.0.alpha": alpha})
    technology = load_technology("generic180")
    inputs = make_inputs(np.array([2.0, 2.0, -2.0, -2.0, -2.0])[None, :, None])
    wanted = simulate_ideal(model, inputs)
    found = run_level(
        Chip(model, technology),
        inputs,
        level=level,
        conditions=nominal_conditions(technology),
    ).trace
    near = 0.1 * np.abs(wanted.states[0]).max()
    assert found.output is not None
    assert wanted.output is not None
    np.testing.assert_allclose(found.states[0], wanted.states[0], atol=near)
    np.testing.assert_allclose(found.output, wanted.output, atol=near)
    assert len(np.unique(np.sign(wanted.states[0]))) == 3
