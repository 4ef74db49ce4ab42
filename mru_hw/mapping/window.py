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

from mru_hw.mapping.design import Bus
from mru_hw.mapping.gains import flip_gain, leg_gain
from mru_hw.technology.calibration import Calibration


def window_gains(calibration: Calibration, candidate: Bus, threshold: Bus) -> dict[str, float]:
    """Gain of each copy over that of the copy of the candidate's own rail, by role.

    Taken, as for a fixed threshold, where the strobed gate behind the node begins to step.
    """
    up, down = calibration.v_trip_up, calibration.v_trip_down
    c, b = candidate.i_device, threshold.i_device
    sink, source = leg_gain(calibration, "n", up, c), leg_gain(calibration, "p", down, c)
    p, n = leg_gain(calibration, "p", up, b), leg_gain(calibration, "n", down, b)
    return {
        "up_plus": flip_gain(calibration, "n", b) * p / sink,
        "up_minus": p / sink,
        "up_opposite": leg_gain(calibration, "p", up, c) / sink,
        "down_plus": n / source,
        "down_minus": flip_gain(calibration, "p", b) * n / source,
        "down_opposite": leg_gain(calibration, "n", down, c) / source,
    }


def window_units(calibration: Calibration, candidate: Bus, threshold: Bus) -> dict[str, int]:
    """Return the unit devices of each copy, by role."""
    gains = window_gains(calibration, candidate, threshold)
    return {
        role: max(1, round(_diode(role, candidate, threshold) / gain))
        for role, gain in gains.items()
    }


def window_copies(
    calibration: Calibration, units: Mapping[str, int], candidate: Bus, threshold: Bus
) -> dict[str, float]:
    """Return what the copies amount to: their current over that of the copied rail, by role."""
    gains = window_gains(calibration, candidate, threshold)
    return {
        role: units[role] * gain / _diode(role, candidate, threshold)
        for role, gain in gains.items()
    }


def threshold_copy(copies: Mapping[str, float]) -> float:
    """Return what one ampere of threshold is to the candidate: the mean of its four copies."""
    return sum(copies[role] for role in ("up_plus", "up_minus", "down_plus", "down_minus")) / 4


def _diode(role: str, candidate: Bus, threshold: Bus) -> int:
    return (candidate if role.endswith("opposite") else threshold).units
