"""A study's folder keeps what is done, and not what the machine ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.lab.store import Store


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_that_the_machine_ended_is_made_again(tmp_path: Path, status: RunStatus) -> None:
    calls = []

    def rows() -> list[dict[str, Any]]:
        calls.append("rows")
        return [{"status": "DONE", "x": [1.0, 2.0]}, {"status": status.name}]

    def arrays() -> dict[str, np.ndarray[Any, Any]]:
        calls.append("arrays")
        return {"x": np.arange(3.0), "status": np.array([status.name])}

    store = Store(tmp_path)
    for _ in range(2):
        assert store.keep("rows", rows) == rows()
        assert store.arrays("arrays", arrays)["status"] == [status.name]
    made = len(calls) - 2  # those that the comparisons made
    assert made == (4 if status.of_machine else 2)


def test_what_an_earlier_version_kept_of_such_a_run_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"status": "TIMED_OUT", "core_seconds": 1}')
    np.savez(tmp_path / "old.npz", status=np.array(["TIMED_OUT"]))
    store = Store(tmp_path)
    assert store.read("old") is None
    done = {"status": np.array(["DONE"])}
    assert store.arrays("old", lambda: done)["status"] == ["DONE"]
    assert Store(tmp_path).arrays("old", dict)["status"] == ["DONE"]
