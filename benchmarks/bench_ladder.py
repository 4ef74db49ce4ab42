"""One CMRU unit in ngspice: steps, thresholds, frames, strobes, power, crowbar, area.

    python benchmarks/bench_ladder.py [--tech T] [--quick] [--work DIR]

The unit is mapped from a network of one unit (beta = 1, alpha = 0.5, frames of 10 ms), with the
strobe where the mapping puts it and a 250th of the frame long; it stands in the bench of
mru_hw.spice.unit_bench with its bias tree, candidate node, state node and phase driver. Results
are kept in --work by the decks' own tokens, so a call that was cut off goes on.

* steps: random candidates against the mapped network, none nearer to a threshold than 3 %. Beside
  that, how many of them lie wrong for the thresholds that the circuit itself turns out to have.
* near: a candidate at every quarter of a percent around each threshold, each time from the end of
  the ladder and after the opposite candidate, so that only the comparator decides.
* frames, pulses: a pattern over the whole ladder, and its ends, in ever longer frames (the strobe
  grows with them) and with ever shorter strobes; candidates 3 % (pulses) and 20 % (frames) off the
  circuit's own thresholds.
* power: over the frames of the first seed; unit = mirror block (candidate node, state node),
  memory block (step control, cells) and clock; the bias tree, which all units share, apart.
* crowbar: at every node that a switch pulls up or down (gs, gr and what precedes them, ks, gk, the
  cells' own nodes, the driver's lines) the integral of the smaller of the current that comes from
  the supply side and the one that goes to ground: what passes both, since what is over charges the
  node (Veendrick, JSSC 19(4), 1984, for the inverter). Over the unit's whole charge.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.ladder import Unit, judged, lone_bench, scale, unit_of
from mru_hw.lab.ladder_power import watt
from mru_hw.lab.store import Store
from mru_hw.mapping.design import Timing
from mru_hw.model.network import Array
from mru_hw.simulate.disagreement import StepRule
from mru_hw.spice.deck import Waves
from mru_hw.spice.flatten import flatten
from mru_hw.spice.unit_bench import UNIT, UnitBench, unit_deck
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.conditions import Conditions

MARGIN = 0.03  # of the threshold, that no candidate of the steps comes nearer than
NEAR = np.round(np.arange(-0.08, 0.0801, 0.0025), 4)
LONGER = (1, 2, 4, 8, 16, 32, 64, 128)
SHORTER = (1, 2, 4, 8, 16, 32, 64)


def longer(timing: Timing, factor: float) -> Timing:
    return Timing(
        frame=timing.frame * factor,
        strobes=tuple(t * factor for t in timing.strobes),
        pulse=timing.pulse * factor,
    )


# --------------------------------------------------------------------------------------- steps


def random_candidates(ladder: StepRule, n: int, seed: int, margin: float) -> Array:
    """Uniform over 2.5 thresholds each side; three of ten within 15 % of a threshold."""
    rng = np.random.default_rng(seed)
    found: list[float] = []
    while len(found) < n:
        sign = rng.choice((-1.0, 1.0))
        beta = float(ladder.up[0] if sign > 0 else ladder.down[0])
        near = rng.random() < 0.3
        size = rng.uniform(0.85, 1.15) if near else rng.uniform(0.02, 2.5)
        if abs(size - 1) >= margin:
            found.append(sign * size * beta)
    return np.array(found)


def steps(store: Store, unit: Unit, seeds: Sequence[int], n: int, own: dict[str, Any]) -> Any:
    name, k = unit.design.technology.name, unit.ladder.levels
    rows = []
    for seed in seeds:
        c = random_candidates(unit.ladder, n, seed, MARGIN)
        bench, label = lone_bench(unit, c), f"{name}-k{k}-steps{seed}"
        rows.append(store(label, bench.deck, partial(judged, unit, bench, c=c)))
    wrong = [d for row in rows for d in row["wrong"]]
    own_up, own_down = own["up"]["from"], own["down"]["from"]
    unlike = 0
    for row in rows:
        c, before = np.array(row["candidates"]), np.array(row["before"])
        up = unit.ladder.up * (1 + own_up)
        down = unit.ladder.down * (1 + own_down)
        unlike += int(np.sum(unit.ladder.memory.step(before, c, up, down, k) != row["after"]))
    moves = [np.diff(np.concatenate([[0], row["after"]])) for row in rows]
    return {
        "steps": sum(len(row["after"]) for row in rows),
        "moves": int(sum(np.sum(m != 0) for m in moves)),
        "wrong": len(wrong),
        "wrong_for_its_own_thresholds": unlike,
        "largest_distance_wrong": max((abs(d["distance"]) for d in wrong), default=None),
        "causes": {d["cause"]: sum(e["cause"] == d["cause"] for e in wrong) for d in wrong},
        "candidate_error": max(row["candidate_error"] for row in rows),
    }


# ---------------------------------------------------------------------------------------- near


def near(store: Store, unit: Unit, *, conditions: Conditions | None = None) -> dict[str, Any]:
    """Where each comparator really decides, over the mapped threshold."""
    k, up, down = unit.ladder.levels, float(unit.ladder.up[0]), float(unit.ladder.down[0])
    conditions = conditions or unit.conditions
    c = [-3 * down] * (2 * k)
    for r in NEAR:
        c += [(1 + r) * up, -3 * down]
    c += [3 * up] * (2 * k)
    for r in NEAR:
        c += [-(1 + r) * down, 3 * up]
    values = np.array(c)
    bench = lone_bench(unit, values, conditions=conditions)
    name = f"{unit.design.technology.name}-k{k}-near-{conditions.corner}"
    made = store(name, bench.deck, lambda w: judged(unit, bench, w, values))
    after, n = np.array(made["after"]), 2 * len(NEAR)
    rose = after[2 * k : 2 * k + n : 2] == -k + 1
    fell = after[4 * k + n :: 2] == k - 1
    return {"up": _edge(rose), "down": _edge(fell), "every": float(NEAR[1] - NEAR[0])}


def _edge(stepped: NDArray[np.bool_]) -> dict[str, Any]:
    first = int(np.argmax(stepped)) if stepped.any() else len(stepped) - 1
    asked = NEAR >= 0
    wrong = stepped != asked
    return {
        "from": float(NEAR[first]),
        "one_edge": bool(stepped[first:].all() and not stepped[:first].any()),
        "furthest_wrong": float(np.max(np.abs(NEAR[wrong]), initial=0.0)),
    }


# ---------------------------------------------------------------------------- frames and pulses


def pattern(unit: Unit, own: dict[str, Any], off: float) -> Array:
    """Up the ladder, past its end, down past the other, holds between; `off` from the edges."""
    k = unit.ladder.levels
    up = float(unit.ladder.up[0]) * (1 + own["up"]["from"])
    down = float(unit.ladder.down[0]) * (1 + own["down"]["from"])
    rise, fall = (1 + off) * up, -(1 + off) * down
    hold_up, hold_down = (1 - off) * up, -(1 - off) * down
    climb = [rise, hold_up, hold_down]
    descend = [fall, hold_down, hold_up]
    return np.array(
        climb * (k + 1) + descend * (2 * k + 1) + [2.5 * up] * (2 * k + 1) + [-2.5 * down] * k
    )


def at_own(unit: Unit, own: dict[str, Any]) -> Unit:
    """The unit with the thresholds that it turned out to have."""
    up = unit.ladder.up * (1 + own["up"]["from"])
    down = unit.ladder.down * (1 + own["down"]["from"])
    ladder = dataclasses.replace(unit.ladder, up=up, down=down, own_up=up, own_down=down)
    return dataclasses.replace(unit, ladder=ladder)


def timed(
    store: Store,
    unit: Unit,
    own: dict[str, Any],
    timings: dict[str, Timing],
    *,
    conditions: Conditions,
    off: float,
) -> list[dict[str, Any]]:
    c, true = pattern(unit, own, off), at_own(unit, own)
    rows = []
    for label, timing in timings.items():
        bench = lone_bench(unit, c, conditions=conditions, timing=timing)
        name = f"{unit.design.technology.name}-k{unit.ladder.levels}-{label}-{conditions.corner}"

        def made(w: Waves, b: UnitBench = bench) -> dict[str, Any]:
            return judged(true, b, w, c)

        row = store(name, bench.deck, made)
        wrong = row.get("wrong", [])
        rows.append(
            {
                "frame_s": timing.frame,
                "pulse_s": timing.pulse,
                "steps": len(c),
                "status": row["status"],
                "wrong": len(wrong) if row["status"] == "DONE" else None,
                "causes": sorted({d["cause"] for d in wrong}),
            }
        )
    return rows


def safe(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """The last row before the first wrong one, and that one."""
    good: list[dict[str, Any]] = []
    for row in rows:
        if row["wrong"] != 0:
            return {"safe": good[-1][key] if good else None, "first_unsafe": row}
        good.append(row)
    return {"safe": good[-1][key] if good else None, "first_unsafe": None}


# ---------------------------------------------------------------------------------------- area


def area(unit: Unit) -> dict[str, Any]:
    """Transistors and area of one unit with its candidate and its state node."""
    t = unit.design.technology
    placed = list(flatten(unit_deck(unit.design, 0, 0), UNIT, t))
    mine = [d for d in placed if d.instance.split(".")[0] in ("xu0_0", "xc0_0", "xh0_0")]
    fets = [d for d in mine if d.kind == "m"]
    gates = sum(d.values["w"] * d.values["l"] * d.values["m"] for d in fets)
    drawn = sum(
        d.values["w"] * (d.values["l"] + 2 * t.rules.diffusion) * d.values["m"] for d in fets
    )
    caps = sum(d.kind == "c" for d in mine) * t.capacitor.side**2
    return {
        "transistors": len(fets),
        "unit_transistors": int(sum(d.values["m"] for d in fets)),
        "gate_area_um2": gates * 1e12,
        "gate_and_diffusion_area_um2": drawn * 1e12,
        "capacitor_area_um2": caps * 1e12,
    }


def measure(store: Store, technology: Technology, *, quick: bool) -> dict[str, Any]:
    n = 30 if quick else 300
    seeds = range(1 if quick else 5)
    result: dict[str, Any] = {}
    for k in (2,) if quick else (1, 2, 4):
        unit = unit_of(technology, k)
        own = near(store, unit)
        c = random_candidates(unit.ladder, n, 0, MARGIN) * scale(unit)
        result[f"K={k}"] = {
            "mapped_threshold_A": [
                float(x[0]) * scale(unit) for x in (unit.ladder.up, unit.ladder.down)
            ],
            "near": own,
            "steps": steps(store, unit, seeds, n, own),
            "power": watt(store, unit, c, f"k{k}-power"),
            **area(unit),
        }
    unit = unit_of(technology, 2)
    own, timing = near(store, unit), unit.design.timing
    hot = dataclasses.replace(unit.conditions, corner="ff", temperature=85.0)
    own_hot = near(store, unit, conditions=hot)
    some = 2 if quick else None
    frames = {f"frame{f}": longer(timing, f) for f in LONGER[:some]}
    pulses = {
        f"pulse{f}": dataclasses.replace(timing, pulse=timing.pulse / f) for f in SHORTER[:some]
    }
    for name, chosen, conditions in (("tt_27", own, unit.conditions), ("ff_85", own_hot, hot)):
        rows = timed(store, unit, chosen, frames, conditions=conditions, off=0.2)
        result[f"frames_{name}"] = {"slowest": safe(rows, "frame_s"), "rows": rows}
        rows = timed(store, unit, chosen, pulses, conditions=conditions, off=MARGIN)
        result[f"pulses_{name}"] = {"shortest": safe(rows, "pulse_s"), "rows": rows}
    result["near_ff_85"] = own_hot
    return result


def main() -> None:
    parser = study(__doc__)
    parser.add_argument("--quick", action="store_true")
    given = parsed(parser)
    technology = load_technology(given.tech)
    store, start = store_of(given), time.monotonic()
    result: dict[str, Any] = {"technology": technology.name}
    result |= measure(store, technology, quick=given.quick)
    result["core_seconds"] = store.core_seconds
    result["wall_seconds"] = time.monotonic() - start
    answer(result)


if __name__ == "__main__":
    main()
