"""Wires in ngspice: candidates come later, and strobes cost more, as the array says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.wire_load import NO_WIRES, WireLoad
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip, run_level
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import one_unit

FRAME = 2e-4  # s, far shorter than what settles: the strobes trace the candidate's way
BEFORE, AFTER = 4, 24  # frames at the first input, and at the second
HEAVY = WireLoad(per_leg=400e-15)


def delay(candidate: NDArray[np.float64]) -> float:
    """Return how many frames after the input's step the candidate is half-way, interpolated."""
    way = candidate[BEFORE - 1 :]
    left = way - (way[0] + way[-1]) / 2
    k = int(np.argmax(left < 0))
    return float(k - 1 + left[k - 1] / (left[k - 1] - left[k]))


def test_a_candidate_is_as_late_and_a_strobe_as_dear_as_in_ngspice() -> None:
    technology = load_technology("generic180")
    conditions = nominal_conditions(technology)
    model = one_unit()
    spec = model.spec.model_validate(model.spec.model_dump() | {"frame_period": FRAME})
    inputs = make_inputs(np.array([2.0] * BEFORE + [0.1] * AFTER)[None, :, None])
    delays, strobes = [], []
    for wires in (NO_WIRES, HEAVY):
        chip = Chip(replace(model, spec=spec), technology, wires=wires)
        spice = run_level(chip, inputs, level="spice", conditions=conditions)
        timed = run_level(chip, inputs, level="behavioral", conditions=conditions, timing="timed")
        assert timed.supply is not None
        static, switching = energy(timed.supply).blocks["clock"]
        delays.append([delay(run.trace.candidates[0][0, :, 0]) for run in (spice, timed)])
        strobes.append([spice.energy_by_block["clock"][0], (static + switching)[0]])
    (seen, said), (seen_late, said_late) = delays
    assert abs(said / seen - 1) < 0.2
    assert abs(said_late / seen_late - 1) < 0.2
    # What the wires alone do, which is far more than the error of either.
    assert seen_late > 1.3 * seen
    assert abs((said_late - said) / (seen_late - seen) - 1) < 0.2
    (spent, counted), (spent_more, counted_more) = strobes
    assert spent_more > 4 * spent
    assert abs((counted_more - counted) / (spent_more - spent) - 1) < 0.2
