"""The report's section on ngspice: this network's own dies, run again on the array."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from mru_hw.model.io import save_model
from mru_hw.report.beside_spice import compared
from mru_hw.report.page import make_page
from mru_hw.report.splitter import BENCH, splitter_bench
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import make_inputs, save_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.technology.conditions import Conditions
from tests.agreement.networks import two_units


def swept(folder: Path, name: str, **keys: object) -> Path:
    plan = {"model": "model", "inputs": "x.npz", "n_dies": 2, "keep": "all"} | keys
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(plan))
    out = folder / f"{name}.sqlite"
    run_sweep({"sweep": read_plan(folder / f"{name}.yaml")}, folder, out, workers=1)
    return out


def test_the_page_holds_dies_in_ngspice_against_the_array(tmp_path: Path) -> None:
    model = two_units()
    x = np.random.default_rng(5).normal(size=(2, 6, 2))
    label = simulate_ideal(model, make_inputs(x)).decision
    save_model(model, tmp_path / "model")
    save_inputs(make_inputs(x, np.array([6, 4]), label), tmp_path / "x.npz")
    spice, array = swept(tmp_path, "spice", level="spice"), swept(tmp_path, "array")
    with open_run(array) as run, open_run(spice) as beside:
        (pair,) = compared(beside)
        page = make_page(run, others=[beside])
        own = make_page(beside)
        theirs = beside.energies(beside.base)
    # The same dies by the public face.
    chip = Chip(tmp_path / "model")
    parts: dict[str, list[float]] = {}
    for k, seed in enumerate(pair.point.seeds):
        priced = chip.run(tmp_path / "x.npz", die=int(seed)).energy
        joules = priced.total
        for name, joules_of in priced.blocks.items():
            parts.setdefault(name, []).append(float(joules_of.mean()))
        np.testing.assert_allclose(pair.energy[k], joules / theirs[k] - 1, atol=1e-9)
    assert np.abs(pair.energy).max() < 0.05
    for found in (page, own):
        (section,) = [s for s in found.sections if s.key == "ngspice"]
        (row,) = list(section.tables[0].plain())
        assert (row["dies"], row["sequences"]) == (2, 2)
        assert row["alike"] == int(pair.alike.sum())
        assert row["energy, mean"] == pytest.approx(pair.energy.mean())
        assert row["least"] == pytest.approx(pair.energy.min())
        assert (
            "4 sequences on dies (2 runs of a die, 1 condition, 20 frames"
            in (section.paragraphs[0])
        )
        tables = {table.name: table for table in section.tables}
        # Blocks: the array's means from the public face, ngspice's from the store.
        for row in tables["ngspice_blocks"].plain():
            name = str(row["block and condition"]).partition(",")[0]
            assert row["ngspice [J]"] == pytest.approx(sum(pair.point.blocks[name]))
            assert row["array [J]"] == pytest.approx(float(np.mean(parts[name])))
        checked = {row["figure"]: row["for this network"] for row in tables["checked"].plain()}
        assert checked["decisions"] == "compared here"
        assert "mirror" in str(checked["energy by block"])
        assert checked["corners, temperatures, supplies"] == "1 of 1 condition"
        assert str(checked["yield"]).startswith("never")
    # At the level spice static current is not told from switching.
    (power,) = [s for s in own.sections if s.key == "power"]
    assert {str(r["static"]) for r in power.tables[0].plain()} == {"not told apart"}


def test_the_bench_of_a_splitter_runs_beside_the_netlist(tmp_path: Path) -> None:
    """Six times beyond the fits the law of a signed node's voltage is 8 mV off at most."""
    chip = Chip(two_units())
    chip.netlist(tmp_path)
    at = Conditions(corner="ff", temperature=85.0, v_dd=1.62)
    own = chip.calibration.at(at.v_dd, temperature=at.temperature, corner=at.corner)
    for name in ("x", "c0"):
        bus = chip.design.buses[name]
        table, deck = splitter_bench(chip.design, own, at, bus, 750e-12, 4.5e-9)
        (tmp_path / BENCH).write_text(deck, encoding="utf-8")
        done = subprocess.run(
            ["ngspice", "-b", BENCH], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        measured = dict(re.findall(r"^(v\d) += +(\S+)$", done.stdout, re.MULTILINE))
        said = {row["measured as"]: row["the array's voltage [V]"] for row in table.plain()}
        assert set(measured) == set(said)
        for point, volts in measured.items():
            assert float(volts) == pytest.approx(said[point], abs=8e-3)
        assert float(measured["v5"]) - float(measured["v0"]) > 0.2


def test_points_of_both_levels_in_one_sweep_are_held_against_each_other(tmp_path: Path) -> None:
    save_model(two_units(), tmp_path / "model")
    x = np.random.default_rng(5).normal(size=(1, 4, 2))
    save_inputs(make_inputs(x, np.array([4]), np.array([0])), tmp_path / "x.npz")
    axis = {"axis": "level", "values": ["behavioral", "spice"]}
    with open_run(swept(tmp_path, "both", axes=[axis], n_dies=1)) as run:
        page = make_page(run)
        array, spice = (run.energies(point) for point in run.points)
    (section,) = [s for s in page.sections if s.key == "ngspice"]
    (row,) = list(section.tables[0].plain())
    assert row["energy, mean"] == pytest.approx(float((array / spice - 1).mean()), rel=1e-9)
    # The point at the head is the array's, and tells static from switching.
    (power,) = [s for s in page.sections if s.key == "power"]
    assert all(isinstance(r["static [W]"], float) for r in power.tables[0].plain())
