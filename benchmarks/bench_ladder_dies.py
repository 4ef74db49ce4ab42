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

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store, Unit, judged, scale, unit_of
from benchmarks.machine import machine
from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.mapping.design import Design
from mru_hw.simulate.disagreement import StepRule, own_levels, wrong_steps
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL
from mru_hw.spice.deck import Change, Waves
from mru_hw.spice.dies import transistor_changes
from mru_hw.spice.flatten import flatten
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.paths import TOP
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import UNIT, UnitBench, make_unit_bench, unit_deck
from mru_hw.technology import Technology, load_technology

Array = NDArray[np.float64]

LEVELS = 2
BATCH = 25
STEPS = 60
SPAN = 0.15  # of the threshold, either side, that the ramps pass
RAMP = 0.1  # s, slow against the comparator's node (its R C is some 60 us)
NODES = (f"v({TOP}.xu0_0.xstep.u)", f"v({TOP}.xu0_0.xstep.d)")


# ---------------------------------------------------------------------------------------- dies


def die_of(design: Design, seed: int) -> list[Change]:
    """Mismatch of every transistor of the bench."""
    placed = flatten(unit_deck(design, 0, 0), UNIT, design.technology)
    return transistor_changes(placed, design.technology, TOP, seed)


# ---------------------------------------------------------------------------------- thresholds


def lead(unit: Unit) -> list[tuple[float, float]]:
    """Both ramps [s, A], each away from zero."""
    up, down = (float(x[0]) * scale(unit) for x in (unit.ladder.up, unit.ladder.down))
    low, high, gap = 1 - SPAN, 1 + SPAN, 0.01
    return [
        (gap, low * up),
        (gap + RAMP, high * up),
        (2 * gap + RAMP, -low * down),
        (2 * gap + 2 * RAMP, -high * down),
        (3 * gap + 2 * RAMP, -low * down),
    ]


def on_ramps(unit: Unit, bench: UnitBench, waves: Waves) -> tuple[Array, Array, Array]:
    """Return a grid of candidates over the threshold, and both comparators' nodes there [V]."""
    grid = np.linspace(-SPAN, SPAN, 3001)
    start = power_up_time(unit.design) + PRE_ROLL * bench.timing.frame
    at = RAMP * (grid + SPAN) / (2 * SPAN)
    points = lead(unit)
    first, second = start + points[0][0] + at, start + points[2][0] + at
    u, d = (
        np.interp(t, waves.time, waves.vectors[n])
        for t, n in zip((first, second), NODES, strict=True)
    )
    return grid, u, d


def nominal_trips(store: Store, technology: Technology) -> dict[str, float]:
    """Both nodes' voltages [V] where the nominal unit's strobe begins to step.

    From the middle of a ladder of K = 1, for the cells at the ends decide up to a percent later:
    what stands for their outer neighbour is a supply, and not a held node that the strobe's edge
    has pushed beyond it.
    """
    unit = unit_of(technology, 1)
    up, down = float(unit.ladder.up[0]), float(unit.ladder.down[0])
    coarse, fine = np.arange(-0.08, 0.0801, 0.005), np.arange(-0.005, 0.00501, 0.0005)
    found = {"up": 0.0, "down": 0.0}
    trips: dict[str, float] = {}
    for label, grid in (("coarse", coarse), ("fine", fine)):
        ups, downs = grid + found["up"], grid + found["down"]
        # Each candidate from level 0, then to the end that it points to and back to 0.
        c = [x for r in ups for x in ((1 + r) * up, 3 * up, -3 * down)]
        c += [x for r in downs for x in (-(1 + r) * down, -3 * down, 3 * up)]
        values = np.array(c)
        bench = make_unit_bench(
            unit.design,
            0,
            0,
            values * scale(unit),
            unit.conditions,
            lead=lead(unit),
            watch=NODES,
            options=OPTIONS,
        )

        def made(w: Waves, b: UnitBench = bench, c: Array = values) -> dict[str, Any]:
            grid_, u, d = on_ramps(unit, b, w)
            return judged(unit, b, w, c) | {"grid": grid_, "u": u, "d": d}

        row = store(f"{technology.name}-trips-{label}", bench.deck, made)
        tested = np.array(row["after"])[::3] != np.array(row["before"])[::3]
        rose, fell = np.split(tested, 2)
        found = {"up": float(ups[np.argmax(rose)]), "down": float(downs[np.argmax(fell)])}
        trips = {
            **found,
            "u_V": float(np.interp(found["up"], row["grid"], row["u"])),
            "d_V": float(np.interp(found["down"], row["grid"], row["d"])),
        }
    return trips


# ------------------------------------------------------------------------------------- running


def batch(unit: Unit, trips: dict[str, float], first: int, count: int, runner: Runner) -> Any:
    """Run `count` dies on one sequence of candidates."""
    rng = np.random.default_rng(first)
    beta = float(unit.ladder.up[0] + unit.ladder.down[0]) / 2
    c = rng.uniform(-2.5, 2.5, STEPS) * beta
    bench = make_unit_bench(
        unit.design,
        0,
        0,
        c * scale(unit),
        unit.conditions,
        lead=lead(unit),
        watch=NODES,
        options=OPTIONS,
    )
    dies = [die_of(unit.design, seed) for seed in range(first, first + count)]
    rows = []
    for place, waves in runner.run_dies(bench.deck, dies, workers=1):
        row: dict[str, Any] = {
            "die": first + place,
            "status": waves.status.name,
            "core_seconds": waves.core_seconds,
        }
        if waves.status is RunStatus.DONE:
            row |= one_die(unit, trips, bench, waves, c)
        rows.append(row)
    return {"rows": rows}


def one_die(
    unit: Unit, trips: dict[str, float], bench: UnitBench, waves: Waves, c: Array
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


def kept(work: Path | None, name: str, make: Any) -> Any:
    path = None if work is None else work / f"{name}.json"
    if path is not None and path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    made = json.loads(json.dumps(make(), default=np.ndarray.tolist))
    if path is not None:
        with whole_file(path) as part:
            part.write_text(json.dumps(made), encoding="utf-8")
    return made


def batches(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, BATCH):
        yield first, min(BATCH, total - first)


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
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    start, technology = time.monotonic(), load_technology(given.tech)
    unit = unit_of(technology, LEVELS)
    trips = nominal_trips(Store(given.work), technology)
    runner, rows = Runner(Limits(time_s=600)), []
    for first, count in batches(4 if given.quick else given.dies):
        name = f"{technology.name}-{unit.design.digest()}-dies{first}-{count}"
        part = kept(given.work, name, lambda f=first, n=count: batch(unit, trips, f, n, runner))
        rows += part["rows"]
        print(f"dies {first} to {first + count - 1} done", file=sys.stderr)
    result = {
        "machine": machine(),
        "technology": technology.name,
        "nominal": trips,
        **summary(rows),
        "wall_seconds": time.monotonic() - start,
    }
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
