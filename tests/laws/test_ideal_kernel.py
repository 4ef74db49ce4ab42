"""The compiled kernel of the level ideal beside numpy, which runs the same text of a recurrence."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mru_hw.model.memory import CELLS
from mru_hw.model.memory.recurrence import climbed, held_step, signed_step
from mru_hw.model.network import Model
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate.fast import ideal as fast
from mru_hw.simulate.fast import source
from mru_hw.simulate.ideal import kernel_of, simulate_ideal
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs, make_inputs
from tests.networks import draw_inputs, draw_model, make_spec

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "ladder": ("cmru", {"levels": 2, "skip": 1}),
    "no limit": ("cmru", {"levels": None}),
    "beyond a byte": ("cmru", {"levels": 100}),
    "skip matrix, thresholds from the input": (
        "cmru",
        {"levels": 3, "threshold": "input", "skip": "matrix"},
    ),
    "rectified": (
        "cmru",
        {"levels": 1, "rectify_input": True, "rectify_candidate": True, "rectify_output": True},
    ),
    "rectified output and skip": ("cmru", {"levels": 1, "rectify_output": True, "skip": 1}),
    "bistable": ("bmru", {"threshold": "input", "skip": 1}),
    "bits": (
        "fq_bmru",
        {"rectify_input": True, "rectify_candidate": True, "rectify_output": True},
    ),
    "bits by the input": ("fq_bmru", {"threshold": "input", "skip": "matrix"}),
}


def both(model: Model, inputs: Inputs, **keys: Any) -> tuple[Trace, Trace]:
    numpy, numba = (simulate_ideal(model, inputs, kernel=k, **keys) for k in ("numpy", "numba"))
    return numpy, numba


def assert_alike(one: Trace, other: Trace, rounding: float) -> None:
    """States and decisions are equal; what is a sum differs by rounding."""
    np.testing.assert_array_equal(other.decision, one.decision)
    for a, b in zip(one.states, other.states, strict=True):
        np.testing.assert_array_equal(b, a)
    assert one.output is not None
    assert other.output is not None
    pairs = [(one.output, other.output), *zip(one.candidates, other.candidates, strict=True)]
    for a, b in pairs:
        np.testing.assert_allclose(b, a, rtol=0, atol=rounding * float(np.nanmax(np.abs(a))))


@pytest.mark.parametrize("readout", list(ReadoutKind))
@pytest.mark.parametrize("name", NETWORKS)
def test_every_cell_that_fits_runs_as_numpy_runs_it(name: str, readout: ReadoutKind) -> None:
    cell, keys = NETWORKS[name]
    model = draw_model(make_spec(cell, 3, readout=readout, **keys), 5)
    assert kernel_of(model.spec, None) == "numba"
    inputs = draw_inputs(4, 6, n_seq=90, n_time=50)
    assert_alike(*both(model, inputs), rounding=1e-14)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_networks_run_as_numpy_runs_them(data: st.DataObject) -> None:
    cell, keys = NETWORKS[data.draw(st.sampled_from(sorted(NETWORKS)))]
    wide = {name: data.draw(st.integers(1, 9)) for name in ("n_units", "n_out")}
    if keys.get("skip") == 1:
        wide["n_out"] = 5  # as wide as the input
    readout = data.draw(st.sampled_from(list(ReadoutKind)))
    spec = make_spec(cell, data.draw(st.integers(1, 3)), readout=readout, **(keys | wide))
    seed, grid = data.draw(st.integers(0, 10**6)), data.draw(st.booleans())
    n_seq, n_time = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 20))
    model = draw_model(spec, seed, grid=grid)
    inputs = draw_inputs(4, seed, n_seq=n_seq, n_time=n_time, grid=grid)
    if grid:  # sums are exact, and ties common
        assert_alike(*both(model, inputs), rounding=0.0)
    else:
        assert_alike(*both(model, inputs), rounding=1e-13)


def test_single_precision_steps_as_numpy_does() -> None:
    model = draw_model(make_spec("cmru", 3, levels=2, skip=1), 5)
    inputs = draw_inputs(4, 6, n_seq=90, n_time=50)
    numpy, numba = both(model, inputs, dtype=np.float32)
    assert numba.candidates[0].dtype == np.float32
    assert_alike(numpy, numba, rounding=1e-5)


@pytest.mark.parametrize("name", [name for name in CELLS if name not in ("cmru", "bmru")])
def test_other_cells_stay_in_numpy(name: str) -> None:
    spec = draw_model(make_spec(name), 0).spec
    wanted = "numba" if name == "fq_bmru" else "numpy"
    assert kernel_of(spec, None) == wanted
    assert kernel_of(spec, "numba") == wanted
    assert kernel_of(spec, "numpy") == "numpy"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_depend_on_neither_neighbours_nor_order_nor_cuts(
    dtype: type[np.floating[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = draw_model(make_spec("cmru", levels=2, skip=1, n_units=7, n_out=5), 3)
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(70, 40, 4)), rng.integers(1, 41, 70)

    def run(order: list[int], **keys: Any) -> Trace:
        part = make_inputs(x[order], lengths[order])
        return simulate_ideal(model, part, dtype=dtype, kernel="numba", **keys)

    everything = list(range(70))
    whole = run(everything)

    def same(found: Trace, rows: list[int]) -> None:
        np.testing.assert_array_equal(found.decision, whole.decision[rows])
        for one, other in zip(found.candidates, whole.candidates, strict=True):
            np.testing.assert_array_equal(one, other[rows][:, : one.shape[1]])

    order = [5, 69, 33, 0]
    same(run(order), order)  # a group of 16 lanes, not 64
    same(run(everything[::-1]), everything[::-1])
    for memory in (1, 20_000, 60_000):
        same(run(everything, memory_bytes=memory), everything)
    for lanes in (32, 64):
        monkeypatch.setattr(fast, "LANES", lanes)
        same(run(everything), everything)
        same(run(order), order)
    np.testing.assert_array_equal(run(everything, keep="decisions").decision, whole.decision)


def test_a_recurrence_gives_the_kernel_what_it_gives_numpy() -> None:
    """One text, with ties, signed zeros, and thresholds of nothing and without end."""
    module = source.ideal_kernel("float64")
    edges = [0.0, 0.5, 1.0, np.inf]
    candidates = [-np.inf, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0]
    for c, up, down in itertools.product(candidates, edges, edges):
        for law in (signed_step, held_step):
            wanted = int(law(np.array([c]), up, down)[0])
            assert getattr(module, law.__name__)(c, up, down) == wanted
    for level, step in itertools.product([-2.0, 0.0, 2.0], [-2.0, 0.0, 1.0]):
        assert module.climbed(level, step, -2.0, 2.0) == climbed(level, step, -2.0, 2.0)


def test_a_changed_recurrence_makes_another_module(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source.ideal_text("float64")
    assert "def climbed(level, step, low, high):" in before
    assert before == source.ideal_text("float64")
    monkeypatch.setattr(source, "STEP_LAWS", source.STEP_LAWS[:-1])
    assert source.ideal_text("float64") != before
