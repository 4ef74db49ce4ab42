"""The page's drawing of the network, its circuits and where its units switch."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mru_hw.cells.base import Devices
from mru_hw.cli.again import InShell
from mru_hw.data import circuits_dir
from mru_hw.report.chip import ChipFacts, find_chip
from mru_hw.report.network import network_section, switching
from mru_hw.report.schematic import schematic
from mru_hw.spice.chip import CHIP_CELL, chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.variation.die import draw_die, nominal_die
from tests.sweeps import write_case

VIEWS = sorted(path.parent.name for path in circuits_dir().glob("*/schematic.svg"))
SEEDS = (7, 8, 9)


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> ChipFacts:
    folder = tmp_path_factory.mktemp("network")
    plan = read_plan(write_case(folder, n_dies=2))
    run_sweep({"sweep": plan}, folder, folder / "run.sqlite", workers=1)
    with open_run(folder / "run.sqlite") as run:
        found = find_chip(run, InShell())
    assert isinstance(found, ChipFacts)
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_every_schematic_has_a_dark_page_and_a_pdf(view: str) -> None:
    drawing = schematic(view)
    assert "black" not in drawing
    assert "background-color" not in drawing
    assert "prefers-color-scheme:dark" in drawing
    pdf = drawing.pdf()
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 4000


def test_circuits_are_counted_as_the_deck_has_them(chip: ChipFacts) -> None:
    units = sum(bank.n_units for bank in chip.design.banks)
    cells = sum(bank.n_units * bank.n_cells for bank in chip.design.banks)
    table = {t.name: list(t.plain()) for t in network_section(chip, SEEDS).tables}
    count = {row["circuit"]: row for row in table["circuits"]}
    assert count["step_control"]["in the chip"] == units
    assert count["ladder_cell"]["in the chip"] == cells
    assert count["strobe_driver"]["in the chip"] == len(chip.design.banks)
    assert count["bias_tree"]["in the chip"] == 1
    # Transistors of the ladder cells by the other road: their devices in the flat deck.
    flat = flatten(chip_netlist(chip.design), CHIP_CELL, chip.design.technology)
    inside = sum(d.kind == "m" and bool(re.match(r"xu\d+_\d+\.xc", d.path)) for d in flat)
    assert inside == count["ladder_cell"]["transistors in each"] * cells


def test_loops_switch_where_the_circuits_do(chip: ChipFacts) -> None:
    found = switching(chip, SEEDS)
    at, design = chip.conditions, chip.design
    own = chip.calibration.at(at.v_dd, temperature=at.temperature, corner=at.corner)
    for loop, bank in zip(found, design.banks, strict=True):
        nominal = Devices(
            design=design, calibration=own, die=nominal_die(design), temperature=at.temperature
        )
        up, down = bank.circuit.nominal_thresholds(nominal, bank, own)
        np.testing.assert_allclose(loop.up[0], up, rtol=0.01)
        np.testing.assert_allclose(loop.down[0], -down, rtol=0.01)
        die = draw_die(design, SEEDS[1])
        one = Devices(design=design, calibration=own, die=die, temperature=at.temperature)
        np.testing.assert_array_equal(loop.up[2], bank.circuit.law(one, bank).up)
        assert loop.level.shape == (1 + len(SEEDS), bank.n_units, bank.n_cells + 1)
        assert (np.diff(loop.level[0], axis=-1) > 0).all()


def test_the_page_draws_blocks_and_every_circuit_once(chip: ChipFacts) -> None:
    section = network_section(chip, SEEDS)
    names = [picture.name for picture in section.pictures]
    assert names[:2] == ["network", "hysteresis"]
    assert len(set(names)) == len(names)
    shown = {name.removeprefix("schematic_") for name in names[2:]}
    *rows, _, _ = section.tables[0].plain()
    parts = {row["circuit"] for row in rows if row["what it is"].startswith("part of ")}
    assert parts == {"signed_split", "step_gate", "schmitt"}
    assert shown == {row["circuit"] for row in rows} - parts
    (blocks,) = [picture for picture in section.pictures if picture.name == "network"]
    assert blocks.data["block"] == ["input", "layer 0", "layer 1", "head"]
