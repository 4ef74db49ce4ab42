"""The study of signed units says of an alternative that it could not measure why it could not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mru_hw.lab.signed_units import NAMES, Unit, edges_deck
from mru_hw.technology import load_technology
from tests.processes import python

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        (
            {"status": "DID_NOT_CONVERGE", "message": "at 3 ms"},
            "generic180-1000pA-loop: DID_NOT_CONVERGE, at 3 ms",
        ),
        (
            {"status": "DONE", "up_A": float("nan"), "down_A": -1e-9},
            "generic180-1000pA-loop: it does not switch between 0.2 and 1.8 beta",
        ),
    ],
)
def test_a_nominal_run_that_gave_nothing_is_said(
    tmp_path: Path, kept: dict[str, object], reason: str
) -> None:
    technology = load_technology("generic180")
    # The loop as the study first tries it: as many unit devices as carry beta.
    unit = Unit(name="loop", technology=technology, beta=1e-9, scale=1.0, up=64, down=64, pair=1)
    name = f"generic180-1000pA-loop-{edges_deck(unit).token:.9f}.json"
    (tmp_path / name).write_text(json.dumps({"core_seconds": 1.0} | kept))
    study = ("-m", "benchmarks.bench_signed_units", "--beta", "1.0", "--work", str(tmp_path))
    done = python(*study, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["units"]
    assert [row["alternative"] for row in rows] == list(NAMES)
    assert rows[0]["not_measured"] == reason
    assert all("without the loop's area" in row["not_measured"] for row in rows[1:])
