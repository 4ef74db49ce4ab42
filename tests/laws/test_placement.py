"""The floor plan: as large as its gates need, memory units around the tree, rows around them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mru_hw.mapping import Design, map_model
from mru_hw.model.network import Model
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import draw_die
from mru_hw.variation.placement import OVER_GATES, Placement
from tests.agreement.networks import loops, two_windows
from tests.networks import draw_model, make_spec

TECHNOLOGY = load_technology("generic180")


def layers(n_units: int) -> Model:
    """Two layers of as many units, half a unit of current for every setting."""
    model = draw_model(make_spec("cmru", n_units=n_units, levels=2), 1)
    ones = {n: np.ones_like(v) / 2 for n, v in model.tensors.items() if n.endswith("a")}
    return dataclasses.replace(model, tensors=dict(model.tensors) | ones)


def chip(model: Model) -> Design:
    return map_model(model, TECHNOLOGY, load_calibration(TECHNOLOGY))


NETWORKS = [layers(1), layers(4), layers(19), two_windows(), loops("fq_bmru", [0.5], [0.75])]


def gates(design: Design) -> dict[tuple[str, str], float]:
    """Gate area [m^2] of each group of devices."""
    devices = TECHNOLOGY.devices
    return {
        g.key: devices[g.device].w * devices[g.device].l * float(g.units.sum())
        for g in design.device_groups()
    }


@pytest.mark.parametrize("model", NETWORKS)
def test_the_chip_is_as_large_as_its_gates_need_and_nothing_stands_outside(model: Model) -> None:
    design = chip(model)
    placement = Placement.of(design)
    for group in design.device_groups():
        for axis in placement.group(group):
            assert axis.shape == group.units.shape
            assert np.abs(axis).max() < placement.side / 2
    assert placement.side**2 == pytest.approx(OVER_GATES * sum(gates(design).values()))


@pytest.mark.parametrize("model", NETWORKS)
def test_units_fill_a_square_around_the_tree_and_rows_leave_it_out(model: Model) -> None:
    design = chip(model)
    placement = Placement.of(design)
    inside = {f"bank{b.layer}" for b in design.banks}
    inside |= {name for b in design.banks for name in (b.candidate, b.threshold) if name}
    block = np.sqrt(
        OVER_GATES * sum(a for (owner, _), a in gates(design).items() if owner in inside)
    )
    tree = {c.parameter for c in design.connections if c.source == "bias"} | {"bias"}
    legs = OVER_GATES * sum(a for (owner, _), a in gates(design).items() if owner in tree)
    points: set[tuple[float, float]] = set()
    for name, at in placement.places.items():
        far = np.abs(at).max(axis=1)
        if name in inside:
            assert far.max() < block / 2, name
        elif name != "bias":
            assert far.min() > np.sqrt(block**2 + legs) / 2, name
        if name not in {b.candidate for b in design.banks} | {b.threshold for b in design.banks}:
            assert len(set(at)) == len(at), name
            assert not set(at) & points, name
            points |= set(at) - {(0.0, 0.0)}


@pytest.mark.parametrize("n_units", [16, 36, 100])
def test_units_are_spread_evenly(n_units: int) -> None:
    """A square of side b has a mean squared distance of b^2/6 from its middle."""
    design = chip(layers(n_units))
    placement = Placement.of(design)
    own = {f"bank{b.layer}" for b in design.banks} | {b.candidate for b in design.banks}
    area = OVER_GATES * sum(a for (owner, _), a in gates(design).items() if owner in own)
    x, y = np.vstack([placement.places[f"bank{b.layer}"] for b in design.banks]).T
    # Points in the middle of cells of b^2/n each miss the cells' own spread.
    wanted = area / 6 * (1 - 1 / x.size)
    assert np.mean(x**2 + y**2) == pytest.approx(wanted, rel=0.1)
    assert abs(x.mean()) < 1e-12 * placement.side


def test_what_a_unit_compares_stands_in_it() -> None:
    design = chip(two_windows())
    placement = Placement.of(design)
    for bank in design.banks:
        assert bank.threshold is not None
        for bus in (bank.candidate, bank.threshold):
            for k in range(bank.n_units):
                there = placement.node(bus, k)
                assert there == placement.node(f"bank{bank.layer}", k)


def test_a_gradient_moves_no_bias_leg_against_the_tree() -> None:
    """They are a common centroid with it; what stands in units is not."""
    design = chip(layers(4))
    die = draw_die(design, 1, scale=0.0, gradient=1.0)
    bias = [c.parameter for c in design.connections if c.source == "bias"]
    assert bias
    for key, dvt in die.dvt.items():
        if key[0] in {*bias, "bias"}:
            assert not dvt.any(), key
    assert np.abs(die.dvt["bank0", "gain"]).min() > 1e-6
