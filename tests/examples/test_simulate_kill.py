"""`mru-hw simulate` killed for real: the old trace or the new one, never a part of one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mru_hw.model.io import save_model
from mru_hw.simulate.trace import load_trace
from mru_hw.stimulus import save_inputs
from tests.networks import draw_inputs, draw_model, make_spec

KILLS = {"int": signal.SIGINT, "kill": signal.SIGKILL}


def _command(folder: Path, out: Path, die: int) -> list[str]:
    return [
        *(sys.executable, "-c", "from mru_hw.cli.app import main; main()", "simulate"),
        *(str(folder / "model"), "--inputs", str(folder / "x.npz"), "--die", str(die)),
        *("--out", str(out)),
    ]


def _killed(tmp_path: Path, name: str, turns: int) -> None:
    save_model(draw_model(make_spec("cmru", levels=2), 3), tmp_path / "model")
    save_inputs(draw_inputs(4, 1, n_seq=4000, n_time=60), tmp_path / "x.npz")
    whole = {}
    for die in (1, 2):
        began = time.monotonic()
        path = tmp_path / f"whole{die}.npz"
        subprocess.run(_command(tmp_path, path, die), check=True, capture_output=True)
        seconds = time.monotonic() - began
        whole[die] = load_trace(path)
    times = random.Random(7)
    out = tmp_path / "y.npz"
    for turn in range(turns):
        die = 1 + turn % 2
        process = subprocess.Popen(
            _command(tmp_path, out, die), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=times.uniform(0.0, 1.1) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(KILLS[name])
            process.wait(timeout=60)
        if out.exists():
            found = load_trace(out)
            same = [
                np.array_equal(found.decision, trace.decision)
                and np.array_equal(found.energy_J, trace.energy_J)
                for trace in whole.values()
            ]
            assert any(same)


@pytest.mark.parametrize("name", KILLS)
def test_killed_it_leaves_a_whole_trace_or_none(tmp_path: Path, name: str) -> None:
    _killed(tmp_path, name, turns=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_killed_ten_times_at_random(tmp_path: Path, name: str) -> None:
    _killed(tmp_path, name, turns=10)
