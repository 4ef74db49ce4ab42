"""A chip of one nine-transistor loop under a slow course of its input, in both worlds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.lab.cell import crossings
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import INPUTS, OUTPUTS, Part
from mru_hw.simulate.array import DieArray, Rails
from mru_hw.simulate.compile import compile_die
from mru_hw.spice.bench import DECOUPLING, bench_deck, reference_current
from mru_hw.spice.chip import SUPPLIES, chip_deck, chip_pins, loop_net
from mru_hw.spice.deck import TOKEN, TOP, Deck, Waves
from mru_hw.spice.paths import device_paths
from mru_hw.spice.power_up import power_up_time
from mru_hw.technology import MODELS
from mru_hw.technology.calibration import Calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import Die
from mru_hw.version import __version__

Values = dict[str, float]
IN, CANDIDATE, STATE = Part.SIGNAL.of(0), Part.CANDIDATE.of(0), Part.STATE.of(0)
OUT = Part.SIGNAL.of(1)
"""Rows of the chip's nodes, between its inputs and its outputs."""
REST_S, RAMP_S = 1.0, 12.0  # at an input of zero, and from LOW to HIGH
EDGE_OPTIONS = (
    "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-16 trtol=3 reltol=1e-4 method=gear maxord=1"
)
"""The switching is found by the charge's own error, so that the steps between are long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A triangle of a loop's input, and where it is read; in the input's scale."""

    low: float = 0.2
    middle: float = 0.75
    above: float = 1.4
    high: float = 1.5


COURSE = Course()
"""For edges near 0.5 and 1."""


def diode(design: Design, bus: str, role: str = "diode_plus") -> str:
    """Name the current of a node's diode."""
    group = next(g for g in design.device_groups() if g.key == (bus, role))
    (_, path), *_ = device_paths(design, group)
    return f"@m.{path}[id]"


def loop_start(design: Design) -> float:
    """Return when the chip is awake [s]."""
    return power_up_time(design) + DECOUPLING * design.technology.v_dd / 2 / reference_current(
        design
    )


def loop_deck(
    design: Design, course: Course = COURSE, conditions: Conditions | None = None
) -> Deck:
    """Return the deck of the chip under a triangle of its input; nominal conditions by default."""
    i, first = design.inputs.scale, loop_start(design) + REST_S
    drive = [
        f"ix0 0 x0 pwl(0 0 {first - 0.1:.9g} 0 {first:.9g} {course.low * i:.9g}",
        f"+ {first + RAMP_S:.9g} {course.high * i:.9g}"
        f" {first + 2 * RAMP_S:.9g} {course.low * i:.9g})",
    ]
    until = first + 2 * RAMP_S
    return driven_deck(design, drive, until, RAMP_S / 75, conditions=conditions)


def driven_deck(
    design: Design,
    drive: list[str],
    until: float,
    step: float,
    watch: tuple[str, ...] = (),
    conditions: Conditions | None = None,
) -> Deck:
    """Return the deck of the chip under the source ``ix0``, with a longest step [s].

    Parameters
    ----------
    watch
        Further vectors to keep.
    conditions
        The nominal ones unless given.
    """
    conditions = conditions or nominal_conditions(design.technology)
    v_dd, reset = f"{conditions.v_dd:.9g}", loop_start(design)
    t_stop = float(f"{until:.9g}")
    saves = (
        *(f"i(v{name})" for name in SUPPLIES),
        "i(vref)",
        "i(vy0)",
        "i(vy1)",
        f"v({TOP}.{loop_net(0, 0)})",
        *(diode(design, bus) for bus in (INPUTS, IN, CANDIDATE, STATE, OUT)),
        diode(design, INPUTS, "diode_minus"),
        *watch,
    )
    body = [
        f".lib '{MODELS}' {conditions.corner}",
        ".include 'chip.cir'",
        f".options temp={conditions.temperature:.9g} {EDGE_OPTIONS}",
        f"vdd vdd 0 {v_dd}",
        *(f"v{name} vdd {name} 0" for name in SUPPLIES),
        "vref vdd vref 0",
        f"ibias vref iref {reference_current(design):.9g}",
        f"cref iref 0 {DECOUPLING:.9g}",
        "vy0 y0 0 0.9",
        "vy1 y1 0 0.9",
        f"vrst rst 0 pwl(0 {v_dd} {reset:.9g} {v_dd} {reset + 1e-4:.9g} 0)",
        *drive,
        f"{TOP} {' '.join('0' if pin == 'vss' else pin for pin in chip_pins(design))} mru_chip",
        *(f".save {' '.join(saves[k : k + 6])}" for k in range(0, len(saves), 6)),
        f".save {TOKEN}",
        f".tran {step:.9g} {t_stop:.9g} uic",
    ]
    head = [f"* mru_hw {__version__} loop on a course, design {design.digest()}"]
    return bench_deck(design, chip_deck(design), head, body, saves, t_stop, ())


def between_folds(design: Design, calibration: Calibration) -> float:
    """Return V0 [V] where the follower could carry half of the width.

    V0 rests below it before the loop rises and above it before it falls, there by far less than
    the supply: half of the supply it passes long before the fold.
    """
    bank = design.banks[0]
    thermal = calibration.thermal("n", calibration.temperature)
    follower = design.technology.shape("n_cell", "n_mirror") * calibration.i_usual
    half = bank.loop_width[0] * design.i_lsb / 2
    return float(calibration.n.v_gate + thermal * np.log(half / follower))


def loop_in_ngspice(
    design: Design, calibration: Calibration, waves: Waves, course: Course = COURSE
) -> Values:
    """Read a run's quantities [A, or a ratio]; an edge that is not there is NaN."""
    t, first = waves.time, loop_start(design) + REST_S
    x = design.inputs.scale

    def at(name: str, when: float) -> float:
        return float(np.interp(when, t, waves.vectors[name]))

    def carried(bus: str, when: float, role: str = "diode_plus") -> float:
        return abs(at(diode(design, bus, role), when))

    v, onset = waves.vectors[f"v({TOP}.{loop_net(0, 0)})"], between_folds(design, calibration)
    found = {"rising edge": np.nan, "falling edge": np.nan}
    for when, rising in zip(*crossings(t, v, onset), strict=True):
        if when >= first:
            found["rising edge" if rising else "falling edge"] = carried(CANDIDATE, when)
    span, above = course.high - course.low, course.above * x
    up = first + RAMP_S * (course.middle - course.low) / span
    middle, rest = first + 2 * RAMP_S - (up - first), first - 0.2
    down = first + RAMP_S * (1 + (course.high - course.above) / span)
    found |= {
        "level": carried(STATE, down),
        "level, in the middle": carried(STATE, middle),
        "memory supply, low": at("i(vvdd_memory)", up),
        "memory supply, high": at("i(vvdd_memory)", down),
        "memory supply, in the middle": at("i(vvdd_memory)", middle),
        "mirror supply, low": at("i(vvdd_mirror)", up),
        "mirror supply, high": at("i(vvdd_mirror)", down),
        "bias supply": at("i(vvdd_bias)", down) + at("i(vref)", down),
        "gain, p off n, signed": carried(IN, down) / above,
        "gain, p off n, rectified": abs(at("i(vy0)", down)) / carried(OUT, down),
        "gain, n off n, rectified": abs(at("i(vy1)", down)) / carried(OUT, down),
        "gain, p off p, state": carried(OUT, down) / carried(STATE, down),
        "quiescent current, signed": float(
            np.sqrt(carried(INPUTS, rest) * carried(INPUTS, rest, "diode_minus"))
        ),
    }
    return found


def loop_in_array(
    design: Design, calibration: Calibration, die: Die, at: Course = COURSE
) -> Values:
    """Return a die's quantities [A, or a ratio] by the array."""
    array = compile_die(design, calibration, die, temperature=calibration.temperature)
    memory, buses = array.memories[0], design.buses
    up, down = memory.thresholds()
    low, high = flow(array, 0, at.middle), flow(array, 1, at.above)
    scale = {name: bus.scale for name, bus in buses.items()}
    v1, h = (high[name].plus.item() * scale[name] for name in (OUT, STATE))
    y = array.arrive(OUTPUTS, high)[0][:, 0, 0] * scale[OUTPUTS]
    sunk = low[CANDIDATE].behind()[0].item() * memory.up_copy.item() * scale[CANDIDATE]
    i_q = array.nodes[INPUTS].i_q
    assert i_q is not None
    return {
        "rising edge": up.item() * scale[CANDIDATE],
        "falling edge": down.item() * scale[CANDIDATE],
        "level": h,
        "level, in the middle": h,
        "memory supply, low": float(memory.held[0, 0]) + sunk,
        "memory supply, high": float(memory.held[0, 1]),
        "memory supply, in the middle": float(memory.held[0, 1]),
        "mirror supply, low": mirror_supply(array, low),
        "mirror supply, high": mirror_supply(array, high),
        "bias supply": array.bias_supply,
        "gain, p off n, signed": high[IN].plus.item() * scale[IN] / (at.above * scale[INPUTS]),
        "gain, p off n, rectified": abs(y[0]) / v1,
        "gain, n off n, rectified": abs(y[1]) / v1,
        "gain, p off p, state": v1 / h,
        "quiescent current, signed": i_q.item() * scale[INPUTS],
    }


def flow(array: DieArray, cells: int, x: float) -> dict[str, Rails]:
    """Return the rails of every node at an input, with so many cells set."""
    rails: dict[str, Rails] = {INPUTS: array.nodes[INPUTS].rails(np.full((1, 1, 1), x))}
    for name in (IN, CANDIDATE):
        rails[name] = array.arrive(name, rails)[1]
    level = array.memories[0].level[:, cells]
    rails[STATE] = array.nodes[STATE].rails(level[:, None, None].astype(np.float64))
    rails[OUT] = array.arrive(OUT, rails)[1]
    return rails


def mirror_supply(array: DieArray, rails: dict[str, Rails]) -> float:
    """Return what the nodes of these rails draw [A]."""
    return float(sum(array.nodes[name].supply(value).item() for name, value in rails.items()))
