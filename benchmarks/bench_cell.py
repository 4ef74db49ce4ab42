"""The nine-transistor comparator in ngspice: edges, levels, power, delays, conditions, dies.

    python benchmarks/bench_cell.py [--tech T] [--quick] [--work DIR] [--workers 1]

The cell is circuits/hysteretic_cell as it stands. Its bias rail n is a diode of 64 unit devices at
10 pA each, with the 10 pF of a chip's reference pin, so every setting is a whole number of unit
devices; M1, and the PMOS diode that the input current enters through, has as many as M2 (I_thresh),
and M4, the output's PMOS diode, as many as M5 (I_gain). The input current is that diode's: no
other mirror stands before the nine transistors. Nine transistors draw the supply current that is
counted; the two diodes are outside.

* loop: the input rises from nothing to 1.5 I_thresh and back, in a straight line. An edge is the
  input current at which the output current passes half of what it is at the top. Each loop is run
  again at half the rate: `slower` is what that moves each edge by. A cell that does not fall until
  the input is nothing is latched.
* grid: all settings. delays: one setting at a time around the centre (350, 200, 500 pA).
  conditions: the centre and a small cell (50, 30, 50 pA) at all temperatures, supplies and corners.
  dies: mismatch of every transistor in the deck, the centre, and each device's share of both
  variances (by its threshold voltage; a linear fit).
* delays: the input rests in the middle of the loop, the power-up switches set the state, and the
  input steps to `x` times the edge's distance from there. From the step until the output current
  passes half.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.errors import RunStatus
from mru_hw.lab.cell import (
    GAINS,
    PICO,
    THRESHOLDS,
    WIDTHS,
    Setting,
    circuit,
    loop,
    loop_deck,
    measured_delays,
    measured_loop,
)
from mru_hw.lab.cell_dies import cell_dies
from mru_hw.lab.store import Store, die_rows
from mru_hw.spice.runner import Limits
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions, nominal_conditions

TEMPERATURES = (-20.0, 27.0, 85.0)
SUPPLIES = (1.62, 1.8, 1.98)
SMALL = Setting(thresh=50 * PICO, width=30 * PICO, gain=50 * PICO)


def measured_dies(
    store: Store, technology: Technology, setting: Setting, count: int, workers: int
) -> dict[str, Any]:
    """Edges of mismatch dies and each transistor's share of their variance."""
    deck = loop_deck(technology, setting, nominal_conditions(technology))
    dies = cell_dies(technology, count, circuit(setting))
    read = partial(loop, setting, v_dd=technology.v_dd)
    rows = store.keep(
        f"{technology.name}-dies{count}-{deck.token:.9f}",
        partial(die_rows, deck, dies, read, time_s=Limits().time_s, workers=workers),
    )
    done = [k for k, row in enumerate(rows) if row["status"] == RunStatus.DONE.name]
    found: dict[str, Any] = {**asdict(setting), "dies": count, "failed": count - len(done)}
    devices = [change.device for change in dies[0] if change.parameter == "delvto"]
    for edge in ("rise", "fall"):
        there = [k for k in done if rows[k][edge] is not None]
        values = np.array([rows[k][edge] for k in there])
        shifts = np.array([[c.add for c in dies[k] if c.parameter == "delvto"] for k in there])
        centred = shifts - shifts.mean(axis=0)
        slopes = np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
        shares = (slopes * shifts.std(axis=0)) ** 2 / np.var(values)
        ranked = sorted(zip(devices, shares, strict=True), key=lambda pair: -pair[1])
        found[edge] = {
            "dies": len(there),
            "mean": values.mean(),
            "sigma": values.std(ddof=1),
            "sigma_of_mean": values.std(ddof=1) / values.mean(),
            "least": values.min(),
            "most": values.max(),
            "variance_by_threshold_of": {
                d.removeprefix("m.xt.").split(".x0")[0].removesuffix(".m0"): float(share)
                for d, share in ranked[:5]
            },
        }
    return found


def grid() -> Iterator[Setting]:
    for thresh, width, gain in itertools.product(THRESHOLDS, WIDTHS, GAINS):
        yield Setting(thresh=thresh, width=width, gain=gain)


def one_at_a_time() -> Iterator[Setting]:
    centre = Setting()
    yield centre
    yield from (replace(centre, thresh=i) for i in THRESHOLDS)
    yield from (replace(centre, width=i) for i in WIDTHS)
    yield from (replace(centre, gain=i) for i in GAINS if i != centre.gain)


def all_conditions(technology: Technology) -> Iterator[Conditions]:
    for corner, temperature, v_dd in itertools.product(technology.corners, TEMPERATURES, SUPPLIES):
        yield Conditions(corner=corner, temperature=temperature, v_dd=v_dd)


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one of each")
    given = parsed(parser)
    start, technology = time.monotonic(), load_technology(given.tech)
    store, nominal = store_of(given), nominal_conditions(technology)
    few = 1 if given.quick else None
    result: dict[str, Any] = {"technology": technology.name}
    result["grid"] = [
        measured_loop(store, technology, s, nominal) for s in itertools.islice(grid(), few)
    ]
    result["delays"] = [
        measured_delays(store, technology, s, nominal)
        for s in itertools.islice(one_at_a_time(), few)
    ]
    dies = 4 if given.quick else given.dies
    result["dies"] = measured_dies(store, technology, Setting(), dies, given.workers)
    result["conditions"] = [
        asdict(c) | measured_loop(store, technology, setting, c)
        for setting in (Setting(), SMALL)
        for c in itertools.islice(all_conditions(technology), few)
    ]
    result["core_seconds"] = store.core_seconds
    result["wall_seconds"] = time.monotonic() - start
    answer(result)


if __name__ == "__main__":
    main()
