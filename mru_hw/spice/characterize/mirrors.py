"""Mirrors: slope, output conductance and gate voltage of a unit device of each polarity.

A mirror of each polarity at the usual current while its leg's drain sweeps the supply, and over
two decades of current at a fixed drain. Beside it a diode whose source is off its bulk.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from mru_hw.spice.characterize.base import I_USUAL, UNITS, Array, cells_deck, rounded
from mru_hw.spice.deck import Deck, Waves
from mru_hw.technology import Technology
from mru_hw.technology.calibration import temperature_voltage
from mru_hw.technology.conditions import Conditions

# Slow against every node, so each point is a solution at rest.
SWEEP = 4.0  # s, drain from ground to supply
DECADES = 4.0  # s, current from a tenth to ten times the usual
RAISED = 2 / 3  # of the supply: about where a follower's source is


def mirror_deck(technology: Technology, at: Conditions) -> Deck:
    """Return the deck of both mirrors."""
    v_dd, steps = at.v_dd, 41
    start, stop = np.log(I_USUAL / 10), np.log(I_USUAL * 10)
    times = SWEEP + np.linspace(0, DECADES, steps)
    currents = np.exp(np.linspace(start, stop, steps))
    points = " ".join(f"{t:.6g} {i:.6g}" for t, i in zip(times, currents, strict=True))
    course = f"pwl(0 {I_USUAL} {SWEEP - 0.1} {I_USUAL} {points})"
    drain = f"pwl(0 0 {SWEEP - 0.2} {v_dd} {SWEEP - 0.1} {v_dd / 2})"
    lines = [
        f"in 0 gn {course}",
        f"xnd gn gn 0 0 n_mirror units={UNITS}",
        f"xnl dn gn 0 0 n_mirror units={UNITS}",
        f"vn dn 0 {drain}",
        f"ip gp 0 {course}",
        f"xpd gp gp vdd vdd p_mirror units={UNITS}",
        f"xpl dp gp vdd vdd p_mirror units={UNITS}",
        f"vp vdd dp {drain}",
        f"inb 0 gnb {I_USUAL}",
        f"xnb gnb gnb snb 0 n_mirror units={UNITS}",
        f"vnb snb 0 {RAISED * v_dd:.6g}",
        f"ipb gpb 0 {I_USUAL}",
        f"xpb gpb gpb spb vdd p_mirror units={UNITS}",
        f"vpb vdd spb {RAISED * v_dd:.6g}",
    ]
    saves = ("v(gn)", "v(gp)", "v(gnb)", "v(gpb)", "i(vn)", "i(vp)", "v(dn)", "v(dp)")
    return cells_deck(technology, at, lines, saves, t_stop=SWEEP + DECADES, step=0.01)


def slope_factor(logs: Array, volts: Array, thermal: float) -> float:
    """Return the slope factor n of a leg by weak inversion and what its junction feeds.

    ``I = I0 exp(V_GS / (n kT/q)) + J``, its drain far from its source. Hot, J is no small part of
    it, and a straight line through the logarithms would take it for a larger n.

    Parameters
    ----------
    logs, volts
        ln of the leg's current [A], and its gate voltage [V].
    thermal
        kT/q [V].
    """

    def misses(guess: Array) -> Array:
        n, log_channel, log_feed = guess
        missed: Array = np.logaddexp(log_channel + volts / (n * thermal), log_feed) - logs
        return missed

    line = np.polyfit(volts, logs, 1)
    start = (1 / (line[0] * thermal), line[1], logs[0] - 5)
    return float(least_squares(misses, start, x_scale=(0.1, 1.0, 1.0)).x[0])


def fit_mirror(
    at: Conditions, waves: Waves, polarity: str
) -> tuple[dict[str, float], dict[str, Array]]:
    """Fit the constants of `mru_hw.technology.calibration.Mirror`; return samples too."""
    time = waves.time
    current = -waves.vectors[f"i(v{polarity})"]
    gate = waves.vectors[f"v(g{polarity})"]
    drain = waves.vectors[f"v(d{polarity})"]
    raised = waves.vectors[f"v(g{polarity}b)"]
    if polarity == "p":
        gate, drain, raised = (at.v_dd - volts for volts in (gate, drain, raised))
    sweep = (time > 0.2) & (time < SWEEP - 0.25) & (drain > 0.2)
    v_ds = np.linspace(0.25, at.v_dd - 0.05, 32)
    ratio = np.interp(v_ds, drain[sweep], current[sweep]) / I_USUAL
    v_gate = float(np.median(gate[sweep]))
    # ratio = a (1 + lambda v): a straight line.
    slope, offset = np.polyfit(v_ds, ratio, 1)
    places = SWEEP + np.linspace(0.1, DECADES - 0.05, 32)
    logs = np.interp(places, time, np.log(np.maximum(current, 1e-15)))
    volts = np.interp(places, time, gate)
    thermal = temperature_voltage(at.temperature)
    constants = {
        "slope": rounded(slope_factor(logs, volts, thermal)),
        "conductance": rounded(slope / offset),
        "v_gate": rounded(v_gate),
        "body": rounded((float(np.median(raised[sweep])) - v_gate) / (RAISED * at.v_dd)),
    }
    return constants, {"v_ds": v_ds, "ratio": ratio, "v_gs": volts, "i": np.exp(logs)}
