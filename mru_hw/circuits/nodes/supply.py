"""Nodes on a die: quiescent currents and what their own branches draw.

How a node's current becomes those of its rails: `mru_hw.circuits.nodes.laws`.
"""

from __future__ import annotations

import numpy as np

from mru_hw.circuits.base import Array, DeviceView, NodeView
from mru_hw.circuits.factors import node_factor, node_ratio
from mru_hw.circuits.legs.gains import node_flip
from mru_hw.circuits.nodes.bias import rest_current, split_line, splitter_factor


def quiescent(devices: DeviceView, bus: NodeView) -> Array:
    """Quiescent current [A] of each node's splitter on a die.

    The splitter's two devices and the reference chain's close a translinear loop, so only half of
    each logarithmic mismatch counts. `Calibration.rest` is what the chain's drain voltages make of
    it; where the supply is too low for the chain, next to nothing is left.
    """
    own = splitter_factor(devices, bus)
    source, reference = split_line(devices)
    nominal = rest_current(devices.calibration, bus, devices.i_lsb)
    return nominal * source * np.sqrt(own / reference)


def node_supply(devices: DeviceView, bus: NodeView) -> tuple[Array, Array]:
    """Supply current of a node's own branches per ampere of its plus and of its minus rail.

    Legs are counted with their connection. The diode of a PMOS rail hangs on the supply, and so
    does every copy into a diode of the other polarity.
    """
    drawn = {"plus": np.zeros(bus.size), "minus": np.zeros(bus.size)}
    for sign, (own, flip) in node_branches(devices, bus).items():
        drawn[sign] = own + flip
    return drawn["plus"], drawn["minus"]


def node_branches(devices: DeviceView, bus: NodeView) -> dict[str, tuple[Array, Array]]:
    """Return by sign what the supply gives per ampere of the own diode, and of what a flip copies.

    See `mru_hw.circuits.legs.leakage.branch_supply`.
    """
    found = {}
    for sign in bus.circuit.signs:
        own = np.full(bus.size, 1.0 if bus.circuit.direct(sign) == "p" else 0.0)
        flip = np.zeros(bus.size)
        if bus.circuit.copied:
            ratio = node_ratio(bus, sign) * node_factor(devices, bus, bus.circuit.copies(sign))
            ratio = ratio / node_factor(devices, bus, bus.circuit.diodes(bus.circuit.own(sign)))
            flip = ratio * node_flip(devices.calibration, bus, sign)
        found[sign] = own, flip
    return found
