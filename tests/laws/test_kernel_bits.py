"""The kernel's bits on other processors and with other lanes, and a thousand random networks."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from mru_hw.errors import UserError
from mru_hw.simulate.behavioral import NoiseRun
from mru_hw.simulate.run import Chip
from tests.laws.test_kernel import assert_alike, drawn_inputs, drawn_networks, runs
from tests.laws.test_kernel_noise import assert_same_bits

AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+f16c"}
"""A processor with fused products and lines half as wide as those of newer ones."""
Hashes = dict[str, dict[str, str]]


@functools.cache
def hashes(lanes: int = 64, *, avx2: bool = False, cache: Path | None = None) -> Hashes:
    done = subprocess.run(
        [sys.executable, "-m", "tests.laws.kernel_bits", str(lanes)],
        cwd=Path(__file__).parents[2],
        env=os.environ
        | (AVX2 if avx2 else {})
        | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: Hashes = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_lazy_draws_leave_the_bits_of_eager_ones() -> None:
    assert all(one["lazy"] == one["eager"] for one in hashes().values())


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [16, 32])
def test_bits_do_not_depend_on_the_width_of_a_block(lanes: int) -> None:
    assert hashes(lanes) == hashes()


@pytest.mark.slow
def test_bits_do_not_depend_on_the_processor() -> None:
    """Compiled for another one, that is, and run on this one."""
    assert hashes(avx2=True) == hashes()


@pytest.mark.slow
def test_a_process_that_compiles_has_the_bits_of_those_that_come_after_it(tmp_path: Path) -> None:
    """They need not run the same copy of a function that was made twice."""
    first = hashes(cache=tmp_path)
    hashes.cache_clear()
    assert hashes(cache=tmp_path) == first


@st.composite
def drawn_chips(draw: st.DrawFn) -> Chip:
    """Draw a network that a technology can hold."""
    try:
        return draw(drawn_networks())()
    except UserError:
        reject()


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    chip=drawn_chips(),
    temperature=st.sampled_from([0.0, 27.0, 85.0]),
    seed=st.integers(0, 999),
    scale=st.sampled_from([None, None, 0.1, 1.0, 5.0, 100.0]),
)
def test_a_thousand_random_networks_run_as_numpy_runs_them(
    chip: Chip, temperature: float, seed: int, scale: float | None
) -> None:
    inputs = drawn_inputs(chip.model.spec.n_in, 5, 12, seed)
    noise = None if scale is None else NoiseRun(seed=seed, scale=scale)
    numpy, numba = runs(chip, inputs, temperature, noise=noise)
    assert_alike(numpy, numba, rtol=1e-14)
    _, lazy = runs(chip, inputs, temperature, noise=noise, keep_all=False)
    assert_same_bits(lazy, numba)
