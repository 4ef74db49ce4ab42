"""Mirrors: the gate rails of a node and the legs that copy them.

A leg of m units off a diode of n units carries ``m/n`` of the diode's current, times the
systematic gain of its path (`mru_hw.circuits.legs.gains`) and the relative currents of the devices
on it. A rail of the other polarity passes a copy and a second diode.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array, DeviceView, LegsView, NodeView, rail_of
from mru_hw.circuits.factors import node_factor
from mru_hw.circuits.legs.gains import path_gains
from mru_hw.circuits.legs.roles import LEGS
from mru_hw.circuits.units import UnitRole, UnitView


def rail_factor(
    devices: DeviceView,
    bus: NodeView,
    role: str,
    *,
    own: Array | float = 1.0,
    current: Array | float | None = None,
) -> Array:
    """Return the mismatch factor (n_nodes,) from a node's current to the rail that a role reads.

    1 is nominal. Legs on the direct rail divide by the factor of its diode, ``1 / d``; legs behind
    a flip have the flip's copy and its diode on the path too, ``f / (d d_f)``.

    Parameters
    ----------
    own
        Factor of the device that reads the rail, to have it included.
    current
        As in `DeviceView.factor`, of the diode that the node's current flows through.
    """
    circuit, rail = bus.circuit, rail_of(role)
    sign, _ = rail
    diode = node_factor(devices, bus, circuit.diodes(circuit.own(sign)), current=current)
    if not circuit.moves:  # the bias rail, whose current is the reference's
        diode = diode / (1.0 + devices.reference)
    if rail == circuit.own(sign):
        return own / diode
    copied = own * node_factor(devices, bus, circuit.copies(sign))
    return copied / diode / node_factor(devices, bus, circuit.diodes(rail))


def copied_factor(
    devices: DeviceView,
    units: UnitView,
    part: UnitRole,
    *,
    current: Array | float | None = None,
) -> Array:
    """Return the mismatch factor (n_units,) from a node's current to its copy inside units.

    Parameters
    ----------
    current
        As in `rail_factor`.
    """
    read = units.threshold if part.of_threshold and units.threshold else units.candidate
    own = devices.factor(units.name, part.name, part.polarity)
    return rail_factor(devices, devices.node(read), part.reads, own=own, current=current)


def leg_weights(devices: DeviceView, connection: LegsView) -> dict[str, Array]:
    """Return, per role, the gain (n_target, n_source) of its legs: amperes per ampere."""
    source, target = (devices.node(name) for name in connection.ends)
    gains = path_gains(devices.calibration, source, target)
    weights = {}
    for leg, units in connection.legs():
        if leg.role in gains and units.any():
            own = devices.factor(connection.parameter, leg.role, leg.polarity)
            common = rail_factor(devices, source, leg.role)[..., None, :]
            weights[leg.role] = units * (gains[leg.role] / source.units) * own * common
    return weights


def supply_sum(weights: dict[str, Array], rail: str, n_source: int) -> Array:
    """Supply current (n_source,) that the legs draw per ampere of a source's rail.

    Only legs that source current hang on the supply; what a sinking leg takes was sourced
    elsewhere and is counted there.
    """
    drawn = np.zeros(n_source)
    for leg in LEGS:
        if leg.rail == rail and leg.flow > 0 and leg.role in weights:
            drawn = weights[leg.role].sum(axis=-2)
    return drawn
