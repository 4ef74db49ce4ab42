"""Totals of a page are the sums of their parts, in both technologies and for every circuit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mru_hw.cli.again import InShell
from mru_hw.mapping import map_model
from mru_hw.report.chip import ChipFacts, area_section, find_chip, instances, whole_parts
from mru_hw.report.circuits import LEGS, circuits_table
from mru_hw.report.power_parts import power_parts
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.calibration import load_calibration
from tests.networks import draw_model, make_spec, with_even_settings
from tests.sweeps import write_case

KINDS: Mapping[str, Mapping[str, Any]] = {
    "cmru": {"levels": 2, "rectify_input": True, "rectify_output": True},
    "bmru": {},
    "fq_bmru": {"rectify_input": True, "rectify_candidate": True, "rectify_output": True},
    "window": {"levels": 2, "threshold": "input"},
}


@pytest.fixture(scope="module", params=technology_names())
def chip(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> ChipFacts:
    folder: Path = tmp_path_factory.mktemp("sums")
    plan = read_plan(write_case(folder, n_dies=2, tech=request.param))
    run_sweep({"sweep": plan}, folder, folder / "run.sqlite", workers=1)
    with open_run(folder / "run.sqlite") as run:
        found = find_chip(run, InShell())
    assert isinstance(found, ChipFacts)
    return found


def test_area_of_the_blocks_sums_to_the_chips_as_it_is_shown(chip: ChipFacts) -> None:
    (table,) = area_section(chip).tables
    shown = [int(row[1].removesuffix(" µm²").replace(",", "")) for row in table.rows]
    assert sum(shown[:-1]) == shown[-1] == round(1e12 * chip.gate_area)


def test_whole_parts_sum_to_the_rounded_whole() -> None:
    assert whole_parts([0.4, 0.4, 0.4]) == [1, 0, 0]
    assert whole_parts([1.5, 2.5, 3.0]) == [2, 2, 3]
    assert whole_parts([7.6, 0.7, 0.7]) == [7, 1, 1]
    assert whole_parts([]) == []


def test_power_by_circuit_has_the_blocks_clock_and_bias_as_rows(chip: ChipFacts) -> None:
    layers, circuits, _ = power_parts(chip, "here").tables
    *parts, total = circuits.plain()
    by_name = {row["circuit"]: row for row in parts}
    assert {"strobe drivers and lines", "bias tree", "cmru units"} <= set(by_name)
    for column in ("power [W]", "static [W]", "switching [W]"):
        assert sum(row[column] for row in parts) == pytest.approx(total[column], rel=1e-12)
    *_, whole = layers.plain()
    assert whole["power [W]"] == total["power [W]"]
    tree = next(row for row in layers.plain() if row["layer"] == "bias tree")
    assert tree["power [W]"] == by_name["bias tree"]["power [W]"]
    clock = by_name["strobe drivers and lines"]
    at, design = chip.conditions, chip.design
    own = chip.calibration.at(at.v_dd, temperature=at.temperature, corner=at.corner)
    leaked = len(design.strobed) * own.i_driver * at.v_dd
    assert clock["static [W]"] == pytest.approx(leaked, rel=1e-9)
    assert clock["switching [W]"] > 0


def test_the_charge_of_a_strobe_is_the_sum_of_its_parts(chip: ChipFacts) -> None:
    asked = chip.decoupling
    assert asked is not None
    section = power_parts(chip, "here")
    rows = [list(row.values()) for row in section.tables[-1].plain()]
    for _, times, each, charge in rows[:-1]:
        assert charge == pytest.approx(times * each * chip.conditions.v_dd)
    assert sum(row[-1] for row in rows[:-1]) == pytest.approx(asked.charges[asked.layer])
    assert rows[-1][-1] == asked.charges[asked.layer]
    # What the energy counts of a strobe in which every unit steps is below that.
    (said,) = [text for text in section.paragraphs if text.startswith("That charge is a bound")]
    clock, driver, still, step, alone, added = (
        float(value) * 1e-15 for value in re.findall(r"([\d.]+) fF", said)
    )
    own = chip.calibration.at(
        chip.conditions.v_dd,
        temperature=chip.conditions.temperature,
        corner=chip.conditions.corner,
    )
    assert [driver, alone, step] == pytest.approx([own.c_driver, own.c_unit, own.c_step], rel=1e-3)
    assert driver < clock
    assert still == pytest.approx(alone + added, abs=0.02e-15)
    units = next(one.n_units for one in chip.design.strobed if one.layer == asked.layer)
    priced = chip.conditions.v_dd * (clock + units * (still + step))
    assert 0 < priced < asked.charges[asked.layer]


@pytest.mark.parametrize("kind", KINDS)
def test_transistors_by_circuit_sum_to_the_chips(chip: ChipFacts, kind: str) -> None:
    technology = load_technology(chip.design.technology.name)
    cell = "cmru" if kind == "window" else kind
    model = with_even_settings(draw_model(make_spec(cell, **KINDS[kind]), 1), 2)
    netlist = chip_netlist(map_model(model, technology, load_calibration(technology)))
    design = map_model(model, technology, load_calibration(technology))
    flat = [d for d in flatten(netlist, CHIP_CELL, technology) if d.kind == "m"]
    found = dataclasses.replace(
        chip, design=design, cells=instances(netlist, technology), transistors=len(flat)
    )
    *rows, total = circuits_table(found).plain()
    own = {row["circuit"]: row["its own in the chip"] for row in rows}
    assert total["its own in the chip"] == len(flat)
    assert sum(own.values()) == len(flat)
    assert own[LEGS] == sum("." not in d.instance for d in flat)
    # A candidate's node is the splitter alone, and a signed node has one inside.
    assert own.get("signed_split", 0) == 4 * sum(
        bus.size for bus in design.buses.values() if bus.circuit.splits
    )
    if design.strobed:
        assert own["schmitt"] == 6 * len(design.strobed)
