"""The behavioral level: its limits, its bounds, and that nothing but its inputs moves a bit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mru_hw.cells.base import Devices
from mru_hw.circuits.ladder.law import ladder_law
from mru_hw.circuits.loop.law import loop_law
from mru_hw.circuits.nodes.laws import split
from mru_hw.mapping.realised import net_threshold, quiescent_current, realised_bank
from mru_hw.simulate.array import Rails
from mru_hw.simulate.behavioral import NoiseRun
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.memory import initial_cells, step_memory
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import make_inputs
from mru_hw.variation import draw_die, nominal_die
from tests.laws.chips import TECHNOLOGY, make_chip, run
from tests.networks import draw_inputs

CELLS: list[tuple[str, dict[str, Any]]] = [
    ("cmru", {"levels": 2}),
    ("cmru", {"levels": 3, "threshold": "input", "skip": "matrix"}),
    ("cmru", {"levels": 1, "rectify_input": True, "rectify_output": True, "skip": 1}),
    ("bmru", {}),
    ("bmru", {"threshold": "input"}),
    ("fq_bmru", {"rectify_input": True, "rectify_candidate": True, "rectify_output": True}),
    ("fq_bmru", {"rectify_candidate": True, "threshold": "input", "skip": 1}),
]


def same_bits(a: BehavioralRun, b: BehavioralRun, rows: Any = slice(None)) -> None:
    """Everything of `b` equals the sequences `rows` of `a`."""
    assert a.trace.output is not None
    assert b.trace.output is not None
    n_time = b.trace.output.shape[2]
    assert np.array_equal(a.trace.decision[:, rows], b.trace.decision)
    assert np.array_equal(a.supply.static[:, rows], b.supply.static)
    assert np.array_equal(a.supply.switching[:, rows], b.supply.switching)
    pairs = [(a.trace.output, b.trace.output)]
    pairs += zip(a.trace.candidates, b.trace.candidates, strict=True)
    pairs += zip(a.trace.states, b.trace.states, strict=True)
    for x, y in pairs:
        assert np.array_equal(x[:, rows, :n_time], y, equal_nan=True)


# -------------------------------------------------------------------------- the nominal chip


@pytest.mark.parametrize(("cell", "keys"), CELLS)
def test_the_nominal_chip_is_close_to_ideal_and_not_equal(cell: str, keys: dict[str, Any]) -> None:
    """First-layer candidates within 3 % rms; at least 96 % of first-layer states alike.

    What separates them: the two rails of a weight are rounded apart, a threshold up and one down
    too, and rectified signals carry their splitter's quiescent current.
    """
    chip = make_chip(cell, **keys)
    inputs = draw_inputs(4, 5, n_seq=100, n_time=20)
    ideal, found = simulate_ideal(chip.mapped, inputs), run(chip, inputs).trace.single_die()
    valid = inputs.valid()
    wanted, candidate = ideal.candidates[0][valid], found.candidates[0][valid]
    error = np.sqrt(np.mean((candidate - wanted) ** 2) / np.mean(wanted**2))
    assert 1e-5 < error < 0.03
    alpha = chip.mapped.tensors["layers.0.alpha"]
    for i, least in ((0, 0.96), (1, 0.9)):
        alpha = chip.mapped.tensors[f"layers.{i}.alpha"]
        alike = np.abs(found.states[i][valid] - ideal.states[i][valid]) < alpha / 2
        assert alike.mean() > least
    assert np.isnan(found.energy_J).all()
    for i in range(2):
        assert np.isnan(found.candidates[i][~valid]).all()


@pytest.mark.parametrize(("cell", "keys"), CELLS)
def test_without_mismatch_a_state_is_a_level_of_the_unmapped_network(
    cell: str, keys: dict[str, Any]
) -> None:
    chip = make_chip(cell, **keys)
    inputs = draw_inputs(4, 6, n_seq=20, n_time=20)
    found = run(chip, inputs).trace.single_die()
    valid = inputs.valid()
    for i, bank in enumerate(chip.design.banks):
        levels = found.states[i][valid] / chip.mapped.tensors[f"layers.{i}.alpha"]
        # The mapping guesses the output legs' drain voltages, the array solves for them.
        near = 0.01 * bank.n_cells
        np.testing.assert_allclose(levels, np.rint(levels), atol=near)
        bounds = {"cmru": (-bank.levels, bank.levels), "bmru": (-1, 1), "fq_bmru": (0, 1)}[cell]
        assert levels.min() >= bounds[0] - near
        assert levels.max() <= bounds[1] + near
        steps = np.diff(found.states[i], axis=1) / chip.mapped.tensors[f"layers.{i}.alpha"]
        largest = 2 if cell == "bmru" else 1
        assert np.nanmax(np.abs(steps)) == pytest.approx(largest, rel=0.01)


def test_mismatch_that_goes_to_zero_goes_to_the_nominal_chip() -> None:
    chip = make_chip("cmru", levels=2)
    inputs = draw_inputs(4, 7, n_seq=10)
    nominal = run(chip, inputs).trace
    valid = inputs.valid()
    errors = []
    for scale in (1e-1, 1e-2, 1e-3):
        die = draw_die(chip.design, 1, scale=scale)
        trace = run(chip, inputs, [die]).trace
        errors.append(np.max(np.abs(trace.candidates[0][0] - nominal.candidates[0][0])[valid]))
    # First order: a tenth of the mismatch leaves a tenth of the error.
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(10, rel=0.1)
    same_bits(run(chip, inputs), run(chip, inputs, [draw_die(chip.design, 1, scale=0.0)]))


# --------------------------------------------------------------------------------- the cells


def laws(chip: Chip, die: Any = None, temperature: float = 27.0) -> Any:
    devices = Devices(
        design=chip.design,
        calibration=chip.calibration,
        die=nominal_die(chip.design) if die is None else die,
        temperature=temperature,
    )
    bank = chip.design.banks[0]
    return (ladder_law if bank.clocked else loop_law)(devices, bank)


@pytest.mark.parametrize(("cell", "keys"), CELLS)
@pytest.mark.parametrize("seed", [None, 1])
def test_the_output_rises_with_every_cell_and_so_does_the_supply(
    cell: str, keys: dict[str, Any], seed: int | None
) -> None:
    chip = make_chip(cell, **keys)
    law = laws(chip, chip.die(seed))
    assert np.all(np.diff(law.level, axis=1) > 0)
    assert np.all(np.diff(law.held, axis=1) > 0)
    assert np.all(law.level[:, 0] == 0)
    assert np.all(law.held[:, 0] == 0)


def test_the_hysteresis_of_a_loop_opens_with_its_width() -> None:
    openings = []
    for delta in (0.1, 0.2, 0.4, 0.8):
        chip = make_chip("fq_bmru", rectify_candidate=True)
        tensors = dict(chip.model.tensors)
        tensors["layers.0.beta"] = 1.0 - np.full(6, delta)
        tensors["layers.0.delta"] = np.full(6, delta)
        chip = Chip(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
        law = laws(chip)
        # But for the fold: feedback sets in a little before the threshold wins.
        np.testing.assert_allclose(law.up, laws(make_same_rise(chip)).up, rtol=0.01)
        openings.append((law.up - law.down) / chip.design.buses["c0"].scale)
        found = realised_bank(chip.design, chip.design.banks[0], chip.calibration)
        # The mapping takes every gate voltage at the usual current, the array at the edge's own.
        np.testing.assert_allclose(openings[-1], found.up - found.down, rtol=0.02)
    assert np.all(np.diff(np.array(openings), axis=0) > 0)
    np.testing.assert_allclose(np.array(openings)[:, 0], [0.1, 0.2, 0.4, 0.8], atol=0.02)


def make_same_rise(chip: Chip) -> Chip:
    """The same rising threshold with no hysteresis at all."""
    tensors = dict(chip.model.tensors)
    tensors["layers.0.beta"] = tensors["layers.0.beta"] + tensors["layers.0.delta"]
    tensors["layers.0.delta"] = np.zeros(6)
    return Chip(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)


@pytest.mark.parametrize(
    ("cell", "keys"), [CELLS[0], CELLS[3], ("fq_bmru", {"rectify_candidate": True})]
)
def test_a_slow_ramp_meets_the_thresholds_of_the_compiled_unit(
    cell: str, keys: dict[str, Any]
) -> None:
    chip = make_chip(cell, **keys)
    array = compile_die(chip.design, chip.calibration, chip.die(4), temperature=27.0)
    memory = array.memories[0]
    up, down = memory.thresholds()
    assert np.all(up > 0)
    step = 1e-3
    ramp = np.concatenate([np.arange(0, 2, step), np.arange(2, -2, -step), np.arange(-2, 2, step)])
    rising = np.argmax(ramp > 2 - 2 * step)
    course = np.broadcast_to(ramp[None, :, None], (6, len(ramp), 1))
    if cell == "fq_bmru":
        course = np.maximum(course, 0)
    before = initial_cells(memory.bank)
    start = before[:, :, 0].sum(axis=0)
    found = step_memory(memory, np.ascontiguousarray(course), up, down, before)
    cells = found[:, :, 1:, 0].sum(axis=0).T.astype(int)
    assert np.all(np.abs(np.diff(cells, axis=0)) <= 1)
    for k in range(6):
        changes = np.flatnonzero(np.diff(np.concatenate([[start[k]], cells[:, k]])))
        first_up = changes[changes < rising]
        if start[k] < memory.level.shape[1] - 1:
            assert abs(ramp[first_up[0]] - up[k, 0, 0]) <= step
        falls = changes[(changes > rising) & (changes < rising + 4000)]
        edge = down[k, 0, 0] if cell == "fq_bmru" else -down[k, 0, 0]
        assert abs(ramp[falls[0]] - edge) <= step


@given(v=st.floats(-100, 100), i_q=st.floats(1e-3, 1.0))
def test_the_two_rails_keep_kirchhoff_and_the_translinear_law(v: float, i_q: float) -> None:
    plus, minus = split(np.array([v]), np.array([i_q]))
    assert plus[0] - minus[0] == pytest.approx(v, abs=1e-12)
    assert plus[0] >= max(v, 0)
    assert minus[0] >= 0
    assert plus[0] * minus[0] == pytest.approx(i_q**2, rel=1e-5, abs=1e-9)


@settings(max_examples=15)
@given(factor=st.floats(0.5, 4.0), levels=st.integers(1, 4))
def test_thresholds_follow_beta(factor: float, levels: int) -> None:
    """Within a unit device: one unit's beta is changed, the other units set the scale."""
    chip = make_chip("cmru", levels=levels)
    tensors = dict(chip.model.tensors)
    tensors["layers.0.beta"] = np.array([factor, 1, 1, 1, 1, 1.0])
    chip = Chip(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
    law, scale = laws(chip), chip.design.buses["c0"].scale
    bus, i_lsb = chip.design.buses["c0"], chip.design.i_lsb
    i_q = quiescent_current(bus, i_lsb, chip.calibration)
    up, down = net_threshold(law.up, i_q), net_threshold(law.down, i_q)
    assert np.all(np.abs(up[1:] - scale) < i_lsb)
    assert abs(up[0] - factor * scale) < i_lsb
    assert abs(down[0] - factor * scale) < i_lsb


def test_a_threshold_from_the_input_counts_as_large_as_ideal_s() -> None:
    """Not scaled by a mirror gain that no mapping took up, nor lost to the quiescent current."""
    for cell, keys in ((c, k) for c, k in CELLS if k.get("threshold") == "input"):
        chip = make_chip(cell, **keys)
        array = compile_die(chip.design, chip.calibration, chip.die(None), temperature=27.0)
        memory = array.memories[0]
        delta = chip.mapped.tensors.get("layers.0.delta", np.zeros(6))
        both = []
        for rails in ((2.0, 0.0), (0.0, 2.0)):
            plus, minus = (np.full((6, 1, 1), rail) for rail in rails)
            up, down = memory.thresholds(Rails(plus=plus, minus=minus))
            # A window comparator's copies are rounded one by one, and their mean is not. A loop's
            # edge is not quite where the mapping has it: its gate voltages go with the currents.
            np.testing.assert_allclose(up[:, 0, 0], 2.0 + delta, rtol=1e-2)
            np.testing.assert_allclose(down[:, 0, 0], 2.0, rtol=1e-2)
            both += [up[:, 0, 0] - delta, down[:, 0, 0]]
        mean = 2e-3 if memory.copies else 1e-2
        np.testing.assert_allclose(np.mean(both, axis=0), 2.0, rtol=mean)


@pytest.mark.parametrize("b", [-2.0, -0.1, 0.0, 0.3, 1.0])
def test_a_window_comparator_weighs_both_rails_of_both_nodes(b: float) -> None:
    """At the threshold what u sinks is what it sources; b = 0 leaves 2 i_q, software leaves 0."""
    chip = make_chip("cmru", levels=2, threshold="input")
    array = compile_die(chip.design, chip.calibration, chip.die(3), temperature=27.0)
    memory, copies = array.memories[0], array.memories[0].copies
    carried = array.nodes["b0"].rails(np.full((6, 1, 1), b))
    plus, minus = carried.plus, carried.minus
    assert minus is not None
    up, down = memory.thresholds(carried)
    assert np.all(up > -down)
    c = array.nodes["c0"].rails(up)
    assert c.minus is not None
    weighed = copies["up_plus"] * plus + copies["up_minus"] * minus
    np.testing.assert_allclose(c.plus, weighed + copies["up_opposite"] * c.minus, rtol=1e-9)
    c = array.nodes["c0"].rails(-down)
    assert c.minus is not None
    weighed = copies["down_plus"] * plus + copies["down_minus"] * minus
    np.testing.assert_allclose(c.minus, weighed + copies["down_opposite"] * c.plus, rtol=1e-9)
    nominal = compile_die(chip.design, chip.calibration, chip.die(None), temperature=27.0)
    rails = nominal.nodes["b0"].rails(np.full((6, 1, 1), b))
    i_q = nominal.nodes["b0"].i_q
    assert i_q is not None
    for found in nominal.memories[0].thresholds(rails):
        np.testing.assert_allclose(found, np.sqrt(b * b + 4 * i_q**2), rtol=0.03)


# ---------------------------------------------------------------------- bits and their causes


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("cell", "keys"), CELLS[:3])
def test_no_bit_of_a_sequence_depends_on_its_company(
    cell: str, keys: dict[str, Any], dtype: Any
) -> None:
    """Alone, in a part of the file, or among more than a block of others, with longer padding."""
    chip = make_chip(cell, **keys)
    inputs = draw_inputs(4, 9, n_seq=150, n_time=24)
    die, noise = chip.die(2), NoiseRun(seed=5)
    whole = run(chip, inputs, [die], noise=noise, dtype=dtype)
    for rows in (slice(0, 150), slice(0, 1), slice(7, 10), slice(60, 130), slice(149, 150)):
        part = inputs.take(rows)
        again = run(chip, part, [die], noise=noise, sequence_offset=rows.start, dtype=dtype)
        same_bits(whole, again, rows)
    longer = make_inputs(np.pad(inputs.x, ((0, 0), (0, 9), (0, 0))), inputs.lengths)
    same_bits(run(chip, longer, [die], noise=noise, dtype=dtype), whole)


def test_no_bit_of_a_wide_network_depends_on_its_company() -> None:
    """Wide enough that a matrix product's algorithm changes with the number of its columns."""
    chip = make_chip("cmru", levels=2, n_units=16, n_out=16)
    inputs = draw_inputs(4, 9, n_seq=100, n_time=70)
    whole = run(chip, inputs)
    for rows in (slice(3, 4), slice(20, 25), slice(0, 64)):
        same_bits(whole, run(chip, inputs.take(rows)), rows)


def test_no_bit_of_a_die_depends_on_the_dies_beside_it() -> None:
    chip = make_chip("cmru", levels=2)
    inputs = draw_inputs(4, 10, n_seq=12)
    dies = [chip.die(seed) for seed in (4, None, 9)]
    together = run(chip, inputs, dies, noise=NoiseRun(seed=1))
    for k, die in enumerate(dies):
        alone = run(chip, inputs, [die], noise=NoiseRun(seed=1))
        assert np.array_equal(together.supply.static[k], alone.supply.static[0])
        assert np.array_equal(
            together.trace.candidates[1][k], alone.trace.candidates[1][0], equal_nan=True
        )
    assert not np.array_equal(together.supply.static[0], together.supply.static[2])


def test_single_precision_decides_alike() -> None:
    chip = make_chip("cmru", levels=2)
    inputs = draw_inputs(4, 11, n_seq=300)
    dies = [chip.die(seed) for seed in range(3)]
    wide = run(chip, inputs, dies, noise=NoiseRun(seed=1))
    narrow = run(chip, inputs, dies, noise=NoiseRun(seed=1), dtype=np.float32, keep_all=False)
    assert np.mean(wide.trace.decision == narrow.trace.decision) > 0.995
    np.testing.assert_allclose(narrow.supply.static.sum(-1), wide.supply.static.sum(-1), rtol=2e-2)
    assert narrow.trace.output is None
