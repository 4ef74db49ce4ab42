"""`mru-hw sweep` killed for real: nothing, or an unfinished sweep that resumes to the same bits.

Issue 2, Shows line 10.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mru_hw.sweep.view import open_run
from tests.sweeps import write_case

KILLS = {"int": signal.SIGINT, "kill": signal.SIGKILL}
COMMAND = [sys.executable, "-c", "from mru_hw.cli.app import main; main()", "sweep"]
LEFT = {"inputs.npz", "model", "plan.yaml", "whole.sqlite", "run.sqlite"}


def _start(plan: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    # A session of its own, so that its processes can be told apart.
    return subprocess.Popen(
        [*COMMAND, str(plan), "--out", str(out), "--workers", str(workers), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _finish(plan: Path, out: Path, workers: int = 2) -> dict[str, Any]:
    process = _start(plan, out, workers)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr.decode()
    result: dict[str, Any] = json.loads(stdout)
    return result


def _alive(session: int) -> list[int]:
    """Processes of a session, zombies apart."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(stat[3]) == session and stat[0] != "Z":
            found.append(int(entry.name))
    return found


def _kill(plan: Path, out: Path, name: str, after: float, workers: int) -> int | None:
    """Kill one call after so many seconds; return how many runs it left, None if no store."""
    process = _start(plan, out, workers)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(KILLS[name])
        process.communicate(timeout=60)
        expected = {-KILLS[name], 1} if name == "int" else {-KILLS[name]}
        assert process.returncode in {*expected, 0}
    # No worker outlives the call for long.
    until = time.monotonic() + 10
    while _alive(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert _alive(process.pid) == []
    if not out.exists() or out.stat().st_size == 0:
        return None
    with open_run(out) as run:
        count = sum(point.n_runs for point in run.points)
        assert run.complete == (count == sum(point.n_wanted for point in run.points))
    return count


def _case(tmp_path: Path, n_dies: int) -> tuple[Path, str, float]:
    axes = [{"axis": "noise_scale", "values": [0, 1]}]
    plan = write_case(tmp_path, n_dies=n_dies, chunk=3, axes=axes)
    began = time.monotonic()
    digest = str(_finish(plan, tmp_path / "whole.sqlite")["digest"])
    return plan, digest, time.monotonic() - began


@pytest.mark.parametrize("name", KILLS)
def test_killed_it_resumes_to_the_same_bits(tmp_path: Path, name: str) -> None:
    plan, digest, seconds = _case(tmp_path, n_dies=120)
    out = tmp_path / "run.sqlite"
    left = _kill(plan, out, name, 0.75 * seconds, workers=2)
    result = _finish(plan, out)
    assert (result["complete"], result["digest"]) == (True, digest)
    assert result["computed"] == 240 - (left or 0)
    assert {path.name for path in tmp_path.iterdir()} == LEFT


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_killed_ten_times_at_random(tmp_path: Path, name: str) -> None:
    plan, digest, seconds = _case(tmp_path, n_dies=300)
    times = random.Random(3)
    lefts = []
    for turn in range(10):
        out = tmp_path / "run.sqlite"
        lefts.append(_kill(plan, out, name, times.uniform(0.0, 1.0) * seconds, 1 + turn % 2))
        result = _finish(plan, out, workers=2 - turn % 2)
        assert (result["complete"], result["digest"]) == (True, digest)
        assert {path.name for path in tmp_path.iterdir()} == LEFT
        out.unlink()
    # The kills did reach the sweep itself.
    assert any(left is not None and 0 < left < 600 for left in lefts)
