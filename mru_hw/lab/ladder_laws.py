"""A ladder at biases that no constant was fitted at: ngspice beside the array's laws."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mru_hw.cells.settling import bank_load, bus_loads
from mru_hw.lab.ladder import COMPARATOR, Unit, at_end, lone_bench, scale, unit_of
from mru_hw.lab.ladder import compared as drawn_by
from mru_hw.lab.law_rows import (
    JUMP_S,
    NANO,
    OVERDRIVES,
    Row,
    compared,
    delays,
    first_above,
    hold_s,
    subject_of,
)
from mru_hw.lab.levels import nominal_array
from mru_hw.lab.loop import Values, diode
from mru_hw.lab.store import Store
from mru_hw.mapping.design import Design
from mru_hw.mapping.realised import realised_bank
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Array
from mru_hw.simulate.array import Rails
from mru_hw.simulate.disagreement import own_levels
from mru_hw.simulate.timed_nodes import MovingNode
from mru_hw.simulate.timed_units import MovingLadder
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL, candidate_vectors
from mru_hw.spice.deck import Waves
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.unit_bench import UnitBench
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, load_calibration

STEP, COUNT = 0.004, 21  # of the candidates around a threshold, relative to it


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderCase:
    """A CMRU unit: unit-device current through `i_unit` / 64, thresholds [A], K."""

    i_unit: float
    threshold: float
    levels: int = 2

    @property
    def name(self) -> str:
        """Name its kept runs."""
        return f"{self.i_unit / NANO:g}-{self.threshold / NANO:g}-k{self.levels}"


LADDERS = (
    *(LadderCase(i_unit=i * NANO, threshold=i * NANO) for i in (0.3, 0.6, 1.5, 3.0)),
    LadderCase(i_unit=6.4 * NANO, threshold=3 * NANO),
    *(LadderCase(i_unit=NANO, threshold=i * NANO) for i in (0.3, 0.6, 1.5, 3.0)),
    LadderCase(i_unit=0.6 * NANO, threshold=0.6 * NANO, levels=1),
    LadderCase(i_unit=1.5 * NANO, threshold=1.5 * NANO, levels=1),
    LadderCase(i_unit=0.6 * NANO, threshold=0.6 * NANO, levels=4),
    LadderCase(i_unit=1.5 * NANO, threshold=1.5 * NANO, levels=4),
)
TIMED_LADDERS = (LADDERS[0], LADDERS[2], LADDERS[3], LADDERS[5], LADDERS[8])


def ladder_unit(technology: Technology, case: LadderCase) -> Unit:
    """Map a unit; its threshold in whole unit devices of the bias rail, both sides alike."""
    slowest = min(case.i_unit, case.threshold, NANO)
    unit = unit_of(
        technology, case.levels, i_unit=case.i_unit, frame=f"{10 * NANO / slowest:.4g} ms"
    )
    design, (bank,) = unit.design, unit.design.banks
    candidate = design.buses[bank.candidate]
    i_q = 2 * candidate.split * design.i_lsb
    rail = (case.threshold + np.hypot(case.threshold, 2 * i_q)) / 2
    units = np.full(1, round(rail / design.i_lsb))
    bank = dataclasses.replace(bank, up_units=units, down_units=units)
    design = dataclasses.replace(design, banks=(bank,))
    # What the deck is centred on, and kept by, is the mapping's and not the law under test.
    real = realised_bank(design, bank, load_calibration(technology))
    ladder = dataclasses.replace(unit.ladder, up=real.up, down=real.down)
    return dataclasses.replace(unit, design=design, ladder=ladder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Candidates of a run, in thresholds, and what each frame is for.

    Attributes
    ----------
    level_at, half_at
        Frames in which so many cells are set with the candidate at zero, and at +-half a threshold
        with none set.
    rising, falling
        First frames of the two searches, over `grid`.
    """

    frames: tuple[float, ...]
    level_at: dict[int, int]
    half_at: tuple[int, int]
    rising: int
    falling: int
    grid: Array


def scan_of(levels: int, span: float) -> Scan:
    """Return the frames of a scan whose searches reach so far, over the threshold."""
    frames: list[float] = []
    level_at: dict[int, int] = {}
    for cells in (*range(levels + 1, 2 * levels + 1), *range(2 * levels - 1, -1, -1)):
        frames += [3.0 if cells > levels and 2 * levels not in level_at else -3.0, 0.0]
        level_at[cells] = len(frames) - 1
    half_at = len(frames), len(frames) + 1
    frames += [0.5, -0.5]
    grid = np.linspace(-span, span, COUNT)
    frames += [3.0] * levels
    rising = len(frames)
    frames += [*(1 + grid), *[3.0] * levels, *[-3.0] * levels]
    falling = len(frames)
    frames += [*-(1 + grid)]
    return Scan(
        frames=tuple(frames),
        level_at=level_at,
        half_at=half_at,
        rising=rising,
        falling=falling,
        grid=grid,
    )


def scan_bench(unit: Unit, scan: Scan) -> UnitBench:
    """Return the bench of a scan."""
    frames = np.array(scan.frames)
    sides = np.where(frames > 0, float(unit.ladder.up[0]), float(unit.ladder.down[0]))
    return lone_bench(
        unit, frames * sides, watch=(*COMPARATOR, diode(unit.design, Part.STATE.of(0)))
    )


def read_scan(unit: Unit, scan: Scan, bench: UnitBench, waves: Waves) -> dict[str, Any]:
    """Read levels, supply, and the thresholds with their comparators' voltages."""
    k = unit.ladder.levels
    _, after = own_levels(unit.ladder, read_unit(unit.design, 0, 0, bench, waves))
    cells = after[:, 0] + k

    at = partial(at_end, bench, waves)

    def bias(frame: int) -> float:
        return at("i(vvdd_bias)", frame) + at("i(vref)", frame)

    values: Values = {}
    climbed = all(cells[frame] == n for n, frame in scan.level_at.items())
    for n, frame in sorted(scan.level_at.items()):
        if n:
            values[f"level, {n} cells"] = abs(at(diode(unit.design, Part.STATE.of(0)), frame))
        values[f"memory supply, {n} cells"] = at("i(vvdd_memory)", frame)
        values[f"mirror supply, {n} cells"] = at("i(vvdd_mirror)", frame)
    for sign, frame in zip(("+", "-"), scan.half_at, strict=True):
        values[f"memory supply, {sign}half a threshold"] = at("i(vvdd_memory)", frame)
    values["bias supply"] = bias(scan.level_at[0])
    trips: dict[str, Any] = {}
    for side, first, size, node in (
        ("up", scan.rising, unit.ladder.up, COMPARATOR[0]),
        ("down", scan.falling, unit.ladder.down, COMPARATOR[1]),
    ):
        moved = cells[first : first + COUNT] != k
        j = int(np.argmax(moved))
        if not climbed or not moved.any() or j == 0:
            trips[side] = None
            continue
        near = (scan.grid[j - 1] + scan.grid[j]) / 2
        values[f"threshold {side}"] = float(size[0] * (1 + near)) * scale(unit)
        v = np.interp(
            bench.strobe_at[first + j - 1 : first + j + 1], waves.time, waves.vectors[node]
        )
        trips[side] = float(np.mean(v))
    rails = [abs(at(name, scan.level_at[0])) for name in candidate_vectors(unit.design, 0, 0)]
    return {"values": values, "trips": trips, "climbed": climbed, "rest": rails}


def measured_ladder(store: Store, technology: Technology, case: LadderCase) -> dict[str, Any]:
    """Run a scan; a wider one where a threshold lies beyond it."""
    unit, found = ladder_unit(technology, case), {}
    for wider in (1, 3):
        scan = scan_of(case.levels, wider * STEP * (COUNT - 1) / 2)
        bench = scan_bench(unit, scan)
        found = store(
            f"{technology.name}-ladder-{case.name}-{wider}",
            bench.deck,
            partial(read_scan, unit, scan, bench),
        )
        if found["status"] == "DONE" and None not in found["trips"].values():
            break
    return dict(found)


def alone(unit: Unit) -> Design:
    """Return the Design of the cut deck: no legs."""
    return dataclasses.replace(unit.design, connections=())


def ladder_law_values(unit: Unit, calibration: Calibration) -> Values:
    """Return by the array what `read_scan` reads."""
    design, k = alone(unit), unit.ladder.levels
    array = nominal_array(design, calibration)
    memory, node, state = (
        array.memories[0],
        array.nodes[Part.CANDIDATE.of(0)],
        array.nodes[Part.STATE.of(0)],
    )
    i, h = design.node(Part.CANDIDATE.of(0)).scale, design.node(Part.STATE.of(0)).scale
    up, down = (x.item() for x in memory.thresholds())

    def drawn(c: float, cells: int) -> tuple[float, float]:
        """Supply current of memory and of mirrors."""
        rails = node.rails(np.full((1, 1, 1), c))
        assert rails.minus is not None
        branches = i * drawn_by(memory, rails.plus.item(), rails.minus.item())
        held = state.rails(np.full((1, 1, 1), float(memory.level[0, cells])))
        mirrors = node.supply(rails).item() + state.supply(held).item()
        return float(memory.held[0, cells]) + branches, mirrors

    found = {"threshold up": up * i, "threshold down": down * i, "bias supply": array.bias_supply}
    for cells in range(2 * k + 1):
        if cells:
            found[f"level, {cells} cells"] = float(memory.level[0, cells]) * h
        memory_, mirrors = drawn(0.0, cells)
        found[f"memory supply, {cells} cells"] = memory_
        found[f"mirror supply, {cells} cells"] = mirrors
    for sign, c in (("+", up / 2), ("-", -down / 2)):
        found[f"memory supply, {sign}half a threshold"] = drawn(c, 0)[0]
    return found


def jumps(case: LadderCase, found: Values) -> tuple[list[tuple[float, float]], list[float]]:
    """Candidate [s, A] after power-up, and when each jump begins."""
    rest = 30e-3 * NANO / min(case.threshold, case.i_unit)
    points, starts, now = [(rest, 0.0)], [], rest
    for sign, side in ((1.0, "up"), (-1.0, "down")):
        for overdrive in OVERDRIVES:
            size = sign * found[f"threshold {side}"] * (1 + overdrive)
            starts.append(now)
            end = now + hold_s(case.threshold, overdrive)
            points += [(now + JUMP_S, size), (end, size), (end + JUMP_S, 0.0)]
            now = end + rest
            points.append((now, 0.0))
    return points, starts


def measured_ladder_delays(
    store: Store, technology: Technology, case: LadderCase, row: dict[str, Any]
) -> list[float | None]:
    """Run the jumps of a unit; return each delay [s], or None."""
    unit = ladder_unit(technology, case)
    points, starts = jumps(case, row["values"])
    bench = lone_bench(unit, np.zeros(1), lead=points, watch=COMPARATOR)
    power = power_up_time(unit.design) + PRE_ROLL * bench.timing.frame

    def made(waves: Waves) -> dict[str, Any]:
        delays = []
        for n, start in enumerate(starts):
            side, node, sign = (("up", COMPARATOR[0], -1), ("down", COMPARATOR[1], 1))[
                n // len(OVERDRIVES)
            ]
            after = waves.time >= power + start
            t, v = waves.time[after], sign * waves.vectors[node][after]
            end = power + start + hold_s(case.threshold, OVERDRIVES[n % len(OVERDRIVES)])
            delays.append(first_above(t, v, sign * row["trips"][side], power + start, end))
        return {"delays": delays}

    name = f"{technology.name}-ladder-delays-{case.name}"
    return list(store(name, bench.deck, made).get("delays", [None] * len(starts)))


def ladder_law_delays(unit: Unit, case: LadderCase, calibration: Calibration) -> list[float | None]:
    """Return the delays of the same jumps, one sequence each, until a strobe would step."""
    design, t_c = alone(unit), calibration.temperature
    array = nominal_array(design, calibration)
    bus, memory = design.node(Part.CANDIDATE.of(0)), array.memories[0]
    load, n = bus_loads(design, calibration)[Part.CANDIDATE.of(0)], 2 * len(OVERDRIVES)
    up, down = (x.item() for x in memory.thresholds())
    sides = [up] * len(OVERDRIVES) + [-down] * len(OVERDRIVES)
    c = np.array(sides) * (1 + np.array(OVERDRIVES * 2))
    node = MovingNode(array.nodes[Part.CANDIDATE.of(0)], load, calibration, t_c)
    ladder = MovingLadder(
        memory, bank_load(design, calibration, design.banks[0]), calibration, bus.scale, n
    )
    node.settle(np.zeros((1, n)))
    found: list[float | None] = [None] * n
    longest = hold_s(case.threshold, min(OVERDRIVES))
    # Steps grow from that of the jump: a delay is resolved to a hundredth of itself.
    times = np.concatenate([[0.0], np.geomspace(1e-6, longest, 1000)])
    for before, now in itertools.pairwise(times.tolist()):
        ramp = min((before + now) / 2 / JUMP_S, 1.0)
        node.step(c[None] * ramp, now - before)
        rails = Rails(
            plus=node.rail(node.mean, "plus", "n"), minus=node.rail(node.mean, "minus", "p")
        )
        ladder.step(rails, None, now - before)
        start = ladder.cells.copy()
        ladder.strobe()
        for j in np.flatnonzero((ladder.cells != start).any(axis=0)[0]):
            if found[j] is None:
                found[j] = float(now)
        ladder.cells = start
    return found


def ladder_rows(
    store: Store,
    technology: Technology,
    calibration: Calibration,
    cases: Sequence[LadderCase] = LADDERS,
    timed: Sequence[LadderCase] = TIMED_LADDERS,
) -> list[Row]:
    """Compare units; of those in `timed` the delays too."""
    rows: list[Row] = []
    for case in cases:
        found, unit = measured_ladder(store, technology, case), ladder_unit(technology, case)
        if found["status"] != "DONE":
            continue
        subject = subject_of("ladder", unit.design, case.name, case.threshold)
        rows += compared(subject, found["values"], ladder_law_values(unit, calibration))
        if case in timed and None not in found["trips"].values():
            spice = measured_ladder_delays(store, technology, case, found)
            array = ladder_law_delays(unit, case, calibration)
            rows += delays(subject, ("up", "down"), spice, array)
    return rows
