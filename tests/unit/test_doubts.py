"""Frames that are too short for settled states: every way of running a chip says so, alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mru_hw.cells.settling import settling_times
from mru_hw.cells.usual import usual_currents
from mru_hw.cli.app import run as command
from mru_hw.mapping.options import DesignOptions
from mru_hw.simulate.doubts import doubts, warning
from mru_hw.simulate.lost_signal import leaking_node
from mru_hw.simulate.run import Chip
from mru_hw.simulate.short_frame import settling_windows
from mru_hw.stimulus import load_inputs
from mru_hw.sweeps.face import read_sweep
from mru_hw.sweeps.ready import in_plan_words
from mru_hw.sweeps.setup import with_frame
from mru_hw.training.config import ChipConfig
from mru_hw.twin.chip import TwinChip
from tests.networks import draw_model, make_spec
from tests.sweeps import small_model, write_case

SHORT = "The frame of 2 ms is short: a node that loses its current needs "


def test_every_way_of_running_a_chip_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    axes: list[dict[str, Any]] = [
        {"axis": "frame_period", "values": ["2 ms", "100 ms"]},
        {"axis": "timing", "values": ["settled", "timed"]},
    ]
    write_case(tmp_path, n_seq=3, axes=axes)
    model = with_frame(small_model(), 0.002)
    one = Chip(model).run(load_inputs(tmp_path / "inputs.npz")).warning
    assert one.startswith(SHORT)
    in_python, one = one, in_plan_words(one)
    for call, expected in (
        (["sweep", "plan.yaml", "--out", "run.sqlite"], f"Doubtful points: 1 of 4. {one}"),
        (["sweep", "plan.yaml", "--out", "run.sqlite", "--plan-check"], None),
        (["explain", "run.sqlite", "--point", "0"], one),
        (["explain", "run.sqlite", "--point", "2"], ""),
    ):
        assert command([*call, "--json"]) == 0, call
        out, err = capsys.readouterr()
        told = f"Doubtful points: 1 of 4. {one}" if expected is None else expected
        assert json.loads(out)["warning"] == (told or None), call
        assert (told in err) if told else ("short" not in err), call
    assert read_sweep("run.sqlite").warning == f"Doubtful points: 1 of 4. {one}"
    assert command(["report", "run.sqlite", "--out", "page.html"]) == 0
    on_page = "The frame of 2 ms is short: a node that a strobe reads needs up to "
    assert on_page in (tmp_path / "page.html").read_text()
    found = Chip(model).sensitivity(load_inputs("inputs.npz"), "layer", dies=2)
    assert found.warning == found.as_data()["warning"] == in_python
    assert Chip(small_model()).sensitivity(load_inputs("inputs.npz"), "layer", dies=2).warning in {
        "",
        Chip(small_model()).run(load_inputs("inputs.npz")).warning,
    }


def test_a_reference_that_is_off_moves_what_the_bias_rail_sets() -> None:
    """Half the reference is half the i_unit, but for the signals that inputs alone bring."""
    chip = Chip(small_model(), options=DesignOptions(i_unit="1 nA"))
    half = Chip(small_model(), options=DesignOptions(i_unit="500 pA"))
    design, calibration = chip.design, chip.calibration
    usual, bare = usual_currents(design, -0.5), usual_currents(design)
    assert bare == {name: bus.usual for name, bus in design.buses.items()}
    from_inputs = {"x", "v0", "c0"}
    assert usual == {n: bare[n] * (1 if n in from_inputs else 0.5) for n in bare}
    assert usual == usual | {n: half.design.buses[n].usual for n in usual.keys() - from_inputs}
    off = settling_times(design, calibration, reference=-0.5)
    there = settling_times(half.design, half.calibration)
    for name in off.keys() - from_inputs:
        assert off[name] == pytest.approx(there[name], rel=1e-2), name  # other ratios: other loads
    # Inputs come in as before, but their nodes rest at half the current: between the two.
    before = settling_times(design, calibration)
    assert all(before[name] <= off[name] < 2 * before[name] for name in from_inputs)
    assert before["x"] < off["x"]
    hot = calibration.at(1.8, temperature=125.0, corner="ff")
    plain, low = (leaking_node(design, hot, error) for error in (0.0, -0.75))
    assert plain is not None
    assert low is not None
    # What a leg leaks is no bias current: of a quarter of the current it is four times the share.
    assert (plain.bus, plain.usual) == ("x", 1e-9)
    assert (low.bus, low.usual) == ("v2", 0.25e-9)
    assert low.share > 1.9 * plain.share


def test_where_inputs_and_states_meet_the_smaller_current_counts() -> None:
    spec = make_spec(levels=2, skip="matrix")  # from what comes into a layer to what leaves it
    design = Chip(draw_model(spec, 1)).design
    low, high, bare = (usual_currents(design, error)["v1"] for error in (-0.5, 1.0, 0.0))
    assert (low, high) == (bare / 2, bare)


def test_a_sweep_says_so_of_the_points_whose_reference_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chip = Chip(small_model())
    windows, frames = settling_windows(chip.design), []
    for error in (0.0, -0.5):
        times = settling_times(chip.design, chip.calibration, reference=error)
        needed = max(times[name] / windows[name][0] for name in times)
        frames.append(needed * chip.design.timing.frame)
    between = sum(frames) / 2
    frame = f"{between:.6g} s"
    axes: list[dict[str, Any]] = [
        {"axis": "frame_period", "values": [frame]},
        {"axis": "reference_error", "values": [0, -50]},
    ]
    write_case(tmp_path, n_seq=3, axes=axes)
    warnings = []
    for error in (0.0, -0.5):
        own = Chip(with_frame(small_model(), between))
        warnings.append(warning([doubts(own.design, own.calibration, reference=error)]))
    assert [bool(one) for one in warnings] == [False, True]
    assert command(["sweep", "plan.yaml", "--out", "run.sqlite", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["warning"]
    assert told.startswith("Doubtful points: 1 of 2. The frame of ")
    for point, expected in ((0, ""), (1, told.partition("2. ")[2])):
        assert command(["explain", "run.sqlite", "--point", str(point), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["warning"] == (expected or None)


def test_training_with_a_chip_says_so() -> None:
    model = with_frame(small_model(), 0.002)
    tensors = {name: torch.tensor(values) for name, values in model.tensors.items()}
    told = TwinChip(ChipConfig(temperature=(27.0, 85.0)), model.spec).doubts(tensors)
    assert told.startswith(SHORT)
    assert told.count("is short") == 1
    long = with_frame(model, 0.1)
    assert TwinChip(ChipConfig(), long.spec).doubts(tensors) == ""
