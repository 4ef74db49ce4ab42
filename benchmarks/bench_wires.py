"""What the capacitance of wires does: delays beside ngspice, and a network's fastest frame.

* unit: one CMRU unit (K = 2) as a chip of its own, whose candidate is its input, on frames of
  0.2 ms, far shorter than what settles. The candidate at each frame's strobe traces its way after a
  step of the input; its delay is when it is half-way, interpolated. In ngspice and timed, for each
  of --unit-legs; beside it what a strobe charges and the whole energy.
* network: the trained network of --model in timed frames, on test rows of the digits, for each of
  --legs (and 0.1 fF a um): the fastest frame, at which at most 1 % of the steps of either layer
  are unlike settled's, found by bisection; and the shortest at which no node is said to be too
  slow.

    python benchmarks/bench_wires.py --model MODEL [--parts unit,network]
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import answer, needs_model, parsed, study
from mru_hw.cells.settling import settling_times
from mru_hw.lab.agreement import test_rows
from mru_hw.lab.levels import at_frame, steps_of
from mru_hw.lab.networks import unit_model
from mru_hw.mapping.wire_load import NO_WIRES, WireLoad, asked_wires
from mru_hw.model.io import load_model
from mru_hw.model.network import Array, Model
from mru_hw.simulate.energy import energy
from mru_hw.simulate.run import Chip, Run, run_level
from mru_hw.simulate.short_frame import settling_windows
from mru_hw.stimulus import Inputs, make_inputs
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions

TECHNOLOGY = load_technology("generic180")
CONDITIONS = nominal_conditions(TECHNOLOGY)
STEPS = ((2.0, 8), (0.1, 32), (2.0, 15), (-1.5, 20))  # the unit's input: value, frames
UNIT_FRAME = 2e-4  # s
UNLIKE = 0.01  # share of a layer's steps
BETWEEN = (5e-4, 5e-2)  # s, where the fastest frame is looked for
CLOSE = 1.02  # ratio of the bisection's last bounds


# ----------------------------------------------------------------------------------------- unit


def delays(candidate: Array) -> list[float]:
    """When the candidate is half-way after each step of the input [s]."""
    found = []
    for at, end in itertools.pairwise(np.cumsum([count for _, count in STEPS])):
        way = candidate[at - 1 : end]
        left = (way - (way[0] + way[-1]) / 2) * np.sign(way[0] - way[-1])
        k = int(np.argmax(left < 0))
        found.append(float(k - 1 + left[k - 1] / (left[k - 1] - left[k])) * UNIT_FRAME)
    return found


def clock_and_total(run: Run, timing: str) -> tuple[float, float]:
    """Energy [J] of the clock and of everything."""
    if timing == "spice":
        return float(run.energy_by_block["clock"][0]), float(run.trace.energy_J[0])
    assert run.supply is not None
    priced = energy(run.supply)
    return float(sum(part[0] for part in priced.blocks["clock"])), float(priced.total[0])


def unit(given: argparse.Namespace) -> list[dict[str, Any]]:
    x = np.concatenate([np.full(count, value) for value, count in STEPS])
    inputs = make_inputs(x[None, :, None])
    rows = []
    for leg in given.unit_legs.split(","):
        wires = asked_wires(leg, "0 F")
        chip = Chip(at_frame(unit_model(2), UNIT_FRAME), TECHNOLOGY, wires=wires)
        row: dict[str, Any] = {"per_leg": leg}
        for timing in ("spice", "timed"):
            run = run_level(
                chip,
                inputs,
                level="spice" if timing == "spice" else "behavioral",
                timing="settled" if timing == "spice" else "timed",
                conditions=CONDITIONS,
            )
            clock, total = clock_and_total(run, timing)
            row[timing] = {
                "delays_s": delays(run.trace.candidates[0][0, :, 0]),
                "strobe_J": clock / len(x),
                "total_J": total,
            }
        print(row, file=sys.stderr)
        rows.append(row)
    return rows


# -------------------------------------------------------------------------------------- network


def unlike(model: Model, wires: WireLoad, frame: float, inputs: Inputs) -> float:
    """Largest share of a layer's steps that timed takes otherwise than settled."""
    chip = Chip(at_frame(model, frame), TECHNOLOGY, wires=wires)
    settled, timed = (
        run_level(chip, inputs, level="behavioral", conditions=CONDITIONS, timing=timing).trace
        for timing in ("settled", "timed")
    )
    shares = []
    for i in range(len(chip.design.banks)):
        wrong = total = 0
        for k, n in enumerate(inputs.lengths):
            steps = [steps_of(chip, i, t.states[i][k, :n]) for t in (settled, timed)]
            wrong, total = wrong + int((steps[0] != steps[1]).sum()), total + steps[0].size
        shares.append(wrong / total)
    return max(shares)


def fastest(model: Model, wires: WireLoad, inputs: Inputs) -> float:
    """The fastest frame [s], by bisection of its logarithm."""
    short, long = BETWEEN
    while long / short > CLOSE:
        middle = math.sqrt(short * long)
        if unlike(model, wires, middle, inputs) <= UNLIKE:
            long = middle
        else:
            short = middle
    return long


def unwarned(model: Model, wires: WireLoad) -> float:
    """The shortest frame [s] at which every node settles within its window."""
    chip = Chip(model, TECHNOLOGY, wires=wires)
    windows = settling_windows(chip.design)
    times = settling_times(chip.design, chip.calibration)
    frame = chip.design.timing.frame
    return max(needed * frame / windows[name][0] for name, needed in times.items())


def network(given: argparse.Namespace) -> list[dict[str, Any]]:
    needs_model(given.model)
    model, inputs = load_model(given.model), test_rows(given.rows)
    asked = [NO_WIRES, *(asked_wires(leg, "0 F") for leg in given.legs.split(","))]
    asked.append(asked_wires("0 F", "0.1 fF"))
    rows = []
    for wires in asked:
        rows.append(
            {
                "wires": wires.as_data(),
                "fastest_frame_s": fastest(model, wires, inputs),
                "unwarned_frame_s": unwarned(model, wires),
            }
        )
        print(rows[-1], file=sys.stderr)
    return rows


PARTS = {"unit": unit, "network": network}


def main() -> None:
    parser = study(__doc__, tech=False, work=False)
    parser.add_argument("--model", type=Path, default=Path("demo-out/model-spice"))
    parser.add_argument("--parts", default="unit,network")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--legs", default="20 fF,50 fF,100 fF")
    parser.add_argument("--unit-legs", default="0 F,100 fF,400 fF")
    given = parsed(parser)
    result: dict[str, Any] = {}
    result |= {name: PARTS[name](given) for name in given.parts.split(",")}
    answer(result)


if __name__ == "__main__":
    main()
