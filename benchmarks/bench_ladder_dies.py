"""A CMRU unit of K = 2 on mismatch dies in ngspice: every step against the die's own thresholds.

    python benchmarks/bench_ladder_dies.py [--tech T] [--dies 200] [--quick] [--work DIR]

Every transistor of the bench draws its own mismatch, switches and logic among them, for races may
come from those. A die's thresholds are measured in the same run before its first strobe: while
the candidate passes each threshold slowly, the comparator's node passes the voltage at which the
nominal unit's strobe begins to step (that voltage is found once, with strobes, to 0.05 %). What
this leaves out is the mismatch of the switches behind the comparator, some 0.2 % of the threshold.
Candidates are uniform over 2.5 thresholds each side, whatever the thresholds are; BATCH dies
share one sequence of them and one loaded deck. --work keeps every batch.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.ladder import (
    COMPARATOR,
    Unit,
    die_of,
    lead,
    lone_bench,
    nominal_trips,
    on_ramps,
    unit_of,
)
from mru_hw.lab.store import batches, die_rows
from mru_hw.model.network import Array
from mru_hw.simulate.disagreement import StepRule, own_levels, wrong_steps
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.deck import Waves
from mru_hw.spice.unit_bench import UnitBench
from mru_hw.technology import load_technology

LEVELS = 2
BATCH = 25
STEPS = 60


def batch(unit: Unit, trips: dict[str, float], first: int, count: int) -> Any:
    """Run `count` dies on one sequence of candidates."""
    rng = np.random.default_rng(first)
    beta = float(unit.ladder.up[0] + unit.ladder.down[0]) / 2
    c = rng.uniform(-2.5, 2.5, STEPS) * beta
    bench = lone_bench(unit, c, lead=lead(unit), watch=COMPARATOR)
    dies = [die_of(unit.design, seed) for seed in range(first, first + count)]
    read = partial(one_die, unit, trips, bench, c)
    return {"rows": die_rows(bench.deck, dies, read, first=first)}


def one_die(
    unit: Unit, trips: dict[str, float], bench: UnitBench, c: Array, waves: Waves
) -> dict[str, Any]:
    grid, u, d = on_ramps(unit, bench, waves)
    nominal = unit.ladder
    # u falls and d rises on its ramp.
    up = nominal.up * (1 + np.interp(-trips["u_V"], -u, grid))
    down = nominal.down * (1 + np.interp(trips["d_V"], d, grid))
    own: StepRule = dataclasses.replace(nominal, up=up, down=down, own_up=up, own_down=down)
    evidence = read_unit(unit.design, 0, 0, bench, waves)
    before, after = own_levels(own, evidence)
    by_nominal = nominal.memory.step(before[:, 0], c, nominal.up, nominal.down, LEVELS)
    cells = evidence.end[:, 0]
    start = np.arange(2 * LEVELS) < LEVELS + int(nominal.start[0])
    last = np.concatenate([start[None], cells[:-1]])
    return {
        "up": float(up[0] / nominal.up[0] - 1),
        "down": float(down[0] / nominal.down[0] - 1),
        "candidates": c,
        "before": before[:, 0],
        "after": after[:, 0],
        "steps": len(c),
        "moves": int(np.sum(before != after)),
        "wrong": [r.row() for r in wrong_steps(own, evidence, c[:, None])],
        "wrong_for_nominal": int(np.sum(by_nominal != after[:, 0])),
        "double_steps": int(np.sum(np.abs(after - before) > 1)),
        "no_thermometer": int(np.sum(~np.all(cells[:, :-1] >= cells[:, 1:], axis=1))),
        "outside_strobe": int(np.sum(np.any(evidence.before[:, 0] != last, axis=1))),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    done = [row for row in rows if row["status"] == "DONE"]
    steps = sum(row["steps"] for row in done)
    wrong = [d | {"die": row["die"]} for row in done for d in row["wrong"]]
    nominal = sum(row["wrong_for_nominal"] for row in done)
    names = ("moves", "double_steps", "no_thermometer", "outside_strobe")
    return {
        "dies": len(rows),
        "failed": dict(Counter(row["status"] for row in rows if row["status"] != "DONE")),
        "steps": steps,
        **{name: sum(row[name] for row in done) for name in names},
        "wrong": len(wrong),
        "alike": 1 - len(wrong) / max(steps, 1),
        "causes": dict(Counter(d["cause"] for d in wrong)),
        "largest_distance_wrong": max((abs(d["distance"]) for d in wrong), default=None),
        "wrong_beyond_half_a_percent": [d for d in wrong if abs(d["distance"]) > 0.005],
        "wrong_rate_against_nominal": nominal / max(steps, 1),
        "sigma": {n: float(np.std([row[n] for row in done])) for n in ("up", "down")},
        "mean": {n: float(np.mean([row[n] for row in done])) for n in ("up", "down")},
        "core_seconds": sum(row["core_seconds"] for row in rows),
    }


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--quick", action="store_true")
    given = parsed(parser)
    start, technology = time.monotonic(), load_technology(given.tech)
    unit, store = unit_of(technology, LEVELS), store_of(given)
    trips = nominal_trips(store, technology)
    rows: list[dict[str, Any]] = []
    for first, count in batches(4 if given.quick else given.dies, BATCH):
        name = f"{technology.name}-{unit.design.digest()}-dies{first}-{count}"
        rows += store.keep(name, partial(batch, unit, trips, first, count))["rows"]
    result = {
        "technology": technology.name,
        "nominal": trips,
        **summary(rows),
        "wall_seconds": time.monotonic() - start,
    }
    answer(result)


if __name__ == "__main__":
    main()
