"""Nodes: how the current that flows into one becomes the currents of its rails.

Signed (class AB): ``i_plus - i_minus = i`` by Kirchhoff, ``i_plus i_minus = i_q^2`` by the
translinear loop of the splitter (Gilbert, Electronics Letters 11(1), 1975).
Rectified: a diode, ``i_plus = max(i, 0)``.

The node's voltage follows its current, and each leg that drives it the voltage across it. So what
flows in solves ``i = total - stiffness (V(i) - V_usual)``: `total` with the node at its usual
voltage, `stiffness` the sum of all legs' output conductances. V is that of a source follower,
``s kT/q asinh(i / 2 i_q)`` with a measured s in either direction, or of a diode,
``n kT/q ln(i / i_usual)`` (Enz and Vittoz, Charge-Based MOS Transistor Modeling, chapter 4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mru_hw.technology.calibration import Calibration

EVEN = 0.05
"""Skew of signed nodes up to which they pass for even: a tenth of a percent of what a leg carries,
for a seventh of a run's time."""


def node_skew(calibration: Calibration) -> float:
    """Return by which share signed nodes move more upwards and less downwards, 0 up to `EVEN`."""
    return calibration.signed_skew if abs(calibration.signed_skew) > EVEN else 0.0


def split(
    v: NDArray[Any], i_q: NDArray[Any] | float, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return ``i_plus`` and ``i_minus`` of a signed node, in the unit of `v`.

    Parameters
    ----------
    out
        Where to put both, one over the other.
    """
    both = np.empty((2 * len(v), *v.shape[1:]), v.dtype) if out is None else out
    plus, minus = both[: len(v)], both[len(v) :]
    np.multiply(v, v, out=minus)
    minus += 4 * i_q * i_q
    np.sqrt(minus, out=minus)
    minus *= v.dtype.type(0.5)
    half = v * v.dtype.type(0.5)
    np.add(minus, half, out=plus)
    np.subtract(minus, half, out=minus)
    return plus, minus


def log_rail(rail: NDArray[Any], usual: NDArray[Any] | float) -> NDArray[Any]:
    """Return ``ln(rail / usual)``, from -14 on: what a gate voltage is there counts for nothing."""
    log: NDArray[Any] = np.multiply(rail, 1 / usual)
    log += rail.dtype.type(1e-6)
    np.log(log, out=log)
    return log


def signed_node(
    total: NDArray[Any], pull: NDArray[Any], i_q: NDArray[Any], skew: float = 0.0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what flows into a signed node whose voltage moves with it, and ln(i_plus / i_q).

    Parameters
    ----------
    total
        Sum of the legs' currents with the node at its usual voltage, in any unit.
    pull
        Sum of the legs' output conductances times s kT/q, in the same unit.
    i_q
        Quiescent current, in the same unit.
    skew
        By which share more than s the node moves upwards, and less downwards.

    Notes
    -----
    The logarithm, by which the node's voltage moves, is taken at `total` and not at what is
    left of it: that is short of ``pull / sqrt(i^2 + 4 i_q^2)`` of a correction which is itself
    some percent of `total`.
    """
    root = np.multiply(total, total)
    root += 4 * i_q * i_q
    np.sqrt(root, out=root)
    root += total
    log = log_rail(root, 2 * i_q)
    moved = np.multiply(log, pull, out=root)
    if skew:
        moved += skew * np.abs(moved)
    return np.subtract(total, moved, out=moved), log


def rectified_node(
    total: NDArray[Any], pull: NDArray[Any], usual: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what flows into a diode whose voltage moves with it, and ln(i / usual).

    Parameters
    ----------
    total, pull
        As for `signed_node`, with n kT/q.
    usual
        Current at which the diode has the voltage that `total` was taken at, in its unit.

    Notes
    -----
    ``i / (i + pull)`` of the correction is left where the diode itself gives way, which is near
    zero; where nothing flows a node's voltage counts for nothing.
    """
    plus = np.maximum(total, 0)
    log = log_rail(plus, usual)
    moved: NDArray[Any] = log * pull
    moved *= plus
    plus += pull
    np.divide(moved, plus, out=moved, where=plus > 0)
    return np.subtract(total, moved, out=moved), log
