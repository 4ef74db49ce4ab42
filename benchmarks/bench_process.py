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

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_cells_die_by_die import agreement, in_deck
from benchmarks.machine import machine
from mru_hw.cells.base import Devices
from mru_hw.circuits.nodes.supply import node_supply
from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.mapping import map_model
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.disagreement import step_rule
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL, candidate_vectors
from mru_hw.spice.deck import Waves
from mru_hw.spice.dies import die_changes
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.paths import TOP
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import Die, die_calibration, draw_die, nominal_die
from mru_hw.variation.placement import Placement
from mru_hw.variation.spread import Spread

Array = NDArray[np.float64]
Values = dict[str, float]

N_UNITS = 16
STEP, REACH = 0.001, 0.06  # of the threshold
SHIFT = 0.02  # V, of --slopes
RAMP = 0.1  # s, from 1 - 2 REACH to 1 + 2 REACH of either threshold, before the first strobe
GAP = 0.01  # s
CELLS = {"0 cells": -1, "1 cells": -3, "2 cells": -5}
"""Frames, from the end, with the candidate at zero and so many cells set."""


def chip_model() -> Model:
    """One layer of like units: beta = 1, alpha = 0.5."""
    shapes = {"n_in": N_UNITS, "n_hidden": N_UNITS, "n_classes": 2, "frame_period": "10 ms"}
    layer = {"cell": "cmru", "n_units": N_UNITS, "n_out": N_UNITS, "levels": 1}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {name: np.ones(shape) / N_UNITS for name, shape in spec.tensor_shapes().items()}
    tensors |= {name: 0 * t for name, t in tensors.items() if name.endswith((".bias", "_state"))}
    tensors |= {"layers.0.beta": np.ones(N_UNITS), "layers.0.alpha": np.full(N_UNITS, 0.5)}
    return Model(spec=spec, tensors=tensors)


class Bench:
    """The unit of a technology, in both worlds."""

    def __init__(self, technology: Technology) -> None:
        self.technology = technology
        self.calibration = load_calibration(technology)
        self.design = map_model(chip_model(), technology, self.calibration)
        conditions = nominal_conditions(technology)
        nominal = nominal_die(self.design)
        self.ladder = step_rule(self.design, self.calibration, nominal, 0, conditions)
        self.scale = self.design.buses["c0"].scale
        self.beta = {"up": float(self.ladder.up[0]), "down": -float(self.ladder.down[0])}
        up, down = self.beta["up"], self.beta["down"]
        self.grid = np.arange(-REACH, REACH + STEP / 2, STEP)
        c = [*((1 + self.grid) * up), 3 * down, 3 * down, 3 * up, *((1 + self.grid) * down)]
        c += [3 * up, 3 * up, 0, 3 * down, 0, 3 * down, 0]
        self.candidates = np.array(c)
        low, high = 1 - 2 * REACH, 1 + 2 * REACH
        self.lead = [
            (GAP, low * up),
            (GAP + RAMP, high * up),
            (2 * GAP + RAMP, low * down),
            (2 * GAP + 2 * RAMP, high * down),
            (3 * GAP + 2 * RAMP, 0.0),
        ]
        diode = technology.transistor_path("p_mirror")
        self.state = f"@m.{TOP}.xh0_0.xd.{diode}[id]"
        self.trips = tuple(f"v({TOP}.xu0_0.xstep.{node})" for node in "ud")
        self.bench = make_unit_bench(
            self.design,
            0,
            0,
            self.candidates * self.scale,
            conditions,
            lead=[(t, i * self.scale) for t, i in self.lead],
            watch=(*self.trips, self.state, "v(c0_0)"),
            options=OPTIONS,
        )

    def run(self, dies: list[Die], work: Path | None, name: str) -> list[Values]:
        """Run dies in ngspice, each kept under a name of its own."""
        token = f"{self.technology.name}-{self.bench.deck.token:.9f}-{name}"
        places = [None if work is None else work / f"{token}-{k}.json" for k in range(len(dies))]
        found: dict[int, Values] = {
            k: json.loads(place.read_text(encoding="utf-8"))
            for k, place in enumerate(places)
            if place is not None and place.is_file()
        }
        missing = [k for k in range(len(dies)) if k not in found]
        changes = [
            in_deck(self.bench.deck, list(die_changes(self.design, dies[k]))) for k in missing
        ]
        runner = Runner(Limits(time_s=1800))
        for at, waves in runner.run_dies(self.bench.deck, changes, workers=1):
            k = missing[at]
            if waves.status is not RunStatus.DONE:
                raise RuntimeError(f"die {k}: {waves.status.name} {waves.message}")
            found[k] = self.read(waves) | {"core_seconds": waves.core_seconds}
            print(f"{name} {k}: {waves.core_seconds:.1f} core-s", file=sys.stderr)
            place = places[k]
            if place is not None:
                with whole_file(place) as part:
                    part.write_text(json.dumps(found[k]), encoding="utf-8")
        return [found[k] for k in range(len(dies))]

    def read(self, waves: Waves) -> Values:
        """Return the unit's quantities; a threshold outside the grid is NaN."""
        evidence = read_unit(self.design, 0, 0, self.bench, waves)
        cells = np.asarray(evidence.end)[:, 0].sum(axis=1)
        n = len(self.grid)
        start = power_up_time(self.design) + PRE_ROLL * self.bench.timing.frame
        found: Values = {}
        for side, first, begun, node in (("up", 0, 0, 0), ("down", n + 3, 2, 1)):
            before = cells[first - 1] if first else 1
            moved = np.flatnonzero(cells[first : first + n] != before)
            off = float(self.grid[moved[0]] - STEP / 2) if len(moved) and moved[0] else np.nan
            found[f"threshold {side}"] = (1 + off) * abs(self.beta[side]) * self.scale
            # Where the slow ramp of before was at the same candidate.
            t = start + self.lead[begun][0] + RAMP * (off + 2 * REACH) / (4 * REACH)
            found[f"trip {side} [V]"] = float(
                np.interp(t, waves.time, waves.vectors[self.trips[node]])
            )

        def at(name: str, frame: int) -> float:
            t = self.bench.read_at[frame] - 1e-4 * self.bench.timing.frame
            return float(np.interp(t, waves.time, waves.vectors[name]))

        for label, frame in CELLS.items():
            if label[0] != "0":
                found[f"level, {label}"] = abs(at(self.state, frame))
            found[f"memory supply, {label}"] = at("i(vvdd_memory)", frame)
        found["mirror supply, 2 cells"] = at("i(vvdd_mirror)", CELLS["2 cells"])
        rails = [abs(at(name, -5)) for name in candidate_vectors(self.design, 0, 0)]
        found["quiescent current"] = float(np.sqrt(rails[0] * rails[1]))
        found["signed node [V]"] = at("v(c0_0)", -1)
        return found

    def array(self, die: Die) -> Values:
        """Return the same by the array."""
        design, cal = self.design, self.calibration
        array = compile_die(design, cal, die, temperature=cal.temperature)
        memory, node = array.memories[0], array.nodes["c0"]
        i, h = design.buses["c0"].scale, design.buses["h0"].scale
        rails = node.rails(np.zeros((N_UNITS, 1, 1)))
        assert rails.minus is not None
        plus, minus = rails.plus[0].item(), rails.minus[0].item()
        branches = i * (
            min(plus * memory.up_copy[0].item(), memory.up_leg[0].item())
            + min(minus * memory.down_copy[0].item(), memory.down_leg[0].item())
        )
        up, down = memory.thresholds()
        found = {"threshold up": up[0].item() * i, "threshold down": down[0].item() * i}
        for cells in range(3):
            if cells:
                found[f"level, {cells} cells"] = float(memory.level[0, cells]) * h
            found[f"memory supply, {cells} cells"] = float(memory.held[0, cells]) + branches
        devices = Devices(design=design, calibration=cal, die=die, temperature=cal.temperature)
        own = {name: node_supply(devices, design.buses[name]) for name in ("c0", "h0")}
        level = float(memory.level[0, 2]) * h
        found["mirror supply, 2 cells"] = float(
            own["h0"][0][0] * level + own["c0"][1][0] * minus * i
        )
        found["quiescent current"] = plus * i
        return found


# ----------------------------------------------------------------------------------- comparing


def compare(bench: Bench, dies: list[Die], work: Path | None, name: str) -> dict[str, Any]:
    """Return the agreement of every quantity over dies."""
    (usual,) = bench.run([nominal_die(bench.design)], work, "nominal")
    rows = bench.run(dies, work, name)
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


def spreads(bench: Bench, dies: int) -> dict[str, Any]:
    """Return the array's rms deviation from the nominal die over dies, by source."""
    nominal = bench.array(nominal_die(bench.design))
    found: dict[str, Any] = {}
    for source, scales in (
        ("mismatch", (1, 0, 0)),
        ("process", (0, 1, 0)),
        ("gradient", (0, 0, 1)),
    ):
        rows = [
            bench.array(
                draw_die(bench.design, k, scale=scales[0], process=scales[1], gradient=scales[2])
            )
            for k in range(dies)
        ]
        for name, value in nominal.items():
            off = np.array([row[name] for row in rows]) / value - 1
            found.setdefault(name, {})[source] = float(np.sqrt(np.mean(off**2)))
    return found


def shifted(bench: Bench, n: float, p: float) -> Die:
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


def slopes(bench: Bench, work: Path | None) -> dict[str, Any]:
    """Return by how much nodes and trips move with either polarity's thresholds [V/V]."""
    ends = {"n": (1.0, 0.0), "p": (0.0, 1.0)}
    found: dict[str, Any] = {}
    for polarity, (n, p) in ends.items():
        dies = [shifted(bench, SHIFT * n * sign, SHIFT * p * sign) for sign in (1, -1)]
        high, low = bench.run(dies, work, f"slope-{polarity}")
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
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--dies", type=int, default=10)
    parser.add_argument("--process", type=float, default=1.0)
    parser.add_argument("--gradient", type=float, default=0.0)
    parser.add_argument("--mismatch", type=float, default=0.0)
    parser.add_argument("--slopes", action="store_true")
    parser.add_argument("--array", action="store_true")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    start, technology = time.monotonic(), load_technology(given.tech)
    bench = Bench(technology)
    placement = Placement.of(bench.design)
    result: dict[str, Any] = {
        "machine": machine(),
        "technology": technology.name,
        "side_m": placement.side,
        "unit_at_m": [float(v) for v in placement.node("bank0", 0)],
    }
    if given.slopes:
        result["slopes"] = slopes(bench, given.work)
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
        result |= compare(bench, dies, given.work, name)
    result["wall_seconds"] = time.monotonic() - start
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
