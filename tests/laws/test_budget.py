"""The error budget: its variances are those of dies, its residuals those of the mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.budget.curvature import element_error, node_bend
from mru_hw.budget.elements import element_errors
from mru_hw.budget.mismatch import mismatch_spread
from mru_hw.budget.nominal import Key, Nominal, threshold_signs, thresholds
from mru_hw.budget.signals import draw_signals, identity
from mru_hw.budget.systematic import KINDS, residuals, systematic_errors
from mru_hw.budget.table import make_budget, points_for
from mru_hw.budget.wanted import wanted_legs
from mru_hw.cells.base import Devices
from mru_hw.circuits.base import NodeKind
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.legs.rails import leg_weights
from mru_hw.mapping import Design, map_model, unmap
from mru_hw.mapping.design import Bank
from mru_hw.mapping.options import Compensated, DesignOptions
from mru_hw.mapping.realised import realised_bank
from mru_hw.mapping.sizing import load_lengths
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_die
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import Die, draw_die, nominal_die
from tests.networks import draw_model, make_spec, with_even_settings

Array = NDArray[np.float64]
POINTS = 32
RECTIFIED = dict.fromkeys(("rectify_input", "rectify_output"), True)
NETWORKS: dict[str, dict[str, Any]] = {
    "cmru": {"levels": 2},
    "cmru, rectified, skip": {"levels": 1, "skip": 1, **RECTIFIED},
    "cmru, window": {"levels": 2, "threshold": "input"},
    "bmru": {},
    "fq_bmru": {"rectify_candidate": True, **RECTIFIED},
}


def network(name: str, n_layers: int, seed: int = 4) -> Model:
    """A small network, its settings within a factor of two as trained ones have them."""
    spec = make_spec(name.partition(",")[0], n_layers, **NETWORKS[name])
    return with_even_settings(draw_model(spec, seed), seed)


def chip(
    name: str, technology: str = "generic180", n_layers: int = 2
) -> tuple[Model, Design, Calibration]:
    process = load_technology(technology)
    calibration = load_calibration(process)
    model = network(name, n_layers)
    return model, map_model(model, process, calibration), calibration


class Points:
    """Operating points, played to whole dies as the behavioral level has them."""

    def __init__(self, design: Design, calibration: Calibration) -> None:
        self.design, self.calibration = design, calibration
        signals = draw_signals(Nominal.of(design, calibration, 27.0), POINTS)
        self.x = signals.value["x"].T[:, :, None] / design.buses["x"].scale
        self.cells: dict[str, tuple[int, Any]] = {
            bank.state: (bank.layer, signals.on[bank.layer].sum(axis=2).T.astype(np.int64))
            for bank in design.banks
        }
        self.values: dict[str, Array] = {}
        self.thresholds, self.outputs = self.play(nominal_die(design))

    def play(self, die: Die) -> tuple[list[tuple[Array, int, Array, Array]], Array]:
        """Per threshold the rising one, sign, candidate, itself, (n_units, n_points); outputs."""
        array = compile_die(self.design, self.calibration, die, temperature=27.0)
        values: dict[str, Array] = {}
        rails: dict[str, Rails] = {}
        for name, bus in self.design.buses.items():
            if bus.kind is NodeKind.BIAS:
                continue
            values[name], rails[name] = self._solved(array, name, rails)
        self.values = self.values or values
        found = []
        for memory in array.memories:
            bank = memory.bank
            carried = None if bank.threshold is None else rails[bank.threshold]
            both = memory.thresholds(carried)
            rise = both[0][:, :, 0]
            for sign, threshold in zip(threshold_signs(self.design, bank), both, strict=False):
                c = values[bank.candidate][:, :, 0]
                found.append((rise, sign, c, np.broadcast_to(threshold[:, :, 0], c.shape)))
        return found, values["y"][:, :, 0]

    def _solved(self, array: DieArray, name: str, rails: dict[str, Rails]) -> tuple[Array, Rails]:
        if name != "x" and name not in self.cells:
            return array.arrive(name, rails)
        value = self.x
        if name in self.cells:
            layer, cells = self.cells[name]
            value = np.take_along_axis(array.memories[layer].level, cells, axis=1)[:, :, None]
        return value, array.nodes[name].rails(value)

    def errors(self, die: Die) -> tuple[Array, Array]:
        """Errors of thresholds (n_thresholds, n_points), in beta, and of outputs, relative."""
        found, outputs = self.play(die)
        errors = []
        for (_, sign, c, t), (rise, _, c0, t0) in zip(found, self.thresholds, strict=True):
            scale = np.sqrt(np.mean(rise**2, axis=1, keepdims=True))
            errors.append((sign * (c - c0) - (t - t0)) / scale)
        size = np.sqrt(np.mean(self.outputs**2))
        return np.concatenate(errors), (outputs - self.outputs) / size

    def sigma(self, dies: Iterable[Die], *, centred: bool = True) -> tuple[Array, Array]:
        """Standard deviation over dies, root mean square over points."""
        sums = [[np.zeros(1), np.zeros(1)] for _ in range(2)]
        n = 0
        for die in dies:
            n += 1
            for kept, error in zip(sums, self.errors(die), strict=True):
                kept[0] = kept[0] + error
                kept[1] = kept[1] + error**2
        both = [np.sqrt(np.mean(b / n - centred * (a / n) ** 2, axis=1)) for a, b in sums]
        return both[0], both[1]


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


# ---------------------------------------------------------------------------------------- random


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


def test_without_conductance_nothing_bends() -> None:
    model, _, calibration = chip("cmru")
    process = load_technology("generic180")
    flat = {
        side: getattr(calibration, side).model_copy(update={"conductance": 0.0}) for side in "np"
    }
    ideal = calibration.model_copy(update=flat)
    design = map_model(model, process, ideal)
    chip_ = residuals(model, design, ideal, load_lengths(process), n_points=16)
    errors = systematic_errors(chip_)
    assert rms(errors.total_thresholds["curvature"]) < 1e-12
    assert rms(errors.total_thresholds["rounding"]) > 1e-3


def tight(name: str, technology: str) -> tuple[Model, Design, Calibration]:
    """A chip without leakage, which no line takes up and which is a kind of error of its own."""
    model, _, calibration = chip(name, technology)
    none = {side: tuple(1e-30 for _ in getattr(calibration, side)) for side in ("leak_n", "leak_p")}
    calibration = calibration.model_copy(update=none)
    return model, map_model(model, load_technology(technology), calibration), calibration


def software(model: Model, x: Array, levels: dict[int, Array]) -> dict[str, Array]:
    """What the equations of a network make of inputs (points, n_in) with its levels held."""
    t = model.tensors

    def linear(name: str, a: Array) -> Array:
        return np.asarray(a @ t[f"{name}.weight"].T + t[f"{name}.bias"])

    v, found = linear("input", x), {}
    for i, layer in enumerate(model.spec.layers):
        p = f"layers.{i}."
        u = np.maximum(v, 0) if layer.rectify_input else v
        found[f"c{i}"] = linear(p + "candidate", u)
        if layer.threshold == "input":
            found[f"b{i}"] = linear(p + "threshold", u)
        out = linear(p + "output", t[p + "alpha"] * levels[i])
        out = np.maximum(out, 0) if layer.rectify_output else out
        if p + "skip.weight" in t:
            out = out + v @ t[p + "skip.weight"].T
        v = out + v if layer.skip == 1 else out
    return found | {"y": linear("head", v)}


def margins(
    played: dict[str, Array], bank: Bank, signs: tuple[int, ...], edges: tuple[Array, Array]
) -> Array:
    """Candidates of a layer less their thresholds, (thresholds, points), as a network has them.

    `edges` are the fixed rising and falling ones (n_units,), in the network's own units.
    """
    c, inflow = played[f"c{bank.layer}"].T, played.get(f"b{bank.layer}")
    both = [edge[:, None] for edge in edges] if inflow is None else 2 * [np.abs(inflow.T)]
    return np.concatenate([s * c - t for s, t in zip(signs, both, strict=False)])


def realised_edges(design: Design, bank: Bank, calibration: Calibration) -> tuple[Array, Array]:
    real = realised_bank(design, bank, calibration)
    return real.up, real.down


@pytest.mark.parametrize("technology", ["generic180", "sky130"])
@pytest.mark.parametrize("name", NETWORKS)
def test_curvature_is_the_nominal_die_less_the_network_of_its_ratios(
    name: str, technology: str
) -> None:
    """Node by node and threshold by threshold, what the groups have adds up to the difference.

    Both sides are sums of some hundred products in float64: 1e-10 of a unit is far more than they
    round by, and what is compared is some hundredths of one.
    """
    model, design, calibration = tight(name, technology)
    read = residuals(model, design, calibration, load_lengths(design.technology), n_points=POINTS)
    die = Points(design, calibration)
    levels = {
        bank.layer: bank.memory.level(read.signals.on[bank.layer].sum(axis=2), bank.levels)
        for bank in design.banks
    }
    network = unmap(design, calibration)
    played = software(network, read.signals.value["x"] / design.buses["x"].scale, levels)
    for target, wanted in played.items():
        seeds = {target: identity(*wanted.shape)}
        found = np.sum(list(read.carried(read.played, seeds)["curvature"].values()), axis=0)
        found /= design.buses[target].scale
        left = die.values[target][:, :, 0].T - wanted
        np.testing.assert_allclose(found, left, rtol=0, atol=1e-10)
        assert rms(left) > 1e-3 * rms(wanted), target
    software_margins = np.concatenate(
        [
            margins(
                played,
                bank,
                threshold_signs(design, bank),
                realised_edges(design, bank, calibration),
            )
            for bank in design.banks
        ]
    )
    for k in (0, POINTS // 2):
        one = dataclasses.replace(read, played=read.played.at(slice(k, k + 1)))
        total = systematic_errors(one).total_thresholds["curvature"]
        chip_ = [sign * c[:, k] - t[:, k] for _, sign, c, t in die.thresholds]
        rise = [np.broadcast_to(r, c.shape)[:, k] for r, _, c, _ in die.thresholds]
        left = np.concatenate(chip_) - software_margins[:, k]
        np.testing.assert_allclose(total * np.concatenate(rise), np.abs(left), rtol=0, atol=1e-10)


def test_curvature_at_a_threshold_is_that_of_the_points_nearest_to_it() -> None:
    model, design, calibration = chip("bmru")
    read = residuals(model, design, calibration, load_lengths(design.technology), n_points=POINTS)
    total = systematic_errors(read).total_thresholds["curvature"].reshape(2, 2, -1)
    for at, bank in enumerate(design.banks):
        c = read.signals.value[bank.candidate]
        seeds: dict[str, Any] = {bank.candidate: identity(*c.shape)}
        played = read.carried(read.played, seeds)["curvature"]
        error = np.sum(list(played.values()), axis=0)
        edges = thresholds(read.nominal.devices, bank)[:, 0]
        for kind, sign in enumerate(threshold_signs(design, bank)):
            nearest = np.argsort(np.abs(sign * c - edges[kind]), axis=0)[: POINTS // 8]
            counted = np.take_along_axis(error, nearest, axis=0) / edges[0]
            wanted = np.sqrt(np.mean(counted**2, axis=0))
            np.testing.assert_allclose(total[at, kind], wanted, rtol=1e-9)


def test_curvature_counts_from_the_conditions_that_ratios_are_compensated_for() -> None:
    """A chip that is compensated for 85 degC is off at 27 by more than by what bends."""
    model, _, calibration = tight("cmru", "generic180")
    process, left = load_technology("generic180"), []
    for temperature in (27.0, 85.0):
        options = DesignOptions(compensated=Compensated(temperature=temperature))
        design = map_model(model, process, calibration, options)
        read = residuals(model, design, calibration, load_lengths(process), n_points=POINTS)
        seeds = {"c1": identity(POINTS, design.buses["c1"].size)}
        found = np.sum(list(read.carried(read.played, seeds)["curvature"].values()), axis=0)
        difference = read.signals.value["c1"] - read.played.value["c1"]
        np.testing.assert_allclose(found, difference, rtol=0, atol=1e-10 * design.i_unit)
        left.append(rms(found))
    assert left[1] > 1.5 * left[0]


@pytest.mark.parametrize("name", ["cmru", "cmru, rectified, skip", "fq_bmru"])
def test_rounding_is_the_network_of_the_ratios_less_the_trained_one(name: str) -> None:
    """To second order: errors of a signal times those of the weight that it meets."""
    model, design, calibration = chip(name)
    read = residuals(model, design, calibration, load_lengths(design.technology), n_points=POINTS)
    x = read.signals.value["x"] / design.buses["x"].scale
    levels = {
        bank.layer: bank.memory.level(read.signals.on[bank.layer].sum(axis=2), bank.levels)
        for bank in design.banks
    }
    networks = [software(m, x, levels) for m in (unmap(design, calibration), model)]
    parts = []
    for bank in design.banks:
        signs, real = threshold_signs(design, bank), realised_edges(design, bank, calibration)
        own = by_name(model.tensors, f"layers.{bank.layer}.")
        asked = bank.memory.edges(np.abs(own("beta")), own)
        # Only c / beta counts of a signed unit, so its candidate takes up the threshold's rounding.
        taken = (real[0] + real[1]) / 2 / asked[0] if bank.memory.signed else np.ones_like(asked[0])
        placed, trained = (
            margins(played, bank, signs, edges)
            for played, edges in zip(networks, (real, asked), strict=True)
        )
        parts.append(placed - np.tile(taken, len(signs))[:, None] * trained)
    left = np.concatenate(parts)
    rise = np.concatenate([r[:, 0] for r, *_ in Points(design, calibration).thresholds])
    for k in (0, POINTS // 2):
        one = dataclasses.replace(read, played=read.played.at(slice(k, k + 1)))
        total = systematic_errors(one).total_thresholds["rounding"]
        np.testing.assert_allclose(total * rise, np.abs(left[:, k]), rtol=0.1, atol=0.005)


def test_the_legs_of_a_node_have_its_whole_curvature_among_them() -> None:
    model, design, calibration = chip("cmru, rectified, skip")
    read = residuals(model, design, calibration, load_lengths(design.technology), n_points=4)
    played = read.played
    for row in read.nominal.flow.rows:
        if not row.legs:
            continue
        bend, each = node_bend(played, row), np.zeros((4, row.bus.size))
        line = np.tile(played.network.start(row.bus), (4, 1))
        for legs in played.network.legs_into(row):
            line += played.network.brought(legs)
            if legs.source.circuit.moves:
                line += played.chip(legs) @ legs.weight.T
            for role in legs.roles:
                for k, n in np.ndindex(*legs.weight.shape):
                    each[:, k] += element_error(played, legs, row.bus, bend, role, (k, n))
        left = read.signals.value[row.bus.name] - line
        np.testing.assert_allclose(each, left, rtol=0, atol=1e-10 * design.i_unit)


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
