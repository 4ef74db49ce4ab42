"""The error budget: its variances are those of dies, its residuals those of the mapping."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mru_hw.budget.elements import element_errors
from mru_hw.budget.mismatch import mismatch_spread
from mru_hw.budget.nominal import Key
from mru_hw.budget.systematic import KINDS, residuals, systematic_errors
from mru_hw.budget.table import make_budget, points_for
from mru_hw.budget.wanted import wanted_legs
from mru_hw.cells.base import Devices
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.legs.rails import leg_weights
from mru_hw.mapping import Design, map_model
from mru_hw.mapping.sizing import load_lengths
from mru_hw.technology import load_technology
from mru_hw.variation import Die, draw_die, nominal_die
from tests.laws.budgets import NETWORKS, POINTS, Array, Points, chip, rms


def test_predicted_sigma_is_that_of_two_thousand_dies() -> None:
    _, design, calibration = chip("cmru", n_layers=1)
    spread = mismatch_spread(design, calibration, n_points=POINTS)
    at_thresholds, at_outputs = Points(design, calibration).sigma(
        draw_die(design, seed) for seed in range(2000)
    )
    assert rms(spread.sigma_thresholds) == pytest.approx(rms(at_thresholds), rel=0.05)
    assert rms(spread.sigma_outputs) == pytest.approx(rms(at_outputs), rel=0.05)
    # Of a single one the dies know 1.6 %, and the largest of many is three times that off.
    np.testing.assert_allclose(spread.sigma_thresholds, at_thresholds, rtol=0.07)
    np.testing.assert_allclose(spread.sigma_outputs, at_outputs, rtol=0.07)


@pytest.mark.parametrize(
    ("name", "technology"),
    [
        ("cmru", "sky130"),
        ("cmru, rectified, skip", "generic180"),
        ("cmru, window", "generic180"),
        ("bmru", "generic180"),
        ("bmru", "sky130"),
        ("fq_bmru", "generic180"),
    ],
)
def test_every_kind_of_unit_has_the_spread_of_its_dies(name: str, technology: str) -> None:
    _, design, calibration = chip(name, technology)
    spread = mismatch_spread(design, calibration, n_points=POINTS)
    at_thresholds, at_outputs = Points(design, calibration).sigma(
        draw_die(design, seed) for seed in range(150)
    )
    assert rms(spread.sigma_thresholds) == pytest.approx(rms(at_thresholds), rel=0.08)
    assert rms(spread.sigma_outputs) == pytest.approx(rms(at_outputs), rel=0.1)


def alone(design: Design, key: Key, seed: int, enlarged: float = 1.0) -> Die:
    """A die on which one group alone is off, each of its devices by its sigma either way.

    Of seeds 2 k and 2 k + 1 the current factors are opposite, so that products with thresholds
    cancel.
    """
    nominal = nominal_die(design)
    group = next(group for group in design.device_groups() if group.key == key)
    sigma = np.sqrt(1 / np.maximum(group.units, 1) / enlarged)
    vt, beta = design.technology.sigma(group.device)
    either = np.random.default_rng(seed // 2).choice([-1.0, 1.0], (2, *group.units.shape))
    either[1] *= 1 - 2 * (seed % 2)
    return dataclasses.replace(
        nominal,
        dvt={**nominal.dvt, key: vt * sigma * either[0]},
        dbeta={**nominal.dbeta, key: beta * sigma * either[1]},
    )


@pytest.mark.parametrize(
    "key",
    [("bias", "diode_plus"), ("v1", "diode_plus"), ("layers.0.output.weight", "sink_plus")],
)
def test_a_group_alone_has_its_share_and_doubled_half_of_it(key: Key) -> None:
    _, design, calibration = chip("cmru")
    spread = mismatch_spread(design, calibration, n_points=POINTS)
    larger = mismatch_spread(design, calibration, n_points=POINTS, enlarged={key: 2.0})
    for other, variance in larger.at_thresholds.items():
        wanted = spread.at_thresholds[other] / (2 if other == key else 1)
        np.testing.assert_allclose(variance, wanted, rtol=1e-12)
    points = Points(design, calibration)
    # Either sign in equal measure: one device alone is exact, of many the products average out.
    for found, factor in ((spread, 1.0), (larger, 2.0)):
        dies = (alone(design, key, seed, factor) for seed in range(60))
        measured = rms(points.sigma(dies, centred=False)[0])
        assert rms(np.sqrt(found.at_thresholds[key])) == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize("parameter", ["layers.0.candidate.weight", "layers.1.output.weight"])
def test_each_weight_s_leg_has_the_spread_of_its_dies(parameter: str) -> None:
    model, design, calibration = chip("cmru")
    read = residuals(model, design, calibration, load_lengths(design.technology), n_points=2)
    predicted = {(e.parameter, e.role): e.sigma for e in element_errors(read)}
    connection = next(c for c in design.connections if c.parameter == parameter)
    legs: dict[str, list[Array]] = {}
    for seed in range(300):
        die = draw_die(design, seed)
        devices = Devices(design=design, calibration=calibration, die=die, temperature=27.0)
        for role, weights in leg_weights(devices, connection).items():
            legs.setdefault(role, []).append(weights)
    for role, drawn in legs.items():
        ratio = []
        for row, column in np.argwhere(drawn[0]):
            measured = np.std(np.log([w[row, column] for w in drawn]))
            ratio.append(predicted[f"{parameter}[{row},{column}]", role] / measured)
        # 4.1 % of each, and legs of one node share its devices: three standard errors.
        assert np.mean(ratio) == pytest.approx(1.0, abs=0.07), role
        np.testing.assert_allclose(ratio, 1.0, atol=0.16)


def test_without_mismatch_there_is_no_spread() -> None:
    model, _, calibration = chip("cmru")
    process = load_technology("generic180")
    zeros = dict.fromkeys(("a_vt_n", "a_vt_p", "a_beta_n", "a_beta_p"), 0.0)
    exact = process.model_copy(update={"mismatch": process.mismatch.model_copy(update=zeros)})
    spread = mismatch_spread(map_model(model, exact, calibration), calibration)
    assert not np.any(spread.sigma_thresholds)
    assert not np.any(spread.sigma_outputs)


# ------------------------------------------------------------------------------------ systematic


@pytest.mark.parametrize("name", NETWORKS)
def test_rounding_lies_within_half_a_unit_device(name: str) -> None:
    model, design, calibration = chip(name)
    wanted = wanted_legs(model, design, calibration)
    for connection in design.connections:
        source, target = design.buses[connection.source], design.buses[connection.target]
        gains = path_gains(calibration, source, target)
        for leg, legs in connection.legs():
            role = leg.role
            if legs.any():
                unit = gains[role] / source.units
                error = np.abs(legs * unit - wanted[connection.parameter][role])
                # The nodes are read with the legs that are placed, not with those asked for.
                assert np.max(error) <= unit / 2 * 1.05, connection.parameter


@pytest.mark.parametrize("name", NETWORKS)
def test_groups_of_one_error_add_up_to_no_more_than_their_sum(name: str) -> None:
    model, design, calibration = chip(name)
    errors = systematic_errors(
        residuals(model, design, calibration, load_lengths(design.technology), n_points=32)
    )
    for kind in KINDS:
        groups = np.sum(list(errors.at_thresholds[kind].values()), axis=0)
        assert np.all(errors.total_thresholds[kind] <= groups * (1 + 1e-9))
        assert np.all(np.isfinite(groups))


# ----------------------------------------------------------------------------------------- table


def test_the_table_is_ranked_and_its_shares_are_whole() -> None:
    model, design, calibration = chip("cmru")
    budget = make_budget(model, design, calibration)
    assert sum(row.share for row in budget.rows) == pytest.approx(1.0)
    benefit = [row.mirror.benefit for row in budget.rows]
    assert benefit == sorted(benefit, reverse=True)
    assert {row.key for row in budget.rows} == {group.key for group in design.device_groups()}
    assert sum(mirror.share for mirror in budget.mirrors) == pytest.approx(1.0)
    for mirror in budget.mirrors:
        rows = [row for row in budget.rows if row.mirror is mirror]
        assert [row.key for row in rows] == list(mirror.keys)
        assert [row.variance for row in rows] == sorted((r.variance for r in rows), reverse=True)
        assert mirror.area == pytest.approx(sum(row.area for row in rows))
        assert mirror.share == pytest.approx(sum(row.share for row in rows))
        assert mirror.removed * mirror.area == pytest.approx(mirror.variance / 2)
    # What spending it says: a hundredth of the chip's gates on the first mirror.
    first, chip_area = budget.mirrors[0], sum(row.area for row in budget.rows)
    factor = 1 + 0.01 * chip_area / first.area
    larger = mismatch_spread(
        design,
        calibration,
        n_points=points_for(design),
        enlarged=dict.fromkeys(first.keys, factor),
    ).sigma_thresholds
    before = np.mean(budget.spread.sigma_thresholds**2)
    assert 1 - np.mean(larger**2) / before == pytest.approx(first.benefit, rel=1e-6)
    # The PMOS splitters' few unit devices are cheap to enlarge and hardly count.
    tiny = next(mirror for mirror in budget.mirrors if ("bias", "split_p") in mirror.keys)
    marginal = sorted(budget.mirrors, key=lambda mirror: -mirror.removed)
    assert budget.mirrors.index(tiny) > marginal.index(tiny)
