"""Wires as a user asks for them: options, decks of every dialect, and how results tell of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.mapping.wire_load import WireLoad
from mru_hw.model.io import save_model
from mru_hw.simulate.run import Chip
from mru_hw.spice.chip import chip_deck, chip_wires
from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.folder import ELEMENTS
from mru_hw.spice.unit_bench import unit_deck
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology
from tests.agreement.networks import two_units

TECHNOLOGY = load_technology("generic180")
ASKED = ("--wire-per-leg", "20 fF", "--wire-per-um", "0.1 fF")
WIRES = WireLoad(per_leg=20e-15, per_length=1e-10)
TOLD = "20 fF a leg and 100 aF a um of a net's length"


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip(two_units(), TECHNOLOGY, wires=WIRES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wires")
    save_model(two_units(), path / "model")
    save_inputs(make_inputs(np.ones((1, 3, 2))), path / "x.npz")
    return path


def simulate(folder: Path, *options: str) -> list[str]:
    start = ["simulate", str(folder / "model"), "--inputs", str(folder / "x.npz")]
    return [*start, "--out", str(folder / "y.npz"), *options]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--wire-per-leg", "20 pA"], '"20 pA", expected a finite number with the unit F.'),
        (["--wire-per-leg", "-1 fF"], '"-1 fF", expected 0 to 10 pF.'),
        (["--wire-per-leg", "1 nF"], '"1 nF", expected 0 to 10 pF.'),
        (["--wire-per-um", "1 pF"], '"1 pF", expected 0 to 10 fF.'),
        (["--wire-per-um", "nan"], '"nan", expected a finite number with the unit F.'),
    ],
)
def test_what_is_no_capacitance_of_wires_is_refused(
    options: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "none"
    for command in (simulate(folder), ["netlist", str(folder / "model"), "--out", str(out)]):
        assert run([*command, *options]) == 2
        assert f"{options[0]} is {expected}" in capsys.readouterr().err
    assert not out.exists()
    assert not (folder / "y.npz").exists()


@pytest.mark.parametrize("options", [ASKED[:2], ASKED[2:]])
def test_the_level_ideal_has_no_wires(
    options: tuple[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(simulate(folder, "--level", "ideal", *options)) == 2
    expected = f'{options[0]} is "{options[1]}", expected 0 F at the level ideal'
    assert expected in capsys.readouterr().err
    assert run(simulate(folder, "--level", "ideal", options[0], "0 F")) == 0


@pytest.mark.parametrize("timing", ["settled", "timed"])
def test_simulate_tells_of_wires_and_counts_their_charge(
    timing: str, folder: Path, chip: Chip, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for options in ((), ASKED):
        assert run(simulate(folder, "--timing", timing, "--json", *options)) == 0
        found.append(json.loads(capsys.readouterr().out))
    bare, wired = found
    assert bare["wires"] is None
    assert wired["wires"] == pytest.approx({"per_leg_F": 20e-15, "per_um_F": 1e-16})
    farads = sum(c for net, c in chip_wires(chip.design).items() if net in ("hd0", "st0"))
    watts = farads * TECHNOLOGY.v_dd**2 / chip.design.timing.frame
    assert wired["blocks_W"]["clock"] - bare["blocks_W"]["clock"] == pytest.approx(watts)
    assert run(simulate(folder, "--timing", timing, *ASKED)) == 0
    assert f"Wires: {TOLD}." in capsys.readouterr().out
    assert run(simulate(folder, "--timing", timing)) == 0
    assert "Wires" not in capsys.readouterr().out


def test_a_netlist_tells_of_wires_in_both_decks_and_lists_their_capacitors(
    folder: Path, chip: Chip, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "n"
    assert run(["netlist", str(folder / "model"), "--out", str(out), *ASKED, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["wires"] == pytest.approx({"per_leg_F": 20e-15, "per_um_F": 1e-16})
    assert told["design"] == chip.design.digest()
    for name in (CHIP, BENCH):
        assert f"\n* wires: {TOLD}" in (out / name).read_text()
    wires = chip_wires(chip.design)
    with (out / ELEMENTS).open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if ".cw_" in row["element"]]
    listed = {row["element"].partition(".cw_")[2]: float(row["realised"]) for row in rows}
    assert {row["unit"] for row in rows} == {"F"}
    assert listed == pytest.approx(wires, rel=1e-5)
    assert run(["netlist", str(folder / "model"), "--out", str(out)]) == 0
    assert "Wires" not in capsys.readouterr().out
    assert "wires:" not in (out / CHIP).read_text() + (out / BENCH).read_text()
    assert "cw_" not in (out / CHIP).read_text() + (out / ELEMENTS).read_text()


@pytest.mark.parametrize("die", [None, 4])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_the_capacitors(dialect: str, die: int | None, folder: Path) -> None:
    out, language = folder / f"{dialect}-{die}", DIALECTS[dialect]
    command = ["netlist", str(folder / "model"), "--out", str(out), "--dialect", dialect, *ASKED]
    assert run([*command, *([] if die is None else ["--die", str(die)])]) == 0
    text = (out / language.file(CHIP)).read_text()
    flat = die is not None and dialect != "ngspice"
    for net, farads in chip_wires(Chip(two_units(), TECHNOLOGY, wires=WIRES).design).items():
        name = f"{'c' if flat else ''}cw_{net}"
        nets = f"({net} vss) capacitor c=" if dialect == "spectre" else f"{net} vss "
        assert f"\n{name} {nets}{farads:.9g}\n" in text


def test_a_unit_keeps_the_wires_of_its_own_nets(chip: Chip) -> None:
    cut = unit_deck(chip.design, 0, 1)
    body = cut.partition(".subckt mru_unit")[2].splitlines()
    kept = {line.split()[1]: float(line.split()[3]) for line in body if line.startswith("cw_")}
    wires = chip_wires(chip.design)
    used = {word for line in body if not line.startswith("cw_") for word in line.split()}
    assert kept == pytest.approx({net: c for net, c in wires.items() if net in used})
    assert {"c0_1", "c0_1_np", "c0_1_pm", "h0_1", "hd0", "st0", "iref"} <= set(kept)
    assert "c0_0" not in kept


def test_a_leg_that_is_left_out_takes_its_wire_along(chip: Chip) -> None:
    parameter = "layers.0.candidate.weight"
    fewer = replace(chip.design, wires=WireLoad(per_leg=20e-15))
    cut = chip_wires(fewer.without(parameter, 1, 0))
    change = {
        net: round((farads - cut.get(net, 0.0)) / 20e-15)
        for net, farads in chip_wires(fewer).items()
        if farads != cut.get(net, 0.0)
    }
    assert change.pop("c0_1") == 1
    assert list(change.values()) == [1]
    assert next(iter(change)).startswith("v0_0")


def test_a_stronger_driver_for_a_line_with_wires(chip: Chip) -> None:
    heavy = Chip(two_units(), TECHNOLOGY, wires=WireLoad(per_leg=100e-15)).design
    farads = chip_wires(heavy)["hd0"]
    assert farads == pytest.approx(2 * 5 * 100e-15)  # two units with four cells each
    assert "hold_drive=3 step_drive=3" in chip_deck(heavy)
    assert "hold_drive=1 step_drive=1" in chip_deck(chip.design)
