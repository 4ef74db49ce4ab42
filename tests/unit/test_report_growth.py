"""Growth with size, and trade-offs between the designs of a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.again import InShell
from mru_hw.mapping import map_model
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.growth import exponent, growth_section, resized, sizes
from mru_hw.report.page import Page, make_page
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.spice.area import block_areas, signal_area
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.stimulus import make_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.sweeps import rows, small_model, write_case

CURRENTS = [5e-10, 1e-9, 2e-9]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("growth")
    axes = [{"axis": "i_unit", "values": CURRENTS}, {"axis": "temperature", "values": [27, 85]}]
    plan = read_plan(write_case(place, n_dies=8, axes=axes, spec={"loss": {"at_most": 0.05}}))
    run_sweep({"sweep": plan}, place, place / "run.sqlite", workers=1)
    return place


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    with open_run(folder / "run.sqlite") as run:
        return make_page(run, again=InShell())


@pytest.fixture(scope="module")
def chip(folder: Path) -> ChipFacts:
    with open_run(folder / "run.sqlite") as run:
        found = find_chip(run, InShell())
    assert isinstance(found, ChipFacts)
    return found


def test_twice_as_wide_is_the_same_network_twice() -> None:
    """Repeated units with halved weights decide as the network does."""
    model = small_model()
    n_in = model.spec.n_in
    x = np.random.default_rng(3).normal(size=(6, 9, n_in))
    label = simulate_ideal(model, make_inputs(x)).decision
    for width, factor in ((2.0, 1), (1.0, 2)):
        other = resized(model, width=width, layers=len(model.spec.layers), n_in=factor * n_in)
        wider = make_inputs(np.concatenate([x] * factor, axis=-1))
        np.testing.assert_array_equal(simulate_ideal(other, wider).decision, label)
    same = resized(model, width=1.0, layers=len(model.spec.layers), n_in=n_in)
    assert all(np.array_equal(same.tensors[name], old) for name, old in model.tensors.items())


def test_sizes_are_those_of_the_mapped_designs(chip: ChipFacts) -> None:
    found = sizes(chip)
    own = [one for one in found if one.own]
    assert {one.way for one in own} == {"width", "layers", "inputs"}
    assert {one.area for one in own} == {signal_area(chip.design)}
    # Signal and bias devices are all gates but switches and logic.
    flat = list(flatten(chip_netlist(chip.design), CHIP_CELL, chip.design.technology))
    names = {group.device for group in chip.design.device_groups()}
    assert 0.8 * sum(block_areas(flat).values()) < own[0].area < sum(block_areas(flat).values())
    assert names < set(chip.design.technology.devices)
    wide = [one for one in found if one.way == "width"]
    assert [one.size for one in wide] == [2, 3, 6, 12]
    assert np.diff([one.area for one in wide]).min() > 0
    p = exponent(wide, "area")
    assert p is not None
    assert 0.5 < p < 2
    assert exponent(own[:1], "area") is None
    section = growth_section(chip)
    assert section is not None
    assert len(section.tables[0].rows) == len(found)


def test_designs_are_told_by_energy_area_and_yield(
    folder: Path, page: Page, chip: ChipFacts
) -> None:
    (section,) = [s for s in page.sections if s.key == "tradeoffs"]
    told = list(section.tables[0].plain())
    assert len(told) == len(CURRENTS)
    stored = rows(folder / "run.sqlite", "point, die, energy_mean, accuracy")
    # Temperature stands before i_unit in the order of points.
    energy = np.array([row[2] for row in stored]).reshape(2, 3, 8)
    for k, row in enumerate(told):
        assert row["energy [J]"] == pytest.approx(energy[:, k].mean(axis=-1).max())
        options = chip.design.options.model_copy(update={"i_unit": CURRENTS[k]})
        design = map_model(chip.model, chip.design.technology, chip.calibration, options)
        assert row["gate area [m^2]"] == pytest.approx(signal_area(design))
    shares = [float(row["yield"]) for row in told]
    for k, row in enumerate(told):
        beaten = any(
            shares[j] >= shares[k] and told[j]["energy [J]"] < row["energy [J]"] for j in range(3)
        )
        assert (row["unbeaten"] == "●") is (shares[k] > 0 and not beaten)


def test_one_design_has_no_trade_off(tmp_path: Path) -> None:
    axes = [{"axis": "corner", "values": ["tt", "ff"]}]
    plan = read_plan(write_case(tmp_path, n_dies=3, axes=axes))
    run_sweep({"sweep": plan}, tmp_path, tmp_path / "run.sqlite", workers=1)
    with open_run(tmp_path / "run.sqlite") as run:
        page = make_page(run, again=InShell())
    keys = [section.key for section in page.sections]
    assert "tradeoffs" not in keys
    assert "growth" in keys
