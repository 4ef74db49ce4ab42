"""`area` by role: mirrors of more devices carry the same currents with less mismatch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mru_hw.budget.table import make_budget
from mru_hw.cells.settling import bus_loads
from mru_hw.errors import UserError
from mru_hw.mapping.design import Bus
from mru_hw.mapping.options import DesignOptions, read_options
from mru_hw.model.network import Model
from mru_hw.simulate.run import Chip
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.dies import die_changes
from mru_hw.spice.elements import element_rows
from mru_hw.spice.flatten import flatten
from mru_hw.variation import draw_die
from tests.agreement.networks import loops, two_units, two_windows
from tests.networks import draw_inputs


def rising_loops() -> Model:
    return loops("fq_bmru", [1.0, 1.2], [0.4, 0.5])


def chip(model: Model, **area: int) -> Chip:
    return Chip(model, options=DesignOptions(area=area))


NETWORKS = (two_units, two_windows, rising_loops)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_role_named_multiplies_its_whole_mirror_and_nothing_else(
    network: Callable[[], Model],
) -> None:
    plain, wide = chip(network()).design, chip(network(), **{"v0/diode_plus": 3}).design
    times = {group.key: wide.times(*group.key) for group in wide.device_groups()}
    # The diode of v0, the copy of it, and what reads its plus rail by an NMOS.
    own = {("v0", "diode_plus"), ("v0", "flip_plus")}
    legs = {
        (c.parameter, "sink_plus")
        for c in wide.connections
        if c.source == "v0" and (c.parameter, "sink_plus") in times
    }
    assert {key for key, factor in times.items() if factor == 3} == own | legs
    assert {key for key, factor in times.items() if factor == 1} == times.keys() - own - legs
    # Of what is not multiplied, ratios are rounded again, for gains move by a percent.
    one, two = ({g.key: g.units for g in d.device_groups()} for d in (plain, wide))
    for key in own:
        assert np.array_equal(two[key], 3 * one[key])
    for key in legs:
        assert np.array_equal(two[key] % 3, 0 * two[key])
        assert np.abs(two[key] / 3 - one[key]).max() <= 2


def test_the_bias_rail_and_the_feedback_pair_are_mirrors_too() -> None:
    design = chip(two_units(), feedback=2, up_threshold=2).design
    times = {group.key: design.times(*group.key) for group in design.device_groups()}
    rail = {("bias", "flip_plus_diode"), ("bias", "split_source"), ("bank0", "up_threshold")}
    rail |= {key for key in times if key[0].endswith("bias") and key[1] == "source_plus"}
    pair = {("bank0", "feedback"), ("bank0", "feedback_diode")}
    assert {key for key, factor in times.items() if factor == 2} == rail | pair


@pytest.mark.parametrize("network", NETWORKS)
def test_currents_stay_and_mismatch_falls_by_the_root(network: Callable[[], Model]) -> None:
    model = network()
    area = {"diode_plus": 2, "feedback": 4, "split_n": 4, "split_p": 4}
    plain, wide = chip(model), chip(model, **area)
    x = draw_inputs(model.spec.n_in, 20, n_seq=4)
    runs = [c.run(x) for c in (plain, wide)]
    outputs = [np.asarray(run.output) for run in runs]
    # But where a threshold that is rounded again decides a step otherwise.
    assert np.nanmedian(np.abs(outputs[1] - outputs[0])) < 0.02 * np.nanmax(np.abs(outputs[0]))
    joules = [float(np.sum(run.energy.total)) for run in runs]
    assert joules[1] == pytest.approx(joules[0], rel=0.03)
    dies = [draw_die(c.design, 3) for c in (plain, wide)]
    units = [{g.key: g.units for g in c.design.device_groups()} for c in (plain, wide)]
    for key in units[0].keys() & units[1].keys():
        there = (units[0][key] > 0) & (units[1][key] > 0)
        ratio = np.sqrt(units[1][key][there] / units[0][key][there])
        np.testing.assert_allclose(dies[1].dvt[key][there] * ratio, dies[0].dvt[key][there])
        if wide.design.times(*key) > 1:
            assert np.all(ratio > 1)
    sigma = [make_budget(model, c.design, c.calibration).sigma_threshold for c in (plain, wide)]
    assert sigma[1] < 0.95 * sigma[0]


@pytest.mark.parametrize("network", NETWORKS)
def test_deck_table_dies_loads_and_area_follow(network: Callable[[], Model]) -> None:
    model = network()
    plain = chip(model)
    wide = chip(model, **{"v0/diode_plus": 2, "feedback": 2, "split_p": 2})
    design, technology = wide.design, wide.design.technology
    netlist = chip_netlist(design)
    placed = list(flatten(netlist, CHIP_CELL, technology))
    gates = sum(d.values["w"] * d.values["l"] * d.values["m"] for d in placed if d.kind == "m")
    assert sum(block_areas(placed).values()) == pytest.approx(gates)
    before = list(flatten(chip_netlist(plain.design), CHIP_CELL, technology))
    # The same transistors by the same names: only how many stand side by side differs.
    assert [d.path for d in placed if d.path in {b.path for b in before}] == [
        d.path for d in before if d.path in {p.path for p in placed}
    ]
    rows = {row[1]: row for row in element_rows(model, design, wide.calibration, netlist)}
    counts = {f"xchip.{d.path}": d.values["m"] for d in placed if d.kind == "m"}
    for path, count in counts.items():
        assert float(rows[path][2].partition(":")[0] or count) == count, path
    paths = {change.device.partition(".")[2] for change in die_changes(design, draw_die(design, 1))}
    assert paths <= counts.keys()
    loads = [bus_loads(c.design, c.calibration)["v0"] for c in (plain, wide)]
    assert np.all(loads[1].rails["plus", "n"] > 1.3 * loads[0].rails["plus", "n"])


@pytest.mark.parametrize("network", NETWORKS)
def test_the_budget_says_what_following_it_costs_and_removes(
    network: Callable[[], Model],
) -> None:
    def gates(of: Chip) -> float:
        placed = flatten(chip_netlist(of.design), CHIP_CELL, of.design.technology)
        return sum(block_areas(placed).values())

    plain = chip(network())
    budget = plain.budget()
    for mirror in budget.mirrors[:4]:
        wide = chip(network(), **{mirror.name: 2})
        multiplied = {g.key for g in wide.design.device_groups() if wide.design.times(*g.key) == 2}
        assert multiplied == set(mirror.keys)
        # Ratios are rounded again, by a percent or two.
        assert gates(wide) - gates(plain) == pytest.approx(mirror.area, rel=0.04)
        left = (wide.budget().sigma_threshold / budget.sigma_threshold) ** 2
        assert 1 - left == pytest.approx(mirror.share / 2, abs=0.02)


def test_a_bias_line_costs_its_whole_mirror() -> None:
    """The diode that the NMOS legs of the bias tree read: 128 um2 that cannot grow alone."""
    rows = {row.key: row for row in chip(two_units()).budget().rows}
    row = rows["bias", "diode_plus"]
    assert ("bank0", "gain") in row.mirror.keys
    assert row.mirror.area > 10 * row.area
    assert row.mirror.share > row.share


def test_what_the_budget_names_area_takes() -> None:
    model = two_units()
    plain = chip(model)
    for row in make_budget(model, plain.design, plain.calibration).rows:
        if row.devices:
            wide = chip(model, **{"/".join(row.key): 2})
            assert wide.design.times(*row.key) == 2
            assert wide.design.digest() != plain.design.digest()


@pytest.mark.parametrize(
    ("area", "said"),
    [
        ({"fedback": 2}, 'area is "fedback", expected a role of a device: split_n'),
        ({"feedback": 0}, "area.feedback is 0, expected 1 to 512"),
        ({"feedback": 1.5}, "area.feedback is 1.5, expected a whole number"),
        ({"v9/diode_plus": 2}, 'area is "v9/diode_plus", expected diode_plus of bias, '),
        (
            {"up_plus": 2},
            'area is "up_plus", expected a role of this network\'s devices: diode_plus',
        ),
        ({"h0/diode_plus": 64}, "area is 64, expected at most 8 for h0/diode_plus, whose 64 unit"),
    ],
)
def test_what_is_no_area_is_refused_in_a_sentence(area: dict[str, int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        chip(two_units(), **area)


@pytest.mark.parametrize(("window_units", "most"), [(64, 8), (128, 4), (16, 32)])
def test_window_diodes_are_judged_as_they_are_placed(window_units: int, most: int) -> None:
    def place(factor: int) -> Bus:
        area = {"b0/diode_plus": factor}
        options = DesignOptions(window_units=window_units, area=area)
        return Chip(two_windows(), options=options).design.buses["b0"]

    bus = place(most // 2)
    assert bus.units == window_units
    assert bus.units * bus.times("diode_plus") == 256
    # Its copies grow with it, and the largest is wider than the diode.
    with pytest.raises(UserError, match=f"area is {most}, expected less: down_plus of layers.0"):
        place(most)
    said = f"at most {most} for b0/diode_plus, whose {window_units} unit devices"
    with pytest.raises(UserError, match=f"area is {2 * most}, expected {said}"):
        place(2 * most)


def test_a_file_says_area(tmp_path: Path) -> None:
    path = tmp_path / "DESIGN.yaml"
    path.write_text("area: {v0/diode_plus: 2, feedback: 4}\n", encoding="utf-8")
    assert read_options(path) == DesignOptions(area={"feedback": 4, "v0/diode_plus": 2})
