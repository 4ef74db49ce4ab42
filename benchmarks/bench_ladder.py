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

import argparse
import dataclasses
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine
from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.mapping import DesignOptions, map_model
from mru_hw.mapping.design import Design, Timing
from mru_hw.model.network import Model
from mru_hw.model.structure import ModelSpec
from mru_hw.simulate.disagreement import StepRule, own_levels, step_rule, wrong_steps
from mru_hw.simulate.verify import read_unit
from mru_hw.spice.deck import BENCH, TOKEN, Deck, Waves, token_line, token_of
from mru_hw.spice.flatten import flatten
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.paths import TOP
from mru_hw.spice.runner import Limits, Runner
from mru_hw.spice.unit_bench import UNIT, UnitBench, make_unit_bench, unit_deck
from mru_hw.technology import Technology, load_technology
from mru_hw.technology.calibration import load_calibration
from mru_hw.technology.conditions import Conditions, nominal_conditions
from mru_hw.variation import nominal_die

Array = NDArray[np.float64]
Crossings = list[tuple[tuple[str, ...], tuple[str, ...]]]

FRAME = "10 ms"
I_UNIT = 1e-9  # A, the threshold
MARGIN = 0.03  # of the threshold, that no candidate of the steps comes nearer than
NEAR = np.round(np.arange(-0.08, 0.0801, 0.0025), 4)
LONGER = (1, 2, 4, 8, 16, 32, 64, 128)
SHORTER = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A mapped unit and what it should do, currents in A."""

    design: Design
    ladder: StepRule
    conditions: Conditions


def unit_model(levels: int, frame: str = FRAME) -> Model:
    """A network of one unit: beta = 1, alpha = 0.5."""
    shapes = {"n_in": 1, "n_hidden": 1, "n_classes": 1, "frame_period": frame}
    layer = {"cell": "cmru", "n_units": 1, "n_out": 1, "levels": levels}
    spec = ModelSpec.model_validate(shapes | {"layers": [layer]})
    tensors = {name: np.ones(shape) for name, shape in spec.tensor_shapes().items()}
    tensors |= {name: 0 * t for name, t in tensors.items() if name.endswith((".bias", "_state"))}
    tensors["layers.0.alpha"] = np.full(1, 0.5)
    return Model(spec=spec, tensors=tensors)


def unit_of(
    technology: Technology, levels: int, *, i_unit: float = I_UNIT, frame: str = FRAME
) -> Unit:
    calibration = load_calibration(technology)
    design = map_model(
        unit_model(levels, frame), technology, calibration, DesignOptions(i_unit=i_unit)
    )
    conditions = nominal_conditions(technology)
    ladder = step_rule(design, calibration, nominal_die(design), 0, conditions)
    return Unit(design=design, ladder=ladder, conditions=conditions)


def scale(unit: Unit) -> float:
    return unit.design.buses["c0"].scale


def longer(timing: Timing, factor: float) -> Timing:
    return Timing(
        frame=timing.frame * factor,
        strobes=tuple(t * factor for t in timing.strobes),
        pulse=timing.pulse * factor,
    )


# ------------------------------------------------------------------------------------- running


class Store:
    """Runs decks one at a time and keeps what was made of each by its token."""

    def __init__(self, work: Path | None) -> None:
        self._work = work
        self._runner = Runner(Limits(time_s=3600))
        self.core_seconds = 0.0

    def __call__(self, name: str, deck: Deck, make: Callable[[Waves], dict[str, Any]]) -> Any:
        kept = None if self._work is None else self._work / f"{name}-{deck.token:.9f}.json"
        if kept is None or not kept.is_file():
            waves = self._runner.run(deck)
            made = {"status": waves.status.name, "core_seconds": waves.core_seconds}
            if waves.status is RunStatus.DONE:
                made |= make(waves)
            else:
                made["message"] = waves.message
            text = json.dumps(made, default=np.ndarray.tolist)
            if kept is not None:
                with whole_file(kept) as part:
                    part.write_text(text, encoding="utf-8")
            print(f"{name}: {waves.core_seconds:.1f} core-s", file=sys.stderr)
            made = json.loads(text)
        else:
            made = json.loads(kept.read_text(encoding="utf-8"))
        self.core_seconds += made["core_seconds"]
        if made["status"] != "DONE":
            print(f"{name}: {made['status']} {made['message']}", file=sys.stderr)
        return made


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
        bench = make_unit_bench(
            unit.design, 0, 0, c * scale(unit), unit.conditions, options=OPTIONS
        )
        rows.append(
            store(
                f"{name}-k{k}-steps{seed}",
                bench.deck,
                partial(judged, unit, bench, c=c),
            )
        )
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
    bench = make_unit_bench(unit.design, 0, 0, values * scale(unit), conditions, options=OPTIONS)
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
        bench = make_unit_bench(
            unit.design,
            0,
            0,
            c * scale(unit),
            conditions,
            timing=timing,
            options=OPTIONS,
        )
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


# --------------------------------------------------------------------------------------- power


def crossings(unit: Unit) -> Crossings:
    """Device currents that come from the supply side of a switched node, and that leave it."""
    t, u = unit.design.technology, f"{TOP}.xu0_0"

    def id_(path: str, device: str) -> str:
        return f"@m.{path}.{t.transistor_path(device)}[id]"

    pairs: Crossings = [
        ((id_(f"{u}.xstep.xgate.{p}", "p_logic"),), (id_(f"{u}.xstep.xgate.{n}", "n_logic"),))
        for p, n in (("xa1", "xa0"), ("xs0", "xs1"), ("xb0", "xb1"), ("xr1", "xr0"))
    ]
    pairs += [
        ((id_(f"{TOP}.xphi0.{p}", "p_driver"),), (id_(f"{TOP}.xphi0.{n}", "n_driver"),))
        for p, n in (("xhp", "xhn"), ("xsp", "xsn"))
    ]
    pairs.append(((id_(f"{TOP}.xrst.xp", "p_logic"),), (id_(f"{TOP}.xrst.xn", "n_logic"),)))
    for j in range(1, 2 * unit.ladder.levels + 1):
        cell = f"{u}.xc{j}"
        hold, reset = id_(f"{cell}.xm2", "n_mirror"), id_(f"{cell}.xr3", "n_guard")
        pairs += [
            ((id_(f"{cell}.xs2", "p_switch"),), (id_(f"{cell}.xs1", "n_switch"),)),
            ((id_(f"{cell}.xr1", "p_switch"),), (id_(f"{cell}.xr2", "n_switch"),)),
            ((id_(f"{cell}.xs3", "p_guard"),), (hold, reset)),
            ((id_(f"{cell}.xm9", "p_cell"),), (reset,)),
        ]
    return pairs


def through(waves: Waves, pairs: Crossings, t0: float) -> float:
    """Charge [C] that passes the nodes from supply to ground after t0."""
    total = 0.0
    for above, below in pairs:
        up, down = (
            sum(np.maximum(waves.vectors[name], 0.0) for name in names) for names in (above, below)
        )
        total += integral(waves, np.minimum(up, down), t0)
    return total


def integral(waves: Waves, values: Array, t0: float) -> float:
    inside = waves.time >= t0
    return float(np.trapezoid(values[inside], waves.time[inside]))


def watt(store: Store, unit: Unit, c: Array, label: str) -> dict[str, Any]:
    """Power in blocks, at rest by level, a strobe's and a step's energy, crowbar; c in A."""
    pairs = crossings(unit)
    watch = sorted({name for pair in pairs for names in pair for name in names})
    bench = make_unit_bench(unit.design, 0, 0, c, unit.conditions, options=OPTIONS, watch=watch)

    def made(w: Waves) -> dict[str, Any]:
        levels = judged(unit, bench, w, c / scale(unit))
        return powers(bench, w, np.array(levels["before"]), np.array(levels["after"]), pairs)

    return dict(store(f"{unit.design.technology.name}-{label}", bench.deck, made))


def powers(
    bench: UnitBench, w: Waves, before: Array, after: Array, pairs: Crossings
) -> dict[str, Any]:
    v_dd, t0, span = bench.v_dd, bench.t_start, w.time[-1] - bench.t_start
    blocks = {n: w.vectors[f"i(vvdd_{n})"] for n in ("mirror", "memory", "clock", "bias")}
    blocks["bias"] = blocks["bias"] + w.vectors["i(vref)"]
    own = blocks["mirror"] + blocks["memory"] + blocks["clock"]
    switched = blocks["memory"] + blocks["clock"]
    # Around each strobe: what it takes above the rest just before (hold) or the level after (step).
    begin = bench.strobe_at - 0.01 * bench.timing.frame
    end = np.minimum(bench.strobe_at + 0.1 * bench.timing.frame, bench.read_at)
    extra = []
    for a, b, at in zip(begin, end, bench.strobe_at, strict=True):
        inside = (w.time >= a) & (w.time <= b)
        t, i = w.time[inside], switched[inside]
        extra.append(np.trapezoid(i - np.where(t < at, i[0], i[-1]), t) * v_dd)
    joules, moved = np.array(extra), before != after
    rest = {}
    quiet = np.interp(bench.strobe_at - 0.01 * bench.timing.frame, w.time, blocks["memory"]) * v_dd
    for level in np.unique(before):
        rest[str(int(level))] = float(np.mean(quiet[before == level]))
    crowbar = through(w, pairs, t0)
    total = integral(w, own, t0)
    return {
        "frames": len(before),
        "mean_W": {name: integral(w, i, t0) * v_dd / span for name, i in blocks.items()},
        "unit_W": total * v_dd / span,
        "all_W": -integral(w, w.vectors["i(vdd)"], t0) * v_dd / span,
        "median_all_W": float(np.median(resampled(w, -w.vectors["i(vdd)"], t0)) * v_dd),
        "rest_memory_W_by_level": rest,
        "strobe_J": float(np.median(joules[~moved])) if (~moved).any() else None,
        "step_J": float(np.median(joules[moved])) if moved.any() else None,
        "crowbar_W": crowbar * v_dd / span,
        "crowbar_share": crowbar / total,
        "crowbar_share_of_switching": crowbar * v_dd / float(joules.sum()),
    }


def resampled(w: Waves, values: Array, t0: float) -> Array:
    return np.interp(np.linspace(t0, w.time[-1], 20001), w.time, values)


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
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--trial", type=Path)
    given = parser.parse_args()
    technology = load_technology(given.tech)
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    store, start = Store(given.work), time.monotonic()
    result: dict[str, Any] = {"machine": machine(), "technology": technology.name}
    result |= measure(store, technology, quick=given.quick)
    if given.trial is None:
        result["trial"] = "not given: --trial PATH"
    else:
        result["trial"] = trial(store, technology, given.trial)
    result["core_seconds"] = store.core_seconds
    result["wall_seconds"] = time.monotonic() - start
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
