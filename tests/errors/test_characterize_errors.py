"""Mistakes in a call of `mru-hw characterize`: one sentence, and nothing is run or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mru_hw.cli.app import run


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--tech", "sky999"], '--tech is "sky999", expected one of generic180, sky130;'),
        (["--corner", "xx"], '--corner is "xx", expected one of tt, ff, ss, sf, fs.'),
        (["--corner", "ff"], '--corner is "ff", expected tt too, the nominal one.'),
        (["--workers", "0"], "--workers is 0, expected a whole number from 1 to 1024."),
        (
            ["--measurements", "nowhere.csv"],
            '--measurements is "nowhere.csv", expected a CSV table',
        ),
        (["--currents", "--corner", "ff"], '--corner is "ff", expected tt too, the nominal one.'),
        (
            ["--currents", "--measurements", "x.csv"],
            "--currents is given, expected no such option beside --measurements.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["characterize", "--out", str(tmp_path / "t.yaml"), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(told)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_s_own_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t.yaml"
    out.write_text("mine", encoding="utf-8")
    assert run(["characterize", "--out", str(out)]) == 2
    assert capsys.readouterr().err.endswith("expected a new path or an earlier calibration.\n")
    assert out.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [out]
    out.unlink()
    (tmp_path / "raw").mkdir()
    for name, options, what in (
        ("t_lengths.csv", [], "table of mirrors over their length"),
        ("t_currents.csv", ["--currents"], "table of valid currents"),
    ):
        table = tmp_path / "raw" / name
        table.write_text("mine", encoding="utf-8")
        assert run(["characterize", "--out", str(out), *options]) == 2
        assert capsys.readouterr().err.endswith(f"expected a new path or an earlier {what}.\n")
        assert table.read_text(encoding="utf-8") == "mine"
        table.unlink()
