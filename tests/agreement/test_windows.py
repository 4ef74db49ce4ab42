"""Thresholds that come from the input, in ngspice, against the level ideal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.mapping.realised import quiescent_current
from mru_hw.model.network import Model
from mru_hw.simulate.causes import Cause
from mru_hw.simulate.disagreement import explain, step_rules
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.simulate.spice_level import simulate_spice
from mru_hw.simulate.steps import judge_steps
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import two_windows, two_windows_of_bits

SURE = 0.05  # of the threshold


@pytest.mark.parametrize(
    ("make", "technology", "n_frames"),
    [
        (two_windows, "generic180", 8),
        (two_windows, "sky130", 5),
        (two_windows_of_bits, "generic180", 8),
    ],
    ids=["cmru-generic180", "cmru-sky130", "bmru-generic180"],
)
def test_every_sure_step_follows_the_ideal_level(
    make: Callable[[], Model], technology: str, n_frames: int
) -> None:
    chip = Chip(make(), load_technology(technology))
    inputs = make_inputs(np.random.default_rng(1).normal(size=(1, n_frames, 2)))
    conditions = nominal_conditions(chip.design.technology)
    result = simulate_spice(
        chip.design,
        chip.calibration,
        inputs,
        conditions=conditions,
        time_limit_s=300,
    )
    assert result.status == (RunStatus.DONE,)
    ideal = simulate_ideal(chip.mapped, inputs)
    t, bank = chip.mapped.tensors, chip.design.banks[0]
    v = inputs.x[0] @ t["input.weight"].T + t["input.bias"]
    b = v @ t["layers.0.threshold.weight"].T + t["layers.0.threshold.bias"]
    node = chip.design.buses["b0"]
    i_q = quiescent_current(node, chip.design.i_lsb, chip.calibration) / node.scale
    c, beta = ideal.candidates[0][0], np.abs(b)
    # Software has no quiescent floor: between |b| and what the circuit makes of it either is right.
    sure = (np.abs(c) < (1 - SURE) * beta) | (np.abs(c) > (1 + SURE) * np.hypot(b, 2 * i_q))
    assert sure.sum() >= 0.7 * sure.size
    assert {True, False} <= set((np.abs(c) > beta)[sure])
    levels = result.levels[0][0]
    before = np.concatenate([t["layers.0.initial_state"][None], levels[:-1]])
    step = np.where(np.abs(c) >= beta, np.sign(c), 0.0)
    wanted = np.clip(before + bank.memory.spacing * step, -bank.levels, bank.levels)
    np.testing.assert_array_equal(levels[sure], wanted[sure])
    # The others are found, and explained by the circuit's own thresholds.
    rules = step_rules(chip.mapped, chip.design, chip.calibration, chip.die(None), conditions)
    records = explain(result, chip.mapped, chip.design, rules, inputs, ideal)
    wrong = [(int(f), int(u)) for f, u in np.argwhere(levels != wanted)]
    assert [(r.frame, r.unit) for r in records] == wrong
    assert {r.cause for r in records} <= {Cause.THRESHOLD}
    pairs = [(result.quantised(chip.mapped)[0][0], c)]
    steps = judge_steps(chip.mapped, chip.design, 0, pairs, thresholds=[beta])
    assert len(steps.wrong) == len(wrong)
