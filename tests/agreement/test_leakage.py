"""A hot chip in ngspice: what its off rails leak is known to the array."""

from __future__ import annotations

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import checked_conditions


@pytest.mark.parametrize(
    ("name", "corner", "bound"), [("generic180", "ff", 0.04), ("sky130", "tt", 0.1)]
)
def test_a_hot_candidate_is_short_of_what_its_legs_leak(
    name: str, corner: str, bound: float
) -> None:
    """Two nodes between input and candidate, 85 degC; without leakage 0.1 and 0.28 off."""
    shapes = {"n_in": 1, "n_hidden": 1, "n_classes": 1, "frame_period": "10 ms"}
    layer = {"cell": "cmru", "n_units": 1, "n_out": 1, "levels": 2}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {key: np.ones(shape) for key, shape in spec.tensor_shapes().items()}
    tensors |= {key: 0 * t for key, t in tensors.items() if key.endswith((".bias", "_state"))}
    tensors["layers.0.alpha"] = np.full(1, 0.5)
    technology = load_technology(name)
    chip = Chip(Model(spec=spec, tensors=tensors), technology)
    x = np.array([1.8, 0.5, -0.5, -1.8, 0.8, -0.8])
    inputs = make_inputs(x[None, :, None])
    conditions = checked_conditions(
        technology, corner=corner, temperature=85.0, v_dd=technology.v_dd
    )
    spice = simulate_spice(chip.design, chip.calibration, inputs, conditions=conditions, workers=1)
    assert spice.status == (RunStatus.DONE,)
    wanted = spice.trace.candidates[0][0, :, 0]
    assert np.mean(np.abs(x) - np.abs(wanted)) > 0.08
    for timing in ("settled", "timed"):
        found = run_level(
            chip, inputs, level="behavioral", conditions=conditions, timing=timing
        ).trace.candidates[0][0, :, 0]
        assert np.max(np.abs(found - wanted)) < bound
