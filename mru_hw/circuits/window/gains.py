"""The window comparator: a ladder's threshold that comes from the input (circuits/).

At node u a copy of the candidate's plus rail sinks, and copies of its minus rail and of both rails
of the threshold's node source; at node d everything is upside down. With equal gains a unit steps
where

    c_plus - c_minus = b_plus + b_minus,      that is c = sqrt(b^2 + 4 i_q^2)

so the candidate's quiescent current cancels and no threshold lies below twice that of its own
node. Each copy has the unit devices that come nearest to undoing the gain of its path; what
rounding leaves of the threshold's is taken up by the scale of its bus.
"""

from __future__ import annotations

from collections.abc import Mapping

from mru_hw.circuits.base import NodeView, Rail
from mru_hw.circuits.legs.gains import leg_gain, node_flip
from mru_hw.circuits.nodes.signed import MINUS, PLUS
from mru_hw.circuits.window.roles import COPIES
from mru_hw.technology.calibration import Calibration


def window_gains(
    calibration: Calibration, candidate: NodeView, threshold: NodeView
) -> dict[str, float]:
    """Return by role the gain of each copy's path over that of the candidate's own copy.

    All currents meet at the comparator's node; the gains are taken with that node at the trip
    voltage of the gate behind it, where the unit decides.
    """
    up, down = calibration.v_trip_up, calibration.v_trip_down

    def copied(voltage: float, node: NodeView, rail: Rail) -> float:
        return leg_gain(calibration, rail[1], voltage, node.i_rail(rail))

    sink, source = copied(up, candidate, PLUS), copied(down, candidate, MINUS)
    flips = {sign: node_flip(calibration, threshold, sign) for sign in ("plus", "minus")}
    return {
        "up_plus": flips["plus"] * copied(up, threshold, ("plus", "p")) / sink,
        "up_minus": copied(up, threshold, MINUS) / sink,
        "up_opposite": copied(up, candidate, MINUS) / sink,
        "down_plus": copied(down, threshold, PLUS) / source,
        "down_minus": flips["minus"] * copied(down, threshold, ("minus", "n")) / source,
        "down_opposite": copied(down, candidate, PLUS) / source,
    }


def window_units(
    calibration: Calibration, candidate: NodeView, threshold: NodeView
) -> dict[str, int]:
    """Return the unit devices of each copy, by role."""
    gains = window_gains(calibration, candidate, threshold)
    diodes = _diodes(candidate, threshold)
    return {role: max(1, round(diodes[role] / gain)) for role, gain in gains.items()}


def window_copies(
    calibration: Calibration, units: Mapping[str, int], candidate: NodeView, threshold: NodeView
) -> dict[str, float]:
    """Return by role the weight of each copy: A of the candidate's rail per A of the rail it reads.

    ``units gain / units of that rail's diode``.
    """
    gains = window_gains(calibration, candidate, threshold)
    diodes = _diodes(candidate, threshold)
    return {role: units[role] * gain / diodes[role] for role, gain in gains.items()}


def threshold_copy(copies: Mapping[str, float]) -> float:
    """Return the mean weight of the four copies of the threshold's rails (A per A, near 1)."""
    weights = [copies[part.name] for part in COPIES if part.of_threshold]
    return sum(weights) / len(weights)


def _diodes(candidate: NodeView, threshold: NodeView) -> dict[str, int]:
    """Return by role the unit devices of the diode that each copy reads."""
    return {part.name: (threshold if part.of_threshold else candidate).units for part in COPIES}
