"""One CMRU unit by itself in ngspice: its thresholds, and what its steps are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mru_hw.circuits.nodes.supply import node_supply
from mru_hw.lab.levels import devices_of
from mru_hw.lab.networks import unit_model
from mru_hw.lab.store import Store
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design
from mru_hw.mapping.rows import Part
from mru_hw.model.network import Array
from mru_hw.simulate.array import Memory, Node
from mru_hw.simulate.disagreement import StepRule, own_levels, step_rule, wrong_steps
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.bench import PRE_ROLL
from mru_hw.spice.deck import TOP, Change, Deck, Waves
from mru_hw.spice.dies import transistor_changes
from mru_hw.spice.flatten import flatten
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.power_up import power_up_time
from mru_hw.spice.unit_bench import UNIT, UnitBench, make_unit_bench, unit_deck
from mru_hw.technology import Technology
from mru_hw.technology.calibration import Calibration, load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import Die, nominal_die

FRAME = "10 ms"
I_UNIT = 1e-9  # A, the threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A mapped unit and what it should do, currents in A."""

    design: Design
    ladder: StepRule
    conditions: Conditions


def unit_of(
    technology: Technology, levels: int, *, i_unit: float = I_UNIT, frame: str = FRAME
) -> Unit:
    """Map a unit of K = `levels` whose threshold is `i_unit` [A]."""
    calibration = load_calibration(technology)
    design = map_model(
        unit_model(levels, frame), technology, calibration, DesignOptions(i_unit=i_unit)
    )
    conditions = nominal_conditions(technology)
    ladder = step_rule(design, calibration, nominal_die(design), 0, conditions)
    return Unit(design=design, ladder=ladder, conditions=conditions)


def scale(unit: Unit) -> float:
    """Return the current [A] that the candidate's 1 stands for."""
    return unit.design.node(Part.CANDIDATE.of(0)).scale


def lone_bench(
    unit: Unit, c: Array, *, conditions: Conditions | None = None, **keys: Any
) -> UnitBench:
    """Return the unit's bench, solved as closely as single units are.

    Parameters
    ----------
    c
        (n_time,) candidates over their scale.
    conditions
        The unit's own when None.
    keys
        Further ones of `make_unit_bench`.
    """
    at = conditions or unit.conditions
    return make_unit_bench(unit.design, 0, 0, c * scale(unit), at, options=OPTIONS, **keys)


def at_end(bench: UnitBench, waves: Waves, name: str, frame: int) -> float:
    """Return a vector's value just before the end of a frame."""
    t = bench.read_at[frame] - 1e-4 * bench.timing.frame
    return float(np.interp(t, waves.time, waves.vectors[name]))


def judged(unit: Unit, bench: UnitBench, waves: Waves, c: Array) -> dict[str, Any]:
    """Levels and wrong steps, c in units of the candidate."""
    evidence = read_unit(unit.design, 0, 0, bench, waves)
    before, after = own_levels(unit.ladder, evidence)
    found = list(wrong_steps(unit.ladder, evidence, c[:, None]))
    return {
        "before": before[:, 0],
        "after": after[:, 0],
        "candidates": c,
        "candidate_error": float(np.max(np.abs(evidence.candidate[:, 0] - c) / np.abs(c))),
        "wrong": [d.row() for d in found],
    }


SPAN = 0.15  # of the threshold, either side, that the ramps pass
RAMP = 0.1  # s, slow against the comparator's node (its R C is some 60 us)
COMPARATOR = (f"v({TOP}.xu0_0.xstep.u)", f"v({TOP}.xu0_0.xstep.d)")


def die_of(design: Design, seed: int) -> list[Change]:
    """Mismatch of every transistor of the bench."""
    placed = flatten(unit_deck(design, 0, 0), UNIT, design.technology)
    return transistor_changes(placed, design.technology, TOP, seed)


def lead(unit: Unit) -> list[tuple[float, float]]:
    """Both ramps [s, A], each away from zero."""
    up, down = (float(x[0]) * scale(unit) for x in (unit.ladder.up, unit.ladder.down))
    low, high, gap = 1 - SPAN, 1 + SPAN, 0.01
    return [
        (gap, low * up),
        (gap + RAMP, high * up),
        (2 * gap + RAMP, -low * down),
        (2 * gap + 2 * RAMP, -high * down),
        (3 * gap + 2 * RAMP, -low * down),
    ]


def on_ramps(unit: Unit, bench: UnitBench, waves: Waves) -> tuple[Array, Array, Array]:
    """Return a grid of candidates over the threshold, and both comparators' nodes there [V]."""
    grid = np.linspace(-SPAN, SPAN, 3001)
    start = power_up_time(unit.design) + PRE_ROLL * bench.timing.frame
    at = RAMP * (grid + SPAN) / (2 * SPAN)
    points = lead(unit)
    first, second = start + points[0][0] + at, start + points[2][0] + at
    u, d = (
        np.interp(t, waves.time, waves.vectors[n])
        for t, n in zip((first, second), COMPARATOR, strict=True)
    )
    return grid, u, d


def nominal_trips(store: Store, technology: Technology) -> dict[str, float]:
    """Both nodes' voltages [V] where the nominal unit's strobe begins to step.

    From the middle of a ladder of K = 1, for the cells at the ends decide up to a percent later:
    what stands for their outer neighbour is a supply, and not a held node that the strobe's edge
    has pushed beyond it.
    """
    unit = unit_of(technology, 1)
    up, down = float(unit.ladder.up[0]), float(unit.ladder.down[0])
    coarse, fine = np.arange(-0.08, 0.0801, 0.005), np.arange(-0.005, 0.00501, 0.0005)
    found = {"up": 0.0, "down": 0.0}
    trips: dict[str, float] = {}
    for label, grid in (("coarse", coarse), ("fine", fine)):
        ups, downs = grid + found["up"], grid + found["down"]
        # Each candidate from level 0, then to the end that it points to and back to 0.
        c = [x for r in ups for x in ((1 + r) * up, 3 * up, -3 * down)]
        c += [x for r in downs for x in (-(1 + r) * down, -3 * down, 3 * up)]
        values = np.array(c)
        bench = lone_bench(unit, values, lead=lead(unit), watch=COMPARATOR)

        def made(w: Waves, b: UnitBench = bench, c: Array = values) -> dict[str, Any]:
            grid_, u, d = on_ramps(unit, b, w)
            return judged(unit, b, w, c) | {"grid": grid_, "u": u, "d": d}

        row = store(f"{technology.name}-trips-{label}", bench.deck, made)
        tested = np.array(row["after"])[::3] != np.array(row["before"])[::3]
        rose, fell = np.split(tested, 2)
        found = {"up": float(ups[np.argmax(rose)]), "down": float(downs[np.argmax(fell)])}
        trips = {
            **found,
            "u_V": float(np.interp(found["up"], row["grid"], row["u"])),
            "d_V": float(np.interp(found["down"], row["grid"], row["d"])),
        }
    return trips


def in_deck(deck: Deck, changes: list[Change]) -> list[Change]:
    """Leave out what is not in a cut deck."""
    text = deck.files["chip.cir"].rpartition(".subckt mru_unit")[2]
    instances = {line.split()[0] for line in text.splitlines() if line.startswith("x")}
    return [c for c in changes if c.device.split(".")[2] in instances]


# ------------------------------------------------------------------------------------- the array


def compared(memory: Memory, plus: float, minus: float) -> float:
    """Return what the comparators' branches of the first unit draw, over the candidate's scale.

    Parameters
    ----------
    plus, minus
        Of the candidate's rails, in the candidate's own unit.
    """
    up, down = float(memory.up_copy[0].item()), float(memory.down_copy[0].item())
    up_leg, down_leg = float(memory.up_leg[0].item()), float(memory.down_leg[0].item())
    return min(plus * up, up_leg) + min(minus * down, down_leg)


def rest_rails(node: Node, n_units: int = 1) -> tuple[float, float]:
    """Return both rails of the first unit's candidate at zero, in its own unit."""
    rails = node.rails(np.zeros((n_units, 1, 1)))
    assert rails.minus is not None
    return rails.plus[0].item(), rails.minus[0].item()


def lone_mirrors(
    design: Design, calibration: Calibration, die: Die, level: float, minus: float
) -> float:
    """Return the supply current [A] of the first unit's nodes alone: a cut deck has no legs.

    Parameters
    ----------
    level, minus
        Currents [A] into the state node and on the candidate's minus rail.
    """
    devices = devices_of(design, calibration, die)
    state, candidate = (
        node_supply(devices, design.buses[name])
        for name in (Part.STATE.of(0), Part.CANDIDATE.of(0))
    )
    return float(state[0][0] * level + candidate[1][0] * minus)
