"""Sweeps over several technologies, and axes that a key of the plan has the name of."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mru_hw.data import calibration_dir
from mru_hw.report.page import write_report
from mru_hw.report.sections import condition_rows
from mru_hw.sweeps.face import read_sweep, sweep_plan
from mru_hw.sweeps.plan import read_plan
from mru_hw.sweeps.run import run_sweep
from mru_hw.sweeps.view import open_run
from tests.mistakes import sentence
from tests.sweeps import rows, write_case


def sweep(folder: Path, name: str, **plan: Any) -> Path:
    document = read_plan(write_case(folder, n_seq=5, n_dies=2, keep="summary", **plan))
    run_sweep({"sweep": document}, folder, folder / name, workers=1)
    return folder / name


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"model": "none", "axes": [{"axis": "model", "values": ["model"]}]},
            'plan.yaml: model is "{folder}/none", expected a folder with model.yaml',
        ),
        (
            {"axes": [{"axis": "corner", "values": ["tt"]}, {"axis": "model", "values": ["none"]}]},
            'plan.yaml: axes.1.values.0 is "{folder}/none", expected a folder with model.yaml',
        ),
        (
            {"tech": "none", "axes": [{"axis": "tech", "values": ["sky130"]}]},
            'plan.yaml: tech is "none", expected one of generic180, sky130;',
        ),
        (
            {"axes": [{"axis": "tech", "values": ["sky130", "none"]}]},
            'plan.yaml: axes.0.values.1 is "none", expected one of generic180, sky130;',
        ),
        (
            {"axes": [{"axis": "tech", "values": ["sky130"]}, {"axis": "corner", "values": ["x"]}]},
            'plan.yaml: axes.1.values.0 is "x", expected one of ',
        ),
    ],
)
def test_a_key_and_an_axis_of_one_name_are_told_apart(
    keys: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    path = write_case(tmp_path, **keys)
    told = sentence(lambda: sweep_plan(path, tmp_path / "run.sqlite"))
    assert told.startswith(expected.format(folder=tmp_path))
    assert not (tmp_path / "run.sqlite").exists()


def test_several_technologies_are_what_each_gives_alone(tmp_path: Path) -> None:
    names = ["sky130", "generic180"]
    store = sweep(tmp_path, "both.sqlite", axes=[{"axis": "tech", "values": names}])
    columns = "accuracy, right, energy_mean, quantiles, blocks, design"
    alone = [rows(sweep(tmp_path, f"{name}.sqlite", tech=name, axes=[]), columns) for name in names]
    assert rows(store, columns) == [*alone[0], *alone[1]]
    assert alone[0] != alone[1]
    with open_run(store) as run, open_run(tmp_path / "sky130.sqlite") as one:
        assert [point.settings["tech"] for point in run.points] == names
        assert run.points[0].settings["v_dd"] == one.points[0].settings["v_dd"]
        (point,) = one.points
        assert run.compared(run.points[:1]) == one.compared([point])
        assert dict(condition_rows(run))["technology"] == "sky130, generic180"
    with open_run(store) as run:
        write_report(run, tmp_path / "report.html")
    assert "sky130, generic180" in (tmp_path / "report.html").read_text(encoding="utf-8")
    frame = read_sweep(store).rows
    assert [row["tech"] for row in frame] == ["sky130", "sky130", "generic180", "generic180"]


def test_another_technology_s_constants_make_another_sweep(tmp_path: Path) -> None:
    """Constants of one's own are those of the plan's technology."""
    axes = [{"axis": "tech", "values": ["generic180", "sky130"]}]
    store = sweep(tmp_path, "run.sqlite", axes=axes)
    text = (calibration_dir() / "generic180.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("c_driver:"))
    number = float(line.split()[1])
    (tmp_path / "own.yaml").write_text(text.replace(line, f"c_driver: {1.5 * number!r}"))
    own = sweep(tmp_path, "own.sqlite", axes=axes, calibration="own.yaml")
    before, after = (rows(one, "energy_mean") for one in (store, own))
    assert before[:2] != after[:2]
    assert before[2:] == after[2:]
    told = sentence(partial(sweep, tmp_path, "run.sqlite", axes=axes, calibration="own.yaml"))
    assert told == (
        f'out is "{store}", expected a new path, for the sweep there is of another calibration.'
    )
