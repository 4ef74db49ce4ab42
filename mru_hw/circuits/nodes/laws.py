"""Nodes: how the current that flows into one becomes the currents of its rails.

Signed (class AB): ``i_plus - i_minus = i`` by Kirchhoff, ``i_plus i_minus = i_q^2`` by the
translinear loop of the splitter (Gilbert, Electronics Letters 11(1), 1975).
Rectified: a diode, ``i_plus = max(i, 0)``.

The node's voltage follows its current, and each leg that drives it the voltage across it. So what
flows in solves ``i = total - stiffness (V(i) - V_usual)``: `total` with the node at its usual
voltage, `stiffness` the sum of all legs' output conductances. V is that of a source follower,
``s kT/q asinh(i / 2 i_q)`` with a measured s in either direction, or of a diode,
``n kT/q ln(i / i_usual)`` (Enz and Vittoz, Charge-Based MOS Transistor Modeling, chapter 4).

The functions are plain arithmetic of numbers or arrays that broadcast: numpy runs them on arrays
and hands them over to torch's tensors (`mru_hw.twin`), and the compiled kernel takes their text
(`mru_hw.simulate.fast`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.technology.calibration import Calibration

EVEN = 0.05
"""Skew of signed nodes up to which they pass for even: a tenth of a percent of what a leg carries,
for a seventh of a run's time."""


def node_skew(calibration: Calibration) -> float:
    """Return by which share signed nodes move more upwards and less downwards, 0 up to `EVEN`."""
    return calibration.signed_skew if abs(calibration.signed_skew) > EVEN else 0.0


def split(v: Any, i_q: Any) -> tuple[Any, Any]:
    """Return ``i_plus`` and ``i_minus`` of a signed node, in the unit of `v`."""
    root = np.sqrt(v * v + 4 * i_q * i_q) * 0.5
    half = v * 0.5
    return root + half, root - half


def log_rail(rail: Any, usual: Any) -> Any:
    """Return ``ln(rail / usual)``, from -14 on: what a gate voltage is there counts for nothing."""
    return np.log(rail * (1 / usual) + 1e-6)


def signed_node(total: Any, pull: Any, i_q: Any, skew: Any) -> tuple[Any, Any]:
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
    root = np.sqrt(total * total + 4 * i_q * i_q) + total
    log = log_rail(root, 2 * i_q)
    moved = log * pull
    return total - (moved + skew * np.abs(moved)), log


def rectified_node(total: Any, pull: Any, usual: Any) -> tuple[Any, Any]:
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
    # Where neither flows there is nothing to divide by, and nothing to move.
    return total - log * pull * plus / np.maximum(plus + pull, 1e-30), log


def net_current(rail: Any, i_q: Any) -> Any:
    """Signed node's current at which one of its rails carries `rail`: ``rail - i_q^2 / rail``."""
    return rail - i_q * i_q / rail
