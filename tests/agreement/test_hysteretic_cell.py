"""The nine-transistor cell switches where its page says, in both technologies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mru_hw.errors import RunStatus
from mru_hw.lab import cell as bench
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.session import Session
from mru_hw.technology import load_technology, technology_names
from mru_hw.technology.conditions import nominal_conditions

PAGE = Path(__file__).parents[2] / "docs/circuits/hysteretic_cell.md"
CENTRE = bench.Setting()


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def measured(session: Session, name: str, setting: bench.Setting) -> dict[str, Any]:
    technology = load_technology(name)
    waves = session.run(bench.loop_deck(technology, setting, nominal_conditions(technology)))
    assert waves.status is RunStatus.DONE, waves.message
    return bench.loop(setting, waves, technology.v_dd)


@pytest.mark.parametrize("name", technology_names())
def test_the_page_says_where_it_switches(session: Session, name: str) -> None:
    """Its row at the centre: edges in pA, levels in pA, static power in nW."""
    pattern = rf"^\| {name} \| ([-0-9.]+) \| ([-0-9.]+) \| ([-0-9.]+) \| ([-0-9.]+) \|"
    (said,) = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    rise, fall, high, power = map(float, said)
    row = measured(session, name, CENTRE)
    # The ramp is at the rate that the bench halves.
    assert row["rise"] == pytest.approx(rise * 1e-12, rel=0.005)
    assert row["fall"] == pytest.approx(fall * 1e-12, rel=0.005)
    assert row["out_high"] == pytest.approx(high * 1e-12, rel=0.005)
    assert row["power_high"] == pytest.approx(power * 1e-9, rel=0.01)
    assert bench.verdict(CENTRE, row) == "loop"


def test_small_widths_have_no_loop_and_large_ones_no_fall(session: Session) -> None:
    narrow, wide = (replace(CENTRE, width=x) for x in (10e-12, 500e-12))
    assert bench.verdict(narrow, measured(session, "generic180", narrow)) == "no hysteresis"
    assert bench.verdict(wide, measured(session, "generic180", wide)) == "latched"


def test_delays_fall_with_the_overdrive() -> None:
    technology = load_technology("generic180")
    conditions = nominal_conditions(technology)
    edges = {"rise": 308.5e-12, "fall": 134e-12}
    steps = bench.delay_steps(CENTRE, edges)
    deck = bench.delay_deck(technology, CENTRE, conditions, edges, steps)
    waves = Runner(Limits(time_s=120)).run(deck)
    assert waves.status is RunStatus.DONE, waves.message
    rows = bench.delays(steps, waves, CENTRE.gain / 2)
    for edge in ("rise", "fall"):
        delay = np.array([row["delay"] for row in rows if row["edge"] == edge])
        assert len(delay) >= 6
        assert np.all(np.diff(delay) < 0)
        assert np.all((delay > 20e-6) & (delay < 20e-3))
