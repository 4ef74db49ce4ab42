"""Noise of decisions: what counts, what is shared, and that lazy draws decide like eager ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.lab.chip_noise import Decision, array_of, law_at, walked
from mru_hw.lab.networks import unit_model
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.decision_noise import DecisionNoise, NoiseLaw, noise_gains
from mru_hw.simulate.noise_draw import OF_BIAS, OF_NODES, OF_UNIT, Part
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import CHARGE
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import NoiseKey
from tests.networks import draw_inputs, draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
NOMINAL = nominal_conditions(TECHNOLOGY)
CELLS: list[tuple[str, dict[str, Any]]] = [
    ("cmru", {"levels": 2}),
    ("cmru", {"levels": 3, "threshold": "input", "skip": "matrix"}),
    ("cmru", {"levels": 1, "rectify_input": True, "rectify_output": True, "skip": 1}),
    ("bmru", {"threshold": "input"}),
    ("fq_bmru", {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}),
    ("fq_bmru", {"rectify_candidate": True, "threshold": "input", "skip": 1}),
]


def noise_of(chip: Chip, **law: Any) -> tuple[Any, DecisionNoise]:
    array = array_of(chip, NOMINAL)
    constants = NoiseLaw.of(chip.design, chip.calibration, NOMINAL.temperature, 1.0)
    noise = DecisionNoise(
        law=dataclasses.replace(constants, **law),
        gains=noise_gains(array),
        key=NoiseKey.of(0, 0),
        sequences=np.arange(1),
        lazy=False,
    )
    return array, noise


def spread(part: Part) -> Any:
    assert part.path is not None
    return part.path


def parts_of(array: Any, noise: DecisionNoise, x: float) -> dict[int, float]:
    """Variance by kind of draws of a unit at its rising threshold."""
    _, heard = walked(array, noise, [x])
    memory = array.memories[0]
    up, down = memory.thresholds()
    parts = noise.parts(array, memory, heard, np.array(up), (up, down))
    found = {OF_UNIT: 0.0, OF_BIAS: 0.0, OF_NODES: 0.0}
    for part in parts:
        found[part.kind] += float(np.broadcast_to(part.variance(), up.shape)[0, 0, 0])
    return found


def test_fourteen_devices_of_one_unit_count() -> None:
    """Two nodes of a diode and a flip and a leg each, the candidate, the comparator, the bias."""
    chip = Chip(unit_model(2), TECHNOLOGY)
    array, noise = noise_of(chip, flicker=0.0, white=2 * CHARGE)
    still = {name: 0 * corner for name, corner in noise.law.corners.items()}
    bias = 3 / chip.design.buses["bias"].scale, 0.0
    law = dataclasses.replace(noise.law, corners=still, bias=bias)
    noise = dataclasses.replace(noise, law=law)
    threshold = float(array.memories[0].up[0, 0, 0]) * chip.design.buses["c0"].scale
    found = parts_of(array, noise, threshold)
    one = 2 * CHARGE * threshold * float(law.bandwidth[0][0, 0, 0])
    # Diode, copy, threshold; one leg and its flip's two devices. Shared: the diode of the node that
    # it reads, and the input's leg, flip and diode. Gains of whole chains are not quite one.
    assert found[OF_UNIT] / one == pytest.approx(6, rel=0.05)
    assert found[OF_NODES] / one == pytest.approx(5, rel=0.05)
    assert found[OF_BIAS] / one == pytest.approx(3, rel=0.05)
    assert sum(found.values()) / one == pytest.approx(14, rel=0.03)


def test_noise_falls_to_the_units_own_where_no_signal_comes() -> None:
    chip = Chip(unit_model(2), TECHNOLOGY)
    array, noise = noise_of(chip)
    loud, still = (parts_of(array, noise, x) for x in (2e-9, 1e-15))
    assert still[OF_NODES] < 0.03 * loud[OF_NODES]
    assert still[OF_BIAS] == loud[OF_BIAS]
    assert 0.3 * loud[OF_UNIT] < still[OF_UNIT] < loud[OF_UNIT]


def test_a_rectifier_that_is_off_passes_no_noise() -> None:
    spec = make_spec("cmru", 1, levels=1, rectify_input=True)
    chip = Chip(draw_model(spec, 3), TECHNOLOGY)
    array, noise = noise_of(chip)
    rails, heard = walked(array, noise, [0.0] * spec.n_in)
    off = [
        number
        for number, node in enumerate(array.rows)
        if node.circuit.copied and node.i_q is None and number in heard
    ]
    assert off
    for number in off:
        nothing = rails[number].plus == 0
        shared = heard[number].shared
        assert not shared.white[nothing].any()
        assert not shared.flicker[nothing].any()


def test_units_that_read_a_node_or_the_bias_rail_move_together() -> None:
    model = draw_model(make_spec("cmru", 1, levels=2), 3)
    rows = {name: value.copy() for name, value in model.tensors.items()}
    rows["layers.0.candidate.weight"][:] = rows["layers.0.candidate.weight"][:1]
    chip = Chip(dataclasses.replace(model, tensors=rows), TECHNOLOGY)
    x = np.tile(draw_inputs(model.spec.n_in, 8, n_seq=1, n_time=1).x, (4000, 1, 1))

    def moved(noise: NoiseRun | None) -> Any:
        run = simulate_behavioral(
            chip.design, chip.calibration, make_inputs(x), [chip.die(None)], noise=noise
        )
        return run.trace.candidates[0][0][:, 0]

    noise = moved(NoiseRun(seed=1)) - moved(None)
    array, law = noise_of(chip)
    rails, heard = walked(array, law, x[0, 0] * chip.design.buses["x"].scale)
    memory = array.memories[0]
    c, _ = array.rows[memory.units.candidate].receive(rails)
    parts = law.parts(array, memory, heard, c, memory.thresholds())
    shape = c.shape
    own = np.broadcast_to(parts[0].variance(), shape)[:, 0, 0]
    total = sum(np.broadcast_to(part.variance(), shape)[:, 0, 0] for part in parts)
    scale = chip.design.buses["c0"].scale
    np.testing.assert_allclose(noise.var(axis=0) * scale**2, total, rtol=0.1)
    found = np.corrcoef(noise.T)
    shared = sum(
        np.einsum(
            "ijts,kjts,jts->ik",
            *(np.broadcast_to(spread(part), (shape[0], len(part.fresh), *shape[1:])),) * 2,
            np.broadcast_to(part.fresh**2 + part.held**2, (len(part.fresh), *shape[1:])),
        )
        for part in parts[1:]
    )
    wanted = (shared + np.diag(own)) / np.sqrt(np.outer(total, total))
    np.testing.assert_allclose(found, wanted, atol=0.07)
    assert wanted[np.triu_indices(len(wanted), 1)].max() > 0.15


@pytest.mark.parametrize("kernel", ["numba", "numpy"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("cell", "keys"), CELLS)
def test_lazy_draws_decide_like_eager_ones(
    cell: str, keys: dict[str, Any], dtype: Any, kernel: str
) -> None:
    chip = Chip(draw_model(make_spec(cell, **keys), 3), TECHNOLOGY)
    inputs = draw_inputs(chip.design.spec.n_in, 4, n_seq=60, n_time=30)
    dies = [chip.die(seed) for seed in (1, 2)]
    for scale in (1.0, 10.0):
        runs = [
            simulate_behavioral(
                chip.design,
                chip.calibration,
                inputs,
                dies,
                noise=NoiseRun(seed=2, scale=scale),
                dtype=dtype,
                keep_all=keep,
                kernel=kernel,
            )
            for keep in (True, False)
        ]
        eager, lazy = runs
        np.testing.assert_array_equal(eager.trace.decision, lazy.trace.decision)
        # Energy follows every state in every frame.
        np.testing.assert_array_equal(eager.supply.static, lazy.supply.static)
        np.testing.assert_array_equal(eager.supply.switching, lazy.supply.switching)


@pytest.mark.parametrize(("x", "times"), [(1.0, 1.2), (0.1, 0.9)])
def test_more_signal_is_more_noise(x: float, times: float) -> None:
    chip = Chip(unit_model(2), TECHNOLOGY)
    decision = Decision(chip=chip, conditions=NOMINAL, layer=0, unit=0, x=(x * 1e-9,))
    assert law_at(decision)["white"] > times * 1e-12
