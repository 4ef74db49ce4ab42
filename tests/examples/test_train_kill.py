"""`mru-hw train` killed for real: nothing, or an unfinished training that resumes to the same bits.

Issue 2, Shows line 10.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mru_hw.stimulus import make_inputs, save_inputs

KILLS = {"int": signal.SIGINT, "kill": signal.SIGKILL}
COMMAND = [sys.executable, "-c", "from mru_hw.cli.app import main; main()", "train"]


def _config(folder: Path, epochs: int) -> Path:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 60)
    x = rng.normal(size=(60, 12, 2)) + y[:, None, None]
    save_inputs(make_inputs(x, rng.integers(5, 13, 60), y), folder / "inputs.npz")
    layer = {"cell": "cmru", "n_units": 3, "n_out": 4, "levels": 2, "rectify_input": True}
    config = {
        "data": "inputs.npz",
        "frame_period": "10 ms",
        "network": {"n_hidden": 4, "layers": [layer]},
        "training": {"epochs": epochs, "batch_size": 8, "checkpoint_epochs": 1},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _start(config: Path, out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, str(config), "--out", str(out), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _finish(config: Path, out: Path) -> dict[str, Any]:
    process = _start(config, out)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr.decode()
    result: dict[str, Any] = json.loads(stdout)
    return result


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _kill(config: Path, out: Path, name: str, after: float) -> None:
    """Kill one call after so many seconds; see that what it left is nothing, whole or marked."""
    process = _start(config, out)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(KILLS[name])
        process.communicate(timeout=300)
        expected = {-KILLS[name], 1} if name == "int" else {-KILLS[name]}
        assert process.returncode in {*expected, 0}
    identity = out.with_name(out.name + ".part") / "checkpoint.json"
    if identity.exists() and not out.exists():
        assert json.loads(identity.read_text())["complete"] is False


def _reference(tmp_path: Path, epochs: int) -> tuple[Path, dict[str, bytes], float]:
    config = _config(tmp_path, epochs)
    began = time.monotonic()
    _finish(config, tmp_path / "reference")
    return config, _bytes(tmp_path / "reference"), time.monotonic() - began


def _clean(tmp_path: Path, out: Path) -> None:
    """The model stands and nothing else is left beside it."""
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"config.yaml", "inputs.npz", "reference", out.name}


def test_killed_twice_it_resumes_to_the_same_bits(tmp_path: Path) -> None:
    config, wanted, seconds = _reference(tmp_path, epochs=60)
    times = random.Random(1)
    out = tmp_path / "model"
    for name in KILLS:
        _kill(config, out, name, times.uniform(0.3, 0.95) * seconds)
    assert _finish(config, out)["complete"] is True
    assert _bytes(out) == wanted
    _clean(tmp_path, out)


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_killed_ten_times_at_random(tmp_path: Path, name: str) -> None:
    config, wanted, seconds = _reference(tmp_path, epochs=200)
    times = random.Random(2)
    resumed = []
    for turn in range(10):
        out = tmp_path / f"model{turn}"
        _kill(config, out, name, times.uniform(0.0, 1.0) * seconds)
        resumed.append(_finish(config, out)["resumed_at"])
        assert _bytes(out) == wanted
        _clean(tmp_path, out)
        shutil.rmtree(out)
    # The kills did reach the training itself.
    assert any(0 < epochs < 200 for epochs in resumed)
