"""The nine-transistor comparator between its diodes: edges, levels, power and delays in ngspice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.errors import RunStatus
from mru_hw.lab.store import Store
from mru_hw.model.network import Array
from mru_hw.spice.bench import DECOUPLING
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Deck, Waves, make_deck, pwl
from mru_hw.technology import MODELS, Technology
from mru_hw.technology.conditions import Conditions

Points = list[tuple[float, float]]
PICO = 1e-12
THRESHOLDS = tuple(i * PICO for i in (50, 150, 500, 1500, 5000))
WIDTHS = tuple(i * PICO for i in (10, 50, 150, 500, 1500, 5000))
GAINS = tuple(i * PICO for i in (50, 500, 5000))
DENSITY = 10 * PICO  # A, of a unit device
OVERDRIVES = (1.05, 1.1, 1.25, 1.5, 2.0, 4.0)
REFERENCE = 64  # unit devices
TOP = 1.5  # of I_thresh
WAKE = 0.01  # s, in which the supply comes up
START, REST = 1.0, 1.0  # s, before the ramp and at its top
RAMP = 40.0  # s
FORCE, SETTLE, EDGE = 0.02, 0.3, 1e-5  # s
C_NODE = 2e-13  # F, over what V0 and the feedback's node have: for how long a delay is waited for
# With vntol=1e-6 and reltol=1e-5 some of these loops do not converge where they snap.
TOLERANCES = "gmin=1e-17 abstol=1e-16 vntol=1e-5 chgtol=1e-18 trtol=1 reltol=1e-4 method=gear"
SAVES = ("v(v)", "i(vout)", "i(vsup)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Bias currents [A] of a cell and of one unit device."""

    thresh: float = 350 * PICO
    width: float = 200 * PICO
    gain: float = 500 * PICO
    density: float = DENSITY

    def units(self, current: float) -> int:
        """Return a current in unit devices."""
        return round(current / self.density)

    @property
    def name(self) -> str:
        """Name a kept run: the currents in pA."""
        parts = (self.thresh, self.width, self.gain, self.density)
        return "-".join(f"{round(part / PICO)}p" for part in parts)


def circuit(setting: Setting) -> str:
    """Write the cell between its bias diode, its input diode and M4."""
    hold, width, gain = (setting.units(x) for x in (setting.thresh, setting.width, setting.gain))
    return f"""\
.subckt cell_under_test p n v out d rn rp vdd vcell
xref n n 0 0 n_mirror units={REFERENCE}
xin p p vdd vdd p_mirror units={hold}
xc p v n rn rp out vcell 0 hysteretic_cell units={hold} hold={hold} width={width} gain={gain}
xm4 d d vcell vcell p_mirror units={gain}
.ends"""


def cell_deck(
    technology: Technology,
    setting: Setting,
    conditions: Conditions,
    points: Points,
    *,
    forced: Iterable[tuple[float, str]] = ((WAKE, "low"),),
    step: float,
    options: str = TOLERANCES,
) -> Deck:
    """Return the deck of a cell under a course of input current.

    Parameters
    ----------
    points
        Time [s] and input current [A], joined by straight lines.
    forced
        When [s], for `FORCE`, the power-up switches force the state, and which.
    step
        The longest time step [s].
    """
    rest = {"low": 0.0, "high": conditions.v_dd}
    courses = {state: [(0.0, 0.0), (WAKE, at_rest)] for state, at_rest in rest.items()}
    for start, state in forced:
        on, off = conditions.v_dd - rest[state], rest[state]
        courses[state] += [
            (start + EDGE, off),
            (start + 2 * EDGE, on),
            (start + FORCE, on),
            (start + FORCE + EDGE, off),
        ]
    body = [
        "* The nine-transistor cell between its diodes",
        f".lib '{MODELS}' {conditions.corner}",
        f".options temp={conditions.temperature:.9g} {options}",
        technology.devices_spice(),
        cell_views(["hysteretic_cell"]),
        circuit(setting),
        *_course("vdd vdd 0", [(0.0, 0.0), (WAKE, conditions.v_dd)]),
        "vsup vdd vcell 0",
        f"iref vdd n {REFERENCE * setting.density:.9g}",
        f"cref n 0 {DECOUPLING:.9g}",
        *_course("iin p 0", points),
        *_course("vrn rn 0", courses["low"]),
        *_course("vrp rp 0", courses["high"]),
        "vout d out 0",
        "xt p n v out d rn rp vdd vcell cell_under_test",
        f".save {' '.join(SAVES)} {TOKEN}",
        f".tran {step:.9g} {points[-1][0]:.12g} uic",
    ]
    return make_deck(body, technology.model_files(), SAVES, t_stop=points[-1][0])


def _course(head: str, points: Points) -> list[str]:
    return pwl(head, points, in_a_row=1)


def loop_points(setting: Setting, ramp: float) -> Points:
    """Return the input's course [s, A]: up in a straight line, and down."""
    top, up = TOP * setting.thresh, START + ramp
    down = up + REST + ramp
    return [(0.0, 0.0), (START, 0.0), (up, top), (up + REST, top), (down, 0.0), (down + REST, 0.0)]


def loop_deck(
    technology: Technology,
    setting: Setting,
    conditions: Conditions,
    *,
    ramp: float = RAMP,
    options: str = TOLERANCES,
) -> Deck:
    """Return the deck of a cell whose input goes up and down once, `ramp` seconds each."""
    return cell_deck(
        technology,
        setting,
        conditions,
        loop_points(setting, ramp),
        step=ramp / 2000,
        options=options,
    )


def crossings(time_: Array, values: Array, level: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the times [s] at which values pass a level, and whether upwards."""
    above = values > level
    k = np.flatnonzero(above[1:] != above[:-1])
    share = (level - values[k]) / (values[k + 1] - values[k])
    times: Array = time_[k] + share * (time_[k + 1] - time_[k])
    return times, above[k + 1]


def loop(setting: Setting, waves: Waves, v_dd: float, ramp: float = RAMP) -> dict[str, Any]:
    """Edges [A], output levels [A] and static power [W] of a run of `loop_deck`.

    Edges that are not there are None. The power `low` and `high` is at the middle of the loop, in
    either state; `zero` without an input.
    """
    points = loop_points(setting, ramp)
    t, out, supply = waves.time, waves.vectors["i(vout)"], waves.vectors["i(vsup)"]
    corners, currents = (np.array(x) for x in zip(*points, strict=True))
    top = corners[3] - REST / 10
    high = float(np.interp(top, t, out))
    at, upwards = crossings(t, out, high / 2)
    rises = at[upwards & (at > START) & (at < corners[2])]
    falls = at[~upwards & (at > corners[3]) & (at < corners[4])]
    rise, fall = (
        float(np.interp(x[0], corners, currents)) if len(x) else None for x in (rises, falls)
    )
    middle = ((rise or 0.0) + (fall or 0.0)) / 2
    before = START + ramp * middle / (TOP * setting.thresh)
    after = corners[3] + ramp * (1 - middle / (TOP * setting.thresh))
    in_loop = {"low": before, "high": after}
    return {
        "rise": rise,
        "fall": fall,
        "out_top": high,
        "out_high": float(np.interp(after, t, out)),
        "out_low": float(np.interp(before, t, out)),
        "out_zero": float(np.interp(START * 0.9, t, out)),
        "power_zero": v_dd * float(np.interp(START * 0.9, t, supply)),
        **{f"power_{k}": v_dd * float(np.interp(x, t, supply)) for k, x in in_loop.items()},
    }


def verdict(setting: Setting, row: dict[str, Any]) -> str:
    """Say what the loop is, in a word."""
    if row["rise"] is None:
        return "never rises"
    if row["out_top"] < setting.gain / 2:
        return "output lost"
    if row["fall"] is None:
        return "latched"
    return "loop" if row["rise"] - row["fall"] > 1e-3 * setting.thresh else "no hysteresis"


def measured_loop(
    store: Store, technology: Technology, setting: Setting, conditions: Conditions
) -> dict[str, Any]:
    """Run the loop at `RAMP` and at half its rate; the second counts."""
    name = (
        f"{technology.name}-loop-{setting.name}-{conditions.corner}"
        f"-{conditions.temperature:g}-{conditions.v_dd:g}"
    )
    runs: list[dict[str, Any]] = []
    for ramp in (RAMP, 2 * RAMP):
        deck = loop_deck(technology, setting, conditions, ramp=ramp)
        row = store(
            f"{name}-{ramp:g}s", deck, partial(loop, setting, v_dd=conditions.v_dd, ramp=ramp)
        )
        if row["status"] != RunStatus.DONE.name:
            return {**asdict(setting), **row}
        runs.append(row)
    first, row = runs
    found: dict[str, Any] = {**asdict(setting), **row}
    for edge in ("rise", "fall"):
        both = None not in (first[edge], row[edge])
        found[f"slower_{edge}"] = row[edge] / first[edge] - 1 if both else None
    return found | {"verdict": verdict(setting, row)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the input from the middle of the loop, beyond one edge.

    Attributes
    ----------
    rising
        Which edge.
    x
        Distance of the step's end from the middle, over the edge's; None for a step to no input.
    overdrive
        How far beyond the edge it ends [A].
    at, until
        When it begins and ends [s].
    """

    rising: bool
    x: float | None
    overdrive: float
    at: float
    until: float


def delay_steps(setting: Setting, edges: dict[str, Any]) -> list[Step]:
    """All overdrives at both edges; falling ones as far as the input can go."""
    rise, fall = edges["rise"], edges["fall"]
    distance = (rise - (fall or 0.0)) / 2
    ends: list[tuple[bool, float | None, float]] = [
        (True, x, (x - 1) * distance) for x in OVERDRIVES
    ]
    if fall is not None:
        beyond = [(x, (x - 1) * distance) for x in OVERDRIVES]
        ends += [(False, x, over) for x, over in beyond if over < fall]
        ends.append((False, None, fall))
    steps, now = [], START
    for rising, x, overdrive in ends:
        at = now + FORCE + SETTLE
        # What a volt on the nodes takes, many times: near a fold it is slow.
        charge = C_NODE + 4e-15 * setting.units(setting.thresh)
        until = at + 0.05 + 30 * charge / overdrive
        steps.append(Step(rising=rising, x=x, overdrive=overdrive, at=at, until=until))
        now = until + SETTLE
    return steps


def delay_deck(
    technology: Technology,
    setting: Setting,
    conditions: Conditions,
    edges: dict[str, Any],
    steps: list[Step],
    options: str = TOLERANCES,
) -> Deck:
    """Return the deck of all steps, one after the other."""
    rise, fall = edges["rise"], edges["fall"] or 0.0
    middle = (rise + fall) / 2
    points: Points = [(0.0, 0.0), (START / 2, middle)]
    forced = [(WAKE, "low")]
    for step in steps:
        end = rise + step.overdrive if step.rising else fall - step.overdrive
        points += [(step.at, middle), (step.at + EDGE, end)]
        points += [(step.until, end), (step.until + EDGE, middle)]
        forced.append((step.at - SETTLE - FORCE, "low" if step.rising else "high"))
    points.append((points[-1][0] + SETTLE, middle))
    return cell_deck(
        technology,
        setting,
        conditions,
        points,
        forced=forced,
        step=min(points[-1][0] / 500, 0.05),
        options=options,
    )


def delays(steps: list[Step], waves: Waves, half: float) -> list[dict[str, Any]]:
    """From each step's beginning until the output current passes `half` [A]; None if never."""
    at, upwards = crossings(waves.time, waves.vectors["i(vout)"], half)
    rows = []
    for step in steps:
        inside = at[(upwards == step.rising) & (at > step.at) & (at < step.until)]
        rows.append(
            {
                "edge": "rise" if step.rising else "fall",
                "x": step.x,
                "overdrive": step.overdrive,
                "delay": float(inside[0] - step.at) if len(inside) else None,
            }
        )
    return rows


def measured_delays(
    store: Store, technology: Technology, setting: Setting, conditions: Conditions
) -> dict[str, Any]:
    """Return a setting's loop and, where it switches, its delays."""
    edges = measured_loop(store, technology, setting, conditions)
    if edges.get("verdict") not in {"loop", "latched"}:
        return {**edges, "steps": []}
    steps = delay_steps(setting, edges)
    deck = delay_deck(technology, setting, conditions, edges, steps)
    row = store(
        f"{technology.name}-delay-{setting.name}",
        deck,
        lambda w: {"steps": delays(steps, w, edges["out_top"] / 2)},
    )
    return {**edges, "status": row["status"], "steps": row.get("steps", [])}
