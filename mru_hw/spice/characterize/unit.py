"""One CMRU unit: the charge of a step and of a phase, the usual voltage of a signed node.

The unit climbs and descends its ladder under candidates over its range of currents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mru_hw.circuits.nodes.bias import VIEW_REST_UNITS
from mru_hw.errors import SimulationError
from mru_hw.mapping.options import DEFAULTS
from mru_hw.spice.characterize.base import I_USUAL, UNITS, Array, cells_deck, rounded
from mru_hw.spice.chip import unit_subckt
from mru_hw.spice.deck import Deck, Waves
from mru_hw.spice.options import OPTIONS
from mru_hw.technology import Technology
from mru_hw.technology.calibration import temperature_voltage
from mru_hw.technology.conditions import Conditions

BIAS_UNITS = DEFAULTS.bias_units
I_REST = I_USUAL / BIAS_UNITS  # A, of a unit device of the bias rail
FRAME = 25e-3  # s
STROBE = 0.8  # of a frame
CELLS = tuple(f"v(xu.v{k})" for k in range(1, 5))
LEAST_LEAK = 1e-15  # A: what ngspice's gmin leaves is not told apart from nothing
FRAMES = (2, 2, 2, -2, -2, -2, -2, 0.1, -0.1, 0.1, 0.5, -0.5, 1, -1, 3, -3)  # over I_USUAL
LEVELS = (2, 3, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0)  # before those that no threshold lies near


def unit_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck of the climb."""
    saves = ("v(c)", "i(vunit)", "i(vclock)", "i(vidle)", *CELLS)
    return cmru_deck(technology, at, FRAMES, saves)


def cmru_deck(
    technology: Technology,
    at: Conditions,
    frames: Sequence[float],
    saves: tuple[str, ...],
    *,
    points: int = 50,
    options: str = OPTIONS,
) -> Deck:
    """One CMRU unit of K = 2 under candidates given in `I_USUAL`, one a frame.

    `points` are the least time points of a frame, `options` ngspice's tolerances.
    """
    v_dd = at.v_dd
    course = " ".join(
        f"{(k + 0.2) * FRAME:.6g} {frames[max(k - 1, 0)] * I_USUAL:.6g}"
        f" {(k + 0.2) * FRAME + 1e-5:.6g} {f * I_USUAL:.6g}"
        for k, f in enumerate(frames)
    )
    first, width = STROBE * FRAME, FRAME / 250
    lines = [
        unit_subckt(2, 0),
        *(f"v{name} vdd vdd_{name} 0" for name in ("unit", "clock", "idle", "rest")),
        f"ibias vdd iref {I_USUAL}",
        f"xbias iref bias_p q_n vdd_rest 0 bias_tree units={BIAS_UNITS}",
        f"ic 0 c pwl(0 {frames[0] * I_USUAL} {course})",
        f"xc c c_np c_pm q_n vdd_rest 0 signed_split units={UNITS}"
        f" split={DEFAULTS.candidate_split}",
        "xphi phi rst_b hd st vdd_clock 0 strobe_driver",
        # The same driver without a load: what a layer's phase costs whatever its size.
        "xidle phi rst_b idle_hd idle_st vdd_idle 0 strobe_driver",
        "xrst rst rst_b vdd_rest 0 inverter",
        "xu c_np c_pm h iref bias_p hd st rst rst_b vdd_unit 0 cmru_unit_k2_s0"
        f" units={UNITS} up=64 down=64 hold={DEFAULTS.hold} width={DEFAULTS.width} gain=32",
        f"xh h h_n vdd_rest 0 state_node units={UNITS}",
        f"vrst rst 0 pwl(0 0 1e-7 {v_dd} 2e-3 {v_dd} 2.0001e-3 0)",
        f"vphi phi 0 pulse(0 {v_dd} {first} 1e-7 1e-7 {width} {FRAME})",
    ]
    t_stop, step = len(frames) * FRAME, FRAME / points
    return cells_deck(technology, at, lines, saves, t_stop=t_stop, step=step, options=options)


def fit_node(at: Conditions, waves: Waves, rest_gain: float) -> tuple[dict[str, float], Array]:
    """Take the usual voltage of a signed node and how it moves; return its voltages too.

    The candidate's node moves alike whether or not the ladder behind it works.

    Parameters
    ----------
    rest_gain
        `Calibration.rest` at `I_REST`.
    """
    ends = (np.arange(round(waves.time[-1] / FRAME)) + 0.75) * FRAME
    node = np.interp(ends, waves.time, waves.vectors["v(c)"])
    i_q = VIEW_REST_UNITS * DEFAULTS.candidate_split * I_REST * rest_gain
    moved_by = np.arcsinh(np.array(FRAMES) * I_USUAL / (2 * i_q))
    sides = np.stack(
        [np.ones_like(moved_by), np.maximum(moved_by, 0), np.minimum(moved_by, 0)], axis=1
    )
    still_at, upwards, downwards = (float(x) for x in np.linalg.lstsq(sides, node)[0])
    v_signed, per_log = float(np.mean(node)), (upwards + downwards) / 2
    constants = {
        "v_signed": rounded(v_signed),
        "signed_slope": rounded(per_log / temperature_voltage(at.temperature)),
        "signed_skew": rounded((upwards - downwards) / (2 * per_log)),
        "signed_rest": rounded(still_at - v_signed),
    }
    return constants, node


def fit_unit(at: Conditions, waves: Waves) -> tuple[dict[str, float], dict[str, Array]]:
    """Take the charge of a step, of a strobe without one and of a phase; what a driver leaks.

    Raises
    ------
    SimulationError
        The unit did not climb and descend as a ladder does.
    """
    time, v_dd = waves.time, at.v_dd
    unit, clock = waves.vectors["i(vunit)"], waves.vectors["i(vclock)"]
    n_frames = round(time[-1] / FRAME)
    edges = (np.arange(n_frames) + STROBE) * FRAME
    before, after = edges - 0.02 * FRAME, edges + 0.08 * FRAME
    levels = np.array(
        [sum(np.interp(before, time, waves.vectors[cell]) > v_dd / 2 for cell in CELLS)]
    )[0]
    ends = np.array(
        [sum(np.interp(after, time, waves.vectors[cell]) > v_dd / 2 for cell in CELLS)]
    )[0]
    if tuple(levels[: len(LEVELS)]) != LEVELS:
        raise SimulationError(f"The run unit went through the levels {levels.tolist()}.")

    def charges(current: Array) -> Array:
        """Charge of each frame's strobe beyond what flows at rest before and after it."""
        spans = zip(before, edges, after, strict=True)
        return np.array([charge_beyond_rest(time, current, *span) for span in spans])

    driver = waves.vectors["i(vidle)"]
    charge, ticks, idle = charges(unit), charges(clock), charges(driver)
    moved = ends - levels
    rests = float(np.median(charge[np.abs(moved) != 1]))
    step = _step_charge(charge, levels, moved) - rests
    constants = {
        "c_step": rounded(max(step, 0.0) / v_dd),
        "c_unit": rounded(max(rests, 0.0) / v_dd),
        "c_driver": rounded(float(np.median(idle)) / v_dd),
        "c_clock": rounded(float(np.median(ticks - idle)) / v_dd / 4),
        "i_driver": rounded(max(float(np.median(np.interp(before, time, driver))), LEAST_LEAK)),
    }
    samples = {
        "step_charge": charge,
        "phase_charge": ticks,
        "idle_charge": idle,
        "level": levels,
    }
    return constants, samples


def charge_beyond_rest(
    time: Array, current: Array, before: float, edge: float, after: float
) -> float:
    """Return the charge [C] of a supply current [A] around an edge, beyond what flows at rest.

    At rest flows what flows at the first time point from `before` on until the `edge`, and what
    flows at the last one up to `after` from there.

    Parameters
    ----------
    time
        The run's time points, ascending [s].
    before, edge, after
        The span's start, where rest changes, and its end [s].
    """
    inside = (time >= before) & (time <= after)
    t, i = time[inside], current[inside]
    # The rest in closed form: a trapezoid would let it change over the whole time step before the
    # edge, which is longer than the strobe.
    at_rest = i[0] * (edge - t[0]) + i[-1] * (t[-1] - edge)
    return float(np.trapezoid(i, t) - at_rest)


def _step_charge(charge: Array, levels: Array, moved: Array) -> float:
    """Return the mean charge [C] of a strobe with a step, upwards and downwards alike.

    A step up takes more than one down and both take less near the lower end, for the unit's
    current drifts to its new rest for a while. A unit that climbs and descends passes between two
    levels as often one way as the other, so those pairs are averaged that were passed both ways.

    Parameters
    ----------
    charge, levels, moved
        (frame,) of each strobe, the level before it and the levels that it moved by.
    """
    ways = [
        {int(b): float(np.mean(charge[taken & (lower == b)])) for b in np.unique(lower[taken])}
        for taken, lower in ((moved == 1, levels), (moved == -1, levels - 1))
    ]
    up, down = ways
    return float(np.mean([(up[b] + down[b]) / 2 for b in up.keys() & down.keys()]))
