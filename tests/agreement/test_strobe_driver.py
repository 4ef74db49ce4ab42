"""The driver of a layer's phases in ngspice: nested for any edge and load, none in reset."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mru_hw.spice.characterize.base import cells_deck
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import Conditions

Array = NDArray[np.float64]

START, GAP, HIGH = 20e-6, 60e-6, 30e-6  # s: first edge, from strobe to strobe, phi high
EDGES = (10e-9, 1e-6, 10e-6)
LOADS = ((50e-15, 50e-15), (1e-12, 0.1e-12), (50e-15, 2e-12), (2e-12, 50e-15))  # F, hold and step


def crossings(t: Array, v: Array, level: float) -> list[tuple[float, float]]:
    """Return when a line is above a level, as pairs of times."""
    above = np.concatenate([[False], v > level, [False]])
    rises, falls = (t[np.flatnonzero(np.diff(above.astype(int)) == step) - 1] for step in (1, -1))
    return [(float(a), float(b)) for a, b in zip(rises, falls, strict=True)]


@pytest.mark.parametrize("corner", [("ff", 125.0, 1.98), ("ss", -40.0, 1.62)])
@pytest.mark.parametrize("name", ["generic180", "sky130"])
def test_the_step_lies_within_the_hold(name: str, corner: tuple[str, float, float]) -> None:
    technology = load_technology(name)
    at = Conditions(corner=corner[0], temperature=corner[1], v_dd=corner[2])
    # A strobe in reset, which is over before the first edge that counts.
    points = [(0.0, 0.0), (2e-6, 0.0), (2.01e-6, at.v_dd), (6e-6, at.v_dd), (6.01e-6, 0.0)]
    for k, edge in enumerate(EDGES):
        begin = START + k * GAP
        points += [(begin, 0.0), (begin + edge, at.v_dd), (begin + edge + HIGH, at.v_dd)]
        points.append((begin + 2 * edge + HIGH, 0.0))
    lines = [
        f"vphi phi 0 pwl({' '.join(f'{t:.9g} {v:.9g}' for t, v in points)})",
        f"vrst rst_b 0 pwl(0 0 10u 0 10.01u {at.v_dd})",
    ]
    for k, (hold, step) in enumerate(LOADS):
        lines += [
            f"xd{k} phi rst_b hd{k} st{k} vdd 0 strobe_driver",
            f"chd{k} hd{k} 0 {hold}",
            f"cst{k} st{k} 0 {step}",
        ]
    saves = tuple(f"v({line}{k})" for k in range(len(LOADS)) for line in ("hd", "st"))
    t_stop = START + len(EDGES) * GAP
    deck = cells_deck(technology, at, lines, saves, t_stop=t_stop, step=2e-8)
    waves = Runner(Limits(time_s=120)).run(deck)
    t = waves.time
    for k in range(len(LOADS)):
        late = t > 1e-6  # at power-up the lines may move with the supply
        holds = crossings(t[late], waves.vectors[f"v(hd{k})"][late], 0.1 * at.v_dd)
        steps = crossings(t[late], waves.vectors[f"v(st{k})"][late], 0.1 * at.v_dd)
        assert len(holds) == len(steps) == len(EDGES)
        for begin, (opens, closes), (rises, falls) in zip(
            START + GAP * np.arange(len(EDGES)), holds, steps, strict=True
        ):
            assert begin < opens < rises < falls < closes < begin + 12e-6
            assert falls - rises > 10e-9
