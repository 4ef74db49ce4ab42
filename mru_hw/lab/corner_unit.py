"""The unit in the corner of a layer of sixteen, on dies with process variation and gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from mru_hw.errors import RunStatus, SimulationError
from mru_hw.lab.ladder import COMPARATOR, at_end, compared, in_deck, lone_mirrors, rest_rails
from mru_hw.lab.loop import Values, diode
from mru_hw.lab.networks import units_model
from mru_hw.lab.store import Store
from mru_hw.mapping import map_model
from mru_hw.mapping.rows import Part
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.disagreement import step_rule
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL, candidate_vectors
from mru_hw.spice.deck import Waves
from mru_hw.spice.dies import die_changes
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import make_unit_bench
from mru_hw.technology import Technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import nominal_conditions
from mru_hw.variation import Die, draw_die, nominal_die

N_UNITS = 16
STEP, REACH = 0.001, 0.06  # of the threshold
RAMP = 0.1  # s, from 1 - 2 REACH to 1 + 2 REACH of either threshold, before the first strobe
GAP = 0.01  # s
CELLS = {"0 cells": -1, "1 cells": -3, "2 cells": -5}
"""Frames, from the end, with the candidate at zero and so many cells set."""


class CornerUnit:
    """The unit of a technology, in both worlds."""

    def __init__(self, technology: Technology) -> None:
        self.technology = technology
        self.calibration = load_calibration(technology)
        self.design = map_model(units_model(N_UNITS), technology, self.calibration)
        conditions = nominal_conditions(technology)
        nominal = nominal_die(self.design)
        self.ladder = step_rule(self.design, self.calibration, nominal, 0, conditions)
        self.scale = self.design.node(Part.CANDIDATE.of(0)).scale
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
        self.state = diode(self.design, Part.STATE.of(0))
        self.bench = make_unit_bench(
            self.design,
            0,
            0,
            self.candidates * self.scale,
            conditions,
            lead=[(t, i * self.scale) for t, i in self.lead],
            watch=(*COMPARATOR, self.state, "v(c0_0)"),
            options=OPTIONS,
        )

    def run(self, dies: list[Die], store: Store, name: str) -> list[Values]:
        """Run dies in ngspice, each kept under a name of its own."""
        token = f"{self.technology.name}-{self.bench.deck.token:.9f}-{name}"
        found: list[Values | None] = [store.read(f"{token}-{k}") for k in range(len(dies))]
        missing = [k for k, values in enumerate(found) if values is None]
        changes = [
            in_deck(self.bench.deck, list(die_changes(self.design, dies[k]))) for k in missing
        ]
        runner = Runner(Limits(time_s=1800))
        for at, waves in runner.run_dies(self.bench.deck, changes, workers=1):
            k = missing[at]
            if waves.status is not RunStatus.DONE:
                raise SimulationError(f"die {k}: {waves.status.name} {waves.message}")
            made = self.read(waves) | {"core_seconds": waves.core_seconds}
            found[k] = store.write(f"{token}-{k}", made)
        return [values for values in found if values is not None]

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
                np.interp(t, waves.time, waves.vectors[COMPARATOR[node]])
            )

        at = partial(at_end, self.bench, waves)
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
        memory, node = array.memories[0], array.nodes[Part.CANDIDATE.of(0)]
        i, h = design.node(Part.CANDIDATE.of(0)).scale, design.node(Part.STATE.of(0)).scale
        plus, minus = rest_rails(node, N_UNITS)
        branches = i * compared(memory, plus, minus)
        up, down = memory.thresholds()
        found = {"threshold up": up[0].item() * i, "threshold down": down[0].item() * i}
        for cells in range(3):
            if cells:
                found[f"level, {cells} cells"] = float(memory.level[0, cells]) * h
            found[f"memory supply, {cells} cells"] = float(memory.held[0, cells]) + branches
        level = float(memory.level[0, 2]) * h
        found["mirror supply, 2 cells"] = lone_mirrors(design, cal, die, level, minus * i)
        found["quiescent current"] = plus * i
        return found


def spreads(bench: CornerUnit, dies: int) -> dict[str, Any]:
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
