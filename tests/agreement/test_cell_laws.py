"""The array's laws of a cell hold at currents that no constant was fitted at."""

from __future__ import annotations

from mru_hw.lab.ladder_laws import LADDERS, ladder_rows
from mru_hw.lab.loop_laws import LOOPS, loop_rows
from mru_hw.lab.store import Store
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration

UNIT = LADDERS[10]  # K = 1 at 1.5 nA
SMALL, LARGE, WIDE = LOOPS[0], LOOPS[3], LOOPS[11]


def test_a_unit_at_more_current_is_within_the_aims() -> None:
    technology = load_technology("generic180")
    calibration = load_calibration(technology)
    rows = ladder_rows(Store(None), technology, calibration, (UNIT,), timed=(UNIT,))
    assert {row.kind for row in rows} == {"edge", "level", "supply", "delay"}
    assert [(row.quantity, row.error) for row in rows if not row.within] == []


def test_loops_at_other_currents_are_within_the_aims() -> None:
    technology = load_technology("generic180")
    calibration = load_calibration(technology)
    rows = loop_rows(Store(None), technology, calibration, (SMALL, LARGE, WIDE), timed=())
    assert {row.subject.case for row in rows} == {SMALL.name, LARGE.name, WIDE.name}
    assert [(row.subject.case, row.quantity, row.error) for row in rows if not row.within] == []


def test_edges_and_levels_of_a_loop_in_sky130_are_within_the_aims() -> None:
    technology = load_technology("sky130")
    rows = loop_rows(Store(None), technology, load_calibration(technology), (LARGE,), timed=())
    checked = [row for row in rows if row.kind in ("edge", "level")]
    assert len(checked) == 4
    assert [(row.quantity, row.error) for row in checked if not row.within] == []
