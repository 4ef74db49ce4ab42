"""How nodes move: the exact large-signal law of each circuit, its inflow constant over a step.

diode       ``n U_T C dI/dt = I (i_in - I)``, from ``C dV/dt = i_in - I(V)``: logistic
splitter    ``C dV/dt = i_in - i_q (w - 1/w)``, ``w = exp((V - V_0) / (s U_T))``: a Riccati law

A diode that gives up current decays like ``n U_T C / t``, and one whose inflow is negative falls
to 0 V, where its channel carries `off_current`; on its way up it first regains that voltage, with
the help of legs that sink nothing down there (`lifted`). The law holds for weak inversion (Enz and
Vittoz, Charge-Based MOS Transistor Modeling, chapter 4).
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array


def diode_step(
    channel: Array, inflow: Array, charge: Array, off: Array, dt: float
) -> tuple[Array, Array]:
    """Return the currents of diodes after a step of `dt` [s] at a constant inflow.

    With x the channel's forward current, ``x = I + I_0``, and I_0 its off current, the diode's law
    is ``n U_T C dx/dt = x (inflow + I_0 - x)``, solved exactly.

    Parameters
    ----------
    channel
        x at the start, any shape, in any one unit of current; above zero.
    inflow
        Current into the net, its mean over the step, of either sign.
    charge
        ``n U_T C`` [that unit times s].
    off
        I_0 (`mru_hw.circuits.legs.leakage.off_current`).

    Returns
    -------
    moved, mean
        The channel's current at the end, and its mean over the step: what flowed in less what the
        net keeps, ``n U_T C ln(I_end / I_start)``.
    """
    # 1/I obeys a linear equation, so this is stable for any step.
    k = dt / charge
    z = np.maximum((inflow + off) * k, -60.0)
    z += 1e-9  # never 0, and far below what counts
    decay = np.expm1(-z)
    inverse = (decay + 1.0) / channel
    decay *= k
    decay /= z
    inverse -= decay
    moved = 1.0 / np.minimum(inverse, 1.0 / off)
    mean = inflow + off - np.log(moved / channel) / k
    # At 0 V the legs that sink give way, and the balance above does not hold.
    np.maximum(mean, np.minimum(moved, channel), out=mean)
    np.minimum(mean, np.maximum(moved, channel), out=mean)
    return moved, mean


def lifted(channel: Array, inflow: Array, sunk: Array, off: Array, slope: float) -> Array:
    """Return where a diode that climbs starts from, as its channel's current.

    Near 0 V the legs that sink give way: they take ``sunk (1 - exp(-V / U_T))``. With a constant
    inflow ``C dV/dt = inflow + sunk exp(-V / U_T)``, so from 0 V a node climbs as if it had started
    at ``U_T ln(1 + sunk / inflow)`` with the inflow alone.

    Parameters
    ----------
    channel, inflow, off
        As for `diode_step`.
    sunk
        What legs sink with the node well above 0 V, a part of `inflow`.
    slope
        Slope factor n of the diode.
    """
    rises = inflow > 0
    over = np.divide(sunk, inflow, out=np.zeros_like(channel), where=rises)
    start = np.minimum(off * (1.0 + over) ** (1 / slope), np.maximum(inflow, 0.0) + off)
    return np.maximum(channel, start)


def splitter_step(
    plus: Array, inflow: Array, i_q: Array, charge: Array, dt: float
) -> tuple[Array, Array, Array]:
    """Move splitters for `dt` [s]: the current ``i_q w`` of the plus side; minus is ``i_q / w``.

    Parameters
    ----------
    charge
        ``s U_T C`` [current's unit times s].

    Returns
    -------
    moved, mean_plus, mean_minus
        The plus side's current at the end; both sides' means over the step.
    """
    root = np.sqrt(inflow * inflow + 4 * i_q * i_q)
    # The two ends of the law: one positive, one negative, their product -i_q^2.
    large = (np.abs(inflow) + root) / 2
    small = i_q * i_q / large
    high = np.where(inflow >= 0, large, small)
    low = np.where(inflow >= 0, small, large)
    # u falls exponentially; 1 - u without the difference of two near ones.
    u = (plus - high) / (plus + low)
    k = dt / charge
    fall = -np.expm1(-root * k)
    first = root / (plus + low)
    last = first + u * fall
    moved = np.maximum((high + low * u * (1 - fall)) / last, i_q * 1e-12)
    mean_plus = np.clip(
        high + np.log(last / first) / k, np.minimum(plus, moved), np.maximum(plus, moved)
    )
    mean_minus = np.maximum(mean_plus - inflow + np.log(moved / plus) / k, 0.0)
    return moved, mean_plus, mean_minus
