"""The error budget's curvature and rounding: what the mapping leaves of the network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mru_hw.budget.curvature import element_error, node_bend
from mru_hw.budget.nominal import threshold_signs, thresholds
from mru_hw.budget.signals import identity
from mru_hw.budget.systematic import residuals, systematic_errors
from mru_hw.mapping import Design, map_model, unmap
from mru_hw.mapping.design import Bank
from mru_hw.mapping.options import Compensated, DesignOptions
from mru_hw.mapping.realised import realised_bank
from mru_hw.mapping.sizing import load_lengths
from mru_hw.model.memory import by_name
from mru_hw.model.network import Model
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import Calibration
from tests.laws.budgets import NETWORKS, POINTS, Array, Points, chip, rms


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
