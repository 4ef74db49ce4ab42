"""Signals that are lost in leakage: where it begins, and that every way of running says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mru_hw.cli.app import run as command
from mru_hw.mapping import DesignOptions
from mru_hw.model.network import Model
from mru_hw.report.page import write_report
from mru_hw.simulate.lost_signal import LOST, leaking_node, lost_signal
from mru_hw.simulate.run import Chip
from mru_hw.sweeps.face import read_sweep
from mru_hw.sweeps.view import open_run
from mru_hw.units import in_symbols
from tests.agreement.networks import loops, two_units, two_windows
from tests.networks import draw_inputs
from tests.sweeps import small_model, write_case

LOSES = {
    "generic180": {("1 nA", "ff", 125.0), ("300 pA", "tt", 125.0), ("300 pA", "ff", 85.0)},
    "sky130": {("1 nA", "tt", 125.0), ("3 nA", "tt", 125.0), ("300 pA", "tt", 85.0)},
}
KEEPS = {
    "generic180": {
        *((i_unit, "ff", 27.0) for i_unit in ("300 pA", "1 nA", "3 nA", "10 nA")),
        *{("300 pA", "tt", 85.0), ("1 nA", "tt", 125.0), ("3 nA", "ff", 125.0)},
        *{("300 pA", "ss", -40.0)},
    },
    "sky130": {
        *((i_unit, "ff", 27.0) for i_unit in ("300 pA", "1 nA", "3 nA", "10 nA")),
        *{("1 nA", "ff", 85.0), ("10 nA", "tt", 125.0), ("10 nA", "sf", 125.0)},
        *{("300 pA", "ss", -40.0)},
    },
}
LONG = {"axis": "frame_period", "values": ["200 ms"]}
"""Frames in which the small network settles, which would be a doubt of another kind."""
NETWORKS = (two_units, two_windows, lambda: loops("fq_bmru", [1.0], [0.5]))


@pytest.mark.parametrize("network", NETWORKS, ids=["ladders", "windows", "loops"])
@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_it_begins_where_legs_leak_a_fifth_of_what_they_carry(
    name: str, network: Callable[[], Model]
) -> None:
    for cases, loses in ((LOSES[name], True), (KEEPS[name], False)):
        for i_unit, corner, temperature in sorted(cases):
            chip = Chip(network(), name, DesignOptions(i_unit=i_unit))
            here = chip.calibration.at(
                1.8,
                temperature=temperature,
                corner=corner,
                loops_only=chip.design.loops_only,
            )
            node = leaking_node(chip.design, here)
            assert loses == (node is not None and node.share > LOST), (i_unit, corner, temperature)
            assert bool(lost_signal(chip.design, here)) == loses


def test_the_i_unit_that_it_names_leaves_a_fifth() -> None:
    chip = Chip(two_units(), "sky130")
    hot = chip.calibration.at(1.8, temperature=125.0, corner="tt")
    assert lost_signal(chip.design, hot) == (
        "At tt, 125 degC and 1.8 V a leg off node v1 leaks 1.23 nA without a signal, where it "
        "usually carries 1 nA: signals are lost in leakage, which is a fifth of them from an "
        "i_unit of 6.14 nA on, instead of 1 nA."
    )
    enough = Chip(two_units(), "sky130", DesignOptions(i_unit="6.14 nA"))
    node = leaking_node(enough.design, hot)
    assert node is not None
    assert node.share == pytest.approx(LOST, rel=0.01)


@pytest.mark.parametrize("timing", ["settled", "timed"])
def test_a_run_says_so(timing: str) -> None:
    chip = Chip(two_units(), "sky130")
    inputs = draw_inputs(2, 1, n_seq=2)
    hot = chip.run(inputs, temperature=125, timing=timing)
    assert hot.warning.startswith("At tt, 125 degC and 1.8 V a leg off node v1 leaks 1.23 nA")
    assert "signals are lost" not in chip.run(inputs, temperature=85, timing=timing).warning
    assert "signals are lost" not in chip.run(inputs, level="ideal").warning


def test_a_sweep_says_so_in_its_summary_table_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = [{"axis": "temperature", "values": [27, 85, 125]}, LONG]
    plan = write_case(tmp_path, n_seq=2, tech="sky130", axes=axes, n_dies=1)
    store, page = tmp_path / "run.sqlite", tmp_path / "report.html"
    call = ["sweep", str(plan), "--out", str(store), "--workers", "1", "--json"]
    assert command([*call, "--plan-check"]) == 0
    checked = capsys.readouterr()
    assert command(call) == 0
    shown = capsys.readouterr()
    design = Chip(small_model(), "sky130")
    hot = design.calibration.at(1.8, temperature=125.0, corner="tt")
    said = f"Doubtful points: 1 of 3. {lost_signal(design.design, hot)}"
    assert said in shown.err.splitlines()
    assert json.loads(shown.out)["warning"] == said
    # A check of the plan has said it before.
    assert said in checked.err.splitlines()
    assert json.loads(checked.out)["warning"] == said
    assert read_sweep(store).warning == said
    with open_run(store) as run:
        write_report(run, page)
    shown_there = f'<p class="warning">{in_symbols(said)} Each reason stands where it is'
    assert shown_there in page.read_text("utf-8")


def test_a_sweep_that_keeps_its_signal_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, store = write_case(tmp_path, n_seq=2, n_dies=1, axes=[LONG]), tmp_path / "run.sqlite"
    assert command(["sweep", str(plan), "--out", str(store), "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warning"] is None
    assert read_sweep(store).warning == ""
