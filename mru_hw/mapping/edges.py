"""Where a nine-transistor loop switches: the folds of its static balance.

Node V0 gains the copy of the candidate c and the feedback, and loses the threshold:

    c f_n g_p(V_dd - V0) + I_fb(V0) = I_thresh g_n(V0)

f_n is the gain of the flip on the way, those of the legs are
``g(v) = (1 + lambda v) / (1 + lambda v_gate) (1 - e^(-v / U_T))``. The tail M8 and the follower M6
carry the feedback: ``I_fb = I_width g_n(V_s) g_p(V_dd - V0)``, with V_s where M6 in weak inversion
carries what M8 does. The loop rises where no low V0 balances the candidate any more and falls
where no high one does: at the maximum of c(V0) below the feedback's onset, and at its minimum
above it.

Both folds lie near the follower's gate voltage and not at half the supply, so the drain voltages
of the legs move the edges (docs/decisions/0008-unclocked-loops.md compares them with ngspice).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mru_hw.mapping.gains import flip_gain
from mru_hw.technology.calibration import Calibration, temperature_voltage

Array = NDArray[np.float64]

FOLLOWER = 2.0
"""W/L of the follower M6 over a unit device's; its logarithm moves V0, so it hardly counts."""
STEP = 2.5e-3  # V, of the grid of V0
ROUNDS = 20  # of the search for unit devices; each leaves about a fifth of the error


def loop_edges(
    calibration: Calibration,
    hold: Array,
    width: Array,
    *,
    i_lsb: float,
    feedback: Array | float = 1.0,
    temperature: float = 27.0,
    reach: float | None = None,
) -> tuple[Array, Array]:
    """Return the candidate's rail currents [A] at which loops rise and fall.

    Parameters
    ----------
    calibration
        At the supply of the run.
    hold, width
        I_thresh and I_width [A], (n_units,).
    i_lsb
        Current [A] of one unit device of the bias rail.
    feedback
        Ratio of the pair M9 : M7.
    temperature
        [degC].
    reach
        As in `follower`.

    Returns
    -------
    up, down
        (n_units,); the second is negative where the loop never falls.
    """
    v = np.arange(STEP, calibration.v_dd / 2, STEP)
    hold, width = hold[:, None], width[:, None]
    leg_n, leg_p = loop_legs(calibration, v, temperature)
    could, carried, tail = follower(
        calibration, width, v, i_lsb=i_lsb, temperature=temperature, reach=reach
    )
    fed = carried * leg_p * np.reshape(feedback, (-1, 1))
    plus = (hold * leg_n - fed) / (flip_gain(calibration, "n", i_lsb) * leg_p)
    # The feedback's onset: where the follower could carry half of the width.
    onset = could > np.maximum(tail, i_lsb)
    up = np.max(np.where(onset, -np.inf, plus), axis=1)
    return up, np.min(np.where(onset, plus, np.inf), axis=1)


def loop_legs(calibration: Calibration, v: Array, temperature: float) -> tuple[Array, Array]:
    """Return what the legs that sink and that source carry at V0 = `v`, over their nominal."""
    u_t = temperature_voltage(temperature)
    sink = _leg(calibration, "n", v, u_t)
    return sink, _leg(calibration, "p", calibration.v_dd - v, u_t)


def follower(
    calibration: Calibration,
    tail: Array,
    v: Array,
    *,
    i_lsb: float,
    temperature: float,
    reach: float | None = None,
) -> tuple[Array, Array, Array]:
    """Return what a follower could carry, what it carries, and its tail's current [A].

    Parameters
    ----------
    tail
        Current of the tail's bias leg [A], (n_units, 1).
    v
        V0 [V].
    reach
        Current [A] of M6 at the usual gate voltage of a unit device. The mapping's guess unless
        given, `FOLLOWER` unit devices of the bias rail whatever these carry: decks rest on it.
    """
    n, nominal = calibration.n, tail
    u_t = temperature_voltage(temperature)
    # M6 at V_s = 0; above it e^(-V_s/U_T) of that, which is what the tail carries.
    reach = FOLLOWER * i_lsb if reach is None else reach
    could = reach * np.exp((v - n.v_gate) / calibration.thermal("n", temperature))
    for _ in range(3):
        # x = e^(-V_s/U_T) from could x = tail (1 - x); the tail's own conductance by iteration.
        x = tail / (tail + could)
        source = -u_t * np.log(np.maximum(x, 1e-300))
        tail = nominal * (1 + n.conductance * source) / (1 + n.conductance * n.v_gate)
    return could, could * x, tail


def loop_units(
    calibration: Calibration, rise: Array, fall: Array, *, i_lsb: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the unit devices (n_units,) of threshold and width that switch at given edges.

    Parameters
    ----------
    rise, fall
        The candidate's rail currents [A].
    """
    hold, width = rise.copy(), rise - fall
    for step in range(2 * ROUNDS):
        up, down = loop_edges(calibration, hold, width, i_lsb=i_lsb)
        # Each edge goes almost with its own current, so the error is the correction.
        width = np.maximum(width + down - fall, 0.0)
        if step < ROUNDS:
            hold = np.maximum(hold * rise / up, i_lsb)
        else:
            # The threshold is whole now; the width takes up what that moved of the other edge.
            hold = np.rint(hold / i_lsb) * i_lsb
    hold_units, width_units = np.rint(hold / i_lsb), np.rint(width / i_lsb)
    # A candidate of nothing at all must not clear a unit that is never cleared.
    width_units = np.where(fall > 0, width_units, np.ceil(width / i_lsb) + 1)
    return hold_units.astype(np.int64), width_units.astype(np.int64)


def _leg(calibration: Calibration, polarity: str, voltage: Array, u_t: float) -> Array:
    m = calibration.n if polarity == "n" else calibration.p
    gain = (1 + m.conductance * voltage) / (1 + m.conductance * m.v_gate)
    saturation: Array = gain * -np.expm1(-voltage / u_t)
    return saturation
