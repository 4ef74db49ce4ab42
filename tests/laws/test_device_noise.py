"""Noise of devices at the level behavioral: its size, and what of it lasts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.simulate.behavioral import NoiseRun
from mru_hw.simulate.decision_noise import NoiseLaw, decision_capacitance
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from tests.laws.chips import TECHNOLOGY, make_chip, run
from tests.networks import draw_inputs


def candidates_noise(chip: Chip, inputs: Inputs, seed: int, scale: float) -> Any:
    noise = NoiseRun(seed=seed, scale=scale)
    quiet = run(chip, inputs, kernel="numpy").trace.candidates[0]
    loud = run(chip, inputs, kernel="numpy", noise=noise).trace.candidates[0]
    return (loud - quiet)[0][inputs.valid()]


def test_noise_grows_with_its_scale_and_has_the_size_of_its_law() -> None:
    chip = make_chip("cmru", levels=2)
    inputs = draw_inputs(4, 8, n_seq=80, n_time=20)
    one, two = (candidates_noise(chip, inputs, 1, s) for s in (1.0, 2.0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6, atol=1e-12)
    assert np.any(candidates_noise(chip, inputs, 2, 1.0) != one)
    assert not candidates_noise(chip, inputs, 1, 0.0).any()
    # No less than the comparator alone and, at these currents, no more than some percent.
    q, i = 1.602e-19, 1e-9
    cal = chip.calibration
    placed = decision_capacitance(chip.design, cal, chip.design.banks[0])
    assert np.all((placed > 2e-14) & (placed < 5e-13))
    bandwidth = (cal.n.conductance + cal.p.conductance) * i / (4 * placed.mean())
    least = np.sqrt(2 * 2 * q * i * bandwidth) / chip.design.buses["c0"].scale
    assert least < one.std() < 20 * least
    # The draws have no preferred sign.
    assert abs(one.mean()) < 0.2 * one.std()


def test_the_slowest_noise_counts_as_an_offset_however_long_a_frame_is() -> None:
    """Below a millihertz all is mismatch: frames of 20 minutes and of 14 hours hear the same."""
    laws = []
    for frame in (1200.0, 50_000.0):
        chip = make_chip("cmru", levels=2)
        timing = dataclasses.replace(chip.design.timing, frame=frame)
        design = dataclasses.replace(chip.design, timing=timing)
        laws.append(NoiseLaw.of(design, chip.calibration, 27.0, 1.0))
    for law in laws:
        assert law.slow == 0.0
        assert np.all(law.fast[0] > 0)
        np.testing.assert_array_equal(law.fast[0], laws[0].fast[0])


def test_flicker_noise_holds_over_a_sequence_and_white_noise_does_not() -> None:
    chip = make_chip("cmru", levels=2)
    inputs = make_inputs(np.zeros((200, 20, 4)))

    def held_and_fresh(flicker: float) -> tuple[float, float]:
        sizes = TECHNOLOGY.flicker.model_copy(update={"k_n": flicker, "k_p": flicker})
        technology = TECHNOLOGY.model_copy(update={"flicker": sizes})
        design = dataclasses.replace(chip.design, technology=technology)
        changed = dataclasses.replace(chip, design=design)
        noise = candidates_noise(changed, inputs, 3, 1.0).reshape(200, 20, 6)
        mean = noise.mean(axis=1, keepdims=True)
        return float(mean.std()), float((noise - mean).std())

    held, fresh = held_and_fresh(1e-40)
    # The mean of 20 independent draws.
    assert held == pytest.approx(fresh / np.sqrt(19), rel=0.1)
    held_by_flicker, rest = held_and_fresh(1e-21)
    assert held_by_flicker > 0.5 * rest
    assert held_by_flicker > 10 * held
