"""A unit on dies with process variation and gradients: the array against ngspice, die by die.

    python benchmarks/bench_process.py [--tech T] [--dies 10] [--process 1] [--gradient 0]
                                       [--mismatch 0] [--work DIR] [--slopes | --array]

The chip is one layer of 16 CMRU units of K = 1; the unit that runs is the first, in a corner of the
units' square (`mru_hw.variation.placement`). ngspice shifts every transistor of the bench, switches
and logic too. The candidate climbs past the rising threshold, a step of 0.1 % a strobe, and later
past the falling one; the first strobe that moves the unit tells the threshold to 0.03 %. Then every
level is read with the candidate at zero.

Each quantity is a ratio to the nominal die of its own world, less one.

--array runs the array alone and gives what each of the three sources of error spreads by.

--slopes shifts all thresholds of one polarity by 20 mV either way instead, and gives what nodes
and comparators' trips move by in ngspice, over that, beside `die_calibration`'s slopes.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.corner_unit import CornerUnit, spreads
from mru_hw.lab.die_by_die import agreement
from mru_hw.lab.store import Store
from mru_hw.mapping.rows import Part
from mru_hw.technology import Technology, load_technology
from mru_hw.variation import Die, die_calibration, draw_die, nominal_die
from mru_hw.variation.placement import Placement
from mru_hw.variation.spread import Spread

SHIFT = 0.02  # V, of --slopes


def compare(bench: CornerUnit, dies: list[Die], store: Store, name: str) -> dict[str, Any]:
    """Return the agreement of every quantity over dies."""
    (usual,) = bench.run([nominal_die(bench.design)], store, "nominal")
    rows = bench.run(dies, store, name)
    nominal = bench.array(nominal_die(bench.design))
    laws = [bench.array(die) for die in dies]
    figures = {}
    for quantity, value in nominal.items():
        found = np.array([row[quantity] for row in rows]) / usual[quantity] - 1
        law = np.array([one[quantity] for one in laws]) / value - 1
        figures[quantity] = {
            "rms": float(np.sqrt(np.nanmean(found**2))),
            "rms_array": float(np.sqrt(np.mean(law**2))),
            "rms_error": float(np.sqrt(np.nanmean((law - found) ** 2))),
        } | agreement(law, found)
    seconds = [row["core_seconds"] for row in rows]
    return {"core_s_per_die": float(np.mean(seconds)), "quantities": figures}


def shifted(bench: CornerUnit, n: float, p: float) -> Die:
    """Return a die whose only error is one threshold shift [V] for each polarity."""
    plain = nominal_die(bench.design)
    spread = Spread(
        technology=without_size(bench.technology),
        placement=Placement.of(bench.design),
        vt={"n": n, "p": p},
        beta={"n": 0.0, "p": 0.0},
        slope={"n": (0.0, 0.0), "p": (0.0, 0.0)},
    )
    dvt = {g.key: spread.of_group(g)[0] for g in bench.design.device_groups()}
    return Die(seed=0, dvt=dvt, dbeta=plain.dbeta, spread=spread)


def without_size(technology: Technology) -> Technology:
    """Return the technology with shifts that are alike in large and small devices."""
    alike = technology.process.model_copy(update={"narrow_n": None, "narrow_p": None})
    return technology.model_copy(update={"process": alike})


def slopes(bench: CornerUnit, store: Store) -> dict[str, Any]:
    """Return by how much nodes and trips move with either polarity's thresholds [V/V]."""
    ends = {"n": (1.0, 0.0), "p": (0.0, 1.0)}
    found: dict[str, Any] = {}
    for polarity, (n, p) in ends.items():
        dies = [shifted(bench, SHIFT * n * sign, SHIFT * p * sign) for sign in (1, -1)]
        high, low = bench.run(dies, store, f"slope-{polarity}")
        laws = [die_calibration(bench.calibration, die) for die in dies]
        for quantity, constant in (
            ("signed node [V]", "v_signed"),
            ("trip up [V]", "v_trip_up"),
            ("trip down [V]", "v_trip_down"),
        ):
            found[f"{constant}, {polarity}"] = {
                "ngspice": (high[quantity] - low[quantity]) / (2 * SHIFT),
                "law": (getattr(laws[0], constant) - getattr(laws[1], constant)) / (2 * SHIFT),
            }
    return found


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=10)
    parser.add_argument("--process", type=float, default=1.0)
    parser.add_argument("--gradient", type=float, default=0.0)
    parser.add_argument("--mismatch", type=float, default=0.0)
    parser.add_argument("--slopes", action="store_true")
    parser.add_argument("--array", action="store_true")
    given = parsed(parser)
    start, technology = time.monotonic(), load_technology(given.tech)
    bench = CornerUnit(technology)
    placement = Placement.of(bench.design)
    result: dict[str, Any] = {
        "technology": technology.name,
        "side_m": placement.side,
        "unit_at_m": [float(v) for v in placement.node(Part.UNITS.of(0), 0)],
    }
    if given.slopes:
        result["slopes"] = slopes(bench, store_of(given))
    elif given.array:
        result["rms"] = spreads(bench, given.dies)
    else:
        scales = given.mismatch, given.process, given.gradient
        result["scales"] = dict(zip(("mismatch", "process", "gradient"), scales, strict=True))
        dies = [
            draw_die(bench.design, k, scale=scales[0], process=scales[1], gradient=scales[2])
            for k in range(given.dies)
        ]
        name = "-".join(f"{x:g}" for x in scales)
        result |= compare(bench, dies, store_of(given), name)
    result["wall_seconds"] = time.monotonic() - start
    answer(result)


if __name__ == "__main__":
    main()
