"""Frames that are too short for settled states: every way of running a chip says so, alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mru_hw.cli.app import run as command
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import load_inputs
from mru_hw.sweeps.face import read_sweep
from mru_hw.sweeps.setup import with_frame
from mru_hw.training.config import ChipConfig
from mru_hw.twin.chip import TwinChip
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
    for call, warning in (
        (["sweep", "plan.yaml", "--out", "run.sqlite"], f"Doubtful points: 1 of 4. {one}"),
        (["sweep", "plan.yaml", "--out", "run.sqlite", "--plan-check"], None),
        (["explain", "run.sqlite", "--point", "0"], one),
        (["explain", "run.sqlite", "--point", "2"], ""),
    ):
        assert command([*call, "--json"]) == 0, call
        out, err = capsys.readouterr()
        told = f"Doubtful points: 1 of 4. {one}" if warning is None else warning
        assert json.loads(out)["warning"] == (told or None), call
        assert (told in err) if told else ("short" not in err), call
    assert read_sweep("run.sqlite").warning == f"Doubtful points: 1 of 4. {one}"
    assert command(["report", "run.sqlite", "--out", "page.html"]) == 0
    assert SHORT in (tmp_path / "page.html").read_text()
    found = Chip(model).sensitivity(load_inputs("inputs.npz"), "layer", dies=2)
    assert found.warning == found.as_data()["warning"] == one
    assert Chip(small_model()).sensitivity(load_inputs("inputs.npz"), "layer", dies=2).warning in {
        "",
        Chip(small_model()).run(load_inputs("inputs.npz")).warning,
    }


def test_training_with_a_chip_says_so() -> None:
    model = with_frame(small_model(), 0.002)
    tensors = {name: torch.tensor(values) for name, values in model.tensors.items()}
    told = TwinChip(ChipConfig(temperature=(27.0, 85.0)), model.spec).doubts(tensors)
    assert told.startswith(SHORT)
    assert told.count("is short") == 1
    long = with_frame(model, 0.1)
    assert TwinChip(ChipConfig(), long.spec).doubts(tensors) == ""
