"""Trim: yield before and after, its cost, and what larger devices buy instead.

``python -m benchmarks.bench_trim --work DIR [--tech T]`` prints JSON and resumes, unless the design
or its constants have changed; what else changes the array asks for a new DIR. The network and the
sequences are those of ``mru-hw demo`` (--demo names its folder, ``demo-out`` by default): 2 x 16
units, level behavioral, no device noise but in the measurements. Yield is the share of dies whose
accuracy lies
at most one point below the software's. Stimuli are frames of the same sequences, without labels;
with --apart of the other half of the sequences than the one that is judged.

Device sizes are factors on the gate area of every device at the same W / L: sigma is
1 / sqrt(area).
What thresholds have to do with it is shown by dies whose comparators, thresholds and candidates'
nodes are perfect, and by dies on which they alone are not; what other trims could reach by dies
whose other nodes' diodes, or whose weights' legs, are perfect.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study import computer, parsed, show, store_of, study
from mru_hw.mapping import Design, map_model
from mru_hw.mapping.rows import Part, RowName
from mru_hw.model.io import load_model
from mru_hw.simulate.behavioral import simulate_behavioral
from mru_hw.simulate.ideal import simulate_ideal
from mru_hw.spice.area import block_areas
from mru_hw.spice.chip import chip_netlist
from mru_hw.spice.deck import token_of
from mru_hw.spice.flatten import flatten
from mru_hw.stimulus import Inputs, load_inputs
from mru_hw.sweeps.spec import NEAR_SOFTWARE
from mru_hw.technology import load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.trim import TrimPlan, trim_die
from mru_hw.trim.cost import trim_cost
from mru_hw.trim.dac import place_dacs
from mru_hw.variation import Die, draw_die, nominal_die

COMPARED = ("up_threshold", "down_threshold", "up_copy", "down_copy")


def comparing(key: tuple[str, str]) -> bool:
    """Whether a group of devices belongs to a comparator, its threshold or its candidate's node."""
    owner, role = key
    part = owner.part if isinstance(owner, RowName) else None
    return part is Part.CANDIDATE or (part is Part.UNITS and role in COMPARED)


def copying(key: tuple[str, str]) -> bool:
    """Whether a group belongs to a node whose current legs copy: its diodes and its splitter."""
    copied = (Part.INPUT, Part.SIGNAL, Part.STATE)
    return isinstance(key[0], RowName) and key[0].part in copied


def without(die: Die, cleared: Callable[[tuple[str, str]], bool]) -> Die:
    """Return a die on which some groups have no mismatch."""
    dvt, dbeta = (
        {key: values * (not cleared(key)) for key, values in part.items()}
        for part in (die.dvt, die.dbeta)
    )
    return dataclasses.replace(die, dvt=dvt, dbeta=dbeta)


class Bench:
    def __init__(self, given: argparse.Namespace) -> None:
        self.dies, self.store = given.dies, store_of(given)
        technology = load_technology(given.tech)
        self.calibration = load_calibration(technology)
        self.model = load_model(given.demo / "model")
        self.design = map_model(self.model, technology, self.calibration)
        inputs = load_inputs(given.demo / "inputs.npz")
        half = inputs.n_seq // 2
        self.judged = inputs.take(slice(0, half)) if given.apart else inputs
        self.shown = inputs.take(slice(half, inputs.n_seq)) if given.apart else inputs
        self.software = self.accuracy_of_software(self.judged)
        constants = self.calibration.model_dump_json()
        about = [self.design.digest(), constants, str(self.dies), str(given.apart)]
        self.token = f"{token_of(about):.9f}"

    def accuracy_of_software(self, inputs: Inputs) -> float:
        trace = simulate_ideal(self.model, inputs, keep="decisions")
        return float(np.mean(trace.decision == inputs.y))

    def accuracy(self, design: Design, die: Die) -> float:
        run = simulate_behavioral(
            design, self.calibration, self.judged, [die], dtype=np.float32, keep_all=False
        )
        return float(np.mean(run.trace.decision[0] == self.judged.y))

    def figures(self, accuracy: list[float]) -> dict[str, float]:
        values = np.array(accuracy)
        good = float(np.mean(values >= self.software - NEAR_SOFTWARE - 1e-9))
        return {
            "yield": good,
            "yield_standard_error": float(np.sqrt(good * (1 - good) / len(values))),
            "mean": float(values.mean()),
            "std": float(values.std()),
            "p10": float(np.percentile(values, 10)),
            "worst": float(values.min()),
        }

    def untrimmed(self, area: float, cleared: Callable[[tuple[str, str]], bool]) -> dict[str, Any]:
        scale = area**-0.5
        dies = (draw_die(self.design, k, scale=scale) for k in range(self.dies))
        return self.figures([self.accuracy(self.design, without(die, cleared)) for die in dies])

    def trimmed(self, area: float, bits: int) -> dict[str, Any]:
        plan = TrimPlan.of(
            self.design, self.calibration, self.shown, bits, mismatch_scale=area**-0.5
        )
        accuracy, missed, began = [], 0, time.perf_counter()
        for k in range(self.dies):
            one = trim_die(plan, k)
            missed += one.missed
            accuracy.append(self.accuracy(one.design, one.die))
        spent = (time.perf_counter() - began) / self.dies
        dacs = [
            {"layer": d.layer, "side": d.side, "lsb": d.lsb, "sigma": d.sigma} for d in plan.dacs
        ]
        return self.figures(accuracy) | {
            "missed_per_die": missed / self.dies,
            "readings_per_die": one.readings,
            "tester_seconds_per_die": one.seconds,
            "dacs": dacs,
            "wall_s_per_die": spent,
        }

    def cost(self, area: float, bits: int) -> dict[str, float]:
        dacs = place_dacs(self.design, self.calibration, bits, mismatch_scale=area**-0.5)
        cost = trim_cost(self.design, dacs, area=area)
        return {
            "dacs": cost.dacs,
            "bits": cost.bits,
            "transistors": cost.transistors,
            "leg_area_um2": cost.leg_area * 1e12,
            "logic_area_um2": cost.logic_area * 1e12,
            "pins": cost.pins,
            "leakage_of_threshold": cost.leakage,
        }

    def kept(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return dict(self.store.keep(f"{name}-{self.token}", measure))


def measure(given: argparse.Namespace) -> dict[str, Any]:
    bench = Bench(given)
    areas = block_areas(flatten(chip_netlist(bench.design), "mru_chip", bench.design.technology))
    chip = sum(areas.values()) * 1e12
    clears: dict[str, Callable[[tuple[str, str]], bool]] = {
        "untrimmed": lambda _: False,
        "comparators_perfect": comparing,
        "comparators_alone": lambda key: not comparing(key),
        "nodes_perfect": copying,
        "weights_perfect": lambda key: key[0].endswith(".weight"),
    }
    sizes = []
    for area in given.areas:
        entry: dict[str, Any] = {"area": area, "chip_gate_area_um2": area * chip}
        for name, clear in clears.items():
            entry[name] = bench.kept(f"{name}_{area:g}", partial(bench.untrimmed, area, clear))
        for bits in given.bits if area in given.trimmed else ():
            entry[f"trimmed_{bits}"] = bench.kept(
                f"trimmed_{bits}_{area:g}", partial(bench.trimmed, area, bits)
            )
            entry[f"cost_{bits}"] = bench.cost(area, bits)
        sizes.append(entry)
    return {
        "technology": bench.design.technology.name,
        "dies": given.dies,
        "sequences": bench.judged.n_seq,
        "software": bench.software,
        "nominal": bench.accuracy(bench.design, nominal_die(bench.design)),
        "sizes": sizes,
        "machine": computer(),
    }


def main() -> None:
    parser = study(__doc__, required=True)
    parser.add_argument("--demo", type=Path, default=Path("demo-out"))
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--bits", type=int, nargs="+", default=[3, 4, 6])
    parser.add_argument("--areas", type=float, nargs="+", default=[1, 0.25, 4, 0.0625, 2, 0.5])
    parser.add_argument("--trimmed", type=float, nargs="+", default=[1, 0.25, 4, 0.0625])
    parser.add_argument("--apart", action="store_true")
    given = parsed(parser)
    if not (given.demo / "model").is_dir():
        show({"skipped": f"no model in {given.demo}: run mru-hw demo first"})
        return
    show(measure(given))


if __name__ == "__main__":
    main()
