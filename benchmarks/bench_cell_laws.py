"""The array's laws of single cells against ngspice, at biases that no constant was fitted at.

    python benchmarks/bench_cell_laws.py [--tech T ...] [--work DIR] [--figure SVG]

Constants come from 1 nA through 32 unit devices, thresholds of 1 nA and K = 2. Here nominal cells
run at other currents of a unit device, thresholds, widths, gains and ladder lengths, tt, 27 degC.
The law is the behavioral array (`compile_die`), and `MovingNode`, `MovingLadder` and
`simulate_timed` for delays.

* ladder: a CMRU unit by itself (`make_unit_bench`). It climbs and descends; every level is read
  with the candidate at zero. Thresholds: from the ladder's middle, candidates grow by `STEP` of
  the threshold a frame until a strobe steps.
* ladder's delays: with no strobe the candidate jumps from zero beyond its threshold; until the
  comparator's node passes the voltage at which the same unit's strobe was seen to step. In the
  array until a strobe would step.
* loop: a chip of one FQ-BMRU unit under a slow triangle (`bench_cells_die_by_die`).
* loop's delays: the chip's input jumps from the middle of the loop beyond an edge; until the
  output's leg carries half of its current. In the array with frames of a few microseconds.

Overdrives are relative to each world's own edge. Aims: edges 2 % or 1 pA, levels 1 %, supply 3 %,
delays 25 %. --work keeps every run of ngspice.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_cells_die_by_die import (
    RAMP_S,
    REST_S,
    Course,
    diode,
    driven_deck,
    flow,
    loop_deck,
    loop_in_array,
    loop_in_ngspice,
    loop_model,
    loop_start,
)
from benchmarks.bench_ladder import Store, Unit, scale, unit_of
from benchmarks.bench_ladder_dies import NODES
from benchmarks.machine import machine
from mru_hw.cells.settling import bank_load, bus_loads
from mru_hw.files import whole_file
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design, Timing
from mru_hw.mapping.realised import rail_thresholds, realised_bank
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.disagreement import own_levels
from mru_hw.simulate.timed import simulate_timed
from mru_hw.simulate.timed_nodes import MovingNode
from mru_hw.simulate.timed_units import MovingLadder
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL, candidate_vectors
from mru_hw.spice.deck import Waves
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.paths import device_paths
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.unit_bench import UnitBench, make_unit_bench
from mru_hw.stimulus import make_inputs
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import nominal_die

Array = NDArray[np.float64]
Values = dict[str, float]

NANO, PICO = 1e-9, 1e-12
BIAS_UNITS = 64  # unit devices that i_unit stands for
AIMS = {"edge": 0.02, "level": 0.01, "supply": 0.03, "delay": 0.25}
NEAR_A = PICO  # an edge this near is within the aim whatever it is of the edge
STEP, COUNT = 0.004, 21  # of the candidates around a threshold, relative to it
OVERDRIVES = (0.02, 0.05, 0.2, 1.0)
SHOWN = (0.3, 0.6, 1.0, 1.5, 3.0)  # nA, marked in the figure
JUMP_S = 1e-5
CHARGE = 1e-12  # C, more than any node on the way takes: bounds a delay
SETTLED = 10  # the array settles for this part of what the deck does
FRAMES, TIMED_STEPS = 1000, 2  # after a jump of a loop; steps of one, which is itself short


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderCase:
    """A CMRU unit: unit-device current through `i_unit` / 64, thresholds [A], K."""

    i_unit: float
    threshold: float
    levels: int = 2

    @property
    def name(self) -> str:
        return f"{self.i_unit / NANO:g}-{self.threshold / NANO:g}-k{self.levels}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCase:
    """An FQ-BMRU unit: I_thresh [A], I_width over it, output leg in unit devices."""

    i_unit: float
    hold: float
    width: float
    gain: int = BIAS_UNITS

    @property
    def name(self) -> str:
        return f"{self.i_unit / NANO:g}-{self.hold / NANO:g}-{self.width:g}-g{self.gain}"


LADDERS = (
    *(LadderCase(i_unit=i * NANO, threshold=i * NANO) for i in (0.3, 0.6, 1.5, 3.0)),
    LadderCase(i_unit=6.4 * NANO, threshold=3 * NANO),
    *(LadderCase(i_unit=NANO, threshold=i * NANO) for i in (0.3, 0.6, 1.5, 3.0)),
    LadderCase(i_unit=0.6 * NANO, threshold=0.6 * NANO, levels=1),
    LadderCase(i_unit=1.5 * NANO, threshold=1.5 * NANO, levels=1),
    LadderCase(i_unit=0.6 * NANO, threshold=0.6 * NANO, levels=4),
    LadderCase(i_unit=1.5 * NANO, threshold=1.5 * NANO, levels=4),
)
LOOPS = (
    *(LoopCase(i_unit=i * NANO, hold=i * NANO, width=0.6) for i in (0.3, 0.6, 1.5, 3.0)),
    LoopCase(i_unit=6.4 * NANO, hold=3 * NANO, width=0.6),
    *(LoopCase(i_unit=NANO, hold=i * NANO, width=0.6) for i in (0.3, 0.6, 1.5, 3.0)),
    *(LoopCase(i_unit=NANO, hold=NANO, width=w) for w in (0.2, 0.4, 0.8)),
    LoopCase(i_unit=NANO, hold=NANO, width=0.6, gain=16),
    LoopCase(i_unit=NANO, hold=NANO, width=0.6, gain=128),
)
TIMED_LADDERS = (LADDERS[0], LADDERS[2], LADDERS[3], LADDERS[5], LADDERS[8])
TIMED_LOOPS = (LOOPS[0], LOOPS[2], LOOPS[3], LOOPS[5], LOOPS[8], LOOPS[10])


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A cell at a bias: unit-device current and threshold in A."""

    technology: str
    part: str
    case: str
    current: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity in both worlds; None where ngspice or the array never came there."""

    subject: Subject
    kind: str
    quantity: str
    spice: float | None
    array: float | None

    @property
    def error(self) -> float:
        """The array's over ngspice's, less one; NaN where one is missing."""
        if self.spice is None or self.array is None:
            return float("nan")
        return self.array / self.spice - 1

    @property
    def within(self) -> bool:
        if self.spice is None or self.array is None:
            return False
        near = self.kind == "edge" and abs(self.array - self.spice) <= NEAR_A
        return near or abs(self.error) <= AIMS[self.kind]


def kind_of(quantity: str) -> str | None:
    """Return which aim a quantity of `bench_cells_die_by_die` falls under; gains have none."""
    for word, kind in (
        ("supply", "supply"),
        ("edge", "edge"),
        ("threshold", "edge"),
        ("level", "level"),
    ):
        if word in quantity:
            return kind
    return None


# ----------------------------------------------------------------------------------- the ladder


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
    frames = np.array(scan.frames)
    sides = np.where(frames > 0, float(unit.ladder.up[0]), float(unit.ladder.down[0]))
    return make_unit_bench(
        unit.design,
        0,
        0,
        frames * sides * scale(unit),
        unit.conditions,
        watch=(*NODES, diode(unit.design, "h0")),
        options=OPTIONS,
    )


def read_scan(unit: Unit, scan: Scan, bench: UnitBench, waves: Waves) -> dict[str, Any]:
    """Read levels, supply, and the thresholds with their comparators' voltages."""
    k = unit.ladder.levels
    _, after = own_levels(unit.ladder, read_unit(unit.design, 0, 0, bench, waves))
    cells = after[:, 0] + k

    def at(name: str, frame: int) -> float:
        t = bench.read_at[frame] - 1e-4 * bench.timing.frame
        return float(np.interp(t, waves.time, waves.vectors[name]))

    def bias(frame: int) -> float:
        return at("i(vvdd_bias)", frame) + at("i(vref)", frame)

    values: Values = {}
    climbed = all(cells[frame] == n for n, frame in scan.level_at.items())
    for n, frame in sorted(scan.level_at.items()):
        if n:
            values[f"level, {n} cells"] = abs(at(diode(unit.design, "h0"), frame))
        values[f"memory supply, {n} cells"] = at("i(vvdd_memory)", frame)
        values[f"mirror supply, {n} cells"] = at("i(vvdd_mirror)", frame)
    for sign, frame in zip(("+", "-"), scan.half_at, strict=True):
        values[f"memory supply, {sign}half a threshold"] = at("i(vvdd_memory)", frame)
    values["bias supply"] = bias(scan.level_at[0])
    trips: dict[str, Any] = {}
    for side, first, size, node in (
        ("up", scan.rising, unit.ladder.up, NODES[0]),
        ("down", scan.falling, unit.ladder.down, NODES[1]),
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
    """The Design of the cut deck: no legs."""
    return dataclasses.replace(unit.design, connections=())


def ladder_law_values(unit: Unit, calibration: Calibration) -> Values:
    design, k = alone(unit), unit.ladder.levels
    array = compile_die(
        design, calibration, nominal_die(design), temperature=calibration.temperature
    )
    memory, node, state = array.memories[0], array.nodes["c0"], array.nodes["h0"]
    i, h = design.buses["c0"].scale, design.buses["h0"].scale
    up, down = (x.item() for x in memory.thresholds())

    def drawn(c: float, cells: int) -> tuple[float, float]:
        """Supply current of memory and of mirrors."""
        rails = node.rails(np.full((1, 1, 1), c))
        assert rails.minus is not None
        plus, minus = rails.plus.item(), rails.minus.item()
        branches = i * (
            min(plus * memory.up_copy.item(), memory.up_leg.item())
            + min(minus * memory.down_copy.item(), memory.down_leg.item())
        )
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


def hold_s(threshold: float, overdrive: float) -> float:
    """How long a delay is waited for [s]."""
    return 10e-3 + CHARGE / (threshold * overdrive)


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
    unit = ladder_unit(technology, case)
    points, starts = jumps(case, row["values"])
    bench = make_unit_bench(
        unit.design,
        0,
        0,
        np.zeros(1),
        unit.conditions,
        lead=points,
        watch=NODES,
        options=OPTIONS,
    )
    power = power_up_time(unit.design) + PRE_ROLL * bench.timing.frame

    def made(waves: Waves) -> dict[str, Any]:
        delays = []
        for n, start in enumerate(starts):
            side, node, sign = (("up", NODES[0], -1), ("down", NODES[1], 1))[n // len(OVERDRIVES)]
            after = waves.time >= power + start
            t, v = waves.time[after], sign * waves.vectors[node][after]
            end = power + start + hold_s(case.threshold, OVERDRIVES[n % len(OVERDRIVES)])
            delays.append(first_above(t, v, sign * row["trips"][side], power + start, end))
        return {"delays": delays}

    name = f"{technology.name}-ladder-delays-{case.name}"
    return list(store(name, bench.deck, made).get("delays", [None] * len(starts)))


def first_above(t: Array, v: Array, level: float, start: float, end: float) -> float | None:
    """How long after `start` a course first passes `level` upwards, before `end`."""
    above = np.flatnonzero((v[1:] >= level) & (v[:-1] < level))
    if len(above) == 0:
        return None
    j = int(above[0])
    at = float(t[j] + (level - v[j]) / (v[j + 1] - v[j]) * (t[j + 1] - t[j]))
    return at - start if at < end else None


def ladder_law_delays(unit: Unit, case: LadderCase, calibration: Calibration) -> list[float | None]:
    """The same jumps, one sequence each, until a strobe would step."""
    design, t_c = alone(unit), calibration.temperature
    array = compile_die(design, calibration, nominal_die(design), temperature=t_c)
    bus, memory = design.buses["c0"], array.memories[0]
    load, n = bus_loads(design, calibration)["c0"], 2 * len(OVERDRIVES)
    up, down = (x.item() for x in memory.thresholds())
    sides = [up] * len(OVERDRIVES) + [-down] * len(OVERDRIVES)
    c = np.array(sides) * (1 + np.array(OVERDRIVES * 2))
    node = MovingNode(array.nodes["c0"], load, calibration, t_c)
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


# ------------------------------------------------------------------------------------- the loop


def loop_design(technology: Technology, case: LoopCase) -> Design:
    """A chip of one loop whose currents are plain settings, in whole unit devices."""
    design = map_model(
        loop_model(), technology, load_calibration(technology), DesignOptions(i_unit=case.i_unit)
    )
    hold = np.full(1, round(case.hold / design.i_lsb))
    left = hold - np.rint(hold * case.width).astype(np.int64)
    bank = dataclasses.replace(
        design.banks[0], up_units=hold, down_units=left, gain_units=np.full(1, case.gain)
    )
    return dataclasses.replace(design, banks=(bank,))


def compiled(design: Design, calibration: Calibration) -> DieArray:
    return compile_die(
        design, calibration, nominal_die(design), temperature=calibration.temperature
    )


def loop_course(design: Design, calibration: Calibration) -> Course:
    """Around both edges, in the input's scale; both weights on the way are one."""
    bank, i = design.banks[0], design.buses["c0"].scale
    edges = rail_thresholds(design, bank, calibration)
    up, down = (x.item() / i for x in edges)
    return Course(
        low=round(0.5 * down, 3),
        middle=round((up + down) / 2, 3),
        above=round(1.4 * up, 3),
        high=round(1.5 * up, 3),
    )


def measured_loop(
    store: Store, technology: Technology, case: LoopCase, calibration: Calibration
) -> tuple[Course, dict[str, Any]]:
    """Run a triangle: what `loop_in_ngspice` reads, and the inputs [their scale] at both edges."""
    design = loop_design(technology, case)
    course = loop_course(design, calibration)

    def made(waves: Waves) -> dict[str, Any]:
        values = loop_in_ngspice(design, calibration, waves, course)
        t, first = waves.time, loop_start(design) + REST_S
        way = t[(t > first) & (t < first + RAMP_S)], t[(t > first + RAMP_S)]
        x = [course.low, course.high, course.low]
        corners = [first, first + RAMP_S, first + 2 * RAMP_S]
        inputs = {}
        for edge, times, sign in (("rising", way[0], 1), ("falling", way[1], -1)):
            c = np.abs(np.interp(times, t, waves.vectors[diode(design, "c0")]))
            at = np.interp(sign * values[f"{edge} edge"], sign * c, times)
            inputs[edge] = float(np.interp(at, corners, x))
        return {"values": values, "inputs": inputs}

    name = f"{technology.name}-loop-{case.name}"
    return course, store(name, loop_deck(design, course), made)


def input_at(array: DieArray, candidate: float, span: tuple[float, float]) -> float:
    """Return the input [its scale] that gives a candidate, by halving."""
    low, high = span
    for _ in range(60):
        x = (low + high) / 2
        if flow(array, 0, x)["c0"].plus.item() < candidate:
            low = x
        else:
            high = x
    return x


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A jump of the input from the middle of a loop, in seconds and the input's scale."""

    rising: bool
    overdrive: float
    settled: float
    at: float
    until: float


def loop_jumps(case: LoopCase, course: Course) -> list[Jump]:
    now, found = loop_rest(case), []
    for rising in (True, False):
        for overdrive in OVERDRIVES:
            settled = now + loop_rest(case)
            at = settled + loop_rest(case)
            until = at + hold_s(slowest(case, course), overdrive)
            found.append(
                Jump(rising=rising, overdrive=overdrive, settled=settled, at=at, until=until)
            )
            now = until
    return found


def slowest(case: LoopCase, course: Course) -> float:
    """The smaller edge's current [A], about."""
    return min(case.hold, course.low * 2 * case.i_unit)


def loop_rest(case: LoopCase) -> float:
    return 0.05 * NANO / min(case.hold, case.i_unit, NANO)


def jumped(edges: tuple[float, float], overdrive: float, *, rising: bool) -> float:
    return edges[0] * (1 + overdrive) if rising else edges[1] * (1 - overdrive)


def loop_drive(
    case: LoopCase, course: Course, edges: tuple[float, float], start: float, x: float
) -> tuple[list[str], list[Jump], float]:
    """Return the source's lines, the jumps in time of the deck and the deck's end [s]."""
    jumps_ = loop_jumps(case, course)
    points = [(0.0, 0.0), (start, 0.0)]
    for jump in jumps_:
        # First to where the state is the one to leave, then to the middle.
        before = course.low / 2 if jump.rising else course.above
        points += [(jump.settled - loop_rest(case) + JUMP_S, before), (jump.settled, before)]
        points += [(jump.settled + JUMP_S, course.middle), (jump.at, course.middle)]
        to = jumped(edges, jump.overdrive, rising=jump.rising)
        points += [(jump.at + JUMP_S, to), (jump.until, to)]
    shifted = points[:2] + [(t + start, v) for t, v in points[2:]]
    words = [f"{t:.12g} {v * x:.9g}" for t, v in shifted]
    rows = ("+ " + " ".join(words[k : k + 4]) for k in range(0, len(words), 4))
    moved = [
        dataclasses.replace(j, settled=j.settled + start, at=j.at + start, until=j.until + start)
        for j in jumps_
    ]
    return ["ix0 0 x0 pwl(", *rows, "+ )"], moved, shifted[-1][0]


def output_leg(design: Design) -> str:
    group = next(g for g in design.device_groups() if g.key == ("bank0", "gain"))
    (_, path), *_ = device_paths(design, group)
    return f"@m.{path}[id]"


def measured_loop_delays(
    store: Store, technology: Technology, case: LoopCase, course: Course, row: dict[str, Any]
) -> list[float | None]:
    edges = row["inputs"]["rising"], row["inputs"]["falling"]
    design = loop_design(technology, case)
    start = loop_start(design) + REST_S
    drive, moved, until = loop_drive(case, course, edges, start, design.buses["x"].scale)
    leg = output_leg(design)
    deck = driven_deck(design, drive, until, 2e-3, (leg,))

    def made(waves: Waves) -> dict[str, Any]:
        current = np.abs(waves.vectors[leg])
        delays = []
        for jump in moved:
            sign = 1.0 if jump.rising else -1.0
            inside = (waves.time >= jump.at) & (waves.time <= jump.until)
            half = row["values"]["level"] / 2
            delays.append(
                first_above(
                    waves.time[inside], sign * current[inside], sign * half, jump.at, jump.until
                )
            )
        return {"delays": delays}

    found = store(f"{technology.name}-loop-delays-{case.name}", deck, made)
    return list(found.get("delays", [None] * len(moved)))


def loop_law_delays(
    design: Design, case: LoopCase, calibration: Calibration, course: Course
) -> list[float | None]:
    """The same jumps by `simulate_timed`, a frame being a thousandth of what is waited for."""
    array = compiled(design, calibration)
    up, down = (x.item() for x in array.memories[0].thresholds())
    span = (0.0, course.high)
    edges = input_at(array, up, span), input_at(array, down, span)
    half = float(array.memories[0].level[0, 1]) / 2
    found: dict[tuple[bool, float], float | None] = {}
    for overdrive in OVERDRIVES:
        longest = hold_s(slowest(case, course), overdrive)
        frame = max(longest / FRAMES, JUMP_S)
        rest = round(loop_rest(case) / SETTLED / frame)
        x = [
            [before] * rest
            + [course.middle] * rest
            + [jumped(edges, overdrive, rising=rising)] * FRAMES
            for rising, before in ((True, course.low / 2), (False, course.above))
        ]
        timing = Timing(frame=frame, strobes=(0.0,), pulse=frame / 4)
        run = simulate_timed(
            dataclasses.replace(design, timing=timing),
            calibration,
            make_inputs(np.array(x)[:, :, None]),
            [nominal_die(design)],
            temperature=calibration.temperature,
            steps=TIMED_STEPS,
        )
        ends = np.arange(1 - 2 * rest, len(x[0]) + 1 - 2 * rest, dtype=np.float64) * frame
        for n, sign in enumerate((1.0, -1.0)):
            state = run.trace.states[0][0, n, :, 0]
            after = ends >= -frame / 2
            found[sign > 0, overdrive] = first_above(
                ends[after], sign * state[after], sign * half, 0.0, np.inf
            )
    return [found[rising, overdrive] for rising in (True, False) for overdrive in OVERDRIVES]


# ------------------------------------------------------------------------------------ comparing


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
        subject = Subject(
            technology=technology.name,
            part="ladder",
            case=case.name,
            current=unit.design.i_lsb,
            threshold=case.threshold,
        )
        rows += compared(subject, found["values"], ladder_law_values(unit, calibration))
        if case in timed and None not in found["trips"].values():
            spice = measured_ladder_delays(store, technology, case, found)
            array = ladder_law_delays(unit, case, calibration)
            rows += delays(subject, ("up", "down"), spice, array)
    return rows


def loop_rows(
    store: Store,
    technology: Technology,
    calibration: Calibration,
    cases: Sequence[LoopCase] = LOOPS,
    timed: Sequence[LoopCase] = TIMED_LOOPS,
) -> list[Row]:
    """Compare loops; of those in `timed` the delays too."""
    rows: list[Row] = []
    for case in cases:
        course, found = measured_loop(store, technology, case, calibration)
        if found["status"] != "DONE":
            continue
        design = loop_design(technology, case)
        subject = Subject(
            technology=technology.name,
            part="loop",
            case=case.name,
            current=design.i_lsb,
            threshold=case.hold,
        )
        law = loop_in_array(design, calibration, nominal_die(design), course)
        rows += compared(subject, found["values"], law)
        if case in timed:
            spice = measured_loop_delays(store, technology, case, course, found)
            array = loop_law_delays(design, case, calibration, course)
            rows += delays(subject, ("rising", "falling"), spice, array)
    return rows


def compared(subject: Subject, spice: Values, array: Values) -> list[Row]:
    return [
        Row(subject=subject, kind=kind, quantity=name, spice=value, array=array[name])
        for name, value in spice.items()
        if (kind := kind_of(name)) is not None
    ]


def delays(
    subject: Subject,
    sides: tuple[str, str],
    spice: Sequence[float | None],
    array: Sequence[float | None],
) -> list[Row]:
    names = [f"delay {side}, {100 * x:g} % beyond" for side in sides for x in OVERDRIVES]
    return [
        Row(subject=subject, kind="delay", quantity=name, spice=a, array=b)
        for name, a, b in zip(names, spice, array, strict=True)
    ]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Median and worst size of the errors, how many, and the share within the aim."""
    errors = np.array([row.error for row in rows])
    read = np.isfinite(errors)
    missing = [f"{row.subject.case}: {row.quantity}" for row in rows if not np.isfinite(row.error)]
    found: dict[str, Any] = {"points": len(rows), "missing": missing}
    if read.any():
        sizes = np.abs(errors[read])
        worst = [row for row in rows if np.isfinite(row.error)][int(np.argmax(sizes))]
        found |= {
            "median": float(np.median(sizes)),
            "worst": float(sizes.max()),
            "worst_at": f"{worst.subject.case}: {worst.quantity}",
            "mean": float(np.mean(errors[read])),
            "within": float(np.mean([row.within for row in rows])),
        }
    return found


def grouped(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures by cell and aim, and by quantity."""
    found: dict[str, Any] = {}
    for part in dict.fromkeys(row.subject.part for row in rows):
        mine = [row for row in rows if row.subject.part == part]
        found[part] = {}
        for kind, aim in AIMS.items():
            of_kind = [row for row in mine if row.kind == kind]
            if not of_kind:
                continue
            names = dict.fromkeys(row.quantity for row in of_kind)
            found[part][kind] = {"aim": aim, **summary(of_kind)} | {
                "quantities": {n: summary([r for r in of_kind if r.quantity == n]) for n in names}
            }
    return found


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Write a panel a cell and aim: errors over the threshold's current, the aim as a band."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "mru_hw", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot as plt

    parts = list(dict.fromkeys(row.subject.part for row in rows))
    techs = list(dict.fromkeys(row.subject.technology for row in rows))
    figure, axes = plt.subplots(
        len(parts), len(AIMS), figsize=(11, 3.0 * len(parts)), squeeze=False
    )
    for line, part in zip(axes, parts, strict=True):
        for panel, (kind, aim) in zip(line, AIMS.items(), strict=True):
            mine = [r for r in rows if r.subject.part == part and r.kind == kind]
            panel.axhspan(-100 * aim, 100 * aim, color="0.9")
            panel.axhline(0, lw=0.6, color="0.5")
            for n, technology in enumerate(techs):
                shown = [r for r in mine if r.subject.technology == technology]
                if kind == "delay":
                    x = [1e3 * (r.spice or np.nan) for r in shown]
                else:
                    x = [r.subject.threshold / NANO * (0.97, 1.03)[n % 2] for r in shown]
                y = [100 * r.error for r in shown]
                # A picture inside the drawing: hundreds of points are no lines.
                style = {"ms": 4, "color": f"C{n}", "alpha": 0.7, "rasterized": True}
                panel.plot(x, y, ".", label=technology, **style)
            panel.set_xscale("log")
            if kind != "delay":
                panel.set_xticks(SHOWN, labels=[f"{x:g}" for x in SHOWN])
                panel.minorticks_off()
            panel.set_xlabel("delay in ngspice [ms]" if kind == "delay" else "threshold [nA]")
            panel.set_title(f"{part}: {kind}", fontsize=8)
            panel.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.supylabel("array over ngspice, less one [%]", fontsize=8)
    figure.tight_layout()
    with whole_file(path) as part_:
        form = path.suffix.removeprefix(".")
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(part_, format=form, dpi=150, metadata=metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tech", nargs="+", default=["generic180", "sky130"])
    parser.add_argument("--part", choices=("ladder", "loop"), help="one of both")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--figure", type=Path, help="SVG or PNG to write")
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    result: dict[str, Any] = {"machine": machine()}
    everything: list[Row] = []
    for name in given.tech:
        technology, store = load_technology(name), Store(given.work)
        calibration, rows = load_calibration(technology), []
        for part, measure in (("ladder", ladder_rows), ("loop", loop_rows)):
            if given.part in (None, part):
                rows += measure(store, technology, calibration)
        listed = [dataclasses.asdict(row) | {"error": row.error} for row in rows]
        result[name] = grouped(rows) | {"core_seconds": store.core_seconds, "rows": listed}
        everything += rows
    result["wall_seconds"] = time.monotonic() - start
    print(json.dumps(result, indent=2))
    if given.figure is not None:
        draw(given.figure, everything)


if __name__ == "__main__":
    main()
