"""Sweeps of several designs, of a DESIGN.yaml and of one's own calibration."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.cli.app import run as command
from mru_hw.data import calibration_dir
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.report.page import write_report
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.energy import energy
from mru_hw.simulate.supply import input_charge
from mru_hw.stimulus import load_inputs
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.variation import draw_die, nominal_die
from tests.mistakes import sentence
from tests.sweeps import rows, small_model, write_case

TECHNOLOGY = load_technology("generic180")
CALIBRATION = load_calibration(TECHNOLOGY)
I_UNITS = (3e-9, 1e-9)
AXES = [{"axis": "i_unit", "values": ["3 nA", 1e-9]}]


def swept(folder: Path, name: str, **keys: Any) -> Path:
    plan = read_plan(write_case(folder, **keys))
    run_sweep({"sweep": plan}, folder, folder / name, workers=1)
    return folder / name


def facts(store: Path, query: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(store)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def test_each_value_is_a_design_of_its_own(tmp_path: Path) -> None:
    store = swept(tmp_path, "run.sqlite", n_dies=2, axes=AXES)
    inputs = load_inputs(tmp_path / "inputs.npz")
    designs = [
        map_model(small_model(), TECHNOLOGY, CALIBRATION, DesignOptions(i_unit=i_unit))
        for i_unit in I_UNITS
    ]
    found = rows(store, "point, seed, design, decision, energy")
    assert len(found) == 4
    for point, seed, digest, decision, joules in found:
        design = designs[point]
        assert digest == design.digest()
        die = draw_die(design, seed)
        run = simulate_behavioral(design, CALIBRATION, inputs, [die], keep_all=False)
        assert np.array_equal(np.frombuffer(decision, "<i2"), run.trace.decision[0])
        assert np.array_equal(np.frombuffer(joules, "<f8"), energy(run.supply).total[0])
    names = "SELECT name, design FROM reference ORDER BY name, design"
    digests = sorted(design.digest() for design in designs)
    assert facts(store, names) == [
        *(("ideal", digest) for digest in digests),
        *(("nominal", digest) for digest in digests),
        ("software", ""),
    ]
    with open_run(store) as run_:
        assert [point.settings["i_unit"] for point in run_.points] == list(I_UNITS)
        assert [point.design for point in run_.points] == [d.digest() for d in designs]
        assert [run_.designs[d.digest()]["i_unit"] for d in designs] == ["3 nA", "1 nA"]
        for point, design in zip(run_.points, designs, strict=True):
            assert point.input_energy == float(np.mean(input_charge(design, inputs))) * 1.8
            nominal = simulate_behavioral(
                design, CALIBRATION, inputs, [nominal_die(design)], keep_all=False
            )
            share = float(np.mean(nominal.trace.decision[0] == inputs.y))
            assert run_.compared([point])["nominal"] == share
        # What belongs to one design is no line in a figure of both.
        assert set(run_.compared(run_.points)) == {"software"}
        assert set(run_.references) == {"software", "ideal", "nominal"}
        write_report(run_, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("3 nA for 1.0", "hash of design 1", "i_unit: 3 nA", "numpy", "float64"):
        assert text in page


def test_the_default_is_the_design_that_there_was(tmp_path: Path) -> None:
    plain = swept(tmp_path, "plain.sqlite", n_dies=2)
    both = swept(tmp_path, "both.sqlite", n_dies=2, axes=AXES)
    columns = "seed, design, decision, energy"
    assert rows(both, columns)[2:] == rows(plain, columns)


def test_a_file_a_mapping_and_the_options_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "DESIGN.yaml").write_text("i_unit: 3 nA\n")
    digests = set()
    for name, key in {"file": "DESIGN.yaml", "mapping": {"i_unit": 3e-9}}.items():
        store = swept(tmp_path, f"{name}.sqlite", design=key)
        digests |= set(facts(store, "SELECT value FROM run WHERE name = 'identity'"))
    arguments = ["sweep", str(write_case(tmp_path)), "--workers", "1", "--json"]
    for name, more in {
        "flag": ["--i-unit", "3 nA"],
        "option": ["--design", str(tmp_path / "DESIGN.yaml")],
    }.items():
        store = tmp_path / f"{name}.sqlite"
        assert command([*arguments, "--out", str(store), *more]) == 0
        assert json.loads(capsys.readouterr().out)["point"]["i_unit"] == 3e-9
        digests |= set(facts(store, "SELECT value FROM run WHERE name = 'identity'"))
    assert len(digests) == 1
    # Another design is another sweep.
    assert command([*arguments, "--out", str(tmp_path / "flag.sqlite")]) == 2
    assert "the sweep there is of another design" in capsys.readouterr().err


def test_a_calibration_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (calibration_dir() / "generic180.yaml").read_text(encoding="utf-8")
    shipped = swept(tmp_path, "shipped.sqlite")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    same = swept(tmp_path, "same.sqlite", calibration="own.yaml")
    identity = "SELECT value FROM run WHERE name = 'identity'"
    assert facts(same, identity) == facts(shipped, identity)  # what it says counts, not where
    line = next(k for k in text.splitlines() if k.startswith("c_driver:"))
    number = float(line.partition(":")[2].split()[0])
    (tmp_path / "own.yaml").write_text(text.replace(line, f"c_driver: {1.5 * number!r}"))
    other = swept(tmp_path, "other.sqlite", calibration="own.yaml")
    assert rows(other, "energy") != rows(same, "energy")
    plan = read_plan(tmp_path / "plan.yaml")
    told = sentence(lambda: run_sweep({"sweep": plan}, tmp_path, same, workers=1))
    assert told.endswith("expected a new path, for the sweep there is of another calibration.")
    plain = write_case(tmp_path)
    gone = tmp_path / "gone.yaml"
    assert command(["sweep", str(plain), "--out", "new.sqlite", "--calibration", str(gone)]) == 2
    assert capsys.readouterr().err.startswith(f'--calibration is "{gone}", expected a YAML file')


MISTAKES: list[tuple[dict[str, Any], list[str], str]] = [
    (
        {"axes": [{"axis": "i_unit", "values": ["1 nA", "2 pA"]}]},
        [],
        "plan.yaml: axes.0.values.1 is 2 pA, expected ",
    ),
    ({"design": {"i_unit": "2 pA"}}, [], "plan.yaml: design.i_unit is 2 pA, expected "),
    ({}, ["--i-unit", "2 pA"], "--i-unit is 2 pA, expected "),
    ({}, ["--i-unit", "2 V"], '--i-unit is "2 V", expected a finite number with the unit A'),
    (
        {"design": {"i_unit": "1 nA"}},
        ["--i-unit", "3 nA"],
        '--i-unit is "3 nA", expected 1 nA, as plan.yaml has it, or no such option.',
    ),
    (
        {"axes": AXES},
        ["--i-unit", "3 nA"],
        '--i-unit is "3 nA", expected no such option, for i_unit is an axis of plan.yaml.',
    ),
    (
        {"design": {}},
        ["--design", "DESIGN.yaml"],
        '--design is "DESIGN.yaml", expected no such option, for plan.yaml has the key design.',
    ),
    ({"design": "none.yaml"}, [], "plan.yaml: design is "),
    (
        {"design": {"compensated": {"v_dd": "3 V"}}},
        [],
        "plan.yaml: design.compensated.v_dd is ",
    ),
    ({}, ["--design", "HOT.yaml"], "HOT.yaml: compensated.v_dd is "),
    ({"axes": AXES}, ["--design", "HOT.yaml"], "HOT.yaml: compensated.v_dd is "),
    (
        {"axes": [{"axis": "i_unit", "values": ["2 pA"]}]},
        ["--design", "LOW.yaml"],
        "plan.yaml: axes.0.values.0 is 2 pA, expected ",
    ),
    (
        {"axes": [{"axis": "compensated_v_dd", "values": ["3 V"]}]},
        ["--design", "LOW.yaml"],
        "plan.yaml: axes.0.values.0 is 3 V, expected 1.62 V to 1.98 V, ",
    ),
    (
        {"axes": [{"axis": "width", "values": [12]}]},
        ["--design", "LOW.yaml"],
        "plan.yaml: axes.0.values.0 is 12, expected more than hold, 16, ",
    ),
    (
        {"axes": [{"axis": "area", "values": [{"v0/none": 2}]}]},
        [],
        'plan.yaml: axes.0.values.0 is "v0/none", expected a role of a device: ',
    ),
    ({"calibration": "none.yaml"}, [], "plan.yaml: calibration is "),
]


@pytest.mark.parametrize(("keys", "more", "expected"), MISTAKES, ids=[m[2] for m in MISTAKES])
def test_each_mistake_is_one_sentence_about_its_own_place(
    keys: dict[str, Any],
    more: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, out = write_case(tmp_path, **keys), tmp_path / "run.sqlite"
    (tmp_path / "HOT.yaml").write_text("compensated: {v_dd: 3 V}\n")
    (tmp_path / "LOW.yaml").write_text("i_unit: 1 nA\n")
    more = [str(tmp_path / name) if (tmp_path / name).is_file() else name for name in more]
    for check in ([], ["--plan-check"]):
        assert command(["sweep", str(plan), "--out", str(out), *more, *check]) == 2
        shown = capsys.readouterr().err
        assert shown.startswith(expected)
        assert shown.count("\n") == 1
        assert not out.exists()


def test_the_kernel_is_a_key_of_the_plan_or_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_case(tmp_path, n_dies=2)
    assert command(["sweep", str(plan), "--out", str(tmp_path / "a"), "--kernel", "numpy"]) == 0
    with open_run(tmp_path / "a") as run:
        assert run.facts["kernel"] == "numpy"
    plan = write_case(tmp_path, n_dies=2, kernel="numba")
    assert command(["sweep", str(plan), "--out", str(tmp_path / "b")]) == 0
    with open_run(tmp_path / "b") as run:
        assert run.facts["kernel"] == "numba"
    capsys.readouterr()
    assert command(["sweep", str(plan), "--out", str(tmp_path / "c"), "--kernel", "numpy"]) == 2
    told = capsys.readouterr().err
    assert '--kernel is "numpy", expected no such option' in told
