"""Window comparator: what the copies of a threshold from the input weigh on one die.

up:   c_plus  >= up_plus b_plus + up_minus b_minus + up_opposite c_minus
down: c_minus >= down_plus b_plus + down_minus b_minus + down_opposite c_plus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mru_hw.circuits.base import Array, DeviceView
from mru_hw.circuits.legs.gains import leg_gain
from mru_hw.circuits.legs.rails import rail_factor
from mru_hw.circuits.nodes.signed import MINUS, PLUS
from mru_hw.circuits.units import PlacedView, UnitView
from mru_hw.circuits.window.gains import window_copies
from mru_hw.circuits.window.roles import COPIES
from mru_hw.technology.calibration import Calibration


def meeting_rail(weighed: Any, opposite: Any, i_q: Any) -> Any:
    """Return where a signed candidate's own rail meets a threshold and a copy of its other rail.

    ``p = w + k i_q^2 / p`` for a rail p, what the threshold weighs w and the other rail's k: plain
    arithmetic, as in `mru_hw.circuits.nodes.laws`.
    """
    return (weighed + np.sqrt(weighed * weighed + 4 * opposite * i_q * i_q)) / 2


def window_law(
    devices: DeviceView, bank: UnitView, up_copy: Array, down_copy: Array
) -> dict[str, Array]:
    """Return the weights (n_units,) above, by role; a rectified candidate has those of u alone.

    Parameters
    ----------
    up_copy, down_copy
        (n_units,) relative currents of the copies of the candidate's own rails.
    """
    if bank.window is None or bank.threshold is None:
        return {}
    candidate = devices.node(bank.candidate)
    threshold = devices.node(bank.threshold)
    nominal = window_copies(devices.calibration, bank.window, candidate, threshold)
    weights = {}
    for part in (part for part in COPIES if candidate.circuit.splits or not part.signed):
        own = up_copy if "up" in part.drains else down_copy
        source = threshold if part.of_threshold else candidate
        copied = rail_factor(devices, source, part.reads)
        own_device = devices.factor(bank.name, part.name, part.polarity)
        weights[part.name] = nominal[part.name] * own_device * copied / own
    return weights


def window_legs(
    devices: DeviceView, bank: UnitView, up_copy: Array, down_copy: Array
) -> tuple[Array, Array]:
    """Return the current (n_units,) of u's and of d's weighed side with the whole supply across it.

    Per ampere of what its copies weigh: conductance alone parts the two.
    """
    cal = devices.calibration
    up, down = cal.v_trip_up, cal.v_trip_down
    n, p = (devices.node(bank.candidate).i_rail(rail) for rail in (PLUS, MINUS))
    sink, source = leg_gain(cal, "n", up, n), leg_gain(cal, "p", down, p)
    return (
        up_copy * (sink * leg_gain(cal, "p", 0.0, p) / leg_gain(cal, "p", up, p)),
        down_copy * (source * leg_gain(cal, "n", cal.v_dd, n) / leg_gain(cal, "n", down, n)),
    )


def no_thresholds(_: PlacedView, bank: UnitView, __: Calibration) -> tuple[Array, Array]:
    """Return NaN: no bias leg sets the thresholds of a window comparator."""
    return np.full(bank.n_units, np.nan), np.full(bank.n_units, np.nan)
