"""Time goes in blocks that hand their state on: no bit knows where it is cut, no memory its length.

At the level ``ideal`` a product's columns are frames, so there the networks have weights and
inputs whose sums are exact.
"""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mru_hw.model.memory import CELLS
from mru_hw.model.structure import ReadoutKind
from mru_hw.simulate import blocks, ideal
from mru_hw.simulate.behavioral import NoiseRun, simulate_behavioral
from mru_hw.simulate.blocks import BLOCK_FRAMES, WORKING_BYTES, block_frames
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.kept import trace_bytes
from mru_hw.simulate.kernels import KERNELS
from mru_hw.simulate.readout import Tally
from mru_hw.simulate.run import Chip, run_level
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.trace import Trace
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.halves import compare_cut
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings

TECHNOLOGY = load_technology("generic180")
FIRST_QUADRANT = {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("cmru", {"levels": 2}),
    ("cmru", {"levels": 3, "threshold": "input", "skip": "matrix"}),
    ("cmru", {"levels": 1, "rectify_input": True, "rectify_output": True, "skip": 1}),
    ("bmru", {}),
    ("bmru", {"threshold": "input", "skip": 1}),
    ("fq_bmru", FIRST_QUADRANT),
    ("fq_bmru", {"rectify_candidate": True, "threshold": "input", "skip": "matrix"}),
]
SOFTWARE: list[tuple[str, dict[str, Any]]] = [
    *NETWORKS,
    ("cmru", {"levels": None}),
    ("alpha_cmru", {"levels": 3, "skip": 1}),
    ("alpha_cmru", {"levels": None, "threshold": "input", "skip": "matrix"}),
]
N_TIME = 23


def make_chip(cell: str, keys: dict[str, Any], readout: ReadoutKind = ReadoutKind.MEAN) -> Chip:
    model = with_even_settings(draw_model(make_spec(cell, readout=readout, **keys), 3), 3)
    return Chip(model, TECHNOLOGY)


def same_trace(a: Trace, b: Trace) -> None:
    assert np.array_equal(a.decision, b.decision)
    assert a.output is not None
    assert b.output is not None
    pairs = [(a.output, b.output), *zip(a.candidates, b.candidates, strict=True)]
    pairs += zip(a.states, b.states, strict=True)
    for one, other in pairs:
        assert np.array_equal(one, other, equal_nan=True)


def same_run(a: BehavioralRun, b: BehavioralRun) -> None:
    same_trace(a.trace, b.trace)
    assert np.array_equal(a.supply.static, b.supply.static)
    assert np.array_equal(a.supply.switching, b.supply.switching)


# ------------------------------------------------------------------------- where time is cut


@pytest.mark.parametrize(("cell", "keys"), NETWORKS)
@settings(max_examples=12)
@given(
    cut=st.integers(1, N_TIME - 1),
    seed=st.integers(0, 2**32 - 1),
    readout=st.sampled_from(list(ReadoutKind)),
    noise=st.sampled_from([None, NoiseRun(seed=5), NoiseRun(seed=6, scale=40.0)]),
    dtype=st.sampled_from([np.float64, np.float32]),
    hot=st.booleans(),
)
def test_no_bit_of_a_settled_run_depends_on_where_time_is_cut(
    cell: str, keys: dict[str, Any], cut: int, hot: bool, **drawn: Any
) -> None:
    chip = make_chip(cell, keys, drawn["readout"])
    inputs = draw_inputs(4, drawn["seed"], n_seq=9, n_time=N_TIME)
    # Leakage and a skewed split are paths of their own.
    temperature, corner = (85.0, "ff") if hot else (27.0, "tt")
    calibration = chip.calibration.at(1.8, temperature=temperature, corner=corner)

    def run() -> BehavioralRun:
        return simulate_behavioral(
            chip.design,
            calibration,
            inputs,
            [chip.die(2), chip.die(None)],
            temperature=temperature,
            noise=drawn["noise"],
            sequence_offset=7,
            dtype=drawn["dtype"],
        )

    assert block_frames(chip.design, drawn["dtype"]) > N_TIME
    whole = run()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "block_frames", lambda *_: cut)
        same_run(run(), whole)


def test_no_bit_of_a_sequence_beyond_a_block_depends_on_its_company() -> None:
    """Sequences of three blocks of frames, alone and beside short ones."""
    chip = make_chip("cmru", {"levels": 2, "skip": 1})
    inputs = draw_inputs(4, 2, n_seq=70, n_time=3 * BLOCK_FRAMES - 5)
    die, noise = chip.die(1), NoiseRun(seed=1)
    whole = simulate_behavioral(chip.design, chip.calibration, inputs, [die], noise=noise)
    for row in (0, 33, int(inputs.lengths.argmax())):
        alone = simulate_behavioral(
            chip.design,
            chip.calibration,
            inputs.take(slice(row, row + 1)),
            [die],
            noise=noise,
            sequence_offset=row,
        )
        assert np.array_equal(alone.supply.static[0, 0], whole.supply.static[0, row])
        assert np.array_equal(
            alone.trace.candidates[1][0, 0], whole.trace.candidates[1][0, row], equal_nan=True
        )


@pytest.mark.parametrize(("cell", "keys"), [NETWORKS[1], NETWORKS[3], ("fq_bmru", FIRST_QUADRANT)])
@settings(max_examples=3)
@given(cut=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_no_bit_of_a_timed_run_depends_on_where_time_is_cut(
    cell: str, keys: dict[str, Any], cut: int, seed: int
) -> None:
    chip, inputs = make_chip(cell, keys), draw_inputs(4, seed, n_seq=3, n_time=7)

    def run() -> BehavioralRun:
        what = chip.design, chip.calibration, inputs, [chip.die(2)]
        noise = NoiseRun(seed=1, scale=100) if chip.design.all_strobed else None
        return simulate_timed(*what, steps=3, noise=noise)

    whole = run()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "block_frames", lambda *_: cut)
        same_run(run(), whole)


@pytest.mark.parametrize(("cell", "keys"), SOFTWARE)
@settings(max_examples=12)
@given(
    cut=st.integers(1, N_TIME - 1),
    together=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    readout=st.sampled_from(list(ReadoutKind)),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_an_ideal_run_does_not_depend_on_where_time_is_cut(
    cell: str, keys: dict[str, Any], cut: int, together: int, **drawn: Any
) -> None:
    spec = make_spec(cell, readout=drawn["readout"], n_layers=1, **keys)
    dies = [draw_model(spec, drawn["seed"] % 2**31 + k, grid=True) for k in range(3)]
    tensors = {name: np.stack([die.tensors[name] for die in dies]) for name in dies[0].tensors}
    model = dataclasses.replace(dies[0], tensors=tensors)
    inputs = draw_inputs(4, drawn["seed"], n_seq=9, n_time=N_TIME, grid=True)
    whole = simulate_ideal(model, inputs, dtype=drawn["dtype"], kernel="numpy")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ideal, "block_shape", lambda *_: (2, together, cut))
        same_trace(simulate_ideal(model, inputs, dtype=drawn["dtype"], kernel="numpy"), whole)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(ReadoutKind)),
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
)
def test_a_readout_may_be_told_in_any_pieces(
    seed: int, readout: ReadoutKind, pieces: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    n_time = sum(pieces)
    output = rng.normal(size=(2, 3, n_time, 5))
    lengths = rng.integers(1, n_time + 1, 5)
    whole, parts = Tally(readout, lengths), Tally(readout, lengths)
    whole.add(output)
    for piece in np.split(output, np.cumsum(pieces)[:-1], axis=2):
        parts.add(piece)
    assert np.array_equal(parts.decide(), whole.decide())


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(CELLS)),
    st.sampled_from([None, 1, 2, 80]),
    st.integers(1, 11),
)
def test_a_recurrence_goes_on_from_any_frame(
    seed: int, cell: str, limit: int | None, cut: int
) -> None:
    compare_cut(cell, seed, limit, cut)


# ------------------------------------------------------------------------------------ memory


def allocated(run: Callable[[], object]) -> int:
    """Most bytes that a run held at a time, what it returns among them."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def level_of(name: str, chip: Chip) -> Callable[[Inputs], object]:
    conditions = nominal_conditions(TECHNOLOGY)
    noise = 1 if name == "noise" else None
    if name == "timed":
        return lambda inputs: simulate_timed(
            chip.design, chip.calibration, inputs, [chip.die(None)], steps=1
        )
    return lambda inputs: run_level(
        chip, inputs, level="behavioral", conditions=conditions, noise=noise
    )


@pytest.mark.parametrize(
    ("name", "frames"), [("settled", 30_000), ("noise", 30_000), ("timed", 1_500)]
)
def test_memory_grows_by_the_trace_alone(name: str, frames: int) -> None:
    model = draw_model(make_spec("cmru", 1, levels=2), 3)
    beta = np.full(6, 0.8)
    tensors = dict(model.tensors) | {"layers.0.beta": beta, "layers.0.alpha": beta}
    chip = Chip(dataclasses.replace(model, tensors=tensors), TECHNOLOGY)
    run = level_of(name, chip)
    x = np.random.default_rng(0).normal(size=(1, frames, 4))
    n_short = 3 * BLOCK_FRAMES
    short, long = make_inputs(x[:, :n_short]), make_inputs(x)
    run(short)
    grown = allocated(lambda: run(long)) - allocated(lambda: run(short))
    trace = trace_bytes(chip.design.spec, (1, 1, frames - n_short), 8)
    assert grown == pytest.approx(trace, abs=300_000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_ideal_run_keeps_to_its_working_memory(kernel: str) -> None:
    model = draw_model(make_spec("cmru", levels=2, skip=1), 3)
    x = np.random.default_rng(0).normal(size=(1, 40_000, 4))
    limit = 1 << 20
    whole = trace_bytes(model.spec, (1, 1, 40_000), 8)
    inputs = make_inputs(x)
    simulate_ideal(model, make_inputs(x[:, :9]), kernel=kernel)  # compiles
    peak = allocated(lambda: simulate_ideal(model, inputs, memory_bytes=limit, kernel=kernel))
    assert peak < x.nbytes + whole + limit
    assert peak > whole


def test_a_deep_wide_network_keeps_to_the_stated_working_memory() -> None:
    keys = {"levels": 2, "n_units": 24, "n_out": 5, "skip": "matrix", "threshold": "input"}
    spec = make_spec("cmru", 10, **keys)
    model = draw_model(spec, 1)
    even = {
        name: np.full_like(values, 0.8)
        for name, values in model.tensors.items()
        if name.endswith((".beta", ".alpha"))
    }
    chip = Chip(dataclasses.replace(model, tensors=dict(model.tensors) | even), TECHNOLOGY)
    inputs = make_inputs(np.random.default_rng(0).normal(size=(64, 200, 4)))
    hot = chip.calibration.at(1.8, temperature=85.0, corner="ff")

    def run() -> object:
        return simulate_behavioral(
            chip.design, hot, inputs, [chip.die(1)], temperature=85.0, noise=NoiseRun(seed=1)
        )

    trace = trace_bytes(spec, (1, 64, 200), 8)
    assert allocated(run) - trace < WORKING_BYTES


def test_blocks_of_wide_and_deep_networks_have_fewer_frames() -> None:
    def frames(**keys: Any) -> int:
        return block_frames(make_chip("cmru", {"levels": 1} | keys).design, np.float64)

    assert frames() == BLOCK_FRAMES
    assert frames(n_units=40) == (1 << 20) // (64 * 40 * 8)
    assert frames(n_layers=9) == BLOCK_FRAMES // 2
