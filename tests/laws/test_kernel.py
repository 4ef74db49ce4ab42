"""The compiled kernel beside the numpy interpreter of the same program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mru_hw.circuits.legs.leakage import leg_current
from mru_hw.circuits.nodes.laws import net_current, rectified_node, signed_node, split
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.errors import UserError
from mru_hw.model.network import Model
from mru_hw.simulate import kernels
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.blocks import group_sequences
from mru_hw.simulate.compile import compile_dies
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.fast import run as fast
from mru_hw.simulate.fast import source, tables
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.variation import draw_die
from tests.agreement.networks import loops, one_unit, two_units, two_windows, two_windows_of_bits
from tests.networks import draw_model, make_spec


def network(cell: str, n_layers: int = 2, seed: int = 0, **keys: Any) -> Callable[[], Model]:
    return lambda: draw_model(make_spec(cell, n_layers, **keys), seed)


def signed_loops() -> Model:
    model = loops("fq_bmru", [1.0, 1.2], [0.4, 0.5])
    plain = {"rectify_candidate": False, "rectify_input": False}
    layer = model.spec.layers[0].model_copy(update=plain)
    return dataclasses.replace(model, spec=model.spec.model_copy(update={"layers": (layer,)}))


NETWORKS: dict[str, Callable[[], Model]] = {
    "one unit": one_unit,
    "two units": two_units,
    "windows": two_windows,
    "windows of bits": two_windows_of_bits,
    "loops": lambda: loops("fq_bmru", [1.0, 1.2], [0.4, 0.5]),
    "bits": lambda: loops("bmru", [1.0, 1.2]),
    "signed loops": signed_loops,
    "skips": network("cmru", levels=2, skip=1),
    "thresholds from the input": network("cmru", levels=2, threshold="input", seed=2),
    "skip matrix, rectified outputs": network(
        "cmru", levels=2, skip="matrix", rectify_output=True, seed=4
    ),
    "all rectified": network("cmru", levels=1, rectify_input=True, rectify_candidate=True, seed=5),
    "first quadrant": network(
        "fq_bmru", rectify_input=True, rectify_candidate=True, rectify_output=True, seed=6
    ),
    "a long ladder": network("cmru", 1, levels=7, seed=7),
}


def drawn_inputs(n_in: int, n_seq: int = 7, n_time: int = 9, seed: int = 1) -> Inputs:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, n_time + 1, n_seq)
    lengths[0] = n_time
    return make_inputs(1.5 * rng.normal(size=(n_seq, n_time, n_in)), lengths)


def runs(
    chip: Chip, inputs: Inputs, temperature: float = 27.0, **keys: Any
) -> tuple[BehavioralRun, BehavioralRun]:
    dies = [chip.die(None), chip.die(5), draw_die(chip.design, 6, process=1.0, gradient=1.0)]
    numpy, numba = (
        simulate_behavioral(
            chip.design,
            chip.calibration,
            inputs,
            dies,
            temperature=temperature,
            kernel=kernel,
            **keys,
        )
        for kernel in ("numpy", "numba")
    )
    return numpy, numba


def equal_states(one: BehavioralRun, other: BehavioralRun) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=True)
        for a, b in zip(one.trace.states, other.trace.states, strict=True)
    )


def tied(run: BehavioralRun, die: int, sequence: int) -> bool:
    """Tell whether the two largest mean outputs, or those of a frame, are equal but for rounding.

    Units that are alike and in like states give such outputs on the nominal die.
    """
    assert run.trace.output is not None
    output = run.trace.output[die, sequence]
    frames = output[np.isfinite(output[:, 0])]
    largest = np.sort(np.vstack([frames, frames.mean(axis=0)]), axis=1)[:, -2:]
    return bool(np.min(largest[:, 1] - largest[:, 0]) < 1e-12 * np.abs(frames).max())


def assert_alike(one: BehavioralRun, other: BehavioralRun, rtol: float) -> None:
    np.testing.assert_array_equal(one.finite, other.finite)
    differ = one.trace.decision != other.trace.decision
    assert all(tied(one, die, sequence) for die, sequence in np.argwhere(differ))
    assert equal_states(one, other)
    for a, b in zip(one.trace.candidates, other.trace.candidates, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * rtol * np.nanmax(np.abs(a)))
    assert one.trace.output is not None
    assert other.trace.output is not None
    size = np.nanmax(np.abs(one.trace.output))
    np.testing.assert_allclose(one.trace.output, other.trace.output, rtol=0, atol=100 * rtol * size)
    for a, b in (
        (one.supply.static, other.supply.static),
        (one.supply.switching, other.supply.switching),
    ):
        np.testing.assert_allclose(a, b, rtol=10 * rtol, atol=rtol * a.max())


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
@pytest.mark.parametrize("temperature", [27.0, 85.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_cell_and_technology_runs_as_numpy_runs_it(
    name: str, temperature: float, technology: str
) -> None:
    """Leakage rows, skew, rectified nodes, windows, loops, skips; ragged lengths."""
    chip = Chip(NETWORKS[name](), load_technology(technology))
    inputs = drawn_inputs(chip.model.spec.n_in)
    assert_alike(*runs(chip, inputs, temperature), rtol=1e-14)


@pytest.mark.parametrize("name", ["skips", "windows", "loops", "skip matrix, rectified outputs"])
def test_single_precision_prices_blocks_to_a_millionth(name: str) -> None:
    chip = Chip(NETWORKS[name](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=40, n_time=20)
    exact, _ = runs(chip, inputs)
    numpy, numba = runs(chip, inputs, dtype=np.float32, keep_all=False)
    np.testing.assert_array_equal(numpy.trace.decision, numba.trace.decision)
    for field in ("static", "switching"):
        mean = getattr(exact.supply, field).mean(axis=1)
        found = getattr(numba.supply, field).mean(axis=1)
        np.testing.assert_allclose(found, mean, rtol=1e-6)


_LAYER = {
    "skip": st.sampled_from([0, 1, "matrix"]),
    "rectify_input": st.booleans(),
    "rectify_candidate": st.booleans(),
    "rectify_output": st.booleans(),
}


@st.composite
def drawn_networks(draw: st.DrawFn) -> Callable[[], Chip]:
    """Draw a network in a technology; what maps it may find it out of the technology's range."""
    cell = draw(st.sampled_from(["cmru", "bmru", "fq_bmru"]))
    keys = {name: draw(kind) for name, kind in _LAYER.items()}
    if cell == "fq_bmru":
        keys |= {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}
    elif draw(st.booleans()):
        keys["threshold"] = "input"
    if cell == "cmru":
        keys["levels"] = draw(st.integers(1, 5))
    keys["readout"] = draw(st.sampled_from(["mean", "vote", "last"]))
    spec = make_spec(cell, draw(st.integers(1, 3)), **keys)
    model = draw_model(spec, draw(st.integers(0, 99)))
    technology = load_technology(draw(st.sampled_from(["generic180", "sky130"])))
    return lambda: Chip(model, technology)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_random_networks_run_as_numpy_runs_them(data: st.DataObject) -> None:
    try:
        chip = data.draw(drawn_networks())()
    except UserError:
        return  # drawn out of a technology's range
    inputs = drawn_inputs(chip.model.spec.n_in, 5, 12, data.draw(st.integers(0, 99)))
    temperature = data.draw(st.sampled_from([0.0, 27.0, 85.0]))
    assert_alike(*runs(chip, inputs, temperature), rtol=1e-14)


def test_bits_depend_on_neither_neighbours_nor_order_nor_cuts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chip = Chip(NETWORKS["skips"](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70, n_time=30)
    dies = [chip.die(seed) for seed in range(3)]

    def run(some: list[int], order: list[int], **keys: Any) -> BehavioralRun:
        part = make_inputs(inputs.x[order], inputs.lengths[order])
        chosen = [dies[k] for k in some]
        return simulate_behavioral(
            chip.design, chip.calibration, part, chosen, kernel="numba", **keys
        )

    whole = run([0, 1, 2], list(range(70)))
    order = [5, 69, 33, 0]
    some = run([2, 0], order)
    for layer in range(2):
        kept = whole.trace.candidates[layer][[2, 0]][:, order]
        np.testing.assert_array_equal(some.trace.candidates[layer], kept)
    np.testing.assert_array_equal(some.supply.static, whole.supply.static[[2, 0]][:, order])
    np.testing.assert_array_equal(some.supply.switching, whole.supply.switching[[2, 0]][:, order])
    # Decisions alone take the same sums.
    alone = run([0, 1, 2], list(range(70)), keep_all=False)
    np.testing.assert_array_equal(alone.trace.decision, whole.trace.decision)
    np.testing.assert_array_equal(alone.supply.static, whole.supply.static)
    monkeypatch.setattr("mru_hw.simulate.blocks.BLOCK_FRAMES", 7)
    cut = run([0, 1, 2], list(range(70)))
    np.testing.assert_array_equal(cut.trace.candidates[1], whole.trace.candidates[1])
    np.testing.assert_array_equal(cut.supply.static, whole.supply.static)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lanes", [16, 32])
def test_bits_do_not_depend_on_the_width_of_a_block(
    lanes: int, dtype: type[np.floating[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = Chip(NETWORKS["skips"](), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=70, n_time=30)

    def run() -> BehavioralRun:
        return simulate_behavioral(
            chip.design, chip.calibration, inputs, [chip.die(1)], kernel="numba", dtype=dtype
        )

    wide = run()
    monkeypatch.setattr("mru_hw.simulate.blocks.BLOCK_SEQUENCES", lanes)
    monkeypatch.setattr(fast, "LANES", lanes)
    monkeypatch.setattr(fast, "kernel", lambda name: source.kernel(name, lanes))
    narrow = run()
    np.testing.assert_array_equal(narrow.trace.decision, wide.trace.decision)
    for one, other in zip(narrow.trace.candidates, wide.trace.candidates, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(narrow.supply.static, wide.supply.static)


def test_a_law_gives_the_kernel_what_it_gives_numpy() -> None:
    """One text: apart from logarithms, and from what contracts, the same numbers."""
    module = source.kernel("float64")
    rng = np.random.default_rng(3)
    total, pull, i_q = rng.normal(size=200), 0.1 * rng.random(200), 0.02 + rng.random(200)
    cases: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (split, (total, i_q)),
        (signed_node, (total, pull, i_q, np.full(200, 0.1))),
        (rectified_node, (total, pull, i_q)),
        (net_current, (i_q, 0.3 * i_q)),
        (meeting_rail, (np.abs(total), i_q, 0.3 * i_q)),
        (leg_current, (np.abs(total), 0.01 * i_q, 0.001 * i_q, np.full(200, 1.4))),
    ]
    for law, arguments in cases:
        compiled = getattr(module, law.__name__)
        wanted = np.array(law(*arguments))
        found = np.array([compiled(*row) for row in zip(*arguments, strict=True)]).T
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_logarithm_and_exponential_are_good_to_the_last_digits(name: str) -> None:
    module, dtype = source.kernel(name), np.dtype(name)
    eps = np.finfo(dtype).eps
    x = np.exp(np.linspace(-30, 30, 1001)).astype(dtype)
    log = np.array([module.log(v) for v in x], np.float64)
    np.testing.assert_allclose(log, np.log(x.astype(np.float64)), rtol=3 * eps, atol=eps)
    y = np.linspace(-40, 20, 1001).astype(dtype)
    power = np.array([module.exp(v) for v in y], np.float64)
    np.testing.assert_allclose(power, np.exp(y.astype(np.float64)), rtol=4 * eps)


def test_a_changed_law_makes_another_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code that numba kept of an earlier text is never run."""
    before = source.kernel_text("float64")
    assert "def signed_node(total, pull, i_q, skew):" in before
    assert before == source.kernel_text("float64")
    monkeypatch.setattr(source, "LAWS", source.LAWS[:-1])
    assert source.kernel_text("float64") != before
    assert source.kernel_text("float32") != before


def test_a_run_says_which_kernel_ran() -> None:
    chip = Chip(one_unit(), load_technology("generic180"))
    inputs = drawn_inputs(chip.model.spec.n_in, n_seq=2, n_time=3)
    assert chip.run(inputs).kernel == "numba"
    assert chip.run(inputs, noise=1).kernel == "numba"
    assert chip.run(inputs, noise=1, kernel="numpy").kernel == "numpy"
    assert chip.run(inputs, timing="timed").kernel is None
    assert chip.run(inputs, "ideal").kernel == "numba"
    assert chip.run(inputs, "ideal", kernel="numpy").kernel == "numpy"


def test_the_kernel_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernels.asked_kernel(None) == "numba"
    assert kernels.asked_kernel("numpy") == "numpy"
    with pytest.raises(UserError, match='kernel is "fortran", expected one of numba, numpy'):
        kernels.asked_kernel("fortran")
    with pytest.raises(UserError, match='kernel is "numba", expected `level` ideal or behavioral'):
        kernels.refuse_kernel("numba", "spice", "settled")
    with pytest.raises(UserError, match="behavioral, settled"):
        kernels.refuse_kernel("numpy", "behavioral", "timed")
    monkeypatch.setattr(kernels, "has_numba", lambda: False)
    assert kernels.asked_kernel(None) == "numpy"
    with pytest.raises(UserError, match="numba, which is not installed, expected numpy, or the"):
        kernels.asked_kernel("numba")


def test_blocks_have_as_many_sequences_as_the_kernel_has_lanes() -> None:
    groups = list(group_sequences(np.arange(1, 100)))
    assert {len(group.lengths) for group in groups} == {source.LANES}
    chip = Chip(one_unit(), load_technology("generic180"))
    (program,) = compile_dies(chip.design, chip.calibration, [chip.die(1)], temperature=27.0)
    made = fast.FastProgram(program, chip.calibration, keep_all=True)
    assert made.ws.shape[1] == source.LANES
    assert made.ws.ctypes.data % tables.ALIGNED == 0
