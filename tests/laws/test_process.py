"""What all devices of a die share: its size, what cancels of it, and what does not."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from mru_hw.cells.base import Devices
from mru_hw.circuits.legs.rails import leg_weights
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.mapping import Design, map_model
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.compile import compile_die
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import Die, die_calibration, draw_die, nominal_die
from mru_hw.variation.placement import Placement
from mru_hw.variation.spread import draw_spread
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
DIES = 400


@functools.cache
def chip(cell: str = "cmru") -> Design:
    model = draw_model(make_spec(cell, **({"levels": 2} if cell == "cmru" else {})), 1)
    settings = (".beta", ".alpha", ".delta")
    ones = {n: np.ones_like(v) / 2 for n, v in model.tensors.items() if n.endswith(settings)}
    model = dataclasses.replace(model, tensors=dict(model.tensors) | ones)
    return map_model(model, TECHNOLOGY, CALIBRATION)


def shared(design: Design, seed: int, *, process: float = 1.0, gradient: float = 0.0) -> Die:
    return draw_die(design, seed, scale=0.0, process=process, gradient=gradient)


def compiled(design: Design, die: Die) -> DieArray:
    return compile_die(design, CALIBRATION, die, temperature=27.0)


def test_dies_spread_as_the_process_says() -> None:
    design, process = chip(), TECHNOLOGY.process
    place = Placement.of(design)
    found = [
        draw_spread(design, seed, process=1.0, gradient=1.0, placement=place)
        for seed in range(DIES)
    ]
    drawn = {
        **{f"vt_{p}": [one.vt[p] for one in found] for p in "np"},
        **{f"beta_{p}": [one.beta[p] for one in found] for p in "np"},
        **{f"gradient_{p}": [x for one in found for x in one.slope[p]] for p in "np"},
    }
    for name, values in drawn.items():
        unit = np.array(values) / getattr(process, name)
        # Four standard errors of mean and sigma of that many normal draws.
        assert abs(unit.mean()) < 4 / np.sqrt(unit.size), name
        assert abs(unit.std() - 1) < 4 / np.sqrt(2 * unit.size), name
    independent = np.corrcoef([drawn[name] for name in ("vt_n", "vt_p", "beta_n", "beta_p")])
    assert np.abs(independent[np.triu_indices(4, 1)]).max() < 4 / np.sqrt(DIES)


def test_two_devices_differ_by_pelgrom_s_distance_term() -> None:
    """sigma(difference) = S D, in whatever direction."""
    design = chip()
    placement = Placement.of(design)
    groups = {group.key: group for group in design.device_groups()}
    pairs = [
        (("x", "diode_plus"), 0, ("x", "diode_plus"), -1),
        (("x", "diode_plus"), 0, ("bank1", "gain"), -1),
        (("bias", "diode_plus"), 0, ("bank0", "hold"), 0),
    ]
    place = Placement.of(design)
    found = [
        draw_spread(design, seed, process=0.0, gradient=2.0, placement=place)
        for seed in range(DIES)
    ]
    for one, i, other, k in pairs:
        ends = [np.array(placement.group(groups[key]))[:, at] for key, at in ((one, i), (other, k))]
        ends = [end.reshape(2, -1)[:, 0] for end in ends]
        distance = float(np.hypot(*(ends[0] - ends[1])))
        differ = [
            spread.of_group(groups[one])[0].ravel()[i]
            - spread.of_group(groups[other])[0].ravel()[k]
            for spread in found
        ]
        wanted = 2 * TECHNOLOGY.process.gradient_n * distance
        assert np.std(differ) == pytest.approx(wanted, rel=4 / math.sqrt(2 * DIES)), (one, other)


@pytest.mark.parametrize("cell", ["cmru", "bmru", "fq_bmru"])
def test_a_shift_that_all_devices_share_cancels_in_every_ratio(cell: str) -> None:
    """What is left is what the constants of the shifted gate voltages give the nominal die."""
    design = chip(cell)
    die = shared(design, 3, process=3.0)
    here = die_calibration(CALIBRATION, die)
    assert abs(here.n.v_gate - CALIBRATION.n.v_gate) > 1e-3
    nominal = nominal_die(design)
    for connection in design.connections:
        drawn, usual = (
            leg_weights(
                Devices(design=design, calibration=here, die=one, temperature=27.0), connection
            )
            for one in (die, nominal)
        )
        for role, gain in usual.items():
            np.testing.assert_allclose(drawn[role], gain, rtol=1e-12)
    found = compiled(design, die)
    left = compile_die(design, here, nominal, temperature=27.0)
    assert found.bias_supply == pytest.approx(left.bias_supply, rel=1e-12)
    for one, other in zip(found.memories, left.memories, strict=True):
        for name in ("up", "down", "level", "held", "up_leg", "down_leg", "up_copy", "down_copy"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    for bus, node in found.nodes.items():
        np.testing.assert_allclose(node.supply_plus, left.nodes[bus].supply_plus, rtol=1e-12)
        rest, usual_rest = node.i_q, left.nodes[bus].i_q
        if rest is not None and usual_rest is not None:
            np.testing.assert_allclose(rest, usual_rest, rtol=1e-12)


def test_a_gradient_does_not_cancel() -> None:
    """A threshold's bias leg stands where its unit does, the rail that it copies in the middle."""
    design = chip()
    groups = {group.key: group for group in design.device_groups()}
    for seed in range(5):
        die = shared(design, seed, process=0.0, gradient=1.0)
        assert die.spread is not None
        x, y = die.spread.placement.group(groups["bank0", "gain"])
        slope = die.spread.slope["n"]
        wanted = np.exp(-(slope[0] * x + slope[1] * y) / CALIBRATION.thermal("n", 27.0))
        memories = (compiled(design, d).memories[0] for d in (die, nominal_die(design)))
        drawn, usual = (np.diff(memory.level, axis=1) for memory in memories)
        # The slope factor of a shift is not quite that of the gate voltage.
        np.testing.assert_allclose(np.log(drawn / usual), np.log(wanted), rtol=0.1, atol=1e-5)


def test_constants_move_with_the_thresholds_of_a_die() -> None:
    design = chip()
    for seed in range(3):
        die = shared(design, seed)
        assert die.spread is not None
        found = die_calibration(CALIBRATION, die)
        for p in "np":
            thermal = CALIBRATION.thermal(p, 27.0)
            moved = die.spread.vt[p] - thermal * math.log1p(die.spread.beta[p])
            assert found.v_gate(p, 1e-11) - CALIBRATION.v_gate(p, 1e-11) == pytest.approx(moved)
            leaks = [cal.leakage(p, 1.0) for cal in (CALIBRATION, found)]
            assert math.log(leaks[0] / leaks[1]) == pytest.approx(moved / thermal)


def test_a_die_without_spread_is_the_same_to_the_bit() -> None:
    design = chip()
    die = draw_die(design, 5)
    assert die.spread is None
    assert die_calibration(CALIBRATION, die) is CALIBRATION


def test_the_spread_changes_no_draw_of_mismatch_nor_is_changed_by_it() -> None:
    design = chip()
    alone = draw_die(design, 5)
    both = draw_die(design, 5, process=1.0, gradient=1.0)
    other = draw_die(design, 5, scale=0.0, process=1.0, gradient=1.0)
    assert both.spread == other.spread
    for key, values in alone.dvt.items():
        np.testing.assert_allclose(both.dvt[key] - other.dvt[key], values, rtol=1e-9, atol=1e-15)
        ratio = (1 + both.dbeta[key]) / (1 + other.dbeta[key])
        np.testing.assert_allclose(ratio, 1 + alone.dbeta[key], rtol=1e-12)
    twice = draw_die(design, 5, process=2.0)
    assert both.spread is not None
    assert twice.spread is not None
    assert twice.spread.vt["p"] == pytest.approx(2 * both.spread.vt["p"])
    assert twice.spread.slope["p"] == (0.0, 0.0)


def test_a_quiescent_current_keeps_to_the_reference() -> None:
    design, die = chip(), shared(chip(), 2, process=3.0)
    for bus in ("v0", "c0"):
        drawn, usual = (
            quiescent(
                Devices(design=design, calibration=CALIBRATION, die=d, temperature=27.0),
                design.buses[bus],
            )
            for d in (die, nominal_die(design))
        )
        np.testing.assert_allclose(drawn, usual, rtol=1e-12)
