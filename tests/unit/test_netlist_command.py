"""The command netlist: its folder, its table of elements, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from mru_hw.cli.app import run
from mru_hw.errors import UserError
from mru_hw.model.io import save_model
from mru_hw.simulate.run import Chip
from mru_hw.spice.chip import SUPPLIES, chip_deck
from mru_hw.spice.deck import BENCH, CHIP, TOP
from mru_hw.spice.elements import COLUMNS, NO_ELEMENT
from mru_hw.spice.flatten import flatten
from mru_hw.spice.folder import ELEMENTS, EXPECTED, netlist_files
from mru_hw.stimulus import make_inputs
from mru_hw.stimulus.inputs import save_inputs
from mru_hw.technology import load_technology
from tests.agreement.networks import chip_of, two_units

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chip() -> Chip:
    return chip_of(two_units())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("netlist")
    save_model(two_units(), base / "model")
    assert (
        run(["netlist", str(base / "model"), "--tech", "generic180", "--out", str(base / "n")]) == 0
    )
    return base / "n"


def test_headers_name_design_and_versions(folder: Path, chip: Chip) -> None:
    for name in (CHIP, BENCH):
        first = (folder / name).read_text().splitlines()[0]
        assert chip.design.digest() in first
        assert re.search(r"mru_hw \d+\.\d+\.\d+", first)
    assert chip.design.technology.models_hash()[:16] in (folder / CHIP).read_text()


def test_measures_cover_every_supply_and_output(folder: Path) -> None:
    text = (folder / BENCH).read_text()
    for name in SUPPLIES:
        assert f"p_{name.removeprefix('vdd_')} param" in text
    assert len(re.findall(r"^\.measure tran y\d+_end", text, re.MULTILINE)) == 2
    plain = re.sub(r"'\(\w+(\+\w+)*\)/4'", "", text)  # means over four frames
    assert not re.search(r"/|\\", plain.replace("// ", "").replace(" / ", "")), "a path"


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / ELEMENTS).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_follows_its_schema(folder: Path) -> None:
    schema = json.loads((ROOT / "docs/schemas/elements.csv.schema.json").read_text())
    assert list(COLUMNS) == schema["x-columns"]
    validator = jsonschema.Draft202012Validator(schema)
    numbers = [k for k, v in schema["properties"].items() if "number" in v["type"]]
    for row in table(folder):
        typed = {k: (float(v) if v else None) if k in numbers else v for k, v in row.items()}
        assert list(validator.iter_errors(typed)) == [], row


def test_the_table_holds_every_tensor_element_and_every_device(folder: Path, chip: Chip) -> None:
    rows = table(folder)
    named = {row["parameter"] for row in rows}
    for name, tensor in chip.model.tensors.items():
        for index in np.ndindex(tensor.shape):
            assert f"{name}[{','.join(map(str, index))}]" in named
    devices = {
        f"{TOP}.{d.path}"
        for d in flatten(chip_deck(chip.design), "mru_chip", chip.design.technology)
    }
    assert devices <= {row["element"] for row in rows}


def test_realised_values_are_near_the_wanted_ones(folder: Path) -> None:
    rows = [row for row in table(folder) if row["parameter"] and row["element"] != NO_ELEMENT]
    for row in rows:
        wanted, realised = float(row["wanted"]), float(row["realised"])
        room = {"1": 0.08, "A": 60e-12}[row["unit"]]
        assert realised == pytest.approx(wanted, rel=0.1, abs=room), row


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    return said


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "m"
    save_model(two_units(), path)
    return path


def test_other_dialects_are_refused_by_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "n"
    said = refused(["netlist", str(model), "--dialect", "ltspice", "--out", str(out)], capsys)
    assert said == '--dialect is "ltspice", expected one of ngspice, hspice, spectre, xyce.'
    assert not out.exists()


def test_what_costs_nothing_to_see_is_refused_before_the_arrays_figures(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object, **__: object) -> None:
        raise AssertionError("the array was run")

    monkeypatch.setattr("mru_hw.simulate.netlist.expected_figures", computed)
    (tmp_path / "mine.txt").write_text("a user's own")
    with pytest.raises(UserError, match="dialect"):
        chip.netlist(tmp_path / "n", "eldo")
    with pytest.raises(UserError, match="out"):
        chip.netlist(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_foreign_content_is_left_alone(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    said = refused(["netlist", str(model), "--out", str(out)], capsys)
    assert "a new path or an earlier netlist" in said
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]
    # An earlier netlist may be replaced.
    assert run(["netlist", str(model), "--out", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["transistors"] > 100
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        netlist_files(load_technology("generic180"))
    )


def test_sequences_and_features_are_checked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, wide, out = tmp_path / "x.npz", tmp_path / "w.npz", str(tmp_path / "n")
    save_inputs(make_inputs(np.zeros((2, 3, 2))), data)
    save_inputs(make_inputs(np.zeros((2, 3, 4))), wide)
    start = ["netlist", str(model), "--out", out, "--inputs"]
    assert "--sequence is 2, expected 0 to 1" in refused(
        [*start, str(data), "--sequence", "2"], capsys
    )
    assert "n_in is 4, expected 2" in refused([*start, str(wide)], capsys)
    save_inputs(make_inputs(np.full((2, 3, 2), 1e300)), tmp_path / "huge.npz")
    assert "of input current" in refused([*start, str(tmp_path / "huge.npz")], capsys)
    assert not Path(out).exists()
    assert run([*start, str(data), "--sequence", "1"]) == 0
    assert "3 frames" in (Path(out) / BENCH).read_text()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--corner", "tf"], '--corner is "tf", expected one of tt, ff, ss, sf, fs.'),
        (
            ["--temperature", "200"],
            "--temperature is 200.0, expected -40 to 125 degC, where the constants were measured.",
        ),
        (
            ["--vdd", "1.5"],
            "--vdd is 1.5 V, expected 1.62 V to 1.98 V, where the constants were measured.",
        ),
        (["--vdd", "12 pF"], '--vdd is "12 pF", expected a finite number with the unit V.'),
        (
            ["--sequence", "1"],
            "--sequence is 1, expected none without --inputs, whose sequences it counts.",
        ),
        (
            ["--process-scale", "1"],
            "--process-scale is 1.0, expected 0 without --die, for the nominal die has no spread.",
        ),
        (
            ["--gradient-scale", "1"],
            "--gradient-scale is 1.0, expected 0 without --die, for the nominal die has no spread.",
        ),
        (["--process-scale", "90", "--die", "1"], "--process-scale is 90.0, expected 0 to 10."),
        (
            ["--gradient-scale", "101", "--die", "1"],
            "--gradient-scale is 101.0, expected 0 to 100.",
        ),
        (["--process-scale", "1m"], '--process-scale is "1m", expected a finite number.'),
    ],
)
def test_each_wrong_option(
    options: list[str],
    expected: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "n"
    assert refused(["netlist", str(model), "--out", str(out), *options], capsys) == expected
    assert not out.exists()


def test_conditions_reach_the_bench_and_nothing_else(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hot"
    options = ["--corner", "ff", "--temperature", "85", "--vdd", "1.7 V"]
    assert run(["netlist", str(model), "--out", str(out), "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conditions"] == {"corner": "ff", "temperature_degC": 85.0, "v_dd_V": 1.7}
    text = (out / BENCH).read_text()
    for line in ("\n.include 'models_ff.lib'\n", "\n.options temp=85 ", "\nvdd vdd 0 1.7\n"):
        assert line in text
    names = {path.name for path in folder.iterdir()}
    assert {path.name for path in out.iterdir()} == names
    differing = {n for n in names if (out / n).read_bytes() != (folder / n).read_bytes()}
    # What the array has there is another thing too.
    assert differing == {BENCH, EXPECTED}
