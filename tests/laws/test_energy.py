"""Energy is the integral of supply voltage times supply current, branch by branch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.circuits.legs.gains import path_gains
from mru_hw.mapping import Design
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.die_results import BehavioralRun
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip
from mru_hw.simulate.supply import BLOCKS
from mru_hw.spice.chip import chip_deck
from mru_hw.stimulus import Inputs, make_inputs
from tests.laws.census import TECHNOLOGY, V_DD, frame_by_hand
from tests.networks import draw_inputs, draw_model, make_spec, with_even_settings


def make_chip(cell: str = "cmru", n_layers: int = 2, **keys: Any) -> Chip:
    spec = make_spec(cell, n_layers, **({"levels": 2} if cell == "cmru" else {}) | keys)
    model = with_even_settings(draw_model(spec, 3), 3)
    return Chip(model, TECHNOLOGY)


def run(chip: Chip, inputs: Inputs, **keys: Any) -> BehavioralRun:
    return simulate_behavioral(chip.design, chip.calibration, inputs, [chip.die(None)], **keys)


# ------------------------------------------------------- a census by hand, transistor by transistor


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"skip": "matrix"},
        {"rectify_input": True, "rectify_output": True},
        {"rectify_input": True, "rectify_output": True, "skip": 1},
        {"threshold": "input"},
        {"threshold": "input", "rectify_input": True, "skip": "matrix"},
    ],
)
def test_energy_equals_a_census_by_hand(keys: dict[str, Any]) -> None:
    chip = make_chip(n_layers=1, **keys)
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = rng.normal(size=4)
        found = run(chip, make_inputs(x[None, None, :]))
        alpha = chip.mapped.tensors["layers.0.alpha"]
        initial = chip.mapped.tensors["layers.0.initial_state"]
        before = [round(float(s)) + 2 for s in initial]
        after = [round(float(h)) + 2 for h in found.trace.states[0][0, 0, 0] / alpha]
        census = frame_by_hand(chip, x, (before, after))
        result = energy(found.supply)
        for block, (static, switching) in result.blocks.items():
            joules = census.blocks[block] * V_DD * chip.design.timing.frame
            assert (static + switching)[0, 0] == pytest.approx(joules, rel=1e-6), block
        total = sum(census.blocks.values()) * V_DD * chip.design.timing.frame
        assert result.total[0, 0] == pytest.approx(total, rel=1e-6)


# ------------------------------------------------------------------------- removing a branch


def pmos_legs(design: Design) -> list[tuple[str, int, int, str]]:
    """An element of every kind of connection that has a leg on the supply."""
    found = []
    for c in design.connections:
        if c.source == "bias" or not c.target.startswith("y"):
            continue
        for sign, role in ((1, "source_plus"), (-1, "source_minus")):
            rail = c.plus if sign > 0 else -c.minus
            row, column = (int(k) for k in np.argwhere(rail > 0)[0])
            found.append((c.parameter, row, column, role))
    return found


def test_removing_a_leg_removes_its_lines_and_exactly_its_energy() -> None:
    """Legs into an output pin move no state, so nothing else changes."""
    chip = make_chip()
    inputs = draw_inputs(4, 5, n_seq=5)
    before, deck = energy(run(chip, inputs).supply), chip_deck(chip.design).splitlines()
    legs = pmos_legs(chip.design)
    assert {role for *_, role in legs} == {"source_plus", "source_minus"}
    for parameter, row, column, _ in legs:
        cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
        after = energy(run(cut, inputs).supply)
        found = before.total - after.total
        assert np.all(found > 0)
        for block in BLOCKS:
            change = sum(before.blocks[block]) - sum(after.blocks[block])
            wanted = found if block == "mirror" else np.zeros_like(found)
            np.testing.assert_allclose(change, wanted, rtol=1e-6, atol=1e-24)
        gone = set(deck) - set(chip_deck(cut.design).splitlines())
        index = [c.parameter for c in chip.design.connections].index(parameter)
        legs_gone = [line for line in gone if line.startswith(f"xw{index}")]
        assert len(legs_gone) == 2
        assert all(f"_{row}_{column} " in line for line in legs_gone)
        assert {line.split()[0] for line in gone} - {x.split()[0] for x in legs_gone} <= {"*"}
        added = set(chip_deck(cut.design).splitlines()) - set(deck)
        assert all(line.startswith("*") for line in added)  # the design's hash


def test_the_energy_of_a_removed_leg_is_its_current() -> None:
    chip = make_chip(n_layers=1)
    x = np.random.default_rng(2).normal(size=4)
    inputs = make_inputs(x[None, None, :])
    found = run(chip, inputs)
    alpha = chip.mapped.tensors["layers.0.alpha"]
    initial = chip.mapped.tensors["layers.0.initial_state"]
    states = (
        [round(float(s)) + 2 for s in initial],
        [round(float(h)) + 2 for h in found.trace.states[0][0, 0, 0] / alpha],
    )
    parameter, row, column, _ = pmos_legs(chip.design)[0]
    cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
    by_hand = [sum(frame_by_hand(one, x, states).blocks.values()) for one in (chip, cut)]
    joules = [energy(r.supply).total[0, 0] for r in (found, run(cut, inputs))]
    difference = (by_hand[0] - by_hand[1]) * V_DD * chip.design.timing.frame
    assert joules[0] - joules[1] == pytest.approx(difference, rel=1e-6)
    assert difference > 0


def test_removing_a_leg_of_a_threshold_is_seen_by_deck_and_census_alike() -> None:
    chip = make_chip(n_layers=1, threshold="input")
    x = np.random.default_rng(2).normal(size=4)
    parameter = "layers.0.threshold.weight"
    legs = {c.parameter: c for c in chip.design.connections}[parameter]
    row, column = (int(k) for k in np.argwhere(legs.plus)[0])
    cut = dataclasses.replace(chip, design=chip.design.without(parameter, row, column))
    lines = [set(chip_deck(one.design).splitlines()) for one in (chip, cut)]
    gone = [line for line in lines[0] - lines[1] if not line.startswith("*")]
    index = [c.parameter for c in chip.design.connections].index(parameter)
    assert gone
    assert all(line.startswith(f"xw{index}") for line in gone)
    assert all(line.startswith("*") for line in lines[1] - lines[0])
    joules = []
    for one in (chip, cut):
        found = run(one, make_inputs(x[None, None, :]))
        initial = chip.mapped.tensors["layers.0.initial_state"]
        level = found.trace.states[0][0, 0, 0] / chip.mapped.tensors["layers.0.alpha"]
        states = [round(float(s)) + 2 for s in initial], [round(float(h)) + 2 for h in level]
        by_hand = sum(frame_by_hand(one, x, states).blocks.values())
        joules.append(float(energy(found.supply).total[0, 0]))
        assert joules[-1] == pytest.approx(by_hand * V_DD * chip.design.timing.frame, rel=1e-9)
    assert joules[0] != pytest.approx(joules[1], rel=1e-3)


def test_the_legs_of_a_bias_are_priced_with_the_bias() -> None:
    chip = make_chip()
    tensors = dict(chip.model.tensors) | {"head.bias": np.full(3, 0.5)}
    chip = Chip(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
    inputs = draw_inputs(4, 5, n_seq=5)
    c = next(c for c in chip.design.connections if c.parameter == "head.bias")
    row = int(np.argmax(c.plus[:, 0]))
    units = int(c.plus[row, 0])
    assert units > 0
    cut = dataclasses.replace(chip, design=chip.design.without("head.bias", row, 0))
    before, after = (energy(run(x, inputs).supply) for x in (chip, cut))
    gain = path_gains(chip.calibration, chip.design.buses["bias"], chip.design.buses["y"])
    watts = units * chip.design.i_lsb * gain["source_plus"] * V_DD
    np.testing.assert_allclose(before.power - after.power, watts, rtol=1e-6)


# --------------------------------------------------------------------------------- the scaling


@pytest.mark.parametrize(("cell", "keys"), [("cmru", {}), ("bmru", {}), ("cmru", {"skip": 1})])
def test_energy_adds_up_and_is_power_times_duration(cell: str, keys: dict[str, Any]) -> None:
    chip = make_chip(cell, **keys)
    inputs = draw_inputs(4, 6, n_seq=20)
    record = run(chip, inputs).supply
    result = energy(record)
    parts = sum(static + switching for static, switching in result.blocks.values())
    np.testing.assert_allclose(result.total, parts, rtol=1e-12)
    np.testing.assert_allclose(
        result.power, V_DD * (record.static + record.switching).sum(-1), rtol=1e-12
    )
    np.testing.assert_allclose(
        result.total, result.power * inputs.lengths * chip.design.timing.frame, rtol=1e-12
    )
    for static, switching in result.blocks.values():
        assert np.all(static >= 0)
        assert np.all(switching >= 0)
    assert tuple(result.blocks) == BLOCKS


def test_a_sequence_costs_the_sum_of_its_frames() -> None:
    """A sequence of one frame, and the same as the first of two: the mean is over valid frames."""
    chip = make_chip()
    x = np.random.default_rng(4).normal(size=(1, 2, 4))
    both = energy(run(chip, make_inputs(x)).supply).total[0, 0]
    first = energy(run(chip, make_inputs(x, [1])).supply).total[0, 0]
    assert 0 < first < both


def test_a_frame_twice_as_long_costs_twice_the_static_and_the_same_switching_energy() -> None:
    chip = make_chip()
    inputs = draw_inputs(4, 7, n_seq=10)
    timing = chip.design.timing
    slow = dataclasses.replace(
        timing,
        frame=2 * timing.frame,
        strobes=tuple(2 * t for t in timing.strobes),
        pulse=2 * timing.pulse,
    )
    slower = dataclasses.replace(chip, design=dataclasses.replace(chip.design, timing=slow))
    fast, long = (energy(run(c, inputs).supply) for c in (chip, slower))
    for block in BLOCKS:
        np.testing.assert_allclose(long.blocks[block][0], 2 * fast.blocks[block][0], rtol=1e-9)
        np.testing.assert_allclose(long.blocks[block][1], fast.blocks[block][1], rtol=1e-9)
    assert np.all(fast.blocks["clock"][1] > 0)
    assert np.all(fast.blocks["memory"][1] > 0)


def test_switching_energy_goes_with_the_square_of_the_supply() -> None:
    """But for the crowbar current of a clock driver, which its capacitance at a supply holds."""
    chip = make_chip()
    inputs = draw_inputs(4, 8, n_seq=10)
    low, high = (energy(run(chip, inputs, v_dd=v).supply) for v in (1.62, 1.98))
    cells = sum(bank.n_units * bank.n_cells for bank in chip.design.banks)
    at = [chip.calibration.at(v) for v in (1.62, 1.98)]
    charged = [len(chip.design.banks) * cal.c_driver + cells * cal.c_clock for cal in at]
    assert charged[1] > charged[0]
    ratio = high.blocks["clock"][1] / low.blocks["clock"][1]
    np.testing.assert_allclose(ratio, (1.98 / 1.62) ** 2 * charged[1] / charged[0], rtol=1e-12)
    # Bias currents are constant but for the mirrors' output conductance: 8 % a volt, twice.
    ratio = high.power / low.power
    assert np.all(ratio > 1.98 / 1.62)
    assert np.all(ratio < 1.98 / 1.62 * (1 + 0.36 * 0.09) ** 3)


def test_energy_follows_the_unit_current() -> None:
    """All static currents are ratios of i_unit; what is charged and what drivers leak is not.

    Twice the current moves every gate by n U_T ln 2, some 25 mV, and so each mirror's gain by
    25 mV times its conductance of at most 0.09 per volt, over two mirrors.
    """
    from mru_hw.mapping import DesignOptions, map_model

    chip = make_chip()
    inputs = draw_inputs(4, 9, n_seq=5)
    twice = map_model(chip.model, TECHNOLOGY, chip.calibration, DesignOptions(i_unit=2e-9))
    runs = [run(dataclasses.replace(chip, design=d), inputs) for d in (chip.design, twice)]
    half = [chip.mapped.tensors[f"layers.{i}.alpha"] / 2 for i in range(2)]
    states = zip(*(found.trace.states for found in runs), half, strict=True)
    same = [~np.any(np.abs(a - b)[0] > h, axis=(1, 2)) for a, b, h in states]
    alike = same[0] & same[1]  # a step near its threshold may turn out otherwise
    assert alike.sum() >= 4
    one, two = (energy(found.supply) for found in runs)
    for block in (name for name in BLOCKS if name != "clock"):
        static = [part.blocks[block][0][0, alike] for part in (one, two)]
        np.testing.assert_allclose(static[1], 2 * static[0], rtol=5e-3)
    for part in (0, 1):
        clocks = [made.blocks["clock"][part] for made in (one, two)]
        np.testing.assert_allclose(clocks[1], clocks[0], rtol=1e-12)


def test_a_loop_draws_its_input_in_either_state() -> None:
    """Low, the supply gives the plus copy; high, threshold and width."""
    chip = make_chip("fq_bmru", n_layers=1)
    tensors = dict(chip.model.tensors)
    tensors["layers.0.candidate.weight"] = 0 * tensors["layers.0.candidate.weight"]
    idle = []
    for initial, bias in ((0.0, 0.25), (0.0, 0.125), (1.0, 0.25)):
        tensors["layers.0.initial_state"] = np.full(6, initial)
        tensors["layers.0.beta"] = np.full(6, 0.05)
        tensors["layers.0.delta"] = np.full(6, 0.7)
        tensors["layers.0.candidate.bias"] = np.full(6, bias)
        one = Chip(dataclasses.replace(chip.model, tensors=tensors), TECHNOLOGY)
        record = run(one, make_inputs(np.zeros((1, 3, 4)))).supply
        idle.append(record.static[0, 0, BLOCKS.index("memory")])
    low, lower, high = idle
    # Low: proportional to what flows in, once the quiescent current is small beside it.
    assert low / lower == pytest.approx(2.0, rel=0.1)
    assert high > 2 * low
