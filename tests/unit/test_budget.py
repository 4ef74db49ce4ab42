"""The budget's table as the netlist command writes it, and the areas beside it."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from mru_hw.budget.elements import COLUMNS as ELEMENT_COLUMNS
from mru_hw.budget.table import COLUMNS, FEWEST, points_for
from mru_hw.cli.app import run
from mru_hw.mapping import map_model
from mru_hw.model.io import save_model
from mru_hw.spice.area import BLOCKS, block_areas
from mru_hw.spice.chip import chip_netlist
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import BUDGET, ERRORS
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from tests.agreement.networks import chip_of, loops, two_units
from tests.networks import draw_model, make_spec

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("budget")
    save_model(two_units(), place / "model")
    assert run(["netlist", str(place / "model"), "--out", str(place / "netlist")]) == 0
    return place


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "netlist" / BUDGET).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_follows_its_schema(folder: Path) -> None:
    schema = json.loads((ROOT / "docs/schemas/budget.csv.schema.json").read_text())
    assert list(COLUMNS) == schema["x-columns"] == list(schema["properties"])
    validator = jsonschema.Draft202012Validator(schema)
    kinds: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "string": str}
    for row in rows(folder):
        typed = {
            k: kinds[str(np.atleast_1d(schema["properties"][k]["type"])[0])](v)
            for k, v in row.items()
        }
        assert list(validator.iter_errors(typed)) == [], row
        # Nothing that a spreadsheet would take for a formula.
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())


def test_what_is_relative_to_nothing_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network of zeros: its outputs carry nothing, and errors relative to them mean nothing."""
    model = two_units()
    zeros = {
        name: 0 * w if name.endswith(("weight", "bias")) else w for name, w in model.tensors.items()
    }
    save_model(dataclasses.replace(model, tensors=zeros), tmp_path / "model")
    out = tmp_path / "netlist"
    assert run(["netlist", str(tmp_path / "model"), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["budget"]["output_error"]["random"] is None
    assert "nan" not in said.err
    for name in (BUDGET, ERRORS):
        assert "nan" not in (out / name).read_text()
    table = rows(tmp_path)
    assert {row["output_variance"] for row in table} == {""}
    assert sum(float(row["share"]) for row in table) == pytest.approx(1.0, rel=1e-3)


def test_every_leg_and_threshold_has_its_errors(folder: Path) -> None:
    schema = json.loads((ROOT / "docs/schemas/errors.csv.schema.json").read_text())
    assert list(ELEMENT_COLUMNS) == schema["x-columns"] == list(schema["properties"])
    with (folder / "netlist" / ERRORS).open(newline="") as stream:
        found = list(csv.DictReader(stream))
    validator = jsonschema.Draft202012Validator(schema)
    texts = ("parameter", "role", "path")
    groups = {(row["owner"], row["role"]) for row in rows(folder)}
    for row in found:
        typed = {k: v if k in texts else float(v) if v else None for k, v in row.items()}
        assert list(validator.iter_errors(typed)) == [], row
        assert float(row["sigma_own"]) < float(row["sigma"])
        path = [tuple(step.split("/")) for step in row["path"].split(" ")]
        assert groups.issuperset(path)
        assert path[-1][1] == row["role"]
    design = chip_of(two_units()).design
    legs = sum(np.count_nonzero(c.plus) + np.count_nonzero(c.minus) for c in design.connections)
    assert len(found) == legs + 2 * design.banks[0].n_units


def test_the_table_holds_every_group_once(folder: Path) -> None:
    chip = chip_of(two_units())
    groups = {group.key: int(group.units.sum()) for group in chip.design.device_groups()}
    found = {(row["owner"], row["role"]): int(row["unit_devices"]) for row in rows(folder)}
    assert found == groups
    assert [int(row["rank"]) for row in rows(folder)] == list(range(1, len(groups) + 1))


def test_the_command_says_what_to_enlarge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["netlist", str(folder / "model"), "--out", str(folder / "netlist"), "--json"]
    assert run(arguments) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    first = rows(folder)[0]
    assert answer["budget"]["enlarge"][0]["owner"] == first["owner"]
    assert len(answer["budget"]["enlarge"]) == 10
    kinds = {"random", "curvature", "rounding", "leakage"}
    assert set(answer["budget"]["threshold_error"]) == kinds
    assert f"{first['owner']}/{first['role']}" in said.err
    assert set(answer["gate_area_um2"]) == set(BLOCKS)
    stored = answer["decoupling"]
    assert stored["charge_C"] == max(stored["strobe_charge_C"].values())
    assert stored["capacitance_F"] == pytest.approx(stored["charge_C"] / 50e-3)
    c_ox = load_technology("generic180").flicker.c_ox
    assert stored["area_um2"] == pytest.approx(stored["capacitance_F"] / c_ox * 1e12)
    assert "Decoupling, not in the gate area" in said.err
    assert run([*arguments, "--droop", "25 mV", "--supply-resistance", "1 kohm"]) == 0
    other = json.loads(capsys.readouterr().out)["decoupling"]
    assert other["capacitance_F"] == pytest.approx(2 * stored["capacitance_F"])
    assert other["supply_peak_A"] == pytest.approx(25e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--droop|0 V", "--droop is 0 V, expected 1 mV to 900 mV"),
        ("--droop|50", "--droop is 50 V, expected 1 mV to 900 mV"),
        ("--droop|5 V", "--droop is 5 V, expected 1 mV to 900 mV"),
        ("--droop|1e-300 V", "--droop is 1e-300 V, expected 1 mV to 900 mV"),
        ("--droop|0.9 V|--vdd|1.7 V", "--droop is 900 mV, expected 1 mV to 850 mV"),
        ("--droop|50 m", '--droop is "50 m", expected a finite number with the unit V'),
        (
            "--supply-resistance|-1 kohm",
            "--supply-resistance is -1 kohm, expected 100 mohm to 10 M",
        ),
        ("--supply-resistance|1e300 ohm", "--supply-resistance is 1e300 ohm, expected 100 mohm to"),
        ("--supply-resistance|10 kV", '--supply-resistance is "10 kV", expected a finite number'),
    ],
)
def test_a_supply_beyond_reason_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], options: str, expected: str
) -> None:
    out = folder / "refused"
    assert run(["netlist", str(folder / "model"), "--out", str(out), *options.split("|")]) == 2
    assert expected in capsys.readouterr().err
    assert not out.exists()


def test_decoupling_of_the_bench_conditions_and_none_without_strobes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["netlist", str(folder / "model"), "--out", str(folder / "hot"), "--json"]
    told = []
    for options in ((), ("--corner", "ff", "--temperature", "125", "--vdd", "1.98 V")):
        assert run([*arguments, *options]) == 0
        told.append(json.loads(capsys.readouterr().out))
    usual, hot = (answer["decoupling"] for answer in told)
    assert hot["capacitance_F"] > 1.2 * usual["capacitance_F"]
    assert hot["conditions"] == told[1]["conditions"]
    assert hot["measured"]
    save_model(loops("fq_bmru", [1.0], [0.5]), folder / "loops")
    assert run(["netlist", str(folder / "loops"), "--out", str(folder / "none"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["decoupling"] is None
    assert "Decoupling" not in said.err


def test_every_transistor_belongs_to_one_block() -> None:
    for model in (two_units(), loops("bmru", [1.0, 2.0])):
        design = chip_of(model).design
        devices = list(flatten(chip_netlist(design), "mru_chip", design.technology))
        areas = block_areas(devices)
        whole = sum(d.values["w"] * d.values["l"] * d.values["m"] for d in devices if d.kind == "m")
        assert sum(areas.values()) == pytest.approx(whole)
        assert all(area > 0 for area in areas.values())
        # The bias block: its tree, and the legs of biases.
        d = design.technology.devices["n_mirror"]
        legs = sum(abs(c.plus).sum() for c in design.connections if c.source == "bias")
        assert areas["bias"] == pytest.approx((legs + 3 * 64 + 2 + 3) * d.w * d.l, rel=0.02)


def test_a_wide_chip_takes_fewer_operating_points() -> None:
    technology = load_technology("generic180")
    calibration = load_calibration(technology)
    model = draw_model(make_spec("cmru", n_layers=1, levels=1, n_units=240, n_out=240), 1)
    ones = {f"layers.0.{name}": np.ones(240) for name in ("beta", "alpha")}
    model = dataclasses.replace(model, tensors=dict(model.tensors) | ones)
    wide = map_model(model, technology, calibration)
    assert FEWEST <= points_for(wide) < points_for(chip_of(two_units()).design)
