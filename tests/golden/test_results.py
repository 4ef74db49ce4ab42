"""Whoever moves a figure raises `RESULTS`, so that no store mixes figures of two kinds."""

from __future__ import annotations

from mru_hw.sweeps.subject import RESULTS
from tests.golden.results import digest, known


def test_a_moved_figure_has_a_number_of_its_own() -> None:
    there = known()
    assert max(map(int, there)) == RESULTS
    assert len(set(there.values())) == len(there)
    told = "figures have moved; meant so? raise RESULTS, python -m tests.golden.results"
    assert there[str(RESULTS)] == digest(), told
