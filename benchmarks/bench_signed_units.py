"""Units with a signed threshold at equal area: one loop against set and reset comparators.

    python benchmarks/bench_signed_units.py [--tech T] [--beta 0.35 1.0] [--dies 200] [--work DIR]

A unit takes a signed current and keeps one bit that rises at +beta and falls at -beta. Four of
them, each with the candidate node that it needs and an output leg of 1 nA:

* loop: circuits/hysteretic_cell, I_width = 2 I_thresh, the minus rail sunk at its node; no clock;
* loop_large_pair: the same with more unit devices in the feedback pair M7, M9, and so fewer
  elsewhere: the number for which Pelgrom's law says that the falling edge's sigma is smallest;
* clocked: circuits/step_control drives one circuits/ladder_cell, its neighbours tied, with its
  circuits/phase_tap; the driver of a layer stands outside, for all units share it;
* unclocked: the same comparators move the same cell through one switch each, without a strobe.

Equal area: the gate area (sum of W L m) of all transistors of the unit is that of the loop. What
makes it so is the number of unit devices that 1 nA is divided into, so all currents stay and all
mirrors are scaled; the splitters, switches, followers and the feedback's pair are not.

A die draws every transistor of the unit, switches too. The bias tree is nominal and stiff: all
units of a chip share it. Edges without a clock are read under ramps of 0.13 beta a second; clocked
ones by successive approximation within one run, ideal elements on the bench moving the candidate:
frames of 10 ms, strobes of 40 us, the cell forced to the other state before each, to 0.1 % of
beta. A die that does not switch between 0.2 and 1.8 beta is counted as lost and left out of mean
and sigma. Power: the mean over four states, set at 0 and at +1.5 beta, reset at 0 and at -1.5 beta;
strobes are not in it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_ladder import Store
from benchmarks.machine import machine
from mru_hw.errors import RunStatus
from mru_hw.files import whole_file
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.bench import as_written
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import BENCH, TOKEN, Change, Deck, Waves, token_line, token_of
from mru_hw.spice.dies import transistor_changes
from mru_hw.spice.flatten import Placed, flatten
from mru_hw.spice.runner import Limits, Runner
from mru_hw.technology import MODELS, Technology, load_technology
from mru_hw.technology.calibration import load_calibration

Array = NDArray[np.float64]

NAMES = ("loop", "loop_large_pair", "clocked", "unclocked")
CELLS = (
    "signed_node",
    "bias_tree",
    "hysteretic_cell",
    "step_control",
    "ladder_cell",
    "phase_tap",
    "strobe_driver",
)
PAIRS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
NODE_UNITS = 32  # of the candidate's diodes, as the mapping gives them
I_REFERENCE = 1e-9  # A
BATCH = 25
DUT = "xt"

LOW, HIGH, SLOPE = 0.2, 1.8, 0.4 / 3  # ramps, of beta and of beta a second
FAST, REST = 0.2, 0.3  # s, between the ramps
# The switching is found by the charge's own error, so that the steps between are long.
RAMP_OPTIONS = "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-19 trtol=0.3 reltol=1e-4 method=gear"

FRAME, PULSE, EDGE, POWER_UP = 10e-3, 40e-6, 1e-7, 20e-3  # s
STROBE, UPDATE = 0.85, (0.95, 0.97)  # of a frame
STEPS = 0.16 / 2.0 ** np.arange(8)  # of beta
STROBE_OPTIONS = "gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=1e-16 trtol=5 reltol=1e-3 method=gear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One alternative, sized.

    ``scale`` times 64 unit devices carry 1 nA; up and down are the thresholds' unit devices (a
    loop's I_thresh, and what I_width leaves of it).
    """

    technology: Technology
    name: str
    beta: float
    scale: float
    up: int
    down: int
    pair: int

    @property
    def i_lsb(self) -> float:
        return I_REFERENCE / DEFAULTS.bias_units / self.scale


# ----------------------------------------------------------------------------------- circuits


def circuit(unit: Unit) -> str:
    """The unit with its candidate node as subcircuit ``dut``, and all that it is made of."""
    node, gain, hold, width = (
        round(n * unit.scale)
        for n in (NODE_UNITS, DEFAULTS.bias_units, DEFAULTS.hold, DEFAULTS.width)
    )
    comparators = f"units={node} up={unit.up} down={unit.down}"
    views = cell_views(CELLS)
    if unit.name.startswith("loop"):
        # The cell's pair as it is, or with more unit devices.
        views = views.replace(" vdd vdd p_cell\n", f" vdd vdd p_cell units={unit.pair}\n")
        inside = [
            f"xnode c c_np c_pp c_nm c_pm q_n vdd vss signed_node units={node}",
            f"xcell c_pp v n rn rp out vdd vss hysteretic_cell units={node} hold={unit.up}"
            f" width={unit.up + unit.down} gain={gain}",
            f"xminus v c_nm vss vss n_mirror units={node}",
        ]
    elif unit.name == "clocked":
        inside = [
            f"xnode c c_np c_pm q_n vdd vss signed_split units={node}"
            f" split={DEFAULTS.candidate_split}",
            "xtap hd hdb st stb vdd vss phase_tap",
            f"xstep c_np c_pm n p st stb gs gr vdd vss step_control {comparators}",
            "xcell v h vdd vss gs gr hd hdb st stb rn rp out n vdd vss ladder_cell"
            f" hold={hold} width={width} gain={gain}",
        ]
    else:
        inside = [
            f"xnode c c_np c_pm q_n vdd vss signed_split units={node}"
            f" split={DEFAULTS.candidate_split}",
            f"xu1 u p vdd vdd p_mirror units={unit.up}",
            f"xu2 u c_np vss vss n_mirror units={node}",
            f"xd1 d c_pm vdd vdd p_mirror units={node}",
            f"xd2 d n vss vss n_mirror units={unit.down}",
            "xs v u vdd vdd p_switch",
            "xr v d vss vss n_switch",
            f"xm2 v n vss vss n_mirror units={hold}",
            "xm6 fb v s6 vss n_cell",
            f"xm8 s6 n vss vss n_mirror units={width}",
            "xm7 fb fb vdd vdd p_cell",
            "xm9 v fb vdd vdd p_cell",
            "xm3 out v s3 vss n_cell",
            f"xm5 s3 n vss vss n_mirror units={gain}",
            "xn v rn vss vss n_switch",
            "xp v rp vdd vdd p_switch",
        ]
    pins = "c v out n p q_n hd st rn rp vdd vss"
    return "\n".join(
        [unit.technology.devices_spice(), views, f".subckt dut {pins}", *inside, ".ends"]
    )


def transistors(unit: Unit) -> list[Placed]:
    return [d for d in flatten(circuit(unit), "dut", unit.technology) if d.kind == "m"]


def area(unit: Unit) -> float:
    """Gate area [m^2]."""
    return sum(d.values["w"] * d.values["l"] * d.values["m"] for d in transistors(unit))


def bench(unit: Unit, sources: list[str], saves: list[str], t_stop: float, step: float) -> Deck:
    v_dd = unit.technology.v_dd
    options = STROBE_OPTIONS if unit.name == "clocked" else RAMP_OPTIONS
    body = [
        f".lib '{MODELS}' tt",
        f".options temp=27 {options}",
        circuit(unit),
        f"vdd vdd 0 {v_dd}",
        f"ibias vdd b_n {I_REFERENCE / unit.scale:.9g}",
        f"xbias b_n b_p b_qn vdd 0 bias_tree units={DEFAULTS.bias_units}",
        *(f"e{k} {k} 0 b_{k.replace('_', '')} 0 1" for k in ("n", "p", "q_n")),
        "vsup vdd vcell 0",
        "xdriver phi vdd hd st vdd 0 strobe_driver",
        f"{DUT} c v out n p q_n hd st rn rp vcell 0 dut",
        f"vout out 0 {v_dd / 2:.9g}",
        *sources,
        f".save {' '.join(saves)} {TOKEN}",
        f".tran {step:.9g} {t_stop:.9g} uic",
    ]
    token = token_of(body)
    text = "\n".join([f"* {unit.name}, a signed unit", *body, token_line(token), ".end", ""])
    files = {BENCH: text, **unit.technology.model_files()}
    return Deck(files=files, saves=tuple(saves), token=token, t_stop=as_written(t_stop))


def pwl(head: str, points: list[tuple[float, float]]) -> str:
    words = [f"{t:.12g} {value:.9g}" for t, value in points]
    rows = ("+ " + " ".join(words[k : k + 4]) for k in range(0, len(words), 4))
    return "\n".join([f"{head} pwl(", *rows, "+ )"])


# -------------------------------------------------------------------------- edges under a ramp


def ramp_points(beta: float) -> list[tuple[float, float]]:
    """Times [s] and candidates [A]: rest, up, rest, down, rest."""
    length = (HIGH - LOW) / SLOPE
    points = [(0.0, 0.0), (REST, 0.0)]
    for sign in (1, -1):
        start = points[-1][0]
        points += [
            (start + FAST, sign * LOW * beta),
            (start + FAST + length, sign * HIGH * beta),
            (start + 2 * FAST + length, 0.0),
            (start + 2 * FAST + length + REST, 0.0),
        ]
    return points


def ramp_deck(unit: Unit) -> Deck:
    v_dd, points = unit.technology.v_dd, ramp_points(unit.beta)
    rn, rp = [(0.0, v_dd), (POWER_UP, v_dd), (POWER_UP + 1e-5, 0.0)], [(0.0, v_dd)]
    if unit.name == "clocked":
        # Its power only: without strobes it has to be forced.
        rp += _pulse(points[1][0] + FAST / 4, points[1][0] + FAST / 2, v_dd, 0.0)
        rn += _pulse(points[5][0] + FAST / 4, points[5][0] + FAST / 2, 0.0, v_dd)
    sources = [
        pwl("ic 0 c", points),
        pwl("vrn rn 0", rn),
        pwl("vrp rp 0", rp),
        "vphi phi 0 0",
    ]
    return bench(unit, sources, ["v(v)", "i(vsup)"], points[-1][0], points[-1][0] / 150)


def ramp_edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    """Candidates [A] at which the bit rises on its ramp and falls on its own; NaN where not."""
    t, v = waves.time, waves.vectors["v(v)"]
    i = np.interp(t, *np.transpose(ramp_points(unit.beta)))
    middle = unit.technology.v_dd / 4
    rest = ramp_points(unit.beta)[5][0]
    crossed = (v[1:] > middle) != (v[:-1] > middle)
    rises = np.flatnonzero(crossed & (t[1:] > POWER_UP + 1e-3) & (t[1:] < rest))
    falls = np.flatnonzero(crossed & (t[1:] > rest))
    # An odd number: near an edge without regeneration the node may pass the middle and come back.
    if len(rises) % 2 == 0 or len(falls) % 2 == 0 or v[-1] > middle:
        return np.nan, np.nan
    flips = np.array([rises[0], falls[-1]])
    share = (middle - v[flips]) / (v[flips + 1] - v[flips])
    at = i[flips] + share * (i[flips + 1] - i[flips])
    return float(at[0]), float(at[1])


def ramp_power(unit: Unit, waves: Waves) -> float:
    """Supply power [W], the mean over the four states of the module's docstring."""
    points = ramp_points(unit.beta)
    length = (1.5 - LOW) / SLOPE
    moments = [points[1][0], points[2][0] + length, points[5][0], points[6][0] + length]
    i = np.interp(np.array(moments) - 1e-3, waves.time, waves.vectors["i(vsup)"])
    return float(np.mean(i)) * unit.technology.v_dd


# ------------------------------------------------------------------------ edges with a strobe


def strobe_deck(unit: Unit) -> Deck:
    v_dd, count = unit.technology.v_dd, len(STEPS)
    phi = [(0.0, 0.0)]
    forced: dict[str, list[tuple[float, float]]] = {
        "rn": [(0.0, v_dd), (0.9 * POWER_UP, v_dd), (0.9 * POWER_UP + EDGE, 0.0)],
        "rp": [(0.0, v_dd)],
    }
    moves = {"up": [(0.0, 0.0)], "down": [(0.0, 0.0)]}
    for k in range(2 * count):
        start = POWER_UP + k * FRAME
        pin, on = ("rn", v_dd) if k < count else ("rp", 0.0)
        forced[pin] += _pulse(start + EDGE, start + FRAME / 10, v_dd - on, on)
        strobe = start + STROBE * FRAME
        phi += _pulse(strobe, strobe + PULSE, 0.0, v_dd)
        first, last = (start + share * FRAME for share in UPDATE)
        moves["up" if k < count else "down"] += _pulse(first, last, 0.0, STEPS[k % count])
    half = POWER_UP + count * FRAME
    end = half + count * FRAME
    charge = 1e-12 / ((UPDATE[1] - UPDATE[0]) * FRAME)  # A for a volt, which stands for beta
    sources = [
        pwl("vphi phi 0", phi),
        *(pwl(f"v{pin} {pin} 0", points) for pin, points in forced.items()),
        # Volts on these capacitors are what the candidate lies beyond beta, over beta.
        *(pwl(f"vm{side} m{side} 0", points) for side, points in moves.items()),
        "cup xup 0 1p",
        "cdown xdown 0 1p",
        f"bup 0 xup i={charge:.9g}*v(mup)*(v(v)>{v_dd / 2} ? -1 : 1)",
        f"bdown 0 xdown i={charge:.9g}*v(mdown)*(v(v)>{v_dd / 2} ? 1 : -1)",
        pwl("vsu su 0", [(0, 1), (half, 1), (half + 1e-5, 0)]),
        pwl("vsd sd 0", [(0, 0), (half, 0), (half + 1e-5, 1)]),
        f"bc 0 c i={unit.beta:.9g}*(v(su)*(1+v(xup))-v(sd)*(1+v(xdown)))",
    ]
    return bench(unit, sources, ["v(v)", "v(xup)", "v(xdown)"], end, FRAME / 40)


def _pulse(first: float, last: float, rest: float, on: float) -> list[tuple[float, float]]:
    return [(first, rest), (first + EDGE, on), (last, on), (last + EDGE, rest)]


def strobe_edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    """Candidates [A] between the last that does not switch the bit and the first that does."""
    count, found = len(STEPS), []
    for side, sign, node in ((0, 1, "v(xup)"), (1, -1, "v(xdown)")):
        starts = POWER_UP + FRAME * (side * count + np.arange(count))
        x = np.interp(starts + STROBE * FRAME, waves.time, waves.vectors[node])
        v = np.interp(starts + 0.93 * FRAME, waves.time, waves.vectors["v(v)"])
        switched = (v > unit.technology.v_dd / 2) == (sign > 0)
        if switched.all() or not switched.any() or x[~switched].max() > x[switched].min():
            return np.nan, np.nan
        found.append(sign * unit.beta * (1 + (x[~switched].max() + x[switched].min()) / 2))
    return found[0], found[1]


def edges_deck(unit: Unit) -> Deck:
    return strobe_deck(unit) if unit.name == "clocked" else ramp_deck(unit)


def edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    return (strobe_edges if unit.name == "clocked" else ramp_edges)(unit, waves)


# ------------------------------------------------------------------------------------- sizing


def centred(store: Store, unit: Unit) -> Unit:
    """Choose the thresholds' unit devices so that the nominal edges lie at +beta and -beta."""
    wanted = np.full(2, unit.beta / unit.i_lsb)
    for _ in range(3):
        up, down = (int(k) for k in np.maximum(np.rint(wanted), 1))
        unit = dataclasses.replace(unit, up=up, down=down)
        row = nominal(store, unit)
        found = np.abs([row["up_A"], row["down_A"]])
        wanted = np.array([up, down]) * unit.beta / found
        if unit.name.startswith("loop"):
            # Each edge goes almost with its own current.
            wanted = np.array([up, down]) + (unit.beta - found) / unit.i_lsb
        if np.array_equal(np.rint(wanted), [up, down]):
            break
    return unit


def nominal(store: Store, unit: Unit) -> dict[str, Any]:
    def made(waves: Waves) -> dict[str, Any]:
        up, down = edges(unit, waves)
        return {"up_A": up, "down_A": down}

    row: dict[str, Any] = store(label(unit), edges_deck(unit), made)
    return row


def label(unit: Unit) -> str:
    return f"{unit.technology.name}-{unit.beta * 1e12:.0f}pA-{unit.name}"


def equal(store: Store, unit: Unit, wanted: float) -> Unit:
    """Scale a unit to a gate area."""
    for _ in range(3):
        large = dataclasses.replace(unit, scale=2 * unit.scale, up=2 * unit.up, down=2 * unit.down)
        grows = (area(large) - area(unit)) / unit.scale
        factor = 1 + (wanted - area(unit)) / grows / unit.scale
        unit = centred(store, dataclasses.replace(unit, scale=unit.scale * factor))
        if abs(area(unit) / wanted - 1) < 0.01:
            break
    return unit


def best_pair(unit: Unit, wanted: float) -> int:
    """Unit devices of M7 and M9 at which the falling edge's predicted sigma is smallest."""
    technology = unit.technology
    calibration = load_calibration(technology)
    relative = {
        name: float(np.hypot(technology.sigma(name)[0] / calibration.thermal(name[0], 27.0), beta))
        for name in ("n_mirror", "p_mirror", "p_cell")
        for beta in (technology.sigma(name)[1],)
    }
    base = area(dataclasses.replace(unit, pair=0))
    cell = technology.devices["p_cell"]
    best = {}
    for pair in PAIRS:
        scale = unit.scale * (wanted - 2 * pair * cell.w * cell.l) / base
        node, lsb = NODE_UNITS * scale, I_REFERENCE / DEFAULTS.bias_units / scale
        hold = unit.beta / lsb
        # Diode, flip, flip's diode and copy of the rail; I_thresh, I_width = 2 I_thresh, the pair.
        variance = 2 * (relative["n_mirror"] ** 2 + relative["p_mirror"] ** 2) / node
        variance += relative["n_mirror"] ** 2 * (1 / hold + 4 / (2 * hold))
        variance += 4 * 2 * relative["p_cell"] ** 2 / pair
        best[pair] = variance
    return min(best, key=lambda pair: best[pair])


def sized(store: Store, technology: Technology, beta: float) -> Iterator[Unit]:
    """All four, with the area of the first."""
    start: dict[str, Any] = {
        "technology": technology,
        "beta": beta,
        "scale": 1.0,
        "up": 1,
        "down": 1,
        "pair": 1,
    }
    units = {name: Unit(name=name, **start) for name in NAMES}
    loop = centred(store, units["loop"])
    wanted = area(loop)
    yield loop
    large = dataclasses.replace(loop, name="loop_large_pair", pair=best_pair(loop, wanted))
    yield equal(store, large, wanted)
    for name in NAMES[2:]:
        yield equal(store, centred(store, units[name]), wanted)


# --------------------------------------------------------------------------------------- dies


def die_of(unit: Unit, seed: int) -> list[Change]:
    """Mismatch of every transistor of the unit."""
    return transistor_changes(transistors(unit), unit.technology, DUT, seed)


def batch(unit: Unit, deck: Deck, first: int, count: int, runner: Runner) -> list[dict[str, Any]]:
    rows = []
    seeds = range(first, first + count)
    for place, waves in runner.run_dies(deck, [die_of(unit, k) for k in seeds], workers=1):
        done = waves.status is RunStatus.DONE
        up, down = edges(unit, waves) if done else (np.nan, np.nan)
        row = {"die": first + place, "status": waves.status.name, "up_A": up, "down_A": down}
        rows.append(row | {"core_seconds": waves.core_seconds})
    return rows


def dies(work: Path | None, unit: Unit, total: int, runner: Runner) -> list[dict[str, Any]]:
    deck, rows = edges_deck(unit), []
    for first, count in batches(total):
        name = f"{label(unit)}-{deck.token:.9f}-dies{first}-{count}.json"
        path = None if work is None else work / name
        if path is not None and path.is_file():
            rows += json.loads(path.read_text(encoding="utf-8"))
            continue
        part = batch(unit, deck, first, count, runner)
        if path is not None:
            with whole_file(path) as whole:
                whole.write_text(json.dumps(part), encoding="utf-8")
        rows += part
        print(f"{label(unit)}: {first + count} dies", file=sys.stderr)
    return rows


def batches(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, BATCH):
        yield first, min(BATCH, total - first)


def measured(store: Store, work: Path | None, unit: Unit, total: int) -> dict[str, Any]:
    at = nominal(store, unit)
    powered = store(
        f"{label(unit)}-power", ramp_deck(unit), lambda w: {"power_W": ramp_power(unit, w)}
    )
    rows = dies(work, unit, total, Runner(Limits(time_s=600)))
    found = np.array([[row["up_A"], row["down_A"]] for row in rows]).reshape(-1, 2)
    lost = np.isnan(found).any(axis=1)
    good = found[~lost] / unit.beta
    mean, sigma = good.mean(axis=0), good.std(axis=0, ddof=1)
    return {
        "alternative": unit.name,
        "beta_A": unit.beta,
        "unit_devices_of_1_nA": DEFAULTS.bias_units * unit.scale,
        "pair_units": unit.pair,
        "up_units": unit.up,
        "down_units": unit.down,
        "gate_area_um2": area(unit) * 1e12,
        "transistors": len(transistors(unit)),
        "static_power_W": powered["power_W"],
        "nominal_over_beta": [at["up_A"] / unit.beta, at["down_A"] / unit.beta],
        "dies": len(rows),
        "failed": sum(row["status"] != "DONE" for row in rows),
        "lost": int(lost.sum()),
        "mean_over_beta": mean,
        "sigma_over_beta": sigma,
        "worst_sigma": float(sigma.max()),
        "core_seconds": sum(row["core_seconds"] for row in rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tech", default="generic180")
    parser.add_argument("--beta", type=float, nargs="+", default=[0.35, 1.0], help="thresholds, nA")
    parser.add_argument("--dies", type=int, default=200)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    start, technology, store = time.monotonic(), load_technology(given.tech), Store(given.work)
    result = {
        "machine": machine(),
        "technology": technology.name,
        "units": [
            measured(store, given.work, unit, given.dies)
            for beta in given.beta
            for unit in sized(store, technology, beta * 1e-9)
        ],
        "wall_seconds": time.monotonic() - start,
    }
    print(json.dumps(result, indent=2, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
