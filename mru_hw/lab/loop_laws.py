"""A loop at biases that no constant was fitted at: ngspice beside the array's laws."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.lab.law_rows import (
    BIAS_UNITS,
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
from mru_hw.lab.loop import (
    RAMP_S,
    REST_S,
    Course,
    diode,
    driven_deck,
    flow,
    loop_deck,
    loop_in_array,
    loop_in_ngspice,
    loop_start,
)
from mru_hw.lab.networks import loop_model
from mru_hw.lab.store import Store
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design, Timing
from mru_hw.mapping.realised import rail_thresholds
from mru_hw.mapping.rows import Part
from mru_hw.simulate.array import DieArray
from mru_hw.simulate.timed import simulate_timed
from mru_hw.spice.deck import Waves, pwl
from mru_hw.spice.paths import device_paths
from mru_hw.stimulus import make_inputs
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.variation import nominal_die

SETTLED = 10  # the array settles for this part of what the deck does
FRAMES, TIMED_STEPS = 1000, 2  # after a jump of a loop; steps of one, which is itself short


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopCase:
    """An FQ-BMRU unit: I_thresh [A], I_width over it, output leg in unit devices."""

    i_unit: float
    hold: float
    width: float
    gain: int = BIAS_UNITS

    @property
    def name(self) -> str:
        """Name its kept runs."""
        return f"{self.i_unit / NANO:g}-{self.hold / NANO:g}-{self.width:g}-g{self.gain}"


LOOPS = (
    *(LoopCase(i_unit=i * NANO, hold=i * NANO, width=0.6) for i in (0.3, 0.6, 1.5, 3.0)),
    LoopCase(i_unit=6.4 * NANO, hold=3 * NANO, width=0.6),
    *(LoopCase(i_unit=NANO, hold=i * NANO, width=0.6) for i in (0.3, 0.6, 1.5, 3.0)),
    *(LoopCase(i_unit=NANO, hold=NANO, width=w) for w in (0.2, 0.4, 0.8)),
    LoopCase(i_unit=NANO, hold=NANO, width=0.6, gain=16),
    LoopCase(i_unit=NANO, hold=NANO, width=0.6, gain=128),
)
TIMED_LOOPS = (LOOPS[0], LOOPS[2], LOOPS[3], LOOPS[5], LOOPS[8], LOOPS[10])


def loop_design(technology: Technology, case: LoopCase) -> Design:
    """Return a chip of one loop whose currents are plain settings, in whole unit devices."""
    design = map_model(
        loop_model(), technology, load_calibration(technology), DesignOptions(i_unit=case.i_unit)
    )
    hold = np.full(1, round(case.hold / design.i_lsb))
    left = hold - np.rint(hold * case.width).astype(np.int64)
    bank = dataclasses.replace(
        design.banks[0], up_units=hold, down_units=left, gain_units=np.full(1, case.gain)
    )
    return dataclasses.replace(design, banks=(bank,))


def loop_course(design: Design, calibration: Calibration) -> Course:
    """Around both edges, in the input's scale; both weights on the way are one."""
    bank, i = design.banks[0], design.node(Part.CANDIDATE.of(0)).scale
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
            c = np.abs(np.interp(times, t, waves.vectors[diode(design, Part.CANDIDATE.of(0))]))
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
        if flow(array, 0, x)[Part.CANDIDATE.of(0)].plus.item() < candidate:
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
    """Return the jumps beyond both edges, from time 0 [s]."""
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
    """Return the smaller edge's current [A], about."""
    return min(case.hold, course.low * 2 * case.i_unit)


def loop_rest(case: LoopCase) -> float:
    """Return how long a loop is given to come to rest [s]."""
    return 0.05 * NANO / min(case.hold, case.i_unit, NANO)


def jumped(edges: tuple[float, float], overdrive: float, *, rising: bool) -> float:
    """Return the input that a jump leads to, in the unit of the edges."""
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
    moved = [
        dataclasses.replace(j, settled=j.settled + start, at=j.at + start, until=j.until + start)
        for j in jumps_
    ]
    return pwl("ix0 0 x0", [(t, v * x) for t, v in shifted]), moved, shifted[-1][0]


def output_leg(design: Design) -> str:
    """Name the current of the loop's output leg."""
    group = next(g for g in design.device_groups() if g.key == (Part.UNITS.of(0), "gain"))
    (_, path), *_ = device_paths(design, group)
    return f"@m.{path}[id]"


def measured_loop_delays(
    store: Store, technology: Technology, case: LoopCase, course: Course, row: dict[str, Any]
) -> list[float | None]:
    """Run the jumps of a loop; return each delay [s], or None."""
    edges = row["inputs"]["rising"], row["inputs"]["falling"]
    design = loop_design(technology, case)
    start = loop_start(design) + REST_S
    drive, moved, until = loop_drive(case, course, edges, start, design.inputs.scale)
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
    """Return the same jumps' delays by `simulate_timed`, in frames of a thousandth of the wait."""
    array = nominal_array(design, calibration)
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
        subject = subject_of("loop", design, case.name, case.hold)
        law = loop_in_array(design, calibration, nominal_die(design), course)
        rows += compared(subject, found["values"], law)
        if case in timed:
            spice = measured_loop_delays(store, technology, case, course, found)
            array = loop_law_delays(design, case, calibration, course)
            rows += delays(subject, ("rising", "falling"), spice, array)
    return rows
