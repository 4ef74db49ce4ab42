"""Mirrors: the gate rails of a node and the legs that copy them.

A leg of m units off a diode of n units carries ``m/n`` of the diode's current, times the
systematic gain of its path (`mru_hw.circuits.legs.gains`) and the relative currents of the devices
on it. A rail of the other polarity passes a copy and a second diode.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array, DeviceView, LegsView, NodeView, rail_of
from mru_hw.circuits.legs.gains import path_gains


def rail_factor(devices: DeviceView, bus: NodeView, role: str) -> Array:
    """Return the mismatch factor (n_nodes,) from a node's current to the rail that a role reads.

    1 is nominal. Legs on the direct rail divide by the factor of its diode, ``1 / d``; legs behind
    a flip have the flip's copy and its diode on the path too, ``f / (d d_f)``.
    """
    rail, wanted = rail_of(role)
    direct = bus.circuit.direct(rail)
    diode = devices.factor(bus.name, f"diode_{rail}", direct)
    if direct == wanted:
        return 1.0 / diode
    copy = devices.factor(bus.name, f"flip_{rail}", direct)
    return copy / diode / devices.factor(bus.name, f"flip_{rail}_diode", wanted)


def leg_weights(devices: DeviceView, connection: LegsView) -> dict[str, Array]:
    """Return, per role, the gain (n_target, n_source) of its legs: amperes per ampere."""
    source, target = (devices.node(name) for name in connection.ends)
    gains = path_gains(devices.calibration, source, target)
    weights = {}
    for leg, units in connection.legs():
        if leg.role in gains and units.any():
            own = devices.factor(connection.parameter, leg.role, leg.device[0])
            common = rail_factor(devices, source, leg.role)[..., None, :]
            weights[leg.role] = units * (gains[leg.role] / source.units) * own * common
    return weights


def supply_sum(weights: dict[str, Array], rail: str, n_source: int) -> Array:
    """Supply current (n_source,) that the legs draw per ampere of a source's rail.

    Only legs that source current hang on the supply; what a sinking leg takes was sourced
    elsewhere and is counted there.
    """
    for role, leg in weights.items():
        if role == f"source_{rail}":
            drawn: Array = leg.sum(axis=-2)
            return drawn
    return np.zeros(n_source)
