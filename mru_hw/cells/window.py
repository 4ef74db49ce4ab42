"""Window comparator: what the copies of a threshold from the input weigh on one die.

up:   c_plus  >= up_plus b_plus + up_minus b_minus + up_opposite c_minus
down: c_minus >= down_plus b_plus + down_minus b_minus + down_opposite c_plus
"""

from __future__ import annotations

from mru_hw.cells.base import Array, Devices
from mru_hw.cells.rails import rail_factor
from mru_hw.mapping.design import Bank, Design, DeviceGroup, window_roles
from mru_hw.mapping.gains import leg_gain
from mru_hw.mapping.window import window_copies

# Which rail a copy reads and what it does with it.
COPIED = {
    "up_plus": "source_plus",
    "up_minus": "source_minus",
    "up_opposite": "source_minus",
    "down_plus": "sink_plus",
    "down_minus": "sink_minus",
    "down_opposite": "sink_plus",
}


def window_law(devices: Devices, bank: Bank, up_copy: Array, down_copy: Array) -> dict[str, Array]:
    """Return the weights (n_units,) above, by role; a rectified candidate has those of u alone.

    Parameters
    ----------
    up_copy, down_copy
        (n_units,) relative currents of the copies of the candidate's own rails.
    """
    if bank.window is None or bank.threshold is None:
        return {}
    candidate = devices.design.buses[bank.candidate]
    threshold = devices.design.buses[bank.threshold]
    nominal = window_copies(devices.calibration, bank.window, candidate, threshold)
    weights = {}
    for role in window_roles(candidate):
        polarity, own = ("p", up_copy) if role.startswith("up") else ("n", down_copy)
        source = candidate if role.endswith("opposite") else threshold
        copied = rail_factor(devices, source, COPIED[role])
        own_device = devices.factor(f"bank{bank.layer}", role, polarity)
        weights[role] = nominal[role] * own_device * copied / own
    return weights


def window_legs(
    devices: Devices, bank: Bank, up_copy: Array, down_copy: Array
) -> tuple[Array, Array]:
    """Return the current (n_units,) of u's and of d's weighed side with the whole supply across it.

    Per ampere of what its copies weigh: conductance alone parts the two.
    """
    cal = devices.calibration
    up, down = cal.v_trip_up, cal.v_trip_down
    i = devices.design.buses[bank.candidate].i_device
    sink, source = leg_gain(cal, "n", up, i), leg_gain(cal, "p", down, i)
    return (
        up_copy * (sink * leg_gain(cal, "p", 0.0, i) / leg_gain(cal, "p", up, i)),
        down_copy * (source * leg_gain(cal, "n", cal.v_dd, i) / leg_gain(cal, "n", down, i)),
    )


def bank_copies(design: Design, bank: Bank) -> list[tuple[DeviceGroup, str, str]]:
    """List a bank's devices that read a rail: the group, the rail's bus, the role of a leg."""
    reads = {
        "up_copy": "sink_plus",
        "down_copy": "source_minus",
        "copy_plus": "source_plus",
        "copy_minus": "sink_minus",
    }
    found = []
    for group in bank_groups(design, bank):
        role = group.key[1]
        if role in reads:
            found.append((group, bank.candidate, reads[role]))
        elif role in COPIED:
            opposite = role.endswith("opposite")
            bus = bank.candidate if opposite or bank.threshold is None else bank.threshold
            found.append((group, bus, COPIED[role]))
    return found


def bank_groups(design: Design, bank: Bank) -> list[DeviceGroup]:
    """List a bank's devices."""
    return [g for g in design.device_groups() if g.key[0] == f"bank{bank.layer}"]
