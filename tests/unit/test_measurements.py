"""Measured currents move the constants that they are about, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from mru_hw.cli.app import run
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.measurements import read_measurements, refit
from tests.mistakes import sentence

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "measurements.csv"
SHIPPED = load_calibration(load_technology("generic180"))
HEADER = "quantity,polarity,units,v_gs,v_ds,current\n"


@pytest.fixture(name="cal")
def _cal() -> Calibration:
    return Calibration.model_validate(refit(SHIPPED, read_measurements(EXAMPLE)))


def test_the_example_gives_the_constants_that_it_was_made_with(cal: Calibration) -> None:
    assert cal.n.v_gate == pytest.approx(0.275, abs=2e-4)
    assert cal.n.slope == pytest.approx(1.40, rel=1e-3)
    assert cal.n.conductance == pytest.approx(0.1, rel=1e-3)
    np.testing.assert_allclose(
        [cal.leakage("p", v) for v in (0.6, 1.2, 1.8)], [9e-15, 1.1e-14, 1.6e-14], rtol=0.02
    )
    about = cal.provenance["measured"]
    assert about["file"] == "measurements.csv"
    slopes = ["mismatch_n", "mismatch_split_n"]
    assert about["constants"] == ["leak_p", *slopes, "n.conductance", "n.slope", "n.v_gate"]
    # What no current shows follows the slope over the gate voltage.
    for name in slopes:
        ratio = np.array(getattr(cal, name)) / getattr(SHIPPED, name)
        np.testing.assert_allclose(ratio, cal.n.slope / SHIPPED.n.slope, rtol=1e-3)


def test_what_has_no_rows_stays(cal: Calibration) -> None:
    moved = {"n", "leak_p", "mismatch_n", "mismatch_split_n", "grid", "laws", "provenance"}
    assert cal.model_dump(exclude=moved) == SHIPPED.model_dump(exclude=moved)
    assert cal.laws == ()
    assert {k: v for k, v in cal.provenance.items() if k != "measured"} == SHIPPED.provenance


def test_at_other_conditions_the_simulated_change_counts(cal: Calibration) -> None:
    at = {"temperature": 85.0, "corner": "ff"}
    there, simulated = cal.at(1.7, **at), SHIPPED.at(1.7, **at)  # type: ignore[arg-type]
    change = cal.n.v_gate - SHIPPED.n.v_gate
    assert there.n.v_gate - simulated.n.v_gate == pytest.approx(change, abs=2e-4)
    ratio = cal.n.conductance / SHIPPED.n.conductance
    assert there.n.conductance / simulated.n.conductance == pytest.approx(ratio, rel=2e-3)
    assert there.p == simulated.p
    np.testing.assert_allclose(
        np.array(there.leak_p) / simulated.leak_p, np.array(cal.leak_p) / SHIPPED.leak_p, rtol=2e-3
    )
    # The nominal condition is the table's own.
    back = there.at(1.8, temperature=27.0, corner="tt")
    assert back.n == cal.n
    assert back.leak_p == cal.leak_p


def test_the_command_writes_the_file_without_ngspice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lab.yaml"
    words = ["characterize", "--tech", "generic180", "--measurements", str(EXAMPLE)]
    assert run([*words, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured"][0] == "leak_p"
    written = Calibration.model_validate(yaml.safe_load(out.read_text(encoding="utf-8")))
    assert written.provenance["measured"]["file"] == "measurements.csv"
    assert (tmp_path / "raw" / "lab.csv").is_file()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "m.csv is another table, expected the columns quantity, polarity, units, "),
        ("a,b\n1,2\n", "m.csv is another table, expected the columns"),
        (HEADER + "noise,n,1,1,1,1\n", 'm.csv: line 2: quantity is "noise", expected one of gate,'),
        (HEADER + "gate,x,1,1,1,1\n", 'm.csv: line 2: polarity is "x", expected n or p.'),
        (HEADER + "gate,n,0,1,1,1\n", 'm.csv: line 2: units is "0", expected a number above 0.'),
        (HEADER + "gate,n,1,1,1,nan\n", 'm.csv: line 2: current is "nan", expected a finite numb'),
        (HEADER + "gate,n,1,1,1,-1\n", 'm.csv: line 2: current is "-1", expected a number above 0'),
        (HEADER + "gate,n,1,1,1,1e300\n", 'm.csv: line 2: current is "1e300", expected 1e-24 to 1'),
        (HEADER + "gate,n,1e-9,1,1,1\n", 'm.csv: line 2: units is "1e-9", expected 1 to 1e+09.'),
        (HEADER + "gate,n,1_0,1,1,1\n", 'm.csv: line 2: units is "1_0", expected a finite number'),
        (HEADER + 'gate,n,1,"0,3",1,1\n', 'm.csv: line 2: v_gs is "0,3", expected a finite number'),
        (
            HEADER + "gate,n,1,0,3,,1\n",
            "m.csv: line 2 is 7 cells long, expected 6, decimals behind",
        ),
        (HEADER + "gate,n,1\n", "m.csv: line 2: v_gs is missing, expected a number above 0."),
        (HEADER + "gate,n,1,1,1,1\n", "m.csv: gate n is 1 row, expected at least 3 rows, or none"),
        (HEADER + "output,n,1,1,1,1\n" * 3, "m.csv: output n is not a curve, expected one row a"),
        (
            HEADER + "".join(f"gate,n,1,{v},1,{v}e-3\n" for v in (1, 2, 3)),
            "m.csv: gate n is 0 rows in range, expected at least 3 rows of 3.13e-12 to 3.13e-10 A",
        ),
        (
            HEADER + "".join(f"gate,n,1,{v / 1000},1,{v}e-11\n" for v in (1, 2, 3)),
            "m.csv: gate n: slope is 0.0",
        ),
        (
            HEADER + "".join(f"output,p,1,1,{v / 10},1e-9\n" for v in (1, 2, 3)),
            "m.csv: output p is 1 row in range, expected at least 3 rows of 0.25 V and more.",
        ),
        (
            HEADER + "".join(f"output,p,1,1,{v},{5 - v}e-9\n" for v in (1, 2, 3)),
            "m.csv: output p is a falling current, expected one that rises with v_ds.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    assert sentence(lambda: refit(SHIPPED, read_measurements(path))).startswith(told)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    assert sentence(lambda: read_measurements(path)).startswith("measurements is ")
    path.write_bytes(b"\xff\xfe")
    assert (
        sentence(lambda: read_measurements(path)) == "none.csv is no table, expected CSV in UTF-8."
    )
