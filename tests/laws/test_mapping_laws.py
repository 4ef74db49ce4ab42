"""The mapping and the array state each law once: what one realises the other's nominal die does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mru_hw.mapping import NodeKind
from mru_hw.mapping.lines import NodeLine
from mru_hw.mapping.reading import Reading, usual_points
from mru_hw.mapping.realised import quiescent_current, realised_bank
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip, run_level
from mru_hw.stimulus import make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.laws.chips import make_chip

TECHNOLOGY = load_technology("generic180")
CELLS: list[tuple[str, dict[str, Any]]] = [
    ("cmru", {"levels": 1}),
    ("cmru", {"levels": 4, "rectify_input": True}),
    ("cmru", {"levels": 2, "rectify_candidate": True}),
    ("bmru", {}),
    ("fq_bmru", {"rectify_candidate": True}),
    ("fq_bmru", {}),
]


def compiled(chip: Chip) -> Any:
    return compile_die(chip.design, chip.calibration, chip.die(None), temperature=27.0)


@pytest.mark.parametrize(("cell", "keys"), CELLS)
def test_the_nominal_die_switches_where_the_mapping_says(cell: str, keys: dict[str, Any]) -> None:
    chip = make_chip(cell, 1, **keys)
    array = compiled(chip)
    for bank, memory in zip(chip.design.banks, array.memories, strict=True):
        real = realised_bank(chip.design, bank, chip.calibration)
        up, down = memory.thresholds()
        np.testing.assert_allclose(up[:, 0, 0], real.up, rtol=1e-12)
        if not (bank.clocked and memory.i_q is None):  # else nothing pulls a candidate down
            np.testing.assert_allclose(down[:, 0, 0], real.down, rtol=1e-12)


@pytest.mark.parametrize(("cell", "keys"), CELLS)
def test_a_level_is_the_line_through_the_nominal_die_s(cell: str, keys: dict[str, Any]) -> None:
    chip = make_chip(cell, 1, **keys)
    for bank, memory in zip(chip.design.banks, compiled(chip).memories, strict=True):
        real = realised_bank(chip.design, bank, chip.calibration)
        lowest = 0 if cell == "fq_bmru" else -bank.levels
        levels = lowest + bank.memory.spacing * np.arange(bank.n_cells + 1)
        line = np.polyfit(levels, memory.level.T / memory.biased, 1)
        np.testing.assert_allclose(line, [real.alpha, real.low], rtol=1e-9, atol=1e-12)
        # What the drains bend it by is far less than a level.
        bent = memory.level / memory.biased - (real.alpha[:, None] * levels + real.low[:, None])
        assert np.max(np.abs(bent) / real.alpha[:, None]) < 0.02


def test_a_splitter_rests_at_what_the_mapping_takes() -> None:
    chip = make_chip("cmru", 1, levels=2, skip="matrix")
    array = compiled(chip)
    for name, bus in chip.design.buses.items():
        if bus.circuit.splits:
            rest = quiescent_current(bus, chip.design.i_lsb, chip.calibration) / bus.scale
            np.testing.assert_allclose(array.nodes[name].i_q[:, 0, 0], rest, rtol=1e-12)


@pytest.mark.parametrize("skip", [0, "matrix"])
@pytest.mark.parametrize("rectified", [False, True])
def test_weights_are_the_line_through_what_the_array_does(skip: Any, rectified: bool) -> None:
    """At usual signals: no slope and no mean is left of a first node's error, but for sampling."""
    keys = {"levels": 2, "skip": skip, "rectify_input": rectified}
    chip = make_chip("cmru", 1, **keys)
    array, bus = compiled(chip), chip.design.buses["v0"]
    assert (bus.kind is NodeKind.RECTIFIED) == (rectified and skip == 0)
    x = np.random.default_rng(2).normal(size=(4, 20_000, 1))
    rails = {"bias": None, "x": array.nodes["x"].rails(x)}
    value, _ = array.arrive("v0", {name: r for name, r in rails.items() if r is not None})
    weight, bias = chip.mapped.tensors["input.weight"], chip.mapped.tensors["input.bias"]
    wanted = weight @ x[:, :, 0] + bias[:, None]
    error = value[:, :, 0] - wanted
    plain = {c.parameter: w for c, w in Reading(chip.design, chip.calibration).read_connections()}
    np.testing.assert_array_equal(plain["input.weight"], weight)
    size = wanted.std(axis=1)
    least = 0.0 if bus.kind is NodeKind.RECTIFIED else -np.inf
    flowing = wanted > least
    for k in np.flatnonzero(flowing.mean(axis=1) > 0.05):  # of the others there are no points
        slope, start = np.polyfit(wanted[k][flowing[k]], error[k][flowing[k]], 1)
        assert abs(slope) < 3e-3
        assert abs(start) < 5e-3 * size[k]
    assert np.max(np.abs(error)) > 1e-3  # it bends


def test_a_candidate_is_compensated_where_it_decides() -> None:
    """The array's errors near thresholds have no mean away from zero; uncompensated they have."""
    chip = make_chip("cmru", 1, levels=2)
    node = Reading(chip.design, chip.calibration).node_line(chip.design.buses["c0"])
    assert np.all(node.rho < NodeLine.plain(6).rho)
    inputs = make_inputs(np.random.default_rng(3).normal(size=(100, 20, 4)))
    ideal = simulate_ideal(chip.mapped, inputs)
    conditions = nominal_conditions(TECHNOLOGY)
    found = run_level(chip, inputs, level="behavioral", conditions=conditions).trace
    beta = chip.mapped.tensors["layers.0.beta"]
    c = ideal.candidates[0] / beta
    error = (found.candidates[0] / beta - c) * np.sign(c)
    near = np.abs(np.abs(c) - 1) < 0.3
    assert abs(float(np.mean(error[near]))) < np.mean(1 / node.rho - 1) / 4


def test_usual_points_have_the_moments_that_the_design_states() -> None:
    chip = make_chip("cmru", 1, levels=2)
    bus = chip.design.buses["c0"]
    points = usual_points(bus)
    np.testing.assert_allclose(points.mean(axis=1), bus.mean, atol=1e-9)
    np.testing.assert_allclose(points.std(axis=1), bus.deviation, rtol=0.02)
