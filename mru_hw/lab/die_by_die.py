"""A ladder and a loop die by die: the same draws in ngspice and in the behavioral array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mru_hw.lab.ladder import (
    COMPARATOR,
    Unit,
    at_end,
    compared,
    in_deck,
    lead,
    lone_bench,
    lone_mirrors,
    nominal_trips,
    on_ramps,
    rest_rails,
    scale,
    unit_of,
)
from mru_hw.lab.loop import Values, diode, loop_deck, loop_in_array, loop_in_ngspice
from mru_hw.lab.networks import loop_model
from mru_hw.lab.store import Store, batches, die_rows
from mru_hw.mapping import map_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Array
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.bench import candidate_vectors
from mru_hw.spice.deck import Change, Deck, Waves
from mru_hw.spice.dies import die_changes
from mru_hw.spice.unit_bench import UnitBench
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import Die, draw_die, nominal_die

Pairs = dict[str, tuple[Array, Array]]
"""By quantity, how far the array's and ngspice's dies are off the nominal one."""
LEVELS = 2
BATCH = 20
BOTH_WAYS = (3, 0, 3, 0, -3, 0, -3, 0, -3, 0, -3, 0)
"""Candidates, in thresholds: level 1, 2, and down to -2; each read with the candidate at zero."""
READ = {3: 4, 5: 3, 7: 2, 9: 1, 11: 0}
"""Frame in which so many cells are set and the candidate is zero."""


def ladder_bench(unit: Unit) -> UnitBench:
    """Return the unit's bench: both thresholds passed slowly, then every level."""
    c = np.array(BOTH_WAYS) * float(unit.ladder.up[0] + unit.ladder.down[0]) / 2
    return lone_bench(
        unit, c, lead=lead(unit), watch=(*COMPARATOR, diode(unit.design, Part.STATE.of(0)))
    )


def ladder_in_ngspice(unit: Unit, trips: Values, bench: UnitBench, waves: Waves) -> Values:
    """Read a run's quantities [A]; a threshold outside the ramps is NaN."""
    grid, u, d = on_ramps(unit, bench, waves)
    # u falls and d rises on its ramp; a node that never passes says so.
    up = np.interp(-trips["u_V"], -u, grid, left=np.nan, right=np.nan)
    down = np.interp(trips["d_V"], d, grid, left=np.nan, right=np.nan)
    found = {
        "threshold up": float(unit.ladder.up[0] * (1 + up)) * scale(unit),
        "threshold down": float(unit.ladder.down[0] * (1 + down)) * scale(unit),
    }

    at = partial(at_end, bench, waves)
    state = diode(unit.design, Part.STATE.of(0))
    for frame, cells in READ.items():
        if cells:
            found[f"level, {cells} cells"] = abs(at(state, frame))
        if cells in (0, LEVELS, 2 * LEVELS):
            found[f"memory supply, {cells} cells"] = at("i(vvdd_memory)", frame)
    found["mirror supply, 4 cells"] = at("i(vvdd_mirror)", 3)
    rails = [abs(at(name, 3)) for name in candidate_vectors(unit.design, 0, 0)]
    found["quiescent current, candidate"] = float(np.sqrt(rails[0] * rails[1]))
    return found


def ladder_in_array(design: Design, calibration: Calibration, die: Die) -> Values:
    """Return a die's quantities [A] by the array."""
    array = compile_die(design, calibration, die, temperature=calibration.temperature)
    memory, node = array.memories[0], array.nodes[Part.CANDIDATE.of(0)]
    i, h = design.node(Part.CANDIDATE.of(0)).scale, design.node(Part.STATE.of(0)).scale
    up, down = memory.thresholds()
    plus, minus = rest_rails(node)
    branches = i * compared(memory, plus, minus)
    found = {"threshold up": up.item() * i, "threshold down": down.item() * i}
    for cells in range(2 * LEVELS + 1):
        if cells:
            found[f"level, {cells} cells"] = float(memory.level[0, cells]) * h
        if cells in (0, LEVELS, 2 * LEVELS):
            found[f"memory supply, {cells} cells"] = float(memory.held[0, cells]) + branches
    level = float(memory.level[0, 2 * LEVELS]) * h
    found["mirror supply, 4 cells"] = lone_mirrors(design, calibration, die, level, minus * i)
    found["quiescent current, candidate"] = plus * i
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A circuit that is run die by die."""

    name: str
    design: Design
    deck: Deck
    cut: bool

    def changes(self, die: Die) -> list[Change]:
        """Return what turns the deck into a die."""
        listed = list(die_changes(self.design, die))
        return in_deck(self.deck, listed) if self.cut else listed


class DieByDie:
    """Both circuits of a technology."""

    def __init__(self, technology: Technology, store: Store) -> None:
        self.technology, self.store = technology, store
        self.calibration = load_calibration(technology)
        self.unit = unit_of(technology, LEVELS)
        self.unit_bench = ladder_bench(self.unit)
        self.trips: Values | None = None
        design = map_model(loop_model(), technology, self.calibration)
        self.ladder = Cell(
            name="ladder", design=self.unit.design, deck=self.unit_bench.deck, cut=True
        )
        self.loop = Cell(name="loop", design=design, deck=loop_deck(design), cut=False)

    def read(self, cell: Cell, waves: Waves) -> Values:
        """Return a run's quantities [A, or a ratio]."""
        if cell is self.loop:
            return loop_in_ngspice(cell.design, self.calibration, waves)
        if self.trips is None:
            self.trips = nominal_trips(self.store, self.technology)
        return ladder_in_ngspice(self.unit, self.trips, self.unit_bench, waves)

    def behavioral(self, cell: Cell, die: Die) -> Values:
        """Return a die's quantities by the array."""
        law = loop_in_array if cell is self.loop else ladder_in_array
        return law(cell.design, self.calibration, die)

    def batch(self, cell: Cell, first: int, count: int) -> list[dict[str, Any]]:
        """Run dies `first` and on in ngspice; the nominal one is -1."""
        seeds = range(first, first + count)
        dies = [[] if k < 0 else cell.changes(draw_die(cell.design, k)) for k in seeds]
        return die_rows(
            cell.deck, dies, lambda waves: {"values": self.read(cell, waves)}, first=first
        )

    def rows(self, cell: Cell, dies: int) -> Iterator[list[dict[str, Any]]]:
        """Return the nominal die, then batches of dies."""
        for first, count in [(-1, 1), *batches(dies, BATCH)]:
            name = f"{self.technology.name}-{cell.name}-{cell.deck.token:.9f}-{first}-{count}"
            yield self.store.keep(name, partial(self.batch, cell, first, count))

    def compare(self, cell: Cell, dies: int) -> tuple[dict[str, Any], Pairs]:
        """Return figures and, by quantity, the deviations of the array and of ngspice."""
        rows: list[dict[str, Any]] = []
        for part in self.rows(cell, dies):
            rows += part
        nominal, done = rows[0]["values"], [r for r in rows[1:] if r["status"] == "DONE"]
        usual = self.behavioral(cell, nominal_die(cell.design))
        laws = [self.behavioral(cell, draw_die(cell.design, r["die"])) for r in done]
        pairs, figures = {}, {}
        for name, value in nominal.items():
            array = np.array([law[name] for law in laws]) / usual[name] - 1
            found = np.array([r["values"][name] for r in done]) / value - 1
            pairs[name] = array, found
            figures[name] = {"nominal_A": value, "offset": usual[name] / value - 1}
            figures[name] |= agreement(array, found)
        return {
            "dies": len(rows) - 1,
            "failed": dict(Counter(r["status"] for r in rows if r["status"] != "DONE")),
            "core_s_per_die": float(np.mean([r["core_seconds"] for r in rows])),
            "quantities": figures,
        }, pairs


def agreement(array: Array, found: Array) -> dict[str, float]:
    """Regress ngspice's deviations on the array's.

    The extremes are in ngspice's sigma, from its own mean.
    """
    read = np.isfinite(found)
    array, found = array[read], found[read]
    slope, level = np.polyfit(array, found, 1)
    sigma, mean = float(np.std(found)), float(np.mean(found))
    left = found - slope * array - level
    return {
        "not_read": int(np.sum(~read)),
        "sigma": sigma,
        "mean": mean,
        "mean_array": float(np.mean(array)),
        "r": float(np.corrcoef(array, found)[0, 1]),
        "slope": float(slope),
        "residual_over_spread": float(np.std(left)) / sigma,
        "largest_residual_over_spread": float(np.max(np.abs(left))) / sigma,
        "lowest": (float(np.min(found)) - mean) / sigma,
        "lowest_array": (float(np.min(array)) - mean) / sigma,
        "highest": (float(np.max(found)) - mean) / sigma,
        "highest_array": (float(np.max(array)) - mean) / sigma,
    }
