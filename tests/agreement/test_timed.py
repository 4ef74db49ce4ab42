"""What `settled` cannot know and `timed` does: loops that keep what passes by, in ngspice."""

from __future__ import annotations

import numpy as np

from mru_hw.errors import RunStatus
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.networks import draw_model, make_spec, with_even_settings


def test_loops_lose_in_ngspice_most_of_the_bits_that_they_lose_timed() -> None:
    """Six loops on an input that crosses zero: on its way a candidate dips below a threshold.

    The frames are long, so no settled candidate asks for any of these steps, and all of them lie
    far from a threshold.
    """
    rectify = dict.fromkeys(("rectify_input", "rectify_candidate", "rectify_output"), True)
    spec = make_spec("fq_bmru", 1, **rectify)
    model = with_even_settings(draw_model(spec, 3), 3)
    technology = load_technology("generic180")
    chip = Chip(model, technology)
    way = np.sin(np.linspace(0, 4 * np.pi, 40))[None, :, None] * [2.5, -2.0, 1.7, 2.2]
    # How deep a dip goes depends on the slope: some pass a threshold by next to nothing.
    inputs = make_inputs(np.concatenate([0.8 * way, way, 1.2 * way]))
    conditions = nominal_conditions(technology)
    spice = simulate_spice(chip.design, chip.calibration, inputs, conditions=conditions, workers=1)
    assert spice.status == (RunStatus.DONE,) * 3
    settled, timed = (
        run_level(chip, inputs, level="behavioral", conditions=conditions, timing=timing)
        for timing in ("settled", "timed")
    )
    alpha = chip.mapped.tensors["layers.0.alpha"]
    bits = np.stack([spice.levels[0][k] for k in range(3)])
    without, found = (np.rint(run.trace.states[0] / alpha) for run in (settled, timed))
    assert (bits != without).sum() >= 9
    assert 3 * (bits != found).sum() <= (bits != without).sum()
    assert timed.supply is not None
    ratio = energy(timed.supply).total / spice.trace.energy_J
    assert np.all(np.abs(ratio - 1) < 0.03)
