"""The compiled kernel with noise beside the numpy interpreter of the same program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mru_hw.errors import UserError
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral, simulate_noise
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.fast import run as fast
from mru_hw.simulate.fast import source
from mru_hw.simulate.noise_laws import meeting, own_devices, passed, sigma
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.variation import NoiseKey
from mru_hw.variation.noise import normal
from tests.laws.test_kernel import (
    NETWORKS,
    assert_alike,
    drawn_inputs,
    drawn_networks,
    equal_states,
    runs,
)

NOISE = NoiseRun(seed=3)
LOUD = NoiseRun(seed=3, scale=20.0)


def alone(chip: Chip, inputs: Inputs, dies: list[int], **keys: Any) -> BehavioralRun:
    return simulate_behavioral(
        chip.design, chip.calibration, inputs, [chip.die(d) for d in dies], **keys
    )


def assert_same_bits(one: BehavioralRun, other: BehavioralRun) -> None:
    np.testing.assert_array_equal(one.trace.decision, other.trace.decision)
    # Energy follows every state in every frame.
    np.testing.assert_array_equal(one.supply.static, other.supply.static)
    np.testing.assert_array_equal(one.supply.switching, other.supply.switching)


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
@pytest.mark.parametrize("temperature", [27.0, 85.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_cell_and_technology_is_as_noisy_as_in_numpy(
    name: str, temperature: float, technology: str
) -> None:
    """Signed and rectified nodes, cells, windows, loops, skips; the second block is not full."""
    chip = Chip(NETWORKS[name](), load_technology(technology))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70)
    keys: dict[str, Any] = {"noise": LOUD, "sequence_offset": 5}
    numpy, numba = runs(chip, inputs, temperature, **keys)
    assert_alike(numpy, numba, rtol=1e-14)
    quiet, _ = runs(chip, inputs, temperature)
    assert not equal_states(numpy, quiet)
    # Where draws are made only where they can decide, the bits are the same.
    _, lazy = runs(chip, inputs, temperature, keep_all=False, **keys)
    assert_same_bits(lazy, numba)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_random_networks_are_as_noisy_as_in_numpy(data: st.DataObject) -> None:
    try:
        chip = data.draw(drawn_networks())()
    except UserError:
        return  # drawn out of a technology's range
    inputs = drawn_inputs(chip.model.spec.n_in, 5, 12, data.draw(st.integers(0, 99)))
    scale = data.draw(st.sampled_from([0.1, 1.0, 5.0, 100.0]))
    noise = NoiseRun(seed=data.draw(st.integers(0, 2**40)), scale=scale)
    temperature = data.draw(st.sampled_from([0.0, 27.0, 85.0]))
    numpy, numba = runs(chip, inputs, temperature, noise=noise)
    assert_alike(numpy, numba, rtol=1e-14)
    _, lazy = runs(chip, inputs, temperature, noise=noise, keep_all=False)
    assert_same_bits(lazy, numba)


@pytest.mark.parametrize("name", ["skips", "windows", "first quadrant", "a long ladder"])
@pytest.mark.parametrize("noise", [NOISE, LOUD])
def test_lazy_draws_decide_like_eager_ones_in_single_precision(name: str, noise: NoiseRun) -> None:
    chip = Chip(NETWORKS[name](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=100, n_time=40)
    keys: dict[str, Any] = {"noise": noise, "dtype": np.float32, "kernel": "numba"}
    eager, lazy = (alone(chip, inputs, [1, 2], keep_all=keep, **keys) for keep in (True, False))
    assert_same_bits(eager, lazy)
    numpy = alone(chip, inputs, [1, 2], keep_all=False, **keys | {"kernel": "numpy"})
    np.testing.assert_array_equal(numpy.trace.decision, lazy.trace.decision)
    mean, found = (run.supply.static.mean(axis=1) for run in (numpy, lazy))
    np.testing.assert_allclose(found, mean, rtol=1e-6)


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
@pytest.mark.parametrize("name", NETWORKS)
def test_scales_that_run_together_have_the_bits_of_each_alone(name: str, technology: str) -> None:
    chip = Chip(NETWORKS[name](), load_technology(technology))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=100, n_time=20)
    scales = [20.0, 0.0, 1.0, 5.0, 100.0]
    chips: dict[str, Any] = {"sequence_offset": 5, "keep_all": False, "kernel": "numba"}
    dies = [chip.die(1), chip.die(2)]
    together = simulate_noise(
        chip.design, chip.calibration, inputs, dies, seed=3, scales=scales, **chips
    )
    for run, scale in zip(together, scales, strict=True):
        noise = NoiseRun(seed=3, scale=scale) if scale else None
        assert_same_bits(run, alone(chip, inputs, [1, 2], noise=noise, **chips))
    # Noise changes something, or nothing is shown.
    assert not np.array_equal(together[1].supply.static, together[-1].supply.static)


def test_bits_depend_on_neither_neighbours_nor_order_nor_cuts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chip = Chip(NETWORKS["skips"](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70, n_time=30)
    keys: dict[str, Any] = {"noise": LOUD, "kernel": "numba"}
    whole = alone(chip, inputs, [0, 1, 2], **keys)
    # A sequence by itself, as the number that it has in its file.
    one = make_inputs(inputs.x[69:], inputs.lengths[69:])
    some = alone(chip, one, [2, 0], sequence_offset=69, **keys)
    for layer in range(2):
        kept = whole.trace.candidates[layer][[2, 0]][:, 69:]
        np.testing.assert_array_equal(some.trace.candidates[layer], kept)
    np.testing.assert_array_equal(some.supply.static, whole.supply.static[[2, 0]][:, 69:])
    monkeypatch.setattr("mru_hw.simulate.blocks.BLOCK_FRAMES", 7)
    cut = alone(chip, inputs, [0, 1, 2], keep_all=False, **keys)
    assert_same_bits(cut, whole)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lanes", [16, 32])
def test_bits_do_not_depend_on_the_width_of_a_block(
    lanes: int, dtype: type[np.floating[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = Chip(NETWORKS["skips"](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70, n_time=30)
    keys: dict[str, Any] = {"noise": LOUD, "kernel": "numba", "dtype": dtype}
    wide = alone(chip, inputs, [1], **keys)
    monkeypatch.setattr("mru_hw.simulate.blocks.BLOCK_SEQUENCES", lanes)
    monkeypatch.setattr(fast, "LANES", lanes)
    monkeypatch.setattr("mru_hw.simulate.fast.noise_tables.LANES", lanes)
    monkeypatch.setattr(fast, "kernel", lambda name: source.kernel(name, lanes))
    narrow, lazy = (alone(chip, inputs, [1], keep_all=keep, **keys) for keep in (True, False))
    for one, other in zip(narrow.trace.candidates, wide.trace.candidates, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same_bits(narrow, wide)
    assert_same_bits(lazy, wide)


def test_the_kernels_laws_and_draws_are_numpys() -> None:
    module = source.kernel("float64")
    rng = np.random.default_rng(3)
    i, j, k = 1e-9 * rng.random((3, 200))
    cases: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (passed, (i, j)),
        (sigma, (i, j * j, np.full(200, 1e-16), np.full(200, 1e-6))),
        (meeting, (i, j)),
        (own_devices, (i, i + j, k, np.full(200, 4.0), np.ones(200), np.full(200, 8.0), k)),
    ]
    for law, arguments in cases:
        wanted = np.array(law(*arguments))
        found = np.array(
            [getattr(module, law.__name__)(*row) for row in zip(*arguments, strict=True)]
        )
        np.testing.assert_allclose(found.T, wanted, rtol=1e-14, atol=0)
    key = NoiseKey.of(5, 6)
    asked = np.zeros((4, 40), np.uint64)
    assert module.ask(asked, 0, 157, 3, np.uint64(900), 7) == 40
    words = np.zeros((4, 40), np.uint64)
    module.answer(asked, 40, np.array([key.k0, key.k1]), words)
    z = np.zeros((4, 40))
    for word, out in zip(words, z, strict=True):
        module.numbers(word, 0, 40, out)
    wanted = key.draws(3, np.array([900]), np.array([7]), 157)[:, 0]
    np.testing.assert_array_equal(z.T.ravel()[:157], wanted)
    np.testing.assert_array_equal(z, normal(words))
