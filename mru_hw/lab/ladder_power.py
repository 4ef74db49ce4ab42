"""Where the current of one unit goes: by block, by level, by strobe, and what switches waste."""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.lab.ladder import Unit, judged, scale
from mru_hw.lab.store import Store
from mru_hw.model.network import Array
from mru_hw.spice.deck import TOP, Waves
from mru_hw.spice.options import OPTIONS
from mru_hw.spice.unit_bench import UnitBench, make_unit_bench

Crossings = list[tuple[tuple[str, ...], tuple[str, ...]]]


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
    """Return the integral of a wave after t0."""
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
    """Read a run of `watt`."""
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
    """Return a wave at equal steps after t0."""
    return np.interp(np.linspace(t0, w.time[-1], 20001), w.time, values)
