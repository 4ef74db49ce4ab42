"""Mismatch: its size, its independence, its nominal limit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mru_hw.cells.base import Devices
from mru_hw.circuits.legs.rails import leg_weights
from mru_hw.circuits.nodes.supply import quiescent
from mru_hw.mapping import Design, map_model
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import Die, draw_die, nominal_die
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
DIES = 300


def chip(technology: Technology = TECHNOLOGY) -> Design:
    model = draw_model(make_spec("cmru", levels=2), 1)
    ones = {n: np.ones_like(v) for n, v in model.tensors.items() if n.endswith((".beta", ".alpha"))}
    model = dataclasses.replace(model, tensors=dict(model.tensors) | ones)
    return map_model(model, technology, CALIBRATION)


def devices(die: Die, design: Design) -> Devices:
    return Devices(design=design, calibration=CALIBRATION, die=die, temperature=27.0)


def twice_as_large(technology: Technology) -> Technology:
    larger = {
        name: d.model_copy(update={"w": 2 * d.w, "l": 2 * d.l})
        for name, d in technology.devices.items()
    }
    return technology.model_copy(update={"devices": larger})


def test_sigma_is_pelgrom_s_in_every_group_of_devices() -> None:
    design = chip()
    dies = [draw_die(design, seed) for seed in range(DIES)]
    for group in design.device_groups():
        present = group.units > 0
        device = TECHNOLOGY.devices[group.device]
        a_vt = getattr(TECHNOLOGY.mismatch, f"a_vt_{device.polarity}")
        a_beta = getattr(TECHNOLOGY.mismatch, f"a_beta_{device.polarity}")
        area = np.sqrt(device.w * device.l * group.units[present])
        for a, name in ((a_vt, "dvt"), (a_beta, "dbeta")):
            drawn = np.array([getattr(die, name)[group.key][present] for die in dies])
            unit = (drawn * area / a).ravel()
            # Five standard errors of mean and sigma of that many normal draws.
            assert abs(unit.mean()) < 5 / np.sqrt(unit.size), group.key
            assert abs(unit.std() - 1) < 5 / np.sqrt(2 * unit.size), group.key


def test_the_current_of_a_leg_spreads_as_its_devices_say() -> None:
    """sigma(I)/I: threshold over n kT/q, and current factor, of every device on a leg's path."""
    design = chip()
    connection = next(c for c in design.connections if c.parameter == "head.weight")
    bus = design.buses[connection.source]
    legs = [leg_weights(devices(draw_die(design, s), design), connection) for s in range(DIES)]
    nominal = leg_weights(devices(nominal_die(design), design), connection)
    for role, path in (("sink_plus", "nn"), ("source_plus", "nnpp")):
        units = np.abs(connection.plus)[nominal[role] > 0]
        values = np.array([leg[role] for leg in legs])[:, nominal[role] > 0]
        ratio = values / nominal[role][nominal[role] > 0]
        wanted = np.zeros(units.shape)
        for position, polarity in enumerate(path):
            # The last device is the leg itself, the others are as large as the diode.
            n = units if position == len(path) - 1 else bus.units
            vt, beta = TECHNOLOGY.sigma(f"{polarity}_mirror")
            wanted += ((vt / CALIBRATION.thermal(polarity, 27.0)) ** 2 + beta**2) / n
        found = np.log(ratio).std(axis=0) / np.sqrt(wanted)
        assert found.mean() == pytest.approx(1.0, abs=0.06), role


def test_four_times_the_gate_area_halves_every_sigma() -> None:
    small, large = chip(), chip(twice_as_large(TECHNOLOGY))
    assert small.digest() != large.digest()
    a, b = draw_die(small, 3), draw_die(large, 3)
    for group in small.device_groups():
        np.testing.assert_allclose(b.dvt[group.key], a.dvt[group.key] / 2, rtol=1e-12)
        np.testing.assert_allclose(b.dbeta[group.key], a.dbeta[group.key] / 2, rtol=1e-12)
    spreads = []
    for design in (small, large):
        bus = design.buses["c0"]
        currents = [quiescent(devices(draw_die(design, s), design), bus) for s in range(DIES)]
        spreads.append(np.log(currents).std())
    assert spreads[0] / spreads[1] == pytest.approx(2.0, rel=0.02)


def test_scale_zero_is_the_nominal_die_bit_for_bit() -> None:
    design = chip()
    nominal = nominal_die(design)
    for values in (*nominal.dvt.values(), *nominal.dbeta.values()):
        assert not values.any()
    quiet = draw_die(design, 7, scale=0.0)
    for name in ("dvt", "dbeta"):
        for key, values in getattr(nominal, name).items():
            assert np.array_equal(np.abs(getattr(quiet, name)[key]), values)
    here = devices(nominal, design)
    assert np.array_equal(here.factor("v0", "diode_plus", "n"), np.ones(design.buses["v0"].size))


def test_the_scale_multiplies_every_draw() -> None:
    design = chip()
    one, three = draw_die(design, 5), draw_die(design, 5, scale=3.0)
    for key, values in one.dvt.items():
        np.testing.assert_allclose(three.dvt[key], 3 * values, rtol=1e-12)


def test_leaving_out_a_leg_changes_no_other_device() -> None:
    design = chip()
    connection = next(c for c in design.connections if c.parameter == "layers.0.output.weight")
    row, column = (int(k) for k in np.argwhere(connection.plus > 0)[0])
    cut = design.without(connection.parameter, row, column)
    before, after = draw_die(design, 9), draw_die(cut, 9)
    for key, values in after.dvt.items():
        same = before.dvt[key] == values
        if key[0] == connection.parameter and key[1] == "source_plus":
            same[row, column] = True  # the device that is gone
        assert same.all(), key


def test_a_die_is_the_same_in_whatever_order_and_company_it_is_drawn() -> None:
    design = chip()
    alone = draw_die(design, 11)
    in_turn = {s: draw_die(design, s) for s in (30, 11, 2)}
    for key, values in alone.dvt.items():
        assert np.array_equal(in_turn[11].dvt[key], values)
        if values.size > 1:
            assert not np.array_equal(in_turn[2].dvt[key], values)


def test_groups_and_dies_are_not_correlated() -> None:
    design = chip()
    flat = np.array(
        [
            np.concatenate(
                [v.ravel() / v.std() for v in draw_die(design, s).dvt.values() if v.size > 9]
            )
            for s in range(40)
        ]
    )
    between = np.corrcoef(flat)[np.triu_indices(40, 1)]
    assert np.abs(between).max() < 6 / np.sqrt(flat.shape[1])
    die = draw_die(design, 0)
    plus, minus = die.dvt["head.weight", "source_plus"], die.dvt["head.weight", "sink_plus"]
    assert abs(np.corrcoef(plus.ravel(), minus.ravel())[0, 1]) < 5 / np.sqrt(plus.size)
