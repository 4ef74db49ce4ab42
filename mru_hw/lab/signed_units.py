"""Four units that keep one bit of a signed current, with a strobe and without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.bench import as_written
from mru_hw.spice.cells import cell_views
from mru_hw.spice.deck import TOKEN, Deck, Waves, make_deck, pwl
from mru_hw.spice.flatten import Placed, flatten
from mru_hw.technology import MODELS, Technology

NAMES = ("loop", "loop_large_pair", "clocked", "unclocked")
CELLS = (
    "signed_node",
    "bias_tree",
    "hysteretic_cell",
    "step_control",
    "ladder_cell",
    "phase_tap",
    "strobe_driver",
    "inverter",
)
NODE_UNITS = 32  # of the candidate's diodes, as the mapping gives them
I_REFERENCE = 1e-9  # A
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
        """The current of a unit device [A]."""
        return I_REFERENCE / DEFAULTS.bias_units / self.scale


def circuit(unit: Unit) -> str:
    """Write the unit with its candidate node as subcircuit ``dut``, and all that it is made of."""
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
    """List the transistors of the unit."""
    return [d for d in flatten(circuit(unit), "dut", unit.technology) if d.kind == "m"]


def area(unit: Unit) -> float:
    """Return the gate area [m^2]."""
    return sum(d.values["w"] * d.values["l"] * d.values["m"] for d in transistors(unit))


def bench(unit: Unit, sources: list[str], saves: list[str], t_stop: float, step: float) -> Deck:
    """Return the deck of the unit under some sources."""
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
    models, title = unit.technology.model_files(), f"{unit.name}, a signed unit"
    return make_deck(body, models, saves, t_stop=as_written(t_stop), title=title)


def source(head: str, points: list[tuple[float, float]]) -> str:
    """Return the lines of a source that goes from point to point [s, A or V]."""
    return "\n".join(pwl(head, points))


def ramp_points(beta: float) -> list[tuple[float, float]]:
    """Return times [s] and candidates [A]: rest, up, rest, down, rest."""
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
    """Return the deck of slow ramps past both edges."""
    v_dd, points = unit.technology.v_dd, ramp_points(unit.beta)
    rn, rp = [(0.0, v_dd), (POWER_UP, v_dd), (POWER_UP + 1e-5, 0.0)], [(0.0, v_dd)]
    if unit.name == "clocked":
        # Its power only: without strobes it has to be forced.
        rp += _pulse(points[1][0] + FAST / 4, points[1][0] + FAST / 2, v_dd, 0.0)
        rn += _pulse(points[5][0] + FAST / 4, points[5][0] + FAST / 2, 0.0, v_dd)
    sources = [
        source("ic 0 c", points),
        source("vrn rn 0", rn),
        source("vrp rp 0", rp),
        "vphi phi 0 0",
    ]
    return bench(unit, sources, ["v(v)", "i(vsup)"], points[-1][0], points[-1][0] / 150)


def ramp_edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    """Return the candidates [A] at which the bit rises on its ramp and falls on its own, or NaN."""
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
    """Return the supply power [W], the mean over set and reset, at 0 and at 1.5 beta."""
    points = ramp_points(unit.beta)
    length = (1.5 - LOW) / SLOPE
    moments = [points[1][0], points[2][0] + length, points[5][0], points[6][0] + length]
    i = np.interp(np.array(moments) - 1e-3, waves.time, waves.vectors["i(vsup)"])
    return float(np.mean(i)) * unit.technology.v_dd


def strobe_deck(unit: Unit) -> Deck:
    """Return the deck that finds both edges by successive approximation."""
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
        source("vphi phi 0", phi),
        *(source(f"v{pin} {pin} 0", points) for pin, points in forced.items()),
        # Volts on these capacitors are what the candidate lies beyond beta, over beta.
        *(source(f"vm{side} m{side} 0", points) for side, points in moves.items()),
        "cup xup 0 1p",
        "cdown xdown 0 1p",
        f"bup 0 xup i={charge:.9g}*v(mup)*(v(v)>{v_dd / 2} ? -1 : 1)",
        f"bdown 0 xdown i={charge:.9g}*v(mdown)*(v(v)>{v_dd / 2} ? 1 : -1)",
        source("vsu su 0", [(0, 1), (half, 1), (half + 1e-5, 0)]),
        source("vsd sd 0", [(0, 0), (half, 0), (half + 1e-5, 1)]),
        f"bc 0 c i={unit.beta:.9g}*(v(su)*(1+v(xup))-v(sd)*(1+v(xdown)))",
    ]
    return bench(unit, sources, ["v(v)", "v(xup)", "v(xdown)"], end, FRAME / 40)


def _pulse(first: float, last: float, rest: float, on: float) -> list[tuple[float, float]]:
    return [(first, rest), (first + EDGE, on), (last, on), (last + EDGE, rest)]


def strobe_edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    """Return the candidates [A] between the last that leaves the bit and the first that moves."""
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
    """Return the deck that shows the unit's edges."""
    return strobe_deck(unit) if unit.name == "clocked" else ramp_deck(unit)


def edges(unit: Unit, waves: Waves) -> tuple[float, float]:
    """Read both edges [A]; NaN where they are not."""
    return (strobe_edges if unit.name == "clocked" else ramp_edges)(unit, waves)
