"""One CMRU unit in ngspice: steps, thresholds, frames, strobes, power, crowbar, area.

    python benchmarks/bench_ladder.py [--tech T] [--quick] [--work DIR] [--trial cmru_ladder.cir]

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
* trial: the same two measures on the deck given with --trial, and on this unit with the trial's
  own candidates: in amperes (threshold 0.4 nA) and over the threshold (1 nA).
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import answer, parsed, store_of, study
from mru_hw.lab.ladder import I_UNIT, Unit, judged, lone_bench, scale, unit_of
from mru_hw.lab.ladder_power import Crossings, integral, resampled, through, watt
from mru_hw.lab.store import Store
from mru_hw.mapping.design import Timing
from mru_hw.model.network import Array
from mru_hw.simulate.disagreement import StepRule
from mru_hw.spice.deck import BENCH, TOKEN, Deck, Waves, token_line, token_of
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


# --------------------------------------------------------------------------------------- trial


def trial(store: Store, technology: Technology, path: Path) -> dict[str, Any]:
    """The trial deck, with its own control block left out and its devices' currents saved."""
    text = path.read_text(encoding="utf-8").lower()
    body = re.sub(r"\.control.*?\.endc", "", text, flags=re.DOTALL).replace(".end\n", "")
    cells = range(1, 5)
    pairs: Crossings = [
        (("@mnu3[id]", "@mnu4[id]"), ("@mnu2[id]",)),
        (("@mnd4[id]",), ("@mnd1[id]", "@mnd2[id]")),
        *((((f"@mi{j}p[id]",), (f"@mi{j}n[id]",))) for j in cells),
        *((((f"@mst3{j}[id]",), (f"@m2_{j}[id]", f"@mrs3{j}[id]"))) for j in cells),
        *((((f"@m9_{j}[id]",), (f"@mrs3{j}[id]",))) for j in cells),
    ]
    saves = ("i(vdd)", *sorted({n for pair in pairs for names in pair for n in names}))
    token = token_of([body, *saves])
    lines = [body.rstrip("\n"), token_line(token)]
    lines += [f".save {' '.join(saves[k : k + 8])}" for k in range(0, len(saves), 8)]
    lines += [f".save {TOKEN}", ".end", ""]
    include = re.search(r"\.include (\S+)", text)
    assert include is not None
    cards = path.parent / include[1]
    deck = Deck(
        files={BENCH: "\n".join(lines), include[1]: cards.read_text(encoding="utf-8")},
        saves=saves,
        token=token,
        t_stop=float(re.search(r"\.tran \S+ (\S+)", text)[1]),  # type: ignore[index]
    )
    frame = 0.01  # of the trial; the first one is its power-up

    def made(w: Waves) -> dict[str, Any]:
        total = -integral(w, w.vectors["i(vdd)"], frame)
        crowbar = through(w, pairs, frame)
        span = w.time[-1] - frame
        return {
            "all_W": total * 1.8 / span,
            "median_all_W": float(np.median(resampled(w, -w.vectors["i(vdd)"], frame)) * 1.8),
            "crowbar_W": crowbar * 1.8 / span,
            "crowbar_share": crowbar / total,
            "transistors": len(re.findall(r"^m\S+", text, re.MULTILINE)),
        }

    found = store("trial", deck, made)
    source = text[text.index("\niu ") : text.index(")", text.index("\niu "))]
    amperes = np.array([float(x) for x in re.findall(r"[\s(]\S+ (-?\d\S*e-\d+)", source)])
    c = amperes[::2]  # each value stands at the frame's start and at its end
    small = unit_of(technology, 2, i_unit=0.4e-9)
    same = watt(store, small, c, "trial-amperes")
    ratio = watt(store, unit_of(technology, 2), c / 0.4e-9 * I_UNIT, "trial-ratio")
    return {"deck": found, "frames": len(c), "unit_same_amperes": same, "unit_same_ratio": ratio}


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
    parser.add_argument("--trial", type=Path)
    given = parsed(parser)
    technology = load_technology(given.tech)
    store, start = store_of(given), time.monotonic()
    result: dict[str, Any] = {"technology": technology.name}
    result |= measure(store, technology, quick=given.quick)
    if given.trial is None:
        result["trial"] = "not given: --trial PATH"
    else:
        result["trial"] = trial(store, technology, given.trial)
    result["core_seconds"] = store.core_seconds
    result["wall_seconds"] = time.monotonic() - start
    answer(result)


if __name__ == "__main__":
    main()
